"""Units and other directions of a layer: the images that maximise them, and how alike those are.

Section 3 of Szegedy et al. (2014): the images that maximise a unit, argmax <phi(x), e_i>, against those that maximise a
random direction, argmax <phi(x), v>.
"""

import functools
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers import check
from helpers.units.precision import wide

SPATIAL = ("flatten", "mean")


def features(
    model: nn.Module, layer: str, images: Tensor, *, spatial: str = "flatten", batch_size: int = 250
) -> Tensor:
    """Activations phi(x) of the layer called `layer`, [N, d], one row an image, without gradients.

    images: [N, C, H, W] in [0, 1]. Of a convolution's map [C', H', W'] every entry is a unit, d = C' H' W' ("flatten"), or
    every channel is one, its value the mean over positions, d = C' ("mean"; taking it commutes with any change of basis).
    Raises ValueError for images out of range, a layer that the model lacks, another `spatial`.
    """
    return activations(model, {layer: spatial}, images, batch_size=batch_size)[layer]


def activations(
    model: nn.Module, layers: Mapping[str, str], images: Tensor, *, batch_size: int = 250
) -> dict[str, Tensor]:
    """features() of several layers in one pass: [N, d] by layer. layers: "flatten" or "mean" by layer."""
    check.images(images)
    check.count("batch_size", batch_size)
    check.evaluation(model)
    names = [name for name, _ in model.named_modules(remove_duplicate=False) if name]
    for layer, spatial in layers.items():
        check.choice("layer", layer, names)
        check.choice("spatial", spatial, SPATIAL)
    check.output(model, images)
    batches: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    with torch.no_grad(), _hooked(model, layers) as seen:
        for batch in torch.split(images, batch_size):
            model(batch)
            for layer, rows in seen.items():
                batches[layer].append(_once(layer, rows, len(batch)))
                rows.clear()
    return {layer: torch.cat(rows) for layer, rows in batches.items()}


@contextmanager
def _hooked(model: nn.Module, layers: Mapping[str, str]) -> Iterator[dict[str, list[Tensor]]]:
    """Within it, each layer's list grows by its output, one row [d] an image, whenever it is used."""
    seen: dict[str, list[Tensor]] = {layer: [] for layer in layers}

    def keep(layer: str, _module: nn.Module, _inputs: object, output: object) -> None:
        seen[layer].append(_rows(layer, layers[layer], output))

    hooks = [
        model.get_submodule(layer).register_forward_hook(functools.partial(keep, layer))
        for layer in layers
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _rows(layer: str, spatial: str, output: object) -> Tensor:
    """A layer's output as one row [d] an image."""
    if not isinstance(output, Tensor) or output.ndim < 2:
        got = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"layer: need an output of shape [N, ...], got {got} from {layer!r}")
    if spatial == "mean" and output.ndim != 2:
        if output.ndim != 4:
            shape = list(output.shape)
            raise ValueError(f"spatial: need maps [N, C, H, W] for 'mean', got {shape}")
        return output.flatten(2).mean(dim=2)
    return output.flatten(1).clone()  # the module after it may overwrite its input


def _once(layer: str, rows: list[Tensor], count: int) -> Tensor:
    """What a layer put out for a batch of `count` images, if that is one row for each."""
    if len(rows) != 1:
        raise ValueError(
            f"layer: need a module that the model uses once, got {layer!r}, used {len(rows)} times"
        )
    if len(rows[0]) != count:
        raise ValueError(
            f"layer: need one row an image, got {len(rows[0])} for {count} images from {layer!r}"
        )
    return rows[0]


def live(features: Tensor, count: int) -> Tensor:
    """Which units rise above their least value on at least `count` images, bool [d], given their features [N, d].

    For any other unit, such as a ReLU that is always off, the `count` images that maximise it are not defined.
    """
    check.count("count", count)
    if features.ndim != 2 or not len(features):
        raise ValueError(f"features: need shape [N, d] with N > 0, got {list(features.shape)}")
    return (features > features.amin(dim=0)).sum(dim=0) >= count


def top_images(features: Tensor, directions: Tensor, k: int, *, two_sided: bool = False) -> Tensor:
    """The k images that maximise <phi(x), v> for each direction v, best first, int64 [count, k]; of equals, the first ones.

    two_sided: those that maximise |<phi(x) - mean, v>|, the mean over all images. The images that minimise <phi(x), v> are those
    that maximise <phi(x), -v>. features: [N, d], directions: [count, d]. Raises ValueError for other shapes, values that are not finite, k out of range.
    """
    check.matrix(features, "features")
    if directions.ndim != 2 or features.shape[1] != directions.shape[1]:
        raise ValueError(
            f"directions: need shape [count, d] for features [N, d], got {list(directions.shape)} for {list(features.shape)}"
        )
    if not 1 <= k <= len(features):
        raise ValueError(f"k: need 1 to {len(features)} images, got {k}")
    features = wide(features)
    scores = directions.to(features) @ features.T  # (count, N)
    if not scores.isfinite().all():
        raise ValueError("directions: need finite values, got some that are not, or overflow")
    if two_sided:
        scores = (scores - scores.mean(dim=1, keepdim=True)).abs()
    return _first(scores, k)


def _first(scores: Tensor, k: int) -> Tensor:
    """Columns of the k largest of each row [count, N], by a stable sort: the full one is slow, and needed only where the k-th place is shared."""
    found = scores.topk(k, dim=1)
    columns = found.indices.sort(dim=1).values
    order = scores.gather(1, columns).sort(dim=1, descending=True, stable=True).indices
    first = columns.gather(1, order)
    shared = (scores >= found.values[:, -1:]).sum(dim=1) > k
    first[shared] = scores[shared].sort(dim=1, descending=True, stable=True).indices[:, :k]
    return first


def random_images(total: int, count: int, k: int, generator: torch.Generator) -> Tensor:
    """`count` sets of k different images of `total`, at random: the floor of every measure. int64 [count, k]."""
    check.count("count", count)
    if not 1 <= k <= total:
        raise ValueError(f"k: need 1 to {total} images, got {k}")
    return torch.stack(
        [
            torch.randperm(total, generator=generator, device=generator.device)[:k]
            for _ in range(count)
        ]
    )


def nearest_images(points: Tensor, rows: Tensor, k: int) -> Tensor:
    """For each of `rows` [count] that image and its k - 1 nearest neighbours by Euclidean distance: the ceiling. int64 [count, k].

    points: [N, m], such as flattened images.
    """
    check.matrix(points, "points", "[N, m]")
    check.indices(rows, len(points), "rows")
    if not 1 <= k <= len(points):
        raise ValueError(f"k: need 1 to {len(points)} images, got {k}")
    return torch.cdist(wide(points[rows]), wide(points)).sort(dim=1, stable=True).indices[:, :k]


def coherence(top: Tensor, labels: Tensor, spaces: Mapping[str, Tensor]) -> pd.DataFrame:
    """How alike the k images of each row of `top` [count, k] are: one row for each, one column for each measure.

    purity: the share of the most frequent label, in [1 / k, 1]. entropy: of the labels, in bits, 0 when all are equal. Then one
    for each of `spaces`, points [N, m] by name: mean cosine over all pairs of the k images, after the mean of all N points
    is subtracted, in [-1, 1]; about 0 for images at random.
    Raises ValueError for fewer than two images a row, labels or points not one for each image.
    """
    if top.ndim != 2 or top.shape[1] < 2:
        raise ValueError(f"top: need shape [count, k] with k > 1, got {list(top.shape)}")
    check.labels(labels, len(labels))
    check.indices(top, len(labels), "top")
    for name, points in spaces.items():
        check.matrix(points, f"spaces: {name}", "[N, m]")
        if len(points) != len(labels):
            raise ValueError(
                f"spaces: need {name} of shape [{len(labels)}, m], one row for each label, got {list(points.shape)}"
            )
    shares = functional.one_hot(labels)[top].double().mean(dim=1)  # (count, classes)
    measures = {
        "purity": shares.amax(dim=1),
        "entropy": torch.special.entr(shares).sum(dim=1) / math.log(2),
    }
    measures |= {name: _similarity(top, points) for name, points in spaces.items()}
    return pd.DataFrame({name: values.cpu().numpy() for name, values in measures.items()})


def _similarity(top: Tensor, points: Tensor) -> Tensor:
    """Mean cosine between the centred points of each row of `top` [count, k]: the squared length of their sum has all pairs in it."""
    points = wide(points.detach())
    chosen = functional.normalize(points - points.mean(dim=0), dim=1)[top].double()  # (count, k, m)
    k = top.shape[1]
    return (chosen.sum(dim=1).square().sum(dim=1) - chosen.square().sum(dim=(1, 2))) / (k * (k - 1))


def scaled(measures: pd.DataFrame, floor: pd.DataFrame, ceiling: pd.DataFrame) -> pd.DataFrame:
    """Every measure on one scale: 0 is the mean of `floor`, 1 that of `ceiling`; more is more coherent, for entropy too."""
    return (measures - floor.mean()) / (ceiling.mean() - floor.mean())
