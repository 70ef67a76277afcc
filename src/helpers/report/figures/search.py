"""Figures of the chapter on the adversarial search."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, INK, MUTED, PAPER, name_rows, subplots

NEAR = 0.25  # of a point in a plane, in units of its axes
MADE = ("original", "change,\nmagnified", "adversarial\nimage", "noise of\nthat size")


def adversarial(
    originals: Tensor,
    distorted: Tensor,
    noisy: Tensor,
    *,
    labels: Sequence[int],
    answers: Sequence[int],
    noise_answers: Sequence[int],
) -> Figure:
    """Show adversarial images below their originals, and noise of the same size below both.

    Parameters
    ----------
    originals, distorted, noisy : Tensor
        Images [N, 1, H, W] in [0, 1].
    labels : sequence of int
        The images' N classes, which are the network's answers to the originals.
    answers, noise_answers : sequence of int
        Its answers to the distorted and to the noisy images.

    Returns
    -------
    Figure
        Four rows of N: the originals, the magnified changes, the distorted and the noisy images.
        Above each image the network's answer, in orange where it is not the label.
    """
    change = (distorted - originals).cpu()
    figure, axes = subplots(
        4, len(originals), figsize=(7.2, 4 * 7.2 / (len(originals) + 0.9) * 1.12), squeeze=False
    )
    for column, label in enumerate(labels):
        limit = float(change[column].abs().max()) or 1.0
        pictures = originals[column], change[column], distorted[column], noisy[column]
        told = label, None, answers[column], noise_answers[column]
        for axis, picture, answer in zip(axes[:, column], pictures, told, strict=True):
            signed = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
            shade = signed if answer is None else {"vmin": 0, "vmax": 1}
            axis.imshow(picture[0].cpu().numpy(), **shade)
            axis.set(xticks=[], yticks=[])
            axis.grid(visible=False)
            axis.spines[:].set_visible(False)
            if answer is not None:
                color = COLORS["blue"] if answer == label else COLORS["orange"]
                axis.set_title(f"“{answer}”", pad=2, color=color, weight="bold")
    for axis, name in zip(axes[:, 0], MADE, strict=True):
        axis.set_ylabel(name, rotation=0, ha="right", va="center", labelpad=6)
    return figure


def line_search(
    c: Sequence[float], lengths: Sequence[float], losses: Sequence[float], hit: Sequence[bool]
) -> Figure:
    """Show the length and the loss of the penalty's minimiser against c.

    Parameters
    ----------
    c : sequence of float
        The weights of the length in the penalty, rising, on a logarithmic axis.
    lengths, losses : sequence of float
        Of the perturbation, and of the perturbed image for the target, one for each c.
    hit : sequence of bool
        Whether the perturbed image is classified as the target.

    Returns
    -------
    Figure
        Two panels. The dots are filled where the target is reached; the largest such c is marked.
    """
    figure, axes = subplots(1, 2, figsize=(7.2, 3.0))
    reached = np.asarray(hit, dtype=bool)
    largest = np.asarray(c)[reached].max()
    for axis, values, name in zip(axes, (lengths, losses), ("length of r", "loss"), strict=True):
        axis.plot(c, values, color=COLORS["grey"], lw=1, zorder=1)
        axis.axvline(largest, color=MUTED, lw=1, ls=":")
        for wanted, inside, color in ((True, "blue", "blue"), (False, None, "orange")):
            axis.plot(
                np.asarray(c)[reached == wanted],
                np.asarray(values)[reached == wanted],
                "o",
                ms=5,
                color=COLORS[color],
                mfc=COLORS[inside] if inside else PAPER,
            )
        axis.set(xscale="log", xlabel="c", ylabel=name, xlim=(None, 20 * largest))
    axes[0].set_ylim(0, None)
    axes[1].set_yscale("log")
    at = {"textcoords": "axes fraction", "xycoords": "axes fraction"}
    axes[0].annotate("reaches the target", (0, 0), (0.05, 0.3), color=COLORS["blue"], **at)
    axes[0].annotate("does not", (0, 0), (0.8, 0.85), color=COLORS["orange"], **at)
    return figure


def penalty_path(
    answers: np.ndarray, x: np.ndarray, y: np.ndarray, path: np.ndarray, hit: Sequence[bool]
) -> Figure:
    """Show the penalty's minimisers in a plane through the image, coloured by the answer there.

    Parameters
    ----------
    answers : ndarray
        The network's classes on a grid of the plane, int [h, w], rows from below.
    x, y : ndarray
        The grid's coordinates, [w] and [h]. The image lies at the origin.
    path : ndarray
        The minimisers' places in the plane, [C, 2], in the order of rising c.
    hit : sequence of bool
        Whether each is classified as the target.

    Returns
    -------
    Figure
        Of one panel, with a circle through the nearest minimiser that reaches the target.
    """
    figure, axis = subplots(figsize=(7.2, 7.4 * (y[-1] - y[0]) / (x[-1] - x[0])))
    regions(axis, answers, x, y, path)
    reached = np.asarray(hit, dtype=bool)
    nearest = path[reached][-1]
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.linalg.norm(nearest) * np.array([np.cos(angle), np.sin(angle)])
    axis.plot(*circle, color=MUTED, lw=1, ls="--")
    axis.plot(*path.T, color=INK, lw=1, zorder=3)
    for wanted, color in ((True, COLORS["blue"]), (False, COLORS["orange"])):
        inside = color if wanted else PAPER
        axis.plot(*path[reached == wanted].T, "o", ms=6, color=color, mfc=inside, zorder=4)
    axis.plot(0, 0, "X", ms=11, color=INK, zorder=5)
    for text, point, shift in (
        ("the image", (0, 0), (-6, -16)),
        ("largest c that\nreaches the target", nearest, (12, -20)),
        ("least c", path[0], (10, -2)),
    ):
        axis.annotate(text, point, shift, textcoords="offset points", va="center")
    axis.set(xlim=x[[0, -1]], ylim=y[[0, -1]], aspect="equal")
    axis.set(xlabel="towards the shortest success", ylabel="across")
    axis.grid(visible=False)
    return figure


def regions(
    axis: Axes, answers: np.ndarray, x: np.ndarray, y: np.ndarray, path: np.ndarray
) -> None:
    """Colour a plane by the network's answers, each written where its region is widest.

    Parameters
    ----------
    axis : Axes
        Where it is drawn.
    answers : ndarray
        Classes int [h, w] on a grid, rows from below.
    x, y : ndarray
        The grid's coordinates, [w] and [h].
    path : ndarray
        Points [C, 2] that the answers must not hide.
    """
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    covered = (np.linalg.norm(grid[:, :, None] - path, axis=3) < NEAR).any(axis=2)
    for answer, color in zip(np.unique(answers), cycle(COLORS.values()), strict=False):
        inside = answers == answer
        axis.contourf(x, y, inside, levels=[0.5, 1.5], colors=[color], alpha=0.2)
        axis.contour(x, y, inside, levels=[0.5], colors=[color], linewidths=1)
        depth = distance_transform_edt(np.pad(inside & ~covered, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        axis.text(x[column], y[row], f"“{answer}”", size=20, color=color, ha="center", va="center")


def distortions(ours: Mapping[str, Mapping[str, Estimate]], paper: Mapping[str, float]) -> Figure:
    """Show the average distortions of several searches, and the paper's, a line for each network.

    Parameters
    ----------
    ours : mapping
        By network and search, with intervals; three searches at most.
    paper : mapping
        By network.

    Returns
    -------
    Figure
        Dots for the searches, a diamond for the paper. The axis begins at 0.
    """
    searches = dict(zip(next(iter(ours.values())), ("blue", "sky", "green"), strict=False))
    figure, axis = subplots(figsize=(7.2, 0.42 * len(ours) + 1.1))
    names = list(ours)[::-1]
    for place, name in enumerate(names):
        for search, color in searches.items():
            found = ours[name][search]
            axis.hlines(place, found.low, found.high, color=COLORS[color], lw=4, alpha=0.4)
            axis.plot(found.value, place, "o", color=COLORS[color])
        axis.plot(paper[name], place, "D", ms=8, color=COLORS["orange"], mfc="none", mew=1.5)
    axis.plot([], [], "D", ms=8, color=COLORS["orange"], mfc="none", mew=1.5, label="the paper")
    for search, color in searches.items():
        axis.plot([], [], "o", color=COLORS[color], label=search)
    name_rows(axis, list(ours))
    axis.set(xlabel="average distortion", xlim=(0, None))
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def pockets(
    lengths: Sequence[float],
    measured: Mapping[str, Sequence[float]],
    predicted: Mapping[str, Sequence[float]],
) -> Figure:
    """Show how often random points around several centres get a wrong answer.

    Parameters
    ----------
    lengths : sequence of float
        The random points' distances from their centre, as parts of an image's distance to its
        adversarial image.
    measured, predicted : mapping
        By centre, the share of wrong answers in percent at each length, as it was counted, and as
        a flat boundary would have it.

    Returns
    -------
    Figure
        Dots for the counts, dashed lines for the predictions, each named at its left end.
    """
    figure, axis = subplots(figsize=(7.2, 3.6))
    for (name, shares), color in zip(measured.items(), COLORS.values(), strict=False):
        axis.plot(lengths, predicted[name], "--", color=color, lw=1.2)
        axis.plot(lengths, shares, "o-", color=color, lw=2, ms=5)
        axis.annotate(
            name, (lengths[0], shares[0]), (4, 8), textcoords="offset points", color=color
        )
    axis.axvline(1, color=MUTED, lw=1, ls=":")
    axis.set_xscale("log", base=2)
    axis.set_xticks(lengths, [f"{length:g}" for length in lengths])
    axis.set(
        xlabel="length of the random change, in distances to the adversarial image",
        ylabel="wrong answers (%)",
        ylim=(-3, 112),
    )
    axis.set_yticks([0, 25, 50, 75, 100])
    return figure
