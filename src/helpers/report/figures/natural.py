"""Figures of the chapter on natural images: photographs as JPEG, which PNG would make too large."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from IPython.display import Image as Shown
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from helpers import places
from helpers.report.figures.base import COLORS, subplots

GROUND, LETTERS = "#14181E", "#FFFFFF"  # of a sheet, which looks alike on a light and a dark page
GAP, LINE = 4, 20  # pixels between pictures, and of a line of text above one
QUALITY = 70


def photographs(
    rows: Sequence[Tensor],
    *,
    titles: Sequence[Sequence[str]] | None = None,
    names: Sequence[str] | None = None,
    side: int = 120,
) -> Shown:
    """Show photographs in rows, on a dark sheet.

    Parameters
    ----------
    rows : sequence of Tensor
        Images [n, 3, H, W] in [0, 1], n the same in every row.
    titles : sequence of sequence of str, optional
        A line above each photograph, row by row; empty strings for a row without.
    names : sequence of str, optional
        What each row is, on a line of its own above it; an empty string for none.
    side : int
        Of a photograph on the sheet, in pixels.

    Returns
    -------
    IPython.display.Image
        A JPEG.
    """
    count = len(rows[0])
    titles, names = titles or [[]] * len(rows), names or [""] * len(rows)
    heights = [
        side + GAP + LINE * (bool(name) + any(line))
        for name, line in zip(names, titles, strict=True)
    ]
    sheet = Image.new("RGB", (count * (side + GAP) + GAP, sum(heights) + GAP), GROUND)
    draw, font = ImageDraw.Draw(sheet), _font(15)
    top = GAP
    for images, line, name, height in zip(rows, titles, names, heights, strict=True):
        if name:
            draw.text((GAP, top), name, font=font, fill=LETTERS)
        for number, image in enumerate(images):
            left = GAP + number * (side + GAP)
            place = (left, top + height - side - GAP)
            sheet.paste(_picture(image, side), place)
            if any(line):
                draw.text((left, place[1] - LINE), _cut(line[number], font, side), LETTERS, font)
        top += height
    return Shown(_jpeg(sheet), format="jpeg")


def norms_by_depth(norms: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> Figure:
    """Show the operator norms of networks' layers by their depth.

    Parameters
    ----------
    norms : mapping
        By network and kind of layer: depth in the network, from 0 to 1, and norm, of each layer.

    Returns
    -------
    Figure
        A panel for each network, with one logarithmic axis for all.
    """
    kinds = list(dict.fromkeys(kind for found in norms.values() for kind in found))
    looks = dict(zip(kinds, zip(COLORS.values(), "osD^vP", strict=False), strict=False))
    figure, axes = subplots(1, len(norms), sharey=True, figsize=(6.4, 3.2), squeeze=False)
    for axis, (network, found) in zip(axes[0], norms.items(), strict=True):
        for kind, points in found.items():
            color, marker = looks[kind]
            axis.plot(*np.array(points).T, marker, color=color, ms=5, label=kind)
        axis.set(title=network, yscale="log", xlabel="depth", xlim=(-0.05, 1.05), xticks=(0, 1))
        axis.set_xticklabels(("first", "last"))
    axes[0, 0].set_ylabel("operator norm")
    # Not every network has every kind: the legend is made from the looks themselves.
    marks = [Line2D([], [], ls="", marker=marker, color=color) for color, marker in looks.values()]
    figure.legend(marks, kinds, loc="outside lower center", ncols=3, fontsize=10)
    return figure


def _picture(image: Tensor, side: int) -> Image.Image:
    """An image [3, H, W] in [0, 1], at its size on the sheet."""
    pixels = (255 * image).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS)


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
