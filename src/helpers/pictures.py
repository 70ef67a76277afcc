"""The pictures in executed notebooks: made small, and one of them taken out to stand for the book."""

import base64
import io
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from PIL import Image

from helpers import files

COLORS = 128  # of a picture's palette: figures have few, and a digit's greys stay apart
COVER = ("adversarial_search", "fig-adversarial")  # the chapter and the name of the figure that stands for the book


def shrink(notebook: NotebookNode) -> None:
    """Store every PNG among the outputs with a palette of COLORS colours, in place, where that is smaller."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            png = output.get("data", {}).get("image/png")
            if png:
                output["data"]["image/png"] = min(png, _with_palette(png), key=len)


def write_cover(book: Path) -> None:
    """Write <book>/_static/cover.png, the picture of the introduction and of README.md: a figure that a chapter made.

    Raises ValueError where the chapter has not been executed.
    """
    chapter, name = COVER
    cells = nbformat.read(book / f"{chapter}.ipynb", as_version=4).cells
    made = [cell for cell in cells if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name]
    pictures = [output.data["image/png"] for cell in made for output in cell.outputs if "image/png" in output.get("data", {})]
    if not pictures:
        raise ValueError(f"chapter {chapter} has no picture {name}: execute it first")
    with files.atomic(book / "_static" / "cover.png") as temporary:
        temporary.write_bytes(base64.b64decode(pictures[0]))


def _with_palette(png: str) -> str:
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    content = io.BytesIO()
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    return base64.b64encode(content.getvalue()).decode()
