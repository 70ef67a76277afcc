"""Figures of the chapter on other software: what `make bench` measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.report.benchmarks import method_names
from helpers.report.figures.base import COLORS, PAPER, subplots

# Of the operator norm: the mark and the colour of each method.
NORMS = {
    "operator_norm": ("*", "blue"),
    "dense SVD": ("s", "green"),
    "Fourier, periodic grid": ("D", "purple"),
    "power iteration, to 1e-6": ("o", "orange"),
    "power iteration, 1000 steps": ("^", "yellow"),
}

MARK = 6  # points, of another library's mark


def optimality(frame: pd.DataFrame, *, lowest: float = 0.9) -> Figure:
    """Show how near to optimal attacks are on each network, and how long they take.

    Parameters
    ----------
    frame : DataFrame
        Rows with network, library, method, n, seconds and optimality, as benchmarks/optimality.py
        writes them; where there is a column `within`, only rows with a true one are shown.
    lowest : float
        Smaller optimalities are drawn there, hollow.

    Returns
    -------
    Figure
        A line for each method, those of the highest median optimality first, in two panels a dot
        for each network and a bar at the median; ours are blue.
    """
    if "within" in frame:
        frame = frame[frame["within"]]
    frame = frame.assign(name=method_names(frame), time=1000 * frame["seconds"] / frame["n"])
    medians = frame.groupby("name", sort=False)["optimality"].median()
    names = list(medians.sort_values(ascending=False, kind="stable").index)
    figure, axes = subplots(1, 2, figsize=(7.2, 0.36 * len(names) + 1.0), sharey=True)
    for place, name in enumerate(names[::-1]):
        rows = frame[frame["name"] == name]
        color = COLORS["blue" if (rows["library"] == "ours").all() else "grey"]
        for row in rows.to_dict(orient="records"):
            below = row["optimality"] < lowest
            look: dict[str, Any] = {"color": color, "ms": MARK, "mew": 1, "clip_on": False}
            look |= {"mfc": PAPER} if below else {"alpha": 0.6}
            axes[0].plot(max(row["optimality"], lowest), place, "o", **look)
            axes[1].plot(row["time"], place, "o", color=color, ms=MARK, alpha=0.6)
        for axis, found in zip(axes, (rows["optimality"].clip(lowest), rows["time"]), strict=True):
            axis.vlines(found.median(), place - 0.32, place + 0.32, color=color, lw=2.5)
    axes[0].set(xlabel="optimality", xlim=(lowest, 1.002))
    axes[1].set(xscale="log", xlabel="milliseconds an image")
    axes[1].xaxis.set_major_formatter("{x:g}")
    _lines(axes[0], names)
    return figure


def search_benchmark(frame: pd.DataFrame) -> Figure:
    """Show how much longer attacks' changes are than our best search's, and how long they take.

    Parameters
    ----------
    frame : DataFrame
        Rows with network, library, method, n, seconds, success and ratio, as benchmarks/search.py
        writes them. The ratio is that of the mean length to our best search's, on the same images.

    Returns
    -------
    Figure
        A line for each method, in two panels a dot for each network, hollow where the method failed
        on some image.
    """
    methods = method_names(frame)
    names = list(dict.fromkeys(methods))
    networks = dict(zip(dict.fromkeys(frame["network"]), COLORS.values(), strict=False))
    figure, axes = subplots(1, 2, figsize=(7.2, 0.36 * len(names) + 1.2), sharey=True)
    for method, row in zip(methods, frame.to_dict(orient="records"), strict=True):
        place = len(names) - 1 - names.index(method)
        color = networks[row["network"]]
        inside = color if row["success"] == 1 else PAPER
        marks: dict[str, Any] = {
            "marker": "o",
            "ms": 7,
            "color": color,
            "mfc": inside,
            "alpha": 0.9,
        }
        if row["ratio"] is not None and np.isfinite(row["ratio"]):
            axes[0].plot(100 * (row["ratio"] - 1), place, **marks)
        axes[1].plot(1000 * row["seconds"] / row["n"], place, **marks)
    axes[0].set_xscale("symlog", linthresh=0.1, linscale=0.5)
    axes[0].set_xticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
    axes[0].set(xlabel="longer than our best search by (%)", xlim=(-0.05, 150))
    axes[1].set(xscale="log", xlabel="milliseconds an image")
    _lines(axes[0], names)
    for network, color in networks.items():
        axes[0].plot([], [], "o", color=color, label=network)
    figure.legend(loc="outside upper center", ncols=len(networks), handletextpad=0.1)
    return figure


def spectral_benchmark(frame: pd.DataFrame, *, floor: float = 1e-15) -> Figure:
    """Show how long each method takes for a layer's operator norm, and how near it comes.

    Parameters
    ----------
    frame : DataFrame
        Rows with layer, method, seconds, error and reached, as benchmarks/spectral.py writes them.
    floor : float
        Smaller errors are drawn there.

    Returns
    -------
    Figure
        A line for each layer, in two panels a mark for each method, hollow where power iteration
        was stopped before it got as far as it should.
    """
    names = list(dict.fromkeys(frame["layer"]))
    figure, axes = subplots(1, 2, figsize=(7.2, 0.36 * len(names) + 1.5), sharey=True)
    for row in frame[frame["method"].isin(list(NORMS))].to_dict(orient="records"):
        mark, color = NORMS[row["method"]]
        place = len(names) - 1 - names.index(row["layer"])
        marks: dict[str, Any] = {
            "marker": mark,
            "ms": 11 if mark == "*" else 6,
            "color": COLORS[color],
            "mfc": COLORS[color] if row["reached"] else PAPER,
        }
        axes[0].plot(row["seconds"], place, **marks)
        axes[1].plot(max(abs(row["error"]), floor), place, **marks)
    axes[0].set(xscale="log", xlabel="seconds")
    axes[1].set(xscale="log", xlabel="relative error", xlim=(floor / 3, 1))
    _lines(axes[0], names)
    for method, (mark, color) in NORMS.items():
        size = 11 if mark == "*" else 6
        axes[0].plot([], [], mark, color=COLORS[color], ms=size, label=method)
    figure.legend(loc="outside upper center", ncols=3, handletextpad=0.1)
    return figure


def convergence(errors: Mapping[str, Sequence[float]], *, floor: float = 1e-16) -> Figure:
    """Show how the errors of several methods fall, step by step.

    Parameters
    ----------
    errors : mapping
        By method, the relative error after each step.
    floor : float
        Smaller errors are drawn there.

    Returns
    -------
    Figure
        A curve for each method, named at its right end.
    """
    figure, axis = subplots(figsize=(7.2, 3.0))
    steps = max(map(len, errors.values()))
    for (name, values), color in zip(errors.items(), ("orange", "blue"), strict=True):
        shown = np.maximum(np.abs(values), floor)
        axis.plot(range(1, len(values) + 1), shown, color=COLORS[color], lw=2)
        end = (len(values), shown[-1])
        axis.annotate(
            name, end, (8, 0), textcoords="offset points", va="center", color=COLORS[color]
        )
    axis.set(
        yscale="log",
        xlabel="multiplications by WᵀW",
        ylabel="relative error",
        xlim=(0, 1.35 * steps),
    )
    return figure


def _lines(axis: Axes, names: list[str]) -> None:
    """Name the lines, from the top."""
    axis.set_yticks(range(len(names)), names[::-1])
    axis.set_ylim(-0.6, len(names) - 0.4)
