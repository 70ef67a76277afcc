"""Certified radii: lengths of a change within which no adversarial image exists, by bounds on the network around each image."""

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import check, threads
from helpers.certify import enclosure
from helpers.certify.ball import Ball
from helpers.certify.enclosure import Network
from helpers.spectral import jacobian

ROUNDS = 100  # radii tried for an image, at most
LESSONS = 8  # images from which is learned where the search for the others starts
EDGE = 0.05  # of a bracket, at each end: no radius is tried there
LEAST_POWER = 0.1  # at which a margin is taken to fall


@dataclass(frozen=True)
class Found:
    """What a search found for a batch, each [b]: the radius, also as a share of the first-order one, the margin's power there, the bounds computed.

    ended: whether every bracket is as narrow as was asked.
    """

    radius: Tensor
    share: Tensor
    power: Tensor
    evaluations: Tensor
    ended: bool


@dataclass(frozen=True)
class Guide:
    """Where a search for the radius starts: at `share` of the first-order radius, for a margin that falls like the radius to the `power`."""

    share: float = 1.0
    power: float = 1.5

    @staticmethod
    def of(parts: Sequence[Found]) -> "Guide":
        """The medians of what was found, where an image has a certified radius."""
        found = [
            (part.share[proved], part.power[proved])
            for part in parts
            if (proved := part.radius > 0).any()
        ]
        return Guide(*(torch.cat(values).median().item() for values in zip(*found, strict=True)))


@dataclass(frozen=True)
class Certified:
    """radius: float64 [N]; every image of [0, 1] nearer than this (l2) to its original has the original's label. 0 for a misclassified image."""

    radius: Tensor
    evaluations: Tensor  # int64 [N], bounds computed on the image's behalf


def certified_radius(
    model: nn.Module, images: Tensor, labels: Tensor, *, tolerance: float = 1e-2
) -> Certified:
    """A radius for each image within which no change in [0, 1] alters the class: a lower bound of the nearest adversarial distance.

    model: a chain of Linear, Conv2d, Sigmoid, ReLU and MaxPool2d (without overlap) in eval mode. images: [N, C, H, W] in [0, 1].
    labels: int64 [N]. tolerance: these bounds fail at a radius of at most 1 / (1 - tolerance) times this one; for a linear model that
    is as near to the exact distance. Every activation is enclosed by lines over the values that it can take in the ball cut with
    the box; the logits' differences are carried back through them to the pixels, where they are minimised, to about 1e-6. In
    float64, true up to its rounding.
    Raises ValueError for bad images or labels, or a model without known relaxation. Sources: Zhang et al. (2018), CROWN, for the
    relaxations; the use of the box is ours.
    """
    check.images(images)
    classes = check.model(model, images) if len(images) else None
    check.labels(labels, len(images), classes)
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance: need a number in (0, 1), got {tolerance}")
    if not len(images):
        return Certified(images.new_zeros(0).double(), labels.clone())
    network = Network.of(model, tuple(images.shape[1:]))
    batches = list(
        zip(images.double().split(network.batch), labels.split(network.batch), strict=True)
    )
    first, parts = -(-LESSONS // network.batch), list[Found]()
    for some in (batches[:first], batches[first:]):
        search = functools.partial(_radii, network, tolerance=tolerance, guide=Guide.of(parts))
        parts += threads.each(search, some, images.device)
    if not all(part.ended for part in parts):
        warnings.warn(
            f"{ROUNDS} radii were tried, and the largest one proved may be off by more than the tolerance",
            stacklevel=2,
        )
    return Certified(
        torch.cat([part.radius for part in parts]), torch.cat([part.evaluations for part in parts])
    )


def _radii(
    network: Network, batch: tuple[Tensor, Tensor], *, tolerance: float, guide: Guide
) -> Found:
    """The certified radii of a batch.

    A secant search for the radius at which the least margin is zero, in logarithms: the fraction of the original's margin that is lost grows
    like a power of the radius, and is 1 at the root. The next radius lies a little beyond the estimated root, as seen from the nearer end of the
    bracket, so that it closes from both ends.
    """
    images, labels = batch
    farthest = images[0].numel() ** 0.5
    start, linearised = _first_order(network, images, labels)
    good, bad = (
        torch.zeros_like(start),
        torch.full_like(start, torch.inf),
    )  # the largest radius proved, the smallest one that was not
    guess, power = (
        (guide.share * linearised).clamp(max=farthest),
        torch.full_like(start, guide.power),
    )
    before, lost_before = torch.full_like(start, torch.nan), torch.full_like(start, torch.nan)
    evaluations = torch.zeros_like(labels)

    def undecided() -> Tensor:
        return ((start > 0) & (good < (1 - tolerance) * bad) & (good < farthest)).nonzero()[:, 0]

    for _ in range(ROUNDS):
        rows = undecided()
        if not len(rows):
            break
        least = enclosure.margins(network, Ball(images[rows], guess[rows]), labels[rows]).amin(
            dim=1
        )
        evaluations[rows] += 1
        good[rows], bad[rows] = (
            torch.where(least > 0, guess[rows], good[rows]),
            torch.where(least > 0, bad[rows], guess[rows]),
        )
        lost = (1 - least / start[rows]).clamp(min=torch.finfo(least.dtype).eps).log()
        secant = (lost - lost_before[rows]) / (guess[rows] / before[rows]).log()
        power[rows] = torch.where((secant > LEAST_POWER) & secant.isfinite(), secant, power[rows])
        before[rows], lost_before[rows] = guess[rows], lost
        root = before * (-lost_before / power).exp()
        beyond = torch.where(root - good < bad - root, 1 + tolerance / 3, 1 - tolerance / 3)
        edge = torch.where(bad.isfinite(), EDGE * (bad - good), 0.0)
        guess = torch.minimum(
            torch.maximum(root * beyond, good + edge), (bad - edge).clamp(max=farthest)
        )
    return Found(
        good,
        good / linearised.clamp(min=torch.finfo(good.dtype).tiny),
        power,
        evaluations,
        ended=not len(undecided()),
    )


def _first_order(network: Network, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The least margin at the images themselves, [b], and the radius at which the linearised network would change its class, [b]."""
    logits, slopes = network.model(images), jacobian.jacobians(network.model, images)
    rivals = torch.arange(logits.shape[1], device=labels.device) != labels[:, None]
    lead = (logits.gather(1, labels[:, None]) - logits)[rivals].view(len(labels), -1)
    steepness = (
        (slopes[torch.arange(len(labels)), labels][:, None] - slopes)[rivals]
        .view(*lead.shape, -1)
        .norm(dim=2)
    )
    distance = (lead / steepness.clamp(min=torch.finfo(lead.dtype).tiny)).amin(dim=1)
    return lead.amin(dim=1), distance.clamp(min=0, max=images[0].numel() ** 0.5)
