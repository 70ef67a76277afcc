"""A chapter's first picture, as other pages show it: whole in the introduction, small elsewhere.

A Sphinx extension with one directive: ``{preview} noise`` shows the first picture of the chapter
`noise` with the chapter's own caption and description, and the number that it has there. So the
introduction never tells of another picture than the one that it shows.
"""

import base64
import io
from pathlib import Path

import nbformat
import numpy as np
from docutils import nodes
from docutils.statemachine import StringList
from nbformat import NotebookNode
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from helpers import files
from helpers.edition import palettes

WHOLE, SMALL = "_static/first", "_static/thumbnails"  # the folders of the pictures
THUMBNAIL = (360, 240)  # pixels that a small one fits into: twice what a page gives it
SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}  # of files, by what a cell made
BLANK = 250  # a grey from here on counts as an empty margin


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("preview", Preview)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Preview(SphinxDirective):
    """The directive ``{preview}``, with the name of a chapter."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make a figure of the chapter's first picture, or an error where it has none."""
        chapter = self.arguments[0]
        source = Path(self.env.srcdir) / f"{chapter}.ipynb"
        self.env.note_dependency(str(source))
        cell = first(source) if source.exists() else None
        if cell is None:
            return [self.state.document.reporter.error(f"{chapter} has no picture to show")]
        told = cell.metadata.mystnb
        suffix, _ = _pictures(cell)[0]
        address = f"{WHOLE}/{chapter}{suffix}"
        image = nodes.image(uri=address, alt=told.get("image", {}).get("alt", ""))
        # A legend, not a caption: the picture has its number where it belongs.
        legend = nodes.legend()
        text = f"{told.figure.caption} ({{numref}}`{told.figure.name}`)"
        self.state.nested_parse(StringList([text], str(source)), self.content_offset, legend)
        figure = nodes.figure("", image, legend, classes=["preview"])
        self.set_source_info(figure)
        return [figure]


def first(notebook: Path) -> NotebookNode | None:
    """The cell of the first picture with a caption in a chapter.

    Parameters
    ----------
    notebook : Path
        A chapter, with what `rendering.with_hero_first` puts first in its place.

    Returns
    -------
    NotebookNode or None
        None where the chapter has no such picture, as before it is executed.
    """
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.metadata.get("mystnb", {}).get("figure") and _pictures(cell):
            return cell
    return None


def write(book: Path, chapter: str) -> None:
    """Write a chapter's first picture, whole and small, for the pages that show it.

    Parameters
    ----------
    book : Path
        The folder of the chapters, as they are rendered.
    chapter : str
        Its name; a chapter without a picture leaves nothing.
    """
    cell = first(book / f"{chapter}.ipynb")
    if cell is None:
        return
    suffix, picture = _pictures(cell)[0]
    for name, content in {
        f"{WHOLE}/{chapter}{suffix}": picture,
        f"{SMALL}/{chapter}.png": small(picture),
    }.items():
        with files.atomic(book / name) as temporary:
            temporary.write_bytes(content)


def small(picture: bytes) -> bytes:
    """A picture that fits into `THUMBNAIL`, without its empty margins.

    Parameters
    ----------
    picture : bytes
        A PNG or JPEG; what is transparent becomes white.

    Returns
    -------
    bytes
        A PNG with a palette, and with a second one for a dark page where the picture has it.
    """
    light, on_dark = _on_white(picture), palettes.dark(picture)
    # The margins are those of the light picture: both lose the same.
    inked = light.convert("L").point([255 * (grey < BLANK) for grey in range(256)]).getbbox()
    shown = _fitted(light.crop(inked))
    if on_dark is None:
        return palettes.paired(shown, None)
    return palettes.paired(shown, _fitted(_on_white(on_dark).crop(inked)))


def _fitted(picture: Image.Image) -> np.ndarray:
    """A picture made to fit into THUMBNAIL, as an array [h, w, 3]."""
    picture.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    return np.asarray(picture)


def _on_white(picture: bytes) -> Image.Image:
    """A picture without transparency."""
    drawn = Image.open(io.BytesIO(picture)).convert("RGBA")
    white = Image.new("RGBA", drawn.size, "white")
    white.alpha_composite(drawn)
    return white.convert("RGB")


def _pictures(cell: NotebookNode) -> list[tuple[str, bytes]]:
    """The pictures that a cell made: the suffix of a file of each, and its content."""
    outputs = [output.get("data", {}) for output in cell.get("outputs", [])]
    return [
        (suffix, base64.b64decode(data[kind]))
        for data in outputs
        for kind, suffix in SUFFIXES.items()
        if data.get(kind)
    ]
