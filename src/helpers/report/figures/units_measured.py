"""Figures of the chapter on what is measured of units."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, subplots
from helpers.report.figures.units import WIDTH


def interval_rows(
    panels: Mapping[str, Mapping[str, Mapping[str, Estimate | Sequence[Estimate]]]],
    *,
    lines: Mapping[str, float] | None = None,
    unit: str = "",
) -> Figure:
    """Show estimates in rows: a dot with its interval for every series of every row.

    Parameters
    ----------
    panels : mapping
        The estimates by panel, row and series, of which a row may lack some and have several of
        others. All panels have the rows of the first.
    lines : mapping, optional
        Where vertical lines stand in every panel, by the names that they have along the top.
    unit : str
        Below the axes.

    Returns
    -------
    Figure
        The panels stand side by side.
    """
    rows = list(next(iter(panels.values())))
    found = [row for values in panels.values() for row in values.values()]
    # A row that has all series, if there is one, says their order.
    series = list(dict.fromkeys(name for row in sorted(found, key=len)[::-1] for name in row))
    first = next(iter(panels.values())).values()
    dots = sum(len(_several(each)) for row in first for each in row.values())
    figure, axes = subplots(
        1,
        len(panels),
        sharey=True,
        figsize=(WIDTH, 0.16 * dots + 0.16 * len(rows) + 1.1),
        squeeze=False,
    )
    for axis, (title, values) in zip(axes[0], panels.items(), strict=True):
        _lines(axis, lines or {})
        _interval_dots(axis, [values[row] for row in rows], series)
        axis.margins(x=0.1)  # room for the names of the lines
        axis.set_title(title, fontsize=11, pad=18 if lines else 6)
        axis.grid(visible=False, axis="y")
        axis.set_xlabel(unit)
    axes[0, 0].set_yticks(range(len(rows)), rows)
    axes[0, 0].set_ylim(len(rows) - 0.4, -0.6)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(series),
        handletextpad=0.2,
        columnspacing=1.2,
    )
    return figure


def ranking(
    values: Mapping[str, Mapping[str, float]],
    *,
    lines: Mapping[str, float],
    strong: Collection[str] = (),
    unit: str = "",
) -> Figure:
    """Show what several cases give for each kind of thing, a row of dots for each kind.

    Parameters
    ----------
    values : mapping
        By kind, from the top, and case.
    lines : mapping
        Where vertical lines stand, by the names that they have along the top.
    strong : collection of str
        Kinds whose dots are blue; those of the others are grey.
    unit : str
        Below the axis.

    Returns
    -------
    Figure
        A dot for each case, and a bar at the middle one of each kind.
    """
    figure, axis = subplots(figsize=(WIDTH, 0.46 * len(values) + 1.0))
    _lines(axis, lines)
    for height, (kind, found) in enumerate(values.items()):
        color = COLORS["blue" if kind in strong else "grey"]
        given = list(found.values())
        axis.hlines(height, min(given), max(given), color=color, lw=1.5, alpha=0.4)
        axis.plot(given, [height] * len(given), "o", color=color, ms=9, alpha=0.55, mew=0)
        axis.vlines(np.median(given), height - 0.34, height + 0.34, color=color, lw=3)
    axis.set_yticks(range(len(values)), list(values), fontsize=13)
    for name, kind in zip(axis.get_yticklabels(), values, strict=True):
        if kind in strong:
            name.set(color=COLORS["blue"], weight="bold")
    axis.set_ylim(len(values) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0, pad=8)
    axis.grid(visible=False, axis="y")
    axis.margins(x=0.1)  # room for the names of the lines
    axis.set_xlabel(unit)
    return figure


def _several(estimates: Estimate | Sequence[Estimate]) -> list[Estimate]:
    """Estimates as a list, a single one, too."""
    return [estimates] if isinstance(estimates, Estimate) else list(estimates)


def _lines(axis: Axes, lines: Mapping[str, float]) -> None:
    """Vertical lines with their names along the top."""
    for name, value in lines.items():
        axis.axvline(value, color=COLORS["grey"], lw=1, ls="--")
        axis.annotate(
            name,
            (value, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=12,
        )


def _interval_dots(
    axis: Axes,
    rows: Sequence[Mapping[str, Estimate | Sequence[Estimate]]],
    series: Sequence[str],
) -> None:
    """The dots of every row, one below the other, in the order of the series."""
    drawn: dict[str, list[tuple[float, Estimate]]] = {name: [] for name in series}
    for number, row in enumerate(rows):
        listed = [(name, each) for name in series for each in _several(row.get(name, []))]
        for place, (name, each) in enumerate(listed):
            shift = (place - (len(listed) - 1) / 2) * 0.75 / max(len(listed), 1)
            drawn[name].append((number + shift, each))
    for (name, found), marker, color in zip(
        drawn.items(), "osD^vPX", COLORS.values(), strict=False
    ):
        heights = [height for height, _ in found]
        low, high = [each.low for _, each in found], [each.high for _, each in found]
        axis.hlines(heights, low, high, color=color, lw=2)
        values = [each.value for _, each in found]
        axis.plot(values, heights, marker, color=color, ms=5, label=name)


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
    figure, axes = _panels(len(panels), columns, 2.3, xlabel, ylabel)
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
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def clouds(
    panels: Mapping[str, pd.DataFrame],
    titles: Mapping[str, str],
    *,
    columns: int = 3,
    xlabel: str = "",
    ylabel: str = "",
) -> Figure:
    """Show two numbers of every unit of several layers as clouds of points.

    Parameters
    ----------
    panels : mapping of str to DataFrame
        By layer: a row for each unit, what is drawn across in the first column, and upwards in the
        second.
    titles : mapping of str to str
        What stands above each panel, by layer.
    columns : int
        Panels side by side.
    xlabel, ylabel : str
        Of all panels.

    Returns
    -------
    Figure
        One panel a layer, all with the same axes.
    """
    figure, axes = _panels(len(panels), columns, 2.0, xlabel, ylabel)
    for axis, (name, units) in zip(axes.flat, panels.items(), strict=False):
        axis.axhline(0, color=COLORS["grey"], lw=1)
        axis.plot(*units.to_numpy().T, "o", color=COLORS["blue"], ms=4, alpha=0.5, mew=0)
        axis.set_title(titles[name], fontsize=10)
    return figure


def _panels(
    count: int, columns: int, height: float, xlabel: str, ylabel: str
) -> tuple[Figure, np.ndarray]:
    """A figure of so many panels with the same axes, in so many columns, and its axes in rows."""
    rows = -(-count // columns)
    size = (WIDTH, height * rows + 0.7)
    figure, axes = subplots(rows, columns, sharex=True, sharey=True, figsize=size, squeeze=False)
    for axis in axes.flat[count:]:
        axis.set_visible(False)
    figure.supxlabel(xlabel, fontsize=11)
    figure.supylabel(ylabel, fontsize=11)
    return figure, axes
