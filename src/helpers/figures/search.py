"""Figures of the chapter on the adversarial search."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from helpers.figures.base import COLORS, subplots


def line_search(c: Sequence[float], lengths: Sequence[float], hit: Sequence[bool]) -> Figure:
    """Length of the minimiser's perturbation against c, on a logarithmic axis: filled dots where it is classified as the target."""
    figure, axis = subplots()
    axis.plot(c, lengths, color=COLORS["grey"], lw=1, zorder=1)
    for success, style in (
        (True, {"color": COLORS["blue"], "label": "classified as the target"}),
        (False, {"mfc": "white", "mec": COLORS["orange"], "label": "not"}),
    ):
        chosen = [(value, length) for value, length, reached in zip(c, lengths, hit, strict=True) if reached == success]
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
    """Four rows: originals [N, 1, H, W], the magnified change, the distorted images, noisy ones; answers are the network's classes."""
    change = (distorted - originals).cpu()
    figure, axes = subplots(4, len(originals), figsize=(6.4, 4 * 6.4 / len(originals) * 1.15), squeeze=False)
    for column in range(len(originals)):
        limit = float(change[column].abs().max()) or 1.0
        for row, picture in enumerate((originals[column], change[column], distorted[column], noisy[column])):
            shade = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if row == 1 else {"vmin": 0, "vmax": 1}
            axes[row, column].imshow(picture[0].cpu().numpy(), **shade)
            axes[row, column].set(xticks=[], yticks=[])
            axes[row, column].grid(visible=False)
            axes[row, column].spines[:].set_visible(False)
        axes[1, column].set_title(f"{distortions[column]:.3f}", fontsize=10, pad=2)
        axes[2, column].set_title(f"→ {answers[column]}", fontsize=10, pad=2)
        axes[3, column].set_title(f"→ {noise_answers[column]}", fontsize=10, pad=2)
    return figure
