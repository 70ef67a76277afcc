"""A Sphinx extension: the sections of the rendered pages, as the search of the book reads them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

from helpers import files

FILE = (
    "find/sections.js"  # in the rendered book: a script, since a page on a disk may fetch no data
)
TITLES = ("h1", "h2", "h3", "h4")
# What no reader looks for, or what is no text: code, formulas, and signs beside titles.
UNREAD = "script, style, pre, .math, .headerlink, .tip, .live-app, .prev-next-footer"


def setup(app: Sphinx) -> dict[str, Any]:
    """Put the book's own search in the place of Sphinx's, which finds no numbers."""
    app.connect("builder-inited", _without_search)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _without_search(app: Sphinx) -> None:
    if isinstance(app.builder, StandaloneHTMLBuilder):
        app.builder.search = False


def _finish(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        write(Path(app.outdir))


def write(html: Path) -> None:
    """Write the sections of all pages into the rendered book.

    Parameters
    ----------
    html : Path
        The folder of a rendered book.
    """
    found = [
        section
        for file in sorted(html.rglob("*.html"))
        if not file.relative_to(html).as_posix().startswith("_")
        for section in of_page(file.read_text(), file.relative_to(html).as_posix())
    ]
    files.write_text(html / FILE, f"window.bookSections = {json.dumps(found)};\n")


def of_page(text: str, address: str) -> list[dict[str, str]]:
    """The sections of a page, each with its own text alone.

    Parameters
    ----------
    text : str
        The page, in HTML.
    address : str
        Where it stands in the book.

    Returns
    -------
    list of dict
        "page" and "title" of each section, where it is, "url", and its "text". The entries of a
        reference and of a glossary are sections, too. None of a page without an article.

    Examples
    --------
    >>> page = '<article><section id="a"><h1>Noise</h1><p>It is harmless.</p></section></article>'
    >>> of_page(page, "noise.html")
    [{'page': 'Noise', 'title': 'Noise', 'url': 'noise.html#a', 'text': 'It is harmless.'}]
    """
    article = BeautifulSoup(text, "html.parser").select_one("article")
    if article is None or article.find("h1") is None:
        return []
    for element in article.select(UNREAD):
        element.decompose()
    first = article.find("h1")
    page = _words(first) if isinstance(first, Tag) else ""
    sections = [_section(part, page, address) for part in _parts(article)]
    # The innermost part was taken out of its surroundings first: back into the page's order.
    return [section for section in reversed(sections) if section["title"]]


def _parts(article: Tag) -> Iterator[tuple[Tag, Tag]]:
    """Each part that has an address, with its title; those within it are taken out before."""
    for element in reversed(article.select("section[id], dt[id]")):
        if element.name == "dt":
            told = element.find_next_sibling("dd")
            yield (told.extract() if isinstance(told, Tag) else Tag(name="dd")), element
            element.extract()
            continue
        title = element.find(TITLES)
        if isinstance(title, Tag):
            yield element, title.extract()
            element.extract()


def _section(part: tuple[Tag, Tag], page: str, address: str) -> dict[str, str]:
    """What the search knows of one part."""
    body, title = part
    named = title if title.name == "dt" else body
    name = title.select_one(".descname")
    return {
        "page": page,
        "title": _words(name or title),
        "url": f"{address}#{named.get('id')}",
        "text": _words(body),
    }


def _words(element: Tag) -> str:
    """The text of an element in one line."""
    return " ".join(element.get_text(" ").split()).replace(" .", ".").replace(" ,", ",")
