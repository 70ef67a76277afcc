"""D(x, l) of a linear classifier, exactly: a convex quadratic programme for each image, solved by its dual for the whole batch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from helpers import check
from helpers.search import adversarial, projection
from helpers.search.adversarial import Adversarial

CHUNK = 256  # images solved together: bounds the memory
SLACK = (
    1e-8  # the part of its lead that a solution is moved inside, so that rounding leaves it inside
)


@dataclass(frozen=True)
class Exact(Adversarial):
    """An Adversarial whose images and lengths are float64, with its certificate.

    gap: [N], the duality gap relative to the optimum, (|r|^2 / 2 - dual) / (|r|^2 / 2): the returned r is at most that much longer,
    in squared length, than the shortest. inf without success.
    """

    gap: Tensor


def minimum_distortion(
    weight: Tensor, bias: Tensor, images: Tensor, targets: Tensor, *, margin: Tensor | float = 0.0
) -> Exact:
    """The nearest image within [0, 1] that the linear classifier weight @ x + bias assigns to its target.

    weight: [K, n]. bias: [K]. images: [N, C, H, W] in [0, 1], CHW = n. targets: int64 [N]. margin: by how much the target's logit
    must lead every other, a number or [N]. Works in float64. An image is a success unless no image in the box is classified as its target.
    Raises ValueError for shapes that do not fit, values outside their range, and weights or biases that are not finite.
    Source: the definition of D(x, l) in section 4.1 of Szegedy et al. (2014), which is convex here.
    """
    check.images(images)
    if (
        weight.ndim != 2
        or (len(images) and weight.shape[1] != images[0].numel())
        or bias.shape != weight.shape[:1]
    ):
        raise ValueError(
            f"weight, bias: need [K, n] and [K] for images of n pixels, got {list(weight.shape)} and {list(bias.shape)}"
        )
    if not (weight.isfinite().all() and bias.isfinite().all()):
        raise ValueError("weight, bias: need finite values, got NaN or infinity")
    check.labels(targets, len(images), len(weight), argument="targets")
    weight, bias, originals = (
        weight.detach().double(),
        bias.detach().double(),
        images.detach().double(),
    )
    if not len(images):
        empty = images.new_zeros(0).double()
        return Exact(originals, targets, targets.bool(), empty, empty, targets, empty)
    margins = torch.as_tensor(margin, dtype=torch.float64, device=images.device).expand(len(images))
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
    dual = solution.dual - slack * solution.multipliers.sum(
        dim=1
    )  # the same multipliers without the slack
    gap = torch.where(primal > 0, (primal - dual) / primal, 0.0)
    inside = adversarial.lead(found @ weight.T + bias, targets) >= margin
    return found, torch.where(solution.solved & inside, gap, torch.inf)
