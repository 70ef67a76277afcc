"""Figures of the page on statistics."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from helpers.comparison import Judged
from helpers.intervals import LEVEL, Estimate
from helpers.report.figures.base import COLORS, subplots

WIDTH = 7.2  # inches, that of the page's text


def coverage(rates: np.ndarray, held: Mapping[str, np.ndarray]) -> Figure:
    """Show how often intervals hold the true rate, against that rate.

    Parameters
    ----------
    rates : ndarray
        [R], the true error rates in percent, rising.
    held : mapping
        How often, in percent [R], by the name of the interval; the one to be recommended first.

    Returns
    -------
    Figure
        A curve for each interval, and a line where both ought to be.
    """
    figure, axis = subplots(figsize=(WIDTH, 2.9))
    axis.axhline(100 * LEVEL, color=COLORS["grey"], lw=1, ls="--")
    for (name, shares), color in zip(held.items(), ("blue", "orange"), strict=True):
        axis.plot(rates, shares, color=COLORS[color], lw=1.6)
        # The name stands where its curve is farthest from the line.
        at = int(np.argmax(np.abs(shares - 100 * LEVEL)))
        above = shares[at] > 100 * LEVEL
        axis.annotate(
            name,
            (rates[at], shares[at]),
            (0, 4) if above else (8, 0),
            textcoords="offset points",
            color=COLORS[color],
            va="bottom" if above else "center",
            weight="bold",
        )
    axis.margins(y=0.12)
    axis.set_xscale("log")
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50) if rates[0] <= tick <= rates[-1]]
    axis.set_xticks(ticks, [f"{tick} %" for tick in ticks])
    axis.minorticks_off()
    axis.set(xlabel="true error of the network", ylabel="intervals that hold it (%)")
    return figure


def square_and_add(estimates: Mapping[str, Estimate], difference: Estimate) -> Figure:
    """Show two estimates with their intervals, and their difference with its own.

    Parameters
    ----------
    estimates : mapping
        Two error rates in percent, by name.
    difference : Estimate
        The first minus the second.

    Returns
    -------
    Figure
        Two panels, one above the other.
    """
    figure, axes = subplots(2, 1, figsize=(WIDTH, 2.6), height_ratios=[2, 1])
    for axis, rows in zip(axes, (estimates, {"difference": difference}), strict=True):
        for place, estimate in enumerate(rows.values()):
            axis.hlines(place, estimate.low, estimate.high, color=COLORS["blue"], lw=3, alpha=0.5)
            axis.plot(estimate.value, place, "o", color=COLORS["blue"])
        axis.set_yticks(range(len(rows)), list(rows))
        axis.set_ylim(len(rows) - 0.4, -0.6)
    axes[0].set_xlabel("error (%)")
    axes[1].axvline(0, color=COLORS["grey"], lw=1)
    axes[1].set_xlabel("the first error minus the second (points)")
    return figure


def steps(p_values: Mapping[str, float], level: float = 0.05) -> Figure:
    """Show p-values in rising order beside the bounds that Holm's procedure sets them.

    Parameters
    ----------
    p_values : mapping
        By the name of the test, each above 0.
    level : float
        What the smallest bound, times the number of tests, is.

    Returns
    -------
    Figure
        A dot for each, blue where it is rejected; a line at the bound of each, and a dotted one
        at `level`.
    """
    ordered = sorted(p_values.items(), key=lambda pair: pair[1])
    bounds = [level / (len(ordered) - place) for place in range(len(ordered))]
    figure, axis = subplots(figsize=(WIDTH, 0.36 * len(ordered) + 1.1))
    rejected = True
    for place, ((_, p_value), bound) in enumerate(zip(ordered, bounds, strict=True)):
        # The first that misses its bound ends the procedure.
        rejected = rejected and p_value <= bound
        color = COLORS["blue" if rejected else "orange"]
        axis.plot(p_value, place, "o" if rejected else "D", color=color)
        axis.vlines(bound, place - 0.4, place + 0.4, color=COLORS["grey"], lw=2)
    axis.axvline(level, color=COLORS["grey"], lw=1, ls=":")
    axis.set_yticks(range(len(ordered)), [name for name, _ in ordered])
    axis.set_ylim(len(ordered) - 0.4, -0.6)
    axis.set(xscale="log", xlabel="p-value; the bar is the bound that it has to meet")
    return figure


def resampled(means: np.ndarray, estimate: Estimate, *, xlabel: str) -> Figure:
    """Show the means of samples that were drawn again, and the interval that they give.

    Parameters
    ----------
    means : ndarray
        [R], of the samples.
    estimate : Estimate
        The mean of the sample itself, with its interval.
    xlabel : str
        What is averaged.

    Returns
    -------
    Figure
        A histogram, the interval shaded.
    """
    figure, axis = subplots(figsize=(WIDTH, 2.4))
    axis.hist(means, bins=60, color=COLORS["sky"])
    axis.axvspan(estimate.low, estimate.high, color=COLORS["blue"], alpha=0.15, lw=0)
    axis.axvline(estimate.value, color=COLORS["blue"], lw=2)
    top = axis.get_ylim()[1]
    for place, text in {estimate.low: "2.5 %", estimate.high: "97.5 %"}.items():
        axis.annotate(text, (place, 0.9 * top), ha="center", color=COLORS["blue"])
    axis.set(xlabel=xlabel, ylabel="samples", yticks=[])
    return figure


def margins(judged: Mapping[str, Judged], margin: float, *, xlabel: str) -> Figure:
    """Show differences with their intervals beside the margin that counts as none.

    Parameters
    ----------
    judged : mapping
        By the name of the comparison.
    margin : float
        Half the width of the shaded band around zero.
    xlabel : str
        What the difference is one of.

    Returns
    -------
    Figure
        A line for each, with the word that was found.
    """
    words: Sequence[str] = ("same", "more", "less", "open")
    colors = dict(zip(words, ("green", "blue", "blue", "orange"), strict=True))
    figure, axis = subplots(figsize=(WIDTH, 0.5 * len(judged) + 1.0))
    axis.axvspan(-margin, margin, color=COLORS["green"], alpha=0.15, lw=0)
    axis.axvline(0, color=COLORS["grey"], lw=1)
    for place, found in enumerate(judged.values()):
        color, difference = COLORS[colors[found.verdict]], found.difference
        axis.hlines(place, difference.low, difference.high, color=color, lw=3, alpha=0.6)
        axis.plot(difference.value, place, "o", color=color)
        axis.annotate(
            found.verdict,
            (difference.high, place),
            (8, 0),
            textcoords="offset points",
            color=color,
            va="center",
            weight="bold",
        )
    axis.set_yticks(range(len(judged)), list(judged))
    axis.set_ylim(len(judged) - 0.4, -0.6)
    axis.set_xlabel(xlabel)
    axis.margins(x=0.15)
    return figure
