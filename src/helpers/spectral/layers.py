"""Lipschitz bounds of networks, layer by layer: the norms, and their product from above."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from torch import Tensor, nn

from helpers.spectral.chain import Step, chain
from helpers.spectral.fourier import pair
from helpers.spectral.operators import BATCH_NORMS, TOLERANCE, operator_norm


def layer_table(model: nn.Module, input_shape: Sequence[int]) -> pd.DataFrame:
    """The factors of a network's Lipschitz bound, a row for each linear layer with what follows it.

    Parameters
    ----------
    model : nn.Module
        A chain of modules in eval mode: each takes the output of the one before, flattened or not.
    input_shape : sequence of int
        Of one image, without the batch.

    Returns
    -------
    DataFrame
        Columns: layer (its name), kind, weight and input (shapes without the batch), norm (the
        operator norm, to 1e-6 relative; a batch normalisation right after the layer is folded in),
        activation (1/4 for a sigmoid, 1 for ReLU and tanh), pooling (see `pooling_factor`), and
        bound, the product of the last three.

    Raises
    ------
    ValueError
        For a module without a known bound, one in training mode, a model that is not a chain, or a
        shape that it does not take.

    References
    ----------
    Szegedy et al. (2014), section 4.3 and Table 5.

    Examples
    --------
    >>> import torch
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1)).eval()
    >>> model[0].weight.data = torch.tensor([[4.0, 0.0], [0.0, 1.0]])
    >>> model[2].weight.data = torch.tensor([[3.0, 4.0]])
    >>> layer_table(model, (2,))[["layer", "norm", "activation", "bound"]].round(6).to_numpy()
    array([['0', 4.0, 0.25, 1.0],
           ['2', 5.0, 1.0, 5.0]], dtype=object)
    """
    return pd.DataFrame([_row(group) for group in _groups(chain(model, input_shape))])


def upper_bound(model: nn.Module, input_shape: Sequence[int]) -> float:
    """Upper bound of the Lipschitz constant, images to logits: the product over layers.

    The norms' tolerance is added, so that the bound holds.

    Parameters
    ----------
    model, input_shape
        As for `layer_table`.

    Returns
    -------
    float
        The bound, in logits per unit of l2.

    Raises
    ------
    ValueError
        As `layer_table`.

    References
    ----------
    Szegedy et al. (2014), section 4.3.

    Examples
    --------
    >>> import torch
    >>> model = nn.Sequential(nn.Linear(2, 1), nn.ReLU()).eval()
    >>> model[0].weight.data = torch.tensor([[3.0, 4.0]])
    >>> 5 < upper_bound(model, (2,)) < 5.0001
    True
    """
    bounds = layer_table(model, input_shape)["bound"] * (1 + TOLERANCE)
    return float(bounds.to_numpy().prod())


def pooling_factor(pool: nn.MaxPool2d) -> float:
    """Lipschitz constant of max pooling: the root of the number of windows that share a pixel.

    A window's maximum moves by no more than one of its pixels does, and a pixel can do so for every
    window that it lies in. Exact for inputs with a pixel in that many windows, an upper bound for
    smaller ones.

    Parameters
    ----------
    pool : nn.MaxPool2d
        Of any kernel, stride and dilation.

    Returns
    -------
    float
        The constant, 1 without overlap.

    Examples
    --------
    Windows of 3 x 3 with stride 2 share their borders; a corner lies in four of them:

    >>> pooling_factor(nn.MaxPool2d(3, stride=2)), pooling_factor(nn.MaxPool2d(2))
    (2.0, 1.0)
    """
    kernel, stride, dilation = (
        pair(name, getattr(pool, name)) for name in ("kernel_size", "stride", "dilation")
    )
    # Window i has the pixels i s + j d for j below k. The j of one pixel's windows differ by
    # multiples of s / gcd(s, d), so that there are at most ceil(k gcd(s, d) / s) of them.
    windows = (
        math.ceil(k * math.gcd(s, d) / s) for k, s, d in zip(kernel, stride, dilation, strict=True)
    )
    return math.sqrt(math.prod(windows))


def _row(group: list[Step]) -> dict[str, Any]:
    """The row of a linear layer and the modules after it."""
    first = group[0]
    linear = [step.module for step in group if step.linear]
    weight = getattr(first.module, "weight", None)
    norm = operator_norm(linear[0] if len(linear) == 1 else nn.Sequential(*linear), first.shape)
    activation = math.prod(0.25 for step in group if isinstance(step.module, nn.Sigmoid))
    pooling = math.prod(
        pooling_factor(step.module) for step in group if isinstance(step.module, nn.MaxPool2d)
    )
    return {
        "layer": first.name,
        "kind": " + ".join(type(module).__name__ for module in linear),
        "weight": "x".join(map(str, weight.shape)) if isinstance(weight, Tensor) else "",
        "input": "x".join(map(str, first.shape)),
        "norm": norm,
        "activation": activation,
        "pooling": pooling,
        "bound": norm * activation * pooling,
    }


def _groups(steps: list[Step]) -> list[list[Step]]:
    """Each linear layer with the modules after it, up to the next one.

    A batch normalisation right after a layer belongs to it.
    """
    if not steps or not steps[0].linear:
        got = type(steps[0].module).__name__ if steps else "none"
        raise ValueError(f"model: need a linear layer first, got {got}")
    groups: list[list[Step]] = []
    for step in steps:
        folds = isinstance(step.module, BATCH_NORMS) and groups and groups[-1][-1].linear
        if step.linear and not folds:
            groups.append([])
        groups[-1].append(step)
    return groups
