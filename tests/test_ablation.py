"""Ablation: selectivity and damage of planted units, whose part in the answer is known."""

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from helpers import comparison, models
from helpers.models import training
from helpers.units import ablation

CLASSES = 4


def planted(
    weights: list[float], generator: torch.Generator
) -> tuple[nn.Sequential, Tensor, Tensor]:
    """A net whose units each detect one class, but for the last, which is on for every image.

    Unit i detects class i modulo CLASSES, with the weight i of these in the answer; the last one
    has a weight on the first class. With images [400, 1, 1, units], and labels.
    """
    labels = torch.arange(400) % CLASSES
    detectors = torch.arange(len(weights)) % CLASSES == labels[:, None]
    images = torch.cat(
        [
            detectors * (0.8 + 0.2 * torch.rand(400, len(weights), generator=generator)),
            torch.ones(400, 1),
        ],
        dim=1,
    )
    units = len(weights) + 1
    model = nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            hidden=nn.Linear(units, units, bias=False),
            relu=nn.ReLU(),
            logits=nn.Linear(units, CLASSES),
        )
    )
    with torch.no_grad():
        model.hidden.weight.copy_(torch.eye(units))
        model.logits.weight.zero_()
        model.logits.bias.zero_()
        for unit, weight in enumerate(weights):
            model.logits.weight[unit % CLASSES, unit] = weight
        model.logits.weight[0, -1] = 0.5
    return model.requires_grad_(requires_grad=False), images[:, None, None], labels


def test_selectivity_of_known_units() -> None:
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    features = torch.tensor(
        [
            [1.0, 2.0, 0.0, 3.0],
            [3.0, 2.0, 0.0, 3.0],
            [0.0, 2.0, 0.0, 1.0],
            [0.0, 2.0, 0.0, 1.0],
            [0.0, 2.0, 0.0, 1.0],
            [0.0, 2.0, 0.0, 1.0],
        ]
    )
    assert ablation.selectivity(features, labels).tolist() == pytest.approx([1, 0, 0, 0.5])
    with pytest.raises(ValueError, match="features: need values of at least 0, got -1"):
        ablation.selectivity(-features[:, :1].clamp_max(1), labels)
    with pytest.raises(ValueError, match="labels: need shape"):
        ablation.selectivity(features, labels[:3])


def test_the_only_detector_of_a_class_costs_that_class(generator: torch.Generator) -> None:
    model, images, labels = planted([1.0] * CLASSES, generator)
    found = ablation.damage(model, "relu", images, labels, reference=images)
    # Without its detector an image of class 1 to 3 is taken for class 0; the constant unit and
    # class 0's own cost nothing.
    assert found["accuracy"].tolist() == pytest.approx([0, 0.25, 0.25, 0.25, 0], abs=1e-9)
    assert found["cross-entropy"][:CLASSES].min() > 0.02


def test_the_mean_takes_what_a_unit_says_and_zero_what_it_adds(generator: torch.Generator) -> None:
    model, images, labels = planted(
        [0.1] * CLASSES, generator
    )  # the constant unit's 0.5 outweighs every detector: all images go to class 0
    by_mean, by_zero = (
        ablation.damage(model, "relu", images, labels, reference=reference)
        for reference in (images, None)
    )
    assert by_mean["accuracy"].iloc[-1] == 0  # a constant unit says nothing
    assert by_mean["cross-entropy"].iloc[-1] == pytest.approx(0, abs=1e-9)
    assert by_zero["accuracy"].iloc[-1] == -0.75  # without what it adds, every image is right


@pytest.mark.parametrize(
    ("weights", "expected"), [([1.0, 1.0, 1.0, 1.0], 1), ([1.0, 2.0, 4.0, 8.0], -1)]
)
def test_planted_importance_follows_selectivity_or_not(
    weights: list[float], expected: int, generator: torch.Generator
) -> None:
    """Detectors that are less selective from unit to unit.

    Their weight in the answer stays, or makes up for it and more.
    """
    model, images, labels = planted(weights, generator)
    share = torch.tensor([0.0, 0.2, 0.4, 0.6])
    images[..., :CLASSES] = (1 - share) * images[..., :CLASSES] + share / CLASSES
    model.logits.weight[0, -1] = 0
    selective = ablation.selectivity(model[:3](images), labels).numpy()[:CLASSES]
    lost = ablation.damage(model, "relu", images, labels, reference=images)[
        "cross-entropy"
    ].to_numpy()[:CLASSES]
    assert np.all(np.diff(selective) < 0)
    assert comparison.rank_correlation(
        selective, lost, resamples=200, seed=0
    ).value == pytest.approx(expected)


def test_damage_is_that_of_a_net_without_the_unit() -> None:
    """By surgery: the next layer's weights of the unit, or of the map's channel, at zero."""
    generator = torch.Generator().manual_seed(0)
    model = models.build("ConvNet")
    training.initialise(model, generator)
    images, labels = (
        torch.rand(60, 1, 28, 28, generator=generator),
        torch.randint(10, (60,), generator=generator),
    )
    found = ablation.damage(model, "relu3", images, labels, batch_size=25)
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model(images), labels)
        model.logits.weight[:, 5] = 0
        assert found["cross-entropy"][5] == pytest.approx(
            (nn.functional.cross_entropy(model(images), labels) - loss).item(), abs=1e-5
        )
    loss, channels = (
        nn.functional.cross_entropy(model(images), labels).item(),
        ablation.damage(model, "pool1", images, labels),
    )
    with torch.no_grad():
        model.conv2.weight[:, 3] = 0
        assert channels["cross-entropy"][3] == pytest.approx(
            nn.functional.cross_entropy(model(images), labels).item() - loss, abs=1e-5
        )
    assert len(channels) == 16


@pytest.mark.parametrize(
    ("layer", "labels", "message"),
    [("nowhere", 7, "unknown layer 'nowhere'"), ("relu3", 6, "labels: need shape")],
)
def test_damage_refuses(layer: str, labels: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ablation.damage(
            models.build("ConvNet"),
            layer,
            torch.rand(7, 1, 28, 28),
            torch.zeros(labels, dtype=torch.int64),
        )


def test_rank_correlation_is_spearmans() -> None:
    first, second = np.random.default_rng(0).integers(5, size=(2, 40)).astype(float)
    found = comparison.rank_correlation(first, second, resamples=400, seed=0)
    assert found.value == pytest.approx(stats.spearmanr(first, second).statistic)
    options = {
        "paired": True,
        "vectorized": False,
        "n_resamples": 400,
        "method": "percentile",
        "rng": np.random.default_rng(1),
    }
    expected = stats.bootstrap(
        (first, second), lambda x, y: stats.spearmanr(x, y).statistic, **options
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.06)
    assert comparison.rank_correlation(
        first, first**3, resamples=100, seed=0
    ).value == pytest.approx(1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.ones(5), np.arange(5.0)),
        (np.arange(2.0), np.arange(2.0)),
        (np.arange(4.0), np.arange(5.0)),
    ],
)
def test_rank_correlation_refuses(first: np.ndarray, second: np.ndarray) -> None:
    with pytest.raises(ValueError, match="first, second: need vectors"):
        comparison.rank_correlation(first, second, resamples=10, seed=0)


def test_the_last_layers_units_and_modules_that_overwrite_their_input_are_taken(
    generator: torch.Generator,
) -> None:
    model, images, labels = planted([2.0, 1.0, 2.0, 1.5], generator)
    last = ablation.damage(model, "logits", images, labels)
    logits = model(images)
    for unit in range(CLASSES):
        clamped = logits.clone()
        clamped[:, unit] = 0
        right = [
            (values.argmax(dim=1) == labels).double().mean().item() for values in (logits, clamped)
        ]
        assert last.loc[unit, "accuracy"] == pytest.approx(right[0] - right[1])
    model.hidden.weight.sub_(0.5)  # so that the ReLU has something to cut off
    assert (model.hidden(model.flatten(images)) < 0).any()
    expected = ablation.damage(model, "hidden", images, labels)
    model.relu.inplace = True
    np.testing.assert_array_equal(ablation.damage(model, "hidden", images, labels), expected)


def test_a_child_is_found_where_a_module_stands_twice(generator: torch.Generator) -> None:
    """The same ReLU after both hidden layers: the places of the later children must not shift."""
    relu, first, second, last = nn.ReLU(), nn.Linear(6, 5), nn.Linear(5, 4), nn.Linear(4, 3)
    twice = nn.Sequential(nn.Flatten(), first, relu, second, relu, last)
    apart = nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), last)
    images = torch.rand(20, 1, 2, 3, generator=generator)
    labels = torch.randint(3, (20,), generator=generator)
    for layer in ("3", "4", "5"):
        found, expected = (
            ablation.damage(model, layer, images, labels) for model in (twice, apart)
        )
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_damage_in_half_precision_is_near_that_in_single(
    dtype: torch.dtype, generator: torch.Generator
) -> None:
    model, images, labels = planted([1.0] * CLASSES, generator)
    # Sums of these activations are beyond what half precision holds; their means are not.
    images = torch.cat([images] * 200)
    model.hidden.weight.mul_(10)
    labels, reference = labels.repeat(200)[:400], images
    single = ablation.damage(model, "relu", images[:400], labels, reference=reference)
    half = ablation.damage(
        model.to(dtype),
        "relu",
        images[:400].to(dtype),
        labels,
        reference=reference.to(dtype),
        batch_size=80_000,
    )
    np.testing.assert_allclose(half, single, atol=0.05)


def test_damage_under_inference_mode_and_with_gradients_is_the_same(
    generator: torch.Generator,
) -> None:
    model, images, labels = planted([2.0, 1.0, 2.0, 1.5], generator)
    expected = ablation.damage(model, "relu", images, labels)
    with torch.inference_mode():
        np.testing.assert_array_equal(
            ablation.damage(model, "relu", images.clone(), labels), expected
        )
    model.requires_grad_(requires_grad=True)
    found = ablation.damage(model, "relu", images.requires_grad_(), labels)
    np.testing.assert_array_equal(found, expected)


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


class First(nn.Module):
    def forward(self, both: tuple[Tensor, Tensor]) -> Tensor:
        return both[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size: need an integer of at least 1, got 0"),
        ({"images": torch.rand(7, 1, 2, 2)}, r"images: need a size that fits.*got \[1, 2, 2\]"),
        ({"images": torch.rand(0, 1, 2, 3)}, "images: need at least one"),
        ({"images": torch.rand(7, 1, 2, 3) + 1}, r"images: need values in \[0, 1\]"),
        ({"images": torch.rand(7, 1, 2, 3).double()}, "model: need the images' dtype"),
        ({"labels": torch.full((7,), 3)}, r"labels: need class numbers in \[0, 2\], got 3"),
        ({"reference": torch.rand(0, 1, 2, 3)}, "reference: need at least one image"),
        ({"reference": torch.rand(5, 1, 2, 2)}, r"reference: need .*shape \[1, 2, 3\]"),
        ({"layer": "2"}, "layer: need an output.*got tuple from '2'"),
    ],
)
def test_damage_refuses_what_would_be_nonsense(options: dict[str, Any], message: str) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 3), Pair(), First())
    good = {
        "layer": "1",
        "images": torch.rand(7, 1, 2, 3),
        "labels": torch.zeros(7, dtype=torch.int64),
    }
    with pytest.raises(ValueError, match=message):
        ablation.damage(model, **good | options)


def test_damage_refuses_models_that_it_cannot_cut_or_that_change() -> None:
    images, labels = torch.rand(7, 1, 2, 3), torch.zeros(7, dtype=torch.int64)
    layers = (nn.Flatten(), nn.Linear(6, 6), nn.Dropout(), nn.Linear(6, 3))
    with pytest.raises(ValueError, match="model: need eval mode, got Dropout"):
        ablation.damage(nn.Sequential(*layers), "1", images, labels)
    with pytest.raises(ValueError, match=r"model: need nn\.Sequential, got Linear"):
        ablation.damage(nn.Linear(6, 3), "1", images, labels)
    pair = nn.Sequential(nn.Flatten(), nn.Linear(6, 3), Pair())
    with pytest.raises(ValueError, match=r"model: need logits of shape \[N, K\], got tuple"):
        ablation.damage(pair, "1", images, labels)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (torch.tensor([[1.0], [torch.nan]]), torch.tensor([0, 1]), "features: need finite"),
        (torch.tensor([[1], [2]]), torch.tensor([0, 1]), "features: need a floating-point"),
        (torch.tensor([1.0, 2.0]), torch.tensor([0, 1]), r"features: need shape \[N, d\]"),
        (torch.tensor([[1.0], [2.0]]), torch.tensor([3, 3]), "labels: need at least two classes"),
    ],
)
def test_selectivity_refuses(features: Tensor, labels: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ablation.selectivity(features, labels)


def test_selectivity_leaves_no_graph() -> None:
    features = torch.tensor([[1.0], [3.0]], requires_grad=True)
    found = ablation.selectivity(features, torch.tensor([0, 1]))
    assert not found.requires_grad
    assert found.tolist() == [0.5]
