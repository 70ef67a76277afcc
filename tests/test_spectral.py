import copy
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from helpers import gram, spectral
from helpers.spectral import fourier, operators

EXAMPLES = settings(max_examples=40, deadline=None)
PIXELS = st.integers(1, 7)
TAPS = st.integers(1, 4)
STEPS = st.integers(1, 3)
MODES = st.sampled_from(["zeros", "circular", "reflect", "replicate"])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def kernels(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def randomised(layer: nn.Module, seed: int = 0) -> nn.Module:
    """The layer with weights, biases and running means that do not depend on what ran before."""
    for value in layer.state_dict().values():
        if value.is_floating_point():
            value.copy_(
                torch.rand(value.shape, generator=generator(seed)) + 0.1
                if value.ndim == 1
                else torch.randn(value.shape, generator=generator(seed))
            )
    return layer.eval()


def matrix(layer: nn.Module, shape: Sequence[int]) -> np.ndarray[Any, Any]:
    """The layer's linear part, column by column.

    That is what it does to each pixel alone, less what it does to zero.
    """
    exact = copy.deepcopy(layer).double()
    size = math.prod(shape)
    with torch.no_grad():
        columns = exact(torch.eye(size, dtype=torch.float64).reshape(size, *shape)) - exact(
            torch.zeros(1, *shape, dtype=torch.float64)
        )
    dense: np.ndarray[Any, Any] = columns.flatten(1).T.numpy()
    return dense


def dense_norm(layer: nn.Module, shape: Sequence[int]) -> float:
    return float(np.linalg.svd(matrix(layer, shape), compute_uv=False)[0])


def periodic_matrix(weight: Tensor, size: int, stride: int) -> np.ndarray[Any, Any]:
    """The periodic convolution, entry by entry.

    y_j is the sum of w_u x_(stride j + u), with indices modulo `size`.
    """
    outputs, inputs, height, width = weight.shape
    count = size // stride
    dense = np.zeros((outputs, count, count, inputs, size, size))
    for row, column, u, v in itertools.product(
        range(count), range(count), range(height), range(width)
    ):
        dense[:, row, column, :, (stride * row + u) % size, (stride * column + v) % size] += weight[
            :, :, u, v
        ].numpy()
    return dense.reshape(outputs * count**2, -1)


# Operator norms


@EXAMPLES
@given(
    groups=st.integers(1, 2),
    channels=st.tuples(STEPS, STEPS),
    size=st.tuples(PIXELS, PIXELS),
    kernel=st.tuples(TAPS, TAPS),
    stride=st.tuples(STEPS, STEPS),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.tuples(STEPS, STEPS),
    mode=MODES,
)
@example(
    groups=2,
    channels=(2, 1),
    size=(6, 4),
    kernel=(3, 3),
    stride=(2, 1),
    padding=(2, 1),
    dilation=(2, 1),
    mode="circular",
)
@example(
    groups=1,
    channels=(1, 1),
    size=(4, 4),
    kernel=(1, 1),
    stride=(3, 3),
    padding=(3, 3),
    dilation=(1, 1),
    mode="zeros",
)
def test_the_norm_of_a_convolution_is_the_largest_singular_value_of_its_matrix(
    groups: int,
    channels: tuple[int, int],
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    mode: Any,
) -> None:
    inputs, outputs = (groups * count for count in channels)
    layer = randomised(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, padding_mode=mode)
    )
    reach = {"zeros": 99, "replicate": 99, "circular": 0, "reflect": -1}[mode]
    assume(
        all(
            n + 2 * p > d * (k - 1)
            for n, p, d, k in zip(size, padding, dilation, kernel, strict=True)
        )
    )
    assume(all(p <= n + reach for n, p in zip(size, padding, strict=True)))
    shape = (inputs, *size)
    assert spectral.operator_norm(layer, shape) == pytest.approx(
        dense_norm(layer, shape), rel=1e-6, abs=1e-12
    )


@EXAMPLES
@given(
    groups=st.integers(1, 2),
    size=st.tuples(PIXELS, PIXELS),
    kernel=TAPS,
    stride=STEPS,
    padding=st.integers(0, 1),
    extra=st.integers(0, 1),
)
def test_the_norm_of_a_transposed_convolution(
    groups: int, size: tuple[int, int], kernel: int, stride: int, padding: int, extra: int
) -> None:
    assume(extra < stride)
    assume(all(stride * (n - 1) - 2 * padding + kernel + extra > 0 for n in size))
    layer = randomised(
        nn.ConvTranspose2d(2 * groups, 3 * groups, kernel, stride, padding, extra, groups)
    )
    shape = (2 * groups, *size)
    assert spectral.operator_norm(layer, shape) == pytest.approx(
        dense_norm(layer, shape), rel=1e-6, abs=1e-12
    )


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(7, 5), (7,)),
        (nn.Linear(1, 1), (1,)),
        (nn.Linear(4, 30, bias=False), (4,)),
        (nn.Conv1d(4, 6, 5, stride=2, padding=2, groups=2), (4, 13)),
        (nn.Conv1d(3, 4, 3, padding=2, dilation=2, padding_mode="circular"), (3, 9)),
        (nn.Conv2d(3, 4, (4, 3), padding="same", padding_mode="circular"), (3, 6, 5)),
        (nn.Conv2d(3, 4, (4, 3), padding="same", padding_mode="reflect"), (3, 6, 5)),
        (nn.ConvTranspose1d(2, 3, 4, stride=3), (2, 6)),
        (nn.BatchNorm2d(3), (3, 4, 5)),
        (nn.BatchNorm1d(6, affine=False), (6,)),
        (nn.AvgPool2d(3, stride=2, padding=1), (2, 7, 6)),
        (nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False), (2, 5, 5)),
        (nn.AdaptiveAvgPool2d((2, 3)), (2, 5, 7)),
        (
            nn.Sequential(
                nn.Conv2d(3, 4, 3),
                nn.BatchNorm2d(4),
                nn.AvgPool2d(2),
                nn.Flatten(),
                nn.Linear(16, 5),
            ),
            (3, 6, 6),
        ),
        (nn.utils.parametrizations.weight_norm(nn.Linear(5, 4)), (5,)),
    ],
    ids=lambda value: (
        type(value).__name__ if isinstance(value, nn.Module) else "x".join(map(str, value))
    ),
)
def test_the_norm_of_other_layers(layer: nn.Module, shape: tuple[int, ...]) -> None:
    randomised(layer)
    assert spectral.operator_norm(layer, shape) == pytest.approx(dense_norm(layer, shape), rel=1e-6)


@EXAMPLES
@given(seed=st.integers(0, 2**31), count=st.integers(2, 4), exponent=st.floats(3, 9))
def test_norms_are_exact_where_several_singular_values_nearly_agree(
    seed: int, count: int, exponent: float
) -> None:
    bases = torch.linalg.qr(kernels(2, 12, 12, seed=seed)).Q
    values = torch.rand(12, generator=generator(seed), dtype=torch.float64) * 0.9
    values[1:count] = 1 - 10**-exponent * torch.rand(
        count - 1, generator=generator(seed), dtype=torch.float64
    )
    values[0] = 1
    layer = nn.Linear(12, 12, bias=False, dtype=torch.float64)
    layer.weight.data = bases[0] @ values.diag() @ bases[1].T
    assert spectral.operator_norm(layer, (12,)) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(("grid", "stride"), [((6, 4), (1, 1)), ((5, 7), (1, 1)), ((6, 8), (2, 4))])
def test_the_norm_at_a_frequency_is_that_of_the_layer_on_its_waves(
    grid: tuple[int, int], stride: tuple[int, int]
) -> None:
    weight = kernels(3, 2, 3, 2)
    norms = spectral.fourier_norms(weight, grid, stride)
    assert norms.shape == tuple(n // s for n, s in zip(grid, stride, strict=True))
    # The layer as torch applies it, to each pixel alone: the columns of its matrix.
    pixels = torch.eye(2 * math.prod(grid), dtype=torch.float64).view(-1, 2, *grid)
    padded = nn.functional.pad(pixels, (0, 1, 0, 2), mode="circular")
    dense = nn.functional.conv2d(padded, weight, stride=stride).flatten(1).T.to(torch.complex128)
    rows, columns = (torch.arange(n, dtype=torch.float64) / n for n in grid)
    for (i, j), norm in np.ndenumerate(norms.numpy()):
        waves = []
        for down, across in itertools.product(*(range(s) for s in stride)):
            turns = (i + down * norms.shape[0]) * rows
            turns = turns[:, None] + (j + across * norms.shape[1]) * columns
            wave = torch.polar(torch.ones_like(turns), 2 * math.pi * turns) / math.prod(grid) ** 0.5
            for channel in range(2):
                image = torch.zeros(2, *grid, dtype=torch.complex128)
                image[channel] = wave
                waves.append(image.flatten())
        found = torch.linalg.matrix_norm(dense @ torch.stack(waves, dim=1), 2).item()
        assert norm == pytest.approx(found, rel=1e-10)
    assert norms.max().item() == spectral.fourier_norm(weight, grid, stride)


def test_lanczos_and_fourier_blocks_agree_on_a_circular_convolution() -> None:
    layer = nn.Conv2d(
        6, 8, 5, stride=2, padding=2, padding_mode="circular", bias=False, dtype=torch.float64
    )
    layer.weight.data = kernels(8, 6, 5, 5)
    by_lanczos = operators.largest_singular_value(
        layer, torch.zeros(1, 6, 16, 12, dtype=torch.float64)
    )
    assert spectral.operator_norm(layer, (6, 16, 12)) == pytest.approx(by_lanczos, rel=1e-9)


@pytest.mark.parametrize("shape", [(5, 3, 7), (5, 7, 3), (4, 4), (1, 6), (6, 1)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_smaller_gram_matrix_has_the_largest_singular_value(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    matrices = torch.randn(shape, generator=generator(), dtype=dtype)
    expected = np.linalg.svd(matrices.numpy(), compute_uv=False)[..., 0]
    assert gram.norms(matrices).numpy() == pytest.approx(expected, rel=1e-12)
    assert gram.smaller(matrices).shape[-1] == min(shape[-2:])
    assert gram.norms(0 * matrices).abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_norm_of_a_layer_in_half_precision_is_that_of_its_weights(dtype: torch.dtype) -> None:
    layer = randomised(nn.Conv2d(2, 3, 3, padding=1)).to(dtype)
    assert spectral.operator_norm(layer, (2, 5, 5)) == pytest.approx(
        dense_norm(layer, (2, 5, 5)), rel=1e-6
    )


def test_under_inference_mode_norms_and_tables_are_the_same() -> None:
    layer, model = randomised(nn.Conv2d(2, 3, 3, padding=1)), convnet()
    norm, table = spectral.operator_norm(layer, (2, 5, 5)), spectral.layer_table(model, (1, 6, 6))
    with torch.inference_mode():
        made_here = copy.deepcopy(layer)
        for one in (layer, made_here, made_here.double()):
            assert spectral.operator_norm(one, (2, 5, 5)) == norm
        assert spectral.layer_table(model, (1, 6, 6)).equals(table)
        assert spectral.torus_norm(made_here.weight) == spectral.torus_norm(layer.weight.double())


@EXAMPLES
@given(seed=st.integers(0, 2**31), stride=STEPS, padding=st.integers(0, 2), mode=MODES)
def test_no_input_is_stretched_by_more_than_the_norm(
    seed: int, stride: int, padding: int, mode: Any
) -> None:
    layer = randomised(nn.Conv2d(2, 3, 3, stride, padding, bias=False, padding_mode=mode), seed)
    norm = spectral.operator_norm(layer, (2, 6, 5))
    inputs = torch.randn(50, 2, 6, 5, generator=generator(seed))
    with torch.no_grad():
        ratios = layer(inputs).flatten(1).norm(dim=1) / inputs.flatten(1).norm(dim=1)
    assert ratios.max() <= norm * (1 + 1e-6)


@EXAMPLES
@given(seed=st.integers(0, 2**31), stride=STEPS)
def test_the_norm_of_a_composition_is_at_most_the_product(seed: int, stride: int) -> None:
    first = randomised(nn.Conv2d(2, 3, 3, stride, padding=1), seed)
    second = randomised(nn.ConvTranspose2d(3, 2, 2, stride), seed + 1)
    both = spectral.operator_norm(nn.Sequential(first, second), (2, 5, 5))
    between = tuple(first(torch.zeros(1, 2, 5, 5)).shape[1:])
    assert both <= spectral.operator_norm(first, (2, 5, 5)) * spectral.operator_norm(
        second, between
    ) * (1 + 1e-6)


def test_the_bias_has_no_part_in_the_norm_and_the_layer_is_left_as_it_was() -> None:
    layer = randomised(nn.Linear(4, 3))
    layer.get_parameter("weight").data *= 1e-9
    layer.get_parameter("bias").data.fill_(1e6)
    before = copy.deepcopy(layer.state_dict())
    norm = spectral.operator_norm(layer, (4,))
    assert norm == pytest.approx(
        float(np.linalg.svd(before["weight"].double().numpy(), compute_uv=False)[0]), rel=1e-9
    )
    assert all(torch.equal(layer.state_dict()[key], before[key]) for key in before)
    assert layer.get_parameter("weight").requires_grad


def test_a_layer_of_zeros_has_norm_zero() -> None:
    layer = nn.Conv2d(2, 2, 3)
    nn.init.zeros_(layer.weight)
    assert spectral.operator_norm(layer, (2, 5, 5)) == 0


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.ReLU(), (4,), "layer: need one of Linear"),
        (nn.Sequential(nn.Linear(4, 4), nn.Sigmoid()), (4,), "got Sigmoid"),
        (nn.BatchNorm2d(3), (3, 4, 4), "eval mode"),
        (nn.BatchNorm2d(3, track_running_stats=False).eval(), (3, 4, 4), "running statistics"),
        (nn.Conv2d(3, 4, 5), (3, 4, 4), "input_shape"),
        (nn.Conv2d(3, 4, 5), (2, 8, 8), "input_shape"),
        (nn.Linear(4, 4), (), "input_shape"),
        (nn.Linear(4, 4), (0,), "input_shape"),
    ],
)
def test_what_has_no_norm_is_refused(
    layer: nn.Module, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        spectral.operator_norm(layer, shape)


def test_weights_that_are_not_finite_are_refused() -> None:
    layer = nn.Linear(2, 2)
    layer.weight.data[0, 0] = math.nan
    with pytest.raises(ValueError, match="finite"):
        spectral.operator_norm(layer, (2,))


# The paper's formula


@EXAMPLES
@given(
    outputs=STEPS, inputs=STEPS, kernel=st.tuples(TAPS, TAPS), stride=STEPS, count=st.integers(1, 4)
)
@example(
    outputs=2, inputs=2, kernel=(4, 4), stride=1, count=2
)  # kernels larger than the grid wrap around
def test_the_formula_is_the_norm_on_a_periodic_grid(
    outputs: int, inputs: int, kernel: tuple[int, int], stride: int, count: int
) -> None:
    weight = kernels(outputs, inputs, *kernel)
    expected = np.linalg.svd(periodic_matrix(weight, count * stride, stride), compute_uv=False)[0]
    assert spectral.fourier_norm(weight, count * stride, stride) == pytest.approx(
        expected, rel=1e-10
    )


def test_the_formula_on_a_grid_with_unequal_sides_and_strides() -> None:
    layer = nn.Conv2d(
        2, 3, 3, stride=(2, 1), padding=1, padding_mode="circular", bias=False, dtype=torch.float64
    )
    layer.weight.data = kernels(3, 2, 3, 3)
    assert spectral.fourier_norm(layer.weight, (6, 5), (2, 1)) == pytest.approx(
        dense_norm(layer, (2, 6, 5)), rel=1e-10
    )


def test_what_the_printed_variants_give() -> None:
    weight, right = kernels(3, 2, 5, 5), spectral.fourier_norm(kernels(3, 2, 5, 5), 12, 2)
    slips = {
        variant: spectral.fourier_norm_as_printed(weight, 12, 2, variant=variant)
        for variant in fourier.VARIANTS
    }
    assert slips["factor"] == pytest.approx(right / 2, rel=1e-12)  # too small by Delta
    assert slips["printed"] == pytest.approx(slips["exponent"] / 2, rel=1e-12)
    assert slips["support"] == pytest.approx(spectral.fourier_norm(weight, 6, 2), rel=1e-12)
    assert slips["exponent"] != pytest.approx(right, rel=0.01)


def test_the_printed_exponent_misses_high_frequencies_and_the_support_those_between() -> None:
    edge = torch.tensor([[[[1.0, -1.0]]]])  # doubles a checkerboard, hardly moves a slow wave
    assert spectral.fourier_norm(edge, 32) == pytest.approx(2)
    assert spectral.fourier_norm_as_printed(edge, 32, variant="exponent") < 0.2
    between = torch.tensor([[[[1.0, 1.0, -1.0]]]])
    assert spectral.fourier_norm_as_printed(
        between, 32, variant="support"
    ) < 0.95 * spectral.fourier_norm(between, 32)


@pytest.mark.parametrize(
    ("weight", "grid", "stride", "message"),
    [
        (torch.zeros(2, 3, 3), 6, 1, "weight: need finite"),
        (torch.full((1, 1, 3, 3), math.nan), 6, 1, "weight: need finite"),
        (torch.ones(1, 1, 3, 3, dtype=torch.int64), 6, 1, "weight: need finite"),
        (torch.ones(1, 1, 3, 3), 7, 2, "grid: need a multiple"),
        (torch.ones(1, 1, 3, 3), 0, 1, "grid: need a positive"),
        (torch.ones(1, 1, 3, 3), 6, (1, 2, 3), "stride: need a positive"),
    ],
)
def test_bad_arguments_of_the_formula_are_refused(
    weight: Tensor, grid: int, stride: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        spectral.fourier_norm(weight, grid, stride)


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown variant"):
        spectral.fourier_norm_as_printed(torch.ones(1, 1, 3, 3), 6, variant="wrong")


# The supremum over the torus


@pytest.mark.parametrize(
    ("taps", "stride", "supremum"),
    [
        ([[1.0, -1.0]], 1, 2.0),
        ([[1.0, 2.0, 1.0]], 1, 4.0),
        ([[1.0, 1.0]], (1, 2), math.sqrt(2)),
        ([[1.0, 1.0, -1.0]], 1, math.sqrt(5)),
        ([[3.0]], 2, 3.0),
    ],
)
def test_the_supremum_of_kernels_that_pencil_and_paper_can_do(
    taps: list[list[float]], stride: Any, supremum: float
) -> None:
    bracket = spectral.torus_norm(torch.tensor([[taps]]), stride, tolerance=1e-7)
    assert bracket.lower <= supremum * (1 + 1e-12)
    assert supremum <= bracket.upper * (1 + 1e-12)
    assert bracket.upper <= bracket.lower * (1 + 1e-7)


@EXAMPLES
@given(
    seed=st.integers(0, 2**31),
    channels=st.tuples(STEPS, STEPS),
    kernel=st.tuples(TAPS, TAPS),
    stride=STEPS,
    tolerance=st.sampled_from([0.3, 1e-2, 1e-4]),
)
def test_the_bracket_holds_the_largest_value_of_a_fine_grid(
    seed: int, channels: tuple[int, int], kernel: tuple[int, int], stride: int, tolerance: float
) -> None:
    weight = kernels(*channels, *kernel, seed=seed)
    bracket = spectral.torus_norm(weight, stride, tolerance=tolerance)
    on_grid = max(spectral.fourier_norm(weight, stride * count, stride) for count in (24, 31, 35))
    assert on_grid <= bracket.upper * (1 + 1e-12)
    assert on_grid >= bracket.lower * 0.98
    assert bracket.lower <= bracket.upper <= bracket.lower * (1 + tolerance)


@EXAMPLES
@given(
    seed=st.integers(0, 2**31),
    size=PIXELS,
    kernel=TAPS,
    stride=STEPS,
    padding=st.integers(0, 4),
    dilation=STEPS,
)
def test_the_supremum_bounds_the_layer_at_every_size_and_zero_padding(
    seed: int, size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    assume(size + 2 * padding > dilation * (kernel - 1))
    layer = nn.Conv2d(2, 3, kernel, stride, padding, dilation, bias=False, dtype=torch.float64)
    layer.weight.data = kernels(3, 2, kernel, kernel, seed=seed)
    supremum = spectral.torus_norm(fourier.dilate(layer.weight, (dilation, dilation)), stride)
    assert spectral.operator_norm(layer, (2, size, size)) <= supremum.upper * (1 + 1e-12)


def test_the_norm_comes_near_the_supremum_on_large_images() -> None:
    layer = nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=False, dtype=torch.float64)
    layer.weight.data = kernels(3, 2, 3, 3)
    supremum = spectral.torus_norm(layer.weight, 2)
    norms = [spectral.operator_norm(layer, (2, size, size)) for size in (8, 32, 96)]
    assert norms == sorted(norms)
    assert 0.998 * supremum.lower < norms[-1] <= supremum.upper


def test_a_flat_norm_is_bracketed_within_the_limit_of_points() -> None:
    shift = torch.zeros(2, 2, 5, 5)
    shift[:, :, 2, 2] = torch.eye(2)
    bracket = spectral.torus_norm(shift, tolerance=1e-9, limit=1000)
    assert bracket.lower == pytest.approx(1, rel=1e-12)
    assert 1 <= bracket.upper < 1.2


# Tables and bounds of networks


@EXAMPLES
@given(kernel=TAPS, stride=st.integers(1, 4), dilation=STEPS)
def test_the_factor_of_max_pooling_is_the_root_of_the_windows_that_share_a_pixel(
    kernel: int, stride: int, dilation: int
) -> None:
    pool = nn.MaxPool2d(kernel, stride, dilation=dilation)
    size = 20
    spikes = torch.eye(size**2).reshape(size**2, 1, size, size)
    windows = pool(spikes).flatten(1).sum(dim=1).max()
    assert spectral.pooling_factor(pool) == pytest.approx(windows.sqrt().item())
    first, second = torch.rand(2, 200, 1, size, size, generator=generator())
    stretched = (pool(first) - pool(second)).flatten(1).norm(dim=1)
    assert (
        stretched
        <= spectral.pooling_factor(pool) * (first - second).flatten(1).norm(dim=1) * (1 + 1e-6)
    ).all()


def perceptron() -> nn.Module:
    return randomised(
        nn.Sequential(
            nn.Flatten(),
            nn.Linear(36, 8),
            nn.Sigmoid(),
            nn.Linear(8, 5),
            nn.Sigmoid(),
            nn.Linear(5, 3),
        )
    )


def convnet() -> nn.Module:
    return randomised(
        nn.Sequential(
            nn.Sequential(
                nn.Conv2d(1, 3, 3, padding=1),
                nn.BatchNorm2d(3),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(3, 2),
            ),
            nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(3, 3)),
        )
    )


def test_the_table_of_a_sigmoid_network() -> None:
    model = perceptron()
    table = spectral.layer_table(model, (1, 6, 6))
    norms = [
        np.linalg.svd(value.numpy(), compute_uv=False)[0]
        for key, value in model.state_dict().items()
        if key.endswith("weight")
    ]
    assert table["layer"].tolist() == ["1", "3", "5"]
    assert table["weight"].tolist() == ["8x36", "5x8", "3x5"]
    assert table["norm"].tolist() == pytest.approx(norms, rel=1e-6)
    assert table["activation"].tolist() == [0.25, 0.25, 1]
    upper = spectral.upper_bound(model, (1, 6, 6))
    assert upper == pytest.approx(math.prod(norms) / 16, rel=1e-5)
    assert upper > math.prod(norms) / 16 * (
        1 + 2e-6
    )  # the norms' tolerance is added, not left to luck


def test_the_table_folds_batch_normalisation_and_counts_overlapping_windows() -> None:
    model = convnet()
    table = spectral.layer_table(model, (1, 6, 6))
    first, last = next(iter(model.children())), list(model.modules())[-1]
    assert table["kind"].tolist() == ["Conv2d + BatchNorm2d", "AvgPool2d", "Linear"]
    assert table["input"].tolist() == ["1x6x6", "3x2x2", "3"]
    expected = [dense_norm(first[:2], (1, 6, 6)), 0.5, dense_norm(last, (3,))]  # type: ignore[index]
    assert table["norm"].tolist() == pytest.approx(expected, rel=1e-6)
    assert table["pooling"].tolist() == [2, 1, 1]
    assert table["bound"].tolist() == pytest.approx([2 * expected[0], *expected[1:]], rel=1e-6)


def test_jacobian_norms_agree_with_finite_differences() -> None:
    model, images = perceptron(), torch.rand(3, 1, 6, 6, generator=generator())
    exact, step = copy.deepcopy(model).double(), 1e-5
    for image, norm in zip(images.double(), spectral.jacobian_norms(model, images), strict=True):
        pixels = step * torch.eye(36, dtype=torch.float64).reshape(36, 1, 6, 6)
        with torch.no_grad():
            jacobian = (exact(image + pixels) - exact(image - pixels)) / (2 * step)
        assert norm.item() == pytest.approx(
            float(np.linalg.svd(jacobian.numpy(), compute_uv=False)[0]), rel=1e-6
        )


@pytest.mark.parametrize("build", [perceptron, convnet])
def test_the_bounds_bracket_what_pairs_of_images_show(build: Any) -> None:
    model, images = build(), torch.rand(40, 1, 6, 6, generator=generator(1))
    lower, upper = spectral.lower_bound(model, images), spectral.upper_bound(model, (1, 6, 6))
    assert lower == spectral.jacobian_norms(model, images).max()
    others = (images + 0.1 * torch.randn(images.shape, generator=generator(2))).clamp(0, 1)
    with torch.no_grad():
        ratios = (model(images) - model(others)).norm(dim=1) / (images - others).flatten(1).norm(
            dim=1
        )
    assert 0 < lower <= upper
    assert ratios.max() <= upper


def test_the_bounds_of_a_linear_network_meet_and_are_not_inverted() -> None:
    model = randomised(nn.Sequential(nn.Flatten(), nn.Linear(36, 10)))
    lower, upper = (
        spectral.lower_bound(model, torch.rand(5, 1, 6, 6, generator=generator())),
        spectral.upper_bound(model, (1, 6, 6)),
    )
    assert lower <= upper <= lower * (1 + 2e-6)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Residual(), "need a chain"),
        (nn.Sequential(Residual(), nn.Linear(4, 2)), "need a chain"),
        (
            nn.Sequential(nn.Linear(4, 4), nn.Softmax(dim=1)),
            "no Lipschitz bound is known here for 1, a Softmax",
        ),
        (nn.Sequential(nn.ReLU(), nn.Linear(4, 4)), "need a linear layer first, got ReLU"),
        (nn.Sequential(nn.Flatten()), "need a linear layer first, got none"),
        (nn.Sequential(nn.Linear(4, 4), nn.Dropout()).train(), "need eval mode, got Dropout"),
    ],
)
def test_a_model_without_a_known_bound_is_refused(model: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spectral.layer_table(model.train(model.training and "eval" in message), (4,))


class Pair(nn.Module):
    def __init__(self, first: nn.Module) -> None:
        super().__init__()
        self.first = first

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.first(x), x


class ByName(Pair):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return self.first(input=x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("model", "shape", "message"),
    [
        (nn.Linear(4, 2), (5,), r"input_shape: need a size that fits the model, got \[5\]"),
        (nn.Linear(4, 2), (), "input_shape: need positive integers"),
        (nn.Linear(4, 2), (4, -1), "input_shape: need positive integers"),
        (Pair(nn.Linear(4, 2)), (4,), "need a chain, but its output is not"),
        (ByName(nn.Linear(4, 2)), (4,), "need a chain, but first takes something other"),
    ],
)
def test_what_is_no_chain_of_this_size_is_refused(
    model: nn.Module, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        spectral.upper_bound(model, shape)


def test_a_network_in_half_precision_has_a_table() -> None:
    half = perceptron().half()
    table = spectral.layer_table(half, (1, 6, 6))
    expected = spectral.layer_table(copy.deepcopy(half).double(), (1, 6, 6))
    assert table["norm"].tolist() == pytest.approx(expected["norm"].tolist(), rel=1e-6)


@pytest.mark.parametrize("tolerance", [-1.0, math.nan])
def test_a_tolerance_that_nothing_meets_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance: need a number of at least 0"):
        spectral.torus_norm(torch.ones(1, 1, 2, 2), tolerance=tolerance)


def test_hooks_are_gone_after_a_refusal() -> None:
    model = Residual().eval()
    with pytest.raises(ValueError, match="chain"):
        spectral.layer_table(model, (4,))
    assert not any(module._forward_hooks for module in model.modules())


def test_jacobian_norms_refuse_no_images_and_bad_images() -> None:
    with pytest.raises(ValueError, match="at least one"):
        spectral.jacobian_norms(perceptron(), torch.zeros(0, 1, 6, 6))
    with pytest.raises(ValueError, match="images"):
        spectral.lower_bound(perceptron(), torch.full((1, 1, 6, 6), 2.0))
