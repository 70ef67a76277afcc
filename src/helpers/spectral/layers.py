"""Lipschitz bounds of networks: norms layer by layer, their product from above, Jacobians at images from below."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from torch import Tensor, nn

from helpers.spectral.chain import Step, chain
from helpers.spectral.fourier import pair
from helpers.spectral.operators import BATCH_NORMS, TOLERANCE, operator_norm


def layer_table(model: nn.Module, input_shape: Sequence[int]) -> pd.DataFrame:
    """One row for each linear layer with what follows it: the factors of the network's Lipschitz bound.

    model: a chain of modules in eval mode: each takes the output of the one before, flattened or not. input_shape: of one image.
    Columns: layer, kind, weight and input (shapes without the batch), norm (operator norm, to 1e-6 relative; a batch normalisation
    right after the layer is folded in), activation (1/4 for a sigmoid, 1 for ReLU and tanh), pooling, bound (their product).
    Raises ValueError for a module without a known bound, or a model that is not a chain.
    Source: section 4.3 and Table 5 of Szegedy et al. (2014).
    """
    return pd.DataFrame([_row(group) for group in _groups(chain(model, input_shape))])


def upper_bound(model: nn.Module, input_shape: Sequence[int]) -> float:
    """Upper bound of the Lipschitz constant, images to logits: the product over layers, with the norms' tolerance added.

    Arguments and errors: as for `layer_table`. Source: section 4.3 of Szegedy et al. (2014).
    """
    bounds = layer_table(model, input_shape)["bound"] * (1 + TOLERANCE)
    return float(bounds.to_numpy().prod())


def pooling_factor(pool: nn.MaxPool2d) -> float:
    """Lipschitz constant of max pooling: the square root of the number of windows that share a pixel; 1 without overlap.

    A window's maximum moves by no more than one of its pixels does, and a pixel can do so for every window that it lies in.
    Exact for inputs with a pixel in that many windows, an upper bound for smaller ones.
    """
    kernel, stride, dilation = (
        pair(name, getattr(pool, name)) for name in ("kernel_size", "stride", "dilation")
    )
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
    """Each linear layer with the modules after it; a batch normalisation right after a layer belongs to it."""
    if not steps or not steps[0].linear:
        raise ValueError(
            f"model: need a linear layer first, got {type(steps[0].module).__name__ if steps else 'none'}"
        )
    groups: list[list[Step]] = []
    for step in steps:
        folds = isinstance(step.module, BATCH_NORMS) and groups and groups[-1][-1].linear
        if step.linear and not folds:
            groups.append([])
        groups[-1].append(step)
    return groups
