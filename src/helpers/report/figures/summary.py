"""Figures of the summary."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from helpers.intervals import Estimate
from helpers.report.figures.base import COLORS, agreement_points, subplots

Pair = tuple[str, Estimate, Estimate, bool]  # a name, the paper's number, ours, whether they agree


def all_cells(
    percentages: Sequence[Pair],
    distortions: Sequence[Pair],
    norms: Sequence[Pair],
    *,
    labelled: int = 4,
) -> Figure:
    """Show our numbers against the paper's, with both intervals.

    Parameters
    ----------
    percentages, distortions, norms : sequence of (str, Estimate, Estimate, bool)
        The name, the paper's number, ours, and whether the two agree.
    labelled : int
        Of the percentages that do not agree, so many are numbered and named, those farthest from
        the diagonal; of the distortions and of the norms, three each stand beside their points.

    Returns
    -------
    Figure
        Three panels: percentages on square-root axes, distortions and norms on logarithmic ones.
    """
    figure, grid = subplots(2, 2, figsize=(7.2, 5.2), width_ratios=[1.7, 1])
    # The percentages are the most: they take the whole of the left.
    for panel in grid[:, 0]:
        panel.remove()
    axes = (figure.add_subplot(grid[0, 0].get_gridspec()[:, 0]), *grid[:, 1])
    ticks = [0, 1, 5, 10, 20, 40, 60, 80, 100]
    for scale, limits, marks in (
        (axes[0].set_xscale, axes[0].set_xlim, axes[0].set_xticks),
        (axes[0].set_yscale, axes[0].set_ylim, axes[0].set_yticks),
    ):
        # Where sampling errors are of about the same size everywhere.
        scale("function", functions=(lambda value: np.sqrt(np.maximum(value, 0)), np.square))
        limits(0, 103)
        marks(ticks, [str(tick) for tick in ticks])
    axes[0].plot([0, 100], [0, 100], color=COLORS["grey"], lw=1)
    titles = ("errors (%)", "distortions", "norms (Table 5)")
    for axis, title, pairs, root in zip(
        axes, titles, (percentages, distortions, norms), (np.sqrt, np.log, np.log), strict=True
    ):
        axis.set(xlabel="paper", ylabel="ours")
        axis.set_title(title, loc="left", fontsize=11)
        if root is np.log and pairs:
            _logarithmic(
                axis, [end for _, theirs, ours, _ in pairs for end in (theirs.value, ours.value)]
            )
        _, theirs, ours, agrees = zip(*pairs, strict=True) if pairs else ((), (), (), ())
        agreement_points(axis, ours, theirs, agrees, size=5)
        far = sorted(
            (pair for pair in pairs if not pair[3]),
            key=lambda pair: -abs(root(pair[2].value) - root(pair[1].value)),
        )
        if root is np.sqrt:
            _numbers(axis, far[:labelled])
        else:
            _names(axis, far[:3])
    axes[0].legend(loc="lower right")
    return figure


def _logarithmic(axis: Axes, values: Sequence[float]) -> None:
    """Equal logarithmic axes around the values, and the line where ours is the paper's number."""
    ends = min(values) / 2, max(values) * 1.5
    ticks = [
        digit * 10.0**power
        for power in range(-3, 3)
        for digit in (1, 2, 5)
        if ends[0] <= digit * 10.0**power <= ends[1]
    ]
    axis.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    axis.plot(ends, ends, color=COLORS["grey"], lw=1)
    for side in (axis.xaxis, axis.yaxis):
        side.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        side.set_minor_locator(NullLocator())


def _names(axis: Axes, pairs: Sequence[Pair]) -> None:
    """The name of each point beside it: below the diagonal on the right, above it on the left."""
    for name, theirs, ours, _ in pairs:
        below = ours.value < theirs.value
        axis.annotate(
            name,
            (theirs.value, ours.value),
            (6, -3) if below else (-6, 3),
            textcoords="offset points",
            ha="left" if below else "right",
            va="center",
            fontsize=9.5,
        )


def _numbers(axis: Axes, pairs: Sequence[Pair]) -> None:
    """A number beside each point, left and right by turns, and the names in the empty corner."""
    for number, (name, theirs, ours, _) in enumerate(pairs, start=1):
        place, side = ((-6, 0), "right") if number % 2 else ((6, 0), "left")
        axis.annotate(
            str(number),
            (theirs.value, ours.value),
            place,
            textcoords="offset points",
            ha=side,
            va="center",
            weight="bold",
            fontsize=10,
        )
        corner = {
            "xycoords": "axes fraction",
            "textcoords": "offset points",
            "va": "center",
            "fontsize": 9.5,
        }
        axis.annotate(f"{number}  {name}", (0.02, 1), (0, -14 * number), **corner)  # type: ignore[arg-type]
