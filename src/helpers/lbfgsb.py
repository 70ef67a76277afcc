"""Many small box-constrained problems at once: batched projected limited-memory BFGS.

Each row of a batch is a problem of its own, with its own curvature pairs, active set, line search
and stopping test, so that a row's result does not depend on its neighbours. It runs on any device.
The steps are those of a two-metric projection: the quasi-Newton direction of the free variables,
followed along its projection into the box. Sources: Byrd, Lu, Nocedal and Zhu (1995) for the
problem, Bertsekas (1982) and Schmidt, Kim and Sra (2012) for the method, Byrd, Nocedal and
Schnabel (1994) for the compact form of the matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

# x [b, n], rows [b] -> value [b], gradient [b, n]
Function = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

DECREASE = 1e-4  # Armijo: the share of the linear decrease that a step must bring
FLATTER = 0.9  # Hager and Zhang: the share of the slope that may be left where values say nothing
HALVINGS = 25  # trials of a line search
# Problems that have stopped are dropped once they are this part of those in hand: dropping copies
# the rest.
LEAVE = 0.25
# Pairs with s.y below this times y.y are left out, so that the matrix stays positive definite.
CURVATURE = 1e-8


@dataclass(frozen=True)
class Minimum:
    """The last point of each of B problems in n variables.

    Attributes
    ----------
    x : Tensor
        The points, [B, n], in the box.
    value : Tensor
        The functions' values there, [B]; NaN or infinite where the function is so at the start.
    gradient : Tensor
        Their gradients there, [B, n].
    converged : Tensor
        Whether the projected gradient is within the tolerance, bool [B].
    iterations : Tensor
        Steps taken, int64 [B].
    evaluations : Tensor
        Evaluations of the function on each problem's behalf, int64 [B].

    Examples
    --------
    >>> def square(x, rows):
    ...     return x.square().sum(dim=1), 2 * x
    >>> found = minimize(square, torch.ones(2, 3), lower=-1.0, upper=1.0)
    >>> found.converged
    tensor([True, True])
    >>> found.value
    tensor([0., 0.])
    """

    x: Tensor
    value: Tensor
    gradient: Tensor
    converged: Tensor
    iterations: Tensor
    evaluations: Tensor


@dataclass(frozen=True)
class _Box:
    """The bounds of b problems, each [b, n], or [1, n] where all of them share it."""

    lower: Tensor
    upper: Tensor

    def clip(self, x: Tensor) -> Tensor:
        """The nearest points in the box, [b, n]."""
        return x.clamp(self.lower, self.upper)

    def __getitem__(self, keep: Tensor) -> "_Box":
        """The boxes of the problems that an index or a boolean mask names."""
        return _Box(
            *(bound if len(bound) == 1 else bound[keep] for bound in (self.lower, self.upper))
        )


@dataclass
class _State:
    """The b problems in hand; the steps change it in place."""

    rows: Tensor  # int64 [b], which of the batch they are
    box: _Box
    x: Tensor  # [b, n]
    value: Tensor  # [b]
    gradient: Tensor  # [b, n]
    evaluations: Tensor  # int64 [b]
    iterations: Tensor  # int64 [b]
    going: Tensor  # bool [b]
    # [b, 2h + 1, n]: h differences of x, h of the gradient, and the gradient, in one tensor, so
    # that one matrix product gives all inner products. A pair that is missing is zero.
    stack: Tensor

    @property
    def history(self) -> int:
        """How many pairs there is room for, h."""
        return self.stack.shape[1] // 2

    @property
    def steps(self) -> Tensor:
        """S, a view [b, h, n]: the differences of x."""
        return self.stack[:, : self.history]

    @property
    def changes(self) -> Tensor:
        """Y, a view [b, h, n]: the differences of the gradient."""
        return self.stack[:, self.history : -1]

    def take(self, keep: Tensor) -> "_State":
        """The problems that an index or a boolean mask names."""
        return _State(**{field.name: getattr(self, field.name)[keep] for field in fields(self)})


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

    A row stops when its projected gradient is within the tolerance, after `max_iterations` steps,
    or when no step along its direction lowers its value, as where the function is NaN or infinite.

    Parameters
    ----------
    fun : callable
        From x [b, n] and rows, int64 [b], to values [b] and gradients [b, n]; `rows` says which of
        the B functions to take. Each is expected to be smooth.
    x0 : Tensor
        The starts, float32 or float64 [B, n], projected into the box first.
    lower, upper : Tensor or float
        Bounds that broadcast to x0; equal bounds fix a variable, infinite ones leave it free.
    history : int
        How many curvature pairs are kept, at least 1.
    max_iterations : int
        The most steps of a row, at least 0.
    tolerance : float
        On the largest entry of the projected gradient, x - clip(x - gradient).

    Returns
    -------
    Minimum
        The last point of each row, of x0's dtype and on its device.

    Raises
    ------
    ValueError
        For bounds that cross or are NaN, for x0 that is not a finite tensor [B, n] of float32 or
        float64, for history, max_iterations or tolerance below 1, 0 and 0, and for a function whose
        values and gradients have another shape or type.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu (1995); Bertsekas (1982); Schmidt, Kim and Sra (2012).

    Examples
    --------
    The distance from (x, y) to (2, -3), within boxes that keep x or y from getting there:

    >>> def distance(x, rows):
    ...     change = x - torch.tensor([2.0, -3.0])
    ...     return change.square().sum(dim=1), 2 * change
    >>> upper = torch.tensor([[1.0, 5.0], [5.0, -4.0]])
    >>> minimize(distance, torch.full((2, 2), -5.0), lower=-5.0, upper=upper).x
    tensor([[ 1., -3.],
            [ 2., -4.]])
    """
    box = _box(x0, lower, upper)
    _check_options(history, max_iterations, tolerance)
    x = box.clip(x0.detach())
    rows = torch.arange(len(x), device=x.device)
    value, gradient = _evaluate(fun, x, rows)
    _check_output(value, gradient, x)
    result = Minimum(
        x.clone(memory_format=torch.contiguous_format),
        value.clone(),
        gradient.clone(),
        converged=torch.zeros_like(rows, dtype=torch.bool),
        iterations=torch.zeros_like(rows),
        evaluations=torch.ones_like(rows),
    )
    state = _State(
        rows,
        box,
        x,
        value,
        gradient,
        evaluations=torch.ones_like(rows),
        iterations=torch.zeros_like(rows),
        going=value.isfinite() & gradient.sum(dim=1).isfinite(),
        stack=x.new_zeros(len(x), 2 * history + 1, x.shape[1]),
    )
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


def _box(x0: Tensor, lower: Tensor | float, upper: Tensor | float) -> _Box:
    """The bounds as tensors [B, n] or [1, n], once all is in order."""
    if not isinstance(x0, Tensor) or x0.dtype not in (torch.float32, torch.float64):
        got = x0.dtype if isinstance(x0, Tensor) else type(x0).__name__
        raise ValueError(f"x0: need a tensor of float32 or float64, got {got}")
    if x0.ndim != 2 or x0.shape[1] == 0:
        raise ValueError(f"x0: need shape [B, n] with n at least 1, got {list(x0.shape)}")
    if not x0.isfinite().all():
        raise ValueError("x0: need finite values, got NaN or infinity")
    bounds = [torch.as_tensor(bound, dtype=x0.dtype, device=x0.device) for bound in (lower, upper)]
    try:
        low, high = (
            bound.expand(len(x0) if bound.ndim == 2 and len(bound) > 1 else 1, x0.shape[1])
            for bound in bounds
        )
    except RuntimeError:
        raise ValueError(
            f"lower, upper: need shapes that broadcast to {list(x0.shape)}, "
            f"got {[list(bound.shape) for bound in bounds]}"
        ) from None
    if not (low <= high).all():  # NaN fails the comparison
        raise ValueError(
            "lower, upper: need lower <= upper everywhere, got bounds that cross or are NaN"
        )
    return _Box(low, high)


def _check_options(history: int, max_iterations: int, tolerance: float) -> None:
    """Raise ValueError for numbers that minimize() cannot use."""
    for argument, value, least in (("history", history, 1), ("max_iterations", max_iterations, 0)):
        if not isinstance(value, int) or value < least:
            raise ValueError(f"{argument}: need an integer of at least {least}, got {value}")
    if not tolerance >= 0:  # NaN fails, too
        raise ValueError(f"tolerance: need at least 0, got {tolerance}")


def _check_output(value: Tensor, gradient: Tensor, x: Tensor) -> None:
    """Raise ValueError unless a function's value and gradient fit its points x."""
    need = [(x.dtype, list(x.shape[:1])), (x.dtype, list(x.shape))]
    got = [(part.dtype, list(part.shape)) for part in (value, gradient)]
    if got != need:
        raise ValueError(f"fun: need values and gradients {need}, got {got}")


def _evaluate(fun: Function, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """The values [b] and gradients [b, n], without a graph."""
    value, gradient = fun(x, rows)
    return value.detach(), gradient.detach()


def _record(result: Minimum, state: _State) -> None:
    """Write where the problems in hand are into the result."""
    for name in ("x", "value", "gradient", "evaluations", "iterations"):
        getattr(result, name)[state.rows] = getattr(state, name)


def _projected_gradient(state: _State) -> Tensor:
    """The largest entry of x - clip(x - gradient), [b]: zero exactly at a stationary point."""
    move = state.x - state.box.clip(state.x - state.gradient)
    return torch.linalg.vector_norm(move, ord=torch.inf, dim=1)


def _step(fun: Function, state: _State, slot: int) -> None:
    """One quasi-Newton step of each problem that is going, in place.

    The pairs stand in a ring: the new one takes the place of the oldest one, at `slot`.
    """
    x, gradient = state.x, state.gradient
    _line_search(fun, state, _direction(state, slot))
    step, change = state.x - x, state.gradient - gradient
    # A pair with too little curvature would spoil the matrix: zeros stand for "no pair".
    good = (_dot(step, change) > CURVATURE * _dot(change, change))[:, None]
    state.steps[:, slot] = step * good
    state.changes[:, slot] = change * good


def _direction(state: _State, slot: int) -> Tensor:
    """The quasi-Newton direction of the free variables, [b, n]; the oldest pair is at `slot`.

    It is zero for the variables that are held at a bound. With S and Y the free parts of the pairs,
    oldest first, R the upper triangle of S'Y, D its diagonal and u = R^-1 S'g, it is minus
    H g = scale g - scale Y u + S R^-T ((D + scale Y'Y) u - scale Y'g),
    equation 3.1 of Byrd, Nocedal and Schnabel (1994).
    """
    h = state.history
    state.stack[:, -1] = state.gradient
    # A variable at a bound that the gradient pushes outwards is held there: leave it out.
    at_lower, at_upper = state.x <= state.box.lower, state.x >= state.box.upper
    held = (at_lower & (state.gradient >= 0)) | (at_upper & (state.gradient <= 0))
    stack = state.stack * (~held)[:, None].to(state.x.dtype)

    # One product for all that the formula needs: rows Y and g, columns S, Y and g.
    products = stack[:, h:] @ stack.mT  # [b, h + 1, 2h + 1]
    # R is a triangle only in the order of time: turn the ring so that the oldest pair is first.
    y_s, y_y = (block.roll((-slot, -slot), (1, 2)) for block in products[:, :h, :-1].split(h, 2))
    g_s, g_y = (block.roll(-slot, 1)[:, :, None] for block in products[:, h, :-1].split(h, 1))
    s_y, s_g, y_g, g_g = y_s.mT, g_s, g_y, products[:, h, -1]

    # A pair may lose its curvature with the variables that are held: leave it out, too.
    diagonal, squares = s_y.diagonal(dim1=1, dim2=2), y_y.diagonal(dim1=1, dim2=2)
    used = (diagonal > CURVATURE * squares) & (diagonal > 0)  # [b, h]
    both = used[:, :, None] & used[:, None]
    scale = _scale(diagonal, squares, used, g_g)[:, None, None]
    # Ones on the diagonal in the place of pairs that are left out keep R invertible.
    triangle = torch.where(both, s_y, 0.0).triu() + torch.diag_embed((~used).to(s_y.dtype))
    u = torch.linalg.solve_triangular(triangle, s_g * used[:, :, None], upper=True)
    inner = (diagonal * used)[:, :, None] * u + scale * (
        torch.where(both, y_y, 0.0) @ u - y_g * used[:, :, None]
    )
    of_s = torch.linalg.solve_triangular(triangle.mT, inner, upper=False)

    # The combination is one product again, so the weights go back to the order of the ring.
    of_s, of_y = of_s.roll(slot, 1), (-scale * u).roll(slot, 1)
    weights = torch.cat([of_s, of_y, scale], dim=1)  # [b, 2h + 1, 1]
    return -(weights.mT @ stack)[:, 0]


def _scale(products: Tensor, squares: Tensor, used: Tensor, gradient: Tensor) -> Tensor:
    """The initial matrix's factor, [b]: s.y / y.y of the newest pair in use.

    Without any pair the first step is the gradient, cut to length 1; `gradient` is its square.
    """
    scale = gradient.clamp(min=1.0).rsqrt()
    newest = used.shape[1] - 1 - used.flip(1).to(torch.uint8).argmax(dim=1, keepdim=True)
    ratio = (products / squares).gather(1, newest)[:, 0]
    return torch.where(used.any(dim=1), ratio, scale)


def _line_search(fun: Function, state: _State, direction: Tensor) -> None:
    """Move each problem along its projected path until its value is low enough, in place.

    The first trial is the whole step. A problem that no trial satisfies stays and stops.
    """
    x, value, gradient = (part.clone() for part in (state.x, state.value, state.gradient))
    size = torch.ones_like(value)
    waiting = state.going.nonzero()[:, 0]
    for _ in range(HALVINGS):
        start = state.x[waiting]
        trial = state.box[waiting].clip(start + size[waiting, None] * direction[waiting])
        found, slope = _evaluate(fun, trial, state.rows[waiting])
        state.evaluations[waiting] += 1

        # The projection bends the path: a step is judged by the way that it really went.
        move, before = trial - start, state.value[waiting]
        rise, linear = found - before, _dot(state.gradient[waiting], move)
        enough = _enough(rise, linear, slope, move, before)
        done = waiting[enough]
        x[done], value[done], gradient[done] = trial[enough], found[enough], slope[enough]
        state.iterations[done] += 1

        size[waiting] *= _shrink(rise, linear)
        waiting = waiting[~enough]
        if not len(waiting):
            break
    state.x, state.value, state.gradient = x, value, gradient
    state.going[waiting] = False


def _enough(rise: Tensor, linear: Tensor, slope: Tensor, step: Tensor, value: Tensor) -> Tensor:
    """Armijo's condition, bool [b].

    Where the value's own rounding hides the decrease, a slope that has become flatter will do
    (Hager and Zhang 2005).
    """
    hidden = rise <= 4 * torch.finfo(value.dtype).eps * value.abs()
    flatter = _dot(slope, step).abs() <= FLATTER * linear.abs()
    return (
        ((rise <= DECREASE * linear) | (hidden & flatter))
        & (linear < 0)
        & slope.sum(dim=1).isfinite()
    )


def _shrink(rise: Tensor, linear: Tensor) -> Tensor:
    """The factor on a step that failed, within [0.1, 0.5].

    It leads to the lowest point of the parabola through both values and the slope at the start.
    """
    return torch.nan_to_num(-linear / (2 * (rise - linear)), nan=0.1).clamp(0.1, 0.5)


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """Inner products over the last dimension."""
    return (first * second).sum(dim=-1)
