"""D(x, l) of a linear classifier, exactly.

It is a convex quadratic programme for each image, solved by its dual for the whole batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from helpers import check
from helpers.search import adversarial, projection
from helpers.search.adversarial import Adversarial

CHUNK = 256  # images solved together: bounds the memory
# The part of its lead that a solution is moved inside, so that rounding leaves it inside.
SLACK = 1e-8


@dataclass(frozen=True)
class Exact(Adversarial):
    """An `Adversarial` whose images and lengths are float64, with its certificate.

    Attributes
    ----------
    gap : Tensor
        The duality gap relative to the optimum, ``(|r|^2 / 2 - dual) / (|r|^2 / 2)``, [N]: the
        returned r is at most that much longer, in squared length, than the shortest. inf without
        success.

    Examples
    --------
    >>> weight, bias = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]), torch.zeros(2)
    >>> images = torch.tensor([0.2, 0.6]).view(1, 1, 1, 2)
    >>> found = minimum_distortion(weight, bias, images, torch.tensor([1]))
    >>> found.success.item(), found.gap.item() < 1e-6
    (True, True)
    """

    gap: Tensor


def minimum_distortion(
    weight: Tensor, bias: Tensor, images: Tensor, targets: Tensor, *, margin: Tensor | float = 0.0
) -> Exact:
    """Find the nearest image within [0, 1] that a linear classifier assigns to its target.

    The classifier's logits are ``weight @ x + bias``. Works in float64. An image is a success
    unless no image in the box is classified as its target.

    Parameters
    ----------
    weight : Tensor
        The classifier's weights, [K, n], K at least 2.
    bias : Tensor
        Its biases, [K].
    images : Tensor
        Images [N, C, H, W] in [0, 1], CHW = n.
    targets : Tensor
        The classes to reach, int64 [N].
    margin : Tensor or float
        By how much the target's logit must lead every other, in logits: a number or [N].

    Returns
    -------
    Exact
        One image for each, with its distance, without a graph.

    Raises
    ------
    ValueError
        For shapes that do not fit, values outside their range, weights, biases or margins that are
        not finite, and tensors on another device than the images.

    References
    ----------
    The definition of D(x, l) in section 4.1 of Szegedy et al. (2014), which is convex here.

    Examples
    --------
    A classifier that says 1 where the left pixel is lighter than the right one. From (0.2, 0.6) the
    nearest image on the boundary is (0.4, 0.4):

    >>> weight, bias = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]), torch.zeros(2)
    >>> images = torch.tensor([0.2, 0.6]).view(1, 1, 1, 2)
    >>> found = minimum_distortion(weight, bias, images, torch.tensor([1]))
    >>> found.images.flatten()
    tensor([0.4000, 0.4000], dtype=torch.float64)
    >>> round(found.l2.item(), 6), round(found.distortion.item(), 6)
    (0.282843, 0.2)
    """
    check.images(images)
    check.same_device(images, weight=weight, bias=bias, targets=targets)
    _check_classifier(weight, bias, images)
    check.labels(targets, len(images), len(weight), argument="targets")
    margins = _margins(margin, images)
    weight, bias = weight.detach().double(), bias.detach().double()
    originals = images.detach().double()
    if not len(images):
        empty = originals.new_zeros(0)
        return Exact(originals, targets, targets.bool(), empty, empty, targets, empty)
    chunks = zip(
        originals.flatten(1).split(CHUNK), targets.split(CHUNK), margins.split(CHUNK), strict=True
    )
    parts = [_solve(weight, bias, *chunk) for chunk in chunks]
    found, gap = (torch.cat(part) for part in zip(*parts, strict=True))
    success = gap.isfinite()
    result = adversarial.collect(
        originals, found.reshape(originals.shape), targets, success, torch.ones_like(targets)
    )
    return Exact(**vars(result), gap=gap)


def _check_classifier(weight: Tensor, bias: Tensor, images: Tensor) -> None:
    """Raise ValueError unless these are a linear classifier's for images of their size."""
    tensors = isinstance(weight, Tensor) and isinstance(bias, Tensor)
    if (
        not tensors
        or weight.ndim != 2
        or len(weight) < 2
        or (len(images) and weight.shape[1] != images[0].numel())
        or bias.shape != weight.shape[:1]
    ):
        got = [list(value.shape) if tensors else type(value).__name__ for value in (weight, bias)]
        raise ValueError(
            "weight, bias: need [K, n] and [K] for at least 2 classes and images of n pixels, "
            f"got {got[0]} and {got[1]}"
        )
    if not (weight.isfinite().all() and bias.isfinite().all()):
        raise ValueError("weight, bias: need finite values, got NaN or infinity")


def _margins(margin: Tensor | float, images: Tensor) -> Tensor:
    """The margin of each image, float64 [N], once it is in order."""
    margins = torch.as_tensor(margin, dtype=torch.float64, device=images.device).detach()
    if margins.ndim and margins.shape != (len(images),):
        raise ValueError(
            f"margin: need a number or shape [{len(images)}], got {list(margins.shape)}"
        )
    if not margins.isfinite().all():
        raise ValueError("margin: need finite values, got NaN or infinity")
    return margins.expand(len(images))


def _solve(
    weight: Tensor, bias: Tensor, x: Tensor, targets: Tensor, margin: Tensor
) -> tuple[Tensor, Tensor]:
    """The nearest points [b, n] and their relative gaps [b], inf where there is none."""
    logits = x @ weight.T + bias
    lead = adversarial.lead(logits, targets)
    slack = SLACK * (margin - lead).clamp(min=0)
    solution = projection.project(
        x, weight, logits, targets, margin=margin + slack, tolerance=SLACK / 10
    )
    found = (x + solution.step).clamp(0, 1)
    primal = (found - x).square().sum(dim=1) / 2
    # The same multipliers bound the problem without the slack from below, by so much less.
    dual = solution.dual - slack * solution.multipliers.sum(dim=1)
    gap = torch.where(primal > 0, (primal - dual) / primal, 0.0)
    inside = adversarial.lead(found @ weight.T + bias, targets) >= margin
    return found, torch.where(solution.solved & inside, gap, torch.inf)
