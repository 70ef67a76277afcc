"""The walk: successes in the box, near the exact minimum, whatever the scale of the images."""

import pytest
import torch
from torch import Tensor, nn

from helpers import exact, search
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


class Rippled(nn.Module):
    """A linear classifier of two pixels and two classes, on which a zigzag along each is laid."""

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(1)
        zigzag = 0.04 * (pixels / 0.1 - (pixels / 0.1).round()).abs()
        value = pixels @ pixels.new_tensor([1.0, 0.6]) - 0.9 + zigzag.sum(dim=1)
        return torch.stack([-value, value], dim=1)


def rippled() -> tuple[nn.Module, Tensor, Tensor]:
    """That network, images, and each one's distance to the boundary, by a grid of all images."""
    model, generator = Rippled().eval(), torch.Generator().manual_seed(0)
    images = torch.rand(32, 1, 1, 2, generator=generator, dtype=torch.float64) / 2
    grid = torch.cartesian_prod(*[torch.linspace(0, 1, 1001, dtype=torch.float64)] * 2)
    beyond = grid[model(grid).argmax(dim=1) == 1]
    return model, images, torch.cdist(images.flatten(1), beyond).amin(dim=1)


def test_where_the_boundary_is_rough_noise_comes_nearer_to_the_minimum_of_a_grid() -> None:
    model, images, optimum = rippled()
    targets, margin = torch.ones(len(images), dtype=torch.int64), torch.full_like(optimum, 1e-9)
    assert walk.rough(model, images, targets).float().mean() > 0.5
    plain, noisy = (
        walk.walk(model, images, targets, margin, steps=200, noise=noise) for noise in (0.0, 1.0)
    )
    ratios = [(found.x - images.flatten(1)).norm(dim=1) / optimum for found in (plain, noisy)]
    assert plain.success.all()
    assert noisy.success.all()
    assert (lead(model(noisy.x), targets) >= margin).all()
    assert ratios[1].mean() < ratios[0].mean()
    searched = search.minimum_distortion(model, images, 1 - targets, targets=targets)
    assert (searched.l2 / optimum).max() < 1.05
    assert (searched.l2 / optimum).mean() < ratios[0].mean()


def test_noise_is_the_same_in_every_call_and_for_every_image_and_draws_nothing_global() -> None:
    model, images, optimum = rippled()
    targets, margin = torch.ones(len(images), dtype=torch.int64), torch.full_like(optimum, 1e-9)
    before = torch.random.get_rng_state()
    whole = walk.walk(model, images, targets, margin, steps=30, noise=1.0)
    again = walk.walk(model, images, targets, margin, steps=30, noise=1.0)
    alone = walk.walk(model, images[5:6], targets[:1], margin[:1], steps=30, noise=1.0)
    other = walk.walk(model, images, targets, margin, steps=30, noise=1.0, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(whole.x, again.x)
    torch.testing.assert_close(alone.x, whole.x[5:6])
    assert not torch.equal(other.x, whole.x)


def test_linear_networks_are_smooth_however_near_their_classes_are() -> None:
    for scale in (1e-3, 1e-1):
        model, images, targets, _ = problem(scale)
        assert not walk.rough(model, images, targets).any()


def test_a_noisy_step_counts_twice() -> None:
    model, images, targets, margin = problem(0.1)
    seen = []
    model.register_forward_hook(lambda *_: seen.append(1))
    found = walk.walk(model, images, targets, margin, steps=30, noise=1.0)
    assert (found.evaluations == len(seen)).all()
    assert 30 < len(seen) < 60
