"""Certified radii: lengths of a change within which no adversarial image exists.

They follow from bounds on the network around each image.
"""

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
    """What a search found for a batch of b images.

    radius: [b]. share: [b], the radius as a share of the first-order one. power: [b], at which the
    margin falls there. evaluations: [b], bounds computed. ended: whether every bracket is as narrow
    as was asked.
    """

    radius: Tensor
    share: Tensor
    power: Tensor
    evaluations: Tensor
    ended: bool


@dataclass(frozen=True)
class Guide:
    """Where a search for the radius starts.

    At `share` of the first-order radius, for a margin that falls like the radius to the `power`.
    """

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
    """Certified radii of N images.

    Attributes
    ----------
    radius : Tensor
        float64 [N]. Every image of [0, 1] nearer than this (l2) to its original has the original's
        label; 0 for a misclassified image.
    evaluations : Tensor
        int64 [N], the bounds that were computed on the image's behalf.

    Examples
    --------
    >>> Certified(torch.tensor([0.5, 0.0]), torch.tensor([7, 0])).radius.tolist()
    [0.5, 0.0]
    """

    radius: Tensor
    evaluations: Tensor


@torch.inference_mode(mode=False)
def certified_radius(
    model: nn.Module, images: Tensor, labels: Tensor, *, tolerance: float = 1e-2
) -> Certified:
    """A radius for each image within which no change in [0, 1] alters the class.

    It is a lower bound of the distance to the nearest adversarial image. Every activation is
    enclosed by lines over the values that it can take in the ball cut with the box; the logits'
    differences are carried back through them to the pixels, where they are minimised, to about
    1e-6. The largest ball in which all stay positive is searched for.

    Parameters
    ----------
    model : nn.Module
        A chain of Linear, Conv2d, Sigmoid, ReLU and MaxPool2d (without overlap), in eval mode.
    images : Tensor
        [N, C, H, W] in [0, 1], of the model's type and on its device.
    labels : Tensor
        int64 [N].
    tolerance : float
        In (0, 1). The bounds fail at a radius of at most 1 / (1 - tolerance) times the one that is
        returned; for a linear model that is as near to the exact distance.

    Returns
    -------
    Certified
        Computed in float64, for the model in float64, and true up to its rounding.

    Raises
    ------
    ValueError
        For images, labels or a tolerance out of range, a model that does not take the images, is in
        training mode or has no known relaxation.

    Warns
    -----
    UserWarning
        Where the search was cut short, so that a radius is proved but may be smaller than need be.

    References
    ----------
    Zhang et al. (2018), CROWN, for the relaxations. The use of the box is ours.

    Examples
    --------
    The logits x and 1/2 are equal at x = 1/2, at the distance 0.4 from 0.9:

    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2)).eval()
    >>> model[1].weight.data = torch.tensor([[1.0], [0.0]])
    >>> model[1].bias.data = torch.tensor([0.0, 0.5])
    >>> image, label = torch.tensor([0.9]).view(1, 1, 1, 1), torch.tensor([0])
    >>> round(certified_radius(model, image, label, tolerance=1e-6).radius.item(), 5)
    0.4
    """
    check.images(images)
    images = images.detach()
    classes = check.model(model, images) if len(images) else None
    check.labels(labels, len(images), classes)
    check.same_device(images, labels=labels)
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance: need a number in (0, 1), got {tolerance}")
    if not len(images):
        return Certified(images.new_zeros(0).double(), labels.clone())
    network = Network.of(model, tuple(images.shape[1:]))
    # The first few images teach where the search for the others best starts.
    batches = list(
        zip(images.double().split(network.batch), labels.split(network.batch), strict=True)
    )
    first, parts = -(-LESSONS // network.batch), list[Found]()
    for some in (batches[:first], batches[first:]):
        search = functools.partial(_radii, network, tolerance=tolerance, guide=Guide.of(parts))
        parts += threads.each(search, some, images.device)
    if not all(part.ended for part in parts):
        warnings.warn(
            f"{ROUNDS} radii were tried, and the largest one proved may be off by more than the "
            "tolerance",
            stacklevel=3,  # 2 is the decorator that leaves inference mode
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
    """The least margin [b] at the images themselves, and the first-order radius [b].

    The latter is the distance at which the linearised network would change its class.
    """
    logits, slopes = network.model(images), jacobian.jacobians(network.model, images)
    rows = torch.arange(len(labels), device=labels.device)
    rivals = torch.arange(logits.shape[1], device=labels.device) != labels[:, None]
    lead = (logits.gather(1, labels[:, None]) - logits)[rivals].view(len(labels), -1)
    differences = (slopes[rows, labels][:, None] - slopes)[rivals].view(*lead.shape, -1)
    steepness = differences.norm(dim=2)
    # A rival whose logit moves with the label's is never reached: a distance without bound.
    distance = (lead / steepness.clamp(min=torch.finfo(lead.dtype).tiny)).amin(dim=1)
    return lead.amin(dim=1), distance.clamp(min=0, max=images[0].numel() ** 0.5)
