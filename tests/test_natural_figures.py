import io

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.report import figures
from helpers.report.figures import natural


def pixels(shown: object) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(shown.data)), dtype=float)  # type: ignore[attr-defined]


def plain(*colours: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(colours)[:, :, None, None].expand(-1, -1, 30, 30)


RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def test_photographs_stand_in_their_rows_in_order() -> None:
    shown = figures.photographs([plain(RED, GREEN), plain(BLUE, RED)], side=40)
    sheet, step, middle = pixels(shown), 40 + natural.GAP, natural.GAP + 20
    assert sheet.shape == (2 * step + natural.GAP, 2 * step + natural.GAP, 3)
    for row, colours in enumerate([(RED, GREEN), (BLUE, RED)]):
        for column, colour in enumerate(colours):
            found = sheet[middle + row * step, middle + column * step]
            np.testing.assert_allclose(found, 255 * np.array(colour), atol=6)


def test_titles_and_names_take_a_line_each_where_there_are_any() -> None:
    rows = [plain(RED, GREEN), plain(BLUE, RED)]
    bare = pixels(figures.photographs(rows)).shape[0]
    titled = figures.photographs(rows, titles=[["a", "b"], []], names=["first", "second"])
    assert pixels(titled).shape[0] == bare + 3 * natural.LINE
    assert titled.format == "jpeg"
    # The letters are there, and light.
    assert pixels(titled)[: natural.LINE].max() > 200


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
