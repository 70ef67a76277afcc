"""Figures of the chapter on transfer."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, INK, subplots

WIDE = 7.0  # inches: what a page shows, at about the size that it is drawn in
DPI = 90  # about the pixels of the page, and few enough for a notebook to be reviewed
LEADER = 6  # points: how far a name may be from the end of its curve without lines to all names
NAMES = 13  # points: the size of names, which a phone shows at two thirds


def answers_to(
    images: Tensor,
    answers: Sequence[Sequence[int]],
    label: int,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    own: Sequence[int | None],
) -> Figure:
    """Show one digit as it was changed for each of several networks, and what all of them answer.

    Parameters
    ----------
    images : Tensor
        [R, 1, H, W] in [0, 1], one at the left of each row.
    answers : sequence of sequence of int
        [R, C] classes.
    label : int
        The true class.
    rows : sequence of str
        What each image is.
    columns : sequence of str
        The networks that answer.
    own : sequence of int or None
        For each row the column of the network that its image was made for, which has a frame.

    Returns
    -------
    Figure
        Wrong answers are large and orange.
    """
    figure, axis = subplots(dpi=DPI, figsize=(WIDE, 0.78 * len(rows) + 1.1))
    _blank(axis, width=len(columns) + 2.4, height=len(rows))
    for row, (name, image, given) in enumerate(zip(rows, images, answers, strict=True)):
        axis.text(0, row, _in_two(name), va="center", fontsize=12, linespacing=1.1)
        _digit(axis, image, center=(1.85, row), half=0.44)
        for column, answer in enumerate(given):
            place = (2.9 + column, row)
            wrong = answer != label
            if own[row] == column:
                axis.add_patch(
                    Circle(place, 0.36, facecolor="none", edgecolor=COLORS["orange"], lw=1.5)
                )
            style = (
                {"color": COLORS["orange"], "fontsize": 21, "weight": "bold"}
                if wrong
                else {"color": COLORS["grey"], "fontsize": 17}
            )
            axis.text(*place, str(answer), ha="center", va="center", **style)
    for column, name in enumerate(columns):
        axis.text(
            2.9 + column,
            -0.6,
            _broken(name),
            ha="center",
            va="bottom",
            fontsize=NAMES,
            linespacing=1.1,
        )
    above = {"va": "bottom", "fontsize": NAMES, "weight": "bold"}
    axis.text(2.4 + len(columns) / 2, -1.4, "is read by", ha="center", **above)
    axis.text(0, -0.6, "made to fool", **above)
    return figure


def discs(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    own: Collection[tuple[int, int]] = (),
    framed: Collection[tuple[int, int]] = (),
    pictures: Tensor | None = None,
) -> Figure:
    """Show percentages as areas, ours as discs and the paper's as rings round the same centre.

    Parameters
    ----------
    panels : mapping
        By title, our percentages and the paper's, [R, C] each. Panels stand side by side.
    rows, columns : sequence of str
        The networks, in words.
    own : collection of (int, int)
        The places of networks that see what was made for them: grey.
    framed : collection of (int, int)
        Places with a frame.
    pictures : Tensor, optional
        [P, R, 1, H, W] in [0, 1]: an image at the left of each row of each panel.

    Returns
    -------
    Figure
        Both numbers stand below the disc of their cell.
    """
    margin = 0.0 if pictures is None else 1.0
    deepest = max(_broken(name).count("\n") + 1 for name in columns)  # lines above the columns
    width = len(columns) + margin
    share = 1.5 if len(panels) == 1 else 1.6  # of the names of rows, in cells
    cell = WIDE / (len(panels) * width + share)
    figure, axes = subplots(
        1,
        len(panels),
        dpi=DPI,
        figsize=(WIDE, cell * len(rows) + 0.28 * deepest + (0.62 if any(panels) else 0.15)),
        gridspec_kw={"width_ratios": [width + share, *[width] * (len(panels) - 1)]},
        squeeze=False,
    )
    for number, (axis, (title, both)) in enumerate(zip(axes[0], panels.items(), strict=True)):
        left = share if number == 0 else 0.0
        _blank(axis, width=left + width, height=len(rows))
        axis.annotate(
            title,
            (left + width / 2, -0.5),
            xytext=(0, 1.45 * NAMES * deepest + 4),
            textcoords="offset points",
            ha="center",
            fontsize=NAMES,
            weight="bold",
            annotation_clip=False,
        )
        for row, name in enumerate(rows):
            if number == 0:
                axis.text(0, row, _in_two(name), va="center", fontsize=NAMES, linespacing=1.1)
            if pictures is not None:
                _digit(axis, pictures[number, row], center=(left + 0.5, row), half=0.42)
            for column in range(len(columns)):
                place = (left + margin + column + 0.5, row)
                pair = (both[0][row, column], both[1][row, column])
                _disc(axis, place, *pair, own=(row, column) in own)
                if (row, column) in framed:
                    _frame(axis, place)
        for column, name in enumerate(columns):
            axis.text(
                left + margin + column + 0.5,
                -0.55,
                _broken(name),
                ha="center",
                va="bottom",
                fontsize=NAMES,
                linespacing=1.1,
            )
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
    figure, axis = subplots(dpi=DPI, figsize=(WIDE, 2.4))
    axis.step(x, counted, where="mid", color=COLORS["blue"], lw=1)
    axis.plot(x, expected, "--", color=COLORS["orange"], lw=1.5)
    top = int(np.argmax(counted))
    axis.plot(x[top], counted[top], "o", color=COLORS["blue"])
    axis.annotate(
        f"{labels[0]}: {counted[top]:g} at n = {x[top]}",
        (x[top], counted[top]),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        color=COLORS["blue"],
        weight="bold",
    )
    axis.annotate(
        f"dashed: {labels[1]}",
        (x[-1], 0),  # below the counts, of which few are near zero out there
        xytext=(-2, 5),
        textcoords="offset points",
        ha="right",
        color=COLORS["orange"],
    )
    axis.set(xlabel=xlabel, ylabel=ylabel, xlim=(x[0], x[-1]), ylim=(0, 1.12 * max(counted)))
    return figure


def dumbbells(
    panels: Mapping[str, Mapping[str, tuple[float, float, bool | None]]],
    *,
    columns: int = 2,
    words: tuple[str, str, str],
    xlabel: str = "error (%)",
) -> Figure:
    """Show pairs of numbers, each as two dots with a line between them.

    Parameters
    ----------
    panels : mapping
        By title and row, the two numbers and whether their difference is significant; None where
        nobody asks. All panels have the rows of the first.
    columns : int
        Panels side by side.
    words : (str, str, str)
        What the two numbers are, and what it means that both dots are hollow.
    xlabel : str
        Below the panels.

    Returns
    -------
    Figure
        The first number is a grey dot, the second a blue one; both are hollow, and the line is
        thin, where the difference is not significant; all is grey where nobody asks.
    """
    count = -(-len(panels) // columns)
    longest = max(map(len, panels.values()))
    figure, axes = subplots(
        count,
        columns,
        sharex=True,
        sharey=True,
        squeeze=False,
        dpi=DPI,
        figsize=(WIDE, count * (0.25 * longest + 0.62)),
    )
    for axis, (title, rows) in zip(axes.flat, panels.items(), strict=False):
        for height, (first, second, significant) in enumerate(rows.values()):
            asked = COLORS["grey" if significant is None else "blue"]
            width = 1 if significant is False else 2.5
            axis.plot([first, second], [height, height], color=asked, lw=width, alpha=0.45)
            for value, color in ((first, COLORS["grey"]), (second, asked)):
                hollow = {"mfc": "none", "mew": 1.5} if significant is False else {}
                axis.plot(value, height, "o", color=color, ms=6, **hollow)
        axis.set_yticks(range(len(rows)), list(rows), fontsize=12)
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.tick_params(axis="y", length=0, pad=8)
        axis.grid(visible=False, axis="y")
        axis.set_title(title, fontsize=12, loc="right", weight="bold")
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for word, color in zip(words[:2], (COLORS["grey"], COLORS["blue"]), strict=True):
        axes[0, 0].plot([], [], "o", color=color, ms=6, label=word)
    axes[0, 0].plot([], [], "o", color=COLORS["blue"], mfc="none", mew=1.5, label=words[2])
    figure.legend(loc="outside upper left", ncols=3, handletextpad=0.1, columnspacing=1.4)
    figure.supxlabel(xlabel, fontsize=11)
    return figure


def ended_curves(
    curves: Mapping[str, Sequence[float | Estimate]],
    x: Sequence[float],
    *,
    xlabel: str,
    ylabel: str,
    dots: Mapping[str, tuple[float, float]] | None = None,
    faint: Collection[str] = (),
    mark: tuple[float, str] | None = None,
    height: float = 3.7,
) -> Figure:
    """Show curves whose names stand at their ends.

    Parameters
    ----------
    curves : mapping
        By name, a number or an estimate for each x; an estimate's interval is a band.
    x : sequence of float
        Where they were measured.
    xlabel, ylabel : str
        Of the axes.
    dots : mapping, optional
        By the name of a curve, a point that is marked in its colour.
    faint : collection of str
        Curves that are dashed and grey.
    mark : (float, str), optional
        Where a vertical line stands, and what it is called.
    height : float
        Of the figure, in inches.

    Returns
    -------
    Figure
        Of one panel.
    """
    figure, axis = subplots(dpi=DPI, figsize=(WIDE, height))
    # Sky is left out: on a dark page it is hardly another colour than blue.
    keys = ("blue", "orange", "green", "purple", "yellow")
    palette = iter([*(COLORS[key] for key in keys), INK])
    ends = {}
    for name, found in curves.items():
        color, style = (COLORS["grey"], "--") if name in faint else (next(palette), "-")
        values = [each.value if isinstance(each, Estimate) else each for each in found]
        banded = [each for each in found if isinstance(each, Estimate)]
        if banded:
            low, high = [each.low for each in banded], [each.high for each in banded]
            axis.fill_between(x, low, high, color=color, alpha=0.15, lw=0)
        axis.plot(x, values, style, color=color, lw=2)
        if dots and name in dots:
            axis.plot(*dots[name], "o", color=color, ms=9)
        ends[name] = (values[-1], color)
    if mark:
        axis.axvline(mark[0], color=COLORS["grey"], lw=1, ls=":")
        axis.annotate(
            mark[1],
            (mark[0], 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -4),
            textcoords="offset points",
            va="top",
            fontsize=11,
            color=COLORS["grey"],
        )
    axis.set(xlabel=xlabel, ylabel=ylabel, xlim=(x[0], x[-1]), ylim=(0, None))
    name_ends(axis, ends, x[-1], height)
    return figure


def start_and_kin(
    groups: Mapping[str, Mapping[str, tuple[Estimate, Estimate]]],
    *,
    words: tuple[str, str],
    xlabel: str = "error (%)",
) -> Figure:
    """Show two estimates a row, with their intervals, in groups that have a title each.

    Parameters
    ----------
    groups : mapping
        By title and row, two estimates.
    words : (str, str)
        What they are: the first is a hollow dot, the second a full one. They stand above the
        first row.
    xlabel : str
        Below the axis.

    Returns
    -------
    Figure
        Of one panel.
    """
    lines = sum(len(rows) + 1 for rows in groups.values()) + 1
    figure, axis = subplots(dpi=DPI, figsize=(WIDE, 0.3 * lines + 0.9))
    height, places, names = 0.0, [], []
    for number, (title, rows) in enumerate(groups.items()):
        across = axis.get_yaxis_transform()
        axis.text(0.01, height, title, weight="bold", va="center", transform=across)
        for line, (name, pair) in enumerate(rows.items()):
            height += 1.7 if number == line == 0 else 1  # room for the words above the first
            places.append(height)
            names.append(name)
            for found, word, full in zip(pair, words, (False, True), strict=True):
                axis.hlines(height, found.low, found.high, color=COLORS["blue"], lw=2, alpha=0.5)
                fill = {} if full else {"mfc": "none", "mew": 1.8}
                axis.plot(found.value, height, "o", color=COLORS["blue"], ms=7, **fill)
                if number == line == 0:
                    axis.annotate(
                        word,
                        (found.value, height),
                        xytext=(0, 8),
                        textcoords="offset points",
                        ha="center",
                        fontsize=11,
                        color=COLORS["blue"],
                    )
        height += 1.3
    axis.set_yticks(places, names)
    axis.tick_params(axis="y", length=0, pad=8)
    axis.grid(visible=False, axis="y")
    axis.set(xlabel=xlabel, xlim=(-1, 100), ylim=(height - 0.6, -0.6))
    return figure


def foretold(groups: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Show what was foretold against what happened, both in percent.

    Parameters
    ----------
    groups : mapping
        By name, a pair of percentages for each case.

    Returns
    -------
    Figure
        With the diagonal where both are equal.
    """
    figure, axis = subplots(dpi=DPI, figsize=(WIDE, 3.8))
    axis.plot([0, 100], [0, 100], color=COLORS["grey"], lw=1)
    for (name, pairs), key, marker in zip(
        groups.items(), ("blue", "orange", "green"), "osD", strict=False
    ):
        axis.plot(*np.array(pairs).T, marker, color=COLORS[key], ms=7, alpha=0.8, label=name)
    axis.set(
        xlabel="foretold by one gradient (%)",
        ylabel="what happens (%)",
        xlim=(-2, 100),
        ylim=(-2, 100),
    )
    axis.legend(loc="lower right")
    return figure


def name_ends(
    axis: Axes, ends: Mapping[str, tuple[float, str]], x: float, height: float, *, gap: float = 15
) -> None:
    """Write the names of curves at their right ends, moved apart where they would overlap.

    Parameters
    ----------
    axis : Axes
        With linear heights; its limits are fixed here.
    ends : mapping
        By name, the curve's last value and its colour.
    x : float
        Where the curves end.
    height : float
        Of the axis in inches, about.
    gap : float
        The least distance between two names, in points.
    """
    low, high = axis.get_ylim()
    axis.set_ylim(low, high)
    # Points that one unit of the axis is high, without its margins.
    scale = 72 * (height - 0.6) / (high - low)
    order = sorted(ends, key=lambda name: ends[name][0])
    wanted = np.array([ends[name][0] * scale for name in order])
    placed = wanted.copy()
    for _ in range(200):  # push neighbours apart until none are too near
        for lower in range(len(placed) - 1):
            lack = gap - (placed[lower + 1] - placed[lower])
            if lack > 1e-6:
                placed[lower] -= lack / 2
                placed[lower + 1] += lack / 2
    away = bool(np.abs(placed - wanted).max(initial=0) > LEADER)
    for name, at, moved in zip(order, wanted, placed, strict=True):
        line = {"arrowstyle": "-", "color": ends[name][1], "lw": 1, "relpos": (0, 0.5)}
        axis.annotate(
            name,
            (x, ends[name][0]),
            xytext=(22 if away else 7, moved - at),
            textcoords="offset points",
            va="center",
            color=ends[name][1],
            annotation_clip=False,
            arrowprops=line | {"shrinkA": 1, "shrinkB": 1} if away else None,
        )


def _broken(name: str) -> str:
    """The name of a network in lines that are as narrow as a cell: what sets it apart."""
    kind, _, apart = name.partition(", ")
    if kind == "autoencoder":
        return "auto-\nencoder"
    for last in (" decay", " units"):
        apart = apart.removesuffix(last)
    return f"{kind}\n{apart}".replace(" half", "\nhalf").rstrip()


def _in_two(name: str) -> str:
    """The name of a network in two lines at most, for the left of a row."""
    return name.replace(", ", ",\n")


def _blank(axis: Axes, *, width: float, height: int) -> None:
    """An axis without frame and ticks, in cells of equal sides, the first row on top."""
    axis.set(xlim=(0, width), ylim=(height - 0.5, -0.5), xticks=[], yticks=[], aspect="equal")
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)


def _digit(axis: Axes, image: Tensor, *, center: tuple[float, float], half: float) -> None:
    """An image of its half width round a centre."""
    x, y = center
    axis.imshow(
        image[0].cpu().numpy(),
        vmin=0,
        vmax=1,
        extent=(x - half, x + half, y + half, y - half),
        interpolation="nearest",
        zorder=2,
    )


def _disc(axis: Axes, place: tuple[float, float], ours: float, paper: float, *, own: bool) -> None:
    """Our percentage as a disc, the paper's as a ring, both numbers below."""
    x, y = place[0], place[1] - 0.13
    color = COLORS["grey"] if own else COLORS["blue"]
    ring = COLORS["grey"] if own else COLORS["orange"]
    axis.add_patch(Circle((x, y), 0.34 * (ours / 100) ** 0.5, facecolor=color, alpha=0.55, lw=0))
    axis.add_patch(
        Circle((x, y), 0.34 * (paper / 100) ** 0.5, facecolor="none", edgecolor=ring, lw=1.6)
    )
    style: dict[str, Any] = {"va": "center", "fontsize": 12}
    axis.text(x - 0.03, y + 0.5, _percent(ours), ha="right", color=color, weight="bold", **style)
    axis.text(x + 0.03, y + 0.5, _percent(paper), ha="left", color=ring, **style)


def _frame(axis: Axes, place: tuple[float, float]) -> None:
    """A square round a cell."""
    x, y = place
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]) * 0.48
    axis.plot(x + corners[:, 0], y + corners[:, 1], color=COLORS["grey"], lw=1, clip_on=False)


def _percent(value: float) -> str:
    return f"{value:.0f}"
