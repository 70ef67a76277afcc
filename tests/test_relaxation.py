import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.certify import relaxation

EDGES = st.tuples(st.floats(-40, 40), st.floats(1e-9, 40)).map(
    lambda edge: (edge[0], edge[0] + edge[1])
)


def grid(low, high):
    return torch.linspace(0, 1, 1001, dtype=torch.float64)[:, None] * (high - low) + low


@settings(max_examples=300, deadline=None)
@given(edges=st.lists(EDGES, min_size=1, max_size=5))
@pytest.mark.parametrize("activation", [nn.Sigmoid(), nn.ReLU()])
def test_the_lines_enclose_the_activation(activation, edges):
    low, high = torch.tensor(edges, dtype=torch.float64).T
    lines = relaxation.relax(activation, low[None], high[None])
    points = grid(low, high)
    values = activation(points)
    assert (lines.low_slope * points + lines.low_offset <= values + 1e-12).all()
    assert (lines.high_slope * points + lines.high_offset >= values - 1e-12).all()


@pytest.mark.parametrize(
    ("low", "high"), [(-3.0, -1.0), (1.0, 3.0), (-1.0, 4.0), (-4.0, 1.0), (-2.0, 2.0)]
)
def test_a_line_of_the_sigmoid_touches_it(low, high):
    lines = relaxation.relax(
        nn.Sigmoid(), torch.tensor([[low]]).double(), torch.tensor([[high]]).double()
    )
    points = grid(torch.tensor([low]).double(), torch.tensor([high]).double())
    assert (points.sigmoid() - lines.low_slope * points - lines.low_offset).min() < 1e-5
    assert (lines.high_slope * points + lines.high_offset - points.sigmoid()).min() < 1e-5


def test_narrow_intervals_cost_next_to_nothing():
    low = torch.linspace(-6, 6, 50, dtype=torch.float64)[None]
    lines = relaxation.relax(nn.Sigmoid(), low, low + 1e-3)
    middle = low + 5e-4
    gap = (lines.high_slope - lines.low_slope) * middle + lines.high_offset - lines.low_offset
    assert gap.max() < 1e-7


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), wide=st.floats(0.0, 3.0))
def test_windows_enclose_max_pooling(seed, wide):
    generator = torch.Generator().manual_seed(seed)
    low = torch.randn(1, 2, 4, 6, generator=generator, dtype=torch.float64)
    high = low + wide * torch.rand(low.shape, generator=generator, dtype=torch.float64)
    pool = nn.MaxPool2d(2)
    points = low + (high - low) * torch.rand(
        300, 2, 4, 6, generator=generator, dtype=torch.float64
    ).round(decimals=1)  # corners, too
    coefficients = torch.randn(1, 5, 2, 2, 3, generator=generator, dtype=torch.float64)
    pulled, constant = relaxation.relax(pool, low, high).pull(
        coefficients, torch.zeros(1, 5).double()
    )
    bound = torch.einsum("scij,ncij->ns", pulled[0], points) + constant
    assert (bound <= torch.einsum("scij,ncij->ns", coefficients[0], pool(points)) + 1e-10).all()


def test_a_window_with_a_certain_maximum_is_exact():
    low = torch.tensor([[[[5.0, 1.0], [0.0, 2.0]]]]).double()
    pulled, constant = relaxation.relax(nn.MaxPool2d(2), low, low + 1).pull(
        torch.full((1, 1, 1, 1, 1), -1.0).double(), torch.zeros(1, 1).double()
    )
    assert pulled.flatten().tolist() == [-1.0, 0.0, 0.0, 0.0]
    assert constant.item() == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(edge=EDGES)
def test_no_slope_of_the_sigmoid_is_larger(edge):
    low, high = torch.tensor([[edge[0]]]).double(), torch.tensor([[edge[1]]]).double()
    points = grid(low[0], high[0])[:, 0].requires_grad_()
    rises = torch.autograd.grad(points.sigmoid().sum(), points)[0]
    largest = relaxation.slope(nn.Sigmoid(), low, high).item()
    assert rises.max() <= largest * (1 + 1e-9)
    assert rises.max() >= largest * (1 - 1e-3 * (1 + edge[1] - edge[0]) ** 2)


@pytest.mark.parametrize(
    "module", [nn.GELU(), nn.MaxPool2d(3, stride=2), nn.MaxPool2d(2, ceil_mode=True)]
)
def test_an_unknown_activation_is_named(module):
    with pytest.raises(ValueError, match=type(module).__name__):
        relaxation.relax(module, torch.zeros(1, 1, 4, 4).double(), torch.ones(1, 1, 4, 4).double())
