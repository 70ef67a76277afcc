import cvxpy as cp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.certify.ball import ITERATIONS, Ball, greatest


def problem(seed, pixels=30, radius=1.0):
    generator = torch.Generator().manual_seed(seed)
    images = (torch.rand(pixels, generator=generator, dtype=torch.float64) * 2 - 0.5).clamp(
        0, 1
    )  # many pixels at 0, some at 1
    coefficients = torch.randn(3, pixels, generator=generator, dtype=torch.float64)
    return coefficients, images, torch.tensor([radius], dtype=torch.float64)


def optimum(coefficients, images, radius):
    """The maximum of <a, r> by a conic solver, for each row."""
    values = []
    for row in coefficients.numpy():
        step = cp.Variable(len(row))
        limits = [
            cp.norm(step) <= radius.item(),
            step >= -images.numpy(),
            step <= 1 - images.numpy(),
        ]
        values.append(cp.Problem(cp.Maximize(row @ step), limits).solve(solver=cp.CLARABEL))
    return np.array(values)


@pytest.mark.parametrize("iterations", [ITERATIONS, 40])
@pytest.mark.parametrize("radius", [0.01, 0.3, 1.0, 3.0, 5.5])
def test_the_greatest_value_is_that_of_a_conic_solver(radius, iterations):
    coefficients, images, length = problem(0, radius=radius)
    found = greatest(
        coefficients[None], -images[None], 1 - images[None], length, iterations=iterations
    )[0]
    assert found.numpy() == pytest.approx(optimum(coefficients, images, length), rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), radius=st.floats(1e-3, 8.0), iterations=st.integers(0, 5))
def test_any_number_of_iterations_gives_an_upper_bound(seed, radius, iterations):
    coefficients, images, length = problem(seed, radius=radius)
    bound = greatest(
        coefficients[None], -images[None], 1 - images[None], length, iterations=iterations
    )[0]
    steps = (
        torch.randn(
            200, len(images), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        + 2 * coefficients[0]
    )
    steps = torch.minimum(
        torch.maximum(steps * radius / steps.norm(dim=1, keepdim=True), -images), 1 - images
    )  # clipping only shortens
    assert (steps @ coefficients.T <= bound + 1e-12).all()


def test_the_least_value_over_a_ball_is_taken_in_the_box():
    ball = Ball(torch.tensor([[[[0.0, 0.5]]]]).double(), torch.tensor([10.0]).double())
    coefficients = torch.tensor([[[[[3.0, -2.0]]]]]).double()
    assert ball.least(coefficients, torch.tensor([[1.0]]).double()).item() == pytest.approx(
        1.0 - 2.0, abs=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), radius=st.floats(1e-3, 8.0))
def test_the_quick_bound_is_below_the_least_value_and_equal_to_it_where_no_pixel_meets_a_bound(
    seed, radius
):
    coefficients, images, length = problem(seed, radius=radius)
    ball, rows, constant = (
        Ball(images.view(1, 1, 5, 6), length),
        coefficients.view(1, 3, 1, 5, 6),
        torch.randn(1, 3).double(),
    )
    assert (ball.below(rows, constant) <= ball.least(rows, constant) + 1e-9).all()
    inner = Ball(torch.full((1, 1, 5, 6), 0.5).double(), torch.tensor([0.4]).double())
    assert torch.allclose(inner.below(rows, constant), inner.least(rows, constant), atol=1e-9)


def test_no_coefficients_move_nothing():
    bound = greatest(
        torch.zeros(1, 1, 4).double(),
        -torch.ones(1, 4).double(),
        torch.ones(1, 4).double(),
        torch.ones(1).double(),
        iterations=3,
    )
    assert bound.item() == pytest.approx(0.0, abs=1e-12)
