"""Linear bounds of activations over intervals.

Through them a bound on a network's output is carried back to its input.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

# Of the interval in which a tangent's point is sought; an unfinished search errs on the safe side.
HALVINGS = 16
NARROW = 1e-6  # an interval whose chord is not worth computing: a horizontal line does


class Relaxation(Protocol):
    """What encloses an activation y = f(z) for all z within given bounds."""

    def pull(self, coefficients: Tensor, constant: Tensor) -> tuple[Tensor, Tensor]:
        """A bound that is linear in y as a lower one that is linear in z.

        Coefficients [b, s, *shape of z] and constant [b, s] of z that for all z give at most what
        `coefficients` and `constant` give of y.
        """


@dataclass(frozen=True)
class Lines:
    """Two lines that enclose an elementwise activation, from below and from above.

    Each is slope times z plus offset; all are [b, *shape].
    """

    low_slope: Tensor
    low_offset: Tensor
    high_slope: Tensor
    high_offset: Tensor

    def pull(self, coefficients: Tensor, constant: Tensor) -> tuple[Tensor, Tensor]:
        """As Relaxation.pull.

        A positive coefficient takes the line from below, a negative one that from above.
        """
        coefficients = coefficients.reshape(*coefficients.shape[:2], *self.low_slope.shape[1:])
        positive, negative = coefficients.clamp(min=0), coefficients.clamp(max=0)
        offsets = torch.einsum("bsi,bi->bs", positive.flatten(2), self.low_offset.flatten(1))
        offsets += torch.einsum("bsi,bi->bs", negative.flatten(2), self.high_offset.flatten(1))
        slopes = positive * self.low_slope[:, None] + negative * self.high_slope[:, None]
        return slopes, constant + offsets


@dataclass(frozen=True)
class Windows:
    """What encloses max pooling.

    From below one pixel of each window, from above slope times that pixel plus offset. chosen:
    int64, that pixel's place in its channel, as max_pool2d counts. All three are [b, C, h, w].
    size: of a channel, before pooling.
    """

    chosen: Tensor
    slope: Tensor
    offset: Tensor
    size: tuple[int, int]

    def pull(self, coefficients: Tensor, constant: Tensor) -> tuple[Tensor, Tensor]:
        """As Relaxation.pull."""
        coefficients = coefficients.reshape(*coefficients.shape[:2], *self.slope.shape[1:])
        negative = coefficients.clamp(max=0)
        offsets = torch.einsum("bsi,bi->bs", negative.flatten(2), self.offset.flatten(1))
        # What a window's coefficient says about its chosen pixel goes to that pixel's place.
        # Windows do not overlap, so that no place is met twice.
        pixels = coefficients.clamp(min=0) + negative * self.slope[:, None]
        chosen = self.chosen[:, None].expand_as(pixels)
        spread = pixels.new_zeros(*pixels.shape[:3], math.prod(self.size))
        spread.scatter_(3, chosen.flatten(3), pixels.flatten(3))
        return spread.unflatten(3, self.size), constant + offsets


def relax(activation: nn.Module, low: Tensor, high: Tensor) -> Relaxation:
    """The relaxation of an activation for inputs within [low, high], each [b, *shape].

    Raises ValueError for a module other than Sigmoid, ReLU and MaxPool2d with windows that do not
    overlap. Sources: Zhang et al. (2018), CROWN; Singh et al. (2019), DeepPoly.
    """
    known(activation)
    if isinstance(activation, nn.MaxPool2d):
        return _max_pool(activation, low, high)
    return _sigmoid(low, high) if isinstance(activation, nn.Sigmoid) else _relu(low, high)


def known(activation: nn.Module) -> nn.Module:
    """The activation itself. Raises ValueError for one that relax() does not know."""
    disjoint = isinstance(activation, nn.MaxPool2d) and _disjoint(activation)
    if not (isinstance(activation, nn.Sigmoid | nn.ReLU) or disjoint):
        raise ValueError(f"model: no linear relaxation is known here of {activation}")
    return activation


def slope(activation: nn.Module, low: Tensor, high: Tensor) -> Tensor:
    """The largest slope of an activation's secants within [low, high], over all its units, [b]."""
    if isinstance(activation, nn.Sigmoid):
        # The derivative is largest at zero and falls on either side of it.
        steepest = torch.zeros_like(low).clamp(low, high)
        return _rise(steepest).flatten(1).amax(dim=1)
    return low.new_ones(len(low))


def _relu(low: Tensor, high: Tensor) -> Lines:
    """Above, the chord; below, 0 or z, whichever leaves the smaller triangle."""
    # A unit that is on or off in the whole interval is its own chord, with slope 1 or 0.
    chord = torch.where(
        low >= 0,
        1.0,
        torch.where(high <= 0, 0.0, high / (high - low).clamp(min=torch.finfo(low.dtype).tiny)),
    )
    return Lines(
        (high > -low).to(low.dtype),
        torch.zeros_like(low),
        chord,
        (high.clamp(min=0) - chord * high).clamp(min=0),
    )


def _sigmoid(low: Tensor, high: Tensor) -> Lines:
    """Below, _under(); above the same, by the symmetry s(-z) = 1 - s(z)."""
    below, above = _under(low, high), _under(-high, -low)
    return Lines(*below, above[0], 1 - above[1])


def _under(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Slope and offset of a line below the sigmoid on [low, high].

    Where the sigmoid lies above its chord, the chord. Elsewhere a tangent: at the middle, or
    farther left, as far as it must be to stay below the sigmoid up to `high`.
    """
    wide = high - low
    # Where the tangent stays below as far as `high`, so does every one farther left: halving finds
    # the last such point. `left` always is one, so that stopping early is safe; where not even
    # `low` is one, the chord is taken.
    right = ((low + high) / 2).clamp(max=0)
    left = torch.where(_below(right, high), right, torch.minimum(low, right))
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        below = _below(middle, high)
        left, right = torch.where(below, middle, left), torch.where(below, right, middle)
    tangent = _rise(left)
    # Over a tiny interval the chord's slope is a quotient of rounding errors.
    chord = torch.where(
        wide > NARROW, (high.sigmoid() - low.sigmoid()) / wide.clamp(min=NARROW), 0.0
    )
    # To the right of zero the sigmoid is concave; to the left of it, above the chord where even the
    # tangent at `low` ends above it.
    above = (low >= 0) | ~_below(low, high)
    slope = torch.where(above, chord, tangent)
    return slope, torch.where(above, low.sigmoid() - chord * low, left.sigmoid() - tangent * left)


def _below(point: Tensor, high: Tensor) -> Tensor:
    """Whether the sigmoid's tangent at `point` <= 0 lies below it up to `high`.

    It does where it does at `high`.
    """
    return point.sigmoid() + _rise(point) * (high - point) <= high.sigmoid()


def _rise(z: Tensor) -> Tensor:
    """The sigmoid's derivative."""
    return z.sigmoid() * (1 - z.sigmoid())


def _disjoint(pool: nn.MaxPool2d) -> bool:
    """Whether the windows of a max pooling do not overlap, and lie within its input."""
    return (
        pool.kernel_size == pool.stride
        and pool.padding in (0, (0, 0))
        and pool.dilation in (1, (1, 1))
        and not pool.ceil_mode
    )


def _max_pool(pool: nn.MaxPool2d, low: Tensor, high: Tensor) -> Windows:
    """Below, the pixel with the largest upper bound u; above, slope (u - v) / (u - l) on it.

    v is the largest of the others' upper bounds, l the pixel's lower one. With slope a in [0, 1]
    the maximum is at most a z + max((1 - a) u, v - a l) for the pixel's z; at this a the two are
    equal.
    """
    top, chosen = functional.max_pool2d(high, pool.kernel_size, return_indices=True)
    others = high.flatten(2).scatter(2, chosen.flatten(2), -torch.inf).view_as(high)
    second = functional.max_pool2d(others, pool.kernel_size)
    bottom = low.flatten(2).gather(2, chosen.flatten(2)).view_as(top)
    share = ((top - second) / (top - bottom).clamp(min=torch.finfo(top.dtype).tiny)).clamp(0, 1)
    offset = torch.maximum((1 - share) * top, second - share * bottom)
    return Windows(chosen, share, offset, (low.shape[2], low.shape[3]))
