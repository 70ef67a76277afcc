"""Figures of the chapter on the adversarial search."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from helpers.report.figures.base import COLORS, subplots

LIBRARIES = {"ours": COLORS["blue"], "foolbox": COLORS["orange"], "torchattacks": COLORS["green"]}
FAMILIES = {
    "best": "*",
    "fast": "p",
    "DeepFool": "^",
    "DDN": "o",
    "FMN": "v",
    "C&W": "s",
    "Brendel-Bethge": "D",
    "FAB": "P",
}


def line_search(c: Sequence[float], lengths: Sequence[float], hit: Sequence[bool]) -> Figure:
    """Show the length of the minimiser's perturbation against c.

    Parameters
    ----------
    c : sequence of float
        The weights of the length in the penalty, on a logarithmic axis.
    lengths : sequence of float
        Of the perturbation, one for each c.
    hit : sequence of bool
        Whether the perturbed image is classified as the target.

    Returns
    -------
    Figure
        The dots where it is so are filled.
    """
    figure, axis = subplots()
    axis.plot(c, lengths, color=COLORS["grey"], lw=1, zorder=1)
    for success, style in (
        (True, {"color": COLORS["blue"], "label": "classified as the target"}),
        (False, {"mfc": "white", "mec": COLORS["orange"], "label": "not"}),
    ):
        chosen = [
            (value, length)
            for value, length, reached in zip(c, lengths, hit, strict=True)
            if reached == success
        ]
        axis.plot(*zip(*chosen, strict=True), "o", **style) if chosen else None
    axis.set(xscale="log", xlabel="c", ylabel="length of r", ylim=(0, None))
    axis.legend()
    return figure


def adversarial(
    originals: Tensor,
    distorted: Tensor,
    noisy: Tensor,
    *,
    answers: Sequence[int],
    noise_answers: Sequence[int],
    distortions: Sequence[float],
) -> Figure:
    """Show adversarial images below their originals, and noise of the same size below both.

    Parameters
    ----------
    originals, distorted, noisy : Tensor
        Images [N, 1, H, W] in [0, 1].
    answers, noise_answers : sequence of int
        The network's N classes of the distorted and of the noisy images.
    distortions : sequence of float
        Of the distorted images, RMS per pixel.

    Returns
    -------
    Figure
        Four rows of N: the originals, the magnified changes, the distorted and the noisy images.
    """
    change = (distorted - originals).cpu()
    figure, axes = subplots(
        4, len(originals), figsize=(6.4, 4 * 6.4 / len(originals) * 1.15), squeeze=False
    )
    for column in range(len(originals)):
        limit = float(change[column].abs().max()) or 1.0
        for row, picture in enumerate(
            (originals[column], change[column], distorted[column], noisy[column])
        ):
            shade = (
                {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
                if row == 1
                else {"vmin": 0, "vmax": 1}
            )
            axes[row, column].imshow(picture[0].cpu().numpy(), **shade)
            axes[row, column].set(xticks=[], yticks=[])
            axes[row, column].grid(visible=False)
            axes[row, column].spines[:].set_visible(False)
        axes[1, column].set_title(f"{distortions[column]:.3f}", fontsize=10, pad=2)
        axes[2, column].set_title(f"→ {answers[column]}", fontsize=10, pad=2)
        axes[3, column].set_title(f"→ {noise_answers[column]}", fontsize=10, pad=2)
    return figure


def benchmark(frame: pd.DataFrame, *, highest: float = 1.4) -> Figure:
    """Show how long attacks' changes are, and how many milliseconds an image they take.

    Parameters
    ----------
    frame : DataFrame
        Rows with network, library, method, n, seconds, success and ratio, as benchmarks/search.py
        writes them. The ratio is that of the mean length to our best search's, on the same images.
    highest : float
        A larger ratio is drawn there.

    Returns
    -------
    Figure
        One panel a network, one mark a method, filled where it succeeded on every image.
    """
    networks = list(dict.fromkeys(frame["network"]))
    figure, grid = subplots(
        -(-len(networks) // 2), 2, figsize=(6.4, 6.8), sharey=True, squeeze=False
    )
    for name, axis in zip(networks, grid.flat, strict=False):
        axis.axhline(1, color=COLORS["grey"], lw=1)
        for row in frame[(frame["network"] == name) & frame["ratio"].notna()].itertuples():
            color = LIBRARIES[row.library]
            place = 1000 * row.seconds / row.n, min(row.ratio, highest)
            axis.plot(
                *place,
                _marker(row.method),
                color=color,
                mfc=color if row.success == 1 else "none",
                ms=9 if row.library == "ours" else 7,
            )
        axis.set(xscale="log", title=name, ylim=(0.97, highest + 0.02))
    for axis in grid[-1]:
        axis.set_xlabel("ms an image")
    for axis in grid[:, 0]:
        axis.set_ylabel("mean length, ours = 1")
    own = frame[frame["library"] == "ours"]["method"].tolist()
    present = [
        family
        for family in FAMILIES
        if any(method.startswith(family) for method in frame["method"])
    ]
    marks = [
        Line2D(
            [],
            [],
            ls="",
            marker=FAMILIES[family],
            color=LIBRARIES["ours"] if family in own else "black",
        )
        for family in present
    ]
    libraries = list(dict.fromkeys(frame["library"]))
    colors = [
        Line2D([], [], ls="", marker="s", ms=9, color=LIBRARIES[library]) for library in libraries
    ]
    figure.legend(
        [*marks, *colors], [*present, *libraries], loc="outside lower center", ncols=4, fontsize=9
    )
    return figure


def _marker(method: str) -> str:
    """The mark of a method's family."""
    return next(mark for family, mark in FAMILIES.items() if method.startswith(family))
