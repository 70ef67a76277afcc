"""The paper's search for a whole batch: minimise c|r| + loss(x + r, l) in the box, with a line search over c for each image."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers import lbfgsb
from helpers.search.adversarial import lead

FIRST = 0.2  # the first c, as a part of the length of the loss' gradient at the original; at the minimiser they would be equal
FACTOR = 3.0  # by which c grows after a success and shrinks after a failure until it has been bracketed; bisected geometrically from then on
HISTORY = 5  # curvature pairs
TOLERANCE = 1e-3  # on the projected gradient of |r| + loss / c, pixel by pixel


@dataclass(frozen=True)
class Found:
    """The nearest images found, [b, n], in the box; bool [b], whether they are successes (the last minimiser otherwise); evaluations [b]."""

    x: Tensor
    success: Tensor
    evaluations: Tensor


def search(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    margin: Tensor,
    *,
    steps: int,
    iterations: int,
) -> Found:
    """The nearest success among the minimisers for `steps` values of c, each found by at most `iterations` steps of L-BFGS.

    images: [b, C, H, W] in [0, 1]. targets: int64 [b]. margin: [b], by how much the target's logit must lead to be a success.
    The largest c that succeeds is searched for image by image: more weight on |r| gives a shorter r. Each run starts from the
    nearest success so far. Section 4.1 of Szegedy et al. (2014).
    """
    origins = images.flatten(1)
    c, length = FIRST * _slope(model, images, targets), torch.full_like(margin, torch.inf)
    low, high = torch.zeros_like(c), torch.full_like(c, torch.inf)
    start, best = origins.clone(), origins.clone()
    evaluations = torch.ones_like(targets)
    for _ in range(steps):
        minimum = lbfgsb.minimize(
            _objective(model, images, targets, c),
            start,
            0.0,
            1.0,
            history=HISTORY,
            max_iterations=iterations,
            tolerance=TOLERANCE,
        )
        with torch.no_grad():
            success = lead(model(minimum.x.reshape(images.shape)), targets) >= margin
        evaluations += minimum.evaluations + 1
        distance = (minimum.x - origins).norm(dim=1)
        nearer = success & (distance < length)
        best[nearer], length[nearer] = minimum.x[nearer], distance[nearer]
        start = torch.where(length.isfinite()[:, None], best, minimum.x)
        low, high = torch.where(success, c, low), torch.where(success, high, c)
        c = torch.where(
            (low > 0) & high.isfinite(),
            (low * high).sqrt(),
            torch.where(success, c * FACTOR, c / FACTOR),
        )
    return Found(start, length.isfinite(), evaluations)


def _slope(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """The length of the loss' gradient at each image, [b]."""
    _, gradient = _loss(model, images.flatten(1), images.shape, targets)
    return gradient.norm(dim=1).clamp(min=torch.finfo(images.dtype).tiny)


def _loss(model: nn.Module, x: Tensor, shape: torch.Size, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy with the target of each row and its gradient."""
    with torch.enable_grad():
        point = x.detach().reshape(-1, *shape[1:]).requires_grad_()
        loss = functional.cross_entropy(model(point), targets, reduction="none")
        (gradient,) = torch.autograd.grad(loss.sum(), point)
    return loss.detach(), gradient.flatten(1)


def _objective(model: nn.Module, images: Tensor, targets: Tensor, c: Tensor) -> lbfgsb.Function:
    """|r| + cross-entropy(x + r, target) / c, which has the same minimiser and a slope near 1, for lbfgsb.minimize."""
    origins = images.flatten(1)

    def objective(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = _loss(model, x, images.shape, targets[rows])
        change = x - origins[rows]
        length, weight = change.norm(dim=1), 1 / c[rows]
        return length + weight * loss, weight[:, None] * gradient + change / length.clamp(
            min=1e-12
        )[:, None]

    return objective
