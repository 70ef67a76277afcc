"""The nearest point of the box at which affine logits name the target, for a whole batch.

Each is a convex quadratic programme: minimise |r|^2 / 2 subject to 0 <= x + r <= 1 and, for each
class k other than the target t, (J_t - J_k) r >= b_k - b_t + margin. Its dual has a multiplier for
each k, and r = clip((J_t - J_k)^T multipliers). It is concave and piecewise quadratic, so a
projected Newton method (Bertsekas 1982) with the generalised Hessian climbs it in a few steps.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import Tensor

INCREASE = 1e-4  # Armijo: the share of the linear increase that a step must bring
HALVINGS = 40  # trials of a line search


@dataclass(frozen=True)
class Projection:
    """What the programmes' solution is, and what proves it."""

    step: Tensor  # [B, n], the shortest r
    dual: Tensor  # [B], a lower bound of |r|^2 / 2
    multipliers: Tensor  # [B, K], zero for the target
    solved: Tensor  # bool [B]; not so where no r will do


class _Point(NamedTuple):
    """The Lagrangian's minimum at some multipliers."""

    multipliers: Tensor  # [b, K], zero for the target
    step: Tensor  # [b, n], the minimiser r
    inside: Tensor  # bool [b, n], the coordinates that the box does not hold
    value: Tensor  # [b], the dual's value
    gradient: Tensor  # [b, K], the dual's gradient

    def residual(self) -> Tensor:
        """By how much the constraints are broken, or kept with a needless multiplier, [b]."""
        broken = self.gradient.clamp(min=0)
        return torch.where(self.multipliers > 0, self.gradient.abs(), broken).amax(dim=1)


@dataclass(frozen=True)
class _Dual:
    """The data of b problems."""

    rows: Tensor  # int64 [b], which of the batch they are
    lower: Tensor  # [b, n], on r
    upper: Tensor  # [b, n]
    jacobian: Tensor  # [b, K, n], or [K, n] for all
    target: Tensor  # bool [b, K], one-hot
    needed: Tensor  # [b, K], b_k - b_t + margin; -inf for the target
    scale: Tensor  # [b], the largest of them: the unit of the tolerance
    ceiling: Tensor  # [b], no r in the box has a larger |r|^2 / 2
    squares: Tensor  # [b, K], |J_t - J_k|^2

    def take(self, keep: Tensor) -> "_Dual":
        """The problems that an index or a boolean mask names."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return _Dual(
            **{
                name: part if name == "jacobian" and part.ndim == 2 else part[keep]
                for name, part in parts.items()
            }
        )

    def solve(self, multipliers: Tensor) -> _Point:
        """The Lagrangian's minimum at multipliers [b, K]."""
        # The weight of each row of J: the multipliers' sum for the target, minus its own elsewhere.
        weights = self.target * multipliers.sum(dim=1, keepdim=True) - multipliers
        free_step = (weights[:, None] @ self.jacobian)[:, 0]
        step = free_step.clamp(self.lower, self.upper)
        change = (step[:, None] @ self.jacobian.mT)[:, 0]
        gained = (self.target * change).sum(dim=1, keepdim=True) - change
        gradient = torch.where(self.target, 0.0, self.needed - gained)
        value = step.square().sum(dim=1) / 2 + (multipliers * gradient).sum(dim=1)
        return _Point(multipliers, step, step == free_step, value, gradient)


def project(
    origins: Tensor,
    jacobian: Tensor,
    logits: Tensor,
    targets: Tensor,
    *,
    margin: Tensor | float = 0.0,
    tolerance: float = 1e-9,
    iterations: int = 60,
    multipliers: Tensor | None = None,
) -> Projection:
    """Solve B such problems.

    origins: [B, n] in [0, 1], the points from which distance is measured. jacobian: [B, K, n], or
    [K, n] where all share it. logits: [B, K], the affine logits at the origins. targets: int64 [B].
    margin: by how much the target must lead, [B] or a number. tolerance: on the constraints'
    residual, relative to the largest violation at the origin. multipliers: [B, K], a guess.
    """
    dual = _data(origins, jacobian, logits, targets, margin)
    result = Projection(
        step=torch.zeros_like(origins),
        dual=torch.zeros_like(dual.scale),
        multipliers=torch.zeros_like(logits),
        solved=torch.zeros_like(targets, dtype=torch.bool),
    )
    point = dual.solve(_hardest(dual) if multipliers is None else multipliers)
    for iteration in range(iterations + 1):
        solved = point.residual() <= tolerance * dual.scale
        # A dual value that no r in the box can have proves that there is no solution.
        stopped = solved | (point.value > dual.ceiling) | (iteration == iterations)
        rows = dual.rows[stopped]
        result.step[rows], result.dual[rows] = point.step[stopped], point.value[stopped]
        result.multipliers[rows], result.solved[rows] = point.multipliers[stopped], solved[stopped]
        if stopped.all():
            break
        # Dropping copies the Jacobians that stay: where each problem has its own, it must pay.
        if stopped.sum() * 4 >= len(stopped) or dual.jacobian.ndim == 2:
            dual, point = dual.take(~stopped), _Point(*(part[~stopped] for part in point))
        point = _climb(dual, point)
    return result


def _data(
    origins: Tensor, jacobian: Tensor, logits: Tensor, targets: Tensor, margin: Tensor | float
) -> _Dual:
    """The problems from the arguments of project()."""
    target = torch.nn.functional.one_hot(targets, logits.shape[1]).bool()
    leading = logits.gather(1, targets[:, None])
    margins = torch.as_tensor(margin, dtype=logits.dtype, device=logits.device).reshape(-1, 1)
    needed = (logits - leading + margins).masked_fill(target, -torch.inf)
    farthest = torch.maximum(origins, 1 - origins).square().sum(dim=1) / 2
    return _Dual(
        rows=torch.arange(len(origins), device=origins.device),
        lower=-origins,
        upper=1 - origins,
        jacobian=jacobian,
        target=target,
        needed=needed,
        scale=needed.amax(dim=1).clamp(min=torch.finfo(logits.dtype).tiny),
        ceiling=farthest * (1 + 1e-6),
        squares=_differences(jacobian @ jacobian.mT, target).diagonal(dim1=1, dim2=2),
    )


def _hardest(dual: _Dual) -> Tensor:
    """Multipliers to start from, [b, K]: those that meet the hardest constraint, were it alone."""
    distance = torch.where(dual.squares > 0, dual.needed / dual.squares.sqrt(), -torch.inf)
    hardest = distance.argmax(dim=1, keepdim=True)
    first = (dual.needed / dual.squares).gather(1, hardest).nan_to_num(0.0, 0.0, 0.0).clamp(min=0)
    none = torch.zeros_like(dual.needed)
    return none.scatter(1, hardest, first).masked_fill(dual.target, 0.0)


def _differences(gram: Tensor, target: Tensor) -> Tensor:
    """Inner products of J_t - J_k and J_t - J_j, [b, K, K].

    gram: those of the rows of J, [b, K, K] or [K, K].
    """
    weight = target.to(gram.dtype)
    row = weight[:, None] @ gram  # [b, 1, K], products with J_t
    corner = row @ weight[:, :, None]  # [b, 1, 1]
    return corner - row - row.mT + gram


def _climb(dual: _Dual, point: _Point) -> _Point:
    """One projected Newton step: the first trial along the projected path that climbs enough."""
    direction = _newton(dual, point)
    reached = _Point(*(part.clone() for part in point))
    size = torch.ones_like(point.value)
    waiting, trials = torch.arange(len(size), device=size.device), dual
    for _ in range(HALVINGS):
        start, before = point.multipliers[waiting], point.value[waiting]
        found = trials.solve((start + size[waiting, None] * direction[waiting]).clamp(min=0))
        linear = (point.gradient[waiting] * (found.multipliers - start)).sum(dim=1)
        # Near the top the increase drowns in the value's own rounding, which is let pass.
        rounding = 4 * torch.finfo(size.dtype).eps * before.abs()
        enough = found.value - before >= INCREASE * linear - rounding
        done = waiting[enough]
        for target, part in zip(reached, found, strict=True):
            target[done] = part[enough]
        waiting = waiting[~enough]
        if not len(waiting):
            break
        size[waiting] *= 0.5
        trials = trials.take(~enough)
    return reached


def _newton(dual: _Dual, point: _Point) -> Tensor:
    """The Newton direction, [b, K], of the multipliers that are positive or want to grow.

    It is zero for the others, which the projection would hold at zero.
    """
    free = ((point.multipliers > 0) | (point.gradient > 0)) & ~dual.target
    # Coordinates that the box holds do not move with the multipliers: they add no curvature.
    moving = dual.jacobian * point.inside[:, None].to(point.step.dtype)
    hessian = _differences(moving @ dual.jacobian.mT, dual.target)
    both = free[:, :, None] & free[:, None]
    # A little damping keeps the system regular where constraints depend on each other; the others
    # get a row of the identity.
    damping = 1e-12 * dual.squares.amax(dim=1) + torch.finfo(hessian.dtype).tiny
    diagonal = torch.where(free, damping[:, None], 1.0)
    system = torch.where(both, hessian, 0.0) + torch.diag_embed(diagonal)
    direction: Tensor = torch.linalg.solve(system, torch.where(free, point.gradient, 0.0))
    return direction
