"""The operator norm of a linear layer as torch applies it, by Lanczos, in float64."""

import copy
import math
from collections.abc import Callable, Sequence

import torch
from scipy.linalg import eigh_tridiagonal
from torch import Tensor, nn

from helpers import check
from helpers.spectral import fourier

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
AVERAGE_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
LINEAR = (
    nn.Linear,
    *CONVOLUTIONS,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    *BATCH_NORMS,
    *AVERAGE_POOLS,
    nn.Flatten,
    nn.Identity,
)
TOLERANCE = 1e-6  # relative error that operator_norm promises
# Of the Gram operator's eigenpair, relative. Far below TOLERANCE, so that the iteration does not
# stop at a near-copy of the largest value.
RESIDUAL = 1e-9
STEPS = 10_000


@torch.inference_mode(mode=False)
def operator_norm(layer: nn.Module, input_shape: Sequence[int]) -> float:
    """Largest singular value of the linear part of a layer at one input size.

    Circular convolutions go by `fourier_norm`, exactly; the rest by Lanczos from a fixed start.

    Parameters
    ----------
    layer : nn.Module
        Linear, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, BatchNorm in eval mode, average
        pooling, or nn.Sequential of these, whose composition is meant. Stride, padding and its
        mode, dilation and groups are as torch applies them; the bias has no part in the norm.
    input_shape : sequence of int
        Of one input, without the batch: (C, H, W) for Conv2d.

    Returns
    -------
    float
        The norm, to 1e-6 relative and never above it but for rounding, computed in float64
        whatever the layer's type.

    Raises
    ------
    ValueError
        For another layer, weights that are not finite, or a shape that does not fit.
    RuntimeError
        Where Lanczos does not converge.

    Examples
    --------
    >>> layer = nn.Conv2d(1, 1, (1, 2), padding=(0, 1), bias=False)
    >>> layer.weight.data = torch.tensor([[[[3.0, 4.0]]]])
    >>> round(operator_norm(layer, (1, 1, 1)), 6)  # a pixel makes two, 4 and 3 times as bright
    5.0
    """
    linear = _linear_part(layer)
    origin = _origin(linear, input_shape)
    if isinstance(linear, CONVOLUTIONS) and _periodic(linear, origin):
        return _periodic_norm(linear, origin.shape[2:])
    return largest_singular_value(linear, origin)


def largest_singular_value(function: Callable[[Tensor], Tensor], origin: Tensor) -> float:
    """||A|| for a linear `function` x -> A x that autograd can differentiate.

    origin: any float64 tensor of x's shape and device. Lanczos on A^T A from a fixed random start.
    Source: Golub and Van Loan, Matrix Computations, chapter 10.
    """
    # Drawn on the CPU: a device's own generator would give another start, and other last digits.
    generator = torch.Generator().manual_seed(0)
    vector = torch.randn(origin.shape, dtype=torch.float64, generator=generator).to(origin.device)
    vector /= vector.norm()
    previous, coupling = torch.zeros_like(vector), 0.0
    diagonal: list[float] = []
    couplings: list[float] = []
    for _ in range(STEPS):
        # The next vector of the Krylov space is orthogonal to the last two, and by the symmetry of
        # A^T A to all before them. Nothing is reorthogonalised: orthogonality that rounding loses
        # repeats the largest Ritz value and does not move it (Paige 1976).
        image = _gram(function, vector) - coupling * previous
        diagonal.append((image * vector).sum().item())
        image -= diagonal[-1] * vector
        coupling = image.norm().item()
        value, last = _ritz(diagonal, couplings)
        # The residual of the largest Ritz pair: an eigenvalue of A^T A is as near to `value`.
        if coupling * last <= RESIDUAL * value:
            return math.sqrt(value)
        couplings.append(coupling)
        previous, vector = vector, image / coupling
    raise RuntimeError(f"Lanczos did not converge in {STEPS} steps")


def _gram(function: Callable[[Tensor], Tensor], vector: Tensor) -> Tensor:
    """A^T A x: the adjoint is the vector-Jacobian product."""
    with torch.enable_grad():
        point = vector.detach().requires_grad_()
        image = function(point)
        return torch.autograd.grad(image, point, image.detach())[0]


def _ritz(diagonal: list[float], couplings: list[float]) -> tuple[float, float]:
    """Largest eigenvalue of the tridiagonal matrix, and its eigenvector's last entry in size."""
    top = len(diagonal) - 1
    values, vectors = eigh_tridiagonal(diagonal, couplings, select="i", select_range=(top, top))
    return max(0.0, float(values[0])), abs(float(vectors[-1, 0]))


def _linear_part(layer: nn.Module) -> nn.Module:
    """A float64 copy of the layer without bias and running mean, gradients off."""
    parts = list(layer) if isinstance(layer, nn.Sequential) else [layer]
    for part in parts:
        if not isinstance(part, LINEAR):
            kinds = ", ".join(kind.__name__ for kind in LINEAR)
            raise ValueError(
                f"layer: need one of {kinds} or nn.Sequential of them, got {type(part).__name__}"
            )
        if isinstance(part, BATCH_NORMS) and (part.training or part.running_var is None):
            raise ValueError(
                f"layer: need {type(part).__name__} in eval mode with running statistics, "
                "else it is not linear"
            )
    # A bias shifts the output and a running mean the input: without both, zero goes to zero.
    linear = copy.deepcopy(layer).double().eval().requires_grad_(requires_grad=False)
    for module in linear.modules():
        for name in ("bias", "running_mean"):
            shift = getattr(module, name, None)
            if isinstance(shift, Tensor):
                shift.zero_()
    if not all(
        value.isfinite().all()
        for value in [*linear.parameters(), *linear.buffers()]
        if value.is_floating_point()
    ):
        raise ValueError("layer: need finite weights, got NaN or infinity")
    return linear


def _origin(linear: nn.Module, input_shape: Sequence[int]) -> Tensor:
    """The zero input [1, *input_shape], once the layer takes it to a zero output."""
    weights = next((value for value in [*linear.parameters(), *linear.buffers()]), torch.empty(0))
    check.shape(input_shape)
    origin = torch.zeros(1, *input_shape, dtype=torch.float64, device=weights.device)
    try:
        output = linear(origin)
    except (torch.OutOfMemoryError, torch.AcceleratorError):
        raise  # of the machine, not of the shape
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"input_shape: {tuple(input_shape)} does not fit {linear} ({error})"
        ) from error
    if output.numel() == 0 or output.any():
        raise ValueError(
            f"layer: {linear} is not linear at input_shape {tuple(input_shape)}, or has no output"
        )
    return origin


def _periodic(linear: nn.Conv1d | nn.Conv2d, origin: Tensor) -> bool:
    """Whether a convolution acts on a periodic grid.

    It does with circular padding, on an input of as many strides as there are outputs.
    """
    sizes = zip(origin.shape[2:], linear.stride, linear(origin).shape[2:], strict=True)
    return linear.padding_mode == "circular" and all(
        size == stride * outputs for size, stride, outputs in sizes
    )


def _periodic_norm(linear: nn.Conv1d | nn.Conv2d, grid: Sequence[int]) -> float:
    """The largest `fourier_norm` of the groups; one dimension is two with a single row."""
    # Groups act on channels of their own, so that the norm is the largest of theirs.
    rows = (1,) * (2 - len(grid))
    weight = linear.weight.reshape(*linear.weight.shape[:2], *rows, *linear.kernel_size)
    weight = fourier.dilate(weight, (*rows, *linear.dilation))
    return max(
        fourier.fourier_norm(group, (*rows, *grid), (*rows, *linear.stride))
        for group in weight.chunk(linear.groups)
    )
