"""Transfer: how networks err on images that were made for others."""

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn

from helpers import check, intervals


def answers(model: nn.Module, images: Tensor, batch_size: int = 250) -> Tensor:
    """The class that the model gives to each image [N, C, H, W], int64 [N]. Images may lie outside [0, 1]."""
    with torch.inference_mode():
        batches = [model(batch).argmax(dim=1) for batch in torch.split(images, batch_size)]
    return (
        torch.cat(batches) if batches else torch.empty(0, dtype=torch.int64, device=images.device)
    )


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


def error_matrix(
    models: Mapping[str, nn.Module], image_sets: Mapping[str, Tensor], labels: Tensor
) -> pd.DataFrame:
    """Error rates in [0, 1]: a row for each set of images [N, C, H, W], a column for each model; labels int64 [N] are the true ones.

    Tables 2 and 4 of Szegedy et al. (2014), without their distortion column.
    """
    rows = [
        [error_rate(model, images, labels) for model in models.values()]
        for images in image_sets.values()
    ]
    return pd.DataFrame(rows, index=pd.Index(image_sets, name="made for"), columns=list(models))


def estimates(
    models: Mapping[str, nn.Module], image_sets: Mapping[str, Tensor], labels: Tensor
) -> pd.DataFrame:
    """error_matrix with Wilson's 95 % interval and n: each cell is an Estimate in percent."""
    rows = [
        [
            intervals.proportion(errors(model, images, labels)).scaled(100)
            for model in models.values()
        ]
        for images in image_sets.values()
    ]
    return pd.DataFrame(
        rows, index=pd.Index(image_sets, name="made for"), columns=list(models), dtype=object
    )


def error(model: nn.Module, images: Tensor, labels: Tensor) -> intervals.Estimate:
    """Estimate a network's error in percent, with Wilson's 95 % interval.

    Parameters
    ----------
    model : nn.Module
        Images to logits [N, K].
    images : Tensor
        Images [N, C, H, W], at least one; they may lie outside [0, 1], as with unclipped noise.
    labels : Tensor
        The true classes, int64 [N].

    Returns
    -------
    Estimate
        In percent.

    Raises
    ------
    ValueError
        For labels of another length or type, or without images.
    """
    check.labels(labels, len(images))
    return intervals.proportion(answers(model, images) != labels).scaled(100)
