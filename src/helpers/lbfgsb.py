"""Many small box-constrained problems minimised at once: a batched projected limited-memory BFGS, on any device.

Each row of a batch is a problem of its own, with its own curvature pairs, active set, line search and stopping test, so that a
row's result does not depend on its neighbours. The steps are those of a two-metric projection: the quasi-Newton direction of the
free variables, followed along its projection into the box. Sources: Byrd, Lu, Nocedal and Zhu (1995) for the problem, Bertsekas
(1982) and Schmidt, Kim and Sra (2012) for the method, Nocedal (1980) for the two-loop recursion.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

Function = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # x [b, n], rows [b] -> value [b], gradient [b, n]

DECREASE = 1e-4  # Armijo: the share of the linear decrease that a step must bring
HALVINGS = 25  # trials of a line search
CURVATURE = 1e-8  # pairs with s.y below this times y.y are left out, so that the matrix stays positive definite


@dataclass(frozen=True)
class Minimum:
    """The last point of each problem.

    x: [B, n], in the box. value: [B], NaN or infinite where the function is so at the start. gradient: [B, n]. converged: bool [B],
    whether the projected gradient is within the tolerance. iterations, evaluations: int64 [B].
    """

    x: Tensor
    value: Tensor
    gradient: Tensor
    converged: Tensor
    iterations: Tensor
    evaluations: Tensor


@dataclass
class _State:
    """The b problems that are still going: rows [b] names them in the batch, pairs [h, b, n] holds the newest pair first."""

    rows: Tensor
    x: Tensor
    value: Tensor
    gradient: Tensor
    lower: Tensor
    upper: Tensor
    evaluations: Tensor
    steps: Tensor  # [h, b, n], differences of x
    yields: Tensor  # [h, b, n], differences of the gradient; both zero where there is no pair

    def take(self, keep: Tensor) -> None:
        """Drop the problems that are not in the boolean mask `keep`."""
        for field in fields(self):
            value = getattr(self, field.name)
            setattr(self, field.name, value[:, keep] if field.name in ("steps", "yields") else value[keep])


def minimize(
    fun: Function, x0: Tensor, lower: Tensor | float, upper: Tensor | float, *, history: int = 10, max_iterations: int = 100, tolerance: float = 1e-5
) -> Minimum:
    """Minimise B independent functions of n variables, each within its box.

    fun: (x [b, n], rows [b]) -> (value [b], gradient [b, n]), where `rows` says which of the B functions to take; each is expected
    to be smooth. x0: [B, n], projected into the box before the start. lower, upper: broadcast to x0; equal bounds fix a variable.
    tolerance: on the largest entry of the projected gradient, x - clip(x - gradient). A row stops when it is reached, after
    `max_iterations` steps, or when no step along its direction lowers its value, as where the function is NaN or infinite.
    Raises ValueError for bounds that cross or are NaN, for x0 that is not a finite floating tensor [B, n], and for history or
    max_iterations below 1 and 0.
    """
    lower, upper = _box(x0, lower, upper)
    if history < 1 or max_iterations < 0:
        raise ValueError(f"history, max_iterations: need at least 1 and 0, got {history} and {max_iterations}")
    x = x0.detach().clamp(lower, upper)
    rows = torch.arange(len(x), device=x.device)
    value, gradient = _evaluate(fun, x, rows)
    empty = x.new_zeros(0, *x.shape)
    state = _State(rows, x, value, gradient, lower, upper, torch.ones_like(rows), empty, empty)
    result = Minimum(x.clone(), value.clone(), gradient.clone(), torch.zeros_like(rows, dtype=torch.bool), torch.zeros_like(rows), torch.ones_like(rows))
    moved = torch.ones_like(rows, dtype=torch.bool)
    for iteration in range(max_iterations + 1):
        converged = _projected_gradient(state).abs().amax(dim=1) <= tolerance if x.shape[1] else moved
        going = moved & ~converged & state.value.isfinite() & state.gradient.isfinite().all(dim=1)
        if iteration == max_iterations:
            going = torch.zeros_like(going)
        _record(result, state, ~going, converged, iteration - (~moved).long())
        if not going.any():
            break
        if not going.all():
            state.take(going)
        moved = _step(fun, state, history)
    return result


def _box(x0: Tensor, lower: Tensor | float, upper: Tensor | float) -> tuple[Tensor, Tensor]:
    """The bounds as tensors [B, n], once all is in order."""
    if not isinstance(x0, Tensor) or not x0.is_floating_point() or x0.ndim != 2 or not x0.isfinite().all():
        raise ValueError(f"x0: need a finite floating-point tensor [B, n], got {list(x0.shape) if isinstance(x0, Tensor) else type(x0).__name__}")
    low, high = (torch.as_tensor(bound, dtype=x0.dtype, device=x0.device).expand_as(x0) for bound in (lower, upper))
    if not (low <= high).all():  # NaN fails the comparison
        raise ValueError("lower, upper: need lower <= upper everywhere, got bounds that cross or are NaN")
    return low, high


def _evaluate(fun: Function, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    value, gradient = fun(x, rows)
    return value.detach(), gradient.detach()


def _record(result: Minimum, state: _State, stopped: Tensor, converged: Tensor, iterations: Tensor) -> None:
    """Write the problems that stop here into the result."""
    rows = state.rows[stopped]
    for name in ("x", "value", "gradient", "evaluations"):
        getattr(result, name)[rows] = getattr(state, name)[stopped]
    result.converged[rows], result.iterations[rows] = converged[stopped], iterations[stopped]


def _projected_gradient(state: _State) -> Tensor:
    """x - clip(x - gradient), [b, n]: zero exactly at a stationary point."""
    return state.x - (state.x - state.gradient).clamp(state.lower, state.upper)


def _step(fun: Function, state: _State, history: int) -> Tensor:
    """One quasi-Newton step of every problem, in place; bool [b], whether the problem moved."""
    direction = _direction(state)
    x, value, gradient, moved = _line_search(fun, state, direction)
    step, change = x - state.x, gradient - state.gradient
    product = _dot(step, change)
    good = (product > CURVATURE * _dot(change, change)) & (product > 0)
    step, change = (torch.where(good[:, None], vector, 0.0) for vector in (step, change))
    state.steps = torch.cat([step[None], state.steps[: history - 1]])
    state.yields = torch.cat([change[None], state.yields[: history - 1]])
    state.x, state.value, state.gradient = x, value, gradient
    return moved


def _direction(state: _State) -> Tensor:
    """The quasi-Newton direction of the free variables, [b, n], by the two-loop recursion; zero for variables held at a bound."""
    gradient = state.gradient
    free = ~((state.x <= state.lower) & (gradient >= 0) | (state.x >= state.upper) & (gradient <= 0))
    steps, yields = state.steps * free, state.yields * free
    products = _dot(steps, yields)  # [h, b]
    usable = (products > CURVATURE * _dot(yields, yields)) & (products > 0)
    inverse = torch.where(usable, 1 / products, 0.0)
    direction = -gradient * free
    weights = []
    for step, change, rho in zip(steps, yields, inverse, strict=True):  # newest first
        weights.append(rho * _dot(step, direction))
        direction = direction - weights[-1][:, None] * change
    direction = direction * _scale(direction, products, yields, usable)[:, None]
    for step, change, rho, weight in reversed(list(zip(steps, yields, inverse, weights, strict=True))):
        direction = direction + (weight - rho * _dot(change, direction))[:, None] * step
    return direction


def _scale(direction: Tensor, products: Tensor, yields: Tensor, usable: Tensor) -> Tensor:
    """The length of the initial matrix, [b]: s.y / y.y of the newest usable pair, or a first step of length 1 without any."""
    scale = 1 / direction.norm(dim=1).clamp(min=torch.finfo(direction.dtype).tiny)
    for product, change, use in reversed(list(zip(products, yields, usable, strict=True))):
        scale = torch.where(use, product / _dot(change, change), scale)
    return scale


def _line_search(fun: Function, state: _State, direction: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The first point of the projected path that lowers the value enough: x, value, gradient and whether there was one."""
    x, value, gradient = state.x.clone(), state.value.clone(), state.gradient.clone()
    size = torch.ones_like(value)
    waiting = torch.arange(len(x), device=x.device)
    for _ in range(HALVINGS):
        trial = (state.x[waiting] + size[waiting, None] * direction[waiting]).clamp(state.lower[waiting], state.upper[waiting])
        found, slope = _evaluate(fun, trial, state.rows[waiting])
        state.evaluations[waiting] += 1
        linear = _dot(state.gradient[waiting], trial - state.x[waiting])
        enough = _enough(found - state.value[waiting], linear, slope, trial - state.x[waiting], state.value[waiting])
        done = waiting[enough]
        x[done], value[done], gradient[done] = trial[enough], found[enough], slope[enough]
        size[waiting] *= _shrink(found - state.value[waiting], linear)
        waiting = waiting[~enough]
        if not len(waiting):
            break
    moved = torch.ones_like(value, dtype=torch.bool)
    moved[waiting] = False
    return x, value, gradient, moved


def _enough(rise: Tensor, linear: Tensor, slope: Tensor, step: Tensor, value: Tensor) -> Tensor:
    """Armijo's condition, bool [b]; where the value's own rounding hides the decrease, a slope that has become flatter (Hager and Zhang 2005)."""
    hidden = rise <= 4 * torch.finfo(value.dtype).eps * value.abs()
    flatter = _dot(slope, step).abs() <= 0.9 * linear.abs()
    return ((rise <= DECREASE * linear) | (hidden & flatter)) & (linear < 0) & slope.isfinite().all(dim=1)


def _shrink(rise: Tensor, linear: Tensor) -> Tensor:
    """The factor on a step that failed, from the parabola through both values and the slope, within [0.1, 0.5]."""
    return torch.nan_to_num(-linear / (2 * (rise - linear)), nan=0.1).clamp(0.1, 0.5)


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """Inner products over the last dimension."""
    return (first * second).sum(dim=-1)
