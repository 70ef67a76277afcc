"""The look of every figure, and the kinds of figure that several chapters use."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from helpers import places
from helpers.intervals import Estimate
from helpers.report.words import in_words

# Okabe and Ito's palette, which people with any colour vision can tell apart.
COLORS = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "yellow": "#E69F00",
    "sky": "#56B4E9",
    "grey": "#6A7079",
}
INK = "#1F2933"  # letters and axes
MUTED = "#5A6673"  # what matters less
PAPER = "#FDFEFE"  # what hides a line behind it, as the inside of a hollow mark
# A figure is drawn on nothing, and shown on a light page as it is. For a dark page these colours
# take the place of those; greys, as of digits, stay. So none of those is a grey.
DARK = {
    INK: "#DDE3EA",
    MUTED: "#9DAAB7",
    PAPER: "#14181E",
    COLORS["blue"]: "#4FA8E0",
    COLORS["orange"]: "#F08B45",
    COLORS["green"]: "#2FBF95",
    COLORS["grey"]: "#A2ABB5",
}
FONT = "Source Sans 3"  # of the page's captions, too


def use_style() -> None:
    """Set the look of the book's figures: colours, and letters that can be read at phone width."""
    for file in sorted((places.ASSETS / "fonts").glob("*.ttf")):
        font_manager.fontManager.addfont(file)
    mpl.rcParams.update(
        {
            "axes.edgecolor": INK,
            "axes.facecolor": "none",
            "axes.labelcolor": INK,
            "axes.prop_cycle": cycler(color=list(COLORS.values())),
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "figure.dpi": 130,
            "figure.facecolor": "none",
            "figure.figsize": (6.4, 3.6),
            "font.family": [FONT, "DejaVu Sans"],
            "font.size": 12,
            "grid.alpha": 0.3,
            "grid.color": COLORS["grey"],
            "image.cmap": "gray",
            "legend.frameon": False,
            "savefig.facecolor": "none",
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )


def subplots(rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """Make a figure that pyplot does not keep.

    So a notebook shows it once, where it is returned.

    Parameters
    ----------
    rows, columns : int
        How many panels.
    **options
        As for `matplotlib.pyplot.subplots`.

    Returns
    -------
    Figure
        The figure.
    Axes, or array of Axes
        Its panels, as `matplotlib.pyplot.subplots` returns them.
    """
    figure, axes = plt.subplots(rows, columns, **options)
    plt.close(figure)
    return figure, axes


def name_rows(axis: Axes, names: Sequence[str]) -> None:
    """Name the rows of a plot of dots by their networks, in words and by code.

    Parameters
    ----------
    axis : Axes
        The lowest row is at 0, the next one at 1.
    names : sequence of str
        From the top.
    """
    told = [f"{in_words(name)}\n{name}".strip() for name in names]
    axis.set_yticks(range(len(names)), told[::-1], fontsize=10.5, linespacing=0.95)
    axis.set_ylim(-0.6, len(names) - 0.4)


def image_grid(
    images: Tensor,
    *,
    columns: int,
    titles: Sequence[str] | None = None,
    rows: Sequence[str] | None = None,
    signed: bool = False,
) -> Figure:
    """Show images in a grid, row by row.

    Parameters
    ----------
    images : Tensor
        [N, 1, H, W].
    columns : int
        How many stand side by side.
    titles : sequence of str, optional
        One above each image.
    rows : sequence of str, optional
        One to the left of each row.
    signed : bool
        Whether zero is white, a negative number blue and a positive one red, on one scale for all,
        as for weights and perturbations. Else 0 is black and 1 white.

    Returns
    -------
    Figure
        One panel an image.
    """
    count = -(-len(images) // columns)
    figure, axes = subplots(
        count,
        columns,
        figsize=(6.4, 6.4 / columns * count * (1.25 if titles else 1.05)),
        squeeze=False,
    )
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


def matrix(
    values: np.ndarray,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str = "",
    limit: float = 100.0,
    decimals: int = 1,
) -> Figure:
    """Show a matrix of percentages, each written in a shaded cell.

    Parameters
    ----------
    values : ndarray
        [R, C], in percent.
    rows, columns : sequence of str
        R and C names.
    title : str
        Above the matrix.
    limit : float
        The value of the darkest shade.
    decimals : int
        That a cell is written with.

    Returns
    -------
    Figure
        Of one panel.
    """
    figure, axis = subplots(figsize=(6.4, 0.4 * len(rows) + 1.2))
    axis.imshow(values, cmap="Blues", vmin=0, vmax=limit, aspect="auto")
    axis.grid(visible=False)
    turn = {"rotation": 30, "ha": "right"} if max(map(len, columns)) > 3 else {}
    axis.set_xticks(range(len(columns)), columns, **turn)
    axis.set_yticks(range(len(rows)), rows)
    for (row, column), value in np.ndenumerate(values):
        axis.text(
            column,
            row,
            f"{value:.{decimals}f}",
            ha="center",
            va="center",
            color="white" if value > 0.6 * limit else "black",
        )
    axis.set_title(title, fontsize=11)
    return figure


def sorted_curves(values: Mapping[str, Sequence[float]], *, ylabel: str) -> Figure:
    """Show each series in rising order, against the percentage of images at or below.

    Parameters
    ----------
    values : mapping
        A number for each image, by the name of the series.
    ylabel : str
        What the numbers are.

    Returns
    -------
    Figure
        One curve a series.
    """
    figure, axis = subplots()
    for name, series in values.items():
        axis.plot(np.linspace(0, 100, len(series)), np.sort(series), label=name, lw=2)
    axis.set(xlabel="images (%)", ylabel=ylabel, ylim=(0, None))
    axis.legend()
    return figure


def agreement_points(
    axis: Axes,
    ours: Sequence[Estimate],
    paper: Sequence[Estimate],
    agrees: Sequence[bool],
    *,
    size: float | None = None,
) -> None:
    """Draw our numbers against the paper's, with both intervals, those that agree in blue.

    Parameters
    ----------
    axis : Axes
        Where they are drawn.
    ours, paper : sequence of Estimate
        In one unit.
    agrees : sequence of bool
        Whether the two of a pair agree.
    size : float, optional
        Of the marks, in points.
    """
    for wanted, color, marker, label in (
        (True, COLORS["blue"], "o", "agree"),
        (False, COLORS["orange"], "D", "do not agree"),
    ):
        pairs = zip(ours, paper, agrees, strict=True)
        chosen = [(our, printed) for our, printed, agree in pairs if agree == wanted]
        x, y = [printed.value for _, printed in chosen], [our.value for our, _ in chosen]
        across = [printed.low for _, printed in chosen], [printed.high for _, printed in chosen]
        upwards = [our.low for our, _ in chosen], [our.high for our, _ in chosen]
        axis.hlines(y, *across, color=color, alpha=0.35)
        axis.vlines(x, *upwards, color=color, alpha=0.35)
        axis.plot(x, y, marker, color=color, ms=size, label=label)
