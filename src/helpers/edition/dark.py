"""A Sphinx extension: a figure that has a second palette is shown by it where the page is dark."""

import hashlib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from helpers import files
from helpers.edition import palettes

FOLDER = "_dark"  # of the pictures, in the folder of the sources
BEFORE = 400  # Sphinx collects the images of a page at 500


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this when it loads the extension."""
    app.connect("doctree-read", add_dark_pictures, priority=BEFORE)
    return {"parallel_read_safe": True}


def add_dark_pictures(app: Sphinx, doctree: nodes.document) -> None:
    """Put the dark page's picture behind each picture of a page that has one."""
    source = Path(app.srcdir)
    page = Path(app.env.docname).parent
    for image in list(doctree.findall(nodes.image)):
        if "://" in image["uri"]:
            continue
        # Paths are relative to the page, or to the folder of the sources where they begin with /.
        uri = image["uri"]
        file = source / uri[1:] if uri.startswith("/") else source / page / uri
        picture = palettes.dark(file.read_bytes()) if file.suffix == ".png" else None
        if picture is None:
            continue
        name = f"{hashlib.sha256(picture).hexdigest()[:20]}.png"
        (source / FOLDER).mkdir(exist_ok=True)
        with files.atomic(source / FOLDER / name) as temporary:
            temporary.write_bytes(picture)
        other: Any = image.deepcopy()
        other["uri"] = f"/{FOLDER}/{name}"
        other["classes"] = [*image["classes"], "only-dark"]
        image["classes"] = [*image["classes"], "only-light"]
        image.parent.insert(image.parent.index(image) + 1, other)
