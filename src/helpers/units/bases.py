"""Directions in the space of a layer's activations: units, random ones of either sign or of one, and bases fitted to the activations."""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import linalg
from sklearn.decomposition import FastICA, MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn import functional

from helpers import check, threads
from helpers.units.precision import wide

POSITIVE = ("positive", "sparse")
FITTED = ("pca", "ica", "dictionary")
KINDS = ("unit", "random", "rotation", *POSITIVE, *FITTED)
MIXED = 5  # units that a direction of kind "sparse" has a part of
ITERATIONS = 400  # of FastICA, at most
EPOCHS = 40  # of the dictionary's fit, at most
SPARSITY = 0.2  # weight of the codes' absolute sum, for features of unit mean square length: finds a planted dictionary


def directions(
    kind: str,
    dimension: int,
    count: int,
    generator: torch.Generator,
    features: Tensor | None = None,
) -> Tensor:
    """`count` directions of unit length in R^dimension, [count, dimension].

    "unit": different natural basis vectors e_i, drawn at random, in order. "random": Gaussian, normalised: uniform on the sphere.
    "rotation": vectors of one random orthonormal basis (Haar); all of it where count = dimension. "positive": the absolute values
    of a random one's entries. "sparse": those of MIXED of its entries, drawn at random; the others are 0.

    The others are fitted to `features` [N, dimension], centred. "pca": the principal components, of largest variance first, the
    largest entry of each positive. "ica": the filters of as many independent components of those (FastICA, Hyvarinen and
    Oja 2000), each with the longer tail of its values on the positive side. "dictionary": the atoms of a sparse dictionary with
    codes that are not negative, fitted online (Mairal et al. 2009), in the space of those components, too.

    Raises ValueError for another kind, a count out of range, fewer dimensions than MIXED for "sparse", features missing or of
    another dimension. Warns, by scikit-learn's ConvergenceWarning, where ITERATIONS or EPOCHS did not suffice.
    """
    check.choice("kind", kind, KINDS)
    check.count("dimension", dimension)
    if count < 1 or (kind not in ("random", *POSITIVE) and count > dimension):
        raise ValueError(
            f"count: need 1 to {dimension} directions of kind {kind!r}, as many as there are dimensions, got {count}"
        )
    if kind == "sparse" and dimension < MIXED:
        raise ValueError(
            f"dimension: need at least {MIXED} for directions of kind 'sparse', got {dimension}"
        )
    if kind in FITTED:
        return _fitted(kind, features, dimension, count, generator)
    if kind == "unit":
        chosen = (
            torch.randperm(dimension, generator=generator, device=generator.device)[:count]
            .sort()
            .values
        )
        return functional.one_hot(chosen, dimension).float()
    gaussian = torch.randn(
        count, dimension, generator=generator, device=generator.device, dtype=torch.float64
    )
    if kind == "rotation":
        basis, triangle = torch.linalg.qr(gaussian.T)
        haar: Tensor = (
            basis * triangle.diagonal().sign()
        )  # the signs make QR unique, and the basis uniform over all of them
        return haar.T.float()
    weights = _sparsified(gaussian, generator) if kind == "sparse" else gaussian
    return functional.normalize(weights.abs() if kind in POSITIVE else weights, dim=1).float()


def _sparsified(weights: Tensor, generator: torch.Generator) -> Tensor:
    """`weights` [count, d] with all but MIXED of each row's, drawn at random, put to 0."""
    kept = (
        torch.rand(weights.shape, generator=generator, device=generator.device)
        .topk(MIXED, dim=1)
        .indices
    )
    return torch.zeros_like(weights).scatter(1, kept, weights.gather(1, kept))


def _fitted(
    kind: str, features: Tensor | None, dimension: int, count: int, generator: torch.Generator
) -> Tensor:
    """Directions of a kind in FITTED, [count, dimension]."""
    if features is not None:
        check.matrix(features, "features")
    if features is None or features.shape[1] != dimension or len(features) < 2:
        got = "none" if features is None else list(features.shape)
        raise ValueError(
            f"features: directions of kind {kind!r} need features [N, {dimension}] with N > 1, got {got}"
        )
    with (
        threads.one(),
        threadpool_limits(1),
    ):  # FastICA turns a last bit into another set of components; of small matrices, it is also faster
        features = wide(features.detach())
        centred = features - features.mean(dim=0)
        components = _leading_eigenvectors(centred.T @ centred, count)
        components = (
            components * components.gather(1, components.abs().argmax(dim=1, keepdim=True)).sign()
        )
        if kind == "pca":
            return components
        fit: Callable[[np.ndarray, int], np.ndarray] = {"ica": _independent, "dictionary": _sparse}[
            kind
        ]
        seed = int(torch.randint(2**31, (1,), generator=generator, device=generator.device))
        found = torch.from_numpy(fit((centred @ components.T).double().cpu().numpy(), seed)).to(
            components
        )
        return functional.normalize(found @ components, dim=1)


def _leading_eigenvectors(matrix: Tensor, count: int) -> Tensor:
    """Those of a symmetric matrix [d, d] with the largest eigenvalues, [count, d]; by Lanczos's method where they are few of many."""
    if len(matrix) > 1_000 and count <= len(matrix) // 10:
        _, vectors = linalg.eigsh(matrix.cpu().numpy(), k=count, v0=np.ones(len(matrix)))
        return torch.from_numpy(vectors.T[::-1].copy()).to(matrix)
    found: Tensor = torch.linalg.eigh(matrix).eigenvectors
    return found.T.flip(0)[:count]


def _independent(points: np.ndarray, seed: int) -> np.ndarray:
    """Filters [m, m] of the independent components of `points` [N, m]."""
    model = FastICA(
        whiten="unit-variance",
        whiten_solver="eigh",
        max_iter=ITERATIONS,
        tol=1e-3,
        random_state=seed,
    )
    values = model.fit_transform(points)  # [N, m], of mean 0 and variance 1
    filters: np.ndarray = model.components_ * np.sign((values**3).mean(axis=0))[:, None]
    return filters


def _sparse(points: np.ndarray, seed: int) -> np.ndarray:
    """Atoms [m, m] of a dictionary in which each of `points` [N, m] is a sum of few with positive weights."""
    points = points / np.sqrt((points**2).sum(axis=1).mean())
    model = MiniBatchDictionaryLearning(
        alpha=SPARSITY,
        positive_code=True,
        fit_algorithm="cd",
        transform_max_iter=10_000,
        batch_size=250,
        max_iter=EPOCHS,
        random_state=seed,
    )
    model.fit(points)
    if model.n_iter_ >= EPOCHS:
        warnings.warn(
            f"the dictionary's objective still fell after {EPOCHS} epochs",
            ConvergenceWarning,
            stacklevel=2,
        )
    atoms: np.ndarray = model.components_
    return atoms
