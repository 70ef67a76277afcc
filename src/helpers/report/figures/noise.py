"""Figures of the chapter on noise."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from torch import Tensor

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, INK, subplots


def error_curves(
    panels: Mapping[str, Mapping[str, Sequence[Estimate]]],
    x: Sequence[float],
    *,
    columns: int = 2,
    xlabel: str = "",
    ylabel: str = "error (%)",
    marks: Mapping[str, float] | None = None,
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
    marks : mapping, optional
        Heights of horizontal lines by their names.

    Returns
    -------
    Figure
        One panel a title, all with the same axes.
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    colors = dict(zip(names, [*COLORS.values(), "#000000", "#8C564B", "#17BECF"], strict=False))
    count = -(-len(panels) // columns)
    figure, axes = subplots(
        count, columns, sharex=True, sharey=True, figsize=(6.4, 2.4 * count + 1.0), squeeze=False
    )
    for axis, (title, curves) in zip(axes.flat, panels.items(), strict=False):
        for name, found in curves.items():
            axis.fill_between(
                x,
                [estimate.low for estimate in found],
                [estimate.high for estimate in found],
                color=colors[name],
                alpha=0.2,
                lw=0,
            )
            style = "--" if names.index(name) % 2 else "-"
            axis.plot(
                x,
                [estimate.value for estimate in found],
                style,
                color=colors[name],
                lw=1.8,
                label=name,
            )
        for label, height in (marks or {}).items():
            axis.axhline(height, color=COLORS["grey"], lw=1.2, ls=":", label=label)
        axis.set_title(title, fontsize=11)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    figure.supxlabel(xlabel, fontsize=11)
    figure.supylabel(ylabel, fontsize=11)
    handles = {
        label: handle
        for axis in axes.flat
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside upper center",
        ncols=3 if max(map(len, names)) < 15 else 2,
    )
    return figure


def answered(
    images: Tensor,
    answers: Mapping[str, Sequence[int]],
    labels: Sequence[int],
    *,
    columns: int,
    titles: Sequence[str],
) -> Figure:
    """Show images in a grid, and under each what every network answers.

    Parameters
    ----------
    images : Tensor
        [N, 1, H, W] in [0, 1], row by row.
    answers : mapping
        N classes by network.
    labels : sequence of int
        The N true classes.
    columns : int
        Images side by side.
    titles : sequence of str
        One for each column.

    Returns
    -------
    Figure
        Answers that are not the label are orange and bold.
    """
    count = len(images) // columns
    figure, axes = subplots(
        count,
        columns,
        figsize=(6.4, (6.4 / columns + 0.21 * len(answers) + 0.1) * count + 0.3),
        squeeze=False,
    )
    for number, axis in enumerate(axes.flat):
        axis.imshow(images[number, 0].cpu().numpy(), vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)
        if number < columns:
            axis.set_title(titles[number], fontsize=12)
        for line, (name, given) in enumerate(answers.items()):
            wrong = given[number] != labels[number]
            style = (
                {"color": COLORS["orange"], "weight": "bold"}
                if wrong
                else {"color": COLORS["grey"]}
            )
            axis.annotate(
                name,
                (0.1, 0),
                (0, -15 * line - 4),
                xycoords="axes fraction",
                textcoords="offset points",
                va="top",
                fontsize=11,
                annotation_clip=False,
                **style,
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
        1, len(panels), sharex=True, sharey=True, figsize=(6.4, 4.4), squeeze=False
    )
    for axis, (title, clouds) in zip(axes[0], panels.items(), strict=True):
        for (name, (shortest, noise)), color, marker in zip(
            clouds.items(), COLORS.values(), "osD^", strict=False
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
        axis.axline((1, factor), (2, 2 * factor), color=INK, lw=1)
        axis.set_title(title, fontsize=11)
        axis.legend(loc="lower right", handletextpad=0, fontsize=11)
        axis.set_xlabel("shortest perturbation")
    axes[0, 0].set_ylabel("noise that changes 16 % of answers")
    return figure
