"""A network over a ball of images: bounds on every activation, and through them on the logits.

Zhang et al. (2018), "Efficient Neural Network Robustness Certification with General Activation
Functions" (CROWN).
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional, grad

from helpers.certify import relaxation
from helpers.certify.ball import Ball
from helpers.certify.relaxation import Relaxation
from helpers.spectral import fourier
from helpers.spectral.chain import Step, chain

MEMORY = 2**19  # numbers in the largest tensor: small enough for a processor's cache


@dataclass(frozen=True)
class Affine:
    """A Linear or a zero-padded Conv2d in float64.

    weight. bias: [outputs or channels]. input, output: the shapes of one of each. norm: an upper
    bound of the operator norm. convolution: stride, padding, dilation and groups; None for a
    Linear.
    """

    weight: Tensor
    bias: Tensor
    input: torch.Size
    output: torch.Size
    norm: float
    convolution: dict[str, Any] | None

    @staticmethod
    def of(module: nn.Module, shape: Sequence[int]) -> "Affine":
        """The affine map that `module` is. Raises ValueError for a module of another kind."""
        if not isinstance(module, nn.Linear | nn.Conv2d) or (
            isinstance(module, nn.Conv2d) and not _zero_padded(module)
        ):
            raise ValueError(f"model: no certificate is known here for {module}")
        weight = module.weight.detach()
        bias = weight.new_zeros(len(weight)) if module.bias is None else module.bias.detach()
        options = None
        if isinstance(module, nn.Conv2d):
            options = {
                name: getattr(module, name) for name in ("stride", "padding", "dilation", "groups")
            }
        output = module(weight.new_zeros(1, *shape)).shape[1:]
        return Affine(weight, bias, torch.Size(shape), output, _largest(module), options)

    def __call__(self, x: Tensor) -> Tensor:
        """The map itself: [b, *input] to [b, *output]."""
        return self.apply(self.weight, x) + self.bias.view(-1, *[1] * (len(self.output) - 1))

    def apply(self, weight: Tensor, x: Tensor) -> Tensor:
        """The linear part with another weight."""
        return (
            x @ weight.T
            if self.convolution is None
            else functional.conv2d(x, weight, None, **self.convolution)
        )

    def pull(self, coefficients: Tensor, constant: Tensor) -> tuple[Tensor, Tensor]:
        """As Relaxation.pull, but equal.

        It gives <coefficients [b, s, *output], W x + bias> + constant [b, s] as coefficients of x
        and a constant: W's adjoint of the former, and the latter plus what the bias adds.
        """
        coefficients = coefficients.reshape(*coefficients.shape[:2], *self.output)
        constant = constant + torch.einsum(
            "bscp,c->bs", coefficients.reshape(*coefficients.shape[:3], -1), self.bias
        )
        if self.convolution is None:
            return coefficients @ self.weight, constant
        rows = coefficients.flatten(0, 1)
        shape = (len(rows), *self.input)
        pulled = grad.conv2d_input(shape, self.weight, rows, **self.convolution)
        return pulled.unflatten(0, coefficients.shape[:2]), constant

    def bounds(
        self, center: Tensor, low: Tensor, high: Tensor, reach: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Bounds on the outputs, each [b, *output].

        For inputs in [low, high], each [b, *input], no farther than `reach` [b] from `center`. The
        better of interval arithmetic and Cauchy and Schwarz, in which an input at one of its bounds
        moves one way only.
        """
        up, down = self.weight.clamp(min=0), self.weight.clamp(max=0)
        above, below = high - center, low - center

        def rise(gain: Tensor, loss: Tensor) -> Tensor:
            """How far outputs rise, with inputs of weight `gain` that rise, `loss` that fall."""
            interval = self.apply(gain, above) + self.apply(loss, below)
            squares = self.apply(gain.square(), (above > 0).to(above)) + self.apply(
                loss.square(), (below < 0).to(below)
            )
            return torch.minimum(interval, _wide(reach, squares) * squares.sqrt())

        value = self(center)
        return value - rise(-down, -up), value + rise(up, down)


def _zero_padded(module: nn.Conv2d) -> bool:
    """Whether it pads with as many zeros on either side, as given by number."""
    return module.padding_mode == "zeros" and not isinstance(module.padding, str)


def _largest(module: nn.Linear | nn.Conv2d) -> float:
    """An upper bound of the operator norm.

    Of a Linear by all singular values; of a Conv2d the supremum over the torus, group by group.
    """
    weight = module.weight.detach().double()
    if isinstance(module, nn.Linear):
        return torch.linalg.matrix_norm(weight, 2).item()
    groups = fourier.dilate(weight, module.dilation).split(len(weight) // module.groups)
    return max(fourier.torus_norm(group, module.stride).upper for group in groups)


@dataclass(frozen=True)
class Network:
    """A chain of affine maps and activations in float64, and the affine map to the logits.

    shapes: of one input to each step. batch: how many images to bound at a time.
    """

    model: nn.Module
    steps: Sequence[Affine | nn.Module]
    shapes: Sequence[tuple[int, ...]]
    last: Affine
    batch: int

    @staticmethod
    def of(model: nn.Module, input_shape: tuple[int, ...]) -> "Network":
        """The chain that `model` is.

        Raises ValueError where it is none, or one without a relaxation here.
        """
        model = copy.deepcopy(model).double().requires_grad_(requires_grad=False)
        links = _pool_first(chain(model, input_shape))
        steps = [
            Affine.of(step.module, step.shape) if step.linear else relaxation.known(step.module)
            for step in links
        ]
        last = steps.pop()
        if not isinstance(last, Affine) or last.convolution is not None:
            raise ValueError(f"model: need Linear last, got {links[-1].module}")
        # The largest tensor has a row, as wide as the widest step, for each unit that is bounded on
        # its own: those of the later Linear layers, and the logits.
        carried = max(
            len(step.weight)
            for step in [*steps[1:], last]
            if isinstance(step, Affine) and step.convolution is None
        )
        widest = max(torch.Size(step.shape).numel() for step in links)
        return Network(
            model, steps, [step.shape for step in links], last, max(1, MEMORY // (carried * widest))
        )


def _pool_first(chain: Sequence[Step]) -> list[Step]:
    """The chain with each max pooling before the activation that it follows.

    A rising function's maximum is its value at the maximum: the network is the same, and the
    activation, whose relaxation costs tightness, is one of fewer units.
    """
    steps: list[Step] = []
    for step in chain:
        if (
            isinstance(step.module, nn.MaxPool2d)
            and steps
            and isinstance(steps[-1].module, nn.Sigmoid | nn.ReLU)
        ):
            activation = steps.pop()
            pooled = step.module(torch.empty(1, *step.shape)).shape[1:]
            steps += [step, Step(activation.name, activation.module, tuple(pooled))]
        else:
            steps.append(step)
    return steps


def margins(network: Network, ball: Ball, labels: Tensor) -> Tensor:
    """Lower bounds, over the ball, of the label's logit minus each other one, [b, K - 1]."""
    enclosures = _enclose(network, ball)
    # Differences of logits, not the logits themselves: what both have in common cancels.
    last = network.last
    classes = torch.arange(last.output[0], device=labels.device).expand(len(labels), -1)
    others = classes[classes != labels[:, None]].view(len(labels), -1)
    coefficients = last.weight[labels][:, None] - last.weight[others]
    return ball.least(
        *_carry(enclosures, coefficients, last.bias[labels][:, None] - last.bias[others])
    )


def _enclose(network: Network, ball: Ball) -> list[Affine | Relaxation]:
    """What carries a bound back through each step, [b] of each at once.

    That is an affine map itself, and an activation's relaxation over the ball.
    """
    # Forward, step by step: the activations at the center, their bounds, and how far they can be
    # from the center's in l2.
    center, reach = ball.images, ball.radius
    low, high = ((center + side * _wide(reach, center)).clamp(0, 1) for side in (-1, 1))
    enclosures: list[Affine | Relaxation] = []
    following = [*network.steps[1:], network.last]
    for step, after, shape in zip(network.steps, following, network.shapes, strict=False):
        center, low, high = (values.reshape(-1, *shape) for values in (center, low, high))
        if isinstance(step, Affine):
            low, high = step.bounds(center, low, high, reach)
            # The first layer's bounds are as good already: nothing lies between it and the pixels.
            if step.convolution is None and enclosures:
                low, high = _tighten(step, after, enclosures, ball, low, high)
            enclosures.append(step)
            reach = reach * step.norm
        else:
            enclosures.append(relaxation.relax(step, low, high))
            reach = reach * relaxation.slope(step, low, high)
            low, high = step(low), step(high)
        center = step(center)
    return enclosures


def _tighten(
    step: Affine,
    after: Affine | nn.Module,
    enclosures: Sequence[Affine | Relaxation],
    ball: Ball,
    low: Tensor,
    high: Tensor,
) -> tuple[Tensor, Tensor]:
    """Better bounds [b, units] on a fully connected layer's outputs, carried back to the pixels.

    A convolution has too many units for that. Before a ReLU only for units of either sign in some
    ball of the batch, for the others' relaxation is exact already: first the bound that is nearer
    to zero, in the first ball, and the other one where that leaves either sign.
    """
    rectified = isinstance(after, nn.ReLU)
    first = torch.where(high[0] < -low[0], -1.0, 1.0) if rectified else torch.ones_like(low[0])
    for sides in (first, -first):
        loose = (
            ((low < 0) & (high > 0)).any(dim=0)
            if rectified
            else torch.ones_like(low[0], dtype=torch.bool)
        )
        units = loose.nonzero()[:, 0]
        if not len(units):
            break
        side = sides[units]
        bound = _bound(step, enclosures, ball, units, side)
        low, high = _cut(low, high, units, side, bound)
    return low, high


def _bound(
    step: Affine, enclosures: Sequence[Affine | Relaxation], ball: Ball, units: Tensor, side: Tensor
) -> Tensor:
    """Lower bounds [b, u], over the ball, of side [u] times the outputs of `units` [u].

    With side -1 an output is bounded from above.
    """
    rows, constant = side[:, None] * step.weight[units], side * step.bias[units]
    balls = len(ball.radius)
    return ball.below(*_carry(enclosures, rows.expand(balls, -1, -1), constant.expand(balls, -1)))


def _cut(
    low: Tensor, high: Tensor, units: Tensor, side: Tensor, bound: Tensor
) -> tuple[Tensor, Tensor]:
    """The bounds [b, d], those of `units` [u] moved to what `bound` [b, u] allows.

    It is a lower bound of side [u] times the outputs, as _bound() gives.
    """
    below, above = low[:, units], high[:, units]
    below = torch.where(side > 0, torch.maximum(below, bound), below)
    above = torch.where(side < 0, torch.minimum(above, -bound), above)
    return low.index_copy(1, units, below), high.index_copy(1, units, above)


def _carry(
    enclosures: Sequence[Affine | Relaxation], coefficients: Tensor, constant: Tensor
) -> tuple[Tensor, Tensor]:
    """A lower bound linear in the last enclosure's outputs, [b, s, ...], as one in the pixels."""
    for enclosure in reversed(enclosures):
        coefficients, constant = enclosure.pull(coefficients, constant)
    return coefficients, constant


def _wide(values: Tensor, like: Tensor) -> Tensor:
    """A vector [b] with as many dimensions as `like`."""
    return values.view(-1, *[1] * (like.ndim - 1))
