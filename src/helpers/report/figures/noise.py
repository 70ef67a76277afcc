"""Figures of the chapter on noise."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, subplots
from helpers.report.figures.transfer import DPI, WIDE, name_ends


def same_distance(
    images: Mapping[str, Tensor],
    answers: Mapping[str, Sequence[int]],
    labels: Sequence[int],
    *,
    headlines: Mapping[str, str],
    word: str,
) -> Figure:
    """Show digits in columns of one kind each, what one network reads, and a large number below.

    Parameters
    ----------
    images : mapping
        [R, 1, H, W] in [0, 1] by the title of the column.
    answers : mapping
        R classes by the title of the column.
    labels : sequence of int
        The R true classes.
    headlines : mapping
        By the title of the column, the large words below it.
    word : str
        What stands below all headlines.

    Returns
    -------
    Figure
        Answers that are not the label are orange, and so is a headline that does not begin as
        the first one does.
    """
    rows = len(labels)
    figure, axes = subplots(
        rows,
        len(images),
        dpi=DPI,
        figsize=(WIDE, (WIDE / len(images) + 0.22) * rows + 1.0),
        squeeze=False,
    )
    first = next(iter(headlines.values()))
    for column, (title, shown) in enumerate(images.items()):
        axes[0, column].set_title(title, fontsize=13)
        for row in range(rows):
            axis, given = axes[row, column], answers[title][row]
            axis.imshow(shown[row, 0].cpu().numpy(), vmin=0, vmax=1, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.grid(visible=False)
            axis.spines[:].set_visible(False)
            wrong = given != labels[row]
            axis.set_xlabel(
                f"read as {given}",
                color=COLORS["orange" if wrong else "grey"],
                weight="bold" if wrong else "normal",
                fontsize=12,
                labelpad=3,
            )
        axes[-1, column].annotate(
            headlines[title],
            (0.5, 0),
            xycoords="axes fraction",
            xytext=(0, -26),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=22,
            weight="bold",
            color=COLORS["grey" if headlines[title] == first else "orange"],
            annotation_clip=False,
        )
    figure.supxlabel(word, fontsize=11, color=COLORS["grey"])
    return figure


def dot_panels(
    panels: Mapping[str, Mapping[str, Mapping[str, Estimate | float]]],
    *,
    columns: int = 2,
    xlabel: str = "error (%)",
) -> Figure:
    """Show several numbers a row as dots of different shapes.

    Parameters
    ----------
    panels : mapping
        By title, row and series, a number or an estimate, whose interval is a line. All rows have
        the series of the first, three at most.
    columns : int
        Panels side by side.
    xlabel : str
        Below the panels.

    Returns
    -------
    Figure
        The series are told apart by shape and by colour; they stand above the panels.
    """
    series = list(next(iter(next(iter(panels.values())).values())))
    looks = (("D", "grey", False), ("o", "blue", True), ("s", "orange", True))
    starts = range(0, len(panels), columns)
    titles = list(panels)
    tallest = [max(len(panels[title]) for title in titles[at : at + columns]) for at in starts]
    figure, axes = subplots(
        len(tallest),
        columns,
        squeeze=False,
        dpi=DPI,
        figsize=(WIDE, sum(0.27 * rows + 0.6 for rows in tallest) + 0.7),
        gridspec_kw={"height_ratios": [rows + 1 for rows in tallest]},
    )
    for axis, (title, rows) in zip(axes.flat, panels.items(), strict=False):
        for name, (marker, color, full) in zip(series, looks, strict=False):
            found = [row[name] for row in rows.values()]
            for height, each in enumerate(found):
                if isinstance(each, Estimate):
                    axis.hlines(height, each.low, each.high, color=COLORS[color], lw=2, alpha=0.5)
            values = [each.value if isinstance(each, Estimate) else each for each in found]
            fill = {} if full else {"mfc": "none", "mew": 1.6, "ms": 9}
            axis.plot(
                values,
                range(len(rows)),
                marker,
                color=COLORS[color],
                **{"ms": 6, **fill},
                label=name,
                clip_on=False,
            )
        axis.set_yticks(range(len(rows)), list(rows), fontsize=11)
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.set_xlim(left=0)
        axis.tick_params(axis="y", length=0, pad=8)
        axis.grid(visible=False, axis="y")
        axis.set_title(title, fontsize=11, loc="left", weight="bold")
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="outside upper left",
        ncols=len(series),
        handletextpad=0.1,
    )
    figure.supxlabel(xlabel, fontsize=11)
    return figure


def error_curves(
    panels: Mapping[str, Mapping[str, Sequence[Estimate]]],
    x: Sequence[float],
    *,
    columns: int = 3,
    xlabel: str = "",
    ylabel: str = "error (%)",
    mark: tuple[str, float] | None = None,
) -> Figure:
    """Show estimates along x as curves, each with its interval as a band.

    Parameters
    ----------
    panels : mapping
        By panel and series, an estimate for each x. A series has one colour in all panels.
    x : sequence of float
        Where they were measured.
    columns : int
        Panels side by side.
    xlabel, ylabel : str
        Of all panels.
    mark : (str, float), optional
        The name and the height of a horizontal line.

    Returns
    -------
    Figure
        One panel a title, all with the same axes; the names of the curves stand at the right end
        of each line of panels.
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    colors = dict(zip(names, (COLORS[key] for key in ("orange", "blue", "green")), strict=False))
    count = -(-len(panels) // columns)
    height = 2.1
    figure, axes = subplots(
        count,
        columns,
        sharex=True,
        sharey=True,
        dpi=DPI,
        figsize=(WIDE, height * count + 0.4),
        squeeze=False,
    )
    for number, (axis, (title, curves)) in enumerate(zip(axes.flat, panels.items(), strict=False)):
        for name, found in curves.items():
            low, high = [each.low for each in found], [each.high for each in found]
            axis.fill_between(x, low, high, color=colors[name], alpha=0.2, lw=0)
            axis.plot(x, [each.value for each in found], color=colors[name], lw=2)
        axis.set(xlim=(x[0], x[-1]), ylim=(0, 103))
        if mark:
            axis.axhline(mark[1], color=COLORS["grey"], lw=1.2, ls=":")
        axis.set_title(title, fontsize=11)
        if number % columns == columns - 1:
            ends = {name: (found[-1].value, colors[name]) for name, found in curves.items()}
            if mark:
                ends[mark[0]] = (mark[1], COLORS["grey"])
            name_ends(axis, ends, x[-1], height)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    figure.supxlabel(xlabel, fontsize=11)
    figure.supylabel(ylabel, fontsize=11)
    return figure


def spread_thin(components: Tensor, *, dimension: int, others: Sequence[int]) -> Figure:
    """Show why a random direction misses a boundary: the sphere to scale, and the law behind it.

    Parameters
    ----------
    components : Tensor
        [N]: of random unit vectors, along one direction.
    dimension : int
        Of their space, m.
    others : sequence of int
        Dimensions whose law is drawn beside that of m, at least 3 each.

    Returns
    -------
    Figure
        Left: noise of length sqrt(m) around an image whose boundary is at distance 1, drawn in the
        plane of the boundary's normal and of what is orthogonal to it. Right: the density of the
        component along the normal, each scaled to a height of 1.
    """
    radius = dimension**0.5
    figure, (left, right) = subplots(
        1, 2, dpi=DPI, figsize=(WIDE, 3.6), gridspec_kw={"width_ratios": [1, 1.1]}
    )
    turn = np.linspace(0, 2 * np.pi, 400)
    left.plot(radius * np.cos(turn), radius * np.sin(turn), color=COLORS["grey"], lw=1)
    left.axvspan(1, 1.25 * radius, color=COLORS["orange"], alpha=0.15, lw=0)
    left.axvline(1, color=COLORS["orange"], lw=1.2)
    along = components.cpu().double().numpy()[:400]
    across = np.sqrt(1 - along**2) * np.where(np.arange(len(along)) % 2, 1, -1)
    left.plot(radius * along, radius * across, "o", color=COLORS["blue"], ms=3, alpha=0.4, mew=0)
    left.plot(0, 0, "o", color=COLORS["grey"], ms=4)
    for text, point, where, color in (
        ("the image", (0, 0), (-0.75 * radius, 0.2 * radius), "grey"),
        ("its nearest mistake", (1, 0), (0.12 * radius, -0.3 * radius), "orange"),
        ("noise", (0, radius), (-0.75 * radius, 1.12 * radius), "blue"),
        ("another answer", None, (0.12 * radius, 0.55 * radius), "orange"),
    ):
        _told(left, text, point, where, COLORS[color])
    left.set(
        xticks=[],
        yticks=[],
        aspect="equal",
        xlim=(-1.25 * radius, 1.25 * radius),
        ylim=(-1.25 * radius, 1.25 * radius),
    )
    left.grid(visible=False)
    left.spines[:].set_visible(False)
    t = np.linspace(-1, 1, 2001)
    # The height at which each name stands beside its curve, away from the others.
    places = dict(zip([*others, dimension], (1.0, 0.6, 0.3, 0.85), strict=False))
    for (m, height), key in zip(places.items(), ("grey", "purple", "green", "blue"), strict=False):
        density = (1 - t**2) ** ((m - 3) / 2)
        right.plot(t, density, color=COLORS[key], lw=2)
        end = t[density >= height][-1] if m > 3 else 0.6
        side = -1 if m == dimension else 1
        right.annotate(
            f"m = {m}",
            (side * end, height),
            xytext=(-75, -4) if side < 0 else (6, 3),
            textcoords="offset points",
            color=COLORS[key],
            arrowprops={"arrowstyle": "-", "color": COLORS[key], "lw": 0.8} if side < 0 else None,
        )
    counted, edges = np.histogram(components.cpu().numpy(), bins=40)
    right.bar(
        edges[:-1],
        counted / counted.max(),
        width=np.diff(edges),
        align="edge",
        color=COLORS["blue"],
        alpha=0.25,
        lw=0,
    )
    right.set(xlabel="component along the normal", ylim=(0, 1.15), xlim=(-1, 1), yticks=[])
    right.grid(visible=False)
    right.spines["left"].set_visible(False)
    return figure


def noise_law(
    panels: Mapping[str, Mapping[str, tuple[Tensor, Tensor]]], *, factor: float
) -> Figure:
    """Show for each image the length of the noise against that of the shortest perturbation.

    Parameters
    ----------
    panels : mapping
        By panel and network, the lengths of the shortest perturbations [N] and of the noise [N].
        Images where either is infinite, or the shortest is at most 0.01, are left out.
    factor : float
        The line is where the noise is so many times as long.

    Returns
    -------
    Figure
        Panels with the same logarithmic axes.
    """
    figure, axes = subplots(
        1, len(panels), sharex=True, sharey=True, dpi=DPI, figsize=(WIDE, 4.0), squeeze=False
    )
    for axis, (title, clouds) in zip(axes[0], panels.items(), strict=True):
        for (name, (shortest, noise)), color, marker in zip(
            clouds.items(),
            (COLORS[key] for key in ("blue", "orange", "green", "purple")),
            "osD^",
            strict=False,
        ):
            kept = shortest.isfinite() & noise.isfinite() & (shortest > 0.01)
            axis.loglog(
                shortest[kept].cpu(),
                noise[kept].cpu(),
                marker,
                color=color,
                ms=4,
                alpha=0.5,
                mew=0,
                label=name,
            )
        axis.axline((1, factor), (2, 2 * factor), color=COLORS["grey"], lw=1.2)
        axis.set_title(title, fontsize=11)
        axis.legend(loc="lower right", handletextpad=0, borderpad=0.1)
        axis.set_xlabel("shortest perturbation")
        for scale, ticks in ((axis.set_xticks, (0.1, 0.3, 1, 3)), (axis.set_yticks, (3, 10, 30))):
            scale(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
    axes[0, 0].annotate(
        f"{factor:g} times as long",
        (0.04, 0.97),
        xycoords="axes fraction",
        va="top",
        color=COLORS["grey"],
    )
    axes[0, 0].set_ylabel("noise that changes 16 % of answers")
    return figure


def relatives(
    changes: Mapping[str, Tensor], points: Mapping[str, Sequence[float]], *, ylabel: str
) -> Figure:
    """Show perturbations of one length, and above each how much it does to several networks.

    Parameters
    ----------
    changes : mapping
        [1, H, W] by kind: blue where it darkens, red where it lightens.
    points : mapping
        By kind, a number for each network.
    ylabel : str
        What the numbers are.

    Returns
    -------
    Figure
        One dot a network.
    """
    figure, axes = subplots(
        2,
        len(changes),
        dpi=DPI,
        figsize=(WIDE, 4.1),
        gridspec_kw={"height_ratios": [2.2, 1]},
        squeeze=False,
    )
    for axis in axes[0]:
        axis.remove()
    wide = figure.add_subplot(axes[0, 0].get_gridspec()[0, :])
    limit = max(float(change.abs().max()) for change in changes.values())
    for column, (kind, change) in enumerate(changes.items()):
        values = points[kind]
        aside = np.linspace(-0.18, 0.18, len(values))
        color = COLORS["orange" if column == len(changes) - 1 else "blue"]
        wide.plot(column + aside, values, "o", color=color, ms=7, alpha=0.75)
        axis = axes[1, column]
        axis.imshow(change[0].cpu().numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)
        axis.set_title(kind, fontsize=11)
    wide.axhline(0, color=COLORS["grey"], lw=1)
    wide.set(xlim=(-0.5, len(changes) - 0.5), xticks=[], ylabel=ylabel)
    wide.spines["bottom"].set_visible(False)
    return figure


def _told(
    axis: Axes,
    text: str,
    point: tuple[float, float] | None,
    where: tuple[float, float],
    color: str,
) -> None:
    """Words beside a point, with a line to it if there is one."""
    arrow = {"arrowstyle": "-", "color": color, "lw": 0.8, "shrinkB": 2} if point else None
    axis.annotate(
        text, point or where, where, color=color, fontsize=11, va="center", arrowprops=arrow
    )
