"""A picture's two palettes: what was drawn in which colour, on a light page and on a dark one."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from helpers.edition import palettes
from helpers.report.figures import COLORS, DARK, INK, PAPER


def png(pixels: np.ndarray) -> bytes:
    """A PNG of uint8 [h, w, 3 or 4]."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def pixels(content: bytes | None) -> np.ndarray:
    """A PNG's colours, [h, w, 3]."""
    assert content is not None
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def rgb(colour: str) -> list[int]:
    """Red, green, blue of "#RRGGBB"."""
    return list(bytes.fromhex(colour[1:]))


def test_letters_and_lines_change_with_the_page_and_greys_do_not() -> None:
    drawn = np.zeros((2, 3, 4), dtype=np.uint8)
    drawn[0] = [[*rgb(INK), 255], [*rgb(COLORS["blue"]), 255], [*rgb(PAPER), 255]]
    drawn[1] = [[0, 0, 0, 255], [255, 255, 255, 255], [9, 9, 9, 0]]
    made = palettes.indexed(png(drawn))
    light, dark = pixels(made), pixels(palettes.dark(made))
    assert light[0].tolist() == [rgb(INK), rgb(COLORS["blue"]), rgb(PAPER)]
    assert dark[0].tolist() == [rgb(DARK[INK]), rgb(DARK[COLORS["blue"]]), rgb(DARK[PAPER])]
    # A digit's black and white stay; what is not drawn on is the page.
    assert light[1].tolist() == [[0] * 3, [255] * 3, [255] * 3]
    assert dark[1].tolist() == [[0] * 3, [255] * 3, rgb(DARK[PAPER])]


def test_the_edge_of_a_letter_fades_into_either_page() -> None:
    drawn = np.array([[[*rgb(INK), 128], [0, 0, 0, 0]]], dtype=np.uint8)
    made = palettes.indexed(png(drawn))
    for content, ink, page in (
        (made, INK, "#FFFFFF"),
        (palettes.dark(made), DARK[INK], DARK[PAPER]),
    ):
        between = 128 / 255 * np.array(rgb(ink)) + 127 / 255 * np.array(rgb(page))
        assert pixels(content)[0, 0] == pytest.approx(between, abs=1)


def test_a_figure_of_many_colours_keeps_them_on_both_pages() -> None:
    figure = Figure(figsize=(3, 2), facecolor="none", layout="none")
    for place in (0.1, 0.5):
        axis = figure.add_axes((place, 0.1, 0.4, 0.8), facecolor="none")
        axis.set_axis_off()
        if place < 0.5:
            axis.imshow(np.linspace(0, 1, 600).reshape(20, 30), cmap="viridis", aspect="auto")
        else:
            axis.plot([0, 1], [0, 1], color=COLORS["orange"], lw=5)
    content = io.BytesIO()
    figure.savefig(content, format="png")
    made = palettes.indexed(content.getvalue())
    drawn = np.asarray(Image.open(content).convert("RGBA")).astype(float)
    opacity = drawn[..., 3:] / 255
    on_white = opacity * drawn[..., :3] + (1 - opacity) * 255
    assert np.abs(pixels(made) - on_white).max(axis=2).mean() < 1.5
    # The line is lighter on the dark page, the picture is the same on both.
    line = np.abs(drawn[..., :3] - rgb(COLORS["orange"])).max(axis=2) <= 1
    line &= drawn[..., 3] == 255
    on_dark = pixels(palettes.dark(made))
    assert np.abs(on_dark[line] - rgb(DARK[COLORS["orange"]])).max() < 25
    inside = (slice(40, 160), slice(50, 130))
    assert (drawn[(*inside, 3)] == 255).all()
    assert np.abs(on_dark[inside] - drawn[(*inside, slice(3))]).max() < 25


def test_the_same_picture_gives_the_same_file() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 4), dtype=np.uint8)
    assert palettes.indexed(png(noise)) == palettes.indexed(png(noise))


def test_what_is_drawn_on_a_ground_of_its_own_has_no_second_palette() -> None:
    photograph = np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    assert palettes.dark(palettes.indexed(png(photograph))) is None
    assert palettes.dark(png(photograph)) is None
