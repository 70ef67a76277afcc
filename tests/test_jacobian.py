import copy

import pytest
import torch
from torch import nn

from helpers import models
from helpers.spectral import jacobian


def test_the_jacobians_are_those_of_finite_differences():
    torch.manual_seed(0)
    model = (
        nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 3)).double().eval()
    )
    image = torch.rand(1, 1, 2, 3, dtype=torch.float64)
    steps = 1e-5 * torch.eye(6, dtype=torch.float64).view(6, 1, 2, 3)
    differences = ((model(image + steps) - model(image - steps)) / 2e-5).T
    assert torch.allclose(jacobian.jacobians(model, image)[0], differences, atol=1e-8)
    logits, slopes = jacobian.linearisation(model, image)
    assert torch.equal(logits, model(image))
    assert torch.equal(slopes, jacobian.jacobians(model, image))
    assert not logits.requires_grad


def test_the_steepest_image_is_where_the_sigmoid_is():
    """One unit s(3 x1 + 4 x2 - 2): its slope is largest, 5 / 4, where its input is zero."""
    model = (
        nn.Sequential(nn.Flatten(), nn.Linear(2, 1), nn.Sigmoid(), nn.Linear(1, 2, bias=False))
        .eval()
        .requires_grad_(requires_grad=False)
    )
    model[1].weight.copy_(torch.tensor([[3.0, 4.0]]))
    model[1].bias.fill_(-2.0)
    model[3].weight.copy_(torch.tensor([[1.0], [0.0]]))
    found = jacobian.steepest(model, torch.tensor([[[[0.9, 0.8]]], [[[0.1, 0.9]]]]))
    assert -found.value.min().item() == pytest.approx(5 / 4, abs=1e-6)
    assert (found.x @ torch.tensor([3.0, 4.0]).double() - 2).abs().max() < 1e-2


def test_the_search_goes_up_and_stays_in_the_box():
    model, images = (
        models.load("FC100-100-10"),
        torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)),
    )
    found = jacobian.steepest(model, images, starts=3, iterations=10)
    assert -found.value.min() > 1.02 * jacobian.lower_bound(model, images)
    assert ((found.x >= 0) & (found.x <= 1)).all()
    again = jacobian.jacobian_norms(model.double(), found.x.view(-1, 1, 28, 28))
    assert torch.allclose(again, -found.value, rtol=1e-9)


def test_a_piecewise_linear_network_stays_where_it_starts():
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    found = jacobian.steepest(models.load("ConvNet"), images, starts=2)
    assert -found.value.min().item() == pytest.approx(
        jacobian.lower_bound(models.load("ConvNet"), images)
    )
    assert (found.iterations == 0).all()


def test_where_pooled_pixels_tie_the_norm_is_that_of_images_nearby():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False),
        nn.MaxPool2d((1, 2)),
        nn.Flatten(),
        nn.Linear(2, 1, bias=False),
    ).eval()
    model[0].weight.data = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    model[3].weight.data.fill_(
        1.0
    )  # max(x, y) + max(-x, -y) = |x - y|, with a slope of sqrt(2) everywhere but where x = y
    flat = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1).expand(3, 1, 1, 2)
    assert jacobian.jacobian_norms(model, flat) == pytest.approx([2**0.5] * 3)


def small(*modules):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 3), *modules)


def pictures(count=4):
    return torch.rand(count, 1, 2, 3, generator=torch.Generator().manual_seed(1))


def test_under_inference_mode_the_norms_are_the_same():
    model, images = small().eval(), pictures()
    expected, found = jacobian.jacobian_norms(model, images), jacobian.steepest(model, images)
    with torch.inference_mode():
        made_here = copy.deepcopy(model)
        for network in (model, made_here, made_here.double()):
            assert torch.equal(jacobian.jacobian_norms(network, images.clone()), expected)
        assert torch.equal(
            jacobian.jacobians(model, images.clone()), jacobian.jacobians(model, images)
        )
        assert torch.equal(jacobian.steepest(made_here, images.clone()).x, found.x)


def test_images_with_gradients_leave_no_graph():
    model, images = small().eval(), pictures().requires_grad_()
    assert not jacobian.jacobian_norms(model, images).requires_grad
    assert not jacobian.jacobians(model, images).requires_grad
    found = jacobian.steepest(model, images, starts=2, iterations=3)
    assert not found.x.requires_grad
    assert not found.value.requires_grad


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_has_the_norms_of_its_weights(dtype):
    """Computed in float64, whatever the model's type: those of the rounded weights."""
    half = small().eval().to(dtype)
    images = pictures().to(dtype)
    expected = jacobian.jacobian_norms(copy.deepcopy(half).double(), images.double())
    assert torch.equal(jacobian.jacobian_norms(half, images), expected)


class Rounded(nn.Module):
    def forward(self, x):
        return x.detach().round()


class Pair(nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    ("model", "images", "message"),
    [
        (small(), torch.rand(1, 1, 3, 3), r"images: need a size that fits.*got \[1, 3, 3\]"),
        (small(Pair()), pictures(), r"model: need logits of shape \[N, K\], got tuple"),
        (small(nn.Unflatten(1, (1, 3))), pictures(), r"model: need logits.*got \[1, 1, 3\]"),
        (small(Rounded()), pictures(), "model: need logits that autograd can differentiate"),
        (small(nn.Dropout1d()).train(), pictures(), "model: need eval mode, got Dropout1d"),
    ],
)
def test_a_model_without_a_jacobian_is_refused(model, images, message):
    training = "eval mode" in message
    with pytest.raises(ValueError, match=message):
        jacobian.jacobian_norms(model.train(training), images)


def test_a_model_that_is_not_a_number_is_refused():
    model = small().eval()
    model[1].weight.data[0, 0] = torch.nan
    with pytest.raises(ValueError, match="model: need finite logits"):
        jacobian.lower_bound(model, pictures())


@pytest.mark.parametrize("option", ["starts", "iterations"])
def test_a_search_needs_starts_and_iterations(option):
    with pytest.raises(ValueError, match=f"{option}: need an integer of at least 1, got 0"):
        jacobian.steepest(small().eval(), pictures(), **{option: 0})
