"""Two sets of values compared: is there a difference, is there none, and verdicts over many comparisons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from helpers.intervals import LEVEL, Estimate

PERMUTATIONS = 2_000  # of a permutation test, whose least p-value is 2 / (PERMUTATIONS + 1)


@dataclass(frozen=True)
class Comparison:
    """Two sets of values: the difference of their means and two p-values.

    different: of the permutation test, small when the means differ at all. same: of the equivalence test, small when they differ
    by less than the margin.
    """

    difference: Estimate
    different: float
    same: float


def compare(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], *, margin: float, resamples: int, seed: int) -> Comparison:
    """Mean of `first` minus mean of `second`, vectors of one value for each direction, with a bootstrap interval over directions.

    margin: the largest difference that still counts as none, fixed before measuring. The permutation test is two-sided; the
    equivalence test is two one-sided Welch tests (Schuirmann 1987). Raises ValueError for a vector with fewer than two
    values or one that is not finite, or a margin that is not positive.
    """
    for name, values in {"first": first, "second": second}.items():
        if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
            raise ValueError(f"{name}: need a vector of at least two finite values, got shape {list(values.shape)}")
    if not margin > 0:
        raise ValueError(f"margin: need a positive number, got {margin}")
    permuted = stats.permutation_test((first, second), _difference, n_resamples=PERMUTATIONS, vectorized=True, batch=500, rng=np.random.default_rng(seed))
    return Comparison(_interval(first, second, resamples, seed), float(permuted.pvalue), _equivalence(first, second, margin))


def _difference(first: Any, second: Any, axis: int = -1) -> Any:
    return np.mean(first, axis=axis) - np.mean(second, axis=axis)


def _interval(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], resamples: int, seed: int) -> Estimate:
    """The difference of means with its percentile bootstrap interval, both vectors resampled."""
    difference = float(_difference(first, second))
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return Estimate(difference, difference, difference, len(first))
    options: dict[str, Any] = {"n_resamples": resamples, "confidence_level": LEVEL, "method": "percentile", "vectorized": True, "batch": 500}
    low, high = stats.bootstrap((first, second), _difference, rng=np.random.default_rng(seed), **options).confidence_interval
    return Estimate(difference, float(low), float(high), len(first))


def _equivalence(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], margin: float) -> float:
    """The larger p-value of two one-sided Welch tests, that the difference of means is above -margin and below +margin."""
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return float(abs(_difference(first, second)) >= margin)
    rest = (first.std(ddof=1), len(first), second.mean(), second.std(ddof=1), len(second))
    above = stats.ttest_ind_from_stats(first.mean() + margin, *rest, equal_var=False, alternative="greater")
    below = stats.ttest_ind_from_stats(first.mean() - margin, *rest, equal_var=False, alternative="less")
    return float(max(above.pvalue, below.pvalue))


def verdicts(comparisons: Mapping[Any, Comparison], level: float = 0.05) -> dict[Any, str]:
    """What each comparison shows: "same", else "more" or "less", else "open".

    Both p-values are adjusted for the number of comparisons (Benjamini and Hochberg 1995), then held against `level`. A difference that
    is certain but certainly within the margin counts as none.
    """
    adjusted = {test: stats.false_discovery_control([getattr(found, test) for found in comparisons.values()]) for test in ("different", "same")}
    return {
        name: "same" if same < level else "open" if different >= level else "more" if found.difference.value > 0 else "less"
        for (name, found), different, same in zip(comparisons.items(), adjusted["different"], adjusted["same"], strict=True)
    }
