"""Figures of the chapter on transfer."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, agreement_points, subplots


def matrix_against_paper(
    ours: np.ndarray, paper: np.ndarray, *, rows: Sequence[str], columns: Sequence[str]
) -> Figure:
    """Show two matrices of percentages in one.

    Parameters
    ----------
    ours, paper : ndarray
        [R, C], in percent.
    rows, columns : sequence of str
        R and C names.

    Returns
    -------
    Figure
        Each cell's upper half is ours, its lower half the paper's, on one scale of shades.
    """
    both = np.stack([ours, paper], axis=1).reshape(2 * len(rows), len(columns))
    figure, axis = subplots(figsize=(6.4, 0.62 * len(rows) + 1.5))
    axis.imshow(both, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    axis.set_yticks(2 * np.arange(len(rows)) + 0.5, rows)
    axis.hlines(2 * np.arange(1, len(rows)) - 0.5, -0.5, len(columns) - 0.5, color="white", lw=5)
    axis.vlines(np.arange(1, len(columns)) - 0.5, -0.5, len(both) - 0.5, color="white", lw=5)
    for (row, column), value in np.ndenumerate(both):
        text = f"{value:.1f}" if value < 99.95 else "100"
        axis.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            color="white" if value > 60 else "black",
            weight="normal" if row % 2 else "bold",
        )
    axis.set_title(
        "error (%) on images made for the row: ours in bold, the paper's below",
        fontsize=11,
        loc="right",
    )
    return figure


def agreement(
    ours: Sequence[Estimate],
    paper: Sequence[Estimate],
    *,
    names: Sequence[str],
    agrees: Sequence[bool],
    labelled: int = 4,
) -> Figure:
    """Show our percentages against the paper's, with both intervals.

    Parameters
    ----------
    ours, paper : sequence of Estimate
        In percent.
    names : sequence of str
        Of the pairs.
    agrees : sequence of bool
        Whether the two of a pair agree.
    labelled : int
        So many pairs are named, those farthest from the diagonal.

    Returns
    -------
    Figure
        On square-root axes, with the diagonal where both are equal.
    """
    figure, axis = subplots(figsize=(6.4, 5.6))
    axis.plot([0, 100], [0, 100], color=COLORS["grey"], lw=1)
    agreement_points(axis, ours, paper, agrees)
    order = sorted(
        range(len(ours)), key=lambda place: -abs(ours[place].value - paper[place].value)
    )[:labelled]
    # The names stand in the two empty corners, in the points' order.
    for above, corner, side in ((True, (0.02, 0.96), "left"), (False, (0.98, 0.4), "right")):
        line = {
            "arrowstyle": "-",
            "color": COLORS["grey"],
            "lw": 0.7,
            "relpos": (float(above), 0.5),
        }
        named = sorted(
            (place for place in order if (ours[place].value > paper[place].value) == above),
            key=lambda place: -ours[place].value,
        )
        for number, place in enumerate(named):
            text = (corner[0], corner[1] - 0.06 * number)
            axis.annotate(
                names[place],
                (paper[place].value, ours[place].value),
                text,
                textcoords="axes fraction",
                ha=side,
                va="center",
                fontsize=11,
                arrowprops=line,
            )
    ticks = [0, 1, 5, 10, 20, 40, 60, 80, 100]
    for scale, limits, marks in (
        (axis.set_xscale, axis.set_xlim, axis.set_xticks),
        (axis.set_yscale, axis.set_ylim, axis.set_yticks),
    ):
        # Where sampling errors are of about the same size everywhere.
        scale("function", functions=(lambda value: np.sqrt(np.maximum(value, 0)), np.square))
        limits(0, 100)
        marks(ticks, [str(tick) for tick in ticks])
    axis.set(xlabel="paper (%)", ylabel="ours (%)")
    axis.legend(loc="lower right")
    return figure


def spike(
    x: Sequence[int],
    counted: Sequence[float],
    expected: Sequence[float],
    *,
    xlabel: str,
    ylabel: str,
    labels: tuple[str, str],
) -> Figure:
    """Show counts along x beside what is expected, the highest one marked with its x.

    Parameters
    ----------
    x : sequence of int
        What is counted.
    counted, expected : sequence of float
        One for each x.
    xlabel, ylabel : str
        Of the axes.
    labels : tuple of str
        Of the counts, and of what is expected.

    Returns
    -------
    Figure
        Of one panel.
    """
    figure, axis = subplots(figsize=(6.4, 3.2))
    axis.step(x, counted, where="mid", color=COLORS["blue"], lw=1, label=labels[0])
    axis.plot(x, expected, "--", color=COLORS["orange"], lw=1.5, label=labels[1])
    top = int(np.argmax(counted))
    axis.annotate(
        str(x[top]),
        (x[top], counted[top]),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        weight="bold",
    )
    axis.plot(x[top], counted[top], "o", color=COLORS["blue"])
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1.12 * max(counted)))
    axis.legend(loc="upper left")
    return figure


def pair_matrix(
    values: Mapping[tuple[str, str], float],
    *,
    names: Sequence[str],
    marked: Sequence[tuple[str, str]] = (),
) -> Figure:
    """Show a number for each ordered pair of different names, shaded by its size.

    Parameters
    ----------
    values : mapping
        By (row, column); a pair without a number is an empty cell.
    names : sequence of str
        Of the rows, which are those of the columns.
    marked : sequence of (str, str)
        The pairs that carry a dot.

    Returns
    -------
    Figure
        Of one panel.
    """
    grid = np.array([[values.get((row, column), np.nan) for column in names] for row in names])
    limit = max(1.0, float(np.nanmax(np.abs(grid))))
    figure, axis = subplots(figsize=(6.4, 0.5 * len(names) + 1.4))
    axis.imshow(grid, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto")
    axis.grid(visible=False)
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axis.set_yticks(range(len(names)), names)
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            dot = " •" if (names[row], names[column]) in marked else ""
            axis.text(
                column,
                row,
                f"{value:+.1f}{dot}".replace("-", "−"),
                ha="center",
                va="center",
                color="white" if abs(value) > 0.7 * limit else "black",
            )
    return figure
