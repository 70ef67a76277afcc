"""Comparisons of two sets of directions, on planted layers: tests that can give both answers."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers import comparison, units
from helpers.intervals import Estimate


def compare(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> comparison.Comparison:
    return comparison.compare(first, second, margin=0.1, resamples=500, seed=0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def detectors(count: int = 2000) -> tuple[Tensor, Tensor]:
    """Features [count, 200] and labels [count] of a layer with twenty units for each digit.

    Each unit is active for its digit alone, and rarely.
    """
    labels = torch.arange(count) % 10
    active = (torch.rand(count, 200, generator=seeded(1)) < 0.2) & (
        torch.arange(200) % 10 == labels[:, None]
    )
    return torch.rand(count, 200, generator=seeded(2)) * active, labels


def isotropic(count: int = 2000) -> tuple[Tensor, Tensor]:
    """A layer of 200 units that are independent standard normal variables, whatever the label."""
    return torch.randn(count, 200, generator=seeded(3)), torch.arange(count) % 10


def purity(features: Tensor, labels: Tensor, kind: str) -> np.ndarray[Any, Any]:
    top = units.top_images(
        features, units.directions(kind, features.shape[1], 200, seeded(4), features), 10
    )
    return units.coherence(top, labels, {})["purity"].to_numpy()


def test_planted_detectors_differ_from_random_directions_until_they_are_rotated() -> None:
    layer, labels = detectors()
    rotated = layer @ units.directions("rotation", 200, 200, seeded(5)).T
    found = {
        name: compare(purity(points, labels, "unit"), purity(points, labels, "random"))
        for name, points in {"planted": layer, "rotated": rotated}.items()
    }
    assert purity(layer, labels, "unit").min() == 1
    assert found["planted"].difference.low > 0.2
    assert abs(found["rotated"].difference.value) < 0.05
    assert comparison.verdicts(found) == {"planted": "more", "rotated": "same"}


def test_planted_detectors_differ_from_a_rotation() -> None:
    layer, labels = detectors()
    assert (
        compare(purity(layer, labels, "unit"), purity(layer, labels, "rotation")).difference.low
        > 0.2
    )


@pytest.mark.parametrize("kind", ["random", "rotation", "pca"])
def test_an_isotropic_layer_shows_no_difference(kind: str) -> None:
    layer, labels = isotropic()
    found = compare(purity(layer, labels, "unit"), purity(layer, labels, kind))
    assert abs(found.difference.value) < 0.05
    assert found.different > 0.05
    assert comparison.verdicts({kind: found}) == {kind: "same"}


def test_few_directions_leave_a_difference_open() -> None:
    values = np.random.default_rng(0).normal(size=(2, 4))
    found = compare(*values)
    assert comparison.verdicts({"few": found}) == {"few": "open"}


def test_less_and_more_are_mirror_images() -> None:
    low, high = np.random.default_rng(0).normal([[0.0], [1.0]], size=(2, 50))
    found = {"up": compare(high, low), "down": compare(low, high)}
    assert comparison.verdicts(found) == {"up": "more", "down": "less"}
    assert found["up"].difference.value == pytest.approx(-found["down"].difference.value)
    assert found["up"].same == pytest.approx(found["down"].same)


def test_the_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    found = [
        comparison._interval(
            generator.normal(0.5, size=40), generator.normal(0, size=40), 300, seed
        )
        for seed in range(100)
    ]
    assert 88 <= sum(estimate.low < 0.5 < estimate.high for estimate in found) <= 99


def test_the_equivalence_test_errs_no_more_often_than_it_says() -> None:
    """At a true difference of exactly the margin, "same" is wrong; 5 % of 400 samples are 20."""
    generator = np.random.default_rng(0)
    wrong = sum(
        comparison._equivalence(
            generator.normal(0.1, 0.2, size=60), generator.normal(0, 0.2, size=60), 0.1
        )
        < 0.05
        for _ in range(400)
    )
    assert 5 < wrong < 35


def test_constant_values_compare_without_a_warning() -> None:
    ones = np.ones(10)
    same, apart = compare(ones, ones), compare(ones, ones - 0.5)
    assert (same.same, apart.same) == (0, 1)
    assert apart.difference.value == apart.difference.low == apart.difference.high == 0.5
    assert apart.different < 0.05 < same.different


@pytest.mark.parametrize(
    ("first", "margin", "message"),
    [
        (np.array([1.0]), 0.1, "first: need a vector of at least two finite values"),
        (np.array([1.0, np.nan]), 0.1, "first: need"),
        (np.array([1.0, 2.0]), 0.0, "margin: need a positive number, got 0"),
    ],
)
def test_compare_refuses(first: np.ndarray[Any, Any], margin: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        comparison.compare(first, np.array([1.0, 2.0]), margin=margin, resamples=100, seed=0)


def family() -> dict[str, comparison.Comparison]:
    """Comparisons that show each of the four things, planted by their p-values."""
    around = Estimate(0.0, -0.05, 0.05, 50)
    up, down = Estimate(0.3, 0.2, 0.4, 50), Estimate(-0.3, -0.4, -0.2, 50)
    return {
        "up": comparison.Comparison(up, different=1e-6, same=1.0),
        "down": comparison.Comparison(down, different=1e-6, same=1.0),
        "level": comparison.Comparison(around, different=0.9, same=1e-6),
        "vague": comparison.Comparison(around, different=0.9, same=0.9),
    }


def test_each_difference_is_judged_as_one_of_its_family() -> None:
    judged = comparison.judge(family())
    assert {name: found.verdict for name, found in judged.items()} == {
        "up": "more", "down": "less", "level": "same", "vague": "open",
    }  # fmt: skip
    assert judged["down"].difference == family()["down"].difference
    lonely = comparison.Comparison(Estimate(0.1, 0.0, 0.2, 50), different=0.04, same=1.0)
    assert comparison.judge({"lonely": lonely})["lonely"].verdict == "more"
    # Among nine others that show nothing, a p-value of 0.04 is nothing special.
    crowd = {f"n{n}": family()["vague"] for n in range(9)}
    assert comparison.judge({"lonely": lonely, **crowd})["lonely"].verdict == "open"


def test_a_judged_difference_is_larger_or_not_or_open_and_tells_its_verdict() -> None:
    judged = comparison.judge(family())
    larger = {name: found.larger for name, found in judged.items()}
    assert larger == {"up": True, "down": False, "level": False, "vague": None}
    assert f"{judged['down']:+.1f}" == "-0.3 [-0.4, -0.2] less"


def test_a_tally_counts_every_verdict() -> None:
    judged = comparison.judge(family())
    assert comparison.tally([*judged.values(), judged["up"]]) == {
        "more": 2, "less": 1, "same": 1, "open": 1,
    }  # fmt: skip


def test_extremes_are_found_with_the_cases_that_have_them_by_the_value_alone() -> None:
    wide, narrow = Estimate(2.0, -9.0, 9.0, 5), Estimate(3.0, 2.9, 3.1, 5)
    found = comparison.extremes({"wide": wide, "plain": 2.5, "narrow": narrow, "again": 3.0})
    assert found == {"least": wide, "least of": "wide", "most": narrow, "most of": "narrow"}


def test_nothing_has_no_extremes() -> None:
    with pytest.raises(ValueError, match="need at least one"):
        comparison.extremes({})
