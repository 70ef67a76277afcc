"""Figures of the chapter on natural images: photographs as JPEG, which PNG would make too large."""

import io
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from IPython.display import Image as Shown
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from helpers import places
from helpers.report.figures.base import COLORS, PAPER, subplots
from helpers.report.figures.transfer import DPI, WIDE

# Photographs fill their sheet to its edges, so that it suits a light page and a dark one.
BETWEEN, LETTERS, PLATE = "#FFFFFF", "#FFFFFF", "#14181E"
GAP, GROUPS = 4, 16  # pixels between pictures, and between groups of rows
QUALITY = 62


def photographs(
    rows: Sequence[Tensor],
    *,
    titles: Sequence[Sequence[str]] | None = None,
    names: Sequence[str] | None = None,
    marked: Collection[str] = (),
    side: int = 120,
) -> Shown:
    """Show photographs in rows, edge to edge, with words on plates in their lower corners.

    Parameters
    ----------
    rows : sequence of Tensor
        Images [n, 3, H, W] in [0, 1], n the same in every row.
    titles : sequence of sequence of str, optional
        What stands on each photograph, row by row; empty for a row without.
    names : sequence of str, optional
        What each row is, on a plate in the upper corner of its first photograph; an empty string
        for none. A row with a name stands apart from the one above it.
    marked : collection of str
        Titles whose plates are orange.
    side : int
        Of a photograph on the sheet, in pixels.

    Returns
    -------
    IPython.display.Image
        A JPEG.
    """
    count = len(rows[0])
    titles, names = titles or [[]] * len(rows), names or [""] * len(rows)
    tops = _tops(names, side)
    sheet = Image.new("RGB", (count * (side + GAP) - GAP, tops[-1] + side), BETWEEN)
    font = _font(max(13, side // 8))
    for images, line, name, top in zip(rows, titles, names, tops, strict=True):
        for number, image in enumerate(images):
            left = number * (side + GAP)
            sheet.paste(_picture(image, side), (left, top))
            if any(line):
                ground = COLORS["orange"] if line[number] in marked else PLATE
                _plate(sheet, line[number], font, (left, top + side), side, ground)
        if name:
            height = _plate_height(font)
            _plate(sheet, name, font, (0, top + height), sheet.width, PLATE)
    return Shown(_jpeg(sheet), format="jpeg")


def tallies(panels: Mapping[str, Mapping[str, Mapping[str, tuple[int, int]]]]) -> Figure:
    """Show how many of a few images were hit, with a dot for every one of them.

    Parameters
    ----------
    panels : mapping
        By panel, series and row: how many were hit, and of how many. All panels have the series
        and the rows of the first.

    Returns
    -------
    Figure
        A line of panels for each title, in it one for each series: dots in rows, hits full and
        first, with their number at the end.
    """
    series = list(next(iter(panels.values())))
    rows = list(panels[next(iter(panels))][series[0]])
    figure, axes = subplots(
        len(panels),
        len(series),
        dpi=DPI,
        figsize=(WIDE, (0.27 * len(rows) + 0.85) * len(panels)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for line, (title, found) in zip(axes, panels.items(), strict=True):
        for axis, name in zip(line, series, strict=True):
            for height, (hits, total) in enumerate(found[name].values()):
                _dots(axis, height, hits, total)
            # The title runs on above the panels beside the first one, whose own line is empty.
            above = title if axis is line[0] else ""
            axis.set_title(f"{above}\n{name}", fontsize=11, loc="left", linespacing=1.5)
            axis.set_yticks(range(len(rows)), rows, fontsize=11)
            axis.set_ylim(len(rows) - 0.5, -0.5)
            axis.set_xticks([])
            axis.tick_params(length=0)
            axis.grid(visible=False)
            axis.spines[:].set_visible(False)
    return figure


def by_target(
    images: Tensor, found: Mapping[str, Sequence[tuple[str, float]]], *, xlabel: str
) -> Figure:
    """Show photographs, and on a line beside each how long a change makes it which class.

    Parameters
    ----------
    images : Tensor
        [n, 3, H, W] in [0, 1].
    found : mapping
        By the kind of target, the class and the length of the change for each photograph.
    xlabel : str
        What the lengths are.

    Returns
    -------
    Figure
        A logarithmic axis with one line a photograph and a mark for each kind.
    """
    figure, axis = subplots(dpi=DPI, figsize=(WIDE, 0.78 * len(images) + 1.1))
    looks = dict(zip(found, zip(("blue", "green", "orange"), "osD", strict=True), strict=False))
    lengths = [length for row in found.values() for _, length in row]
    low, high = min(lengths) / 1.6, max(lengths) * 2.2
    for height, image in enumerate(images):
        picture = OffsetImage(np.asarray(_picture(image, 132)), zoom=0.36)
        beside = AnnotationBbox(
            picture,
            (0, height),
            frameon=False,
            pad=0,
            xycoords=("axes fraction", "data"),
            box_alignment=(1.12, 0.5),
        )
        axis.add_artist(beside)
        axis.axhline(height, color=COLORS["grey"], lw=0.8, alpha=0.5)
    for kind, (color, marker) in looks.items():
        for height, (name, length) in enumerate(found[kind]):
            axis.plot(length, height, marker, color=COLORS[color], ms=8)
            above = (0, 8 if kind != "random class" else -18)
            axis.annotate(
                name,
                (length, height),
                xytext=above,
                textcoords="offset points",
                ha="center",
                fontsize=10,
                color=COLORS[color],
            )
        axis.plot([], [], marker, color=COLORS[color], ms=8, label=kind)
    axis.set(xscale="log", ylim=(len(images) - 0.4, -0.6), yticks=[])
    axis.set_xticks((0.0001, 0.0003, 0.001, 0.003), ("0.0001", "0.0003", "0.001", "0.003"))
    axis.minorticks_off()
    axis.set_xlim(low, high)
    axis.set_xlabel(xlabel, fontsize=11)
    axis.grid(visible=False)
    axis.spines["left"].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(looks), handletextpad=0.1)
    return figure


def ostrich_benchmark(table: pd.DataFrame, wanted: int) -> Figure:
    """Show how near several attacks end to photographs, and how long they take.

    Parameters
    ----------
    table : DataFrame
        As the function ostriches of helpers.report.benchmarks makes it.
    wanted : int
        How many photographs an attack is to have.

    Returns
    -------
    Figure
        A line for each attack, in two panels a mark for each network, hollow where the attack has
        had fewer photographs than it is to have, and none where it has had none.
    """
    networks, methods = (list(dict.fromkeys(table.index.get_level_values(at))) for at in (0, 1))
    figure, axes = subplots(1, 2, dpi=DPI, figsize=(WIDE, 0.5 * len(methods) + 1.2), sharey=True)
    for number, (network, color, marker) in enumerate(
        zip(networks, ("blue", "orange", "green"), "osD", strict=False)
    ):
        aside = 0.28 * (number - (len(networks) - 1) / 2)
        for height, method in enumerate(methods):
            row = table.loc[(network, method)]
            if not row["done"]:
                continue
            fill = COLORS[color] if row["done"] >= wanted else PAPER
            look = {"color": COLORS[color], "mfc": fill, "ms": 8}
            axes[0].plot(row["mean"], height + aside, marker, **look)
            axes[1].plot(row["seconds"], height + aside, marker, **look)
        axes[1].plot([], [], marker, color=COLORS[color], ms=8, label=network)
    axes[0].set_xlim(0, 1.15 * table["mean"].max())
    axes[0].set_xlabel("mean distortion", fontsize=11)
    axes[1].set_xscale("log")
    axes[1].set_xticks((1, 3, 10, 30), ("1", "3", "10", "30"))
    axes[1].minorticks_off()
    axes[1].set_xlabel("seconds a photograph", fontsize=11)
    axes[0].set_yticks(range(len(methods)), methods)
    axes[0].set_ylim(len(methods) - 0.5, -0.5)
    figure.legend(loc="outside upper center", ncols=len(networks), handletextpad=0.1)
    return figure


def norms_by_depth(norms: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> Figure:
    """Show the operator norms of networks' layers by their depth.

    Parameters
    ----------
    norms : mapping
        By network and kind of layer: depth in the network, from 0 to 1, and norm, of each layer.

    Returns
    -------
    Figure
        A panel for each network, with one logarithmic axis for all, and a line at a norm of 1.
    """
    kinds = list(dict.fromkeys(kind for found in norms.values() for kind in found))
    looks = dict(zip(kinds, zip(COLORS.values(), "osD^vP", strict=False), strict=False))
    figure, axes = subplots(1, len(norms), sharey=True, dpi=DPI, figsize=(WIDE, 3.3), squeeze=False)
    for axis, (network, found) in zip(axes[0], norms.items(), strict=True):
        for kind, points in found.items():
            color, marker = looks[kind]
            axis.plot(*np.array(points).T, marker, color=color, ms=6, label=kind)
        axis.axhline(1, color=COLORS["grey"], lw=1.2, ls="--", zorder=1)
        axis.set_title(network, fontsize=12)
        axis.set(yscale="log", xlim=(-0.08, 1.08))
        axis.set_xticks((0, 1), ("first", "last"))
        axis.set_xlabel("layer", labelpad=-8)
        axis.grid(visible=False, axis="x")
    axes[0, 0].set_yticks((1, 3, 10, 30), ("1", "3", "10", "30"))
    axes[0, 0].minorticks_off()
    axes[0, 0].set_ylabel("operator norm")
    axes[0, 0].annotate(
        "as long as before",
        (0.5, 1),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        fontsize=10,
        color=COLORS["grey"],
    )
    # Not every network has every kind: the legend is made from the looks themselves.
    marks = [Line2D([], [], ls="", marker=marker, color=color) for color, marker in looks.values()]
    figure.legend(marks, kinds, loc="outside lower center", ncols=4, handletextpad=0.1)
    return figure


def _tops(names: Sequence[str], side: int) -> list[int]:
    """Where each row of photographs begins, in pixels from the top."""
    tops = [0]
    for name in names[1:]:
        tops.append(tops[-1] + side + (GROUPS if name else GAP))
    return tops


def _dots(axis: Axes, height: float, hits: int, total: int) -> None:
    """A row of dots, as many full as there were hits, and their number behind it."""
    axis.plot(range(hits), [height] * hits, "o", color=COLORS["orange"], ms=7)
    rest = range(hits, total)
    axis.plot(rest, [height] * len(rest), "o", color=COLORS["grey"], ms=7, mfc="none", alpha=0.5)
    axis.annotate(
        str(hits),
        (total, height),
        va="center",
        fontsize=11,
        weight="bold" if hits else "normal",
        color=COLORS["orange" if hits else "grey"],
        annotation_clip=False,
    )


def _picture(image: Tensor, side: int) -> Image.Image:
    """An image [3, H, W] in [0, 1], at its size on the sheet."""
    pixels = (255 * image).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS)


def _plate(
    sheet: Image.Image,
    text: str,
    font: ImageFont.FreeTypeFont,
    corner: tuple[int, int],
    width: int,
    ground: str,
) -> None:
    """Words on a plate whose lower left corner is given, no wider than that."""
    inside = int(font.size // 3)
    text = _cut(text, font, width - 2 * inside)
    left, bottom = corner
    top = bottom - _plate_height(font)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((left, top, left + font.getlength(text) + 2 * inside, bottom), fill=ground)
    middle = (top + bottom) / 2
    draw.text((left + inside, middle), text, font=font, fill=LETTERS, anchor="lm")


def _plate_height(font: ImageFont.FreeTypeFont) -> int:
    """Of a plate, in pixels."""
    return round(1.4 * font.size)


def _font(size: int) -> ImageFont.FreeTypeFont:
    """The book's letters."""
    return ImageFont.truetype(places.ASSETS / "fonts" / "SourceSans3-Regular.ttf", size)


def _cut(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """As much of a text as fits into a width, in pixels."""
    while text and font.getlength(text) > width:
        text = text[:-2].rstrip() + "…" if len(text) > 2 else ""
    return text


def _jpeg(sheet: Image.Image) -> bytes:
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=QUALITY, optimize=True)
    return stream.getvalue()
