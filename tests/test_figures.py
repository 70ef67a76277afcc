import numpy as np
import pytest
import torch

from helpers.comparison import Judged
from helpers.intervals import Estimate
from helpers.report import figures
from helpers.slices import Slice


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


def a_slice(*rows: list[int]) -> Slice:
    answers = torch.tensor(rows)
    coordinates = torch.linspace(-3, 3, len(answers), dtype=torch.float64)
    return Slice(coordinates, answers, torch.ones_like(answers, dtype=torch.bool))


def test_a_slice_names_each_region_once_and_draws_its_circles() -> None:
    cut = a_slice(*[[7, 7, 7, 7, 3, 3, 3]] * 7)
    figure = figures.slice_panels(
        {"a": cut, "b": cut},
        image=torch.zeros(1, 4, 4),
        truth=7,
        circles={"proved": {"a": 0.25, "b": 0.5}, "found": {"a": 1.0, "b": 1.5}},
        stars={"a": 1.0, "b": 1.5},
    )
    for axis, (radii, star) in zip(
        figure.axes[:2], (([0.25, 1.0], 1.0), ([0.5, 1.5], 1.5)), strict=True
    ):
        assert [patch.get_radius() for patch in axis.patches] == radii
        assert axis.lines[-1].get_xydata().tolist() == [[star, 0.0]]
        places = {text.get_text(): text.get_position() for text in axis.texts}
        assert set(places) == {"3", "7"}
        assert places["7"][0] < 0.5 < places["3"][0]  # each stands in its own region
        assert sum(x**2 for x in places["7"]) > radii[-1] ** 2  # and not among the circles
    assert figure.axes[2].get_legend().get_texts()[0].get_text() == "proved"


def test_classes_have_one_colour_in_all_panels_of_a_slice() -> None:
    figure = figures.slice_panels(
        {"a": a_slice([7, 3], [7, 3]), "b": a_slice([7, 7], [5, 3])},
        image=torch.zeros(1, 2, 2),
        truth=7,
        circles={},
        stars={"a": 1.0, "b": 1.0},
    )
    first, second = (axis.images[0].get_array() for axis in figure.axes[:2])
    assert first[0, 1].tolist() == second[1, 1].tolist()
    assert len({tuple(color) for color in (first[0, 0], first[0, 1], second[1, 0])}) == 3


def test_growth_begins_at_one_and_its_line_goes_through_the_medians() -> None:
    figure = figures.growth(
        ["a", "b"], {"x": [[1.0, 2.0, 9.0], [4.0, 5.0, 6.0]], "y": [[0.1] * 3] * 2}, [3.0, 30.0]
    )
    lines = {line.get_color(): line for line in figure.axes[0].lines if len(line.get_xdata()) == 3}
    drawn = [list(line.get_ydata()) for line in lines.values()]
    assert drawn == [[1.0, 2.0, 5.0], [1.0, 0.1, 0.1], [1.0, 3.0, 30.0]]
    assert {text.get_text() for text in figure.axes[0].texts} == {"x", "y", "bound"}


def test_radii_keep_each_image_in_its_place_in_every_series() -> None:
    figure = figures.radii(
        {"found": {"a": [3.0, 1.0, 2.0]}, "proved": {"a": [0.3, 0.1, 0.2]}}, columns=1
    )
    found, proved = figure.axes[0].lines
    assert list(found.get_ydata()) == [1.0, 2.0, 3.0]
    assert list(proved.get_ydata()) == [0.1, 0.2, 0.3]


def test_layers_that_only_the_paper_has_are_shown_without_ours() -> None:
    figure = figures.norms_beside_paper({"conv1": 2.0, "fc1": 3.0}, {"conv1": 9.0}, {"conv1": 4.0})
    ours, paper, printed = figure.axes[0].lines[:3]
    assert list(ours.get_xdata()) == [9.0]
    assert list(paper.get_xdata()) == [2.0, 3.0]
    assert list(printed.get_ydata()) == list(ours.get_ydata()) == [paper.get_ydata()[0]]


def test_the_blocks_of_a_matrix_are_framed_down_its_diagonal() -> None:
    matrix = np.kron(np.eye(3), np.ones((2, 4)))
    figure = figures.block_diagonal(matrix, matrix, block=(2, 4))
    frames = [patch.get_bbox().bounds for patch in figure.axes[1].patches]
    assert frames == [(-0.5, -0.5, 4, 2), (3.5, 1.5, 4, 2), (7.5, 3.5, 4, 2)]


def test_the_map_of_frequencies_has_the_constant_image_in_its_middle() -> None:
    norms = np.arange(16.0).reshape(4, 4)
    figure = figures.frequency_maps({"a": norms, "b": norms + 1}, {"a": 0.25, "b": 0.5})
    axis = figure.axes[0]
    left, right, bottom, top = axis.images[0].get_extent()
    shown = axis.images[0].get_array()
    column, row = int((0 - left) / (right - left) * 4), int((0 - bottom) / (top - bottom) * 4)
    assert shown[row, column] == norms[0, 0]
    assert axis.get_title() == "a\n0.0 to 15.0"


def test_the_name_of_an_interval_stands_where_it_fails_most() -> None:
    rates = np.array([1.0, 2.0, 5.0])
    shares = {"good": np.array([95.0, 96.0, 95.0]), "bad": np.array([90.0, 80.0, 94.0])}
    axis = figures.coverage(rates, shares).axes[0]
    assert [(text.get_text(), text.xy) for text in axis.texts] == [
        ("good", (2.0, 96.0)),
        ("bad", (2.0, 80.0)),
    ]


def test_two_estimates_and_their_difference_have_a_line_each() -> None:
    estimates = {"a": Estimate(2.0, 1.0, 3.0, 9), "b": Estimate(4.0, 3.0, 5.0, 9)}
    upper, lower = figures.square_and_add(estimates, Estimate(-2.0, -3.4, -0.6, 9)).axes
    segments = [
        [
            tuple(end[0] for end in line)
            for lines in axis.collections
            for line in lines.get_segments()
        ]
        for axis in (upper, lower)
    ]
    assert segments == [[(1.0, 3.0), (3.0, 5.0)], [(-3.4, -0.6)]]
    assert [text.get_text() for text in upper.get_yticklabels()] == ["a", "b"]


def test_holms_procedure_ends_at_the_first_that_misses_its_bound() -> None:
    # The last meets its bound of 0.05, but the one before it misses 0.025.
    axis = figures.steps({"late": 0.04, "first": 0.01, "second": 0.03}).axes[0]
    marks = [line.get_marker() for line in axis.lines[:3]]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["first", "second", "late"]
    assert marks == ["o", "D", "D"]
    bounds = [lines.get_segments()[0][0][0] for lines in axis.collections]
    assert bounds == pytest.approx([0.05 / 3, 0.05 / 2, 0.05])


def test_a_difference_is_marked_with_what_was_found() -> None:
    found = Judged(Estimate(0.2, 0.1, 0.3, 9), "more")
    axis = figures.margins({"a": found}, 0.05, xlabel="x").axes[0]
    assert [text.get_text() for text in axis.texts] == ["more"]
    band = axis.patches[0].get_extents().transformed(axis.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((-0.05, 0.05))


def test_the_means_of_samples_are_all_counted() -> None:
    axis = figures.resampled(np.arange(50.0), Estimate(25.0, 1.0, 48.0, 9), xlabel="x").axes[0]
    assert sum(bar.get_height() for bar in axis.patches if hasattr(bar, "get_height")) >= 50
