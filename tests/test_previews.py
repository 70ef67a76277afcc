"""A chapter's first picture on other pages: which one it is, and how it is made small."""

import base64
import io
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from helpers.edition import palettes, previews


def png(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def picture(shade: int, *, caption: str = "What is seen.") -> NotebookNode:
    pixels = np.full((30, 50, 3), shade, dtype=np.uint8)
    figure = {"figure": {"caption": caption, "name": f"fig-{shade}"}} if caption else {}
    alt = {"alt": f"A rectangle of the shade {shade}."}
    return new_code_cell(
        "draw()",
        metadata={"mystnb": {**figure, "image": alt}},
        outputs=[
            new_output("stream", text="words"),
            new_output("display_data", {"image/png": base64.b64encode(png(pixels)).decode()}),
        ],
    )


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_the_first_picture_with_a_caption_is_written_whole_and_small(tmp_path: Path) -> None:
    cells = [new_markdown_cell("# One"), picture(10, caption=""), picture(20), picture(30)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "one.ipynb")
    previews.write(tmp_path, "one")
    for folder in (previews.WHOLE, previews.SMALL):
        assert (pixels(tmp_path / folder / "one.png") == 20).all()


def test_a_photograph_keeps_its_format_and_is_small_as_others_are(tmp_path: Path) -> None:
    content = io.BytesIO()
    Image.fromarray(np.full((300, 500, 3), 90, dtype=np.uint8)).save(content, "JPEG")
    cell = picture(90)
    cell.outputs = [
        new_output("display_data", {"image/jpeg": base64.b64encode(content.getvalue()).decode()})
    ]
    nbformat.write(new_notebook(cells=[cell]), tmp_path / "one.ipynb")
    previews.write(tmp_path, "one")
    assert (tmp_path / previews.WHOLE / "one.jpg").read_bytes() == content.getvalue()
    assert pixels(tmp_path / previews.SMALL / "one.png").shape == (216, 360, 3)


def test_a_chapter_without_pictures_leaves_none(tmp_path: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), tmp_path / "one.ipynb")
    previews.write(tmp_path, "one")
    assert [path.name for path in tmp_path.iterdir()] == ["one.ipynb"]


def test_a_small_picture_has_no_empty_margins_and_is_drawn_on_white() -> None:
    drawn = np.zeros((600, 900, 4), dtype=np.uint8)  # transparent all over
    drawn[200:500, 100:700] = (0, 90, 180, 255)
    found = Image.open(io.BytesIO(previews.small(png(drawn)))).convert("RGB")
    assert found.size == (360, 180)  # as 600 to 300
    assert found.getpixel((180, 90)) == (0, 90, 180)
    drawn[250:450, 300:500] = 0
    hollow = Image.open(io.BytesIO(previews.small(png(drawn)))).convert("RGB")
    assert hollow.getpixel((180, 90)) == (255, 255, 255)


def test_a_small_picture_has_a_second_palette_where_the_whole_one_has() -> None:
    light = np.full((60, 90, 3), 255, dtype=np.uint8)
    on_dark = np.full((60, 90, 3), 20, dtype=np.uint8)
    light[10:50, 20:80], on_dark[10:50, 20:80] = (0, 90, 180), (80, 170, 220)
    found = palettes.dark(previews.small(palettes.paired(light, on_dark)))
    assert found is not None
    seen = Image.open(io.BytesIO(found)).convert("RGB")
    assert seen.size == (60, 40)
    assert seen.getpixel((30, 20)) == (80, 170, 220)
    assert palettes.dark(previews.small(png(light))) is None


def test_a_picture_that_is_empty_is_shown_as_it_is() -> None:
    empty = np.full((30, 60, 3), 255, dtype=np.uint8)
    assert Image.open(io.BytesIO(previews.small(png(empty)))).size == (60, 30)


def build(folder: Path, page: str) -> subprocess.CompletedProcess[str]:
    """A book of the page and of a chapter with one picture, made by Sphinx."""
    (folder / "conf.py").write_text(
        'extensions = ["myst_nb", "helpers.edition.previews"]\n'
        'nb_execution_mode = "off"\nnumfig = True\nroot_doc = "intro"\n'
    )
    contents = "\n\n```{toctree}\none\n```\n"
    (folder / "intro.md").write_text(f"# Book\n\n{page}{contents}")
    shown = picture(77, caption="Seen in $x$, *at once*.")
    python = {"language_info": {"name": "python", "pygments_lexer": "python"}}
    notebook = new_notebook(cells=[new_markdown_cell("# One"), shown], metadata=python)
    nbformat.write(notebook, folder / "one.ipynb")
    previews.write(folder, "one")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(folder), str(folder / "html")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_page_shows_the_picture_with_the_chapters_words_and_number(tmp_path: Path) -> None:
    told = build(tmp_path, "```{preview} one\n```")
    assert told.returncode == 0, told.stderr
    page = (tmp_path / "html" / "intro.html").read_text()
    assert 'alt="A rectangle of the shade 77."' in page
    assert "<em>at once</em>" in page
    assert 'href="one.html#fig-77"' in page
    assert (pixels(tmp_path / "html" / "_images" / "one.png") == 77).all()


def test_a_chapter_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    told = build(tmp_path, "```{preview} two\n```")
    assert told.returncode != 0
    assert "two has no picture to show" in told.stderr
