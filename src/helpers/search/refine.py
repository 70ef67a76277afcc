"""From an adversarial image to a local minimum of its distance.

Sequential projection on the linearised constraints, in the box.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.search import projection
from helpers.search.adversarial import lead
from helpers.spectral import jacobian

# Projections with the same gradients and the true logits of the last point: they undo the
# boundary's curvature.
CORRECTIONS = 2
HALVINGS = 6  # of a step that does not end on a nearer success
AIM = 1.05  # the margin that projections aim at, as a multiple of the margin that is needed
# In margins: points whose logits are nearer than that to the linearised ones need no correction.
BENT = 0.02
PROGRESS = 1e-5  # relative; images that come nearer by less are done


@dataclass(frozen=True)
class Candidates:
    """The targets worth a search: p pairs of an image and a class, those of an image together."""

    owner: Tensor  # int64 [p], the images' rows, in ascending order
    targets: Tensor  # int64 [p]
    place: Tensor  # int64 [p], of the target among its image's, from 0, by distance to first order
    farther: Tensor  # [p], that distance over the first one's
    evaluations: int  # of the model, for each image


def candidates(
    model: nn.Module, images: Tensor, labels: Tensor, *, most: int, reach: float, constraints: int
) -> Candidates:
    """The targets worth a search, at least one an image.

    Taken are the `most` classes other than the label that are nearest to first order, as far as
    they are within `reach` times the nearest. Distances are found for the prediction and the
    `constraints` logits that follow it. A misclassified image has one candidate, its prediction.
    """
    with torch.no_grad():
        classes = _highest(model(images), 1 + constraints)
    logits, gradients = jacobian.linearisation(model, images, classes=classes)
    predicted, rows = logits.argmax(dim=1), torch.arange(len(logits), device=logits.device)
    distance = _to_first_order(logits, gradients, images.flatten(1), predicted)
    distance[rows, predicted] = 0.0
    distance, order = distance.masked_fill(classes == labels[:, None], torch.inf).sort(
        dim=1, stable=True
    )
    near = distance <= reach * distance[:, :1]
    near[:, min(most, classes.shape[1] - 1) :] = False
    near[:, 0] = True
    owner, place = near.nonzero(as_tuple=True)
    targets = classes[owner, order[owner, place]]
    farther = (distance / distance[:, :1])[owner, place].nan_to_num(1.0)  # a distance may be 0
    return Candidates(owner, targets, place, farther, 1 + classes.shape[1])


def _highest(score: Tensor, count: int) -> Tensor:
    """The classes of the highest scores [b, K] of each row, in ascending order, int64 [b, k]."""
    return score.topk(min(count, score.shape[1]), dim=1).indices.sort(dim=1).values


def _constrained(logits: Tensor, before: Tensor, targets: Tensor, constraints: int) -> Tensor:
    """The classes that a projection knows, int64 [b, k], in ascending order.

    They are the target and the others that come nearest to being the prediction: at the present
    point, by its logits [b, K], or at the original, by those `before`.
    """
    behind = torch.maximum(
        logits - logits.amax(dim=1, keepdim=True), before - before.amax(dim=1, keepdim=True)
    )
    return _highest(behind.scatter(1, targets[:, None], torch.inf), 1 + constraints)


def _to_first_order(logits: Tensor, gradients: Tensor, x: Tensor, predicted: Tensor) -> Tensor:
    """The distance from x [b, n] to each of the k classes whose logits are given, [b, k].

    It is that to the half-space where the class' linearised logit reaches the prediction's, along
    the coordinates that the box leaves free.
    """
    rows = torch.arange(len(logits), device=logits.device)
    difference = gradients - gradients[rows, predicted][:, None]
    free = torch.where(difference > 0, x[:, None] < 1, x[:, None] > 0)
    slope = (difference * free.to(difference.dtype)).norm(dim=2)
    gap = logits[rows, predicted][:, None] - logits
    # A class that is out of reach is farther than all others; infinity is left for the label.
    return torch.where(slope > 0, gap / slope, torch.finfo(slope.dtype).max)


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
    steps: int,
    constraints: int,
) -> Refined:
    """Come nearer to each image from a success, staying a success.

    images: [b, C, H, W] in [0, 1]. start: [b, n], images classified as their targets with the
    margin [b]. gradients: the same network, of any dtype, for the gradients alone.
    At each of at most `steps` steps the constraints "the target's logit leads every other by the
    margin" are linearised; the shortest change of the original image that satisfies them in the box
    is the next point where it is a nearer success, else a point on the way there. Only so many
    `constraints` are taken, those of the highest logits; what is a success all classes decide.
    """
    origins, best = images.flatten(1), start.clone()
    with torch.no_grad():
        logits = model(images)
    evaluations = torch.ones_like(targets)
    rows = torch.arange(len(best), device=best.device)
    for _ in range(steps):
        before = (best[rows] - origins[rows]).norm(dim=1)
        step = _Step.at(model, images[rows], best[rows], targets[rows], margin[rows])
        _correct(step, gradients, logits[rows], constraints)
        _backtrack(step)
        best[rows] = step.nearest
        evaluations[rows] += step.evaluations
        rows = rows[(best[rows] - origins[rows]).norm(dim=1) < before * (1 - PROGRESS)]
        if not len(rows):
            break
    return Refined(best, evaluations)


@dataclass
class _Step:
    """One step of b images: what is given, and in place what has come of it so far."""

    model: nn.Module  # decides what is a success
    shape: torch.Size  # [C, H, W]
    origins: Tensor  # [b, n]
    best: Tensor  # [b, n], the successes from which the step starts
    targets: Tensor  # int64 [b]
    margin: Tensor  # [b]
    point: Tensor  # [b, n], the last points tried
    nearest: Tensor  # [b, n], the nearest successes so far
    evaluations: Tensor  # int64 [b], of the model

    @staticmethod
    def at(
        model: nn.Module, images: Tensor, best: Tensor, targets: Tensor, margin: Tensor
    ) -> "_Step":
        """A step that has not gone anywhere yet."""
        return _Step(
            model,
            images.shape[1:],
            images.flatten(1),
            best,
            targets,
            margin,
            point=best.clone(),
            nearest=best.clone(),
            evaluations=torch.zeros_like(targets),
        )

    def judge(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The true logits at the points of r rows, [r, K], and which become the nearest, bool [r].

        Those are the successes that are nearer than all before.
        """
        point, origins = self.point[rows], self.origins[rows]
        with torch.no_grad():
            logits: Tensor = self.model(point.reshape(-1, *self.shape))
        self.evaluations[rows] += 1
        nearer = (point - origins).norm(dim=1) < (self.nearest[rows] - origins).norm(dim=1)
        nearer &= lead(logits, self.targets[rows]) >= self.margin[rows]
        self.nearest[rows[nearer]] = point[nearer]
        return logits, nearer


def _correct(step: _Step, gradients: nn.Module, before: Tensor, constraints: int) -> None:
    """Project the originals on the linearised constraints, in place, and correct the points.

    gradients: the network, for the Jacobian's rows at the starts. before: [b, K], the logits of the
    originals. A correction projects again with the same slopes and the true logits of the last
    point.
    """
    rows = torch.arange(len(before), device=before.device)  # whose boundary still bends away
    logits, _ = step.judge(rows)
    classes = _constrained(logits, before, step.targets, constraints)
    slopes = _slopes(gradients, step.best.reshape(-1, *step.shape), classes)
    step.evaluations += classes.shape[1]
    # The affine functions' values at the originals.
    affine = logits.gather(1, classes) - _product(slopes, step.best - step.origins)
    multipliers = None
    for _ in range(1 + CORRECTIONS):
        origins, margin = step.origins[rows], step.margin[rows]
        solution = projection.project(
            origins,
            slopes,
            affine,
            _place(step.targets[rows], classes),
            margin=AIM * margin,
            tolerance=1e-8,
            multipliers=multipliers,
        )
        projected = (origins + solution.step).clamp(0, 1)
        change = torch.where(solution.solved[:, None], projected, step.point[rows]) - origins
        step.point[rows] = origins + change
        last, affine = affine, step.judge(rows)[0].gather(1, classes) - _product(slopes, change)
        # Where the boundary is flat enough, a correction would lead to the same point.
        bent = solution.solved & ((affine - last).abs().amax(dim=1) > BENT * margin)
        rows, classes, slopes, affine = rows[bent], classes[bent], slopes[bent], affine[bent]
        multipliers = solution.multipliers[bent]
        if not len(rows):
            break


def _backtrack(step: _Step) -> None:
    """Halve the way from the last points to the starts, in place, until there is a nearer success.

    Only for images that have none yet, and whose points are away from their starts at all.
    """
    far = (step.point - step.best).norm(dim=1) > PROGRESS * (step.best - step.origins).norm(dim=1)
    rows = ((step.nearest == step.best).all(dim=1) & far).nonzero()[:, 0]
    for _ in range(HALVINGS):
        if not len(rows):
            break
        step.point[rows] = (step.point[rows] + step.best[rows]) / 2
        _, nearer = step.judge(rows)
        rows = rows[~nearer]


def _place(targets: Tensor, classes: Tensor) -> Tensor:
    """Where among its classes [b, k] each target stands, int64 [b]."""
    return (classes == targets[:, None]).int().argmax(dim=1)


def _slopes(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The Jacobians' rows for the classes [b, k] at images, [b, k, n].

    They are in the images' dtype, whatever the model's.
    """
    dtype = next(model.parameters(), images).dtype
    return jacobian.linearisation(model, images.to(dtype), classes=classes)[1].to(images.dtype)


def _product(gradients: Tensor, change: Tensor) -> Tensor:
    """The change of the linearised logits, [b, k]."""
    return (gradients @ change[:, :, None])[:, :, 0]
