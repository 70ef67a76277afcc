"""Figures for the chapters: each function returns a matplotlib figure and shows nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure
from torch import Tensor

from helpers.intervals import Estimate

# Okabe and Ito's palette, which people with any colour vision can tell apart.
COLORS = {"blue": "#0072B2", "orange": "#D55E00", "green": "#009E73", "purple": "#CC79A7", "yellow": "#E69F00", "sky": "#56B4E9", "grey": "#707070"}


def use_style() -> None:
    """The look of every figure of the book: its colours, and letters that can be read at phone width."""
    mpl.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=list(COLORS.values())),
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "figure.dpi": 130,
            "figure.figsize": (6.4, 3.6),
            "font.size": 11,
            "grid.alpha": 0.3,
            "image.cmap": "gray",
            "legend.frameon": False,
            "savefig.facecolor": "white",
        }
    )


def subplots(rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """As pyplot.subplots(), of a figure that pyplot does not keep: a notebook shows it once, where it is returned."""
    figure, axes = plt.subplots(rows, columns, **options)
    plt.close(figure)
    return figure, axes


def image_grid(images: Tensor, *, columns: int, titles: Sequence[str] | None = None, rows: Sequence[str] | None = None, signed: bool = False) -> Figure:
    """Images [N, 1, H, W] in a grid, row by row, `columns` wide.

    titles: one above each image; rows: one to the left of each row. signed: show zero as white, negative blue and
    positive red, on one scale for all (weights, perturbations); else 0 is black and 1 white.
    """
    count = -(-len(images) // columns)
    figure, axes = subplots(count, columns, figsize=(6.4, 6.4 / columns * count * (1.25 if titles else 1.05)), squeeze=False)
    limit = float(images.abs().max()) or 1.0
    shade = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if signed else {"vmin": 0, "vmax": 1}
    for number, axis in enumerate(axes.flat):
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)
        if number < len(images):
            axis.imshow(images[number, 0].cpu().numpy(), interpolation="nearest", **shade)
            if titles:
                axis.set_title(titles[number], fontsize=10, pad=3)
    for label, axis in zip(rows or [], axes[:, 0], strict=False):
        axis.set_ylabel(label, rotation=0, ha="right", va="center")
    return figure


def against_paper(names: Sequence[str], ours: Sequence[float], paper: Sequence[float], *, intervals: np.ndarray | None = None, unit: str = "") -> Figure:
    """One line a name: a dot for our number, with its interval [2, N] (low, high), and a hollow diamond for the paper's."""
    figure, axis = subplots(figsize=(6.4, 0.45 * len(names) + 1.0))
    places = np.arange(len(names))[::-1]
    if intervals is not None:
        axis.hlines(places, *intervals, color=COLORS["blue"], lw=2, alpha=0.6)
    axis.plot(ours, places, "o", color=COLORS["blue"], label="ours")
    axis.plot(paper, places, "D", color=COLORS["orange"], mfc="none", mew=1.5, label="paper")
    axis.set_yticks(places, names)
    axis.set_xlabel(unit)
    axis.set_xlim(left=0)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.15), ncols=2)
    return figure


def matrix(values: np.ndarray, *, rows: Sequence[str], columns: Sequence[str], title: str = "", limit: float = 100.0, decimals: int = 1) -> Figure:
    """A matrix of percentages [R, C], one annotated, shaded cell each; `limit` is the value of the darkest shade."""
    figure, axis = subplots(figsize=(6.4, 0.4 * len(rows) + 1.2))
    axis.imshow(values, cmap="Blues", vmin=0, vmax=limit, aspect="auto")
    axis.grid(visible=False)
    turn = {"rotation": 30, "ha": "right"} if max(map(len, columns)) > 3 else {}
    axis.set_xticks(range(len(columns)), columns, **turn)
    axis.set_yticks(range(len(rows)), rows)
    for (row, column), value in np.ndenumerate(values):
        axis.text(column, row, f"{value:.{decimals}f}", ha="center", va="center", color="white" if value > 0.6 * limit else "black")
    axis.set_title(title, fontsize=11)
    return figure


def interval_rows(panels: Mapping[str, Mapping[str, Mapping[str, Estimate]]], *, lines: Mapping[str, float] | None = None, unit: str = "") -> Figure:
    """Estimates by panel, row and series: panels side by side, in each a dot with its interval for every series of every row.

    lines: vertical lines, named along the top, through every panel. All panels have the rows and series of the first.
    """
    rows, series = list(next(iter(panels.values()))), list(next(iter(next(iter(panels.values())).values())))
    figure, axes = subplots(1, len(panels), sharey=True, figsize=(6.4, (0.13 * len(series) + 0.2) * len(rows) + 1.3), squeeze=False)
    for axis, (title, values) in zip(axes[0], panels.items(), strict=True):
        for place, value in (lines or {}).items():
            axis.axvline(value, color=COLORS["grey"], lw=1, ls="--")
            axis.annotate(place, (value, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=10)
        for number, (name, marker, color) in enumerate(zip(series, "osD^v", COLORS.values(), strict=False)):
            heights = np.arange(len(rows)) + (number - (len(series) - 1) / 2) * 0.7 / len(series)
            found = [values[row][name] for row in rows]
            axis.hlines(heights, [estimate.low for estimate in found], [estimate.high for estimate in found], color=color, lw=2)
            axis.plot([estimate.value for estimate in found], heights, marker, color=color, ms=5, label=name)
        axis.margins(x=0.1)  # room for the names of the lines
        axis.set_title(title, fontsize=11, pad=18 if lines else 6)
        axis.grid(visible=False, axis="y")
        axis.set_xlabel(unit)
    axes[0, 0].set_yticks(range(len(rows)), rows)
    axes[0, 0].invert_yaxis()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(series), handletextpad=0.2, columnspacing=1.2)
    return figure


def curve_panels(panels: Mapping[str, Mapping[str, Sequence[Estimate]]], x: Sequence[float], *, columns: int = 2, xlabel: str = "", ylabel: str = "") -> Figure:
    """Estimates along a logarithmic axis x, by panel and series: a curve with its intervals as vertical lines for every series."""
    count = -(-len(panels) // columns)
    figure, axes = subplots(count, columns, sharex=True, sharey=True, figsize=(6.4, 2.3 * count + 0.7), squeeze=False)
    for axis, (title, curves) in zip(axes.flat, panels.items(), strict=False):
        for number, ((name, found), marker, color) in enumerate(zip(curves.items(), "osD^vP", COLORS.values(), strict=False)):
            places = np.asarray(x) * 1.05 ** (number - (len(curves) - 1) / 2)  # side by side, so that intervals do not hide each other
            axis.vlines(places, [estimate.low for estimate in found], [estimate.high for estimate in found], color=color, lw=2)
            axis.plot(places, [estimate.value for estimate in found], marker=marker, color=color, lw=1, ms=4, label=name)
        axis.set_xscale("log")
        axis.set_xticks(x, [f"{value:g}" for value in x], minor=False)
        axis.minorticks_off()
        axis.set_title(title, fontsize=11)
    figure.supxlabel(xlabel, fontsize=11)
    figure.supylabel(ylabel, fontsize=11)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def matrix_against_paper(ours: np.ndarray, paper: np.ndarray, *, rows: Sequence[str], columns: Sequence[str]) -> Figure:
    """Two matrices of percentages [R, C] in one: each cell's upper half is ours, its lower half the paper's, on one scale of shades."""
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
        axis.text(column, row, text, ha="center", va="center", color="white" if value > 60 else "black", weight="normal" if row % 2 else "bold")
    axis.set_title("error (%) on images made for the row: ours in bold, the paper's below", fontsize=11, loc="right")
    return figure


def agreement(ours: Sequence[Estimate], paper: Sequence[Estimate], *, names: Sequence[str], agrees: Sequence[bool], labelled: int = 4) -> Figure:
    """Our percentages against the paper's, with both intervals, on the diagonal where they are equal; the `labelled` farthest are named. Square-root axes."""
    figure, axis = subplots(figsize=(6.4, 5.6))
    axis.plot([0, 100], [0, 100], color=COLORS["grey"], lw=1)
    for wanted, color, marker, label in ((True, COLORS["blue"], "o", "agree"), (False, COLORS["orange"], "D", "do not agree")):
        chosen = [(our, printed) for our, printed, agree in zip(ours, paper, agrees, strict=True) if agree == wanted]
        x, y = [printed.value for _, printed in chosen], [our.value for our, _ in chosen]
        axis.hlines(y, [printed.low for _, printed in chosen], [printed.high for _, printed in chosen], color=color, alpha=0.35)
        axis.vlines(x, [our.low for our, _ in chosen], [our.high for our, _ in chosen], color=color, alpha=0.35)
        axis.plot(x, y, marker, color=color, label=label)
    order = sorted(range(len(ours)), key=lambda place: -abs(ours[place].value - paper[place].value))[:labelled]
    for above, corner, side in ((True, (0.02, 0.96), "left"), (False, (0.98, 0.4), "right")):  # names in the two empty corners, in the points' order
        line = {"arrowstyle": "-", "color": COLORS["grey"], "lw": 0.7, "relpos": (float(above), 0.5)}
        named = sorted((place for place in order if (ours[place].value > paper[place].value) == above), key=lambda place: -ours[place].value)
        for number, place in enumerate(named):
            text = (corner[0], corner[1] - 0.06 * number)
            axis.annotate(
                names[place], (paper[place].value, ours[place].value), text, textcoords="axes fraction", ha=side, va="center", fontsize=11, arrowprops=line
            )
    ticks = [0, 1, 5, 10, 20, 40, 60, 80, 100]
    for scale, limits, marks in ((axis.set_xscale, axis.set_xlim, axis.set_xticks), (axis.set_yscale, axis.set_ylim, axis.set_yticks)):
        scale("function", functions=(lambda value: np.sqrt(np.maximum(value, 0)), np.square))  # where sampling errors are of about the same size everywhere
        limits(0, 100)
        marks(ticks, [str(tick) for tick in ticks])
    axis.set(xlabel="paper (%)", ylabel="ours (%)")
    axis.legend(loc="lower right")
    return figure


def error_curves(
    panels: Mapping[str, Mapping[str, Sequence[Estimate]]],
    x: Sequence[float],
    *,
    columns: int = 2,
    xlabel: str = "",
    ylabel: str = "error (%)",
    marks: Mapping[str, float] | None = None,
) -> Figure:
    """Estimates along x by panel and series: a curve with its interval as a band; a series has one colour in all panels. marks: horizontal lines by name."""
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    colors = dict(zip(names, [*COLORS.values(), "#000000", "#8C564B", "#17BECF"], strict=False))
    count = -(-len(panels) // columns)
    figure, axes = subplots(count, columns, sharex=True, sharey=True, figsize=(6.4, 2.4 * count + 1.0), squeeze=False)
    for axis, (title, curves) in zip(axes.flat, panels.items(), strict=False):
        for name, found in curves.items():
            axis.fill_between(x, [estimate.low for estimate in found], [estimate.high for estimate in found], color=colors[name], alpha=0.2, lw=0)
            style = "--" if names.index(name) % 2 else "-"
            axis.plot(x, [estimate.value for estimate in found], style, color=colors[name], lw=1.8, label=name)
        for label, height in (marks or {}).items():
            axis.axhline(height, color=COLORS["grey"], lw=1.2, ls=":", label=label)
        axis.set_title(title, fontsize=11)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    figure.supxlabel(xlabel, fontsize=11)
    figure.supylabel(ylabel, fontsize=11)
    handles = {label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=3 if max(map(len, names)) < 15 else 2)
    return figure


def answered(images: Tensor, answers: Mapping[str, Sequence[int]], labels: Sequence[int], *, columns: int, titles: Sequence[str]) -> Figure:
    """Images [N, 1, H, W] in a grid and under each what every network answers; wrong answers, those that are not the label, are orange and bold.

    answers: N classes for each network. labels: the N true classes. titles: one for each column.
    """
    count = len(images) // columns
    figure, axes = subplots(count, columns, figsize=(6.4, (6.4 / columns + 0.21 * len(answers) + 0.1) * count + 0.3), squeeze=False)
    for number, axis in enumerate(axes.flat):
        axis.imshow(images[number, 0].cpu().numpy(), vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)
        if number < columns:
            axis.set_title(titles[number], fontsize=12)
        for line, (name, given) in enumerate(answers.items()):
            wrong = given[number] != labels[number]
            style = {"color": COLORS["orange"], "weight": "bold"} if wrong else {"color": COLORS["grey"]}
            axis.annotate(
                name, (0.1, 0), (0, -15 * line - 4), xycoords="axes fraction", textcoords="offset points", va="top", fontsize=11, annotation_clip=False, **style
            )
            axis.annotate(
                str(given[number]),
                (0.92, 0),
                (0, -15 * line - 4),
                xycoords="axes fraction",
                textcoords="offset points",
                va="top",
                ha="right",
                fontsize=11,
                annotation_clip=False,
                **style,
            )
    return figure


def noise_law(panels: Mapping[str, Mapping[str, tuple[Tensor, Tensor]]], *, factor: float) -> Figure:
    """For each image the length of the noise against the length of the shortest perturbation (shortest [N], noise [N]), by panel and network.

    The line is noise = factor times shortest; images where either is zero or infinite are left out.
    """
    figure, axes = subplots(1, len(panels), sharex=True, sharey=True, figsize=(6.4, 4.4), squeeze=False)
    for axis, (title, clouds) in zip(axes[0], panels.items(), strict=True):
        for (name, (shortest, noise)), color, marker in zip(clouds.items(), COLORS.values(), "osD^", strict=False):
            kept = shortest.isfinite() & noise.isfinite() & (shortest > 0.01)
            axis.loglog(shortest[kept].cpu(), noise[kept].cpu(), marker, color=color, ms=4, alpha=0.5, mew=0, label=name)
        axis.axline((1, factor), (2, 2 * factor), color="black", lw=1)
        axis.set_title(title, fontsize=11)
        axis.legend(loc="lower right", handletextpad=0, fontsize=11)
        axis.set_xlabel("shortest perturbation")
    axes[0, 0].set_ylabel("noise that changes 16 % of answers")
    return figure


def line_search(c: Sequence[float], lengths: Sequence[float], hit: Sequence[bool]) -> Figure:
    """Length of the minimiser's perturbation against c, on a logarithmic axis: filled dots where it is classified as the target."""
    figure, axis = subplots()
    axis.plot(c, lengths, color=COLORS["grey"], lw=1, zorder=1)
    for success, style in (
        (True, {"color": COLORS["blue"], "label": "classified as the target"}),
        (False, {"mfc": "white", "mec": COLORS["orange"], "label": "not"}),
    ):
        chosen = [(value, length) for value, length, reached in zip(c, lengths, hit, strict=True) if reached == success]
        axis.plot(*zip(*chosen, strict=True), "o", **style) if chosen else None
    axis.set(xscale="log", xlabel="c", ylabel="length of r", ylim=(0, None))
    axis.legend()
    return figure


def adversarial(
    originals: Tensor,
    distorted: Tensor,
    noisy: Tensor,
    *,
    answers: Sequence[int],
    noise_answers: Sequence[int],
    distortions: Sequence[float],
) -> Figure:
    """Four rows: originals [N, 1, H, W], the magnified change, the distorted images, noisy ones; answers are the network's classes."""
    change = (distorted - originals).cpu()
    figure, axes = subplots(4, len(originals), figsize=(6.4, 4 * 6.4 / len(originals) * 1.15), squeeze=False)
    for column in range(len(originals)):
        limit = float(change[column].abs().max()) or 1.0
        for row, picture in enumerate((originals[column], change[column], distorted[column], noisy[column])):
            shade = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if row == 1 else {"vmin": 0, "vmax": 1}
            axes[row, column].imshow(picture[0].cpu().numpy(), **shade)
            axes[row, column].set(xticks=[], yticks=[])
            axes[row, column].grid(visible=False)
            axes[row, column].spines[:].set_visible(False)
        axes[1, column].set_title(f"{distortions[column]:.3f}", fontsize=10, pad=2)
        axes[2, column].set_title(f"→ {answers[column]}", fontsize=10, pad=2)
        axes[3, column].set_title(f"→ {noise_answers[column]}", fontsize=10, pad=2)
    return figure


def sorted_curves(values: Mapping[str, Sequence[float]], *, ylabel: str) -> Figure:
    """Each series in rising order, against the percentage of images at or below."""
    figure, axis = subplots()
    for name, series in values.items():
        axis.plot(np.linspace(0, 100, len(series)), np.sort(series), label=name, lw=2)
    axis.set(xlabel="images (%)", ylabel=ylabel, ylim=(0, None))
    axis.legend()
    return figure


def spike(x: Sequence[int], counted: Sequence[float], expected: Sequence[float], *, xlabel: str, ylabel: str, labels: tuple[str, str]) -> Figure:
    """Counts along x above what is expected, the highest one marked with its x; labels: of the counts and of what is expected."""
    figure, axis = subplots(figsize=(6.4, 3.2))
    axis.plot(x, counted, color=COLORS["blue"], lw=1, label=labels[0])
    axis.plot(x, expected, "--", color=COLORS["orange"], lw=1.5, label=labels[1])
    top = int(np.argmax(counted))
    axis.annotate(str(x[top]), (x[top], counted[top]), xytext=(0, 4), textcoords="offset points", ha="center", weight="bold")
    axis.plot(x[top], counted[top], "o", color=COLORS["blue"])
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1.12 * max(counted)))
    axis.legend(loc="upper left")
    return figure


def pair_matrix(values: Mapping[tuple[str, str], float], *, names: Sequence[str], marked: Sequence[tuple[str, str]] = ()) -> Figure:
    """A number for each ordered pair (row, column) of different names, shaded by size; pairs in `marked` carry a dot."""
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
            axis.text(column, row, f"{value:+.1f}{dot}".replace("-", "−"), ha="center", va="center", color="white" if abs(value) > 0.7 * limit else "black")
    return figure


def spectra(values: Mapping[str, Sequence[float]]) -> Figure:
    """Singular values in falling order, one curve for each layer, on logarithmic axes."""
    figure, axis = subplots()
    for number, (name, series) in enumerate(values.items()):
        axis.plot(range(1, len(series) + 1), series, "--" if number % 2 else "-", label=name, lw=1.8)
    axis.set(xscale="log", yscale="log", xlabel="number", ylabel="singular value", ylim=(1e-2, None))
    axis.legend(fontsize=10)
    return figure


def brackets(names: Sequence[str], lower: Sequence[float], upper: Sequence[float], *, xlabel: str) -> Figure:
    """One line a name from its lower to its upper bound, on a logarithmic axis."""
    figure, axis = subplots(figsize=(6.4, 0.36 * len(names) + 0.9))
    places = np.arange(len(names))[::-1]
    axis.hlines(places, lower, upper, color=COLORS["grey"], lw=2)
    axis.plot(lower, places, "o", color=COLORS["blue"], label="at least")
    axis.plot(upper, places, "D", color=COLORS["orange"], mfc="none", mew=1.5, label="at most")
    axis.set_yticks(places, names)
    axis.set(xscale="log", xlabel=xlabel)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)
    return figure


def growth(stages: Sequence[str], values: Mapping[str, Sequence[Sequence[float]]], bounds: Sequence[float]) -> Figure:
    """For each stage and kind of perturbation a cloud of ratios, its median, and the stage's bound as a bar; logarithmic."""
    figure, axis = subplots()
    jitter = np.random.default_rng(0)
    for number, (kind, color) in enumerate(zip(values, (COLORS["blue"], COLORS["orange"]), strict=False)):
        for stage, ratios in enumerate(values[kind]):
            place = stage + 0.3 * (number - 0.5)
            axis.plot(place + jitter.uniform(-0.1, 0.1, len(ratios)), ratios, ".", ms=3, alpha=0.5, color=color)
            axis.plot([place - 0.12, place + 0.12], [np.median(ratios)] * 2, color=color, lw=3, label=kind if stage == 0 else None)
    axis.hlines(bounds, np.arange(len(stages)) - 0.35, np.arange(len(stages)) + 0.35, color="black", lw=2, label="bound")
    axis.set_xticks(range(len(stages)), stages)
    axis.set(yscale="log", ylabel="length of change / length of r")
    axis.legend(loc="upper left")
    return figure
