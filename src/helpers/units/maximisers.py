"""Units and other directions of a layer: the images that maximise them, and how alike those are.

Section 3 of Szegedy et al. (2014): the images that maximise a unit, argmax <phi(x), e_i>, against
those that maximise a random direction, argmax <phi(x), v>.
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
from helpers.precision import wide

SPATIAL = ("flatten", "mean")


def features(
    model: nn.Module, layer: str, images: Tensor, *, spatial: str = "flatten", batch_size: int = 250
) -> Tensor:
    """Activations phi(x) of a layer, one row an image, without gradients.

    Parameters
    ----------
    model : nn.Module
        In eval mode, if it has modules for which that matters.
    layer : str
        The layer's name in the model, of a module that the model uses once.
    images : Tensor
        [N, C, H, W] in [0, 1], of the model's type and on its device.
    spatial : {"flatten", "mean"}
        What the units of a convolution's map [C', H', W'] are. "flatten": every entry is one,
        d = C' H' W'. "mean": every channel is one, its value the mean over positions, d = C';
        taking it commutes with any change of basis.
    batch_size : int
        Images at a time.

    Returns
    -------
    Tensor
        [N, d], of the layer's type.

    Raises
    ------
    ValueError
        For images out of range or of a size that the model does not take, a model in training
        mode, and a layer that the model lacks, does not use exactly once, or that puts out
        something else than one row an image.

    References
    ----------
    Szegedy et al. (2014), section 3.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.ReLU())
    >>> features(model, "1", torch.tensor([0.5, 1.0]).view(2, 1, 1, 1)).tolist()
    [[0.5], [1.0]]
    """
    return activations(model, {layer: spatial}, images, batch_size=batch_size)[layer]


def activations(
    model: nn.Module, layers: Mapping[str, str], images: Tensor, *, batch_size: int = 250
) -> dict[str, Tensor]:
    """What `features` gives of several layers, in one pass.

    Parameters
    ----------
    model, images, batch_size
        As for `features`.
    layers : mapping of str to {"flatten", "mean"}
        `spatial` by the layer's name.

    Returns
    -------
    dict of str to Tensor
        [N, d] by the layer's name.

    Raises
    ------
    ValueError
        As `features`.

    Examples
    --------
    >>> model = nn.Sequential(nn.AvgPool2d(2), nn.Flatten())
    >>> found = activations(model, {"0": "mean", "1": "flatten"}, torch.ones(3, 1, 4, 4))
    >>> {layer: list(phi.shape) for layer, phi in found.items()}
    {'0': [3, 1], '1': [3, 4]}
    """
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
    """Within it each layer's list gets its output, one row [d] an image, whenever it is used."""
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
    """Which units rise above their least value on enough images.

    For any other unit, such as a ReLU that is always off, the images that maximise it are not
    defined.

    Parameters
    ----------
    features : Tensor
        [N, d], N at least 1.
    count : int
        On how many images a unit must rise, at least 1.

    Returns
    -------
    Tensor
        bool [d].

    Raises
    ------
    ValueError
        For features of another shape, or a count below 1.

    Examples
    --------
    >>> live(torch.tensor([[0.0, 1.0], [0.0, 2.0]]), 1).tolist()
    [False, True]
    """
    check.count("count", count)
    if features.ndim != 2 or not len(features):
        raise ValueError(f"features: need shape [N, d] with N > 0, got {list(features.shape)}")
    return (features > features.amin(dim=0)).sum(dim=0) >= count


def top_images(features: Tensor, directions: Tensor, k: int, *, two_sided: bool = False) -> Tensor:
    """The k images that maximise <phi(x), v> for each direction v.

    The images that minimise <phi(x), v> are those that maximise <phi(x), -v>.

    Parameters
    ----------
    features : Tensor
        phi(x) of each image, [N, d], floating-point.
    directions : Tensor
        [count, d].
    k : int
        How many images, from 1 to N.
    two_sided : bool
        Whether those are meant that maximise ``|<phi(x) - mean, v>|``, the mean over all images.

    Returns
    -------
    Tensor
        int64 [count, k]: numbers of images, best first; of equals, the first ones.

    Raises
    ------
    ValueError
        For other shapes or types, values that are not finite, or k out of range.

    References
    ----------
    Szegedy et al. (2014), section 3.

    Examples
    --------
    >>> phi = torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 1.0]])
    >>> top_images(phi, torch.tensor([[1.0, 0.0], [1.0, 1.0]]), 2).tolist()
    [[1, 2], [1, 2]]
    """
    check.matrix(features, "features")
    if directions.ndim != 2 or features.shape[1] != directions.shape[1]:
        raise ValueError(
            "directions: need shape [count, d] for features [N, d], got "
            f"{list(directions.shape)} for {list(features.shape)}"
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
    """Columns of the k largest of each row [count, N], best first; of equals, the first ones."""
    # A full stable sort is slow: it is needed only where the k-th place is shared, for which topk
    # takes any of those that share it.
    found = scores.topk(k, dim=1)
    columns = found.indices.sort(dim=1).values
    order = scores.gather(1, columns).sort(dim=1, descending=True, stable=True).indices
    first = columns.gather(1, order)
    shared = (scores >= found.values[:, -1:]).sum(dim=1) > k
    first[shared] = scores[shared].sort(dim=1, descending=True, stable=True).indices[:, :k]
    return first


def random_images(total: int, count: int, k: int, generator: torch.Generator) -> Tensor:
    """Sets of images at random: the floor of every measure.

    Parameters
    ----------
    total : int
        N, the number of images.
    count, k : int
        How many sets, and how many different images in each, from 1 to N.
    generator : torch.Generator
        Where the randomness comes from.

    Returns
    -------
    Tensor
        int64 [count, k], on the generator's device.

    Raises
    ------
    ValueError
        For numbers out of range.

    Examples
    --------
    >>> found = random_images(10, 4, 3, torch.Generator().manual_seed(0))
    >>> found.shape, all(len(set(row)) == 3 for row in found.tolist())
    (torch.Size([4, 3]), True)
    """
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
    """Each image with its nearest neighbours: the ceiling of every measure.

    Parameters
    ----------
    points : Tensor
        [N, m], such as flattened images.
    rows : Tensor
        int64 [count], the numbers of the images.
    k : int
        How many, the image itself included, from 1 to N.

    Returns
    -------
    Tensor
        int64 [count, k], nearest first by Euclidean distance; of equals, the first ones.

    Raises
    ------
    ValueError
        For points that are not finite, rows that are no images, or k out of range.

    Examples
    --------
    >>> nearest_images(torch.tensor([[0.0], [5.0], [1.0]]), torch.tensor([0]), 2).tolist()
    [[0, 2]]
    """
    check.matrix(points, "points", "[N, m]")
    check.indices(rows, len(points), "rows")
    if not 1 <= k <= len(points):
        raise ValueError(f"k: need 1 to {len(points)} images, got {k}")
    return torch.cdist(wide(points[rows]), wide(points)).sort(dim=1, stable=True).indices[:, :k]


def coherence(top: Tensor, labels: Tensor, spaces: Mapping[str, Tensor]) -> pd.DataFrame:
    """How alike the images of each set are.

    Parameters
    ----------
    top : Tensor
        int64 [count, k], k at least 2: the numbers of each set's images.
    labels : Tensor
        int64 [N].
    spaces : mapping of str to Tensor
        Points [N, m] by name, in which images are compared.

    Returns
    -------
    DataFrame
        A row for each set. Columns: purity, the share of the most frequent label, in [1 / k, 1];
        entropy, of the labels, in bits, 0 when all are equal; and one for each of `spaces`: the
        mean cosine over all pairs of the k images, after the mean of all N points is subtracted, in
        [-1, 1], about 0 for images at random.

    Raises
    ------
    ValueError
        For fewer than two images a set, numbers that are no images, labels or points that are not
        one for each image, and points that are not finite.

    Examples
    --------
    >>> labels, top = torch.tensor([7, 7, 1, 1]), torch.tensor([[0, 1], [1, 2]])
    >>> points = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])
    >>> coherence(top, labels, {"pixels": points})
       purity  entropy  pixels
    0     1.0      0.0     1.0
    1     0.5      1.0    -1.0
    """
    if top.ndim != 2 or top.shape[1] < 2:
        raise ValueError(f"top: need shape [count, k] with k > 1, got {list(top.shape)}")
    check.labels(labels, len(labels))
    check.indices(top, len(labels), "top")
    for name, points in spaces.items():
        check.matrix(points, f"spaces: {name}", "[N, m]")
        if len(points) != len(labels):
            raise ValueError(
                f"spaces: need {name} of shape [{len(labels)}, m], one row for each label, "
                f"got {list(points.shape)}"
            )
    shares = functional.one_hot(labels)[top].double().mean(dim=1)  # (count, classes)
    measures = {
        "purity": shares.amax(dim=1),
        "entropy": torch.special.entr(shares).sum(dim=1) / math.log(2),
    }
    measures |= {name: _similarity(top, points) for name, points in spaces.items()}
    return pd.DataFrame({name: values.cpu().numpy() for name, values in measures.items()})


def _similarity(top: Tensor, points: Tensor) -> Tensor:
    """Mean cosine between the centred points of each row of `top` [count, k]."""
    # The squared length of a sum of unit vectors has every pair's cosine in it twice, and each
    # vector's own square once.
    points = wide(points.detach())
    chosen = functional.normalize(points - points.mean(dim=0), dim=1)[top].double()  # (count, k, m)
    k = top.shape[1]
    return (chosen.sum(dim=1).square().sum(dim=1) - chosen.square().sum(dim=(1, 2))) / (k * (k - 1))


def scaled(measures: pd.DataFrame, floor: pd.DataFrame, ceiling: pd.DataFrame) -> pd.DataFrame:
    """Every measure on one scale, on which more is more coherent, for entropy, too.

    Parameters
    ----------
    measures : DataFrame
        Of the sets that are asked about.
    floor, ceiling : DataFrame
        Of random images and of nearest neighbours, with the same columns.

    Returns
    -------
    DataFrame
        The measures, where 0 is the mean of `floor` and 1 that of `ceiling`.

    Examples
    --------
    >>> low, high = pd.DataFrame({"purity": [0.5]}), pd.DataFrame({"purity": [1.0]})
    >>> scaled(pd.DataFrame({"purity": [0.75]}), low, high)["purity"].tolist()
    [0.5]
    """
    return (measures - floor.mean()) / (ceiling.mean() - floor.mean())
