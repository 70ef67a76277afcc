"""Directions in the space of a layer's activations.

Units, random directions of either sign or of one, and bases fitted to the activations.
"""

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
from helpers.precision import wide

POSITIVE = ("positive", "sparse")
FITTED = ("pca", "ica", "dictionary")
KINDS = ("unit", "random", "rotation", *POSITIVE, *FITTED)
MIXED = 5  # units that a direction of kind "sparse" has a part of
ITERATIONS = 400  # of FastICA, at most
EPOCHS = 40  # of the dictionary's fit, at most
# Weight of the codes' absolute sum, for features of unit mean square length: with it the fit finds
# a planted dictionary.
SPARSITY = 0.2


def directions(
    kind: str,
    dimension: int,
    count: int,
    generator: torch.Generator,
    features: Tensor | None = None,
) -> Tensor:
    """Directions of unit length in the space of a layer's activations.

    Parameters
    ----------
    kind : str
        "unit": different natural basis vectors e_i, drawn at random, in order. "random": Gaussian,
        normalised: uniform on the sphere. "rotation": vectors of one random orthonormal basis
        (Haar); all of it where count = dimension. "positive": the absolute values of a random one's
        entries. "sparse": those of MIXED of its entries, drawn at random; the others are 0.

        The others are fitted to `features`, centred. "pca": the principal components, of largest
        variance first, the largest entry of each positive. "ica": the filters of as many
        independent components of those (FastICA), each with the longer tail of its values on the
        positive side. "dictionary": the atoms of a sparse dictionary with codes that are not
        negative, fitted online, in the space of those components, too.
    dimension : int
        d, the number of the layer's units.
    count : int
        How many, at least 1; at most `dimension` but for "random", "positive" and "sparse".
    generator : torch.Generator
        Where the randomness comes from.
    features : Tensor, optional
        [N, d] with N > 1, floating-point: what the fitted kinds are fitted to.

    Returns
    -------
    Tensor
        [count, d]: of a fitted kind, of the features' type (float32 for half precision) and on
        their device; else float32 on the generator's.

    Raises
    ------
    ValueError
        For another kind, a count out of range, fewer dimensions than MIXED for "sparse", and
        features that are missing, not finite or of another dimension.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        Where ITERATIONS or EPOCHS did not suffice.

    References
    ----------
    Szegedy et al. (2014), section 3, for units and random directions; Hyvarinen and Oja (2000) for
    FastICA; Mairal et al. (2009) for the dictionary.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> directions("unit", 3, 3, generator).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]

    The first principal component of points on a line is the line:

    >>> points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])
    >>> found = directions("pca", 2, 1, generator, points)
    >>> [round(value, 3) for value in found[0].tolist()]
    [0.6, 0.8]
    """
    check.choice("kind", kind, KINDS)
    check.count("dimension", dimension)
    if count < 1 or (kind not in ("random", *POSITIVE) and count > dimension):
        raise ValueError(
            f"count: need 1 to {dimension} directions of kind {kind!r}, as many as there are "
            f"dimensions, got {count}"
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
        # The signs make QR unique, and the basis uniform over all of them (Mezzadri 2007).
        haar: Tensor = basis * triangle.diagonal().sign()
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
            f"features: directions of kind {kind!r} need features [N, {dimension}] with N > 1, "
            f"got {got}"
        )
    # In one thread: FastICA turns a last bit into another set of components. Of matrices as small
    # as these it is also faster.
    with threads.one(), threadpool_limits(1):
        features = wide(features.detach())
        centred = features - features.mean(dim=0)
        components = _leading_eigenvectors(centred.T @ centred, count)
        # An eigenvector's sign is an accident of the solver: the largest entry decides it.
        largest = components.gather(1, components.abs().argmax(dim=1, keepdim=True))
        components = components * largest.sign()
        if kind == "pca":
            return components
        fit: Callable[[np.ndarray, int], np.ndarray] = {
            "ica": _independent,
            "dictionary": _sparse,
        }[kind]
        seed = int(torch.randint(2**31, (1,), generator=generator, device=generator.device))
        # Fitted among the leading components alone, and then expressed in units: what is left out
        # has little variance, and the fit has as many directions as it has dimensions.
        points = (centred @ components.T).double().cpu().numpy()
        found = torch.from_numpy(fit(points, seed)).to(components)
        return functional.normalize(found @ components, dim=1)


def _leading_eigenvectors(matrix: Tensor, count: int) -> Tensor:
    """Those of a symmetric matrix [d, d] with the largest eigenvalues, [count, d].

    By Lanczos's method where they are few of many.
    """
    if len(matrix) > 1_000 and count <= len(matrix) // 10:
        # From a fixed start: a random one would give other last digits every time.
        _, vectors = linalg.eigsh(matrix.cpu().numpy(), k=count, v0=np.ones(len(matrix)))
        return torch.from_numpy(vectors.T[::-1].copy()).to(matrix)
    found: Tensor = torch.linalg.eigh(matrix).eigenvectors
    return found.T.flip(0)[:count]


def _independent(points: np.ndarray, seed: int) -> np.ndarray:
    """Filters [m, m] of the independent components of `points` [N, m]."""
    # FastICA whitens, then turns the axes to where the values are least Gaussian.
    model = FastICA(
        whiten="unit-variance",
        whiten_solver="eigh",
        max_iter=ITERATIONS,
        tol=1e-3,
        random_state=seed,
    )
    values = model.fit_transform(points)  # [N, m], of mean 0 and variance 1
    # Of a component's two directions that with the longer tail: where a detector would be on.
    filters: np.ndarray = model.components_ * np.sign((values**3).mean(axis=0))[:, None]
    return filters


def _sparse(points: np.ndarray, seed: int) -> np.ndarray:
    """Atoms [m, m] of a dictionary: each of `points` [N, m] is a positive sum of few."""
    # To a mean square length of one, for which SPARSITY is meant.
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
    # Batch by batch, the codes of its points by coordinate descent, then the atoms for all codes.
    model.fit(points)
    if model.n_iter_ >= EPOCHS:
        warnings.warn(
            f"the dictionary's objective still fell after {EPOCHS} epochs",
            ConvergenceWarning,
            stacklevel=2,
        )
    atoms: np.ndarray = model.components_
    return atoms
