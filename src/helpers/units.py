"""Units and other directions of a layer: what maximises them, how coherent that is, whether two sets of directions differ.

Section 3 of Szegedy et al. (2014): the images that maximise a unit, argmax <phi(x), e_i>, against those that maximise a
random direction, argmax <phi(x), v>.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats
from scipy.sparse import linalg
from torch import Tensor, nn
from torch.nn import functional

from helpers import check
from helpers.intervals import LEVEL, Estimate

KINDS = ("unit", "random", "rotation", "pca")
SPATIAL = ("flatten", "mean")
PERMUTATIONS = 2_000  # of a permutation test, whose least p-value is 2 / (PERMUTATIONS + 1)


def features(model: nn.Module, layer: str, images: Tensor, *, spatial: str = "flatten", batch_size: int = 250) -> Tensor:
    """Activations phi(x) of the layer called `layer`, [N, d], one row an image, without gradients.

    images: [N, C, H, W] in [0, 1]. Of a convolution's map [C', H', W'] every entry is a unit, d = C' H' W' ("flatten"), or
    every channel is one, its value the mean over positions, d = C' ("mean"; taking it commutes with any change of basis).
    Raises ValueError for images out of range, a layer that the model lacks, another `spatial`.
    """
    return activations(model, {layer: spatial}, images, batch_size=batch_size)[layer]


def activations(model: nn.Module, layers: Mapping[str, str], images: Tensor, *, batch_size: int = 250) -> dict[str, Tensor]:
    """features() of several layers in one pass: [N, d] by layer. layers: "flatten" or "mean" by layer."""
    check.images(images)
    for layer, spatial in layers.items():
        check.choice("layer", layer, [name for name, _ in model.named_modules() if name])
        check.choice("spatial", spatial, SPATIAL)
    rows: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    hooks = [model.get_submodule(layer).register_forward_hook(_keep(rows[layer], spatial)) for layer, spatial in layers.items()]
    try:
        with torch.no_grad():
            for batch in torch.split(images, batch_size):
                model(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return {layer: torch.cat(batches) for layer, batches in rows.items()}


def _keep(rows: list[Tensor], spatial: str) -> Callable[[nn.Module, object, Tensor], None]:
    """A forward hook that appends a layer's output to `rows`, one row [d] an image."""

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        rows.append(output.flatten(2).mean(dim=2) if spatial == "mean" and output.ndim == 4 else output.flatten(1))

    return hook


def live(features: Tensor, count: int) -> Tensor:
    """Which units rise above their least value on at least `count` images, bool [d], given their features [N, d].

    For any other unit, such as a ReLU that is always off, the `count` images that maximise it are not defined.
    """
    return (features > features.amin(dim=0)).sum(dim=0) >= count


def directions(kind: str, dimension: int, count: int, generator: torch.Generator, features: Tensor | None = None) -> Tensor:
    """`count` directions of unit length in R^dimension, [count, dimension].

    "unit": different natural basis vectors e_i, drawn at random, in order. "random": Gaussian, normalised: uniform on the sphere.
    "rotation": vectors of one random orthonormal basis (Haar); all of it where count = dimension. "pca": the principal
    components of `features` [N, dimension], of largest variance first, the largest entry of each positive.
    Raises ValueError for another kind, a count out of range, features missing or of another dimension.
    """
    check.choice("kind", kind, KINDS)
    if count < 1 or (kind != "random" and count > dimension):
        raise ValueError(f"count: need 1 to {dimension} directions of kind {kind!r}, as many as there are dimensions, got {count}")
    if kind == "pca":
        return _principal(features, dimension, count)
    if kind == "unit":
        chosen = torch.randperm(dimension, generator=generator, device=generator.device)[:count].sort().values
        return functional.one_hot(chosen, dimension).float()
    gaussian = torch.randn(count, dimension, generator=generator, device=generator.device, dtype=torch.float64)
    if kind == "random":
        return functional.normalize(gaussian, dim=1).float()
    basis, triangle = torch.linalg.qr(gaussian.T)
    haar: Tensor = basis * triangle.diagonal().sign()  # the signs make QR unique, and the basis uniform over all of them
    return haar.T.float()


def _principal(features: Tensor | None, dimension: int, count: int) -> Tensor:
    """The first principal components, [count, dimension]."""
    if features is None or features.ndim != 2 or features.shape[1] != dimension or len(features) < 2:
        got = "none" if features is None else list(features.shape)
        raise ValueError(f"features: principal components need features [N, {dimension}] with N > 1, got {got}")
    centred = features - features.mean(dim=0)
    components = _leading_eigenvectors(centred.T @ centred, count)
    return components * components.gather(1, components.abs().argmax(dim=1, keepdim=True)).sign()


def _leading_eigenvectors(matrix: Tensor, count: int) -> Tensor:
    """Those of a symmetric matrix [d, d] with the largest eigenvalues, [count, d]; by Lanczos's method where they are few of many."""
    if len(matrix) > 1_000 and count <= len(matrix) // 10:
        _, vectors = linalg.eigsh(matrix.cpu().numpy(), k=count, v0=np.ones(len(matrix)))
        return torch.from_numpy(vectors.T[::-1].copy()).to(matrix)
    found: Tensor = torch.linalg.eigh(matrix).eigenvectors
    return found.T.flip(0)[:count]


def top_images(features: Tensor, directions: Tensor, k: int) -> Tensor:
    """The k images that maximise <phi(x), v> for each direction v, best first, int64 [count, k]; of equals, the first ones.

    features: [N, d], directions: [count, d]. Raises ValueError for other shapes, values that are not finite, k out of range.
    """
    if features.ndim != 2 or directions.ndim != 2 or features.shape[1] != directions.shape[1]:
        raise ValueError(f"directions: need shape [count, d] for features [N, d], got {list(directions.shape)} for {list(features.shape)}")
    if not 1 <= k <= len(features):
        raise ValueError(f"k: need 1 to {len(features)} images, got {k}")
    scores = directions.to(features) @ features.T  # (count, N)
    if not scores.isfinite().all():
        raise ValueError("features: need finite values, got some that are not")
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
    if not 1 <= k <= total:
        raise ValueError(f"k: need 1 to {total} images, got {k}")
    return torch.stack([torch.randperm(total, generator=generator, device=generator.device)[:k] for _ in range(count)])


def nearest_images(points: Tensor, rows: Tensor, k: int) -> Tensor:
    """For each of `rows` [count] that image and its k - 1 nearest neighbours by Euclidean distance: the ceiling. int64 [count, k].

    points: [N, m], such as flattened images.
    """
    if not 1 <= k <= len(points):
        raise ValueError(f"k: need 1 to {len(points)} images, got {k}")
    return torch.cdist(points[rows], points).sort(dim=1, stable=True).indices[:, :k]


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
    for name, points in spaces.items():
        if points.ndim != 2 or len(points) != len(labels):
            raise ValueError(f"spaces: need {name} of shape [{len(labels)}, m], one row for each label, got {list(points.shape)}")
    shares = functional.one_hot(labels)[top].double().mean(dim=1)  # (count, classes)
    measures = {"purity": shares.amax(dim=1), "entropy": torch.special.entr(shares).sum(dim=1) / math.log(2)}
    measures |= {name: _similarity(top, points) for name, points in spaces.items()}
    return pd.DataFrame({name: values.cpu().numpy() for name, values in measures.items()})


def _similarity(top: Tensor, points: Tensor) -> Tensor:
    """Mean cosine between the centred points of each row of `top` [count, k]: the squared length of their sum has all pairs in it."""
    chosen = functional.normalize(points - points.mean(dim=0), dim=1)[top].double()  # (count, k, m)
    k = top.shape[1]
    return (chosen.sum(dim=1).square().sum(dim=1) - chosen.square().sum(dim=(1, 2))) / (k * (k - 1))


def scaled(measures: pd.DataFrame, floor: pd.DataFrame, ceiling: pd.DataFrame) -> pd.DataFrame:
    """Every measure on one scale: 0 is the mean of `floor`, 1 that of `ceiling`; more is more coherent, for entropy too."""
    return (measures - floor.mean()) / (ceiling.mean() - floor.mean())


@dataclass(frozen=True)
class Comparison:
    """Two sets of directions by one measure: the difference of their means and two p-values.

    different: of the permutation test, small when the means differ at all. same: of the equivalence test, small when they differ
    by less than the margin.
    """

    difference: Estimate
    different: float
    same: float


def compare(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], *, margin: float, resamples: int, seed: int) -> Comparison:
    """Mean of `first` minus mean of `second`, vectors of one value for each direction, with a bootstrap interval over directions.

    margin: the largest difference that still counts as none, fixed before measuring. The permutation test is two-sided; the
    equivalence test is two one-sided Welch tests (Schuirmann 1987). Raises ValueError for a vector with fewer than two
    values or one that is not finite, or a margin that is not positive.
    """
    for name, values in {"first": first, "second": second}.items():
        if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
            raise ValueError(f"{name}: need a vector of at least two finite values, got shape {list(values.shape)}")
    if not margin > 0:
        raise ValueError(f"margin: need a positive number, got {margin}")
    permuted = stats.permutation_test((first, second), _difference, n_resamples=PERMUTATIONS, vectorized=True, batch=500, rng=np.random.default_rng(seed))
    return Comparison(_interval(first, second, resamples, seed), float(permuted.pvalue), _equivalence(first, second, margin))


def _difference(first: Any, second: Any, axis: int = -1) -> Any:
    return np.mean(first, axis=axis) - np.mean(second, axis=axis)


def _interval(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], resamples: int, seed: int) -> Estimate:
    """The difference of means with its percentile bootstrap interval, both vectors resampled."""
    difference = float(_difference(first, second))
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return Estimate(difference, difference, difference, len(first))
    options: dict[str, Any] = {"n_resamples": resamples, "confidence_level": LEVEL, "method": "percentile", "vectorized": True, "batch": 500}
    low, high = stats.bootstrap((first, second), _difference, rng=np.random.default_rng(seed), **options).confidence_interval
    return Estimate(difference, float(low), float(high), len(first))


def _equivalence(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], margin: float) -> float:
    """The larger p-value of two one-sided Welch tests, that the difference of means is above -margin and below +margin."""
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return float(abs(_difference(first, second)) >= margin)
    rest = (first.std(ddof=1), len(first), second.mean(), second.std(ddof=1), len(second))
    above = stats.ttest_ind_from_stats(first.mean() + margin, *rest, equal_var=False, alternative="greater")
    below = stats.ttest_ind_from_stats(first.mean() - margin, *rest, equal_var=False, alternative="less")
    return float(max(above.pvalue, below.pvalue))


def verdicts(comparisons: Mapping[Any, Comparison], level: float = 0.05) -> dict[Any, str]:
    """What each comparison shows: "same", else "more" or "less", else "open".

    Both p-values are adjusted for the number of comparisons (Benjamini and Hochberg 1995), then held against `level`. A difference that
    is certain but certainly within the margin counts as none.
    """
    adjusted = {test: stats.false_discovery_control([getattr(found, test) for found in comparisons.values()]) for test in ("different", "same")}
    return {
        name: "same" if same < level else "open" if different >= level else "more" if found.difference.value > 0 else "less"
        for (name, found), different, same in zip(comparisons.items(), adjusted["different"], adjusted["same"], strict=True)
    }
