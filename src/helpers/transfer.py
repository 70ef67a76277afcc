"""Transfer: how networks err on images that were made for others."""

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn

from helpers import check, intervals


def answers(model: nn.Module, images: Tensor, batch_size: int = 250) -> Tensor:
    """The class that a network gives to each image.

    Parameters
    ----------
    model : nn.Module
        Maps images to logits [N, K], K at least 2; of the images' type, in any precision, and on
        their device.
    images : Tensor
        Images [N, C, H, W]; they may lie outside [0, 1], as with unclipped noise.
    batch_size : int, optional
        Images at a time, at least 1; the answers do not depend on it.

    Returns
    -------
    Tensor
        The largest logit's number, int64 [N]; the first one's of several that are equal.

    Raises
    ------
    ValueError
        For a model in training mode that would answer otherwise than in evaluation mode, one that
        does not take the images, and one that returns something else than logits, or logits of
        which the largest is NaN or infinite. For a batch size below 1.

    Examples
    --------
    >>> images = torch.tensor([[0.2, 0.9], [0.7, 0.1]]).view(2, 1, 1, 2)
    >>> answers(nn.Flatten(), images).tolist()
    [1, 0]
    """
    check.evaluation(model)
    check.count("batch_size", batch_size)
    with torch.inference_mode():
        best = [_best(model, batch) for batch in torch.split(images, batch_size)]
    largest, classes = (torch.cat(parts) for parts in zip(*best, strict=True))
    # NaN is the largest of all to torch, so one look at the winners sees every logit. It comes last
    # of all: a look in each batch would have a GPU wait for the processor.
    if lost := int((~largest.isfinite()).sum()):
        raise ValueError(
            f"model: need finite logits, got NaN or infinity for {lost} of {len(images)} images"
        )
    return classes


def _best(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """The largest logit [N] of each image, and the class that it stands for [N]."""
    try:
        logits = model(images)
    except RuntimeError:
        check.output(model, images)  # says which argument does not fit, where one does not
        raise
    if not isinstance(logits, Tensor):
        raise ValueError(f"model: need a tensor of logits, got {type(logits).__name__}")
    if logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] < 2:
        raise ValueError(
            f"model: need logits of shape [{len(images)}, K] with K at least 2, "
            f"got {list(logits.shape)}"
        )
    found = logits.max(dim=1)
    return found.values, found.indices


def errors(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 250) -> Tensor:
    """Which of the images a network misclassifies.

    Parameters
    ----------
    model : nn.Module
        As in `answers`.
    images : Tensor
        Images [N, C, H, W] in [0, 1].
    labels : Tensor
        The true classes, int64 [N], on the images' device.
    batch_size : int, optional
        Images at a time, at least 1.

    Returns
    -------
    Tensor
        Bool [N].

    Raises
    ------
    ValueError
        For images out of range, labels of another length, type or device, and as `answers` does.

    Examples
    --------
    >>> images = torch.tensor([[0.2, 0.9], [0.7, 0.1]]).view(2, 1, 1, 2)
    >>> errors(nn.Flatten(), images, torch.tensor([1, 1])).tolist()
    [False, True]
    """
    check.images(images)
    check.same_device(images, labels=labels)
    check.labels(labels, len(images))
    return answers(model, images, batch_size) != labels


def error_rate(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Fraction of images that a network misclassifies.

    Parameters
    ----------
    model : nn.Module
        As in `answers`.
    images : Tensor
        Images [N, C, H, W] in [0, 1].
    labels : Tensor
        The true classes, int64 [N].

    Returns
    -------
    float
        In [0, 1]; NaN without images.

    Raises
    ------
    ValueError
        As `errors` does.

    References
    ----------
    Szegedy et al. (2014), section 4.2: one cell of Tables 2 and 4.

    Examples
    --------
    >>> images = torch.tensor([[0.2, 0.9], [0.7, 0.1]]).view(2, 1, 1, 2)
    >>> error_rate(nn.Flatten(), images, torch.tensor([1, 1]))
    0.5
    """
    return errors(model, images, labels).float().mean().item()


def error_matrix(
    models: Mapping[str, nn.Module], image_sets: Mapping[str, Tensor], labels: Tensor
) -> pd.DataFrame:
    """Error rates of networks on several sets of images.

    Parameters
    ----------
    models : mapping
        Networks by name, each as in `answers`.
    image_sets : mapping
        Images [N, C, H, W] in [0, 1], by what they were made for.
    labels : Tensor
        The true classes, int64 [N], of every set.

    Returns
    -------
    pd.DataFrame
        Fractions in [0, 1]: a row for each set, a column for each network.

    Raises
    ------
    ValueError
        As `errors` does.

    References
    ----------
    Szegedy et al. (2014), Tables 2 and 4, without their column of distortions.

    Examples
    --------
    >>> images = torch.tensor([[0.2, 0.9], [0.7, 0.1]]).view(2, 1, 1, 2)
    >>> sets = {"right": images, "mirrored": images.flip(3)}
    >>> error_matrix({"brightest": nn.Flatten()}, sets, torch.tensor([1, 0])).to_numpy().tolist()
    [[0.0], [1.0]]
    """
    rows = [
        [error_rate(model, images, labels) for model in models.values()]
        for images in image_sets.values()
    ]
    return pd.DataFrame(rows, index=pd.Index(image_sets, name="made for"), columns=list(models))


def estimates(
    models: Mapping[str, nn.Module], image_sets: Mapping[str, Tensor], labels: Tensor
) -> pd.DataFrame:
    """`error_matrix` in percent, with Wilson's 95 % interval and n.

    Parameters
    ----------
    models, image_sets, labels
        As in `error_matrix`; each set with at least one image.

    Returns
    -------
    pd.DataFrame
        An `intervals.Estimate` in percent in each cell.

    Raises
    ------
    ValueError
        As `errors` does, and without images.

    Examples
    --------
    >>> images = torch.tensor([[0.2, 0.9], [0.7, 0.1]]).view(2, 1, 1, 2)
    >>> found = estimates({"brightest": nn.Flatten()}, {"all": images}, torch.tensor([1, 1]))
    >>> f"{found.loc['all', 'brightest']:.0f}"
    '50 [9, 91]'
    """
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
        As in `answers`.
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
        For labels of another length, type or device, without images, and as `answers` does.

    Examples
    --------
    >>> images = torch.tensor([[0.2, 0.9], [0.7, 0.1]]).view(2, 1, 1, 2)
    >>> f"{error(nn.Flatten(), images, torch.tensor([1, 1])):.0f}"
    '50 [9, 91]'
    """
    check.same_device(images, labels=labels)
    check.labels(labels, len(images))
    return intervals.proportion(answers(model, images) != labels).scaled(100)


def against_paper(
    ours: pd.DataFrame, printed: pd.DataFrame, *, n: int
) -> dict[tuple[str, str], intervals.Agreement]:
    """Hold the errors of a matrix against the paper's, cell by cell.

    A network's error on the images that were made for it is 100 % by construction, in the paper as
    in ours: such a cell, in which the row's name ends with the column's, is left out.

    Parameters
    ----------
    ours : DataFrame
        An `Estimate` in percent for each set of images (rows) and network (columns).
    printed : DataFrame
        The paper's percentages, with at least these rows and columns.
    n : int
        How many images are behind each of them.

    Returns
    -------
    dict
        An `Agreement` by (made for, fed to).

    Examples
    --------
    >>> error = intervals.Estimate(12.0, 8.5, 16.5, 256)
    >>> ours = pd.DataFrame([[error, error]], index=["amplified A"], columns=["A", "B"])
    >>> printed = pd.DataFrame([[100.0, 11.7]], index=["amplified A"], columns=["A", "B"])
    >>> [(pair, found.agrees) for pair, found in against_paper(ours, printed, n=256).items()]
    [(('amplified A', 'B'), True)]
    """
    return {
        (row, column): intervals.against(ours.loc[row, column], printed.loc[row, column], n, "%")
        for row in ours.index
        for column in ours.columns
        if not row.endswith(column)
    }
