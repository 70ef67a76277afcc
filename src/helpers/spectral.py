"""Lipschitz bounds of networks: norms layer by layer, their product from above, Jacobians at images from below."""

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from helpers.fourier import Bracket, fourier_norm, fourier_norm_as_printed, pair, torus_norm
from helpers.jacobian import check_eval, jacobian_norms, lower_bound
from helpers.operators import BATCH_NORMS, LINEAR, TOLERANCE, operator_norm

__all__ = [
    "Bracket", "Step", "chain", "fourier_norm", "fourier_norm_as_printed", "jacobian_norms", "layer_table", "lower_bound",
    "operator_norm", "pooling_factor", "torus_norm", "upper_bound",
]  # fmt: skip

NEUTRAL = (nn.Flatten, nn.Identity, nn.Dropout)
ACTIVATIONS = (nn.Sigmoid, nn.Tanh, nn.ReLU)


@dataclass(frozen=True)
class Step:
    """A module of a chain, its name, and the shape of one input to it."""

    name: str
    module: nn.Module
    shape: tuple[int, ...]

    @property
    def linear(self) -> bool:
        """Whether it is a linear layer, with or without bias."""
        return isinstance(self.module, LINEAR)


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
    kernel, stride, dilation = (pair(name, getattr(pool, name)) for name in ("kernel_size", "stride", "dilation"))
    windows = (math.ceil(k * math.gcd(s, d) / s) for k, s, d in zip(kernel, stride, dilation, strict=True))
    return math.sqrt(math.prod(windows))


def _row(group: list[Step]) -> dict[str, Any]:
    """The row of a linear layer and the modules after it."""
    first = group[0]
    linear = [step.module for step in group if step.linear]
    weight = getattr(first.module, "weight", None)
    norm = operator_norm(linear[0] if len(linear) == 1 else nn.Sequential(*linear), first.shape)
    activation = math.prod(0.25 for step in group if isinstance(step.module, nn.Sigmoid))
    pooling = math.prod(pooling_factor(step.module) for step in group if isinstance(step.module, nn.MaxPool2d))
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
        raise ValueError(f"model: need a linear layer first, got {type(steps[0].module).__name__ if steps else 'none'}")
    groups: list[list[Step]] = []
    for step in steps:
        folds = isinstance(step.module, BATCH_NORMS) and groups and groups[-1][-1].linear
        if step.linear and not folds:
            groups.append([])
        groups[-1].append(step)
    return groups


def chain(model: nn.Module, input_shape: Sequence[int]) -> list[Step]:
    """The modules in the order in which they act, once a random image shows that each takes the output of the one before.

    Without those that only rearrange or pass on. Raises ValueError for a module without a known bound, or a model that is not a chain.
    """
    check_eval(model)
    like = next(model.parameters(), torch.empty(0))
    flow = [torch.rand(1, *input_shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(like)]
    steps: list[Step] = []

    def record(name: str, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if not _same(inputs[0], flow[-1]):
            raise ValueError(f"model: need a chain, but {name} takes something other than the output of the module before it")
        steps.append(Step(name, module, tuple(inputs[0].shape[1:])))
        flow.append(output)

    hooks = [module.register_forward_hook(functools.partial(record, name)) for name, module in _leaves("", model)]
    try:
        with torch.no_grad():
            result = model(flow[0])
    finally:
        for hook in hooks:
            hook.remove()
    if not _same(result, flow[-1]):
        raise ValueError("model: need a chain, but its output is not that of its last module")
    return [step for step in steps if not isinstance(step.module, NEUTRAL)]


def _leaves(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules with a known bound, by name. Raises ValueError where there are none, as in a module that is not supported."""
    if isinstance(module, (*LINEAR, *NEUTRAL, *ACTIVATIONS, nn.MaxPool2d)):
        yield name, module
        return
    children = list(module.named_children())
    if not children:
        raise ValueError(f"model: no Lipschitz bound is known here for {name or 'the model'}, a {type(module).__name__}")
    for child, part in children:
        yield from _leaves(f"{name}.{child}" if name else child, part)


def _same(first: Tensor, second: Tensor) -> bool:
    return first.numel() == second.numel() and torch.equal(first.flatten(), second.flatten())
