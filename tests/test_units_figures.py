"""Figures of the two chapters on units: they draw what they were given, where it belongs."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from helpers.comparison import Judged
from helpers.intervals import Estimate
from helpers.report import figures
from helpers.report.figures import units as module


def judged(value: float, verdict: str) -> Judged:
    return Judged(Estimate(value, value - 0.1, value + 0.1, 9), verdict)


def test_strips_tint_the_digits_that_are_not_of_their_rows_majority() -> None:
    images = torch.ones(6, 1, 2, 2)
    labels = torch.tensor([3, 3, 5, 3, 5, 5])
    top = torch.tensor([[0, 1, 2], [4, 3, 5]])
    groups = {"units": top, "random": top.flip(1)}
    figure = figures.strips({"one": groups, "other": groups}, images, labels)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["one", "other"]
    assert [axis.get_ylabel() for axis in figure.axes] == ["units", "", "random", ""]
    sheet = np.asarray(figure.axes[0].images[0].get_array())
    assert sheet.shape == (4, 6, 3)
    odd = np.zeros((4, 6), bool)
    odd[:2, 4:], odd[2:, 2:4] = True, True  # the third image of the first row, the second's second
    assert np.allclose(sheet[odd], module.ODD)
    assert np.allclose(sheet[~odd], 1)
    mirrored = np.asarray(figure.axes[2].images[0].get_array())
    assert np.allclose(mirrored[:2, :2], module.ODD)


def test_a_verdict_map_colours_what_is_shown_and_nothing_else() -> None:
    rows = {
        "conv 1": {"purity": judged(0.25, "more"), "judge": judged(-0.3, "less")},
        "conv 2": {"purity": judged(0.01, "same"), "judge": judged(0.04, "open")},
    }
    axis = figures.verdict_map({"units minus random": rows}).axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["conv 1", "conv 2"]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["purity", "judge"]
    told = {text.get_position(): text.get_text() for text in axis.texts}
    assert told == {(0, 0): "+0.25", (1, 0): "−0.30", (0, 1): "+0.01", (1, 1): "+0.04"}
    cells = [patch for patch in axis.patches if isinstance(patch, Rectangle)]
    assert [patch.get_facecolor()[3] for patch in cells] == [1, 1, 1, 0]
    assert [to_hex(patch.get_facecolor()).upper() for patch in cells[:3]] == [
        module.FILLS[word].upper() for word in ("more", "less", "same")
    ]


def test_a_verdict_map_without_numbers_shows_signs_and_leaves_gaps() -> None:
    panels = {
        "first": {"a": {"x": judged(1, "more")}, "b": {"y": judged(-1, "less")}},
        "second": {"a": {"x": judged(0, "same")}, "b": {"x": judged(0, "open")}},
    }
    axes = figures.verdict_map(panels, numbers=False).axes
    assert [axis.get_title() for axis in axes] == ["first", "second"]
    assert {text.get_position(): text.get_text() for text in axes[0].texts} == {
        (0, 0): "+",
        (1, 1): "−",
    }
    assert [text.get_text() for text in axes[1].texts] == ["=", ""]


def test_letters_on_a_fill_can_be_read() -> None:
    def light(color: str) -> float:
        parts = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for fill in (fill for fill in module.FILLS.values() if fill != "none"):
        assert (light(module.ON_FILL) + 0.05) / (light(fill) + 0.05) >= 4.5


def test_explained_draws_every_layer_and_its_names_do_not_overlap() -> None:
    names = [f"layer {number}" for number in range(8)]
    purity = {name: Estimate(0.5 + 0.02 * at, 0.45, 0.75, 9) for at, name in enumerate(names)}
    shares = {name: 0.3 + 0.02 * at for at, name in enumerate(names)}
    tails = {name: 2.5 + 0.3 * at for at, name in enumerate(names)}
    figure = figures.explained(purity, shares, {0.0: 0.0, 1.0: 1.0}, purity, tails)
    figure.draw_without_rendering()
    for axis, across in zip(figure.axes, (shares, tails), strict=True):
        dots = [line for line in axis.lines if line.get_marker() == "o"]
        assert [dot.get_xdata()[0] for dot in dots] == list(across.values())
        assert [dot.get_ydata()[0] for dot in dots] == [each.value for each in purity.values()]
        texts = [text for text in axis.texts if text.get_text() in names]
        assert [text.get_text() for text in texts] == names
        boxes = [Text.get_window_extent(text) for text in texts]  # without lines to the dots
        common = [
            Bbox.intersection(box, other)
            for at, box in enumerate(boxes)
            for other in boxes[at + 1 :]
        ]
        areas = [each.width * each.height for each in common if each]
        assert sum(areas) <= 0.1 * sum(box.width * box.height for box in boxes)


def test_interval_rows_draw_a_dot_with_its_interval_for_every_series_of_every_row() -> None:
    values = {
        "conv 1": {"unit": Estimate(0.5, 0.4, 0.6, 9), "random": Estimate(0.3, 0.2, 0.4, 9)},
        "conv 2": dict.fromkeys(["unit", "random"], Estimate(1, 0, 2, 9)),
    }
    axes = figures.interval_rows(
        {"purity": values, "judge": values}, lines={"floor": 0, "ceiling": 1}
    ).axes
    assert [axis.get_title() for axis in axes] == ["purity", "judge"]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["conv 1", "conv 2"]
    drawn = {line.get_label(): list(np.asarray(line.get_xdata())) for line in axes[0].lines}
    assert drawn["unit"] == [0.5, 1]
    assert drawn["random"] == [0.3, 1]


def test_a_row_may_lack_a_series_or_have_several_of_it() -> None:
    first, second = Estimate(0.5, 0.4, 0.6, 9), Estimate(0.2, 0.1, 0.3, 9)
    rows = {"a": {"trained": first, "other": [first, second]}, "b": {"trained": second}}
    axis = figures.interval_rows({"": rows}).axes[0]
    drawn = {line.get_label(): line for line in axis.lines}
    assert list(np.asarray(drawn["trained"].get_xdata())) == [0.5, 0.2]
    assert list(np.asarray(drawn["other"].get_xdata())) == [0.5, 0.2]
    heights = np.asarray(drawn["other"].get_ydata())
    assert heights[0] != heights[1]
    assert np.asarray(drawn["trained"].get_ydata())[1] == pytest.approx(1)


def test_curve_panels_draw_every_curve() -> None:
    curves = {"unit": [Estimate(0.9, 0.8, 1, 9), Estimate(0.7, 0.6, 0.8, 9)]}
    axes = figures.curve_panels({"hidden 1": curves, "hidden 2": curves}, (2, 50)).axes
    assert [list(np.asarray(axis.lines[0].get_ydata())) for axis in axes] == [
        [0.9, 0.7],
        [0.9, 0.7],
    ]


def test_clouds_draw_a_dot_for_every_unit_and_hide_what_is_empty() -> None:
    units = pd.DataFrame({"selectivity": [0.1, 0.9], "lost": [0.0, 0.4]})
    axes = figures.clouds({"a": units, "b": units}, {"a": "A", "b": "B"}).axes
    assert [axis.get_title() for axis in axes[:2]] == ["A", "B"]
    dots = axes[1].lines[-1]
    assert list(np.asarray(dots.get_xdata())) == [0.1, 0.9]
    assert list(np.asarray(dots.get_ydata())) == [0.0, 0.4]
    assert not axes[2].get_visible()


def test_a_ranking_has_a_dot_for_each_case_and_a_bar_at_the_middle_one() -> None:
    values = {"atoms": {"a": 0.9, "b": 1.1, "c": 1.0}, "units": {"a": 0.2, "b": 0.7, "c": 0.4}}
    figure = figures.ranking(values, lines={"chance": 0, "neighbours": 1}, strong=["atoms"])
    (axis,) = figure.axes
    dots = [line for line in axis.lines if line.get_marker() == "o"]
    assert [list(dot.get_xdata()) for dot in dots] == [[0.9, 1.1, 1.0], [0.2, 0.7, 0.4]]
    assert [set(dot.get_ydata()) for dot in dots] == [{0}, {1}]
    assert [dot.get_color() for dot in dots] == [figures.COLORS["blue"], figures.COLORS["grey"]]
    bars = [line.get_segments()[0] for line in axis.collections]
    upright = [segment[0][0] for segment in bars if segment[0][0] == segment[1][0]]
    assert upright == [1.0, 0.4]
    assert [name.get_text() for name in axis.get_yticklabels()] == list(values)
    assert [text.get_text() for text in axis.texts] == ["chance", "neighbours"]
