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
from helpers.certify.brackets import Brackets
from helpers.certify.enclosure import Network
from helpers.spectral import jacobian

ROUNDS = 100  # radii tried for an image, at most
LESSONS = 8  # images from which is learned where the search for the others starts


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


@torch.inference_mode(mode=False)
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
    images = images.detach()
    check.evaluation(model)
    check.logits(model, images)
    classes = check.model(model, images) if len(images) else None
    check.labels(labels, len(images), classes)
    check.same_device(images, labels=labels)
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
    """The certified radii of a batch."""
    images, labels = batch
    margin, linearised = _first_order(network, images, labels)
    brackets = Brackets(
        margin,
        guide.share * linearised,
        power=guide.power,
        farthest=images[0].numel() ** 0.5,
        tolerance=tolerance,
    )
    evaluations = torch.zeros_like(labels)
    for _ in range(ROUNDS):
        rows = brackets.undecided()
        if not len(rows):
            break
        ball = Ball(images[rows], brackets.proposed[rows])
        brackets.narrow(rows, enclosure.margins(network, ball, labels[rows]).amin(dim=1))
        evaluations[rows] += 1
    share = brackets.proved / linearised.clamp(min=torch.finfo(linearised.dtype).tiny)
    ended = not len(brackets.undecided())
    return Found(brackets.proved, share, brackets.power, evaluations, ended)


def _first_order(network: Network, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The least margin at the images themselves, [b], and the radius at which the linearised network would change its class, [b]."""
    logits, slopes = network.model(images), jacobian.jacobians(network.model, images)
    rivals = torch.arange(logits.shape[1], device=labels.device) != labels[:, None]
    lead = (logits.gather(1, labels[:, None]) - logits)[rivals].view(len(labels), -1)
    steepness = (
        (slopes[torch.arange(len(labels), device=labels.device), labels][:, None] - slopes)[rivals]
        .view(*lead.shape, -1)
        .norm(dim=2)
    )
    distance = (lead / steepness.clamp(min=torch.finfo(lead.dtype).tiny)).amin(dim=1)
    return lead.amin(dim=1), distance.clamp(min=0, max=images[0].numel() ** 0.5)
