import copy
import dataclasses
import itertools

import cvxpy as cp
import numpy as np
import pytest
import torch
from torch import nn

from helpers import models, spectral
from helpers.spectral import jacobian, lipsdp


def network(sizes, seed, activation=nn.Sigmoid):
    torch.manual_seed(seed)
    modules = [
        module
        for before, after in itertools.pairwise(sizes)
        for module in (nn.Linear(before, after), activation())
    ]
    return nn.Sequential(nn.Flatten(), *modules[:-1]).eval().requires_grad_(requires_grad=False)


def by_conic_solver(weights, slope):
    """The LipSDP-Neuron bound as a semidefinite programme over multipliers and squared bound."""
    sizes = [weights[0].shape[1], *(len(weight) for weight in weights[:-1])]
    square, multipliers = cp.Variable(), [cp.Variable(size) for size in sizes[1:]]
    blocks = [[np.zeros((rows, columns)) for columns in sizes] for rows in sizes]
    blocks[0][0] = -square * np.eye(sizes[0])
    for place, (weight, multiplier) in enumerate(zip(weights, multipliers, strict=False)):
        blocks[place + 1][place + 1] = -2 * cp.diag(multiplier) + (
            weights[-1].T @ weights[-1] if place == len(multipliers) - 1 else 0
        )
        blocks[place + 1][place] = slope * cp.diag(multiplier) @ weight
        blocks[place][place + 1] = blocks[place + 1][place].T
    cp.Problem(
        cp.Minimize(square),
        [cp.bmat(blocks) << 0, *(multiplier >= 0 for multiplier in multipliers)],
    ).solve(solver=cp.CLARABEL)
    return float(square.value) ** 0.5


@pytest.mark.parametrize(
    ("sizes", "activation", "slope"),
    [((6, 8, 3), nn.Sigmoid, 0.25), ((5, 6, 7, 3), nn.ReLU, 1.0), ((8, 5, 5, 4, 2), nn.Tanh, 1.0)],
)
def test_the_bound_is_that_of_a_conic_solver(sizes, activation, slope):
    model = network(sizes, 0, activation)
    weights = [module.weight.double().numpy() for module in model if isinstance(module, nn.Linear)]
    optimum = by_conic_solver(weights, slope)
    found = lipsdp.upper_bound(model, (1, 1, sizes[0]), iterations=100)
    assert optimum * (1 - 1e-5) <= found.value <= optimum * 1.01
    assert found.value < spectral.upper_bound(model, (1, 1, sizes[0]))


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_has_a_certificate_and_a_smaller_one_has_none(seed):
    model = network((10, 12, 9, 4), seed)
    bound = lipsdp.upper_bound(model, (1, 1, 10))
    assert lipsdp.certificate(model, (1, 1, 10), bound) <= 1e-12
    assert (
        lipsdp.certificate(model, (1, 1, 10), dataclasses.replace(bound, value=0.99 * bound.value))
        > 1e-9
    )


def test_no_secant_is_steeper_than_the_bound():
    model = network((10, 12, 9, 4), 5).double()
    bound = lipsdp.upper_bound(model, (1, 1, 10))
    first, second = torch.randn(
        2, 5000, 1, 1, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    ratios = (model(first) - model(second)).norm(dim=1) / (first - second).flatten(1).norm(dim=1)
    assert ratios.max() <= bound.value


def test_without_hidden_layers_it_is_the_norm():
    model = network((10, 4), 1)
    assert lipsdp.upper_bound(model, (1, 1, 10)).value == pytest.approx(
        torch.linalg.matrix_norm(model[1].weight, 2).item(), rel=1e-6
    )


def test_the_books_network_is_bracketed_more_closely_than_by_the_product():
    model = models.load("FC100-100-10")
    bound = lipsdp.upper_bound(model, (1, 28, 28))
    images = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert (
        jacobian.lower_bound(model, images)
        < bound.value
        < 0.6 * spectral.upper_bound(model, (1, 28, 28))
    )
    assert lipsdp.certificate(model, (1, 28, 28), bound) <= 1e-12


@pytest.mark.parametrize(
    "modules",
    [
        (nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2)),
        (nn.Flatten(), nn.Linear(64, 4), nn.ReLU()),
    ],
)
def test_another_network_is_refused(modules):
    with pytest.raises(ValueError, match="need Linear layers"):
        lipsdp.upper_bound(nn.Sequential(*modules).eval(), (1, 8, 8))


def test_under_inference_mode_the_bound_is_the_same():
    model = network((6, 8, 3), 0)
    expected = lipsdp.upper_bound(model, (1, 1, 6), iterations=3)
    with torch.inference_mode():
        made_here = copy.deepcopy(model).double()
        for one in (model, made_here):
            found = lipsdp.upper_bound(one, (1, 1, 6), iterations=3)
            assert found.value == expected.value
            assert lipsdp.certificate(one, (1, 1, 6), found) <= 1e-12


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_has_the_bound_of_its_weights(dtype):
    half = network((6, 8, 3), 0).to(dtype)
    expected = lipsdp.upper_bound(copy.deepcopy(half).double(), (1, 1, 6), iterations=3)
    assert lipsdp.upper_bound(half, (1, 1, 6), iterations=3).value == expected.value


@pytest.mark.parametrize(
    ("shape", "iterations", "message"),
    [
        ((1, 1, 7), 3, r"input_shape: need a size that fits the model, got \[1, 1, 7\]"),
        ((), 3, "input_shape: need positive integers"),
        ((1, 1, 6), 0, "iterations: need an integer of at least 1, got 0"),
    ],
)
def test_a_wrong_argument_is_named(shape, iterations, message):
    with pytest.raises(ValueError, match=message):
        lipsdp.upper_bound(network((6, 8, 3), 0), shape, iterations=iterations)
