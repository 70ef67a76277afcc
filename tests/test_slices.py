"""Slices through an image, beside one point at a time and beside lines known in advance."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers import slices


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def network(seed: int = 1) -> nn.Module:
    """A small network with bends, whose answers vary over a plane."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4))
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return model.eval().requires_grad_(requires_grad=False)


def plane(seed: int = 0) -> slices.Plane:
    return slices.through(
        random(1, 2, 3, seed=seed), random(1, 2, 3, seed=seed + 1), random(1, 2, 3, seed=seed + 2)
    )


@pytest.mark.parametrize("count", [1, 4, 9])
def test_a_slice_has_the_answer_to_each_point_asked_on_its_own(count: int) -> None:
    model, through = network(), plane()
    found = slices.cut(model, through, reach=1.5, count=count)
    assert found.answers.shape == found.inside.shape == (count, count)
    for row in range(count):
        for column in range(count):
            x, y = (
                -1.5 + 3.0 * number / (count - 1) if count > 1 else 0.0 for number in (column, row)
            )
            point = through.image.double() + x * through.across + y * through.upwards
            assert bool(found.inside[row, column]) == bool(((point >= 0) & (point <= 1)).all())
            answer = model(point.clamp(0, 1).float()[None]).argmax().item()
            assert found.answers[row, column] == answer
    assert count < 9 or len(found.answers.unique()) > 1


def test_the_answers_do_not_depend_on_how_many_points_are_asked_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, through = network(), plane()
    whole = slices.cut(model, through, reach=2.0, count=13)
    monkeypatch.setattr(slices, "BATCH", 7)
    parts = slices.cut(model, through, reach=2.0, count=13)
    assert torch.equal(whole.answers, parts.answers)
    assert torch.equal(whole.inside, parts.inside)


def test_lengths_in_the_plane_are_lengths_between_images() -> None:
    image, toward, aside = random(1, 4, 4), random(1, 4, 4, seed=1), random(1, 4, 4, seed=2)
    through = slices.through(image, toward, aside)
    length = (toward - image).double().norm()
    there = through.point(length[None], torch.zeros(1))
    torch.testing.assert_close(there[0], toward.double(), rtol=0, atol=1e-12)
    # The direction itself lies in the plane, above the line to the other image.
    x, y = ((aside.double() * axis).sum() for axis in (through.across, through.upwards))
    torch.testing.assert_close(x * through.across + y * through.upwards, aside.double())
    assert y > 0
    points = through.point(torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0]))
    assert (points[0] - points[1]).norm().item() == pytest.approx(5.0, rel=1e-12)


def test_the_border_of_a_linear_network_is_where_its_weights_put_it() -> None:
    # Two classes with the difference w x + b of their logits: a half-plane, w'c > -(w x + b),
    # where w' are the weights' parts along the directions, as long as no pixel is cut.
    image = torch.full((1, 2, 2), 0.5)
    through = slices.through(image, random(1, 2, 2), random(1, 2, 2, seed=1))
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval().double()
    weight, bias = torch.tensor([1.0, -2.0, 0.5, 1.5]).double(), 0.03
    model[1].weight.data = torch.stack([torch.zeros(4).double(), weight])
    model[1].bias.data = torch.tensor([0.0, bias - 0.5 * weight.sum().item()]).double()
    through = slices.Plane(image.double(), through.across, through.upwards)
    found = slices.cut(model, through, reach=0.4, count=21)
    slope = [(weight * axis.flatten()).sum() for axis in (through.across, through.upwards)]
    x, y = found.coordinates, found.coordinates[:, None]
    expected = (bias + slope[0] * x + slope[1] * y > 0).long()
    assert found.inside.all()
    assert torch.equal(found.answers, expected)
    assert 0 < expected.sum() < expected.numel()


def test_a_circle_in_the_plane_holds_what_is_no_farther_once_it_is_cut() -> None:
    through = plane(seed=5)
    x = torch.linspace(-2, 2, 41, dtype=torch.float64)
    grid = torch.cartesian_prod(x, x)
    moved = through.point(grid[:, 0], grid[:, 1]).clamp(0, 1) - through.image.double()
    assert (moved.flatten(1).norm(dim=1) <= grid.norm(dim=1) + 1e-12).all()


def test_the_image_itself_is_in_the_middle_and_in_the_box() -> None:
    image = torch.tensor([0.0, 1.0, 0.0, 1.0]).view(1, 2, 2)
    through = slices.through(image, random(1, 2, 2), random(1, 2, 2, seed=1))
    found = slices.cut(nn.Flatten().eval(), through, reach=0.7, count=15)
    assert found.coordinates[7] == 0
    assert found.coordinates[-1].item() == pytest.approx(0.7)
    assert found.inside[7, 7]
    assert found.answers[7, 7] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"toward": torch.full((1, 2, 2), 0.5)}, "toward: need an image other than the first"),
        ({"toward": torch.full((1, 2, 2), 2.0)}, r"toward: need values in \[0, 1\]"),
        ({"toward": torch.full((1, 4, 1), 0.2)}, r"toward: need shape \[1, 2, 2\]"),
        ({"aside": torch.full((1, 2, 2), math.nan)}, "aside: need finite values"),
        ({"aside": torch.full((1, 2, 2), -3.0)}, "aside: need a direction that leads away"),
        ({"aside": torch.zeros(1, 2, 2)}, "aside: need a direction that leads away"),
    ],
)
def test_a_plane_that_is_none_is_refused(change: dict[str, Tensor], message: str) -> None:
    given: dict[str, Any] = {
        "image": torch.full((1, 2, 2), 0.5),
        "toward": torch.full((1, 2, 2), 0.75),
        "aside": random(1, 2, 2),
    }
    with pytest.raises(ValueError, match=message):
        slices.through(**given | change)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reach": 0.0}, "reach: need a finite length above 0, got 0.0"),
        ({"reach": math.nan}, "reach: need"),
        ({"reach": 1.0, "count": 0}, "count: need"),
    ],
)
def test_a_grid_that_is_none_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        slices.cut(network(), plane(), **options)


def test_a_network_in_training_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="evaluation mode"):
        slices.cut(network().train(), plane(), reach=1.0)
