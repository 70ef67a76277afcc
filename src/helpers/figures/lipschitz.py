"""Figures of the chapter on the Lipschitz analysis."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from helpers.figures.base import COLORS, subplots


def spectra(values: Mapping[str, Sequence[float]]) -> Figure:
    """Singular values in falling order, one curve for each layer, on logarithmic axes."""
    figure, axis = subplots()
    for number, (name, series) in enumerate(values.items()):
        axis.plot(range(1, len(series) + 1), series, "--" if number % 2 else "-", label=name, lw=1.8)
    axis.set(xscale="log", yscale="log", xlabel="number", ylabel="singular value", ylim=(1e-2, None))
    axis.legend(fontsize=10)
    return figure


def brackets(names: Sequence[str], lower: Sequence[float], upper: Sequence[float], *, xlabel: str) -> Figure:
    """One line a name from its lower to its upper bound, on a logarithmic axis."""
    figure, axis = subplots(figsize=(6.4, 0.36 * len(names) + 0.9))
    places = np.arange(len(names))[::-1]
    axis.hlines(places, lower, upper, color=COLORS["grey"], lw=2)
    axis.plot(lower, places, "o", color=COLORS["blue"], label="at least")
    axis.plot(upper, places, "D", color=COLORS["orange"], mfc="none", mew=1.5, label="at most")
    axis.set_yticks(places, names)
    axis.set(xscale="log", xlabel=xlabel)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)
    return figure


def growth(stages: Sequence[str], values: Mapping[str, Sequence[Sequence[float]]], bounds: Sequence[float]) -> Figure:
    """For each stage and kind of perturbation a cloud of ratios, its median, and the stage's bound as a bar; logarithmic."""
    figure, axis = subplots()
    jitter = np.random.default_rng(0)
    for number, (kind, color) in enumerate(zip(values, (COLORS["blue"], COLORS["orange"]), strict=False)):
        for stage, ratios in enumerate(values[kind]):
            place = stage + 0.3 * (number - 0.5)
            axis.plot(place + jitter.uniform(-0.1, 0.1, len(ratios)), ratios, ".", ms=3, alpha=0.5, color=color)
            axis.plot([place - 0.12, place + 0.12], [np.median(ratios)] * 2, color=color, lw=3, label=kind if stage == 0 else None)
    axis.hlines(bounds, np.arange(len(stages)) - 0.35, np.arange(len(stages)) + 0.35, color="black", lw=2, label="bound")
    axis.set_xticks(range(len(stages)), stages)
    axis.set(yscale="log", ylabel="length of change / length of r")
    axis.legend(loc="upper left")
    return figure
