import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import models, spectral
from helpers.models import checkpoints, training
from helpers.models.norm_penalty import NormPenalty

SHAPE = (1, 28, 28)


def small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(3, 2, 3, stride=2),
        nn.Flatten(),
        nn.Linear(18, 4),
    )


PENALISED = [name for names in models.PENALISED.values() for name in names]


def fresh(name: str) -> nn.Sequential:
    model = small() if name == "small" else models.build(name)
    training.initialise(model, torch.Generator().manual_seed(2))
    return model.double()


def dense(layer: nn.Module, shape: tuple[int, ...]) -> np.ndarray:
    """The matrix of a layer without its bias: one column for each pixel of its input."""
    basis = torch.eye(int(np.prod(shape)), dtype=torch.float64).view(-1, *shape)
    with torch.no_grad():
        return (
            (layer(basis) - layer(torch.zeros(1, *shape, dtype=torch.float64))).flatten(1).T.numpy()
        )


def test_it_is_half_the_strength_times_the_squared_norms_of_a_dense_svd() -> None:
    model = fresh("small")
    shapes = {"0": (1, 8, 8), "2": (3, 8, 8), "4": (18,)}
    expected = {
        name: np.linalg.norm(dense(model.get_submodule(name), shape), 2)
        for name, shape in shapes.items()
    }
    penalty = NormPenalty(model, torch.rand(1, 1, 8, 8, dtype=torch.float64), 0.3)
    for _ in range(3000):
        value = penalty()
    assert penalty.norms() == pytest.approx(expected, rel=1e-6)
    assert value.item() == pytest.approx(
        0.15 * sum(norm**2 for norm in expected.values()), rel=1e-6
    )


@pytest.mark.parametrize(("name", "shape"), [("FC100-100-10", SHAPE), ("small", (1, 8, 8))])
def test_its_gradient_is_that_of_the_exact_norms(name: str, shape: tuple[int, ...]) -> None:
    """Central differences of spectral.operator_norm along random directions of the weights.

    It knows nothing of the penalty. The convolution is a small one: in a larger one the two largest
    singular values are so near each other that the norm has no derivative to speak of.
    """
    model = fresh(name)
    penalty = NormPenalty(model, torch.rand(1, *shape, dtype=torch.float64), 0.7)
    for _ in range(3000 if name == "small" else 0):
        penalty._follow()
    penalty().backward()
    weights = {key: value for key, value in model.named_parameters() if key.endswith("weight")}
    assert all(
        value.grad is None for key, value in model.named_parameters() if key.endswith("bias")
    )
    generator, step = torch.Generator().manual_seed(4), 1e-5
    direction = {
        key: torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for key, value in weights.items()
    }
    for key, value in weights.items():  # along the gradient too: a random direction hardly meets it
        assert value.grad is not None
        direction[key] = direction[key] / direction[key].norm() + value.grad / value.grad.norm()
    slope = sum(
        (value.grad * direction[key]).sum().item()
        for key, value in weights.items()
        if value.grad is not None
    )

    def exact(sign: float) -> float:
        with torch.no_grad():
            for key, value in weights.items():
                value += sign * step * direction[key]
        total = 0.35 * (spectral.layer_table(model.eval(), shape)["norm"] ** 2).sum()
        with torch.no_grad():
            for key, value in weights.items():
                value -= sign * step * direction[key]
        return float(total)

    assert slope == pytest.approx((exact(1) - exact(-1)) / (2 * step), rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(
    channels=st.integers(1, 3),
    outputs=st.integers(1, 3),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    size=st.integers(7, 9),
)
def test_a_convolution_of_any_geometry_is_never_above_its_norm_and_comes_near(
    channels: int, outputs: int, kernel: int, stride: int, padding: int, dilation: int, size: int
) -> None:
    layer = nn.Conv2d(channels, outputs, kernel, stride, padding, dilation).double()
    training.initialise(layer, torch.Generator().manual_seed(0))
    penalty = NormPenalty(
        nn.Sequential(layer), torch.zeros(1, channels, size, size, dtype=torch.float64), 1.0
    )
    norm = np.linalg.norm(dense(layer, (channels, size, size)), 2)
    assert penalty.norms()["0"] <= norm * (1 + 1e-9)
    assert penalty.norms()["0"] >= 0.9 * norm


def test_the_vectors_follow_weights_that_move() -> None:
    model = fresh("ConvNet")
    penalty = NormPenalty(model, torch.rand(1, *SHAPE, dtype=torch.float64), 1.0)
    other = fresh("ConvNet")
    training.initialise(other, torch.Generator().manual_seed(9))
    start = {key: value.detach().clone() for key, value in model.named_parameters()}
    with torch.no_grad():
        for number in range(1, 201):
            for key, value in model.named_parameters():
                value.copy_(start[key] + number / 200 * (other.get_parameter(key) - start[key]))
            penalty()
    exact = spectral.layer_table(model.eval(), SHAPE).set_index("layer")["norm"]
    assert penalty.norms() == pytest.approx(exact.to_dict(), rel=0.02)


def test_other_padding_is_refused() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"))
    with pytest.raises(
        ValueError, match="need convolutions that pad with zeros, got circular in 0"
    ):
        NormPenalty(model, torch.zeros(1, 1, 5, 5), 1.0)


@pytest.mark.parametrize("name", PENALISED)
def test_the_norms_at_the_end_of_training_were_those_of_the_weights(name: str) -> None:
    _, metadata = checkpoints.read(name, "mnist", models.specification(name))
    exact = spectral.layer_table(models.load(name), SHAPE).set_index("layer")["norm"]
    assert metadata["norms"] == pytest.approx(exact.to_dict(), rel=0.02)
    assert all(norm <= exact[layer] * (1 + 1e-5) for layer, norm in metadata["norms"].items())


@pytest.mark.parametrize("base", models.PENALISED)
def test_norms_fall_as_the_penalty_grows(base: str) -> None:
    tables = [
        spectral.layer_table(models.load(name), SHAPE)["bound"].prod()
        for name in (base, *models.PENALISED[base])
    ]
    assert tables == sorted(tables, reverse=True)
