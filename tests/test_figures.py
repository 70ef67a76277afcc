import numpy as np
import pandas as pd
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


def test_the_benchmark_marks_every_attack_once_hollow_where_it_fails_and_not_off_the_scale() -> (
    None
):
    rows = [
        ("a", "ours", "best", 1.0, 1.0),
        ("a", "foolbox", "DDN, 100 steps", 1.1, 1.0),
        ("b", "foolbox", "FMN, 9 steps", 2.5, 0.5),
        ("b", "torchattacks", "FAB", None, 0.0),
    ]
    frame = pd.DataFrame(rows, columns=["network", "library", "method", "ratio", "success"]).assign(
        n=10, seconds=0.5
    )
    figure = figures.benchmark(frame, highest=1.3)
    marks = [line for axis in figure.axes for line in axis.lines if len(line.get_xdata()) == 1]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in marks] == [
        (50, 1.0),
        (50, 1.1),
        (50, 1.3),
    ]
    assert [line.get_markerfacecolor() == "none" for line in marks] == [False, False, True]


def test_the_spectral_benchmark_draws_all_above_the_floor_and_hollow_what_was_stopped() -> None:
    rows = [
        ("a", "operator_norm", 0.1, 0.0, True),
        ("a", "power iteration, 60 steps", 0.2, -1e-3, True),
        ("a", "power iteration, to 1e-6", 20.0, -1e-4, False),
        ("b", "dense SVD", 3.0, 1e-9, True),
    ]
    frame = pd.DataFrame(rows, columns=["layer", "method", "seconds", "error", "reached"])
    figure = figures.spectral_benchmark(frame, floor=1e-12)
    assert [axis.get_title() for axis in figure.axes] == ["a", "b"]
    marks = {
        (
            axis.get_title(),
            float(line.get_xdata()[0]),
            float(line.get_ydata()[0]),
        ): line.get_markerfacecolor() == "white"
        for axis in figure.axes
        for line in axis.lines
        if line.get_marker() not in ("", "None")
    }
    assert marks == {
        ("a", 0.1, 1e-12): False,
        ("a", 0.2, 1e-3): False,
        ("a", 20.0, 1e-4): True,
        ("b", 3.0, 1e-9): False,
    }


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


def test_every_run_is_a_dot_beside_the_mean_of_its_method() -> None:
    runs = {"weight decay": [1.8, 2.0], "fresh, input": [1.2, 1.3, 1.4]}
    means = {
        "weight decay": Estimate(1.9, 1.0, 2.8, 2),
        "fresh, input": Estimate(1.3, 1.1, 1.5, 3),
    }
    figure = figures.repetitions(
        runs, means, {"dropout": 1.3}, groups={"fresh": "blue"}, xlabel="error (%)"
    )
    axis = figure.axes[0]
    drawn = [(list(line.get_xdata()), line.get_color()) for line in axis.lines]
    grey, blue = figures.COLORS["grey"], figures.COLORS["blue"]
    assert ([1.8, 2.0], grey) in drawn
    assert ([1.2, 1.3, 1.4], blue) in drawn
    assert ([1.3], blue) in drawn
    ends = [segment[:, 0].tolist() for bars in axis.collections for segment in bars.get_segments()]
    assert ends == [[1.0, 2.8], [1.1, 1.5]]
    assert [label.get_text() for label in axis.get_yticklabels()] == [*runs]
    assert axis.yaxis_inverted()
