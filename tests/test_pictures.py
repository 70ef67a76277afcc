import base64
import io
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from helpers.edition import pictures


def encoded(pixels: np.ndarray) -> str:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def decoded(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")).astype(int)


def holding(png: str, name: str = "") -> nbformat.NotebookNode:
    cell = new_code_cell(
        metadata={"mystnb": {"figure": {"name": name}}},
        outputs=[new_output("display_data", data={"image/png": png})],
    )
    return new_notebook(cells=[cell])


def test_a_shrunk_picture_is_smaller_and_looks_the_same() -> None:
    ramp = np.linspace(0, 255, 200 * 300).reshape(200, 300, 1).repeat(4, axis=2).astype(np.uint8)
    ramp[..., 3] = 255
    ramp[..., 2] = ramp[..., 2].T.reshape(ramp.shape[:2])  # more colours than a palette has
    notebook = holding(before := encoded(ramp))
    pictures.shrink(notebook)
    after = notebook.cells[0].outputs[0].data["image/png"]
    assert len(after) < len(before)
    assert np.abs(decoded(after) - decoded(before)).mean() < 6


def test_a_picture_that_would_grow_is_left_alone() -> None:
    dot = encoded(np.zeros((1, 1), dtype=np.uint8))
    notebook = holding(dot)
    pictures.shrink(notebook)
    assert len(notebook.cells[0].outputs[0].data["image/png"]) <= len(dot)


def test_the_cover_is_the_named_figure(tmp_path: Path) -> None:
    chapter, name = pictures.TOUR[pictures.COVER]
    pixels = np.full((3, 5, 3), 77, dtype=np.uint8)
    nbformat.write(holding(encoded(pixels), name), tmp_path / f"{chapter}.ipynb")
    pictures.write(tmp_path, pictures.COVER)
    assert (np.asarray(Image.open(tmp_path / "_static" / "cover.png")) == pixels).all()


def test_a_chapter_that_was_not_executed_has_no_cover(tmp_path: Path) -> None:
    chapter, _ = pictures.TOUR[pictures.COVER]
    nbformat.write(new_notebook(), tmp_path / f"{chapter}.ipynb")
    with pytest.raises(ValueError, match="has no picture fig-adversarial: execute it first"):
        pictures.write(tmp_path, pictures.COVER)
