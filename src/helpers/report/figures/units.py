"""Figures of the chapter on units."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, Bbox
from torch import Tensor

from helpers.comparison import Judged
from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, INK, subplots

WIDTH = 7.2  # inches of a figure as wide as the text
ODD = (1.0, 0.62, 0.16)  # what a digit that is not of its row's majority is tinted with
BETWEEN = 0.35  # of a row's height: the space between two groups of strips
# The fill of a cell by what is shown, all dark enough for light letters, and its sign. None is in
# the palette that a dark page replaces: the letters stay light there.
FILLS = {"more": "#0F6DA8", "less": "#B84E00", "same": "#6F7378", "open": "none"}
SIGNS = {"more": "+", "less": "\N{MINUS SIGN}", "same": "=", "open": ""}
ON_FILL = "#FAFAFA"
NORMAL = 3  # the kurtosis of a normal distribution
LEVEL = 7  # columns of a matrix, at most, whose names stand level
NAMES = 12  # points: the size of the names of dots


def strips(panels: Mapping[str, Mapping[str, Tensor]], images: Tensor, labels: Tensor) -> Figure:
    """Show sets of images as rows, with the digits that are not of a row's majority in orange.

    Parameters
    ----------
    panels : mapping
        The sets by panel and group: numbers of images, int64 [rows, k]. All panels have the groups
        of the first, with as many rows.
    images : Tensor
        [N, 1, H, W] in [0, 1].
    labels : Tensor
        int64 [N].

    Returns
    -------
    Figure
        The panels stand side by side, each with one picture a group.
    """
    groups = {group: len(top) for group, top in next(iter(panels.values())).items()}
    columns = next(iter(panels.values()))[next(iter(groups))].shape[1]
    side = (WIDTH - 1.2) / (len(panels) * (columns + 0.6))  # of a digit, in inches
    rows = sum(groups.values()) + BETWEEN * (len(groups) - 1)
    figure, axes = subplots(
        len(groups),
        len(panels),
        figsize=(WIDTH, side * rows + 0.6),
        height_ratios=list(groups.values()),
        squeeze=False,
    )
    for column, (title, found) in zip(axes.T, panels.items(), strict=True):
        column[0].set_title(title, fontsize=11)
        for axis, (group, top) in zip(column, found.items(), strict=True):
            axis.imshow(_tinted(top, images, labels), interpolation="nearest", aspect="equal")
            _bare(axis)
            if axis is axes[list(groups).index(group), 0]:
                axis.set_ylabel(group, rotation=0, ha="right", va="center", fontsize=11)
    return figure


def _tinted(top: Tensor, images: Tensor, labels: Tensor) -> np.ndarray:
    """Rows of images [rows, k] as one picture [rows * H, k * W, 3], the odd ones out tinted."""
    drawn = images[top, 0].cpu()  # (rows, k, H, W)
    odd = (labels[top] != labels[top].mode(dim=1, keepdim=True).values).cpu()
    tints = torch.where(odd[..., None], torch.tensor(ODD), torch.ones(3))  # (rows, k, 3)
    colored = drawn[..., None] * tints[:, :, None, None]
    sheet: np.ndarray = colored.permute(0, 2, 1, 3, 4).flatten(2, 3).flatten(0, 1).numpy()
    return sheet


def _bare(axis: Axes) -> None:
    """Take off an axis all that is not its picture."""
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)


def verdict_map(
    panels: Mapping[str, Mapping[str, Mapping[str, Judged]]], *, numbers: bool = True
) -> Figure:
    """Show differences as a matrix, in which colour means that something is shown by them.

    Parameters
    ----------
    panels : mapping
        The differences by panel, row and column; a column that a row lacks stays empty. All panels
        have the rows of the first.
    numbers : bool
        Whether a cell has its difference in it, or only a sign for its verdict.

    Returns
    -------
    Figure
        The panels stand side by side. A cell is blue for "more", orange for "less", grey for
        "same", and has no colour where the question is open.
    """
    rows = list(next(iter(panels.values())))
    columns = {
        title: list(dict.fromkeys(name for row in found.values() for name in row))
        for title, found in panels.items()
    }
    turn = 50 if sum(len(names) for names in columns.values()) > LEVEL else 0
    figure, axes = subplots(
        1,
        len(panels),
        sharey=True,
        figsize=(WIDTH, 0.36 * len(rows) + 1.4),
        width_ratios=[len(names) for names in columns.values()],
        squeeze=False,
    )
    for axis, (title, found) in zip(axes[0], panels.items(), strict=True):
        for down, cells in enumerate(found.values()):
            for name, judged in cells.items():
                text = f"{judged.difference.value:+.2f}".replace("-", "\N{MINUS SIGN}")
                _cell(
                    axis,
                    (columns[title].index(name), down),
                    judged.verdict,
                    text if numbers else SIGNS[judged.verdict],
                )
        _frame(axis, rows, columns[title], title, turn)
    keys = [
        Rectangle((0, 0), 1, 1, facecolor=FILLS[word], edgecolor=COLORS["grey"]) for word in FILLS
    ]
    figure.legend(keys, list(FILLS), loc="outside lower center", ncols=len(FILLS), fontsize=12)
    return figure


def _cell(axis: Axes, place: tuple[int, int], verdict: str, text: str) -> None:
    """One cell of a matrix: its fill, and what stands in it."""
    corner = place[0] - 0.46, place[1] - 0.44
    axis.add_patch(Rectangle(corner, 0.92, 0.88, facecolor=FILLS[verdict], edgecolor="none"))
    color = INK if verdict == "open" else ON_FILL
    weight = "bold" if verdict in ("more", "less") else "normal"
    axis.text(*place, text, ha="center", va="center", color=color, fontsize=12, fontweight=weight)


def _frame(axis: Axes, rows: Sequence[str], columns: Sequence[str], title: str, turn: int) -> None:
    """The names around a matrix, whose first row is on top; `turn` those of columns, in degrees."""
    axis.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axis.set_yticks(range(len(rows)), rows, fontsize=12)
    axis.set_xticks(range(len(columns)), columns, fontsize=12, rotation=turn)
    if turn:
        for name in axis.get_xticklabels():
            name.set(ha="right", rotation_mode="anchor")
    axis.tick_params(length=0)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    axis.set_title(title, fontsize=12)


def explained(
    purity: Mapping[str, Estimate],
    shares: Mapping[str, float],
    curve: Mapping[float, float],
    lead: Mapping[str, Estimate],
    tails: Mapping[str, float],
) -> Figure:
    """Show what predicts the purity of random directions, and what the lead of units.

    Parameters
    ----------
    purity : mapping of str to Estimate
        Of random directions, by layer.
    shares : mapping of str to float
        The part of a layer's variance that lies between classes, in [0, 1].
    curve : mapping of float to float
        The purity that normal distributions with such a share would have, by the share.
    lead : mapping of str to Estimate
        The purity of units minus that of random directions.
    tails : mapping of str to float
        The kurtosis of a layer's units, positive.

    Returns
    -------
    Figure
        Two panels, one above the other, in each a dot with its interval and name for every layer.
    """
    figure, (left, right) = subplots(2, 1, figsize=(WIDTH, 6.8))
    left.plot(list(curve), list(curve.values()), color=COLORS["grey"], lw=2)
    start = min(curve, key=lambda share: abs(share - 0.1))  # no layer lies there
    left.annotate(
        "normal clouds",
        (start, curve[start]),
        xytext=(10, -6),
        textcoords="offset points",
        va="center",
        color=COLORS["grey"],
    )
    _dots(left, shares, purity, COLORS["blue"])
    left.set(
        xlim=(0, 1),
        ylim=(0, 1.1),
        xlabel="share of variance between digits",
        ylabel="purity of random directions",
    )
    left.set_title("what variances predict", fontsize=12, weight="bold")
    right.axhline(0, color=COLORS["grey"], lw=1)
    right.axvline(NORMAL, color=COLORS["grey"], lw=1, ls="--")
    right.annotate(
        "normal",
        (NORMAL, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
    )
    right.set_xscale("log")
    _dots(right, tails, lead, COLORS["orange"])
    ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 50, 100) if tick <= 1.5 * max(tails.values())]
    right.set_xticks(ticks, [str(tick) for tick in ticks])
    right.minorticks_off()
    right.set_xlim(0.7 * min(tails.values()), 2 * max(tails.values()))  # room for the names
    right.set_title("what they miss", fontsize=12, weight="bold", pad=18)
    right.set(xlabel="kurtosis of the layer's units", ylabel="lead of units in purity")
    figure.draw_without_rendering()  # so that the panels have their final size
    _names(left, shares, purity, curve)
    _names(right, tails, lead)
    return figure


def _dots(
    axis: Axes, across: Mapping[str, float], upwards: Mapping[str, Estimate], color: str
) -> None:
    """A dot with its interval for each pair."""
    for name, estimate in upwards.items():
        axis.vlines(across[name], estimate.low, estimate.high, color=color, lw=2, alpha=0.5)
        axis.plot(across[name], estimate.value, "o", color=color, ms=5)


def _names(
    axis: Axes,
    across: Mapping[str, float],
    upwards: Mapping[str, Estimate],
    curve: Mapping[float, float] | None = None,
) -> None:
    """The name of each dot, where it covers least of dots, intervals, the curve and other names."""
    points = 72 / axis.figure.dpi
    dots = {
        name: points * axis.transData.transform((across[name], estimate.value))
        for name, estimate in upwards.items()
    }
    frame = axis.bbox.frozen().transformed(Affine2D().scale(points))
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in dots.values()]
    for name, estimate in upwards.items():
        ends = [(across[name], estimate.low), (across[name], estimate.high)]
        (x, low), (_, high) = points * axis.transData.transform(ends)
        taken.append(Bbox.from_bounds(x - 2, low, 4, high - low))
    if curve:
        places = np.linspace(min(curve), max(curve), 200)
        drawn = np.stack([places, np.interp(places, list(curve), list(curve.values()))], axis=1)
        taken += [
            Bbox.from_bounds(x - 2, y - 2, 4, 4)
            for x, y in points * axis.transData.transform(drawn)
        ]
    for name, (x, y) in dots.items():
        wide, high = 0.5 * NAMES * len(name), 1.1 * NAMES
        sides = [
            (6, -high / 2),
            (-6 - wide, -high / 2),
            *((dx, dy) for dx in (6, -6 - wide) for dy in (1, -1 - high)),
            *((-wide / 2, dy) for dy in (6, -6 - high)),
            # Farther away, with a line back to the dot.
            *(
                (dx, dy)
                for away in (12, 26, 40)
                for dx in (10, -10 - wide, 26, -26 - wide)
                for dy in (away, -away - high)
            ),
        ]
        boxes = [Bbox.from_bounds(x + dx, y + dy, wide, high) for dx, dy in sides]
        best = min(
            range(len(boxes)), key=lambda number: (_covered(boxes[number], taken, frame), number)
        )
        taken += 2 * [boxes[best]]  # to cover a name is worse than to cover an interval
        # From the point of the name's box that is nearest to the dot.
        nearest = [
            min(max(-start / length, 0), 1)
            for start, length in zip(sides[best], (wide, high), strict=True)
        ]
        line = {"arrowstyle": "-", "color": COLORS["grey"], "lw": 0.8, "relpos": nearest}
        axis.annotate(
            name,
            (across[name], upwards[name].value),
            xytext=sides[best],
            textcoords="offset points",
            va="bottom",
            fontsize=NAMES,
            arrowprops=line | {"shrinkA": 0, "shrinkB": 3},
        )


def _covered(box: Bbox, taken: Sequence[Bbox], frame: Bbox) -> float:
    """How much of a box lies over others or outside the frame, in square points."""
    common = [Bbox.intersection(box, other) for other in taken]
    inside = Bbox.intersection(box, frame)
    outside = box.width * box.height - (inside.width * inside.height if inside else 0)
    return round(outside + sum(each.width * each.height for each in common if each), 3)
