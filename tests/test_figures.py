import numpy as np
import pytest
import torch

from helpers.intervals import Estimate
from helpers.report import figures


def test_a_grid_shows_each_image_once_on_one_scale() -> None:
    images = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    figure = figures.image_grid(images, columns=3, titles=list("abcde"))
    shown = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(shown) == 5
    for picture, image in zip(shown, images, strict=True):
        np.testing.assert_allclose(picture.get_array(), image[0])
        assert picture.get_clim() == (0, 1)


def test_a_signed_grid_has_zero_in_the_middle_of_its_scale() -> None:
    figure = figures.image_grid(torch.tensor([-2.0, 1.0]).view(2, 1, 1, 1), columns=2, signed=True)
    assert {axis.images[0].get_clim() for axis in figure.axes} == {(-2.0, 2.0)}


def test_a_matrix_prints_every_value() -> None:
    figure = figures.matrix(
        np.array([[1.0, 99.5], [0.25, 50.0]]), rows=["a", "b"], columns=["c", "d"]
    )
    assert [text.get_text() for text in figure.axes[0].texts] == ["1.0", "99.5", "0.2", "50.0"]


def test_against_the_paper_puts_both_numbers_on_one_line() -> None:
    figure = figures.against_paper(["a", "b"], [1.0, 2.0], [1.5, 2.5], unit="x")
    ours, theirs = figure.axes[0].lines
    assert list(ours.get_xdata()) == [1.0, 2.0]
    assert list(theirs.get_xdata()) == [1.5, 2.5]
    assert list(ours.get_ydata()) == list(theirs.get_ydata())


def test_figures_are_not_kept_by_pyplot() -> None:
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    figures.subplots()
    assert pyplot.get_fignums() == before


@pytest.mark.parametrize("name", ["#0072B2", "#D55E00"])
def test_the_style_uses_colours_that_all_can_tell_apart(name: str) -> None:
    figures.use_style()
    from matplotlib import rcParams

    assert name in rcParams["axes.prop_cycle"].by_key()["color"]


def test_a_penalty_of_zero_stands_left_of_all_strengths() -> None:
    found = [Estimate(value, value - 1, value + 1, 9) for value in (3.0, 2.0, 5.0)]
    figure = figures.against_strength(
        {"error": {"a": found}, "bound": {"a": found}},
        {"a": [0.0, 1e-3, 1e-2]},
        logarithmic=["bound"],
    )
    assert [axis.get_yscale() for axis in figure.axes] == ["linear", "log"]
    for axis in figure.axes:
        np.testing.assert_allclose(axis.lines[0].get_xdata(), [1e-4, 1e-3, 1e-2])
        assert list(axis.lines[0].get_ydata()) == [3.0, 2.0, 5.0]
        assert [label.get_text() for label in axis.get_xticklabels()] == [
            "0",
            "$10^{-3}$",
            "$10^{-2}$",
        ]
