"""Figures of the chapter on the networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, MUTED, name_rows, subplots
from helpers.report.words import in_words

HIGH, WIDE = 10, 8  # units in a column of a drawn layer, and maps in a row
CELL = 0.046  # inches that a unit's square measures
GAP, PITCH, LEFT = 0.2, 0.84, 1.75  # inches between layers and between rows, and to the first layer
RIGHT, BAR = 5.75, 0.14  # inches to the answers, and from one answer's bar to the next


@dataclass(frozen=True)
class ArchitectureRow:
    """A network in the picture of architectures.

    Parameters
    ----------
    title : str
        What it is, in words.
    code : str
        Its name in this book.
    network : nn.Sequential
        Maps one image to logits, layer by layer.
    """

    title: str
    code: str
    network: nn.Sequential


def architectures(image: Tensor, label: int, rows: Sequence[ArchitectureRow]) -> Figure:
    """Draw networks side by side, with what each makes of one image at every layer.

    Parameters
    ----------
    image : Tensor
        [1, 1, H, W] in [0, 1], drawn once, at the left.
    label : int
        Its class: an answer that is another one is orange.
    rows : sequence of ArchitectureRow
        From the top.

    Returns
    -------
    Figure
        A square for each unit, the lighter the more active; of a convolution, its maps. At the
        right a bar for each class, as high as its probability.
    """
    height = PITCH * len(rows) + 0.15
    figure, axis = subplots(figsize=(7.2, height))
    axis.set(xlim=(0, 7.2), ylim=(0, height), aspect="equal")
    axis.set_axis_off()
    middle = height / 2
    _picture(axis, image[0, 0].cpu().numpy(), (0.05, middle - 0.6), (1.2, 1.2), "gray")
    axis.text(0.65, middle + 0.66, "28 × 28 pixels", ha="center", va="bottom", fontsize=10)
    axis.text(0.65, middle - 0.66, f"a {label}", ha="center", va="top", fontsize=10)
    for number, row in enumerate(rows):
        base = height - PITCH * (number + 1)
        axis.plot([1.28, LEFT - 0.05], [middle, base + 0.25], color=MUTED, lw=0.8)
        _row(axis, row, image, label, base)
    return figure


def _row(axis: Axes, row: ArchitectureRow, image: Tensor, label: int, base: float) -> None:
    """One network: its title, its layers and its answers, from `base` inches upwards."""
    axis.text(LEFT, base + 0.54, row.title, weight="bold", fontsize=10)
    axis.text(RIGHT - 0.2, base + 0.54, row.code, ha="right", fontsize=10, color=MUTED)
    layers, logits = activations(row.network, image)
    place = LEFT
    if not layers:  # a linear network has nothing but its weights to show: a template a class
        place = _templates(axis, row.network, base)
    for layer in layers:
        size = layer.shape[1] * CELL, layer.shape[0] * CELL
        if layer.shape[0] > HIGH:  # a mosaic of maps is as high as a column of units
            size = layer.shape[1] / layer.shape[0] * HIGH * CELL, HIGH * CELL
        _picture(axis, layer, (place, base + 0.02), size, "viridis")
        place += size[0] + GAP
    axis.plot([place - GAP + 0.04, RIGHT - 0.08], [base + 0.25] * 2, color=MUTED, lw=0.8)
    probability = logits.softmax(dim=0).tolist()
    answer = int(logits.argmax())
    color = COLORS["blue"] if answer == label else COLORS["orange"]
    for digit, share in enumerate(probability):
        here = RIGHT + BAR * digit
        axis.bar(here, 0.42 * share, 0.1, bottom=base + 0.15, color=color)
        told: dict[str, Any] = {"color": MUTED}
        if digit == answer:
            told = {"color": color, "weight": "bold"}
        axis.text(here, base + 0.12, str(digit), ha="center", va="top", fontsize=9, **told)
    axis.plot([RIGHT - 0.07, RIGHT + 9.5 * BAR], [base + 0.15] * 2, color=MUTED, lw=0.6)


def _templates(axis: Axes, network: nn.Sequential, base: float) -> float:
    """The weights of a linear network, a picture for each class; where the next layer begins."""
    weights = next(network.parameters()).detach().cpu().numpy()
    side, limit = int(weights.shape[1] ** 0.5), float(np.abs(weights).max()) or 1.0
    size = 0.38
    for number, template in enumerate(weights):
        corner = LEFT + number * (size + 0.006), base + 0.06
        shade = (template.reshape(side, side) / limit + 1) / 2
        _picture(axis, shade, corner, (size, size), "RdBu_r")
    return LEFT + len(weights) * (size + 0.006) + GAP


def _picture(
    axis: Axes,
    values: np.ndarray,
    corner: tuple[float, float],
    size: tuple[float, float],
    colors: str,
) -> None:
    """An array as a picture of a given size in inches, with its lower left corner there."""
    extent = (corner[0], corner[0] + size[0], corner[1], corner[1] + size[1])
    shown = mpl.colormaps[colors].with_extremes(bad=(0, 0, 0, 0))
    shades: dict[str, Any] = {"cmap": shown, "vmin": 0, "vmax": 1}
    axis.imshow(values, extent=extent, interpolation="nearest", aspect="auto", **shades)


def activations(network: nn.Sequential, image: Tensor) -> tuple[list[np.ndarray], Tensor]:
    """Compute what a network makes of an image, as pictures.

    Parameters
    ----------
    network : nn.Sequential
        With sigmoids, or rectified linear units and max pooling.
    image : Tensor
        [1, 1, H, W].

    Returns
    -------
    list of ndarray
        A picture for each hidden layer, scaled to [0, 1]: units column by column, ten to a column;
        of a convolution a mosaic of the maps after pooling. What holds no unit is NaN.
    Tensor
        The logits, [K].

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 12), nn.Sigmoid(), nn.Linear(12, 3))
    >>> pictures, logits = activations(network, torch.zeros(1, 1, 2, 2))
    >>> [picture.shape for picture in pictures], len(logits)
    ([(10, 2)], 3)
    """
    found, value = [], image
    with torch.no_grad():
        for layer in network:
            value = layer(value)
            if isinstance(layer, nn.MaxPool2d):
                found.append(_mosaic(_scaled(value[0])))
            elif value.ndim == 2 and isinstance(layer, nn.Sigmoid | nn.ReLU):
                found.append(_columns(_scaled(value[0])))
    return found, value[0]


def _scaled(values: Tensor) -> np.ndarray:
    """From the least to the largest, as 0 to 1."""
    low, high = values.min(), values.max()
    return np.asarray(((values - low) / (high - low).clamp(min=1e-12)).cpu())


def _columns(units: np.ndarray) -> np.ndarray:
    """Units as squares, column by column, [HIGH, ...]; what is left of the last column is NaN."""
    filled = np.full(-(-len(units) // HIGH) * HIGH, np.nan)
    filled[: len(units)] = units
    return filled.reshape(-1, HIGH).T


def _mosaic(maps: np.ndarray) -> np.ndarray:
    """Maps [C, h, w] in rows of eight, with a line of NaN between them and for maps that lack."""
    lacking = -len(maps) % WIDE
    padded = np.pad(maps, ((0, lacking), (0, 1), (0, 1)), constant_values=np.nan)
    rows = [np.concatenate(list(row), axis=1) for row in np.split(padded, len(padded) // WIDE)]
    return np.concatenate(rows)[:-1, :-1]


def learning_curves(
    curves: Mapping[str, Sequence[float]], ends: Mapping[str, tuple[int, float]]
) -> Figure:
    """Show how training objectives fall, and where the training of the shipped networks ended.

    Parameters
    ----------
    curves : mapping
        By network, the objective at each computation; a line search tries higher ones, too, so the
        least so far is drawn.
    ends : mapping
        By network, the number of iterations and the objective of the shipped weights.

    Returns
    -------
    Figure
        Both axes are logarithmic.
    """
    figure, axis = subplots(figsize=(7.2, 3.6))
    for (name, values), color in zip(curves.items(), COLORS.values(), strict=False):
        fallen = np.minimum.accumulate(values)
        axis.plot(range(1, len(fallen) + 1), fallen, color=color, lw=2)
        steps, end = ends[name]
        axis.plot([len(fallen), steps], [fallen[-1], end], ":", color=color, lw=1.5)
        axis.plot(steps, end, "o", color=color, ms=8)
        axis.annotate(
            f"{in_words(name) or name}:\nshipped after {steps} steps",
            (steps, end),
            xytext=(10, 6),
            textcoords="offset points",
            va="center",
            color=color,
        )
    axis.set(xscale="log", yscale="log", xlabel="passes over the images", ylabel="objective")
    axis.set_xlim(1, 8 * max(steps for steps, _ in ends.values()))
    return figure


def errors_beside_paper(
    ours: Mapping[str, Mapping[str, Estimate]], paper: Mapping[str, Mapping[str, float]]
) -> Figure:
    """Show training and test errors beside the paper's, a panel for each.

    Parameters
    ----------
    ours : mapping
        By network and split, in percent.
    paper : mapping
        By split and network; a network that it lacks has no diamond.

    Returns
    -------
    Figure
        A dot with its interval for ours, a hollow diamond for the paper's. The axis is that of a
        square root, on which sampling errors are of about one size.
    """
    names, splits = list(ours), list(next(iter(ours.values())))
    figure, axes = subplots(
        1, len(splits), figsize=(7.2, 0.42 * len(names) + 1.1), sharey=True, squeeze=False
    )
    for split, axis in zip(splits, axes[0], strict=True):
        for place, name in enumerate(names[::-1]):
            found, printed = ours[name][split], paper[split].get(name)
            axis.hlines(place, found.low, found.high, color=COLORS["blue"], lw=3, alpha=0.5)
            axis.plot(found.value, place, "o", color=COLORS["blue"])
            if printed is not None:
                axis.plot(printed, place, "D", color=COLORS["orange"], mfc="none", mew=1.5, ms=8)
        axis.set_xscale(
            "function", functions=(lambda value: np.sqrt(np.maximum(value, 0)), np.square)
        )
        axis.set_xlim(-0.02, 30)
        axis.set_xticks([0, 1, 5, 10, 20, 30])
        axis.set(xlabel=f"{split} error (%)")
    name_rows(axes[0, 0], names)
    axes[0, 0].plot([], [], "o", color=COLORS["blue"], label="ours")
    axes[0, 0].plot([], [], "D", color=COLORS["orange"], mfc="none", mew=1.5, label="paper")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def definitions(
    found: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
    paper: Mapping[str, Mapping[str, float]],
) -> Figure:
    """Show errors under several definitions of weight decay on the way to the paper's.

    Parameters
    ----------
    found : mapping
        By network, definition and split, in percent.
    paper : mapping
        By split and network.

    Returns
    -------
    Figure
        A line for each network and split: the definitions' dots and the paper's diamond.
    """
    cases = [(name, split) for name, row in found.items() for split in next(iter(row.values()))]
    kinds = dict(zip(next(iter(found.values())), ("orange", "blue"), strict=True))
    figure, axis = subplots(figsize=(7.2, 0.42 * len(cases) + 1.0))
    for place, (name, split) in enumerate(cases[::-1]):
        values = [found[name][kind][split].value for kind in kinds]
        printed = paper[split][name]
        axis.plot([*values, printed], [place] * 3, color=COLORS["grey"], lw=1, alpha=0.5)
        for value, color in zip(values, kinds.values(), strict=True):
            axis.plot(value, place, "o", color=COLORS[color], ms=8)
        axis.plot(printed, place, "D", color=MUTED, mfc="none", mew=1.8, ms=9)
    axis.set_yticks(
        range(len(cases)), [f"{in_words(name)}, {split}" for name, split in cases[::-1]]
    )
    axis.set(xlabel="error (%)", xlim=(0, None))
    for kind, color in kinds.items():
        axis.plot([], [], "o", color=COLORS[color], ms=8, label=kind)
    axis.plot([], [], "D", color=MUTED, mfc="none", mew=1.8, ms=9, label="the paper's Table 1")
    figure.legend(loc="outside upper center", ncols=3)
    return figure
