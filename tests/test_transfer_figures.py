"""Figures of transfer and noise: every number that they are given is drawn, in its place."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from helpers.intervals import Estimate
from helpers.report import figures
from helpers.report.figures.transfer import name_ends


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 1, value + 2, 9)


def words(figure: Figure) -> list[str]:
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_wrong_answers_are_orange_and_the_own_network_has_a_circle() -> None:
    figure = figures.answers_to(
        torch.rand(2, 1, 4, 4),
        [[7, 7], [7, 2]],
        7,
        rows=["nobody", "sigmoid, 2 × 200 units"],
        columns=["linear, weak decay", "sigmoid, 2 × 200 units"],
        own=[None, 1],
    )
    (axis,) = figure.axes
    given = {
        text.get_position(): text.get_color() for text in axis.texts if text.get_text().isdigit()
    }
    assert given == {
        (2.9, 0): figures.COLORS["grey"],
        (3.9, 0): figures.COLORS["grey"],
        (2.9, 1): figures.COLORS["grey"],
        (3.9, 1): figures.COLORS["orange"],
    }
    assert [patch.center for patch in axis.patches] == [(3.9, 1)]
    assert len(axis.images) == 2


def test_percentages_are_areas_with_both_numbers_below() -> None:
    ours, paper = np.array([[100.0, 25.0]]), np.array([[100.0, 4.0]])
    figure = figures.discs(
        {"a": (ours, paper)}, rows=["x"], columns=["x", "y"], own=[(0, 0)], framed=[(0, 1)]
    )
    (axis,) = figure.axes
    radii = [patch.radius for patch in axis.patches if isinstance(patch, Circle)]
    assert np.square(radii) / radii[0] ** 2 == pytest.approx([1, 1, 0.25, 0.04])
    assert [text for text in words(figure) if text.isdigit()] == ["100", "100", "25", "4"]
    assert len(axis.lines) == 1  # the frame


def test_panels_stand_side_by_side_with_a_picture_for_each_row() -> None:
    both = np.ones((2, 2)), np.ones((2, 2))
    figure = figures.discs(
        {"a": both, "b": both}, rows="xy", columns="xy", pictures=torch.rand(2, 2, 1, 4, 4)
    )
    assert [len(axis.images) for axis in figure.axes] == [2, 2]
    assert words(figure).count("x") == 3  # once as a row, twice as a column


def test_a_pair_that_is_not_significant_is_hollow_and_one_that_is_not_asked_about_grey() -> None:
    rows = {"a": (1.0, 9.0, True), "b": (2.0, 3.0, False), "c": (0.0, 100.0, None)}
    figure = figures.dumbbells({"one": rows, "two": rows}, words=("x", "y", "z"))
    dots = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in dots] == [
        (1.0, 0),
        (9.0, 0),
        (2.0, 1),
        (3.0, 1),
        (0.0, 2),
        (100.0, 2),
    ]
    assert [line.get_markerfacecolor() == "none" for line in dots] == [False] * 2 + [True] * 2 + [
        False
    ] * 2
    assert {line.get_color() for line in dots[4:]} == {figures.COLORS["grey"]}


def test_the_names_of_curves_stand_apart_in_the_order_of_their_ends() -> None:
    _, axis = figures.subplots()
    axis.set_ylim(0, 100)
    ends = {"middle": (50.0, "blue"), "upper": (50.5, "blue"), "far": (90.0, "blue")}
    name_ends(axis, ends, 1.0, 3.6, gap=15)
    scale = 72 * 3.0 / 100
    heights = {text.get_text(): text.xy[1] * scale + text.xyann[1] for text in axis.texts}
    assert heights["upper"] - heights["middle"] == pytest.approx(15, abs=0.01)
    assert heights["far"] == pytest.approx(90 * scale)


def test_curves_are_drawn_to_their_ends_with_dots_and_bands() -> None:
    figure = figures.ended_curves(
        {"a": [1.0, 2.0], "b": [estimate(3), estimate(4)]},
        [0.0, 0.1],
        xlabel="x",
        ylabel="y",
        dots={"a": (0.05, 7.0)},
        faint=["b"],
        mark=(0.1, "here"),
    )
    (axis,) = figure.axes
    curves = [line for line in axis.lines if len(line.get_xdata()) == 2]
    assert [list(line.get_ydata()) for line in curves[:2]] == [[1.0, 2.0], [3.0, 4.0]]
    assert len(axis.collections) == 1
    assert sorted(words(figure)) == ["a", "b", "here"]


def test_two_estimates_a_row_are_hollow_and_full() -> None:
    figure = figures.start_and_kin(
        {"g": {"a": (estimate(5), estimate(50))}, "h": {"b": (estimate(6), estimate(60))}},
        words=("found", "pushed"),
    )
    (axis,) = figure.axes
    assert [(line.get_xdata()[0], line.get_markerfacecolor() == "none") for line in axis.lines] == [
        (5, True),
        (50, False),
        (6, True),
        (60, False),
    ]
    assert words(figure) == ["g", "found", "pushed", "h"]


def test_what_is_foretold_is_drawn_against_what_happens() -> None:
    figure = figures.foretold({"a": [(1.0, 2.0), (3.0, 4.0)], "b": [(5.0, 6.0)]})
    drawn = [line.get_xydata().tolist() for line in figure.axes[0].lines[1:]]
    assert drawn == [[[1, 2], [3, 4]], [[5, 6]]]


def test_a_headline_unlike_the_first_is_orange() -> None:
    images = {"digit": torch.rand(1, 1, 4, 4), "twin": torch.rand(1, 1, 4, 4)}
    figure = figures.same_distance(
        images,
        {"digit": [3], "twin": [5]},
        [3],
        headlines={"digit": "0 %", "twin": "100 %"},
        word="misread",
    )
    first, second = figure.axes
    assert first.get_xlabel() == "read as 3"
    assert second.xaxis.label.get_color() == figures.COLORS["orange"]
    assert [axis.texts[0].get_color() for axis in (first, second)] == [
        figures.COLORS["grey"],
        figures.COLORS["orange"],
    ]


def test_dots_of_all_series_stand_in_their_rows() -> None:
    row = {"paper": 1.0, "ours": estimate(2), "clipped": estimate(3)}
    figure = figures.dot_panels({"a": {"x": row, "y": row}, "b": {"z": row}}, columns=2)
    first, second = figure.axes
    assert [list(line.get_xdata()) for line in first.lines] == [[1, 1], [2, 2], [3, 3]]
    assert len(first.collections) == 4  # an interval for each estimate
    assert [label.get_text() for label in second.get_yticklabels()] == ["z"]


def test_error_curves_are_named_beside_the_last_panel_of_a_line() -> None:
    found = {"searched": [estimate(5), estimate(90)], "noise": [estimate(5), estimate(20)]}
    figure = figures.error_curves(
        {"a": found, "b": found}, [0.0, 1.0], columns=2, mark=("half", 50.0)
    )
    assert [[text.get_text() for text in axis.texts] for axis in figure.axes] == [
        [],
        ["noise", "half", "searched"],
    ]


def test_the_sphere_is_drawn_to_scale() -> None:
    components = torch.tensor([0.0, 0.01, -0.02])
    figure = figures.spread_thin(components, dimension=784, others=[3, 100])
    left, right = figure.axes
    noise = next(line for line in left.lines if len(line.get_xdata()) == 3)
    np.testing.assert_allclose(np.hypot(*noise.get_xydata().T), 28, rtol=1e-6)
    np.testing.assert_allclose(noise.get_xdata(), [0, 0.28, -0.56], rtol=1e-5)
    assert [text.get_text() for text in right.texts] == ["m = 3", "m = 100", "m = 784"]
    half = right.lines[1].get_xydata()  # m = 100 at the component 0.1
    assert half[np.isclose(half[:, 0], 0.1), 1] == pytest.approx(0.99**48.5)


def test_relatives_have_a_dot_a_network_and_a_picture_each() -> None:
    figure = figures.relatives(
        {"noise": torch.rand(1, 4, 4), "found": -torch.rand(1, 4, 4)},
        {"noise": [0.0, 1.0], "found": [90.0, 80.0]},
        ylabel="points",
    )
    pictures = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in pictures] == ["noise", "found"]
    (wide,) = [axis for axis in figure.axes if not axis.images]
    assert [list(line.get_ydata()) for line in wide.lines[:2]] == [[0, 1], [90, 80]]
    assert wide.lines[0].get_xdata() == pytest.approx([-0.18, 0.18])


def test_the_law_leaves_out_what_has_no_length() -> None:
    shortest = torch.tensor([1.0, torch.inf, 0.001])
    figure = figures.noise_law({"a": {"x": (shortest, torch.full((3,), 20.0))}}, factor=28)
    assert figure.axes[0].lines[0].get_xydata().tolist() == [[1, 20]]
