"""Ablation: what a network loses when one unit of a layer no longer varies, and how selective that unit was.

A. S. Morcos et al. (2018), "On the importance of single directions for generalization".
"""

import itertools

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers import check
from helpers.units.precision import wide


def selectivity(features: Tensor, labels: Tensor) -> Tensor:
    """How much a unit prefers one class, float [d]: (a - b) / (a + b), in [0, 1], given features [N, d] that are not negative.

    a is the unit's largest mean over the images of one class, b the mean of its means over the other classes: 0 where all classes
    excite it alike, 1 where only one does; 0 for a unit that is always off. Raises ValueError for negative features, labels
    not one for each image.
    """
    check.matrix(features, "features")
    check.labels(labels, len(features))
    check.same_device(features, labels=labels)
    if labels.unique().numel() < 2:
        raise ValueError("labels: need at least two classes, got fewer")
    features = features.detach()
    if features.amin() < 0:
        raise ValueError(f"features: need values of at least 0, got {float(features.amin()):.4g}")
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
    """What each unit of `layer`, a child of `model`, is worth: one row for each, with its loss of accuracy and rise of cross-entropy.

    images: [N, C, H, W] in [0, 1]; labels: int64 [N]. A unit is an entry of the layer's output [N, d], or a channel of its map
    [N, d, H', W']; it is clamped to its mean over the `reference` images, or to zero where there are none. The mean takes from
    the next layer what the unit says about an image, and no more; zero also takes away what the unit adds to every image.
    Raises ValueError for a layer that is no child, labels not one for each image.
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
    """Raise ValueError unless the model takes both sets of images, and there is a label for each of the first."""
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
    """Right answers and summed cross-entropy over one batch, [1 + d, 2]: with the layer's outputs as they are, then with each unit clamped in turn."""
    first, rest = after[0] if len(after) else nn.Identity(), after[1:]
    whole = first(outputs.clone())
    changed = (
        _clamped(first, outputs, whole, unit, value[unit]) for unit in range(outputs.shape[1])
    )
    return torch.stack(
        [_score(rest(found.clone()), labels) for found in itertools.chain([whole], changed)]
    )


def _clamped(first: nn.Module, outputs: Tensor, whole: Tensor, unit: int, value: Tensor) -> Tensor:
    """What the next module makes of the outputs with one unit clamped; to what a convolution makes of all, `whole`, it adds the change of one."""
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
