"""Figures of the chapter on the Lipschitz analysis."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, subplots


def spectra(values: Mapping[str, Sequence[float]]) -> Figure:
    """Show singular values in falling order, on logarithmic axes.

    Parameters
    ----------
    values : mapping
        The singular values by the name of the layer.

    Returns
    -------
    Figure
        One curve a layer.
    """
    figure, axis = subplots()
    for number, (name, series) in enumerate(values.items()):
        axis.plot(
            range(1, len(series) + 1), series, "--" if number % 2 else "-", label=name, lw=1.8
        )
    axis.set(
        xscale="log", yscale="log", xlabel="number", ylabel="singular value", ylim=(1e-2, None)
    )
    axis.legend(fontsize=10)
    return figure


def against_strength(
    panels: Mapping[str, Mapping[str, Sequence[Estimate]]],
    strengths: Mapping[str, Sequence[float]],
    *,
    logarithmic: Sequence[str] = (),
) -> Figure:
    """Show what becomes of several quantities as a penalty grows stronger, by family of networks.

    Parameters
    ----------
    panels : mapping
        By title and family, an estimate for each strength.
    strengths : mapping
        The strengths by family, rising from 0.
    logarithmic : sequence of str
        The titles of the panels whose vertical axis is logarithmic.

    Returns
    -------
    Figure
        One panel a quantity. The axis of the strengths is logarithmic, with a place of its own for
        0.
    """
    numbers = sorted(
        {strength for values in strengths.values() for strength in values if strength > 0}
    )
    zero = numbers[0] ** 2 / numbers[1]  # where 0 stands on the logarithmic axis
    figure, axes = subplots(1, len(panels), figsize=(7.2, 3.2), squeeze=False)
    for (title, families), axis in zip(panels.items(), axes[0], strict=True):
        for (family, found), color, mark in zip(
            families.items(), COLORS.values(), "osD^", strict=False
        ):
            places = [strength or zero for strength in strengths[family]]
            axis.vlines(places, [e.low for e in found], [e.high for e in found], color=color, lw=2)
            axis.plot(
                places, [e.value for e in found], marker=mark, ms=5, lw=1, color=color, label=family
            )
        axis.set(xscale="log", yscale="log" if title in logarithmic else "linear")
        axis.set_ylim(*((None, None) if title in logarithmic else (0, None)))
        axis.set_xticks(
            [zero, *numbers], ["0", *(f"$10^{{{np.log10(number):.0f}}}$" for number in numbers)]
        )
        axis.minorticks_off()
        axis.tick_params(axis="x", labelsize=11)
        if title in logarithmic:
            axis.yaxis.set_major_formatter("{x:g}")
        axis.set_title(title, fontsize=11)
    figure.supxlabel("strength of the penalty", fontsize=11)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(strengths)
    )
    return figure


def brackets(
    names: Sequence[str], bounds: Mapping[str, Mapping[str, float]], *, xlabel: str
) -> Figure:
    """Show the bounds of several norms, one line a norm, on a logarithmic axis.

    Parameters
    ----------
    names : sequence of str
        Of the norms, from the top.
    bounds : mapping
        By kind of bound, the bounds of the norms that have this kind.
    xlabel : str
        Below the axis.

    Returns
    -------
    Figure
        Each line spans the bounds of its norm, and has a marker for each of them.
    """
    figure, axis = subplots(figsize=(7.2, 0.34 * len(names) + 1.2))
    places = np.arange(len(names))[::-1]
    spans = [[values[name] for values in bounds.values() if name in values] for name in names]
    axis.hlines(
        places,
        [min(span) for span in spans],
        [max(span) for span in spans],
        color=COLORS["grey"],
        lw=2,
        zorder=1,
    )
    for (kind, values), marker, color in zip(
        bounds.items(), "o^sD", ("blue", "sky", "orange", "purple"), strict=False
    ):
        shown = [
            (values[name], place)
            for name, place in zip(names, places, strict=True)
            if name in values
        ]
        axis.plot(
            *zip(*shown, strict=True), marker, color=COLORS[color], label=kind, ms=6, zorder=2
        )
    axis.set_yticks(places, names)
    axis.grid(visible=False, axis="y")
    axis.set(xscale="log", xlabel=xlabel)
    axis.xaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside upper center", ncols=len(bounds), fontsize=10, columnspacing=1.2)
    return figure


def radii(lengths: Mapping[str, Mapping[str, Sequence[float]]], *, columns: int = 2) -> Figure:
    """Show, image by image, the proved radii below the distance of the nearest image found.

    Parameters
    ----------
    lengths : mapping
        By kind, the distances found first and then the proved radii, and by network: an l2 length
        for each image, the images in one order.
    columns : int
        Panels side by side.

    Returns
    -------
    Figure
        One panel a network, its images in the order of the distance found; the axis of lengths is
        logarithmic. The first panel names the kinds.
    """
    names = list(next(iter(lengths.values())))
    rows = -(-len(names) // columns)
    figure, panels = subplots(
        rows, columns, sharex=True, sharey=True, figsize=(7.2, 2.1 * rows + 0.4), squeeze=False
    )
    found = next(iter(lengths.values()))
    for axis, name in zip(panels.flat, names, strict=False):
        order = np.argsort(found[name])
        places = np.linspace(0, 100, len(order))
        for (kind, values), color in zip(
            lengths.items(), ("orange", "blue", "purple"), strict=False
        ):
            first = kind == next(iter(lengths))
            axis.plot(
                places,
                np.asarray(values[name])[order],
                "-" if first else ".",
                color=COLORS[color],
                lw=2,
                ms=3,
                label=kind,
            )
        axis.set(yscale="log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.set_title(name, fontsize=11, loc="left")
    for axis in panels.flat[len(names) :]:
        axis.set_visible(False)
    figure.supxlabel("correctly classified images (%), nearest mistake first", fontsize=11)
    figure.supylabel("length of the change (l2)", fontsize=11)
    figure.legend(
        *panels.flat[0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=len(lengths),
        markerscale=3,
        fontsize=10,
    )
    return figure


def growth(
    stages: Sequence[str], values: Mapping[str, Sequence[Sequence[float]]], bounds: Sequence[float]
) -> Figure:
    """Show how long a perturbation is after each stage of a network, beside the stage's bound.

    Parameters
    ----------
    stages : sequence of str
        Of the network, in order.
    values : mapping
        By kind of perturbation and stage, the length of the change there over that of the
        perturbation, for each image.
    bounds : sequence of float
        Of that ratio, one a stage.

    Returns
    -------
    Figure
        From 1 at the input, a line through the medians of each kind, in a band that holds 90 % of
        the images, and one through the bounds; the axis is logarithmic.
    """
    figure, axis = subplots(figsize=(7.2, 3.6))
    places = np.arange(len(stages) + 1)
    axis.axhline(1, color=COLORS["grey"], lw=1)
    for (kind, ratios), color in zip(values.items(), ("orange", "blue"), strict=False):
        low, middle, high = (
            np.array([1.0, *(np.quantile(ratio, share) for ratio in ratios)])
            for share in (0.05, 0.5, 0.95)
        )
        axis.fill_between(places, low, high, color=COLORS[color], alpha=0.2, lw=0)
        axis.plot(places, middle, "o-", color=COLORS[color], lw=2)
        _name(axis, kind, places[-1], middle[-1], COLORS[color])
    limit = [1.0, *bounds]
    axis.plot(places, limit, "s--", color=COLORS["grey"], lw=2)
    _name(axis, "bound", places[-1], limit[-1], COLORS["grey"])
    axis.set_xticks(places, ["image", *stages])
    axis.set(
        yscale="log", xlim=(-0.1, len(stages) + 0.55), ylabel="length of change / length at first"
    )
    axis.yaxis.set_major_formatter("{x:g}")
    return figure


def _name(axis: Axes, label: str, across: float, up: float, color: str) -> None:
    """Write what a line is, to the right of its end."""
    axis.annotate(label, (across, up), (9, 0), textcoords="offset points", color=color, va="center")


def norms_beside_paper(
    paper: Mapping[str, float], ours: Mapping[str, float], printed: Mapping[str, float]
) -> Figure:
    """Show the norms of a network's layers beside the paper's, one line a layer.

    Parameters
    ----------
    paper : mapping
        The paper's numbers by the name of the layer, from the top.
    ours, printed : mapping
        Norms of ours, and what the paper's formula as it is printed gives, for the layers that we
        have.

    Returns
    -------
    Figure
        The axis begins at 0.
    """
    figure, axis = subplots(figsize=(7.2, 0.36 * len(paper) + 1.0))
    places = {name: len(paper) - 1 - number for number, name in enumerate(paper)}
    for label, values, marker, color, fill in (
        ("ours", ours, "o", "blue", True),
        ("the paper's", paper, "D", "orange", False),
        ("ours, by the formula as printed", printed, "x", "grey", True),
    ):
        axis.plot(
            list(values.values()),
            [places[name] for name in values],
            marker,
            color=COLORS[color],
            mfc=COLORS[color] if fill else "none",
            mew=1.6,
            ms=7,
            label=label,
        )
    both = [name for name in paper if name in ours]
    axis.hlines(
        [places[name] for name in both],
        [min(paper[name], ours[name]) for name in both],
        [max(paper[name], ours[name]) for name in both],
        color=COLORS["grey"],
        lw=1,
        zorder=0,
    )
    axis.axvline(1, color=COLORS["grey"], lw=1)
    axis.set_yticks(list(places.values()), list(places))
    axis.grid(visible=False, axis="y")
    axis.set(
        xlim=(0, None),
        ylim=(-0.5, len(paper) - 0.5),
        xlabel="operator norm (1: nothing is lengthened)",
    )
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def block_diagonal(before: np.ndarray, after: np.ndarray, *, block: tuple[int, int]) -> Figure:
    """Show the matrix of a convolution, in pixels and in waves.

    Parameters
    ----------
    before, after : ndarray
        [D, C], real or complex: the matrix in either basis, of which the absolute values are shown.
    block : tuple of int
        Rows and columns of a block on the diagonal of the second matrix.

    Returns
    -------
    Figure
        Two panels. In the second the blocks are framed.
    """
    figure, axes = subplots(1, 2, figsize=(7.2, 3.1))
    for axis, matrix, basis in zip(axes, (before, after), ("pixels", "waves"), strict=True):
        size = np.abs(matrix)
        # Where nothing is, nothing is drawn: the colour is as strong as the number is large.
        blue = np.broadcast_to(np.array(to_rgb(COLORS["blue"])), (*size.shape, 3))
        axis.imshow(np.dstack([blue, size / size.max()]), interpolation="nearest", aspect="auto")
        axis.grid(visible=False)
        axis.spines[:].set_visible(True)
        axis.set(xticks=[], yticks=[], xlabel=f"input, {basis}", ylabel=f"output, {basis}")
    rows, columns = block
    for number in range(after.shape[0] // rows):
        corner = (number * columns - 0.5, number * rows - 0.5)
        axes[1].add_patch(
            Rectangle(corner, columns, rows, fill=False, color=COLORS["orange"], lw=1.5)
        )
    return figure


def frequency_maps(norms: Mapping[str, np.ndarray], reached: Mapping[str, float]) -> Figure:
    """Show how much convolutions lengthen each wave, the slowest in the middle of the map.

    Parameters
    ----------
    norms : mapping
        By layer, the norm at each frequency, [N, N], the frequency 0 first.
    reached : mapping
        By layer, the side of the square of frequencies, from 0 on, that is framed: a share of the
        map's side.

    Returns
    -------
    Figure
        One panel a layer, each on its own scale from 0 to the largest norm, which its title says.
    """
    figure, axes = subplots(1, len(norms), figsize=(7.2, 2.1))
    for axis, (name, values) in zip(axes, norms.items(), strict=True):
        # The middles of the squares are multiples of 1 / N: the frequency 0 is one of them.
        half = 0.5 / len(values)
        extent = (-0.5 - half, 0.5 - half, -0.5 - half, 0.5 - half)
        axis.imshow(np.fft.fftshift(values), vmin=0, cmap="viridis", extent=extent, origin="lower")
        side, color = reached[name], COLORS["orange"]
        if side < 0.5 * half:  # too small to be seen as a square
            axis.plot(side / 2, side / 2, "s", color=color, ms=4)
        axis.add_patch(Rectangle((0, 0), side, side, fill=False, color=color, lw=2))
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)
        axis.set(xticks=[], yticks=[])
        axis.set_title(f"{name}\n{values.min():.1f} to {values.max():.1f}", fontsize=12)
    return figure
