"""Two sets of values compared: is there a difference, is there none; verdicts over many."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from torch import Tensor

from helpers.intervals import LEVEL, Estimate

WORDS = ("more", "less", "same", "open")  # what a comparison can show
PERMUTATIONS = 2_000  # of a permutation test, whose least p-value is 2 / (PERMUTATIONS + 1)


@dataclass(frozen=True)
class Comparison:
    """Two sets of values: the difference of their means and two p-values.

    Parameters
    ----------
    difference : Estimate
        Of the means, the first minus the second.
    different : float
        Of the permutation test: small when the means differ at all.
    same : float
        Of the equivalence test: small when they differ by less than the margin.

    Examples
    --------
    >>> found = Comparison(Estimate(0.2, 0.1, 0.3, 100), different=0.001, same=0.98)
    >>> verdicts({"purity": found})
    {'purity': 'more'}
    """

    difference: Estimate
    different: float
    same: float


def compare(
    first: np.ndarray[Any, Any],
    second: np.ndarray[Any, Any],
    *,
    margin: float,
    resamples: int,
    seed: int,
) -> Comparison:
    """Compare the means of two vectors of one value for each direction.

    The difference has a percentile bootstrap interval over the directions. The permutation test is
    two-sided; the equivalence test is two one-sided Welch tests.

    Parameters
    ----------
    first, second : array
        [n] and [m], finite, at least two values each.
    margin : float
        The largest difference that still counts as none, positive; to be fixed before measuring.
    resamples : int
        Of the bootstrap.
    seed : int
        Of the bootstrap and of the permutations.

    Returns
    -------
    Comparison
        The difference is the mean of `first` minus that of `second`.

    Raises
    ------
    ValueError
        For a vector with fewer than two values or one that is not finite, or a margin that is not
        positive.

    References
    ----------
    D. J. Schuirmann (1987), for the equivalence test: A comparison of the two one-sided tests
    procedure and the power approach.

    Examples
    --------
    >>> first, second = np.arange(10.0), np.arange(10.0) + 20
    >>> found = compare(first, second, margin=1.0, resamples=100, seed=0)
    >>> found.difference.value, found.different < 0.01, found.same > 0.99
    (-20.0, True, True)
    """
    for name, values in {"first": first, "second": second}.items():
        if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
            raise ValueError(
                f"{name}: need a vector of at least two finite values, "
                f"got shape {list(values.shape)}"
            )
    if not margin > 0:
        raise ValueError(f"margin: need a positive number, got {margin}")
    permuted = stats.permutation_test(
        (first, second),
        _difference,
        n_resamples=PERMUTATIONS,
        vectorized=True,
        batch=500,
        rng=np.random.default_rng(seed),
    )
    return Comparison(
        _interval(first, second, resamples, seed),
        float(permuted.pvalue),
        _equivalence(first, second, margin),
    )


def _difference(first: Any, second: Any, axis: int = -1) -> Any:
    return np.mean(first, axis=axis) - np.mean(second, axis=axis)


def _interval(
    first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], resamples: int, seed: int
) -> Estimate:
    """The difference of means with its percentile bootstrap interval, both vectors resampled."""
    difference = float(_difference(first, second))
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return Estimate(difference, difference, difference, len(first))
    options: dict[str, Any] = {
        "n_resamples": resamples,
        "confidence_level": LEVEL,
        "method": "percentile",
        "vectorized": True,
        "batch": 500,
    }
    low, high = stats.bootstrap(
        (first, second), _difference, rng=np.random.default_rng(seed), **options
    ).confidence_interval
    return Estimate(difference, float(low), float(high), len(first))


def _equivalence(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], margin: float) -> float:
    """The larger p-value of two one-sided Welch tests.

    That the difference of means is above -margin, and that it is below +margin.
    """
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return float(abs(_difference(first, second)) >= margin)
    rest = (first.std(ddof=1), len(first), second.mean(), second.std(ddof=1), len(second))
    above = stats.ttest_ind_from_stats(
        first.mean() + margin, *rest, equal_var=False, alternative="greater"
    )
    below = stats.ttest_ind_from_stats(
        first.mean() - margin, *rest, equal_var=False, alternative="less"
    )
    return float(max(above.pvalue, below.pvalue))


def verdicts(comparisons: Mapping[Any, Comparison], level: float = 0.05) -> dict[Any, str]:
    """What each comparison shows: "same", else "more" or "less", else "open".

    Both p-values are adjusted for the number of comparisons, then held against `level`. A
    difference that is certain but certainly within the margin counts as none.

    Parameters
    ----------
    comparisons : mapping
        A `Comparison` by the name of each case; at least one.
    level : float, optional
        The share of false discoveries among those that are made, in (0, 1).

    Returns
    -------
    dict
        "same", "more", "less" or "open" by the same names.

    References
    ----------
    Y. Benjamini and Y. Hochberg (1995), Controlling the false discovery rate.

    Examples
    --------
    >>> none = Estimate(0.0, -0.1, 0.1, 100)
    >>> verdicts({"a": Comparison(none, 0.9, 0.01), "b": Comparison(none, 0.9, 0.9)})
    {'a': 'same', 'b': 'open'}
    """
    adjusted = {
        test: stats.false_discovery_control(
            [getattr(found, test) for found in comparisons.values()]
        )
        for test in ("different", "same")
    }
    pairs = zip(adjusted["different"], adjusted["same"], strict=True)
    return {
        name: _verdict(found.difference.value, *pair, level)
        for (name, found), pair in zip(comparisons.items(), pairs, strict=True)
    }


def _verdict(difference: float, different: float, same: float, level: float) -> str:
    """The word for one comparison, from its two adjusted p-values."""
    # A difference that is certain, but certainly within the margin, counts as none.
    if same < level:
        return "same"
    if different >= level:
        return "open"
    return "more" if difference > 0 else "less"


def paired(more: Tensor, fewer: Tensor) -> float:
    """McNemar's exact one-sided test that the errors `more` are no likelier than `fewer`.

    Only images on which the two disagree count.

    Parameters
    ----------
    more, fewer : Tensor
        Bool [N], of the same images.

    Returns
    -------
    float
        The p-value; 1 where the two never disagree.

    Raises
    ------
    ValueError
        For other shapes.

    References
    ----------
    Q. McNemar (1947), Note on the sampling error of the difference between correlated proportions
    or percentages.

    Examples
    --------
    >>> import torch
    >>> round(paired(torch.tensor([True] * 5), torch.tensor([False] * 5)), 5)  # 1 / 2 ** 5
    0.03125
    """
    if more.shape != fewer.shape or more.ndim != 1:
        raise ValueError(
            f"fewer: need two vectors of one length, "
            f"got shapes {list(more.shape)} and {list(fewer.shape)}"
        )
    wins, losses = int((more & ~fewer).sum()), int((fewer & ~more).sum())
    return (
        float(stats.binomtest(wins, wins + losses, alternative="greater").pvalue)
        if wins + losses
        else 1.0
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number.

    Where those of at most a are rejected, any false rejection at all has probability at most a.

    Parameters
    ----------
    p_values : sequence of float
        In [0, 1]; there may be none.

    Returns
    -------
    list of float
        Corrected, in the same order.

    References
    ----------
    S. Holm (1979), A simple sequentially rejective multiple test procedure.

    Examples
    --------
    >>> holm([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    """
    values = np.asarray(p_values, dtype=float)
    order = values.argsort()
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)).clip(
        max=1
    )
    return [float(value) for value in adjusted]


def rank_correlation(
    first: np.ndarray, second: np.ndarray, *, resamples: int, seed: int
) -> Estimate:
    """Spearman's rank correlation, with its percentile bootstrap interval over the pairs.

    Parameters
    ----------
    first, second : array
        [n], n at least 3, each with different values.
    resamples : int
        Of the bootstrap.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Estimate
        In [-1, 1].

    Raises
    ------
    ValueError
        For vectors of other shapes, shorter than 3, or with one value only: ranks say nothing then.

    References
    ----------
    C. Spearman (1904), The proof and measurement of association between two things.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 5.0, 9.0])
    >>> round(rank_correlation(values, -(values**3), resamples=50, seed=0).value, 6)
    -1.0
    """
    if (
        first.ndim != 1
        or first.shape != second.shape
        or len(first) < 3
        or np.ptp(first) == 0
        or np.ptp(second) == 0
    ):
        raise ValueError(
            f"first, second: need vectors of one length, at least 3, with different values, "
            f"got {list(first.shape)} and {list(second.shape)}"
        )
    generator = np.random.default_rng(seed)
    rows = generator.integers(len(first), size=(resamples, len(first)))
    ranks = [stats.rankdata(values[rows], axis=1) for values in (first, second)]
    found = _correlation(*ranks)
    low, high = np.nanquantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(
        float(stats.spearmanr(first, second).statistic), float(low), float(high), len(first)
    )


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's correlation of two matrices [r, n] row by row; NaN where one has one value only."""
    first, second = (values - values.mean(axis=1, keepdims=True) for values in (first, second))
    lengths = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    found: np.ndarray = np.divide(
        (first * second).sum(axis=1), lengths, out=np.full(len(first), np.nan), where=lengths > 0
    )
    return found


@dataclass(frozen=True)
class Judged:
    """A difference of two means, and what is shown by it.

    Parameters
    ----------
    difference : Estimate
        The first mean minus the second.
    verdict : {"more", "less", "same", "open"}
        As `verdicts` finds it.

    Examples
    --------
    >>> f"{Judged(Estimate(0.2, 0.1, 0.3, 50), 'more'):+.2f}"
    '+0.20 [+0.10, +0.30] more'
    """

    difference: Estimate
    verdict: str

    @property
    def larger(self) -> bool | None:
        """Whether the first mean is the larger one; None where the question is open."""
        return None if self.verdict == "open" else self.verdict == "more"

    def __format__(self, spec: str) -> str:
        return f"{self.difference:{spec}} {self.verdict}"


def judge(comparisons: Mapping[Any, Comparison]) -> dict[Any, Judged]:
    """Judge comparisons that are made together: each difference with its verdict.

    Parameters
    ----------
    comparisons : mapping
        All comparisons of one family, by name: the p-values are adjusted for their number.

    Returns
    -------
    dict
        A `Judged` by the same names.

    Examples
    --------
    >>> found = Comparison(Estimate(0.2, 0.1, 0.3, 50), different=0.001, same=0.9)
    >>> judge({"purity": found})["purity"].verdict
    'more'
    """
    found = verdicts(comparisons)
    return {name: Judged(made.difference, found[name]) for name, made in comparisons.items()}


def tally(judged: Iterable[Judged]) -> dict[str, int]:
    """Count the verdicts of comparisons.

    Parameters
    ----------
    judged : iterable of Judged
        The comparisons.

    Returns
    -------
    dict
        How many say "more", "less", "same" and "open", in this order; 0 where none does.

    Examples
    --------
    >>> tally([Judged(Estimate(0.2, 0.1, 0.3, 50), "more")])
    {'more': 1, 'less': 0, 'same': 0, 'open': 0}
    """
    found = [one.verdict for one in judged]
    return {word: found.count(word) for word in WORDS}


def extremes(values: Mapping[Any, float | Estimate]) -> dict[str, Any]:
    """Find the least and the largest of some values, and whose they are.

    Parameters
    ----------
    values : mapping
        A number or an `Estimate`, of which the value counts, by the name of its case.

    Returns
    -------
    dict
        "least" and "most", as they were given; "least of" and "most of", the names of their cases,
        of equal ones the first.

    Raises
    ------
    ValueError
        Without values.

    Examples
    --------
    >>> extremes({"a": 2.0, "b": 1.0, "c": 3.0})
    {'least': 1.0, 'least of': 'b', 'most': 3.0, 'most of': 'c'}
    """
    if not values:
        raise ValueError("values: need at least one, got none")

    def size(name: Any) -> float:
        value = values[name]
        return value.value if isinstance(value, Estimate) else value

    low, high = min(values, key=size), max(values, key=size)
    return {"least": values[low], "least of": low, "most": values[high], "most of": high}
