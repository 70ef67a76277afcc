"""From an adversarial image to a local minimum of its distance: sequential projection on the linearised constraints, in the box."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.search import projection
from helpers.search.adversarial import lead

CORRECTIONS = 2  # projections with the same gradients and the true logits of the last point: they undo the boundary's curvature
HALVINGS = 6  # of a step that does not end on a nearer success
AIM = 1.05  # the margin that projections aim at, as a multiple of the margin that is needed
BENT = 0.02  # in margins: points whose logits are nearer than that to the linearised ones need no correction
PROGRESS = 1e-5  # relative; images that come nearer by less are done


def jacobian(model: nn.Module, images: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """The logits [b, K] and their gradients [b, K, n] at images [b, C, H, W], in the images' dtype, whatever the model's."""
    with torch.enable_grad():
        point = images.detach().to(next(model.parameters(), images).dtype).requires_grad_()
        logits = model(point)
        rows = [
            torch.autograd.grad(logits[:, k].sum(), point, retain_graph=k + 1 < classes)[0].flatten(
                1
            )
            for k in range(classes)
        ]
    return logits.detach().to(images.dtype), torch.stack(rows, dim=1).to(images.dtype)


def candidates(
    model: nn.Module, images: Tensor, labels: Tensor, *, classes: int, most: int, reach: float
) -> tuple[Tensor, Tensor]:
    """The targets worth a search, as pairs: the rows of their images [p], in order, and classes [p], at least one an image.

    The distance to class k to first order is that to the half-space where k's linearised logit reaches the prediction's, along
    the coordinates that the box leaves free. Taken are the `most` nearest classes other than the label, as far as they are within
    `reach` times the nearest. A misclassified image has one candidate, its prediction.
    """
    logits, gradients = jacobian(model, images, classes)
    rows = torch.arange(len(logits), device=logits.device)
    predicted = logits.argmax(dim=1)
    difference = gradients - gradients[rows, predicted][:, None]
    x = images.flatten(1)[:, None]
    free = torch.where(difference > 0, x < 1, x > 0)
    slope = (difference * free.to(difference.dtype)).norm(dim=2)
    gap = logits[rows, predicted][:, None] - logits
    distance = torch.where(slope > 0, gap / slope, torch.finfo(slope.dtype).max)
    distance[rows, predicted] = 0.0
    distance, order = distance.scatter(1, labels[:, None], torch.inf).sort(dim=1, stable=True)
    near = distance <= reach * distance[:, :1]
    near[:, min(most, classes - 1) :] = False
    near[:, 0] = True
    owner, place = near.nonzero(as_tuple=True)
    return owner, order[owner, place]


@dataclass(frozen=True)
class Refined:
    """The nearest images found, [b, n], and evaluations [b]."""

    x: Tensor
    evaluations: Tensor


def refine(
    model: nn.Module,
    images: Tensor,
    start: Tensor,
    targets: Tensor,
    margin: Tensor,
    *,
    gradients: nn.Module,
    classes: int,
    steps: int,
) -> Refined:
    """Come nearer to each image from a success, staying a success.

    images: [b, C, H, W] in [0, 1]. start: [b, n], images classified as their targets with the margin [b]. gradients: the same
    network, of any dtype, for the gradients alone.
    At each of at most `steps` steps the constraints "the target's logit leads every other by the margin" are linearised; the
    shortest change of the original image that satisfies them in the box is the next point where it is a nearer success, else a
    point on the way there.
    """
    origins, best = images.flatten(1), start.clone()
    evaluations = torch.zeros_like(targets)
    rows = torch.arange(len(best), device=best.device)
    for _ in range(steps):
        before = (best[rows] - origins[rows]).norm(dim=1)
        best[rows], used = _step(
            model, images[rows], best[rows], targets[rows], margin[rows], gradients, classes
        )
        evaluations[rows] += used
        rows = rows[(best[rows] - origins[rows]).norm(dim=1) < before * (1 - PROGRESS)]
        if not len(rows):
            break
    return Refined(best, evaluations)


def _step(
    model: nn.Module,
    images: Tensor,
    best: Tensor,
    targets: Tensor,
    margin: Tensor,
    gradients: nn.Module,
    classes: int,
) -> tuple[Tensor, Tensor]:
    """One linearisation, projected and corrected, then backtracking: the nearest success, [b, n], and evaluations [b]."""
    origins, nearest = images.flatten(1), best.clone()
    _, slopes = jacobian(gradients, best.reshape(images.shape), classes)
    affine = _logits(model, best, images) - _product(slopes, best - origins)  # at the origins
    evaluations, point, multipliers = torch.full_like(targets, classes + 1), best.clone(), None
    rows = torch.arange(len(best), device=best.device)  # those whose boundary still bends away
    for _ in range(1 + CORRECTIONS):
        solution = projection.project(
            origins[rows],
            slopes,
            affine,
            targets[rows],
            margin=AIM * margin[rows],
            tolerance=1e-8,
            multipliers=multipliers,
        )
        step = (
            torch.where(
                solution.solved[:, None], (origins[rows] + solution.step).clamp(0, 1), point[rows]
            )
            - origins[rows]
        )
        point[rows] = origins[rows] + step
        logits = _logits(model, point[rows], images)
        evaluations[rows] += 1
        _keep(nearest, point, origins, rows, lead(logits, targets[rows]) >= margin[rows])
        before, affine = affine, logits - _product(slopes, step)
        bent = solution.solved & ((affine - before).abs().amax(dim=1) > BENT * margin[rows])
        rows, slopes, affine, multipliers = (
            rows[bent],
            slopes[bent],
            affine[bent],
            solution.multipliers[bent],
        )
        if not len(rows):
            break
    rows = (
        (nearest == best).all(dim=1)
        & ((point - best).norm(dim=1) > PROGRESS * (best - origins).norm(dim=1))
    ).nonzero()[:, 0]
    for _ in range(HALVINGS):
        if not len(rows):
            break
        point[rows] = (point[rows] + best[rows]) / 2
        evaluations[rows] += 1
        nearer = _keep(
            nearest,
            point,
            origins,
            rows,
            lead(_logits(model, point[rows], images), targets[rows]) >= margin[rows],
        )
        rows = rows[~nearer]
    return nearest, evaluations


def _product(gradients: Tensor, change: Tensor) -> Tensor:
    """The change of the linearised logits, [b, K]."""
    return (gradients @ change[:, :, None])[:, :, 0]


def _logits(model: nn.Module, x: Tensor, images: Tensor) -> Tensor:
    """The logits [b, K] at flat points x [b, n]."""
    with torch.no_grad():
        logits: Tensor = model(x.reshape(-1, *images.shape[1:]))
    return logits


def _keep(nearest: Tensor, point: Tensor, origins: Tensor, rows: Tensor, success: Tensor) -> Tensor:
    """Replace those `rows` of `nearest`, in place, whose point is a nearer success; bool, which of the rows."""
    nearer = success & (
        (point[rows] - origins[rows]).norm(dim=1) < (nearest[rows] - origins[rows]).norm(dim=1)
    )
    nearest[rows[nearer]] = point[rows[nearer]]
    return nearer
