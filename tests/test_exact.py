"""The exact minimum distortion of linear classifiers against a general solver, image by image."""

import dataclasses
from typing import Any

import cvxpy
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from helpers import data, exact, models, search


def by_clarabel(
    weight: Tensor, bias: Tensor, image: Tensor, target: int, margin: float = 0.0
) -> float:
    """The shortest change's length by cvxpy and Clarabel, inf where there is none."""
    w, b, x = weight.double().numpy(), bias.double().numpy(), image.double().flatten().numpy()
    change = cvxpy.Variable(len(x))
    others = [k for k in range(len(w)) if k != target]
    lead = (w[target] - w[others]) @ (x + change) + b[target] - b[others]
    problem = cvxpy.Problem(
        cvxpy.Minimize(cvxpy.sum_squares(change)),
        [lead >= margin, x + change >= 0, x + change <= 1],
    )
    problem.solve(solver=cvxpy.CLARABEL)
    return float(np.linalg.norm(change.value)) if problem.status == cvxpy.OPTIMAL else np.inf


def random_problem(
    seed: int, classes: int, count: int = 8
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """weight [K, 16], bias [K], images [count, 1, 4, 4], many pixels at the bounds, targets."""
    generator = torch.Generator().manual_seed(seed)
    weight, bias = (
        torch.randn(classes, 16, generator=generator),
        torch.randn(classes, generator=generator),
    )
    images = (torch.rand(count, 1, 4, 4, generator=generator) * 3 - 1).clamp(0, 1)
    return weight, bias, images, torch.randint(classes, (count,), generator=generator)


def logits(weight: Tensor, bias: Tensor, images: Tensor) -> Tensor:
    return images.double().flatten(1) @ weight.double().T + bias.double()


@pytest.mark.parametrize("name", ["FC10(1e-4)", "FC10(1e-2)", "FC10(1)"])
def test_mnist_has_clarabels_lengths_and_a_small_gap(name: str) -> None:
    layer, (images, labels) = models.load(name).logits, data.mnist("train")[:200]
    targets = search.random_targets(labels, 10, torch.Generator().manual_seed(0))
    found = exact.minimum_distortion(layer.weight, layer.bias, images, targets)
    assert found.success.all()
    assert (found.gap <= 1e-6).all()
    assert (found.gap >= -1e-9).all()
    assert (logits(layer.weight, layer.bias, found.images).argmax(dim=1) == targets).all()
    assert ((found.images >= 0) & (found.images <= 1)).all()
    for row in range(0, 200, 20):
        expected = by_clarabel(layer.weight, layer.bias, images[row], int(targets[row]))
        assert found.l2[row].item() == pytest.approx(expected, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), classes=st.integers(2, 6), margin=st.sampled_from([0.0, 0.5]))
def test_random_problems_feasible_or_not_agree_with_clarabel(
    seed: int, classes: int, margin: float
) -> None:
    weight, bias, images, targets = random_problem(seed, classes, count=4)
    found = exact.minimum_distortion(weight, bias, images, targets, margin=margin)
    for row in range(len(images)):
        expected = by_clarabel(weight, bias, images[row], int(targets[row]), margin)
        assert found.success[row].item() == np.isfinite(expected)
        assert found.l2[row].item() == pytest.approx(expected, rel=1e-4, abs=2e-4)
    assert (found.gap[found.success] <= 1e-6).all()


def test_a_class_that_never_wins_is_no_success() -> None:
    weight, bias, images, _ = random_problem(0, classes=4)
    bias[2] = -1000.0
    found = exact.minimum_distortion(weight, bias, images, torch.full((8,), 2))
    assert not found.success.any()
    assert found.l2.isinf().all()
    assert found.gap.isinf().all()
    torch.testing.assert_close(found.images, images.double())


def test_constant_logits_are_no_success() -> None:
    images = random_problem(0, classes=4)[2]
    tied = exact.minimum_distortion(
        torch.zeros(4, 16), torch.zeros(4), images, torch.ones(8, dtype=torch.int64), margin=0.1
    )
    assert not tied.success.any()


def test_an_image_that_is_its_target_already_stays() -> None:
    weight, bias, images, _ = random_problem(1, classes=4)
    found = exact.minimum_distortion(
        weight, bias, images, logits(weight, bias, images).argmax(dim=1)
    )
    assert found.success.all()
    assert (found.l2 == 0).all()
    assert (found.gap == 0).all()


def test_the_margin_is_kept_image_by_image() -> None:
    weight, bias, images, targets = random_problem(2, classes=4)
    margin = torch.linspace(0, 1, 8, dtype=torch.float64)
    found = exact.minimum_distortion(weight, bias, images, targets, margin=margin)
    values = logits(weight, bias, found.images)
    others = values.scatter(1, targets[:, None], -torch.inf).amax(dim=1)
    lead = values.gather(1, targets[:, None])[:, 0] - others
    assert (lead >= margin)[found.success].all()


def test_chunks_do_not_matter() -> None:
    weight, bias, images, targets = random_problem(3, classes=5, count=300)
    whole = exact.minimum_distortion(weight, bias, images, targets)
    part = exact.minimum_distortion(weight, bias, images[250:], targets[250:])
    torch.testing.assert_close(whole.l2[250:], part.l2, rtol=1e-7, atol=1e-9)
    assert len(exact.minimum_distortion(weight, bias, images[:0], targets[:0])) == 0


def test_what_needs_gradients_or_comes_from_inference_mode_leaves_no_trace() -> None:
    weight, bias, images, targets = random_problem(2, classes=4)
    margin = torch.full((8,), 0.1)
    expected = exact.minimum_distortion(weight, bias, images, targets, margin=margin)
    tracked = [part.clone().requires_grad_() for part in (weight, bias, images, margin)]
    with torch.inference_mode():
        made = [part.clone() for part in (weight, bias, images, margin)]
        inside = exact.minimum_distortion(weight, bias, images, targets, margin=margin)
    for found in (
        inside,
        *(exact.minimum_distortion(*part[:3], targets, margin=part[3]) for part in (tracked, made)),
    ):
        for field in dataclasses.fields(exact.Exact):
            value = getattr(found, field.name)
            assert not value.requires_grad
            assert torch.equal(value, getattr(expected, field.name))
    empty = exact.minimum_distortion(*tracked[:2], tracked[2][:0], targets[:0])
    assert not empty.images.requires_grad


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"weight": torch.zeros(4, 15)}, "weight, bias"),
        ({"bias": torch.zeros(3)}, "weight, bias"),
        ({"weight": torch.full((4, 16), torch.nan)}, "weight, bias"),
        ({"images": torch.zeros(8, 16)}, "images"),
        ({"images": torch.full((8, 1, 4, 4), 2.0)}, "images"),
        ({"images": torch.zeros(8, 1, 4, 4, dtype=torch.uint8)}, "images"),
        ({"targets": torch.full((8,), 4)}, "targets"),
        ({"targets": torch.zeros(7, dtype=torch.int64)}, "targets"),
        ({"targets": torch.zeros(8)}, "targets"),
        ({"weight": [[1.0]]}, "weight, bias: .* got list"),
        (
            {
                "weight": torch.ones(1, 16),
                "bias": torch.ones(1),
                "targets": torch.zeros(8, dtype=torch.int64),
            },
            "weight, bias: .* at least 2 classes",
        ),
        ({"weight": torch.zeros(4, 16, device="meta")}, "weight: need the images' device"),
        (
            {"targets": torch.zeros(8, dtype=torch.int64, device="meta")},
            "targets: need the images'",
        ),
        *(
            ({"margin": value}, "margin: need finite values")
            for value in (torch.nan, torch.inf, torch.tensor([0.0] * 7 + [torch.nan]))
        ),
        ({"margin": torch.zeros(7)}, r"margin: need a number or shape \[8\], got \[7\]"),
        ({"margin": torch.zeros(8, 1)}, r"margin: need a number or shape \[8\], got \[8, 1\]"),
    ],
)
def test_bad_input_is_named(changes: dict[str, Any], named: str) -> None:
    weight, bias, images, targets = random_problem(0, classes=4)
    arguments = {"weight": weight, "bias": bias, "images": images, "targets": targets, **changes}
    with pytest.raises(ValueError, match=named):
        exact.minimum_distortion(**arguments)
