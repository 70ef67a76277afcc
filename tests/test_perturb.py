"""Perturbations against NumPy, SciPy and closed forms, and bad input."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from torch import Tensor, nn

from helpers import perturb


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_images(count: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Images like MNIST's: half of the pixels black, some white, the rest between."""
    return (2 * torch.rand(count, 1, 8, 8, generator=generator(seed), dtype=dtype) - 0.9).clamp(
        0, 1
    )


def linear(weight: Tensor, bias: Tensor) -> nn.Module:
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    layer.load_state_dict({"weight": weight, "bias": bias})
    return nn.Sequential(nn.Flatten(), layer).eval().requires_grad_(requires_grad=False)


def test_gaussian_noise_without_the_clip_is_gaussian_of_the_stddev() -> None:
    images = random_images(200)
    noise = perturb.gaussian(images, 0.3, generator(), clip=False) - images
    assert stats.kstest(noise.flatten().numpy(), stats.norm(scale=0.3).cdf).pvalue > 0.01


def test_clipped_noise_has_the_length_that_the_censored_normal_distribution_has() -> None:
    level, stddev = 0.25, 0.4
    images = torch.full((400, 1, 10, 10), level)
    noisy = perturb.gaussian(images, stddev, generator())
    inside = stats.norm(level, stddev).expect(lambda x: (x - level) ** 2, lb=0, ub=1)
    expected = (
        inside
        + level**2 * stats.norm(level, stddev).cdf(0)
        + (1 - level) ** 2 * stats.norm(level, stddev).sf(1)
    )
    assert noisy.min() == 0
    assert noisy.max() == 1
    assert perturb.distortion(images, noisy).square().mean().item() == pytest.approx(
        expected, rel=0.02
    )


def test_the_same_seed_gives_the_same_noise_and_the_clip_is_all_that_clip_does() -> None:
    images = random_images(3)
    free = perturb.gaussian(images, 0.5, generator(7), clip=False)
    assert torch.equal(perturb.gaussian(images, 0.5, generator(7)), free.clamp(0, 1))
    assert torch.equal(perturb.gaussian(images, 0.0, generator()), images)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_amounts_that_are_none_are_refused(value: float) -> None:
    images = random_images(2)
    with pytest.raises(ValueError, match="stddev"):
        perturb.gaussian(images, value, generator())
    with pytest.raises(ValueError, match="distortion"):
        perturb.amplify(images, 1 - images, value)


@pytest.mark.parametrize(
    "images",
    [
        torch.full((2, 1, 8, 8), 1.5),
        torch.full((2, 1, 8, 8), torch.nan),
        torch.zeros(2, 1, 8, 8, dtype=torch.uint8),
        torch.zeros(8, 8),
    ],
)
def test_what_is_no_image_is_refused_with_the_arguments_name(images: Tensor) -> None:
    with pytest.raises(ValueError, match="images"):
        perturb.gaussian(images, 0.1, generator())
    with pytest.raises(ValueError, match="originals"):
        perturb.amplify(images, random_images(2), 0.1)
    with pytest.raises(ValueError, match="distorted"):
        perturb.amplify(random_images(2), images, 0.1)
    with pytest.raises(ValueError, match="images"):
        perturb.at_length(images, random_images(2), torch.ones(2))


def test_amplify_against_numpy_image_by_image() -> None:
    originals, distorted = random_images(5, 1), random_images(5, 2)
    amplified = perturb.amplify(originals, distorted, 0.1, clip=False).numpy()
    for x, y, found in zip(originals.numpy(), distorted.numpy(), amplified, strict=True):
        r = (y - x) / np.sqrt(np.mean((y - x) ** 2))
        assert found == pytest.approx(x + 0.1 * r, abs=1e-6)
        assert np.sqrt(np.mean((found - x) ** 2)) == pytest.approx(0.1, rel=1e-5)
    assert torch.equal(
        perturb.amplify(originals, distorted, 0.1), torch.from_numpy(amplified).clamp(0, 1)
    )


def test_the_printed_factor_is_too_small_by_the_root_of_the_number_of_pixels() -> None:
    originals, distorted = random_images(5, 1), random_images(5, 2)
    change = distorted - originals
    printed = originals + 0.1 * change / change.flatten(1).norm(dim=1)[:, None, None, None]
    assert perturb.distortion(originals, printed).numpy() == pytest.approx(0.1 / 8, rel=1e-5)


def test_amplify_to_the_distortion_that_is_there_changes_nothing() -> None:
    originals, distorted = random_images(1, 1), random_images(1, 2)
    again = perturb.amplify(originals, distorted, perturb.distortion(originals, distorted).item())
    assert again.numpy() == pytest.approx(distorted.numpy(), abs=1e-6)


def test_amplify_refuses_an_unchanged_image_and_another_shape() -> None:
    images = random_images(3)
    distorted = torch.cat([1 - images[:2], images[2:]])
    with pytest.raises(ValueError, match=r"distorted: .* the first in row 2"):
        perturb.amplify(images, distorted, 0.1)
    with pytest.raises(
        ValueError, match=r"distorted: need the images' shape \[3, 1, 8, 8\], got \[2, 1, 8, 8\]"
    ):
        perturb.amplify(images, distorted[:2], 0.1)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: perturb.gaussian(x, 0.1, generator()),
        lambda x: perturb.amplify(x, x, 0.1),
        lambda x: perturb.at_length(x, x, torch.empty(0)),
    ],
)
def test_no_images_give_no_images(function) -> None:  # type: ignore[no-untyped-def]
    assert function(torch.empty(0, 1, 8, 8)).shape == (0, 1, 8, 8)


def test_directions_keep_what_they_promise() -> None:
    changes = random_images(6) - random_images(6, 1)
    flat = changes.flatten(1)
    shuffled = perturb.directions("shuffled", changes, generator()).flatten(1)
    assert torch.equal(shuffled.sort(dim=1).values, flat.sort(dim=1).values)
    assert not torch.equal(shuffled[0].argsort(), shuffled[1].argsort())
    signs = perturb.directions("signs", changes, generator()).flatten(1)
    assert torch.equal(signs.abs(), flat.abs())
    assert 0.3 < (signs[flat != 0] == flat[flat != 0]).float().mean() < 0.7
    assert torch.equal(perturb.directions("reversed", changes, generator()), -changes)
    assert torch.equal(
        perturb.directions("borrowed", changes, generator())[[1, 0]], changes[[0, 5]]
    )
    assert (
        abs(
            torch.nn.functional.cosine_similarity(
                perturb.directions("noise", changes, generator(9)).flatten(1), flat
            ).mean()
        )
        < 0.2
    )
    with pytest.raises(ValueError, match="unknown kind 'rotated': choose one of noise, shuffled"):
        perturb.directions("rotated", changes, generator())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), length=st.floats(0, 3), scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_at_length_moves_by_exactly_that_length_within_the_box(
    seed: int, length: float, scale: float
) -> None:
    images = random_images(4, seed, torch.float64)
    steps = scale * torch.randn(images.shape, generator=generator(seed + 1), dtype=torch.float64)
    moved = perturb.at_length(images, steps, torch.full((4,), length))
    assert (moved - images).flatten(1).norm(dim=1).numpy() == pytest.approx(
        np.float32(length), abs=1e-6
    )
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert ((moved - images) * steps >= 0).all()


def test_at_length_against_a_root_finder() -> None:
    images, steps = (
        random_images(3, 4, torch.float64),
        torch.randn(3, 1, 8, 8, generator=generator(5), dtype=torch.float64),
    )
    moved = perturb.at_length(images, steps, torch.tensor([0.5, 1.0, 2.0])).numpy()
    for x, step, length, found in zip(
        images.numpy(), steps.numpy(), [0.5, 1.0, 2.0], moved, strict=True
    ):

        def beyond(s: float, x: Any = x, step: Any = step, length: float = length) -> float:
            return float(np.linalg.norm(np.clip(x + s * step, 0, 1) - x) - length)

        root = optimize.brentq(beyond, 0, 1e6, xtol=1e-12)
        assert found == pytest.approx(np.clip(x + root * step, 0, 1), abs=1e-8)


def test_at_length_refuses_lengths_that_the_box_does_not_allow() -> None:
    images = torch.zeros(1, 1, 8, 8)
    assert perturb.at_length(
        images, torch.ones_like(images), torch.tensor([8.0])
    ).numpy() == pytest.approx(1.0)
    for length, step in [(8.1, 1.0), (0.1, -1.0), (-1.0, 1.0), (torch.inf, 1.0)]:
        with pytest.raises(ValueError, match="l2"):
            perturb.at_length(images, torch.full_like(images, step), torch.tensor([length]))
    for lengths in (torch.ones(2), 1.0, torch.tensor([torch.nan])):
        with pytest.raises(ValueError, match="l2"):
            perturb.at_length(images, torch.ones_like(images), lengths)
    with pytest.raises(ValueError, match="directions"):
        perturb.at_length(images, torch.ones(1, 1, 4, 4), torch.ones(1))


def test_crossing_of_a_linear_classifier_against_its_closed_form() -> None:
    weight, bias = (
        torch.randn(10, 64, generator=generator(1), dtype=torch.float64),
        torch.randn(10, generator=generator(2), dtype=torch.float64),
    )
    images, steps = (
        random_images(50, 3, torch.float64),
        torch.randn(50, 1, 8, 8, generator=generator(4), dtype=torch.float64),
    )
    found = perturb.crossing(linear(weight, bias), images, steps, limit=50.0, steps=40)
    for x, step, length in zip(
        images.flatten(1).numpy(), steps.flatten(1).numpy(), found.tolist(), strict=True
    ):
        logits, slopes = (
            weight.numpy() @ x + bias.numpy(),
            weight.numpy() @ (step / np.linalg.norm(step)),
        )
        answer = logits.argmax()
        lengths = [
            (logits[answer] - logits[k]) / (slopes[k] - slopes[answer])
            for k in range(10)
            if slopes[k] > slopes[answer]
        ]
        shortest = min(lengths, default=np.inf)
        assert length == pytest.approx(shortest if shortest <= 50 else np.inf, abs=1e-8)


def test_crossing_of_a_classifier_that_never_changes_is_infinite() -> None:
    model = linear(torch.zeros(3, 64), torch.tensor([0.0, 1.0, 0.0]))
    images = random_images(2)
    assert perturb.crossing(model, images, torch.ones_like(images), limit=100.0).isinf().all()
    with pytest.raises(ValueError, match="directions"):
        perturb.crossing(model, images, torch.zeros_like(images), limit=1.0)


class NaN(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.nan


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": nn.Sequential(nn.Flatten(), NaN()).eval()}, "model: need finite logits"),
        ({"model": nn.Sequential(nn.Flatten(), Pair()).eval()}, "model: need logits.* got tuple"),
        ({"model": nn.Sequential(nn.Flatten(), nn.Dropout())}, "model: need evaluation mode"),
        ({"model": linear(torch.zeros(3, 63), torch.zeros(3))}, "images: need a size that fits"),
        ({"model": linear(torch.zeros(3, 64).double(), torch.zeros(3).double())}, "model: need"),
        *(
            ({"limit": limit}, "limit: need a finite")
            for limit in (-1.0, 0.0, torch.inf, torch.nan)
        ),
        *(({"steps": steps}, "steps: need an integer") for steps in (-5, 0, 2.5)),
        ({"directions": torch.full((2, 1, 8, 8), torch.nan)}, "directions: need finite"),
        ({"directions": torch.full((2, 1, 8, 8), -torch.inf)}, "directions: need finite"),
        ({"directions": torch.full((2, 1, 8, 8), 1e20)}, "directions: need changes of finite len"),
        ({"directions": torch.ones(2, 1, 8, 8, device="meta")}, "directions: need"),
    ],
)
def test_crossing_refuses_what_has_no_crossing(changes: dict[str, Any], named: str) -> None:
    arguments = {
        "model": linear(torch.eye(3, 64), torch.zeros(3)),
        "images": random_images(2),
        "directions": torch.ones(2, 1, 8, 8),
        "limit": 1.0,
        **changes,
    }
    with pytest.raises(ValueError, match=named):
        perturb.crossing(**arguments)


def test_crossing_in_half_precision_is_that_of_single_precision() -> None:
    weight, bias = torch.randn(3, 64, generator=generator(1)), torch.zeros(3)
    images, steps = random_images(20), torch.randn(20, 1, 8, 8, generator=generator(4))
    single = perturb.crossing(linear(weight, bias), images, steps, limit=10.0)
    model = linear(weight, bias).half()
    half = perturb.crossing(model, images.half(), (1000 * steps).half(), limit=10.0)
    np.testing.assert_allclose(half, single, atol=0.05)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_directions_that_are_not_finite_are_refused(value: float) -> None:
    images, bad = random_images(2), torch.ones(2, 1, 8, 8)
    bad[1, 0, 3, 3] = value
    with pytest.raises(ValueError, match="directions: need finite values"):
        perturb.at_length(images, bad, torch.full((2,), 0.1))
    with pytest.raises(ValueError, match="distorted: need finite values"):
        perturb.distortion(images, bad)
    with pytest.raises(ValueError, match="changes: need finite values"):
        perturb.aligned(bad, 2, generator())
    with pytest.raises(ValueError, match="changes: need finite values"):
        perturb.directions("signs", bad, generator())


@pytest.mark.parametrize("small", [1e-20, 1e-35, 1e-45])
def test_at_length_is_exact_where_one_pixel_hardly_moves(small: float) -> None:
    steps = torch.ones(1, 1, 8, 8)
    steps[0, 0, 0, 0] = small
    images = torch.zeros(1, 1, 8, 8)
    moved = perturb.at_length(images, steps, torch.tensor([0.7]))
    assert moved.norm().item() == pytest.approx(0.7, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_overflow_on_images_of_imagenets_size(dtype: torch.dtype) -> None:
    originals = torch.zeros(1, 3, 224, 224, dtype=dtype)
    distorted = torch.rand(originals.shape, generator=generator()).to(dtype)
    expected = np.sqrt(np.mean(distorted.double().numpy() ** 2))
    measured = perturb.distortion(originals, distorted)
    assert measured.dtype == torch.float32
    assert measured.item() == pytest.approx(expected, rel=1e-5)
    amplified = perturb.amplify(originals, distorted, 0.25, clip=False)
    assert amplified.dtype == dtype
    assert perturb.distortion(originals, amplified).item() == pytest.approx(0.25, rel=1e-2)
    basis = perturb.aligned(distorted[:, :, :4, :4], 3, generator())
    assert basis.dtype == dtype
    flat = basis.double().flatten(2)[0].numpy()
    np.testing.assert_allclose(flat @ flat.T, np.eye(3), atol=0.02)


@pytest.mark.parametrize(
    "wrong", [torch.full((1, 1, 2, 2), 200, dtype=torch.uint8), torch.tensor(1.0)]
)
def test_distortion_refuses_what_is_no_batch_of_floating_images(wrong: Tensor) -> None:
    with pytest.raises(ValueError, match="originals: need"):
        perturb.distortion(wrong, wrong)


@given(st.integers(1, 64), st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_aligned_directions_are_orthonormal_and_share_one_angle(count: int, seed: int) -> None:
    changes = 3 * torch.randn(4, 1, 8, 8, generator=generator(seed), dtype=torch.float64)
    found = perturb.aligned(changes, count, generator(seed + 1))
    assert found.shape == (4, count, 1, 8, 8)
    for basis, change in zip(found.flatten(2).numpy(), changes.flatten(1).numpy(), strict=True):
        np.testing.assert_allclose(basis @ basis.T, np.eye(count), atol=1e-10)
        np.testing.assert_allclose(basis @ change, np.linalg.norm(change) / count**0.5, rtol=1e-8)


def test_aligned_refuses_no_direction_too_many_and_zero_changes() -> None:
    for count in (0, 65, 1.5):
        with pytest.raises(ValueError, match="count: need 1 to 64"):
            perturb.aligned(torch.ones(1, 1, 8, 8), count, generator())
    with pytest.raises(ValueError, match="changes"):
        perturb.aligned(torch.zeros(1, 1, 8, 8), 2, generator())
