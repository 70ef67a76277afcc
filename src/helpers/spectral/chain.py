"""A network as a chain of modules, each with the shape of its input.

It is what bounds that go layer by layer need.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import check
from helpers.spectral.operators import LINEAR

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


def chain(model: nn.Module, input_shape: Sequence[int]) -> list[Step]:
    """The modules in the order in which they act, without those that only rearrange or pass on.

    A random image shows that each takes the output of the one before. Raises ValueError for a
    module without a known bound or in training mode, a model that is not a chain, or a shape that
    it does not take.
    """
    check.evaluation(model)
    check.shape(input_shape)
    like = next(model.parameters(), torch.empty(0))
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, *input_shape, generator=generator, dtype=torch.float64).to(like)
    check.output(model, image, "input_shape")
    flow = [image]  # and then each module's output
    steps: list[Step] = []

    def record(name: str, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if not (inputs and _same(inputs[0], flow[-1])):
            raise ValueError(
                f"model: need a chain, but {name} takes something other than the output of the "
                "module before it"
            )
        steps.append(Step(name, module, tuple(inputs[0].shape[1:])))
        flow.append(output)

    hooks = [
        module.register_forward_hook(functools.partial(record, name))
        for name, module in _leaves("", model)
    ]
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
    """The modules with a known bound, by name. Raises ValueError for a part that has none."""
    if isinstance(module, (*LINEAR, *NEUTRAL, *ACTIVATIONS, nn.MaxPool2d)):
        yield name, module
        return
    children = list(module.named_children())
    if not children:
        kind = type(module).__name__
        raise ValueError(
            f"model: no Lipschitz bound is known here for {name or 'the model'}, a {kind}"
        )
    for child, part in children:
        yield from _leaves(f"{name}.{child}" if name else child, part)


def _same(first: object, second: Tensor) -> bool:
    """Whether both have the same numbers in the same order, whatever their shapes."""
    if not isinstance(first, Tensor) or first.numel() != second.numel():
        return False
    return torch.equal(first.flatten(), second.flatten())
