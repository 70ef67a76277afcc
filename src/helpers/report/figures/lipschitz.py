"""Figures of the chapter on the Lipschitz analysis."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

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
    figure, axes = subplots(1, len(panels), figsize=(6.4, 3.0), squeeze=False)
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
        axis.tick_params(axis="x", labelsize=9)
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
    figure, axis = subplots(figsize=(6.4, 0.36 * len(names) + 1.1))
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
    axis.set(xscale="log", xlabel=xlabel)
    figure.legend(loc="outside upper center", ncols=2, fontsize=10)
    return figure


def radii(certified: Mapping[str, Sequence[float]], found: Mapping[str, Sequence[float]]) -> Figure:
    """Show, image by image, the certified radius below the distance of the nearest image found.

    Parameters
    ----------
    certified, found : mapping
        By network, an l2 length for each image, the images in one order.

    Returns
    -------
    Figure
        One panel a network, its images in the order of the distance found.
    """
    figure, panels = subplots(
        len(certified), 1, figsize=(6.4, 1.7 * len(certified) + 0.6), sharey=True
    )
    for axis, (name, lengths) in zip(np.atleast_1d(panels), found.items(), strict=True):
        order = np.argsort(lengths)
        upper, lower = np.asarray(lengths)[order], np.asarray(certified[name])[order]
        places = np.linspace(0, 100, len(order))
        axis.fill_between(places, lower, upper, color=COLORS["grey"], alpha=0.25, step="mid", lw=0)
        axis.plot(places, upper, color=COLORS["orange"], lw=2, label="found")
        axis.plot(places, lower, ".", color=COLORS["blue"], ms=4, label="certified")
        axis.set_title(name, fontsize=11, loc="left")
        axis.set(ylabel="l2", ylim=(0, None))
    axis.set_xlabel("correctly classified images (%), nearest adversarial image first")
    np.atleast_1d(panels)[0].legend(loc="upper left", ncols=2)
    return figure


def growth(
    stages: Sequence[str], values: Mapping[str, Sequence[Sequence[float]]], bounds: Sequence[float]
) -> Figure:
    """Show how much a perturbation grows up to each stage of a network, beside the stage's bound.

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
        A cloud of ratios with its median for each stage and kind, and the bounds as bars; the axis
        is logarithmic.
    """
    figure, axis = subplots()
    jitter = np.random.default_rng(0)
    for number, (kind, color) in enumerate(
        zip(values, (COLORS["blue"], COLORS["orange"]), strict=False)
    ):
        for stage, ratios in enumerate(values[kind]):
            place = stage + 0.3 * (number - 0.5)
            axis.plot(
                place + jitter.uniform(-0.1, 0.1, len(ratios)),
                ratios,
                ".",
                ms=3,
                alpha=0.5,
                color=color,
            )
            axis.plot(
                [place - 0.12, place + 0.12],
                [np.median(ratios)] * 2,
                color=color,
                lw=3,
                label=kind if stage == 0 else None,
            )
    axis.hlines(
        bounds,
        np.arange(len(stages)) - 0.35,
        np.arange(len(stages)) + 0.35,
        color="black",
        lw=2,
        label="bound",
    )
    axis.set_xticks(range(len(stages)), stages)
    axis.set(yscale="log", ylabel="length of change / length of r")
    axis.legend(loc="upper left")
    return figure
