"""Norms of convolutions on periodic and infinite grids, from their kernels' Fourier transforms.

Section 4.3 of Szegedy et al. (2014).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from helpers import check, gram

VARIANTS = ("factor", "exponent", "printed", "support")
CHUNK = 2**22  # complex numbers held at a time, 64 MiB


@dataclass(frozen=True)
class Bracket:
    """A number known to lie between two others, but for rounding (1e-12, relative).

    Attributes
    ----------
    lower, upper : float
        The two ends, ``lower <= upper``.

    Examples
    --------
    >>> Bracket(lower=1.0, upper=1.5).upper
    1.5
    """

    lower: float
    upper: float


def fourier_norm(
    weight: Tensor, grid: int | Sequence[int], stride: int | Sequence[int] = 1
) -> float:
    """Operator norm of a convolution on a periodic grid, exactly.

    It is the supremum of ||A(xi)|| over xi in [0, N/Delta)^2, where A(xi), D x C Delta^2, holds
    Delta^-1 times the kernels' transforms at the Delta^2 frequencies xi + l N/Delta that decimation
    makes one. The factor is the one that Parseval's identity asks for: ||x||^2 = N^-2 ||X||^2
    before decimation and (N/Delta)^-2 ||Y||^2 after it.

    Parameters
    ----------
    weight : Tensor
        Kernels [D, C, height, width], as in ``torch.nn.Conv2d``.
    grid : int or sequence of int
        Side N of the grid in pixels, or (rows, columns); a multiple of the stride.
    stride : int or sequence of int
        Delta, or one for rows and one for columns.

    Returns
    -------
    float
        The norm, computed in float64.

    Raises
    ------
    ValueError
        For kernels of another shape or type or with values that are not finite, and for a grid or
        a stride that is no positive integer or a grid that is no multiple of the stride.

    References
    ----------
    Szegedy et al. (2014), section 4.3, whose printed formula has slips: see
    `fourier_norm_as_printed`.

    Examples
    --------
    The difference of two neighbours doubles a wave whose sign alternates from pixel to pixel:

    >>> round(fourier_norm(torch.tensor([[[[1.0, -1.0]]]]), grid=8), 6)
    2.0
    """
    return fourier_norms(weight, grid, stride).max().item()


def fourier_norms(
    weight: Tensor, grid: int | Sequence[int], stride: int | Sequence[int] = 1
) -> Tensor:
    """The factor by which a convolution on a periodic grid lengthens each wave, at most.

    It is ||A(xi)||, with A(xi) as in `fourier_norm`: how much the layer can lengthen an image that
    is made of the waves with the frequencies xi + l N/Delta alone.

    Parameters
    ----------
    weight, grid, stride
        As for `fourier_norm`.

    Returns
    -------
    Tensor
        float64 [rows, columns], as many of either as the grid has after the stride: the entry at
        (i, j) belongs to the wave with i periods down the grid and j across it.

    Raises
    ------
    ValueError
        As `fourier_norm`.

    References
    ----------
    Szegedy et al. (2014), section 4.3.

    Examples
    --------
    The difference of two neighbours removes what is constant along a row and doubles what
    alternates:

    >>> fourier_norms(torch.tensor([[[[1.0, -1.0]]]]), grid=(1, 4)).round(decimals=6).tolist()
    [[0.0, 1.414214, 2.0, 1.414214]]
    """
    size, step = _grid(weight, grid, stride)
    count = [n // s for n, s in zip(size, step, strict=True)]
    period = weight.new_tensor(size, dtype=torch.float64)
    # For real kernels A(-xi) is A(xi) conjugated, with the same norm: half of the rows suffice.
    half = count[0] // 2 + 1
    frequencies = _lattice((half, count[1]), weight)
    # The frequencies that decimation makes one differ by whole multiples of N / Delta.
    aliases = _lattice(step, weight) * period.new_tensor(count)
    norms = _aliased(weight, frequencies / period, aliases / period).view(half, count[1])
    # The other rows, from the last to the first, are those of -xi: both indices count backwards.
    mirrored = norms[1 : count[0] - half + 1].flip(0)
    rest = torch.cat([mirrored[:, :1], mirrored[:, 1:].flip(1)], dim=1)
    return torch.cat([norms, rest]) / math.sqrt(step[0] * step[1])


def fourier_norm_as_printed(
    weight: Tensor,
    grid: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    *,
    variant: str = "printed",
) -> float:
    """What `fourier_norm` becomes with a slip: not the norm of any layer, only for comparison.

    Parameters
    ----------
    weight, grid, stride
        As for `fourier_norm`.
    variant : {"factor", "exponent", "printed", "support"}
        "factor" has Delta^-2 for Delta^-1; "exponent" has u.xi / N^2 for u.xi / N; "printed", as in
        the paper, has both; "support" is right but for the grid, the smallest that holds the
        kernel.

    Returns
    -------
    float
        What the formula gives.

    Raises
    ------
    ValueError
        As `fourier_norm`, and for another variant.

    References
    ----------
    Szegedy et al. (2014), section 4.3.

    Examples
    --------
    With u.xi / N^2 the formula sees slow waves alone, which a difference hardly moves:

    >>> edge = torch.tensor([[[[1.0, -1.0]]]])
    >>> round(fourier_norm_as_printed(edge, 32, variant="exponent"), 2)
    0.19
    """
    check.choice("variant", variant, VARIANTS)
    size, step = _grid(weight, grid, stride)
    if variant == "support":
        return fourier_norm(
            weight,
            [s * math.ceil(k / s) for k, s in zip(weight.shape[2:], step, strict=True)],
            step,
        )
    count = [n // s for n, s in zip(size, step, strict=True)]
    period = weight.new_tensor(size, dtype=torch.float64) ** (1 if variant == "factor" else 2)
    factor = 1 / math.sqrt(step[0] * step[1]) if variant == "exponent" else 1 / (step[0] * step[1])
    aliases = _lattice(step, weight) * period.new_tensor(count)
    norms = _aliased(weight, _lattice(count, weight) / period, aliases / period)
    return factor * norms.max().item()


def torus_norm(
    weight: Tensor, stride: int | Sequence[int] = 1, *, tolerance: float = 1e-4, limit: int = 20_000
) -> Bracket:
    """Operator norm of a convolution on the infinite grid, between two bounds.

    The norm is the supremum of ||A(f)|| over the continuous torus of frequencies. It bounds the
    layer's norm at every input size, with zero padding of any width or circular padding: a
    zero-padded layer extends by zeros (an isometry), convolves on the infinite grid (its norm is
    this supremum, by Plancherel) and crops (a contraction); a periodic grid takes the maximum over
    some of the torus' points.

    Parameters
    ----------
    weight : Tensor
        Kernels [D, C, height, width], as in ``torch.nn.Conv2d``.
    stride : int or sequence of int
        One for both directions, or one for rows and one for columns.
    tolerance : float
        Relative width of the bracket, at least 0.
    limit : int
        Points of the torus to look at in one round, at most. Where the norm is nearly constant
        the bracket is wider than `tolerance`, if halving the cells would take more points; it is
        sound in both cases.

    Returns
    -------
    Bracket
        Bounds of the supremum, computed in float64.

    Raises
    ------
    ValueError
        For kernels, a stride or a tolerance outside their ranges.

    Notes
    -----
    Branch and bound. Let S be the supremum, attained at f. Along every line through f, u* A v is
    of exponential type n = pi (k - 1) for k taps once a phase is taken out, and its modulus is at
    most S: it falls from f no faster than S cos(n t). So the cell with f in it has at least
    S cos(n h) at its centre, h its half width.

    References
    ----------
    M. Riesz (1914); Duffin and Schaeffer (1938), for the cosine.

    Examples
    --------
    The sum of two neighbours doubles an image that is constant, however large it is:

    >>> bracket = torus_norm(torch.tensor([[[[1.0, 1.0]]]]))
    >>> bracket.lower <= 2 <= bracket.upper <= 2.001
    True
    """
    if not tolerance >= 0:  # NaN is refused, too
        raise ValueError(f"tolerance: need a number of at least 0, got {tolerance}")
    # A stride becomes channels, so that what follows knows stride 1 alone.
    kernel = _polyphase(weight, pair("stride", stride))
    taps = kernel.shape[2:]
    slope = math.pi * (kernel.new_tensor(taps) - 1)  # the exponential type n, by direction
    # With 2 k - 1 cells a direction n h is below pi / 4, and the cosine of the sum of both is
    # positive: without that there is no bound.
    cells = [2 * size - 1 for size in taps]
    half = 0.5 / kernel.new_tensor(cells)
    # Real kernels have the same norm at f and at -f: half of the rows suffice.
    centres = _lattice((cells[0] // 2 + 1, cells[1]), kernel) * 2 * half
    # In a direction with a single tap the norm is constant: its cells need not be halved.
    quarters = torch.cartesian_prod(
        *(kernel.new_tensor([0.0] if size == 1 else [-0.5, 0.5]) for size in taps)
    )
    lower, upper = 0.0, math.inf
    while True:
        norms = _norms(kernel, centres)
        least = math.cos((slope * half).sum())
        # The norm at any point is a lower bound. The cell that holds the supremum has at least
        # `least` times it at the centre, so the largest centre over `least` is an upper bound.
        lower, upper = max(lower, norms.max().item()), min(upper, norms.max().item() / least)
        # A centre below `least` times what is already attained cannot be that cell's.
        kept = centres[norms >= lower * least]
        if upper <= lower * (1 + tolerance) or len(kept) * len(quarters) > limit:
            return Bracket(lower, upper)
        centres, half = (kept[:, None] + quarters * half).reshape(-1, 2), half / 2


def dilate(weight: Tensor, dilation: Sequence[int]) -> Tensor:
    """The kernels [D, C, height, width] with dilation - 1 zeros between neighbouring taps."""
    (height, width), (rows, columns) = weight.shape[2:], dilation
    spread = weight.new_zeros(*weight.shape[:2], rows * (height - 1) + 1, columns * (width - 1) + 1)
    spread[:, :, ::rows, ::columns] = weight
    return spread


def pair(argument: str, value: int | Sequence[int]) -> tuple[int, int]:
    """A number for rows and one for columns, from one for both or two.

    Raises ValueError unless they are positive integers.
    """
    numbers = (value, value) if isinstance(value, int) else tuple(value)
    if len(numbers) != 2 or not all(isinstance(number, int) and number > 0 for number in numbers):
        raise ValueError(f"{argument}: need a positive integer or two of them, got {value!r}")
    return numbers[0], numbers[1]


def _aliased(weight: Tensor, frequencies: Tensor, aliases: Tensor) -> Tensor:
    """Norms of [K(f + a) for a in aliases] at frequencies f [F, 2], in cycles a pixel: [F]."""
    outputs, inputs = weight.shape[:2]
    norms = []
    # In chunks: the transforms at all frequencies at once would not fit into memory.
    for chunk in torch.split(frequencies, max(1, CHUNK // (outputs * inputs * len(aliases)))):
        transforms = _transforms(weight, (chunk[:, None] + aliases).reshape(-1, 2))
        # Side by side, the transforms at the aliases are one matrix [D, C Delta^2].
        apart = transforms.reshape(len(chunk), len(aliases), outputs, inputs)
        blocks = apart.transpose(1, 2).reshape(len(chunk), outputs, -1)
        norms.append(gram.norms(blocks))
    return torch.cat(norms)


def _norms(weight: Tensor, frequencies: Tensor) -> Tensor:
    """||K(f)|| at each frequency f [F, 2]."""
    size = max(1, CHUNK // (weight.shape[0] * weight.shape[1]))
    return torch.cat(
        [gram.norms(_transforms(weight, chunk)) for chunk in torch.split(frequencies, size)]
    )


def _transforms(weight: Tensor, frequencies: Tensor) -> Tensor:
    """K(f), the sum of K_u exp(-2 pi i u.f) over the taps u, at each of `frequencies` [F, 2].

    Of kernels [D, C, height, width]; complex [F, D, C].
    """
    turns = frequencies @ _lattice(weight.shape[2:], weight).T  # [F, height * width]
    phases = torch.polar(torch.ones_like(turns), -2 * math.pi * turns)
    taps = weight.detach().to(phases.dtype).flatten(2).flatten(0, 1)  # [D * C, height * width]
    return (phases @ taps.T).reshape(-1, *weight.shape[:2])


def _polyphase(weight: Tensor, step: tuple[int, int]) -> Tensor:
    """The kernel that does with stride 1 what `weight` does with stride `step`.

    On inputs whose step x step pixels are channels: an isometry, so the norm is the same.
    """
    _check(weight)
    # Zero taps up to a multiple of the stride, so that the kernel is cut without a rest.
    missing = [-size % s for size, s in zip(weight.shape[2:], step, strict=True)]
    padded = torch.nn.functional.pad(weight.detach().double(), (0, missing[1], 0, missing[0]))
    outputs, inputs, height, width = padded.shape
    split = padded.reshape(outputs, inputs, height // step[0], step[0], width // step[1], step[1])
    return split.permute(0, 1, 3, 5, 2, 4).reshape(outputs, -1, height // step[0], width // step[1])


def _lattice(counts: Sequence[int], like: Tensor) -> Tensor:
    """All pairs of whole numbers below the two counts, float64 [F, 2], on the device of `like`."""
    return torch.cartesian_prod(
        *(torch.arange(count, dtype=torch.float64, device=like.device) for count in counts)
    )


def _grid(
    weight: Tensor, grid: int | Sequence[int], stride: int | Sequence[int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Grid and stride as pairs, once all three are checked."""
    _check(weight)
    size, step = pair("grid", grid), pair("stride", stride)
    if size[0] % step[0] or size[1] % step[1]:
        raise ValueError(f"grid: need a multiple of the stride {step}, got {size}")
    return size, step


def _check(weight: Tensor) -> None:
    """Raise ValueError unless `weight` holds finite kernels."""
    if (
        not isinstance(weight, Tensor)
        or weight.ndim != 4
        or weight.numel() == 0
        or not weight.is_floating_point()
        or not weight.isfinite().all()
    ):
        got = (
            f"{weight.dtype} {list(weight.shape)}"
            if isinstance(weight, Tensor)
            else type(weight).__name__
        )
        raise ValueError(
            f"weight: need finite floating-point kernels [D, C, height, width], got {got}"
        )
