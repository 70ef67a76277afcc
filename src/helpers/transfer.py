"""Transfer: how networks err on images that were made for others."""

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn

from helpers import check


def errors(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 10_000) -> Tensor:
    """Which of the images [N, C, H, W] in [0, 1] the model misclassifies, bool [N].

    Raises ValueError for images out of range, labels of another length or type.
    """
    check.images(images)
    check.labels(labels, len(images))
    with torch.inference_mode():
        answers = [model(batch).argmax(dim=1) for batch in images.split(batch_size)]
    return torch.cat(answers) != labels if answers else labels.bool()


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
