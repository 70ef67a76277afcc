"""95 % confidence intervals: Wilson's for a proportion, the bootstrap's for a mean."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from torch import Tensor

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval [low, high], and the sample size n behind it."""

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
    """The fraction of true values in a boolean vector [N], in [0, 1], with Wilson's interval.

    Raises ValueError for an empty vector. E. B. Wilson (1927), through scipy.stats.
    """
    count, total = int(successes.sum()), successes.numel()
    if total == 0:
        raise ValueError("successes: need at least one value, got an empty vector")
    interval = stats.binomtest(count, total).proportion_ci(LEVEL, method="wilson")
    return Estimate(count / total, float(interval.low), float(interval.high), total)


def mean(values: Tensor, *, resamples: int, seed: int) -> Estimate:
    """The mean of a vector [N] with its percentile bootstrap interval.

    Raises ValueError for an empty vector or a value that is not finite. B. Efron (1979), through scipy.stats.
    """
    sample = values.detach().cpu().double().numpy()
    if sample.size == 0 or not np.isfinite(sample).all():
        raise ValueError(
            f"values: need finite values, got {sample.size} of which {int(np.isfinite(sample).sum())} are finite"
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


def printed(percent: float, n: int) -> Estimate:
    """A printed percentage as an estimate from n images, with Wilson's interval, in percent.

    Raises ValueError for a percentage outside [0, 100] or n below 1.
    """
    if not (0 <= percent <= 100 and n >= 1):
        raise ValueError(
            f"percent, n: need a percentage in [0, 100] and n at least 1, got {percent} and {n}"
        )
    interval = stats.binomtest(round(percent / 100 * n), n).proportion_ci(LEVEL, method="wilson")
    return Estimate(percent, 100 * float(interval.low), 100 * float(interval.high), n)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """`first` minus `second` with its 95 % interval, from those of two independent proportions; n is the smaller one.

    R. G. Newcombe (1998), method 10: the score intervals' distances from their estimates, added as squares.
    """
    value = first.value - second.value
    low = np.hypot(first.value - first.low, second.high - second.value)
    high = np.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, float(value - low), float(value + high), min(first.n, second.n))
