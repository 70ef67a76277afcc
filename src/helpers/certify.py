"""Certified radii: lengths of a change within which no adversarial image exists, by bounds on the network around each image."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import adversarial, check, enclosure, jacobian
from helpers.ball import Ball
from helpers.enclosure import Network

ROUNDS = 100  # radii tried for an image, at most
STEEP, FAR = 3.0, 0.25  # a radius is far too large where the margin is below minus so many times the original's; then so much of it is next


@dataclass(frozen=True)
class Certified:
    """radius: float64 [N]; every image of [0, 1] nearer than this (l2) to its original has the original's label. 0 for a misclassified image."""

    radius: Tensor
    evaluations: Tensor  # int64 [N], bounds computed on the image's behalf


def certified_radius(model: nn.Module, images: Tensor, labels: Tensor, *, tolerance: float = 1e-2) -> Certified:
    """A radius for each image within which no change in [0, 1] alters the class: a lower bound of the nearest adversarial distance.

    model: a chain of Linear, Conv2d, Sigmoid, ReLU and MaxPool2d (without overlap) in eval mode. images: [N, C, H, W] in [0, 1].
    labels: int64 [N]. tolerance: the radius is within so much, relatively, of the largest that these bounds prove; for a linear
    model that is the exact distance. Every activation is enclosed by lines over the values that it can take in the ball cut with
    the box; the logits' differences are carried back through them to the pixels, where they are minimised exactly. In float64,
    true up to its rounding.
    Raises ValueError for bad images or labels, or a model without known relaxation. Sources: Zhang et al. (2018), CROWN, for the
    relaxations; the box in the last step is ours.
    """
    check.images(images)
    classes = adversarial.model(model, images) if len(images) else None
    check.labels(labels, len(images), classes)
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance: need a number in (0, 1), got {tolerance}")
    if not len(images):
        return Certified(images.new_zeros(0).double(), labels.clone())
    network = Network.of(model, tuple(images.shape[1:]))
    parts = [_radii(network, *part, tolerance) for part in zip(images.double().split(network.batch), labels.split(network.batch), strict=True)]
    return Certified(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _radii(network: Network, images: Tensor, labels: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """The certified radii of a batch, [b], and how many radii were tried for each: a false position search for where the least margin is zero.

    The next radius lies a little beyond the estimated root, as seen from the nearer end, so that the bracket closes from both ends. Where the
    last radius was far too large, its margin says nothing of the root: a fourth of it is next.
    """
    farthest = images[0].numel() ** 0.5
    good, start, guess = _first_order(network, images, labels)
    good_margin = start.clone()
    bad, bad_margin = torch.full_like(good, torch.inf), torch.full_like(good, -torch.inf)
    evaluations = torch.zeros_like(labels)
    for _ in range(ROUNDS):
        rows = ((good_margin > 0) & (good < (1 - tolerance) * bad) & (good < farthest)).nonzero()[:, 0]
        if not len(rows):
            break
        least = enclosure.margins(network, Ball(images[rows], guess[rows]), labels[rows]).amin(dim=1)
        holds = least > 0
        evaluations[rows] += 1
        good[rows], good_margin[rows] = torch.where(holds, guess[rows], good[rows]), torch.where(holds, least, good_margin[rows])
        bad[rows], bad_margin[rows] = torch.where(holds, bad[rows], guess[rows]), torch.where(holds, bad_margin[rows], least)
        root = good + (bad - good) * good_margin / (good_margin - bad_margin)
        aside = torch.where(root - good < bad - root, 1, -1) * tolerance / 3 * bad
        inside = torch.minimum(torch.maximum(root + aside, good + 0.05 * (bad - good)), bad - 0.05 * (bad - good))
        far = (bad_margin < -STEEP * start) & (FAR * bad > good)
        guess = torch.where(bad.isinf(), (2 * good).clamp(max=farthest), torch.where(far, FAR * bad, inside))
    return good, evaluations


def _first_order(network: Network, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Radius 0 with its margin [b], and the radius at which the linearised network would change its class, [b]."""
    logits, slopes = network.model(images), jacobian.jacobians(network.model, images)
    rivals = torch.arange(logits.shape[1], device=labels.device) != labels[:, None]
    lead = (logits.gather(1, labels[:, None]) - logits)[rivals].view(len(labels), -1)
    steepness = (slopes[torch.arange(len(labels)), labels][:, None] - slopes)[rivals].view(*lead.shape, -1).norm(dim=2)
    distance = (lead / steepness.clamp(min=torch.finfo(lead.dtype).tiny)).amin(dim=1)
    return torch.zeros_like(distance), lead.amin(dim=1), distance.clamp(min=0, max=images[0].numel() ** 0.5)
