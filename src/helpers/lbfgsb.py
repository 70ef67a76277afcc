"""Many small box-constrained problems minimised at once: a batched projected limited-memory BFGS, on any device.

Each row of a batch is a problem of its own, with its own curvature pairs, active set, line search and stopping test, so that a
row's result does not depend on its neighbours. The steps are those of a two-metric projection: the quasi-Newton direction of the
free variables, followed along its projection into the box. Sources: Byrd, Lu, Nocedal and Zhu (1995) for the problem, Bertsekas
(1982) and Schmidt, Kim and Sra (2012) for the method, Byrd, Nocedal and Schnabel (1994) for the compact form of the matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

Function = Callable[
    [Tensor, Tensor], tuple[Tensor, Tensor]
]  # x [b, n], rows [b] -> value [b], gradient [b, n]

DECREASE = 1e-4  # Armijo: the share of the linear decrease that a step must bring
HALVINGS = 25  # trials of a line search
LEAVE = 0.25  # the part of the problems in hand that must have stopped before they are dropped: dropping copies the rest
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
    """The b problems in hand: rows [b] names them in the batch; a bound is [b, n], or [1, n] where all share it."""

    rows: Tensor
    x: Tensor
    value: Tensor
    gradient: Tensor
    evaluations: Tensor
    iterations: Tensor
    going: Tensor  # bool [b]
    lower: Tensor
    upper: Tensor
    pairs: Tensor  # [b, 2h + 1, n]: h differences of x, h of the gradient, the gradient; a pair is zero where there is none

    def take(self, keep: Tensor) -> "_State":
        """The problems that an index or a boolean mask names."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return _State(
            **{
                name: value if name in ("lower", "upper") and len(value) == 1 else value[keep]
                for name, value in values.items()
            }
        )


def minimize(
    fun: Function,
    x0: Tensor,
    lower: Tensor | float,
    upper: Tensor | float,
    *,
    history: int = 10,
    max_iterations: int = 100,
    tolerance: float = 1e-5,
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
        raise ValueError(
            f"history, max_iterations: need at least 1 and 0, got {history} and {max_iterations}"
        )
    x = x0.detach().clamp(lower, upper)
    rows, ones = torch.arange(len(x), device=x.device), x.new_ones(len(x), dtype=torch.int64)
    value, gradient = _evaluate(fun, x, rows)
    result = Minimum(
        x.clone(memory_format=torch.contiguous_format),
        value.clone(),
        gradient.clone(),
        ones == 0,
        ones - 1,
        ones.clone(),
    )
    going = value.isfinite() & gradient.sum(dim=1).isfinite()
    pairs = x.new_zeros(len(x), 2 * history + 1, x.shape[1])
    state = _State(rows, x, value, gradient, ones, ones - 1, going, lower, upper, pairs)
    for iteration in range(max_iterations + 1):
        converged = state.going & (_projected_gradient(state) <= tolerance)
        result.converged[state.rows[converged]] = True
        state.going = state.going & ~converged
        remaining = int(state.going.sum()) if iteration < max_iterations else 0
        if remaining <= len(state.rows) * (1 - LEAVE):
            _record(result, state)
            state = state.take(state.going)
        if not remaining:
            break
        _step(fun, state, iteration % history)
    return result


def _box(x0: Tensor, lower: Tensor | float, upper: Tensor | float) -> tuple[Tensor, Tensor]:
    """The bounds as tensors [B, n] or [1, n], once all is in order."""
    if (
        not isinstance(x0, Tensor)
        or not x0.is_floating_point()
        or x0.ndim != 2
        or x0.shape[1] == 0
        or not x0.isfinite().all()
    ):
        raise ValueError(
            f"x0: need a finite floating-point tensor [B, n], got {list(x0.shape) if isinstance(x0, Tensor) else type(x0).__name__}"
        )
    bounds = [torch.as_tensor(bound, dtype=x0.dtype, device=x0.device) for bound in (lower, upper)]
    try:
        low, high = (
            bound.expand(len(x0) if bound.ndim == 2 and len(bound) > 1 else 1, x0.shape[1])
            for bound in bounds
        )
    except RuntimeError:
        raise ValueError(
            f"lower, upper: need shapes that broadcast to {list(x0.shape)}, got {[list(bound.shape) for bound in bounds]}"
        ) from None
    if not (low <= high).all():  # NaN fails the comparison
        raise ValueError(
            "lower, upper: need lower <= upper everywhere, got bounds that cross or are NaN"
        )
    return low, high


def _evaluate(fun: Function, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    value, gradient = fun(x, rows)
    return value.detach(), gradient.detach()


def _record(result: Minimum, state: _State) -> None:
    """Write where the problems in hand are into the result."""
    for name in ("x", "value", "gradient", "evaluations", "iterations"):
        getattr(result, name)[state.rows] = getattr(state, name)


def _projected_gradient(state: _State) -> Tensor:
    """The largest entry of x - clip(x - gradient), [b]: zero exactly at a stationary point."""
    move = state.x - (state.x - state.gradient).clamp(state.lower, state.upper)
    return torch.linalg.vector_norm(move, ord=torch.inf, dim=1)


def _step(fun: Function, state: _State, slot: int) -> None:
    """One quasi-Newton step of every problem that is going, in place; the new pair replaces the oldest one, at `slot`."""
    x, gradient = state.x, state.gradient
    _line_search(fun, state, _direction(state, slot))
    step, change = state.x - x, state.gradient - gradient
    product = _dot(step, change)
    good = (product > CURVATURE * _dot(change, change))[:, None]
    state.pairs[:, slot] = step * good
    state.pairs[:, state.pairs.shape[1] // 2 + slot] = change * good


def _direction(state: _State, slot: int) -> Tensor:
    """The quasi-Newton direction of the free variables, [b, n], zero for those held at a bound; the oldest pair is at `slot`.

    With S and Y the free parts of the pairs, oldest first, R the upper triangle of S'Y, D its diagonal and u = R^-1 S'g:
    H g = scale g - scale Y u + S R^-T ((D + scale Y'Y) u - scale Y'g), equation 3.1 of Byrd, Nocedal and Schnabel (1994).
    """
    h = state.pairs.shape[1] // 2
    state.pairs[:, -1] = state.gradient
    free = ~(
        (state.x <= state.lower) & (state.gradient >= 0)
        | (state.x >= state.upper) & (state.gradient <= 0)
    )
    pairs = state.pairs * free[:, None].to(state.x.dtype)
    products = pairs[:, h:] @ pairs.mT  # [b, h + 1, 2h + 1], those of Y and g with S, Y and g
    order = [(slot + i) % h for i in range(h)]
    s_y, y_y = products[:, order][:, :, order].mT, products[:, order][:, :, [h + i for i in order]]
    s_g, y_g = products[:, h, order, None], products[:, h, [h + i for i in order], None]
    diagonal, squares = s_y.diagonal(dim1=1, dim2=2), y_y.diagonal(dim1=1, dim2=2)
    used = (diagonal > CURVATURE * squares) & (diagonal > 0)  # [b, h]
    both = used[:, :, None] & used[:, None]
    scale = _scale(diagonal, squares, used, products[:, h, -1])[:, None, None]
    triangle = torch.where(both, s_y, 0.0).triu() + torch.diag_embed((~used).to(s_y.dtype))
    u = torch.linalg.solve_triangular(triangle, s_g * used[:, :, None], upper=True)
    inner = (diagonal * used)[:, :, None] * u + scale * (
        torch.where(both, y_y, 0.0) @ u - y_g * used[:, :, None]
    )
    weights = pairs.new_zeros(len(pairs), 1, 2 * h + 1)
    weights[:, 0, order] = torch.linalg.solve_triangular(triangle.mT, inner, upper=False)[:, :, 0]
    weights[:, 0, [h + i for i in order]] = (-scale * u)[:, :, 0]
    weights[:, 0, -1] = scale[:, 0, 0]
    return -(weights @ pairs)[:, 0]


def _scale(products: Tensor, squares: Tensor, used: Tensor, gradient: Tensor) -> Tensor:
    """The initial matrix's factor, [b]: s.y / y.y of the newest pair in use; without any, the gradient, cut to length 1."""
    scale = gradient.clamp(min=1.0).rsqrt()
    newest = used.shape[1] - 1 - used.flip(1).to(torch.uint8).argmax(dim=1, keepdim=True)
    ratio = (products / squares).gather(1, newest)[:, 0]
    return torch.where(used.any(dim=1), ratio, scale)


def _line_search(fun: Function, state: _State, direction: Tensor) -> None:
    """Move each problem to the first point of its projected path that lowers the value enough, in place; without one it stops."""
    size = torch.ones_like(state.value)
    waiting, part = (
        torch.arange(len(size), device=size.device),
        replace(state, pairs=state.pairs[:, :0]),
    )
    if not state.going.all():
        waiting = waiting[state.going]
        part, direction, size = part.take(waiting), direction[waiting], size[waiting]
    x, value, gradient = (tensor.clone() for tensor in (state.x, state.value, state.gradient))
    for _ in range(HALVINGS):
        trial = (part.x + size[:, None] * direction).clamp(part.lower, part.upper)
        found, slope = _evaluate(fun, trial, part.rows)
        state.evaluations[waiting] += 1
        move = trial - part.x
        linear = _dot(part.gradient, move)
        enough = _enough(found - part.value, linear, slope, move, part.value)
        done = waiting[enough]
        x[done], value[done], gradient[done] = trial[enough], found[enough], slope[enough]
        state.iterations[done] += 1
        failed = ~enough
        waiting = waiting[failed]
        if not len(waiting):
            break
        size = (size * _shrink(found - part.value, linear))[failed]
        part, direction = part.take(failed), direction[failed]
    state.x, state.value, state.gradient = x, value, gradient
    state.going[waiting] = False


def _enough(rise: Tensor, linear: Tensor, slope: Tensor, step: Tensor, value: Tensor) -> Tensor:
    """Armijo's condition, bool [b]; where the value's own rounding hides the decrease, a slope that has become flatter (Hager and Zhang 2005)."""
    hidden = rise <= 4 * torch.finfo(value.dtype).eps * value.abs()
    flatter = _dot(slope, step).abs() <= 0.9 * linear.abs()
    return (
        ((rise <= DECREASE * linear) | (hidden & flatter))
        & (linear < 0)
        & slope.sum(dim=1).isfinite()
    )


def _shrink(rise: Tensor, linear: Tensor) -> Tensor:
    """The factor on a step that failed, from the parabola through both values and the slope, within [0.1, 0.5]."""
    return torch.nan_to_num(-linear / (2 * (rise - linear)), nan=0.1).clamp(0.1, 0.5)


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """Inner products over the last dimension."""
    return (first * second).sum(dim=-1)
