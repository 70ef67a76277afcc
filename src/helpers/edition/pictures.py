"""The pictures in executed notebooks: made small, and some taken out to stand for the book."""

import base64
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers import files
from helpers.edition import palettes

# The pictures that stand for the book: a file, the chapter and the name of the figure that it is.
# The cover is that of README.md, and of the introduction where its scripts do not run.
COVER = "cover.png"
TOUR = {COVER: ("adversarial_search", "fig-adversarial")}


def shrink(notebook: NotebookNode) -> None:
    """Store every PNG among the outputs with a palette, in place, where it is smaller.

    One that is drawn on nothing gets two palettes, for a light page and for a dark one.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            png = output.get("data", {}).get("image/png")
            if png:
                output["data"]["image/png"] = _with_palette(png)


def write(book: Path, picture: str) -> None:
    """Write a picture that stands for the book: a figure that a chapter made.

    Parameters
    ----------
    book : Path
        The folder of the chapters; the picture goes into its _static/.
    picture : str
        One of TOUR.

    Raises
    ------
    ValueError
        Where the chapter has not been executed, and so has no such figure.
    """
    chapter, name = TOUR[picture]
    cells = nbformat.read(book / f"{chapter}.ipynb", as_version=4).cells
    made = [
        cell
        for cell in cells
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name
    ]
    pictures = [
        output.data["image/png"]
        for cell in made
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    if not pictures:
        raise ValueError(f"chapter {chapter} has no picture {name}: execute it first")
    with files.atomic(book / "_static" / picture) as temporary:
        temporary.write_bytes(base64.b64decode(pictures[0]))


def _with_palette(png: str) -> str:
    """A picture with a palette, or with two; both in base 64."""
    return base64.b64encode(palettes.indexed(base64.b64decode(png))).decode()
