"""Units: features, directions, top images, measures of coherence, and tests that can give both answers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from helpers import figures, models, training, units
from helpers.intervals import Estimate


def compare(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> units.Comparison:
    return units.compare(first, second, margin=0.1, resamples=500, seed=0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def convnet() -> torch.nn.Sequential:
    model = models.build("ConvNet")
    training.initialise(model, seeded())
    return model


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(7, 1, 28, 28, generator=seeded())


def detectors(count: int = 2000) -> tuple[Tensor, Tensor]:
    """A layer of 200 units, twenty for each digit, each active for that digit alone, and rarely: features [count, 200], labels [count]."""
    labels = torch.arange(count) % 10
    active = (torch.rand(count, 200, generator=seeded(1)) < 0.2) & (torch.arange(200) % 10 == labels[:, None])
    return torch.rand(count, 200, generator=seeded(2)) * active, labels


def isotropic(count: int = 2000) -> tuple[Tensor, Tensor]:
    """A layer of 200 units that are independent standard normal variables, whatever the label."""
    return torch.randn(count, 200, generator=seeded(3)), torch.arange(count) % 10


def purity(features: Tensor, labels: Tensor, kind: str) -> np.ndarray[Any, Any]:
    top = units.top_images(features, units.directions(kind, features.shape[1], 200, seeded(4), features), 10)
    return units.coherence(top, labels, {})["purity"].to_numpy()


# features


def test_features_are_what_the_layer_puts_out(convnet: torch.nn.Sequential, images: Tensor) -> None:
    expected = images
    for name, module in convnet.named_children():
        expected = module(expected)
        torch.testing.assert_close(units.features(convnet, name, images, batch_size=3), expected.flatten(1).detach(), atol=1e-5, rtol=1e-5)


def test_features_of_channels_are_means_over_positions(convnet: torch.nn.Sequential, images: Tensor) -> None:
    flat = units.features(convnet, "pool1", images)
    assert flat.shape == (7, 16 * 14 * 14)
    torch.testing.assert_close(units.features(convnet, "pool1", images, spatial="mean"), flat.view(7, 16, -1).mean(dim=2))
    torch.testing.assert_close(units.features(convnet, "relu3", images, spatial="mean"), units.features(convnet, "relu3", images))


def test_several_layers_in_one_pass(convnet: torch.nn.Sequential, images: Tensor) -> None:
    found = units.activations(convnet, {"pool1": "mean", "relu3": "flatten"}, images)
    assert {layer: list(phi.shape) for layer, phi in found.items()} == {"pool1": [7, 16], "relu3": [7, 128]}


def test_features_need_no_gradient_and_leave_no_hook(convnet: torch.nn.Sequential, images: Tensor) -> None:
    assert not units.features(convnet, "relu3", images).requires_grad
    assert not convnet.get_submodule("relu3")._forward_hooks
    with pytest.raises(RuntimeError):
        units.features(convnet, "relu3", torch.rand(2, 3, 28, 28))
    assert not convnet.get_submodule("relu3")._forward_hooks


def test_features_of_no_images(convnet: torch.nn.Sequential, images: Tensor) -> None:
    assert units.features(convnet, "relu3", images[:0]).shape == (0, 128)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "relu9"}, "unknown layer 'relu9': choose one of conv1, relu1"),
        ({"layer": ""}, "unknown layer ''"),
        ({"spatial": "max"}, "unknown spatial 'max'"),
        ({"images": torch.full((1, 1, 28, 28), 2.0)}, r"images: need values in \[0, 1\]"),
    ],
)
def test_features_refuse(convnet: torch.nn.Sequential, images: Tensor, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        units.features(convnet, **{"layer": "relu3", "images": images} | options)


def test_live_units_rise_above_their_least_value_often_enough() -> None:
    table = torch.tensor([[0.0, 1.0, 0.0, -1.0], [0.0, 1.0, 2.0, 0.0], [0.0, 1.0, 0.0, 3.0]])
    assert units.live(table, 1).tolist() == [False, False, True, True]
    assert units.live(table, 2).tolist() == [False, False, False, True]


# directions


@pytest.mark.parametrize("kind", units.KINDS)
def test_directions_have_unit_length_and_repeat(kind: str) -> None:
    layer = detectors()[0]
    found = units.directions(kind, 200, 25, seeded(), layer)
    assert found.shape == (25, 200)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(25))
    assert torch.equal(found, units.directions(kind, 200, 25, seeded(), layer))


def test_units_are_different_basis_vectors_in_order() -> None:
    found = units.directions("unit", 50, 20, seeded())
    assert found.sum(dim=1).tolist() == [1.0] * 20
    numbers = found.argmax(dim=1).tolist()
    assert numbers == sorted(set(numbers))
    assert torch.equal(units.directions("unit", 50, 50, seeded()), torch.eye(50))


@pytest.mark.parametrize("dimension", [1, 2, 100, 400])
def test_a_whole_rotation_is_orthogonal(dimension: int) -> None:
    basis = units.directions("rotation", dimension, dimension, seeded())
    assert (basis @ basis.T - torch.eye(dimension)).abs().max() < 1e-5


def test_rotations_favour_no_orthant() -> None:
    """Without its sign fix, QR gives a basis whose first vector points the same way too often."""
    first = torch.stack([units.directions("rotation", 3, 1, seeded(seed))[0] for seed in range(300)])
    assert first.mean(dim=0).abs().max() < 0.15


def test_principal_components_find_the_axes_of_an_ellipsoid() -> None:
    basis = units.directions("rotation", 5, 5, seeded())
    points = torch.randn(20_000, 5, generator=seeded(1)) * torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0]) @ basis + 7
    cosines = (units.directions("pca", 5, 3, seeded(), points) * basis[:3]).sum(dim=1)
    assert cosines.abs().min() > 0.99


def test_few_of_many_principal_components_are_the_first() -> None:
    matrix = torch.randn(1_100, 1_100, generator=seeded(), dtype=torch.float64)
    matrix = matrix @ matrix.T
    few, more = units._leading_eigenvectors(matrix, 3), units._leading_eigenvectors(matrix, 200)[:3]
    torch.testing.assert_close((few * more).sum(dim=1).abs(), torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize(
    ("kind", "count", "layer", "message"),
    [
        ("ica", 3, None, "unknown kind 'ica': choose one of unit, random, rotation, pca"),
        ("unit", 9, None, "count: need 1 to 8 directions of kind 'unit'"),
        ("rotation", 9, None, "count: need 1 to 8"),
        ("random", 0, None, "count"),
        ("pca", 3, None, r"features: principal components need features \[N, 8\].*got none"),
        ("pca", 3, torch.zeros(5, 7), r"got \[5, 7\]"),
    ],
)
def test_directions_refuse(kind: str, count: int, layer: Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        units.directions(kind, 8, count, seeded(), layer)


# images


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), total=st.integers(1, 30), dimension=st.integers(1, 5), values=st.integers(1, 4), data=st.data())
def test_top_images_are_those_of_a_brute_force_search(seed: int, total: int, dimension: int, values: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, total))
    layer = torch.randint(values, (total, dimension), generator=seeded(seed)).float()  # few values, so that many are equal
    along = torch.randint(-2, 3, (3, dimension), generator=seeded(seed + 1)).float()
    found = units.top_images(layer, along, k)
    for row, direction in zip(found, along, strict=True):
        scores = [sum(float(a) * float(b) for a, b in zip(point, direction, strict=True)) for point in layer]
        assert row.tolist() == sorted(range(total), key=lambda image: (-scores[image], image))[:k]


@pytest.mark.parametrize(
    ("layer", "along", "k", "message"),
    [
        (torch.zeros(5, 3), torch.zeros(2, 4), 1, r"directions: need shape \[count, d\]"),
        (torch.zeros(5, 3), torch.zeros(3), 1, "directions"),
        (torch.zeros(5, 3), torch.zeros(2, 3), 6, "k: need 1 to 5 images, got 6"),
        (torch.zeros(5, 3), torch.zeros(2, 3), 0, "k: need"),
        (torch.full((5, 3), torch.nan), torch.zeros(2, 3), 1, "features: need finite values"),
    ],
)
def test_top_images_refuse(layer: Tensor, along: Tensor, k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        units.top_images(layer, along, k)


def test_random_images_are_different_ones() -> None:
    found = units.random_images(20, 50, 15, seeded())
    assert found.shape == (50, 15)
    assert all(len(set(row.tolist())) == 15 for row in found)
    with pytest.raises(ValueError, match="k: need 1 to 20"):
        units.random_images(20, 1, 21, seeded())


def test_nearest_images_begin_with_the_image_itself() -> None:
    points = torch.tensor([[0.0], [10.0], [1.0], [3.0], [10.5]])
    assert units.nearest_images(points, torch.tensor([0, 4]), 3).tolist() == [[0, 2, 3], [4, 1, 3]]
    with pytest.raises(ValueError, match="k: need 1 to 5"):
        units.nearest_images(points, torch.tensor([0]), 6)


# measures


def test_purity_and_entropy_of_known_rows() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 2, 3])
    found = units.coherence(torch.tensor([[0, 1, 2, 3], [0, 1, 4, 5], [0, 4, 6, 7]]), labels, {})
    assert found["purity"].tolist() == [1.0, 0.5, 0.25]
    assert found["entropy"].tolist() == pytest.approx([0.0, 1.0, 2.0])


def test_similarity_is_the_mean_over_pairs() -> None:
    points, top = torch.rand(30, 6, generator=seeded()), units.random_images(30, 4, 5, seeded())
    centred = (points - points.mean(dim=0)).double()
    expected = [
        np.mean([torch.cosine_similarity(centred[i], centred[j], dim=0).item() for place, i in enumerate(row) for j in row[:place]]) for row in top.tolist()
    ]
    assert units.coherence(top, torch.zeros(30, dtype=torch.int64), {"pixels": points})["pixels"].tolist() == pytest.approx(expected, abs=1e-6)


def test_images_at_random_are_not_alike_and_equal_ones_are() -> None:
    points = torch.rand(500, 20, generator=seeded())
    points[:10] = points[0]
    labels = torch.zeros(500, dtype=torch.int64)
    assert units.coherence(torch.arange(10)[None], labels, {"pixels": points})["pixels"].item() == pytest.approx(1)
    assert abs(units.coherence(units.random_images(500, 200, 10, seeded()), labels, {"pixels": points})["pixels"].mean()) < 0.01


@pytest.mark.parametrize(
    ("top", "labels", "spaces", "message"),
    [
        (torch.zeros(3, 1, dtype=torch.int64), torch.zeros(9, dtype=torch.int64), {}, "top: need shape"),
        (torch.zeros(3, 2, dtype=torch.int64), torch.zeros(9), {}, "labels: need an int64 tensor"),
        (torch.zeros(3, 2, dtype=torch.int64), torch.zeros(9, dtype=torch.int64), {"judge": torch.zeros(8, 4)}, r"need judge of shape \[9, m\]"),
    ],
)
def test_coherence_refuses(top: Tensor, labels: Tensor, spaces: dict[str, Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        units.coherence(top, labels, spaces)


def test_scaled_puts_the_baselines_at_zero_and_one() -> None:
    floor, ceiling = pd.DataFrame({"purity": [0.2, 0.4], "entropy": [2.0, 3.0]}), pd.DataFrame({"purity": [0.8], "entropy": [0.5]})
    found = units.scaled(pd.DataFrame({"purity": [0.3, 0.8], "entropy": [2.5, 1.5]}), floor, ceiling)
    assert found["purity"].tolist() == pytest.approx([0, 1])
    assert found["entropy"].tolist() == pytest.approx([0, 0.5])


# comparisons


def test_planted_detectors_differ_from_random_directions_until_they_are_rotated() -> None:
    layer, labels = detectors()
    rotated = layer @ units.directions("rotation", 200, 200, seeded(5)).T
    found = {name: compare(purity(points, labels, "unit"), purity(points, labels, "random")) for name, points in {"planted": layer, "rotated": rotated}.items()}
    assert purity(layer, labels, "unit").min() == 1
    assert found["planted"].difference.low > 0.2
    assert abs(found["rotated"].difference.value) < 0.05
    assert units.verdicts(found) == {"planted": "more", "rotated": "same"}


def test_planted_detectors_differ_from_a_rotation() -> None:
    layer, labels = detectors()
    assert compare(purity(layer, labels, "unit"), purity(layer, labels, "rotation")).difference.low > 0.2


@pytest.mark.parametrize("kind", ["random", "rotation", "pca"])
def test_an_isotropic_layer_shows_no_difference(kind: str) -> None:
    layer, labels = isotropic()
    found = compare(purity(layer, labels, "unit"), purity(layer, labels, kind))
    assert abs(found.difference.value) < 0.05
    assert found.different > 0.05
    assert units.verdicts({kind: found}) == {kind: "same"}


def test_few_directions_leave_a_difference_open() -> None:
    values = np.random.default_rng(0).normal(size=(2, 4))
    found = compare(*values)
    assert units.verdicts({"few": found}) == {"few": "open"}


def test_less_and_more_are_mirror_images() -> None:
    low, high = np.random.default_rng(0).normal([[0.0], [1.0]], size=(2, 50))
    found = {"up": compare(high, low), "down": compare(low, high)}
    assert units.verdicts(found) == {"up": "more", "down": "less"}
    assert found["up"].difference.value == pytest.approx(-found["down"].difference.value)
    assert found["up"].same == pytest.approx(found["down"].same)


def test_the_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    found = [units._interval(generator.normal(0.5, size=40), generator.normal(0, size=40), 300, seed) for seed in range(100)]
    assert 88 <= sum(estimate.low < 0.5 < estimate.high for estimate in found) <= 99


def test_the_equivalence_test_errs_no_more_often_than_it_says() -> None:
    """At a true difference of exactly the margin, "same" is wrong; 5 % of 400 samples are 20."""
    generator = np.random.default_rng(0)
    wrong = sum(units._equivalence(generator.normal(0.1, 0.2, size=60), generator.normal(0, 0.2, size=60), 0.1) < 0.05 for _ in range(400))
    assert 5 < wrong < 35


def test_constant_values_compare_without_a_warning() -> None:
    ones = np.ones(10)
    same, apart = compare(ones, ones), compare(ones, ones - 0.5)
    assert (same.same, apart.same) == (0, 1)
    assert apart.difference.value == apart.difference.low == apart.difference.high == 0.5
    assert apart.different < 0.05 < same.different


@pytest.mark.parametrize(
    ("first", "margin", "message"),
    [
        (np.array([1.0]), 0.1, "first: need a vector of at least two finite values"),
        (np.array([1.0, np.nan]), 0.1, "first: need"),
        (np.array([1.0, 2.0]), 0.0, "margin: need a positive number, got 0"),
    ],
)
def test_compare_refuses(first: np.ndarray[Any, Any], margin: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        units.compare(first, np.array([1.0, 2.0]), margin=margin, resamples=100, seed=0)


# figures of the chapter


def test_interval_rows_draw_a_dot_with_its_interval_for_every_series_of_every_row() -> None:
    values = {
        "conv 1": {"unit": Estimate(0.5, 0.4, 0.6, 9), "random": Estimate(0.3, 0.2, 0.4, 9)},
        "conv 2": dict.fromkeys(["unit", "random"], Estimate(1, 0, 2, 9)),
    }
    axes = figures.interval_rows({"purity": values, "judge": values}, lines={"floor": 0, "ceiling": 1}).axes
    assert [axis.get_title() for axis in axes] == ["purity", "judge"]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["conv 1", "conv 2"]
    drawn = {line.get_label(): list(np.asarray(line.get_xdata())) for line in axes[0].lines}
    assert drawn["unit"] == [0.5, 1]
    assert drawn["random"] == [0.3, 1]


def test_curve_panels_draw_every_curve() -> None:
    curves = {"unit": [Estimate(0.9, 0.8, 1, 9), Estimate(0.7, 0.6, 0.8, 9)]}
    axes = figures.curve_panels({"hidden 1": curves, "hidden 2": curves}, (2, 50)).axes
    assert [list(np.asarray(axis.lines[0].get_ydata())) for axis in axes] == [[0.9, 0.7], [0.9, 0.7]]
