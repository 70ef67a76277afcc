"""The batched box-constrained L-BFGS against SciPy's, and where functions or boxes misbehave."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from torch import Tensor

from helpers import lbfgsb

B, N = 12, 10
Values = Callable[[Tensor, Tensor], Tensor]  # x [b, n], rows [b] -> [b]


def differentiated(values: Values) -> lbfgsb.Function:
    """A function for minimize() from its values, by automatic differentiation."""

    def function(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            point = x.detach().requires_grad_()
            value = values(point, rows)
            return value.detach(), torch.autograd.grad(value.sum(), point)[0]

    return function


def by_scipy(
    values: Values, row: int, x0: Tensor, lower: Tensor, upper: Tensor
) -> optimize.OptimizeResult:
    """The same problem by scipy.optimize."""

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = differentiated(values)(torch.from_numpy(x)[None], torch.tensor([row]))
        return value.item(), gradient[0].numpy()

    bounds = list(zip(lower.numpy(), upper.numpy(), strict=True))
    return optimize.minimize(
        function,
        x0.numpy(),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 5000, "ftol": 0, "gtol": 1e-10},
    )


def quadratic(seed: int = 0, size: int = N) -> Values:
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(B, size, size, generator=generator, dtype=torch.float64)
    matrix, linear = (
        root @ root.mT + 0.1 * torch.eye(size),
        5 * torch.randn(B, size, generator=generator, dtype=torch.float64),
    )
    return lambda x, rows: (
        (x[:, None] @ matrix[rows].to(x.dtype))[:, 0] * x / 2 - linear[rows].to(x.dtype) * x
    ).sum(dim=1)


def rosenbrock(x: Tensor, rows: Tensor) -> Tensor:
    return (100 * (x[:, 1:] - x[:, :-1].square()).square() + (1 - x[:, :-1]).square()).sum(dim=1)


def log_sum_exp(x: Tensor, rows: Tensor) -> Tensor:
    weights = torch.randn(B, 20, N, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return ((weights[rows] @ x[:, :, None])[:, :, 0]).logsumexp(dim=1)


def network(x: Tensor, rows: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    first, second = (
        torch.randn(N, 16, generator=generator, dtype=torch.float64),
        torch.randn(16, generator=generator, dtype=torch.float64),
    )
    return torch.tanh(x @ first) @ second + 0.5 * (x - rows[:, None] / B).square().sum(dim=1)


@pytest.mark.parametrize("values", [quadratic(), log_sum_exp], ids=["quadratic", "log-sum-exp"])
def test_convex_problems_with_active_bounds_have_scipys_minimum(values: Values) -> None:
    lower, upper = (
        torch.full((N,), -0.2, dtype=torch.float64),
        torch.linspace(0.05, 0.4, N, dtype=torch.float64),
    )
    found = lbfgsb.minimize(
        differentiated(values),
        torch.zeros(B, N, dtype=torch.float64),
        lower,
        upper,
        max_iterations=500,
        tolerance=1e-8,
    )
    assert found.converged.all()
    assert ((found.x == lower) | (found.x == upper)).any()
    for row in range(B):
        expected = by_scipy(values, row, torch.zeros(N, dtype=torch.float64), lower, upper)
        np.testing.assert_allclose(found.value[row], expected.fun, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.x[row], expected.x, atol=1e-5)


@pytest.mark.parametrize("values", [rosenbrock, network], ids=["Rosenbrock", "network"])
def test_nonconvex_problems_end_at_minima_that_scipy_cannot_improve(values: Values) -> None:
    lower, upper = (
        torch.full((N,), -1.5, dtype=torch.float64),
        torch.full((N,), 0.8, dtype=torch.float64),
    )
    start = (
        torch.rand(B, N, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 2 - 1
    )
    found = lbfgsb.minimize(
        differentiated(values), start, lower, upper, max_iterations=2000, tolerance=1e-7
    )
    assert found.converged.all()
    for row in range(B):
        assert (
            by_scipy(values, row, found.x[row], lower, upper).fun >= found.value[row].item() - 1e-9
        )


def test_it_takes_about_as_many_evaluations_as_scipy() -> None:
    values, start = quadratic(), torch.zeros(B, N, dtype=torch.float64)
    lower, upper = start[0] - 0.2, start[0] + 0.3
    found = lbfgsb.minimize(
        differentiated(values), start, lower, upper, max_iterations=500, tolerance=1e-8
    )
    expected = [by_scipy(values, row, start[row], lower, upper).nfev for row in range(B)]
    assert found.evaluations.float().mean() <= 2 * np.mean(expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_row_does_not_depend_on_its_neighbours(dtype: torch.dtype) -> None:
    start = torch.rand(B, N, generator=torch.Generator().manual_seed(4), dtype=dtype)
    together = lbfgsb.minimize(
        lambda x, rows: elementwise(x, rows), start, 0.0, 1.0, max_iterations=40, tolerance=0.0
    )
    for row in range(B):
        alone = lbfgsb.minimize(
            lambda x, rows, row=row: elementwise(x, rows + row),
            start[row : row + 1],
            0.0,
            1.0,
            max_iterations=40,
            tolerance=0.0,
        )
        torch.testing.assert_close(alone.x[0], together.x[row], rtol=1e-5, atol=1e-6)
        assert alone.value[0].item() == pytest.approx(together.value[row].item(), rel=1e-6)


def elementwise(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """A strictly convex function whose rows involve no matrix product, with its gradient."""
    centre = (torch.arange(N) * 0.37 + rows[:, None] * 0.21).frac().to(x.dtype) * 2 - 0.5
    weight = 1 + torch.arange(N).to(x.dtype)
    return (weight * (x - centre).square() + (x - centre) ** 4).sum(dim=1), 2 * weight * (
        x - centre
    ) + 4 * (x - centre) ** 3


def test_equal_bounds_fix_a_variable() -> None:
    lower = torch.full((B, N), 0.3, dtype=torch.float64)
    upper = lower.clone()
    upper[:, ::2] = 0.9
    found = lbfgsb.minimize(
        differentiated(quadratic()),
        torch.zeros(B, N, dtype=torch.float64),
        lower,
        upper,
        max_iterations=300,
        tolerance=1e-8,
    )
    assert found.converged.all()
    assert (found.x[:, 1::2] == 0.3).all()
    all_fixed = lbfgsb.minimize(differentiated(quadratic()), lower, lower, lower)
    assert all_fixed.converged.all()
    assert (all_fixed.iterations == 0).all()
    assert (all_fixed.x == 0.3).all()


@pytest.mark.parametrize("corner", [-0.2, 0.3])
def test_a_start_on_a_corner_or_outside_the_box(corner: float) -> None:
    fun = differentiated(quadratic())
    expected = lbfgsb.minimize(
        fun, torch.zeros(B, N, dtype=torch.float64), -0.2, 0.3, max_iterations=500, tolerance=1e-9
    )
    for start in (corner, 10 * corner):
        found = lbfgsb.minimize(
            fun,
            torch.full((B, N), start, dtype=torch.float64),
            -0.2,
            0.3,
            max_iterations=500,
            tolerance=1e-9,
        )
        torch.testing.assert_close(found.value, expected.value, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_row_whose_function_breaks_stops_is_reported_and_harms_no_other(bad: float) -> None:
    values, start = quadratic(), torch.zeros(B, N, dtype=torch.float64)

    def broken(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = differentiated(values)(x, rows)
        breaks = (rows == 2) | (
            (rows == 5) & (x != 0).any(dim=1)
        )  # at once, and after the first step
        return torch.where(breaks, bad, value), torch.where(breaks[:, None], torch.nan, gradient)

    found = lbfgsb.minimize(broken, start, -0.2, 0.3, max_iterations=500, tolerance=1e-8)
    expected = lbfgsb.minimize(
        differentiated(values), start, -0.2, 0.3, max_iterations=500, tolerance=1e-8
    )
    others = torch.tensor([row not in (2, 5) for row in range(B)])
    assert not found.converged[~others].any()
    assert not found.value[2].isfinite()
    assert found.x[~others].eq(0).all()
    assert found.converged[others].all()
    torch.testing.assert_close(found.value[others], expected.value[others])


def test_a_wall_of_infinity_is_walked_along_not_through() -> None:
    def barrier(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        inside = x.sum(dim=1, keepdim=True) < 1
        value = torch.where(inside[:, 0], -(1 - x.sum(dim=1)).log() * 0.01 - x[:, 0], torch.inf)
        return value, torch.where(
            inside, 0.01 / (1 - x.sum(dim=1, keepdim=True)), torch.nan
        ) - torch.eye(N, dtype=x.dtype)[:1]

    found = lbfgsb.minimize(
        barrier,
        torch.zeros(3, N, dtype=torch.float64),
        0.0,
        5.0,
        max_iterations=200,
        tolerance=1e-8,
    )
    assert found.converged.all()
    torch.testing.assert_close(found.x[:, 0], torch.full((3,), 0.99, dtype=torch.float64))


def test_constant_and_linear_functions() -> None:
    zero = lbfgsb.minimize(
        lambda x, rows: (x[:, 0] * 0 + 7, x * 0), torch.full((2, N), 0.5), 0.0, 1.0
    )
    assert zero.converged.all()
    assert (zero.iterations == 0).all()
    slope = torch.linspace(-1, 1, N)
    linear = lbfgsb.minimize(
        lambda x, rows: (x @ slope, slope.expand_as(x).clone()), torch.full((2, N), 0.5), 0.0, 1.0
    )
    assert linear.converged.all()
    torch.testing.assert_close(linear.x, (slope < 0).float().expand(2, N))


def test_float32_reaches_its_own_accuracy() -> None:
    found = lbfgsb.minimize(
        differentiated(quadratic()),
        torch.zeros(B, N),
        -0.2,
        0.3,
        max_iterations=500,
        tolerance=1e-4,
    )
    expected = lbfgsb.minimize(
        differentiated(quadratic()),
        torch.zeros(B, N, dtype=torch.float64),
        -0.2,
        0.3,
        max_iterations=500,
        tolerance=1e-9,
    )
    assert found.x.dtype == torch.float32
    assert found.converged.float().mean() >= 0.9
    torch.testing.assert_close(found.value.double(), expected.value, rtol=1e-5, atol=1e-5)


def test_counts_and_limits() -> None:
    calls = torch.zeros(B, dtype=torch.int64)

    def counted(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        calls[rows] += 1
        return differentiated(quadratic())(x, rows)

    found = lbfgsb.minimize(
        counted, torch.zeros(B, N, dtype=torch.float64), -1.0, 1.0, max_iterations=7, tolerance=0.0
    )
    assert (found.iterations <= 7).all()
    assert (found.evaluations <= calls).all()  # a stopped row may stay in the batch for a while
    none = lbfgsb.minimize(counted, torch.zeros(0, N), -1.0, 1.0)
    assert len(none.x) == len(none.value) == 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), width=st.floats(0, 2), history=st.integers(1, 6))
def test_the_result_is_in_the_box_and_no_worse_than_the_start(
    seed: int, width: float, history: int
) -> None:
    lower = torch.randn(B, N, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    start = torch.randn(
        B, N, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64
    )
    values = quadratic(seed)
    found = lbfgsb.minimize(
        differentiated(values), start, lower, lower + width, history=history, max_iterations=30
    )
    assert ((found.x >= lower) & (found.x <= lower + width)).all()
    rows = torch.arange(B)
    assert (found.value <= values(start.clamp(lower, lower + width), rows)).all()
    torch.testing.assert_close(found.value, values(found.x, rows))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"x0": torch.zeros(3)}, "x0"),
        ({"x0": torch.zeros(3, N, dtype=torch.int64)}, "x0"),
        ({"x0": torch.zeros(3, 0)}, "x0"),
        ({"x0": torch.full((3, N), torch.nan)}, "x0"),
        ({"lower": 2.0}, "lower, upper"),
        ({"upper": torch.nan}, "lower, upper"),
        ({"lower": torch.zeros(N + 1)}, "lower, upper"),
        ({"x0": torch.zeros(3, N).half()}, "x0: need a tensor of float32 or float64"),
        ({"x0": [[0.0]]}, "x0: .* got list"),
        ({"history": 0}, "history"),
        ({"history": 2.5}, "history: need an integer of at least 1"),
        ({"tolerance": torch.nan}, "tolerance: need at least 0"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"fun": lambda x, rows: (x.sum(dim=1, keepdim=True), x)}, "fun: need values"),
        ({"fun": lambda x, rows: (x.sum(dim=1), x[:, 0])}, "fun: need values"),
        ({"fun": lambda x, rows: (x.sum(dim=1).double(), x)}, "fun: need values"),
        ({"max_iterations": -1}, "max_iterations"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        lbfgsb.minimize(
            **{
                "fun": differentiated(quadratic()),
                "x0": torch.zeros(3, N),
                "lower": 0.0,
                "upper": 1.0,
                **arguments,
            }
        )  # type: ignore[arg-type]
