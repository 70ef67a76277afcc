"""Strokes: thickness, slant and loops of shapes that were drawn to have known ones."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from skimage import draw, measure
from torch import Tensor

from helpers import data, units
from helpers.units import strokes

FINE = (
    8  # shapes are drawn this much larger, then averaged down: their edges are grey, as a digit's
)


def picture(shape: np.ndarray) -> Tensor:
    """A boolean drawing [28 * FINE, 28 * FINE] as an image [1, 1, 28, 28] in [0, 1]."""
    return torch.from_numpy(shape.reshape(28, FINE, 28, FINE).mean(axis=(1, 3)))[None, None].float()


def bar(width: float, degrees: float = 0.0) -> Tensor:
    """A bar that leans to the right by `degrees`, `width` pixels across and 18 pixels high."""
    rows, columns = (np.indices((28 * FINE, 28 * FINE)) + 0.5) / FINE - 14
    across = (columns + rows * math.tan(math.radians(degrees))) * math.cos(math.radians(degrees))
    return picture((np.abs(across) <= width / 2) & (np.abs(rows) <= 9))


def rings(count: int, inner: float = 3.0) -> Tensor:
    """`count` rings one above the other, their holes of radius `inner` pixels."""
    shape = np.zeros((28 * FINE, 28 * FINE), dtype=bool)
    for number in range(count):
        centre = ((8 + 11 * number) * FINE, 14 * FINE)
        shape[draw.disk(centre, 6 * FINE)] = True
    for number in range(count):
        shape[draw.disk(((8 + 11 * number) * FINE, 14 * FINE), inner * FINE)] = False
    return picture(shape)


@pytest.mark.parametrize("width", [2.0, 3.0, 4.0, 6.0])
def test_thickness_is_that_of_the_bar(width: float) -> None:
    assert strokes.properties(bar(width))["thickness"].item() == pytest.approx(width, abs=0.5)


@pytest.mark.parametrize("degrees", [-30.0, -10.0, 0.0, 20.0, 35.0])
def test_slant_is_that_of_the_bar(degrees: float) -> None:
    assert strokes.properties(bar(2.0, degrees))["slant"].item() == pytest.approx(degrees, abs=1)


@pytest.mark.parametrize("count", [1, 2])
def test_loops_are_counted(count: int) -> None:
    assert strokes.properties(rings(count))["loops"].item() == count


def test_a_line_and_a_speck_are_no_loops() -> None:
    assert strokes.properties(torch.cat([bar(3.0), rings(1, inner=0.3)]))["loops"].tolist() == [
        0,
        0,
    ]


def test_a_ring_that_is_open_at_a_corner_only_is_closed() -> None:
    """Strokes touch by corners, ground does not."""
    image = torch.zeros(1, 1, 28, 28)
    image[..., 8:16, 8] = image[..., 8, 8:16] = image[..., 9:16, 16] = image[..., 16, 9:16] = 1
    assert strokes.properties(image)["loops"].item() == 1


def test_an_image_without_ink_has_no_stroke() -> None:
    assert strokes.properties(torch.zeros(2, 1, 28, 28)).to_numpy().tolist() == [[0, 0, 0]] * 2


def test_digits_have_their_loops_and_slants_are_those_of_skimage() -> None:
    images, labels = data.mnist("test")[:300]
    found = strokes.properties(images)
    by_digit = found["loops"].groupby(labels.numpy()).median()
    assert by_digit[[0, 6, 8, 9]].tolist() == [1, 1, 2, 1]
    assert by_digit[[1, 2, 3, 5, 7]].tolist() == [0] * 5
    moments = [measure.moments_central(image, order=2) for image in images[:, 0].double().numpy()]
    assert found["slant"].tolist() == pytest.approx(
        [math.degrees(math.atan2(-moment[1, 1], moment[2, 0])) for moment in moments]
    )


def test_a_mirror_turns_the_slant_and_nothing_else() -> None:
    images = data.mnist("test").images[:50]
    found, mirrored = strokes.properties(images), strokes.properties(images.flip(3))
    assert mirrored["slant"].tolist() == pytest.approx((-found["slant"]).tolist(), abs=1e-6)
    assert mirrored["loops"].tolist() == found["loops"].tolist()
    assert mirrored["thickness"].tolist() == pytest.approx(found["thickness"].tolist(), abs=0.3)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 3, 9, 9), "images: need one channel, got 3"),
        (torch.full((1, 1, 9, 9), 2.0), "images: need values"),
    ],
)
def test_properties_refuse(images: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strokes.properties(images)


def test_variance_within_is_held_against_that_of_all() -> None:
    generator = torch.Generator().manual_seed(0)
    values = pd.DataFrame(
        {"same": [2.0] * 1_000, "slant": torch.randn(1_000, generator=generator).numpy()}
    )
    at_random = strokes.narrowing(units.random_images(1_000, 400, 10, generator), values)
    assert at_random["slant"].mean() == pytest.approx(0, abs=0.06)
    alike = strokes.narrowing(
        torch.from_numpy(values["slant"].to_numpy().argsort()[None, 500:510].copy()), values
    )
    assert alike["slant"].item() > 0.99
    assert at_random["same"].tolist() == [0] * 400
    with pytest.raises(ValueError, match="top: need shape"):
        strokes.narrowing(torch.zeros(3, 1, dtype=torch.int64), values)


def test_units_that_see_a_property_narrow_it_until_they_are_rotated() -> None:
    """A layer whose units are each tuned to one slant; rotated, no direction is."""
    generator = torch.Generator().manual_seed(0)
    slant = torch.randn(3_000, generator=generator)
    layer = (-((slant[:, None] - torch.linspace(-2, 2, 60)) ** 2) / 0.02).exp() + 0.3 * torch.rand(
        3_000, 60, generator=generator
    )
    frame = pd.DataFrame({"slant": slant.numpy()})
    found = {
        kind: strokes.narrowing(
            units.top_images(layer, units.directions(kind, 60, 60, generator), 10), frame
        )["slant"].mean()
        for kind in ("unit", "rotation")
    }
    assert found["unit"] > 0.95
    assert found["rotation"] < found["unit"] - 0.3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_properties_in_another_precision_are_near(dtype: torch.dtype) -> None:
    images = data.mnist("test").images[:20]
    found, expected = strokes.properties(images.to(dtype)), strokes.properties(images)
    assert found["slant"].tolist() == pytest.approx(expected["slant"].tolist(), abs=0.5)
    assert found["thickness"].tolist() == pytest.approx(expected["thickness"].tolist(), abs=0.3)
    assert found["loops"].tolist() == expected["loops"].tolist()


def test_properties_of_images_with_gradients_and_under_inference_mode_are_the_same() -> None:
    images = data.mnist("test").images[:5]
    expected = strokes.properties(images)
    pd.testing.assert_frame_equal(strokes.properties(images.clone().requires_grad_()), expected)
    with torch.inference_mode():
        pd.testing.assert_frame_equal(strokes.properties(images.clone()), expected)


@pytest.mark.parametrize(
    ("top", "message"),
    [
        (torch.tensor([[0, -1]]), r"top: need values in \[0, 2\], got -1 to 0"),
        (torch.tensor([[0, 3]]), r"top: need values in \[0, 2\], got 0 to 3"),
        (torch.tensor([[0.0, 1.0]]), "top: need an int64 tensor, got torch.float32"),
    ],
)
def test_narrowing_refuses_rows_that_are_no_images(top: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strokes.narrowing(top, pd.DataFrame({"slant": [1.0, 2.0, 3.0]}))
