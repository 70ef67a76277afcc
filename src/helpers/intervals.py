"""95 % confidence intervals: Wilson's for a proportion, the bootstrap's for a mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from torch import Tensor

LEVEL = 0.95
DECIMALS = {"%": 1, "distortion": 3, "norm": 2}  # that the paper prints, by unit


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval and the size of the sample behind it.

    A format is applied to all three numbers: f"{estimate:.1f}" is "11.7 [8.3, 16.2]".

    Parameters
    ----------
    value : float
        The value.
    low, high : float
        The interval's ends.
    n : int
        The sample's size.

    Examples
    --------
    >>> f"{Estimate(0.117, 0.083, 0.162, 256).scaled(100):.1f}"
    '11.7 [8.3, 16.2]'
    """

    value: float
    low: float
    high: float
    n: int

    def scaled(self, factor: float) -> "Estimate":
        """In another unit: everything but n times a positive `factor`."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.n)

    def __format__(self, spec: str) -> str:
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def proportion(successes: Tensor) -> Estimate:
    """The fraction of true values, with Wilson's interval.

    Parameters
    ----------
    successes : Tensor
        Bool [N], N at least 1.

    Returns
    -------
    Estimate
        In [0, 1].

    Raises
    ------
    ValueError
        For an empty vector.

    References
    ----------
    E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference;
    through scipy.stats.

    Examples
    --------
    >>> import torch
    >>> f"{proportion(torch.tensor([True, False, False, False])):.2f}"
    '0.25 [0.05, 0.70]'
    """
    count, total = int(successes.sum()), successes.numel()
    if total == 0:
        raise ValueError("successes: need at least one value, got an empty vector")
    interval = stats.binomtest(count, total).proportion_ci(LEVEL, method="wilson")
    return Estimate(count / total, float(interval.low), float(interval.high), total)


def mean(values: Tensor, *, resamples: int, seed: int) -> Estimate:
    """The mean of a vector, with its percentile bootstrap interval.

    Parameters
    ----------
    values : Tensor
        [N], finite, N at least 1. Where all are equal the interval has no width.
    resamples : int
        How often it is drawn again.
    seed : int
        Of the draws: the same seed gives the same interval.

    Returns
    -------
    Estimate
        In the unit of the values.

    Raises
    ------
    ValueError
        For an empty vector or a value that is not finite.

    References
    ----------
    B. Efron (1979), Bootstrap methods: another look at the jackknife; through scipy.stats.

    Examples
    --------
    >>> import torch
    >>> found = mean(torch.tensor([1.0, 2.0, 3.0, 4.0]), resamples=200, seed=0)
    >>> found.value, found.low < 2.5 < found.high, found.n
    (2.5, True, 4)
    """
    sample = values.detach().cpu().double().numpy()
    if sample.size == 0 or not np.isfinite(sample).all():
        raise ValueError(
            f"values: need finite values, got {sample.size} "
            f"of which {int(np.isfinite(sample).sum())} are finite"
        )
    average = float(sample.mean())
    if sample.size == 1 or np.ptp(sample) == 0:
        return Estimate(average, average, average, sample.size)
    found = stats.bootstrap(
        (sample,),
        np.mean,
        n_resamples=resamples,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
        batch=100,
    )
    interval = found.confidence_interval
    return Estimate(average, float(interval.low), float(interval.high), sample.size)


def runs(values: Sequence[float]) -> Estimate:
    """The mean over repetitions of a run, with Student's interval.

    Parameters
    ----------
    values : sequence of float
        What each of n runs gave, n at least 2: too few for a bootstrap.

    Returns
    -------
    Estimate
        In the unit of the values.

    Raises
    ------
    ValueError
        For fewer than two values, or one that is not finite.

    References
    ----------
    Student (1908), The probable error of a mean; through scipy.stats.

    Examples
    --------
    >>> f"{runs([1.0, 2.0, 3.0]):.2f}"
    '2.00 [-0.48, 4.48]'
    """
    sample = np.asarray(values, dtype=float)
    if sample.size < 2 or not np.isfinite(sample).all():
        raise ValueError(
            f"values: need at least two, all finite, got {sample.size} "
            f"of which {int(np.isfinite(sample).sum())} are finite"
        )
    average, error = float(sample.mean()), float(stats.sem(sample))
    half = float(stats.t.ppf((1 + LEVEL) / 2, sample.size - 1)) * error
    return Estimate(average, average - half, average + half, sample.size)


def printed(percent: float, n: int) -> Estimate:
    """A printed percentage as an estimate from n images, with Wilson's interval.

    Parameters
    ----------
    percent : float
        In [0, 100]; it stays the value, the interval is that of the nearest number of images.
    n : int
        The images behind it, at least 1.

    Returns
    -------
    Estimate
        In percent.

    Raises
    ------
    ValueError
        For a percentage outside [0, 100] or n below 1.

    Examples
    --------
    >>> f"{printed(11.7, 256):.1f}"
    '11.7 [8.3, 16.2]'
    """
    if not (0 <= percent <= 100 and n >= 1):
        raise ValueError(
            f"percent, n: need a percentage in [0, 100] and n at least 1, got {percent} and {n}"
        )
    interval = stats.binomtest(round(percent / 100 * n), n).proportion_ci(LEVEL, method="wilson")
    return Estimate(percent, 100 * float(interval.low), 100 * float(interval.high), n)


def difference(first: Estimate, second: Estimate, *, rounding: float = 0.0) -> Estimate:
    """`first` minus `second` with its 95 % interval, from those of two independent estimates.

    The distances of both intervals from their estimates are added as squares: method 10 of
    R. G. Newcombe (1998), there for proportions.

    Parameters
    ----------
    first, second : Estimate
        In one unit.
    rounding : float, optional
        By how much either may have been rounded: the interval grows by it on both sides.

    Returns
    -------
    Estimate
        Its n is the smaller one.

    Examples
    --------
    >>> f"{difference(printed(80.0, 70), printed(60.0, 80)):.1f}"
    '20.0 [5.2, 33.4]'
    """
    value = first.value - second.value
    low = np.hypot(first.value - first.low, second.high - second.value)
    high = np.hypot(first.high - first.value, second.value - second.low)
    n = min(first.n, second.n)
    return Estimate(value, float(value - low - rounding), float(value + high + rounding), n)


@dataclass(frozen=True)
class Agreement:
    """A number of ours beside one that the paper prints.

    Parameters
    ----------
    ours, theirs : Estimate
        Both with intervals.
    difference : Estimate
        Ours minus theirs.

    Examples
    --------
    >>> ours, theirs = Estimate(12.0, 8.5, 16.5, 256), printed(11.7, 256)
    >>> Agreement(ours, theirs, difference(ours, theirs)).agrees
    True
    """

    ours: Estimate
    theirs: Estimate
    difference: Estimate

    @property
    def agrees(self) -> bool:
        """Whether the 95 % interval of the difference holds zero, which is the rule."""
        return self.difference.low <= 0 <= self.difference.high


def against(ours: Estimate, number: float, n: int | None, unit: str) -> Agreement:
    """Hold our number against a printed one.

    Both are samples, and the rule knows that of both.

    Parameters
    ----------
    ours : Estimate
        Our number with its interval.
    number : float
        The printed one.
    n : int or None
        How many images are behind it; None for a norm, which is no average and has no interval.
    unit : {"%", "distortion", "norm"}
        Of both. A percentage has Wilson's interval; a mean distortion, for which the paper prints
        none, the relative one that ours would have with n images.

    Returns
    -------
    Agreement
        The rounding of the printed digits is added on both sides of the difference.

    Examples
    --------
    >>> against(Estimate(12.0, 8.5, 16.5, 256), 11.7, 256, "%").agrees
    True
    """
    theirs = _sample(ours, number, n, unit)
    return Agreement(ours, theirs, difference(ours, theirs, rounding=rounding(number, unit)))


def rounding(number: float, unit: str) -> float:
    """Half a unit of the last digit that the paper prints.

    The paper drops zeros at the end: it prints 10 beside 6.7 %, and 0.1 beside 0.062.

    Parameters
    ----------
    number : float
        As it is printed.
    unit : {"%", "distortion", "norm"}
        Decides how many digits it has at least, zeros at the end counted.

    Returns
    -------
    float
        In the number's unit.

    Examples
    --------
    >>> rounding(10, "%"), rounding(0.1, "distortion")
    (0.05, 0.0005)
    """
    digits = len(f"{number:.10g}".partition(".")[2])
    return 0.5 * 10.0 ** -max(digits, DECIMALS[unit])


def _sample(ours: Estimate, number: float, n: int | None, unit: str) -> Estimate:
    """A printed number as a sample of n images."""
    if n is None:
        return Estimate(number, number, number, ours.n)
    if unit == "%":
        return printed(number, n)
    scale = number / ours.value * float(np.sqrt(ours.n / n))
    below, above = ours.value - ours.low, ours.high - ours.value
    return Estimate(number, number - scale * below, number + scale * above, n)
