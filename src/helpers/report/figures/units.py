"""Figures of the chapter on units."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, subplots


def interval_rows(
    panels: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
    *,
    lines: Mapping[str, float] | None = None,
    unit: str = "",
) -> Figure:
    """Show estimates in rows: a dot with its interval for every series of every row.

    Parameters
    ----------
    panels : mapping
        The estimates by panel, row and series. All panels have the rows and series of the first.
    lines : mapping, optional
        Where vertical lines stand in every panel, by the names that they have along the top.
    unit : str
        Below the axes.

    Returns
    -------
    Figure
        The panels stand side by side.
    """
    first = next(iter(panels.values()))
    rows, series = list(first), list(next(iter(first.values())))
    figure, axes = subplots(
        1,
        len(panels),
        sharey=True,
        figsize=(6.4, (0.13 * len(series) + 0.2) * len(rows) + 1.3),
        squeeze=False,
    )
    for axis, (title, values) in zip(axes[0], panels.items(), strict=True):
        for place, value in (lines or {}).items():
            axis.axvline(value, color=COLORS["grey"], lw=1, ls="--")
            axis.annotate(
                place,
                (value, 1),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=10,
            )
        for number, (name, marker, color) in enumerate(
            zip(series, "osD^vPX", COLORS.values(), strict=False)
        ):
            heights = np.arange(len(rows)) + (number - (len(series) - 1) / 2) * 0.7 / len(series)
            found = [values[row][name] for row in rows]
            axis.hlines(
                heights,
                [estimate.low for estimate in found],
                [estimate.high for estimate in found],
                color=color,
                lw=2,
            )
            axis.plot(
                [estimate.value for estimate in found],
                heights,
                marker,
                color=color,
                ms=5,
                label=name,
            )
        axis.margins(x=0.1)  # room for the names of the lines
        axis.set_title(title, fontsize=11, pad=18 if lines else 6)
        axis.grid(visible=False, axis="y")
        axis.set_xlabel(unit)
    axes[0, 0].set_yticks(range(len(rows)), rows)
    axes[0, 0].invert_yaxis()
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(series),
        handletextpad=0.2,
        columnspacing=1.2,
    )
    return figure


def curve_panels(
    panels: Mapping[str, Mapping[str, Sequence[Estimate]]],
    x: Sequence[float],
    *,
    columns: int = 2,
    xlabel: str = "",
    ylabel: str = "",
) -> Figure:
    """Show estimates along a logarithmic axis as curves, with their intervals as vertical lines.

    Parameters
    ----------
    panels : mapping
        By panel and series, an estimate for each x.
    x : sequence of float
        Where they were measured.
    columns : int
        Panels side by side.
    xlabel, ylabel : str
        Of all panels.

    Returns
    -------
    Figure
        One panel a title, all with the same axes.
    """
    count = -(-len(panels) // columns)
    figure, axes = subplots(
        count, columns, sharex=True, sharey=True, figsize=(6.4, 2.3 * count + 0.7), squeeze=False
    )
    for axis, (title, curves) in zip(axes.flat, panels.items(), strict=False):
        for number, ((name, found), marker, color) in enumerate(
            zip(curves.items(), "osD^vP", COLORS.values(), strict=False)
        ):
            # Side by side, so that intervals do not hide each other.
            places = np.asarray(x) * 1.05 ** (number - (len(curves) - 1) / 2)
            axis.vlines(
                places,
                [estimate.low for estimate in found],
                [estimate.high for estimate in found],
                color=color,
                lw=2,
            )
            axis.plot(
                places,
                [estimate.value for estimate in found],
                marker=marker,
                color=color,
                lw=1,
                ms=4,
                label=name,
            )
        axis.set_xscale("log")
        axis.set_xticks(x, [f"{value:g}" for value in x], minor=False)
        axis.minorticks_off()
        axis.set_title(title, fontsize=11)
    figure.supxlabel(xlabel, fontsize=11)
    figure.supylabel(ylabel, fontsize=11)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure
