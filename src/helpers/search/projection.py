"""The nearest point of the box at which affine logits name the target: a batch of convex quadratic programmes, by their duals.

Minimise |r|^2 / 2 subject to 0 <= x + r <= 1 and, for each class k other than the target t,
(J_t - J_k) r >= b_k - b_t + margin. The dual has a multiplier for each k, and r = clip((J_t - J_k)^T multipliers): it is concave
and piecewise quadratic, so a projected Newton method (Bertsekas 1982) with the generalised Hessian climbs it in a few steps.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import Tensor

INCREASE = 1e-4  # Armijo: the share of the linear increase that a step must bring
HALVINGS = 40  # trials of a line search


@dataclass(frozen=True)
class Projection:
    """The shortest r [B, n], a lower bound of |r|^2 / 2 [B], the multipliers [B, K], and whether it is solved: not so where no r will do."""

    step: Tensor
    dual: Tensor
    multipliers: Tensor  # zero for the target
    solved: Tensor  # bool [B]


class _Point(NamedTuple):
    """The Lagrangian's minimum at some multipliers."""

    step: Tensor  # [b, n], the minimiser r
    inside: Tensor  # bool [b, n], the coordinates that the box does not hold
    value: Tensor  # [b], the dual's value
    gradient: Tensor  # [b, K], the dual's gradient


@dataclass
class _Dual:
    """b problems: the rows of the batch that they are, the data, and the multipliers [b, K], zero for the target."""

    rows: Tensor
    lower: Tensor  # [b, n], on r
    upper: Tensor
    jacobian: Tensor  # [b, K, n], or [K, n] for all
    target: Tensor  # [b, K], one-hot
    needed: Tensor  # [b, K], b_k - b_t + margin; -inf for the target
    scale: Tensor  # [b], the largest of them: the unit of the tolerance
    ceiling: (
        Tensor  # [b], no r in the box is longer: a dual value above it proves that there is none
    )
    damping: Tensor  # [b], keeps the Newton system regular
    multipliers: Tensor

    def take(self, keep: Tensor) -> "_Dual":
        """The problems that an index or a boolean mask names."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return _Dual(
            **{
                name: value if name == "jacobian" and value.ndim == 2 else value[keep]
                for name, value in values.items()
            }
        )

    def combination(self) -> Tensor:
        """The weight of each row of the Jacobian, [b, K]: the multipliers' sum for the target, minus its own for the others."""
        return self.target * self.multipliers.sum(dim=1, keepdim=True) - self.multipliers

    def solve(self) -> _Point:
        """The Lagrangian's minimum at the multipliers."""
        free_step = (self.combination()[:, None] @ self.jacobian)[:, 0]
        step = free_step.clamp(self.lower, self.upper)
        change = (step[:, None] @ self.jacobian.mT)[:, 0]
        gained = (self.target * change).sum(dim=1, keepdim=True) - change
        gradient = torch.where(self.target, 0.0, self.needed - gained)
        value = step.square().sum(dim=1) / 2 + (self.multipliers * gradient).sum(dim=1)
        return _Point(step, step == free_step, value, gradient)


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

    origins: [B, n] in [0, 1], the points from which distance is measured. jacobian: [B, K, n], or [K, n] where all share it.
    logits: [B, K], the affine logits at the origins. targets: int64 [B]. margin: by how much the target must lead, [B] or a number.
    tolerance: on the constraints' residual, relative to the largest violation at the origin. multipliers: [B, K], a guess.
    """
    dual = _data(origins, jacobian, logits, targets, margin)
    if multipliers is not None:
        dual.multipliers = multipliers
    result = Projection(
        torch.zeros_like(origins),
        torch.zeros_like(dual.scale),
        torch.zeros_like(logits),
        torch.zeros_like(targets, dtype=torch.bool),
    )
    point = dual.solve()
    for iteration in range(iterations + 1):
        residual = torch.where(
            dual.multipliers > 0, point.gradient.abs(), point.gradient.clamp(min=0)
        ).amax(dim=1)
        solved = residual <= tolerance * dual.scale
        stopped = solved | (point.value > dual.ceiling) | (iteration == iterations)
        rows = dual.rows[stopped]
        result.step[rows], result.dual[rows], result.solved[rows] = (
            point.step[stopped],
            point.value[stopped],
            solved[stopped],
        )
        result.multipliers[rows] = dual.multipliers[stopped]
        if stopped.all():
            break
        if stopped.sum() * 4 >= len(stopped) or dual.jacobian.ndim == 2:
            dual, point = dual.take(~stopped), _Point(*(part[~stopped] for part in point))
        point = _climb(dual, point)
    return result


def _data(
    origins: Tensor, jacobian: Tensor, logits: Tensor, targets: Tensor, margin: Tensor | float
) -> _Dual:
    """The problems, with the multiplier of the hardest single constraint as the start."""
    target = torch.nn.functional.one_hot(targets, logits.shape[1]).bool()
    leading = logits.gather(1, targets[:, None])
    needed = (
        logits
        - leading
        + torch.as_tensor(margin, dtype=logits.dtype, device=logits.device).reshape(-1, 1)
    ).masked_fill(target, -torch.inf)
    scale = needed.amax(dim=1).clamp(min=torch.finfo(logits.dtype).tiny)
    squares = _differences(jacobian @ jacobian.mT, target).diagonal(dim1=1, dim2=2)  # |J_t - J_k|^2
    distance = torch.where(squares > 0, needed / squares.sqrt(), -torch.inf)
    hardest = distance.argmax(dim=1, keepdim=True)
    first = (needed / squares).gather(1, hardest).nan_to_num(0.0, 0.0, 0.0).clamp(min=0)
    multipliers = torch.zeros_like(logits).scatter(1, hardest, first).masked_fill(target, 0.0)
    damping = 1e-12 * squares.amax(dim=1) + torch.finfo(logits.dtype).tiny
    ceiling = torch.maximum(origins, 1 - origins).square().sum(dim=1) / 2 * (1 + 1e-6)
    rows = torch.arange(len(origins), device=origins.device)
    return _Dual(
        rows, -origins, 1 - origins, jacobian, target, needed, scale, ceiling, damping, multipliers
    )


def _differences(gram: Tensor, target: Tensor) -> Tensor:
    """Inner products of J_t - J_k and J_t - J_j, [b, K, K], from those of the rows of J, [b, K, K] or [K, K]."""
    weight = target.to(gram.dtype)
    row = weight[:, None] @ gram  # [b, 1, K], products with J_t
    corner = row @ weight[:, :, None]  # [b, 1, 1]
    return corner - row - row.mT + gram


def _climb(dual: _Dual, point: _Point) -> _Point:
    """One projected Newton step of the multipliers, in place; the Lagrangian's minimum at the new ones."""
    start, direction = dual.multipliers, _newton(dual, point)
    reached, result = start.clone(), _Point(*(part.clone() for part in point))
    size = torch.ones_like(point.value)
    waiting = torch.arange(len(size), device=size.device)
    trials = dual
    for _ in range(HALVINGS):
        trials.multipliers = (start[waiting] + size[waiting, None] * direction[waiting]).clamp(
            min=0
        )
        found, before = trials.solve(), point.value[waiting]
        linear = (point.gradient[waiting] * (trials.multipliers - start[waiting])).sum(dim=1)
        enough = (
            found.value - before
            >= INCREASE * linear - 4 * torch.finfo(size.dtype).eps * before.abs()
        )
        done = waiting[enough]
        for target, part in zip((reached, *result), (trials.multipliers, *found), strict=True):
            target[done] = part[enough]
        waiting = waiting[~enough]
        if not len(waiting):
            break
        size[waiting] *= 0.5
        trials = trials.take(~enough)
    dual.multipliers = reached
    return result


def _newton(dual: _Dual, point: _Point) -> Tensor:
    """The Newton direction of the multipliers that are positive or want to grow, [b, K]; zero for the others."""
    free = ((dual.multipliers > 0) | (point.gradient > 0)) & ~dual.target
    hessian = _differences(
        (dual.jacobian * point.inside[:, None].to(point.step.dtype)) @ dual.jacobian.mT, dual.target
    )
    both = free[:, :, None] & free[:, None]
    system = torch.where(both, hessian, 0.0) + torch.diag_embed(
        torch.where(free, dual.damping[:, None], 1.0)
    )
    direction: Tensor = torch.linalg.solve(system, torch.where(free, point.gradient, 0.0))
    return direction
