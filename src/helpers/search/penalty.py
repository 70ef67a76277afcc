"""The paper's search for a whole batch: minimise c|r| + loss(x + r, l) in the box.

The weight c is found by a line search for each image.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers import lbfgsb
from helpers.search.adversarial import Nearest, lead

# The first c, as a part of the length of the loss' gradient at the original; at the minimiser they
# would be equal.
FIRST = 0.2
# By which c grows after a success and shrinks after a failure until it has been bracketed; from
# then on it is bisected geometrically.
FACTOR = 3.0
HISTORY = 5  # curvature pairs
TOLERANCE = 1e-3  # on the projected gradient of |r| + loss / c, pixel by pixel


def search(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    margin: Tensor,
    *,
    steps: int,
    iterations: int,
) -> Nearest:
    """The nearest success among the minimisers for `steps` values of c.

    Each is found by at most `iterations` steps of L-BFGS; without a success, the last one is
    returned. images: [b, C, H, W] in [0, 1]. targets: int64 [b]. margin: [b], by how much the
    target's logit must lead to be a success. Section 4.1 of Szegedy et al. (2014).
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
        # The next minimiser is near the nearest success: a run from there is short.
        start = torch.where(length.isfinite()[:, None], best, minimum.x)
        # More weight on |r| gives a shorter r, so the largest c that succeeds is searched for.
        low, high = torch.where(success, c, low), torch.where(success, high, c)
        c = torch.where(
            (low > 0) & high.isfinite(),
            (low * high).sqrt(),
            torch.where(success, c * FACTOR, c / FACTOR),
        )
    return Nearest(start, length.isfinite(), evaluations)


def _slope(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """The length of the loss' gradient at each image, [b]."""
    _, gradient = _loss(model, images.flatten(1), images.shape, targets)
    return gradient.norm(dim=1).clamp(min=torch.finfo(images.dtype).tiny)


def _loss(model: nn.Module, x: Tensor, shape: torch.Size, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy with the target of each row, [b], and its gradient, [b, n]."""
    with torch.enable_grad():
        point = x.detach().reshape(-1, *shape[1:]).requires_grad_()
        loss = functional.cross_entropy(model(point), targets, reduction="none")
        (gradient,) = torch.autograd.grad(loss.sum(), point)
    return loss.detach(), gradient.flatten(1)


def _objective(model: nn.Module, images: Tensor, targets: Tensor, c: Tensor) -> lbfgsb.Function:
    """|r| + cross-entropy(x + r, target) / c, for lbfgsb.minimize.

    It has the same minimiser as c|r| + cross-entropy and a slope near 1, whatever c: one tolerance
    suits all.
    """
    origins = images.flatten(1)

    def objective(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = _loss(model, x, images.shape, targets[rows])
        change = x - origins[rows]
        length, weight = change.norm(dim=1), 1 / c[rows]
        # |r| has no gradient at r = 0; zero is one of its subgradients there.
        unit = change / length.clamp(min=1e-12)[:, None]
        return length + weight * loss, weight[:, None] * gradient + unit

    return objective
