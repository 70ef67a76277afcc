"""Units: features, top images, measures of coherence, and tests that can give both answers."""

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from helpers import comparison, models, units
from helpers.models import training
from helpers.units.bases import POSITIVE


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


# features


def test_features_are_what_the_layer_puts_out(convnet: torch.nn.Sequential, images: Tensor) -> None:
    expected = images
    for name, module in convnet.named_children():
        expected = module(expected)
        torch.testing.assert_close(
            units.features(convnet, name, images, batch_size=3),
            expected.flatten(1).detach(),
            atol=1e-5,
            rtol=1e-5,
        )


def test_features_of_channels_are_means_over_positions(
    convnet: torch.nn.Sequential, images: Tensor
) -> None:
    flat = units.features(convnet, "pool1", images)
    assert flat.shape == (7, 16 * 14 * 14)
    torch.testing.assert_close(
        units.features(convnet, "pool1", images, spatial="mean"), flat.view(7, 16, -1).mean(dim=2)
    )
    torch.testing.assert_close(
        units.features(convnet, "relu3", images, spatial="mean"),
        units.features(convnet, "relu3", images),
    )


def test_several_layers_in_one_pass(convnet: torch.nn.Sequential, images: Tensor) -> None:
    found = units.activations(convnet, {"pool1": "mean", "relu3": "flatten"}, images)
    assert {layer: list(phi.shape) for layer, phi in found.items()} == {
        "pool1": [7, 16],
        "relu3": [7, 128],
    }


def test_features_need_no_gradient_and_leave_no_hook(
    convnet: torch.nn.Sequential, images: Tensor
) -> None:
    assert not units.features(convnet, "relu3", images).requires_grad
    assert not convnet.get_submodule("relu3")._forward_hooks
    with pytest.raises(ValueError, match=r"images: need a size that fits.*got \[3, 28, 28\]"):
        units.features(convnet, "relu3", torch.rand(2, 3, 28, 28))
    assert not convnet.get_submodule("relu3")._forward_hooks
    with pytest.raises(RuntimeError, match="half way"):
        units.features(Breaks(), "layer", images, batch_size=3)


class Breaks(torch.nn.Module):
    """Fails at its third call."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = torch.nn.Flatten(), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.calls > 2:
            assert self.layer._forward_hooks
            raise RuntimeError("half way")
        return self.layer(x)  # type: ignore[no-any-return]


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
def test_features_refuse(
    convnet: torch.nn.Sequential, images: Tensor, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        units.features(convnet, **{"layer": "relu3", "images": images} | options)


def net(*modules: torch.nn.Module) -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 6), *modules)


class Tail(torch.nn.Module):
    """Puts out a tuple; does not use one of its parts, and makes two rows an image in another."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.unused = net(torch.nn.ReLU()), torch.nn.ReLU()
        self.pairs, self.apart = torch.nn.Flatten(0, 1), torch.nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        values = self.body(x)
        return self.pairs(values[:, None, :].expand(-1, 2, -1)), self.apart((values, values))


def test_a_module_that_is_used_twice_is_refused_by_either_name(images: Tensor) -> None:
    """Its two outputs would follow each other: 2 N rows for N images."""
    relu = torch.nn.ReLU()
    model = net(relu, torch.nn.Linear(6, 6), relu)
    for layer in ("2", "4"):
        with pytest.raises(ValueError, match=f"layer: need a module.*'{layer}', used 2 times"):
            units.features(model, layer, images)
    assert units.features(model, "3", images).shape == (7, 6)
    assert not relu._forward_hooks


def test_what_a_layer_puts_out_is_kept_before_the_next_one_overwrites_it(images: Tensor) -> None:
    apart, over = net(torch.nn.ReLU()), net(torch.nn.ReLU(inplace=True))
    found = units.features(over, "1", images)
    assert (found < 0).any()
    assert torch.equal(found, units.features(apart, "1", images))


def test_layers_of_a_model_with_several_outputs(images: Tensor) -> None:
    model = Tail()
    assert units.features(model, "body.1", images).shape == (7, 6)
    for layer, message in {
        "unused": "'unused', used 0 times",
        "apart": r"layer: need an output of shape \[N, ...\], got tuple from 'apart'",
        "pairs": "layer: need one row an image, got 14 for 7 images from 'pairs'",
    }.items():
        with pytest.raises(ValueError, match=message):
            units.features(model, layer, images)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_takes_images_in_it(
    dtype: torch.dtype, convnet: torch.nn.Sequential, images: Tensor
) -> None:
    half = copy.deepcopy(convnet).to(dtype)
    found = units.features(half, "relu3", images.to(dtype))
    assert found.dtype == dtype
    expected = units.features(convnet, "relu3", images)
    torch.testing.assert_close(found.float(), expected, atol=0.02, rtol=0.05)
    with pytest.raises(ValueError, match=f"model: need the images' dtype torch.float32.*{dtype}"):
        units.features(half, "relu3", images)


@pytest.mark.parametrize("batch_size", [0, -3, 2.5, True])
def test_another_batch_size_than_a_count_is_refused(
    batch_size: Any, convnet: torch.nn.Sequential, images: Tensor
) -> None:
    with pytest.raises(ValueError, match="batch_size: need an integer of at least 1"):
        units.features(convnet, "relu3", images, batch_size=batch_size)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (torch.nn.Dropout(), "Dropout"),
        (torch.nn.AlphaDropout(), "AlphaDropout"),
        (torch.nn.BatchNorm1d(6), "BatchNorm1d"),
        (torch.nn.RReLU(), "RReLU"),
    ],
)
def test_a_model_that_changes_in_training_mode_is_refused_in_it(
    module: torch.nn.Module, name: str, images: Tensor
) -> None:
    model = net(module)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=f"model: need eval mode, got {name} in training mode"):
        units.features(model, "1", images)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert units.features(model.eval(), "1", images).shape == (7, 6)


def test_features_under_inference_mode_are_the_same(
    convnet: torch.nn.Sequential, images: Tensor
) -> None:
    expected = units.features(convnet, "relu3", images)
    with torch.inference_mode():
        assert torch.equal(units.features(convnet, "relu3", images.clone()), expected)


def test_an_error_of_the_machine_is_not_taken_for_one_of_the_images(images: Tensor) -> None:
    class Full(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        units.features(torch.nn.Sequential(Full()), "0", images)


def test_a_mean_needs_positions(images: Tensor) -> None:
    model = torch.nn.Sequential(torch.nn.Flatten(2), torch.nn.Flatten())
    assert units.features(model, "0", images).shape == (7, 784)
    with pytest.raises(ValueError, match=r"spatial: need maps.*got \[1, 1, 784\]"):
        units.features(model, "0", images[:1], spatial="mean")


def test_live_units_rise_above_their_least_value_often_enough() -> None:
    table = torch.tensor([[0.0, 1.0, 0.0, -1.0], [0.0, 1.0, 2.0, 0.0], [0.0, 1.0, 0.0, 3.0]])
    assert units.live(table, 1).tolist() == [False, False, True, True]
    assert units.live(table, 2).tolist() == [False, False, False, True]


# images


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    total=st.integers(1, 30),
    dimension=st.integers(1, 5),
    values=st.integers(1, 4),
    data=st.data(),
)
def test_top_images_are_those_of_a_brute_force_search(
    seed: int, total: int, dimension: int, values: int, data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, total))
    layer = torch.randint(
        values, (total, dimension), generator=seeded(seed)
    ).float()  # few values, so that many are equal
    along = torch.randint(-2, 3, (3, dimension), generator=seeded(seed + 1)).float()
    found = units.top_images(layer, along, k)
    for row, direction in zip(found, along, strict=True):
        scores = [
            sum(float(a) * float(b) for a, b in zip(point, direction, strict=True))
            for point in layer
        ]
        assert row.tolist() == sorted(range(total), key=lambda image: (-scores[image], image))[:k]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000), total=st.sampled_from([1, 2, 4, 8, 16, 32]), data=st.data()
)  # powers of two, so that the mean is exact
def test_two_sided_top_images_are_those_of_a_brute_force_search(
    seed: int, total: int, data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, total))
    layer = torch.randint(4, (total, 3), generator=seeded(seed)).float()
    along = torch.randint(-2, 3, (3, 3), generator=seeded(seed + 1)).float()
    found = units.top_images(layer, along, k, two_sided=True)
    for row, direction in zip(found, along, strict=True):
        scores = [
            sum(float(a) * float(b) for a, b in zip(point, direction, strict=True))
            for point in layer
        ]
        far = [abs(score - sum(scores) / total) for score in scores]
        assert row.tolist() == sorted(range(total), key=lambda image: (-far[image], image))[:k]
    assert torch.equal(found, units.top_images(layer + 8, -along, k, two_sided=True))


def purity(
    layer: Tensor, along: Tensor, labels: Tensor, *, two_sided: bool = False
) -> np.ndarray[Any, Any]:
    return units.coherence(units.top_images(layer, along, 10, two_sided=two_sided), labels, {})[
        "purity"
    ].to_numpy()


def outcome(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> str:
    return comparison.verdicts(
        {0: comparison.compare(first, second, margin=0.1, resamples=200, seed=0)}
    )[0]


def test_detectors_have_one_pure_end_and_random_directions_two_alike() -> None:
    """Each unit rises above its noise for one digit; any other digit may minimise it."""
    labels = torch.arange(4_000) % 10
    layer = torch.randn(4_000, 60, generator=seeded()) + 6 * (
        labels[:, None] == torch.arange(60) % 10
    )
    unit, random = (
        units.directions(kind, 60, count, seeded(1))
        for kind, count in {"unit": 60, "random": 400}.items()
    )
    assert outcome(purity(layer, unit, labels), purity(layer, -unit, labels)) == "more"
    assert outcome(purity(layer, random, labels), purity(layer, -random, labels)) == "same"
    assert (
        outcome(purity(layer, unit, labels, two_sided=True), purity(layer, unit, labels)) == "same"
    )  # far from the mean is the upper end alone


def test_a_unit_with_a_digit_at_either_end_is_purer_at_one_than_two_sided() -> None:
    digits = torch.arange(4_000) % 10
    layer = (
        torch.randn(4_000, 60, generator=seeded())
        + 6.0 * (digits[:, None] == torch.arange(60) % 10)
        - 6.0 * (digits[:, None] == torch.arange(5, 65) % 10)
    )
    unit = units.directions("unit", 60, 60, seeded(1))
    assert outcome(purity(layer, unit, digits), purity(layer, -unit, digits)) == "same"
    assert (
        outcome(purity(layer, unit, digits, two_sided=True), purity(layer, unit, digits)) == "less"
    )


def test_an_advantage_of_units_that_is_one_of_sign_is_told_from_one_of_axes() -> None:
    """Where all units rise for one digit any positive mixture does, too.

    Where each rises for a digit of its own no mixture does.
    """
    labels = torch.arange(4_000) % 10
    noise = torch.randn(4_000, 60, generator=seeded()).abs()
    shared, own = (
        noise + 6 * (labels == 0)[:, None],
        noise + 6 * (labels[:, None] == torch.arange(60) % 10),
    )
    found = {
        kind: units.directions(kind, 60, 60, seeded(1)) for kind in ("unit", "random", *POSITIVE)
    }
    for kind, expected in {"random": "more", "positive": "same", "sparse": "same"}.items():
        assert (
            outcome(purity(shared, found["unit"], labels), purity(shared, found[kind], labels))
            == expected
        )
        assert (
            outcome(purity(own, found["unit"], labels), purity(own, found[kind], labels)) == "more"
        )


def test_no_direction_of_an_isotropic_layer_differs_from_another_of_either_sign() -> None:
    """The label is the length, which no rotation changes.

    So the longest vectors are at the ends of every direction.
    """
    layer = torch.randn(5_000, 20, generator=seeded())
    labels = layer.norm(dim=1).argsort().argsort() * 10 // len(layer)
    found = {
        kind: units.directions(kind, 20, 20 if kind == "unit" else 400, seeded(1))
        for kind in ("unit", "random", *POSITIVE)
    }
    reference = purity(layer, found["random"], labels)
    assert reference.mean() > 0.4  # of images at random about 0.27
    for along in [*found.values(), -found["random"], -found["positive"]]:
        assert outcome(purity(layer, along, labels), reference) == "same"


@pytest.mark.parametrize(
    ("layer", "along", "k", "message"),
    [
        (torch.zeros(5, 3), torch.zeros(2, 4), 1, r"directions: need shape \[count, d\]"),
        (torch.zeros(5, 3), torch.zeros(3), 1, "directions"),
        (torch.zeros(5, 3), torch.zeros(2, 3), 6, "k: need 1 to 5 images, got 6"),
        (torch.zeros(5, 3), torch.zeros(2, 3), 0, "k: need"),
        (torch.full((5, 3), torch.nan), torch.zeros(2, 3), 1, "features: need finite values"),
        (torch.zeros(5, 3), torch.full((2, 3), torch.inf), 1, "directions: need finite values"),
        (torch.ones(5, 3, dtype=torch.int64), torch.rand(2, 3), 1, "features: need a floating-"),
    ],
)
def test_top_images_refuse(layer: Tensor, along: Tensor, k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        units.top_images(layer, along, k)


def test_features_in_half_precision_are_not_tied_by_rounding() -> None:
    """2048 and 1 are half-precision numbers, their sum is none."""
    layer = torch.tensor([[2048.0, 0.0], [2048.0, 1.0]], dtype=torch.float16)
    along = torch.ones(1, 2)
    assert units.top_images(layer, along, 2).tolist() == [[1, 0]]
    assert units.top_images(layer.requires_grad_(), along, 1).tolist() == [[1]]


@pytest.mark.parametrize(
    ("layer", "count", "message"),
    [
        (torch.zeros(0, 3), 1, r"features: need shape \[N, d\] with N > 0, got \[0, 3\]"),
        (torch.zeros(3), 1, "features: need shape"),
        (torch.zeros(3, 3), 0, "count: need an integer of at least 1, got 0"),
    ],
)
def test_live_refuses(layer: Tensor, count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        units.live(layer, count)


def test_random_images_are_different_ones() -> None:
    found = units.random_images(20, 50, 15, seeded())
    assert found.shape == (50, 15)
    assert all(len(set(row.tolist())) == 15 for row in found)
    with pytest.raises(ValueError, match="k: need 1 to 20"):
        units.random_images(20, 1, 21, seeded())
    with pytest.raises(ValueError, match="count: need an integer of at least 1"):
        units.random_images(20, 0, 3, seeded())


def test_nearest_images_begin_with_the_image_itself() -> None:
    points = torch.tensor([[0.0], [10.0], [1.0], [3.0], [10.5]])
    assert units.nearest_images(points, torch.tensor([0, 4]), 3).tolist() == [[0, 2, 3], [4, 1, 3]]
    with pytest.raises(ValueError, match="k: need 1 to 5"):
        units.nearest_images(points, torch.tensor([0]), 6)
    for rows in ([-1], [5]):
        with pytest.raises(ValueError, match=r"rows: need values in \[0, 4\]"):
            units.nearest_images(points, torch.tensor(rows), 2)
    with pytest.raises(ValueError, match="points: need finite values"):
        units.nearest_images(points / 0, torch.tensor([0]), 2)


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
        np.mean(
            [
                torch.cosine_similarity(centred[i], centred[j], dim=0).item()
                for place, i in enumerate(row)
                for j in row[:place]
            ]
        )
        for row in top.tolist()
    ]
    assert units.coherence(top, torch.zeros(30, dtype=torch.int64), {"pixels": points})[
        "pixels"
    ].tolist() == pytest.approx(expected, abs=1e-6)


def test_images_at_random_are_not_alike_and_equal_ones_are() -> None:
    points = torch.rand(500, 20, generator=seeded())
    points[:10] = points[0]
    labels = torch.zeros(500, dtype=torch.int64)
    assert units.coherence(torch.arange(10)[None], labels, {"pixels": points})[
        "pixels"
    ].item() == pytest.approx(1)
    assert (
        abs(
            units.coherence(
                units.random_images(500, 200, 10, seeded()), labels, {"pixels": points}
            )["pixels"].mean()
        )
        < 0.01
    )


@pytest.mark.parametrize(
    ("top", "labels", "spaces", "message"),
    [
        (
            torch.zeros(3, 1, dtype=torch.int64),
            torch.zeros(9, dtype=torch.int64),
            {},
            "top: need shape",
        ),
        (torch.zeros(3, 2, dtype=torch.int64), torch.zeros(9), {}, "labels: need an int64 tensor"),
        (
            torch.zeros(3, 2, dtype=torch.int64),
            torch.zeros(9, dtype=torch.int64),
            {"judge": torch.zeros(8, 4)},
            r"need judge of shape \[9, m\]",
        ),
        (
            torch.tensor([[0, 1], [2, -1]]),
            torch.zeros(9, dtype=torch.int64),
            {},
            r"top: need values in \[0, 8\], got -1 to 2",
        ),
        (
            torch.tensor([[0, 9]]),
            torch.zeros(9, dtype=torch.int64),
            {},
            r"top: need values in \[0, 8\], got 0 to 9",
        ),
        (
            torch.ones(3, 2, dtype=torch.bool),
            torch.zeros(9, dtype=torch.int64),
            {},
            "top: need an int64 tensor, got torch.bool",
        ),
        (
            torch.zeros(3, 2, dtype=torch.int64),
            torch.zeros(9, dtype=torch.int64),
            {"judge": torch.zeros(9, 4, dtype=torch.int64)},
            "spaces: judge: need a floating-point tensor",
        ),
        (
            torch.zeros(3, 2, dtype=torch.int64),
            torch.zeros(9, dtype=torch.int64),
            {"judge": torch.full((9, 4), torch.nan)},
            "spaces: judge: need finite values",
        ),
    ],
)
def test_coherence_refuses(
    top: Tensor, labels: Tensor, spaces: dict[str, Tensor], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        units.coherence(top, labels, spaces)


def test_points_with_gradients_have_the_same_similarity() -> None:
    points, labels = torch.rand(9, 3, generator=seeded()), torch.zeros(9, dtype=torch.int64)
    top = torch.tensor([[0, 1, 2]])
    found = units.coherence(top, labels, {"judge": points.clone().requires_grad_()})
    pd.testing.assert_frame_equal(found, units.coherence(top, labels, {"judge": points}))


def test_scaled_puts_the_baselines_at_zero_and_one() -> None:
    floor, ceiling = (
        pd.DataFrame({"purity": [0.2, 0.4], "entropy": [2.0, 3.0]}),
        pd.DataFrame({"purity": [0.8], "entropy": [0.5]}),
    )
    found = units.scaled(
        pd.DataFrame({"purity": [0.3, 0.8], "entropy": [2.5, 1.5]}), floor, ceiling
    )
    assert found["purity"].tolist() == pytest.approx([0, 1])
    assert found["entropy"].tolist() == pytest.approx([0, 0.5])
