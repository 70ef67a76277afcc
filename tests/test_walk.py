"""The walk: successes in the box, near the exact minimum, whatever the scale of the images."""

import pytest
import torch
from torch import Tensor, nn

from helpers import exact
from helpers.search import walk
from helpers.search.adversarial import lead


def problem(scale: float) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """A linear classifier with classes `scale` apart about the middle, images, targets, margins."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(50, 4)).requires_grad_(False)
    model[1].weight.copy_(torch.randn(4, 50, generator=generator))
    images = 0.5 + scale * torch.randn(20, 1, 5, 10, generator=generator)
    model[1].bias.copy_(-model[1].weight.sum(dim=1) / 2)
    return model, images, (model(images).argmax(dim=1) + 1) % 4, torch.full((20,), 1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1e-2, 1e-1])
def test_it_ends_near_the_exact_minimum_at_any_scale(scale: float) -> None:
    model, images, targets, margin = problem(scale)
    found = walk.walk(model, images, targets, margin, steps=100)
    assert found.success.all()
    assert (found.evaluations == 100).all()
    assert ((found.x >= 0) & (found.x <= 1)).all()
    assert (lead(model(found.x), targets) >= margin).all()
    length = (found.x - images.flatten(1)).norm(dim=1)
    optimum = exact.minimum_distortion(model[1].weight, model[1].bias, images, targets)
    ratio = length / optimum.l2
    assert (ratio >= 1 - 1e-5).all()
    assert ratio.mean() < 1.05


def test_more_steps_come_nearer() -> None:
    model, images, targets, margin = problem(0.1)
    lengths = [
        (walk.walk(model, images, targets, margin, steps=steps).x - images.flatten(1))
        .norm(dim=1)
        .mean()
        for steps in (25, 100, 400)
    ]
    assert lengths[0] > lengths[1] > lengths[2]


def test_without_a_gradient_nothing_is_found_and_nothing_is_nan() -> None:
    model, images, targets, margin = problem(0.1)
    model[1].weight.zero_()
    model[1].bias.copy_(torch.arange(4.0).flip(0) * 10)
    found = walk.walk(model, images, torch.full_like(targets, 3), margin, steps=20)
    assert not found.success.any()
    assert torch.equal(found.x, images.flatten(1))
