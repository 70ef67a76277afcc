"""Figures of the chapter on training with adversarial examples."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, MUTED, subplots


def repetitions(
    runs: Mapping[str, Sequence[float]],
    means: Mapping[str, Estimate],
    marks: Mapping[str, float],
    *,
    groups: Mapping[str, str],
    xlabel: str,
) -> Figure:
    """Show every run of each method as a dot, their mean with its interval, and printed numbers.

    Parameters
    ----------
    runs : mapping
        By method, from the top: a number for each run.
    means : mapping
        By method, with the interval over its runs.
    marks : mapping
        Numbers that the paper prints, by what they are of: a vertical line each.
    groups : mapping
        The name of a colour by how a method's name begins; others are grey.
    xlabel : str
        What the numbers are.

    Returns
    -------
    Figure
        One line a method.
    """
    figure, axis = subplots(figsize=(6.4, 0.36 * len(runs) + 1.3))
    for place, (name, values) in enumerate(runs.items()):
        color = next(
            (COLORS[group] for begin, group in groups.items() if name.startswith(begin)),
            COLORS["grey"],
        )
        axis.plot(values, [place] * len(values), "o", color=color, alpha=0.45, ms=5, mew=0)
        mean = means[name]
        axis.hlines(place, mean.low, mean.high, color=color, lw=2)
        axis.plot(mean.value, place, "|", color=color, ms=14, mew=2.5)
    # Printed numbers lie close together: their labels stand one above the other.
    for height, (label, value) in enumerate(sorted(marks.items(), key=lambda mark: -mark[1])):
        axis.axvline(value, color=MUTED, lw=1, ls=":")
        axis.annotate(
            label,
            (value, 1),
            xycoords=("data", "axes fraction"),
            xytext=(2, 2 + 13 * height),
            textcoords="offset points",
            color=MUTED,
            fontsize=10,
        )
    axis.set_yticks(range(len(runs)), list(runs))
    axis.set_ylim(len(runs) - 0.5, -0.5)
    axis.grid(visible=False, axis="y")
    axis.set_xlabel(xlabel)
    return figure
