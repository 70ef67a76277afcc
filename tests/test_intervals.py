import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import intervals


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilsons_interval_solves_its_defining_equation(count: int, total: int) -> None:
    count = min(count, total)
    estimate = intervals.proportion(torch.arange(total) < count)
    assert estimate.value == pytest.approx(count / total)
    z = 1.959963984540054
    for bound in (estimate.low, estimate.high):  # (p - bound)^2 = z^2 bound (1 - bound) / n
        assert (count / total - bound) ** 2 == pytest.approx(
            z**2 * bound * (1 - bound) / total, abs=1e-9
        )


def test_the_bootstrap_interval_of_a_mean_is_the_normal_one_for_a_large_normal_sample() -> None:
    sample = torch.randn(4_000, generator=torch.Generator().manual_seed(0)).double() * 3 + 5
    estimate = intervals.mean(sample, resamples=4_000, seed=0)
    half = 1.96 * float(sample.std()) / math.sqrt(len(sample))
    assert estimate.low == pytest.approx(float(sample.mean()) - half, abs=0.1 * half)
    assert estimate.high == pytest.approx(float(sample.mean()) + half, abs=0.1 * half)


def test_the_bootstrap_covers_the_mean_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(1)
    covered = 0
    for seed in range(200):
        estimate = intervals.mean(
            torch.from_numpy(draw.exponential(2.0, 60)), resamples=300, seed=seed
        )
        covered += estimate.low <= 2.0 <= estimate.high
    assert 175 <= covered <= 199


def test_one_seed_gives_one_interval() -> None:
    sample = torch.rand(50, generator=torch.Generator().manual_seed(2))
    assert intervals.mean(sample, resamples=100, seed=3) == intervals.mean(
        sample, resamples=100, seed=3
    )


def test_a_constant_sample_has_an_interval_of_no_width() -> None:
    estimate = intervals.mean(torch.full((7,), 0.25), resamples=100, seed=0)
    assert (estimate.low, estimate.value, estimate.high) == (0.25, 0.25, 0.25)


def test_empty_and_infinite_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="successes: need at least one value"):
        intervals.proportion(torch.zeros(0, dtype=torch.bool))
    with pytest.raises(ValueError, match="values: need finite values, got 2 of which 1 are finite"):
        intervals.mean(torch.tensor([1.0, math.inf]), resamples=10, seed=0)


def test_scaling_and_printing() -> None:
    estimate = intervals.Estimate(0.0187, 0.0162, 0.0215, 10_000).scaled(100)
    assert f"{estimate:.2f}" == "1.87 [1.62, 2.15]"
    assert estimate.n == 10_000


def test_the_mean_over_runs_has_students_interval() -> None:
    values = np.random.default_rng(0).normal(size=5)
    found = intervals.runs(values.tolist())
    half = 2.7764451 * values.std(ddof=1) / 5**0.5  # the table's entry for four degrees of freedom
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))
    assert found.n == 5
    same = intervals.runs([2.0, 2.0])
    assert (same.low, same.value, same.high) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, float("nan")]])
def test_a_mean_over_runs_needs_two_finite_numbers(values: list[float]) -> None:
    with pytest.raises(ValueError, match="values: need at least two, all finite"):
        intervals.runs(values)
