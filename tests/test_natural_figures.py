import io

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.report import benchmarks, figures
from helpers.report.figures import COLORS, PAPER, natural


def pixels(shown: object) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(shown.data)), dtype=float)  # type: ignore[attr-defined]


def plain(*colours: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(colours)[:, :, None, None].expand(-1, -1, 30, 30)


RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def test_photographs_stand_in_their_rows_in_order_and_fill_the_sheet() -> None:
    shown = figures.photographs([plain(RED, GREEN), plain(BLUE, RED)], side=40)
    sheet, step = pixels(shown), 40 + natural.GAP
    assert sheet.shape == (2 * step - natural.GAP, 2 * step - natural.GAP, 3)
    for row, colours in enumerate([(RED, GREEN), (BLUE, RED)]):
        for column, colour in enumerate(colours):
            found = sheet[20 + row * step, 20 + column * step]
            np.testing.assert_allclose(found, 255 * np.array(colour), atol=6)


def test_a_row_with_a_name_stands_apart_and_words_are_light_on_plates() -> None:
    rows = [plain(BLUE, BLUE), plain(BLUE, BLUE)]
    bare = pixels(figures.photographs(rows, side=80))
    named = pixels(figures.photographs(rows, side=80, names=["first", "second"]))
    assert named.shape[0] - bare.shape[0] == natural.GROUPS - natural.GAP
    # A plate in the upper corner of the first photograph of each group, and nowhere else.
    for top in (0, 80 + natural.GROUPS):
        assert named[top : top + 15, :30].min() < 60
        assert named[top : top + 15, :30].max() > 200
        np.testing.assert_allclose(named[top + 40, 40], (0, 0, 255), atol=6)


def test_a_marked_title_has_an_orange_plate_in_the_lower_corner() -> None:
    shown = figures.photographs(
        [plain(BLUE, BLUE)], titles=[["a hen", "ostrich"]], marked={"ostrich"}, side=80
    )
    sheet = pixels(shown)
    assert shown.format == "jpeg"
    dark, orange = sheet[77, 2], sheet[77, 80 + natural.GAP + 2]
    assert dark.max() < 60
    assert orange[0] > 180 > orange[1] > orange[2]


def test_tallies_have_a_full_dot_for_every_hit_and_their_number() -> None:
    found = {"1 ×": (0, 5), "20 ×": (3, 5)}
    figure = figures.tallies({"a": {"ostriches": found, "noise": {"1 ×": (0, 5), "20 ×": (1, 5)}}})
    first, second = figure.axes
    assert [len(line.get_xdata()) for line in first.lines] == [0, 5, 3, 2]
    assert [text.get_text() for text in first.texts] == ["0", "3"]
    assert [text.get_text() for text in second.texts] == ["0", "1"]
    assert first.get_title(loc="left") == "a\nostriches"
    assert second.get_title(loc="left") == "\nnoise"


def test_targets_are_marked_at_their_lengths_with_their_names() -> None:
    found = {"nearest class": [("cock", 0.0002), ("bull", 0.0005)], "ostrich": [("", 0.002)] * 2}
    (axis,) = figures.by_target(plain(RED, GREEN), found, xlabel="distortion").axes
    places = [
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in axis.lines
        if line.get_marker() in "osD" and len(line.get_xdata())
    ]
    assert places == [(0.0002, 0), (0.0005, 1), (0.002, 0), (0.002, 1)]
    names = [text.get_text() for text in axis.texts if text.get_text()]
    assert names == ["cock", "bull"]
    assert axis.get_xscale() == "log"


def test_an_attack_without_all_photographs_is_hollow_and_one_without_any_is_not_drawn() -> None:
    record = {"network": "squeezenet", "library": "ours", "seconds": 4.0}
    table = benchmarks.ostriches(
        [
            record | {"method": "fast", "distortions": [0.001, 0.002]},
            record | {"method": "best", "distortions": [0.001]},
        ]
    )
    left, right = figures.ostrich_benchmark(table, wanted=2).axes
    assert [line.get_xdata()[0] for line in left.lines] == [0.001, 0.001]
    assert [line.get_xdata()[0] for line in right.lines if len(line.get_xdata())] == [2.0, 4.0]
    full, hollow = (line.get_markerfacecolor() for line in left.lines)
    assert full == COLORS["blue"]
    assert hollow == PAPER


@pytest.mark.parametrize("text", ["ostrich", "European fire salamander", ""])
def test_a_title_is_cut_where_it_is_too_long(text: str) -> None:
    font = natural._font(15)
    cut = natural._cut(text, font, 80)
    assert font.getlength(cut) <= 80
    assert cut == text or cut.endswith("…")


def test_norms_have_one_mark_a_layer_and_one_axis_for_all_networks() -> None:
    norms = {"a": {"1 × 1": [(0.0, 2.0), (1.0, 3.0)]}, "b": {"depthwise": [(0.5, 20.0)]}}
    figure = figures.norms_by_depth(norms)
    first, second = figure.axes
    assert list(first.lines[0].get_xdata()) == [0.0, 1.0]
    assert list(first.lines[0].get_ydata()) == [2.0, 3.0]
    assert first.get_ylim() == second.get_ylim()
    assert first.get_yscale() == "log"
    assert first.lines[0].get_color() != second.lines[0].get_color()
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["1 × 1", "depthwise"]
