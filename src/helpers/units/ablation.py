"""Ablation: what a network loses when one unit of a layer no longer varies.

And how selective that unit was. A. S. Morcos et al. (2018), "On the importance of single directions
for generalization".
"""

import itertools

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers import check
from helpers.precision import wide


def selectivity(features: Tensor, labels: Tensor) -> Tensor:
    """How much each unit prefers one class.

    It is (a - b) / (a + b), where a is the unit's largest mean over the images of one class, and b
    the mean of its means over the other classes.

    Parameters
    ----------
    features : Tensor
        [N, d], floating-point and not negative, as after a ReLU or a sigmoid.
    labels : Tensor
        int64 [N], of at least two classes.

    Returns
    -------
    Tensor
        [d], of the features' type, in [0, 1]: 0 where all classes excite the unit alike, 1 where
        only one does; 0 for a unit that is always off.

    Raises
    ------
    ValueError
        For features that are negative or not finite, labels that are not one for each image or of
        one class.

    References
    ----------
    Morcos et al. (2018), section 2.3.

    Examples
    --------
    The first unit sees class 1 alone, the second one half as much of class 0 as of class 1:

    >>> selectivity(torch.tensor([[0.0, 1.0], [3.0, 2.0]]), torch.tensor([0, 1]))
    tensor([1.0000, 0.3333])
    """
    check.matrix(features, "features")
    check.labels(labels, len(features))
    check.same_device(features, labels=labels)
    if labels.unique().numel() < 2:
        raise ValueError("labels: need at least two classes, got fewer")
    features = features.detach()
    if features.amin() < 0:
        raise ValueError(f"features: need values of at least 0, got {float(features.amin()):.4g}")
    # The mean over a class' images as a product with its members; a class without any has no mean.
    members = functional.one_hot(labels).to(features)  # (N, classes)
    members = members[:, members.sum(dim=0) > 0]
    means = (members / members.sum(dim=0)).T @ features  # (classes, d)
    best = means.amax(dim=0)
    rest = (means.sum(dim=0) - best) / (len(means) - 1)
    return (best - rest) / (best + rest).clamp_min(torch.finfo(features.dtype).tiny)


def damage(
    model: nn.Sequential,
    layer: str,
    images: Tensor,
    labels: Tensor,
    *,
    reference: Tensor | None = None,
    batch_size: int = 500,
) -> pd.DataFrame:
    """What each unit of a layer is worth: the accuracy that is lost, and the loss that is gained.

    A unit is an entry of the layer's output [N, d], or a channel of its map [N, d, H', W']. It is
    clamped to its mean over the `reference` images, or to zero where there are none. The mean takes
    from the next layer what the unit says about an image, and no more; zero also takes away what
    the unit adds to every image.

    Parameters
    ----------
    model : nn.Sequential
        Images to logits [N, K], in eval mode.
    layer : str
        The name of one of its children.
    images : Tensor
        [N, C, H, W] in [0, 1], at least one, of the model's type and on its device.
    labels : Tensor
        int64 [N], below K.
    reference : Tensor, optional
        Images [M, C, H, W] in [0, 1], at least one.
    batch_size : int
        Images at a time.

    Returns
    -------
    DataFrame
        A row for each unit, in order. Columns: accuracy, the fall of the share of right answers, in
        [-1, 1]; cross-entropy, the rise of its mean, in nats.

    Raises
    ------
    ValueError
        For a layer that is no child or puts out something else, a model in training mode, and
        images or labels that do not fit.

    References
    ----------
    Morcos et al. (2018), section 2.2.

    Examples
    --------
    A network that looks at the first of two units only:

    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False)).eval()
    >>> model[1].weight.data = torch.tensor([[0.0, 0.0], [4.0, 0.0]])
    >>> images, labels = torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([1, 1])
    >>> damage(model, "0", images.view(2, 1, 1, 2), labels)["accuracy"].tolist()
    [1.0, 0.0]
    """
    if not isinstance(model, nn.Sequential):
        raise ValueError(f"model: need nn.Sequential, got {type(model).__name__}")
    names = list(model._modules)  # named_children() leaves out a module that stands there twice
    check.choice("layer", layer, names)
    check.count("batch_size", batch_size)
    check.evaluation(model)
    _check_images(model, images, labels, reference)
    place = names.index(layer) + 1
    before, after = model[:place], model[place:]
    with torch.no_grad():
        output = before(images[:1])
        if not isinstance(output, Tensor) or output.ndim < 2:
            got = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(f"layer: need an output [N, d, ...], got {got} from {layer!r}")
        value = torch.zeros_like(output[0])
        if reference is not None:
            value = _mean(before, reference, batch_size).to(value)
        batches = zip(images.split(batch_size), labels.split(batch_size), strict=True)
        scores = torch.stack(
            [_scores(before(batch), value, after, wanted) for batch, wanted in batches]
        ).sum(dim=0)  # (1 + d, 2)
    lost = ((scores[0] - scores[1:]) / len(images)).cpu().numpy()
    return pd.DataFrame({"accuracy": lost[:, 0], "cross-entropy": -lost[:, 1]})


def _check_images(
    model: nn.Module, images: Tensor, labels: Tensor, reference: Tensor | None
) -> None:
    """Raise ValueError unless the model takes both sets, and the first has a label for each."""
    check.images(images)
    if not len(images):
        raise ValueError("images: need at least one, got none")
    check.labels(labels, len(images), check.logits(model, images))
    check.same_device(images, labels=labels)
    if reference is not None:
        check.images(reference, "reference")
        check.same_device(images, reference=reference)
        if not len(reference) or reference.shape[1:] != images.shape[1:]:
            shape, got = list(images.shape[1:]), list(reference.shape)
            raise ValueError(f"reference: need at least one image of shape {shape}, got {got}")


def _mean(before: nn.Module, images: Tensor, batch_size: int) -> Tensor:
    """The mean output over images, shaped like the output for one of them."""
    sums = [wide(before(batch)).sum(dim=0) for batch in images.split(batch_size)]
    return torch.stack(sums).sum(dim=0) / len(images)


def _scores(outputs: Tensor, value: Tensor, after: nn.Sequential, labels: Tensor) -> Tensor:
    """Right answers and summed cross-entropy over one batch, [1 + d, 2].

    First with the layer's outputs as they are, then with each unit clamped in turn.
    """
    first, rest = after[0] if len(after) else nn.Identity(), after[1:]
    whole = first(outputs.clone())  # a clone, for a module that overwrites its input
    changed = (
        _clamped(first, outputs, whole, unit, value[unit]) for unit in range(outputs.shape[1])
    )
    return torch.stack(
        [_score(rest(found.clone()), labels) for found in itertools.chain([whole], changed)]
    )


def _clamped(first: nn.Module, outputs: Tensor, whole: Tensor, unit: int, value: Tensor) -> Tensor:
    """What the next module makes of the outputs with one unit clamped."""
    # A convolution is linear: to what it makes of all units, `whole`, it adds what it makes of the
    # change of one, at a small part of the cost.
    if isinstance(first, nn.Conv2d) and first.groups == 1 and first.padding_mode == "zeros":
        change = value - outputs[:, unit : unit + 1]
        return whole + functional.conv2d(
            change,
            first.weight[:, unit : unit + 1],
            None,
            first.stride,
            first.padding,
            first.dilation,
        )
    clamped = outputs.clone()
    clamped[:, unit] = value
    made: Tensor = first(clamped)
    return made


def _score(logits: Tensor, labels: Tensor) -> Tensor:
    """The number of right answers and the summed cross-entropy, [2]."""
    return torch.stack(
        [
            (logits.argmax(dim=1) == labels).sum().double(),
            functional.cross_entropy(logits, labels, reduction="sum").double(),
        ]
    )
