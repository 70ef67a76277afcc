"""Transfer: how networks err on images that were made for others."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor, nn

from helpers import check, intervals
from helpers.intervals import Estimate


def answers(model: nn.Module, images: Tensor, batch_size: int = 250) -> Tensor:
    """The class that the model gives to each image [N, C, H, W], int64 [N]. Images may lie outside [0, 1]."""
    with torch.inference_mode():
        batches = [model(batch).argmax(dim=1) for batch in torch.split(images, batch_size)]
    return torch.cat(batches) if batches else torch.empty(0, dtype=torch.int64, device=images.device)


def errors(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 250) -> Tensor:
    """Which of the images [N, C, H, W] in [0, 1] the model misclassifies, bool [N].

    Raises ValueError for images out of range, labels of another length or type.
    """
    check.images(images)
    check.labels(labels, len(images))
    return answers(model, images, batch_size) != labels


def error_rate(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Fraction of images [N, C, H, W] in [0, 1] that the model misclassifies, in [0, 1]; NaN without images.

    labels: int64 [N]. One cell of Tables 2 and 4 (Szegedy et al. 2014, section 4.2).
    """
    return errors(model, images, labels).float().mean().item()


def error_matrix(models: Mapping[str, nn.Module], image_sets: Mapping[str, Tensor], labels: Tensor) -> pd.DataFrame:
    """Error rates in [0, 1]: a row for each set of images [N, C, H, W], a column for each model; labels int64 [N] are the true ones.

    Tables 2 and 4 of Szegedy et al. (2014), without their distortion column.
    """
    rows = [[error_rate(model, images, labels) for model in models.values()] for images in image_sets.values()]
    return pd.DataFrame(rows, index=pd.Index(image_sets, name="made for"), columns=list(models))


def estimates(models: Mapping[str, nn.Module], image_sets: Mapping[str, Tensor], labels: Tensor) -> pd.DataFrame:
    """error_matrix with Wilson's 95 % interval and n: each cell is an Estimate in percent."""
    rows = [[intervals.proportion(errors(model, images, labels)).scaled(100) for model in models.values()] for images in image_sets.values()]
    return pd.DataFrame(rows, index=pd.Index(image_sets, name="made for"), columns=list(models), dtype=object)


def printed(percent: float, n: int) -> Estimate:
    """A printed percentage as an estimate from n images, with Wilson's interval, in percent.

    Raises ValueError for a percentage outside [0, 100] or n below 1.
    """
    if not (0 <= percent <= 100 and n >= 1):
        raise ValueError(f"percent, n: need a percentage in [0, 100] and n at least 1, got {percent} and {n}")
    interval = stats.binomtest(round(percent / 100 * n), n).proportion_ci(intervals.LEVEL, method="wilson")
    return Estimate(percent, 100 * float(interval.low), 100 * float(interval.high), n)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """`first` minus `second` with its 95 % interval, from those of two independent proportions; n is the smaller one.

    R. G. Newcombe (1998), method 10: the score intervals' distances from their estimates, added as squares.
    """
    value = first.value - second.value
    low = np.hypot(first.value - first.low, second.high - second.value)
    high = np.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, float(value - low), float(value + high), min(first.n, second.n))


def paired(more: Tensor, fewer: Tensor) -> float:
    """p-value of McNemar's exact one-sided test that the errors `more` are no likelier than `fewer`; both bool [N], of the same images.

    Only images on which the two disagree count. Raises ValueError for other shapes. Q. McNemar (1947).
    """
    if more.shape != fewer.shape or more.ndim != 1:
        raise ValueError(f"fewer: need two vectors of one length, got shapes {list(more.shape)} and {list(fewer.shape)}")
    wins, losses = int((more & ~fewer).sum()), int((fewer & ~more).sum())
    return float(stats.binomtest(wins, wins + losses, alternative="greater").pvalue) if wins + losses else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number: reject those at most a, and all errors together have probability at most a. S. Holm (1979)."""
    values = np.asarray(p_values, dtype=float)
    order = values.argsort()
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)).clip(max=1)
    return [float(value) for value in adjusted]
