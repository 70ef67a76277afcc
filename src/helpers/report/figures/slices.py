"""The picture of slices: what networks answer in a plane through an image."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from scipy import ndimage
from torch import Tensor

from helpers.report.figures.base import COLORS, INK, subplots
from helpers.slices import Slice

LEAST = 0.01  # of a panel, for a region to be named
# Of the circles, from the innermost kind to the outermost: the first may be too small for a line.
STYLES: tuple[dict[str, Any], ...] = (
    {"fill": True, "alpha": 0.3, "lw": 0},
    {"fill": False, "ls": "-", "lw": 1.8},
    {"fill": False, "ls": "--", "lw": 1.8},
)
TRUTH, TINT = 0.22, 0.5  # how strong the colours are, of the right answer and of the others
OTHERS = ("orange", "green", "purple", "yellow", "sky", "grey")


def slice_panels(
    cuts: Mapping[str, Slice],
    *,
    image: Tensor,
    truth: int,
    circles: Mapping[str, Mapping[str, float]],
    stars: Mapping[str, float],
    star: str = "a mistake",
    columns: int = 4,
) -> Figure:
    """Show what each network answers in a plane through an image, with circles around the image.

    Parameters
    ----------
    cuts : mapping
        The answers, by the name of the panel; all reach equally far.
    image : Tensor
        The image at the origin, [1, H, W], which the last panel shows.
    truth : int
        Its class, whose region is blue; each other class has one colour in all panels.
    circles : mapping
        By kind, at most three, and panel the radius of a circle. The last kind's are dashed, those
        before it are a line and a disc; the last panel explains them.
    stars : mapping
        By panel, how far to the right of the image a star stands: the image that the plane goes
        through.
    star : str
        What it is, for the key.
    columns : int
        Panels side by side.

    Returns
    -------
    Figure
        A panel for each network and one that is the key.
    """
    rows = -(-(len(cuts) + 1) // columns)
    figure, axes = subplots(
        rows, columns, figsize=(7.2, 7.2 / columns * rows * 1.28 + 0.3), squeeze=False
    )
    colors = _colors([cut.answers.numpy() for cut in cuts.values()], truth)
    for number, (axis, (name, cut)) in enumerate(zip(axes.flat, cuts.items(), strict=False)):
        radii = [radius[name] for radius in circles.values()]
        _panel(axis, cut, colors, radii)
        axis.plot(stars[name], 0, "*", color=COLORS["orange"], ms=9, mec="none", zorder=4)
        axis.set_title(name.replace(", ", ",\n"), fontsize=12.5, linespacing=1.0)
        lowest, first = number + columns > len(cuts), number % columns == 0
        axis.tick_params(length=0, labelbottom=lowest, labelleft=first, labelsize=11)
    for axis in list(axes.flat)[len(cuts) :]:
        axis.set_axis_off()
    _key(axes.flat[len(cuts)], image, list(circles), star)
    figure.supxlabel("towards the star (length of the change, l2)", fontsize=13)
    figure.supylabel("random noise (l2)", fontsize=13)
    return figure


def _colors(answers: Sequence[np.ndarray], truth: int) -> Mapping[int, tuple[float, ...]]:
    """A colour with its opacity for each class that occurs: blue for the right one."""
    found = sorted({int(number) for answer in answers for number in np.unique(answer)} - {truth})
    colors = {
        number: (*to_rgb(COLORS[name]), TINT)
        for number, name in zip(found, cycle(OTHERS), strict=False)
    }
    return colors | {truth: (*to_rgb(COLORS["blue"]), TRUTH)}


def _panel(
    axis: Axes, cut: Slice, colors: Mapping[int, tuple[float, ...]], radii: Sequence[float]
) -> None:
    """Draw the regions of one network with their classes, and the circles around the image."""
    answers, reach = cut.answers.numpy(), float(cut.coordinates[-1])
    # Half a step more on each side: the points are the middles of the squares that are drawn.
    edge = reach * (1 + 1 / max(len(answers) - 1, 1))
    painted = np.array([[colors[int(number)] for number in row] for row in answers])
    axis.imshow(painted, origin="lower", extent=(-edge, edge, -edge, edge), interpolation="nearest")
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    axis.set(xticks=(-2, 0, 2), yticks=(-2, 0, 2), xlim=(-edge, edge), ylim=(-edge, edge))
    for radius, style in zip(radii, _styles(len(radii)), strict=True):
        axis.add_patch(Circle((0, 0), radius, color=INK, zorder=3, **style))
    for number, count in zip(*np.unique(answers, return_counts=True), strict=True):
        if count < LEAST * answers.size:
            continue
        row, column = _roomiest(answers == number, cut, max(radii, default=0.0))
        x, y = float(cut.coordinates[column]), float(cut.coordinates[row])
        axis.text(x, y, str(number), ha="center", va="center", fontsize=17, fontweight="bold")


def _roomiest(region: np.ndarray, cut: Slice, radius: float) -> tuple[int, int]:
    """The point of a region that is farthest from its border, outside the circle if it can be."""
    distance = cut.coordinates[:, None] ** 2 + cut.coordinates**2
    outside = region & (distance > radius**2).numpy()
    room = ndimage.distance_transform_edt(np.pad(outside if outside.any() else region, 1))
    row, column = np.unravel_index(room[1:-1, 1:-1].argmax(), region.shape)
    return int(row), int(column)


def _styles(count: int) -> tuple[dict[str, Any], ...]:
    """How so many kinds of circle are drawn."""
    return STYLES[len(STYLES) - count :]


def _key(axis: Axes, image: Tensor, kinds: Sequence[str], star: str) -> None:
    """Show the image itself, and beneath it what the circles and the star are."""
    inset = axis.inset_axes((0.27, 0.5, 0.46, 0.46))
    inset.imshow(image[0].cpu().numpy(), vmin=0, vmax=1, interpolation="nearest")
    inset.set(xticks=[], yticks=[])
    inset.grid(visible=False)
    inset.spines[:].set_visible(False)
    inset.set_title("the image", fontsize=12.5)
    handles = [
        Line2D([], [], ls="", marker="o", color=INK, alpha=style["alpha"], mew=0, ms=11)
        if style["fill"]
        else Line2D([], [], color=INK, ls=style["ls"], lw=style["lw"])
        for style in _styles(len(kinds))
    ]
    mark = Line2D([], [], ls="", marker="*", color=COLORS["orange"], ms=9, mec="none")
    axis.legend(
        [*handles, mark],
        [*kinds, star],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.46),
        fontsize=11.5,
        handlelength=1.3,
        labelspacing=0.35,
        borderaxespad=0,
    )
