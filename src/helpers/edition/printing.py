"""The rendered book in one file: as a PDF, printed by Chromium, and as a zip of its pages."""

import copy
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from playwright.sync_api import sync_playwright
from pypdf import PdfWriter
from pypdf.generic import NameObject, TextStringObject

from helpers import files
from helpers.edition import chapters

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 665  # CSS pixels between the margins of A4
PATIENCE = 300_000  # milliseconds
MARGIN: Any = {"top": "18mm", "bottom": "18mm", "left": "17mm", "right": "17mm"}
NUMBER = (
    '<div style="width: 100%; text-align: center; font: 8px sans-serif; color: #555">'
    '<span class="pageNumber"></span></div>'
)
FOOTER: Any = {
    "display_header_footer": True,
    "header_template": "<span></span>",
    "footer_template": NUMBER,
}
ONE_PAGE = "print.html"  # beside the pages, as it loads their pictures and styles
TOO_WIDE = """[...document.querySelectorAll('article *')]
    .filter(element => element.getBoundingClientRect().right > innerWidth + 1)
    .filter(element => !element.closest('mjx-assistive-mml'))
    .slice(0, 5).map(element => element.outerHTML.slice(0, 150))"""
LAID_OUT = "async () => { await window.MathJax.startup.promise; await document.fonts.ready }"
HEADINGS = """[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
    .map(heading => heading.textContent.trim())"""


def archive(html: Path, target: Path) -> None:
    """Zip a rendered book; unpacked anywhere, it opens from the disk without a server.

    Parameters
    ----------
    html : Path
        The folder of the rendered book, which the zip holds under its own name.
    target : Path
        The zip.
    """
    (html / ONE_PAGE).unlink(missing_ok=True)  # of a printing that was killed
    for last in html.glob("*.zip"):  # which it would hold
        last.unlink()
    with files.atomic(target) as temporary:
        made = shutil.make_archive(str(temporary.with_suffix("")), "zip", html.parent, html.name)
        Path(made).replace(temporary)


def offer(html: Path, file: Path) -> None:
    """Let the pages of a rendered book link to the whole of it in one file.

    Parameters
    ----------
    html : Path
        The folder of the rendered book, which gets a copy.
    file : Path
        The book as a PDF or as a zip.
    """
    with files.atomic(html / file.name) as temporary:
        shutil.copy(file, temporary)
    offered = sorted(path.name for kind in ("pdf", "zip") for path in html.glob(f"*.{kind}"))
    files.write_text(html / "files.js", f"window.bookFiles = {json.dumps(offered)};\n")


def pdf(html: Path, target: Path) -> None:
    """Print a rendered book by Chromium: one PDF, with bookmarks and links between its pages.

    Parameters
    ----------
    html : Path
        The folder of the rendered book.
    target : Path
        The PDF.

    Raises
    ------
    ValueError
        Where something is wider than the page.
    """
    page_file = html / ONE_PAGE
    page_file.write_text(one_page(html, printed()), encoding="utf-8")
    try:
        with sync_playwright() as playwright, files.atomic(target) as temporary:
            browser = playwright.chromium.launch(
                executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme="light")
            page.set_default_timeout(PATIENCE)
            page.emulate_media(media="print")
            page.goto(page_file.resolve().as_uri(), wait_until="load")
            page.evaluate(LAID_OUT)
            if wide := page.evaluate(TOO_WIDE):
                raise ValueError(f"wider than a page of the PDF: {wide}")
            titles = page.evaluate(HEADINGS)
            page.pdf(
                path=temporary,
                format="A4",
                margin=MARGIN,
                outline=True,
                tagged=True,
                print_background=True,
                **FOOTER,
            )
            browser.close()
            _titled(temporary, titles)
    finally:
        page_file.unlink()


def printed() -> list[str]:
    """The pages that the PDF holds: all but those in folders, which are for looking things up."""
    return [name for name in chapters.pages() if "/" not in name]


def _titled(path: Path, titles: list[str]) -> None:
    """Give the bookmarks of a PDF their titles, in order, in place.

    Chromium writes those twice that it laid out twice.
    """
    writer = PdfWriter(clone_from=path)
    bookmarks = list(_following(writer.root_object["/Outlines"].get_object()))
    for bookmark, title in zip(bookmarks, titles, strict=True):
        bookmark[NameObject("/Title")] = TextStringObject(title)
    writer.metadata = {"/Title": titles[0], "/Author": "The authors of this book"}
    writer.write(path)


def _following(bookmark: Any) -> Iterator[Any]:
    """All bookmarks below one, in the order of the text."""
    child = bookmark.get("/First")
    while child is not None:
        yield child.get_object()
        yield from _following(child.get_object())
        child = child.get_object().get("/Next")


def chromium() -> str | None:
    """$CHROMIUM, or the system's Chromium; None for Playwright's own."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)


def one_page(html: Path, names: list[str]) -> str:
    """The articles of the named pages as one page for print.

    Every id begins with its page's name, and links between the pages lead there; a link to a page
    that is not among them is text. Code that was folded away is left out; outputs and solutions
    that were are unfolded.

    Parameters
    ----------
    html : Path
        The folder of the rendered book.
    names : list of str
        Its pages, in the order in which they follow one another.

    Returns
    -------
    str
        HTML, to be put beside the pages.
    """
    pages = {
        name: BeautifulSoup((html / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        for name in names
    }
    whole = copy.copy(pages[names[0]])
    for script in whole.find_all("script"):
        if not any(part in str(script) for part in ("MathJax", "mathjax")):
            script.decompose()
    assert isinstance(whole.html, Tag)
    assert isinstance(whole.body, Tag)
    whole.html["data-theme"] = whole.html["data-mode"] = "light"
    whole.body.clear()
    whole.body["class"] = "one-page"
    for name, page in pages.items():
        article = page.find("article")
        assert isinstance(article, Tag)
        _renamed(article, name, names)
        _unfolded(article)
        whole.body.append(article)
    return str(whole)


def _renamed(article: Tag, name: str, names: list[str]) -> None:
    """Rewrite an article's ids, to <page>--<id>, and its links, in place.

    The id of its beginning is the page's name.
    """
    for tag in article.find_all(id=True):
        tag["id"] = f"{name}--{tag['id']}"
    article["id"] = f"{name}--"
    for link in article.find_all("a", href=True):
        parts = urlsplit(str(link["href"]))
        if parts.scheme or parts.netloc:
            continue
        page = parts.path.removesuffix(".html") if parts.path else name
        if page in names:
            link["href"] = f"#{page}--{parts.fragment}"
        elif parts.path.endswith(".html"):
            link.unwrap()


def _unfolded(article: Tag) -> None:
    """Take out of an article, in place, what only a screen can use."""
    for part in article.select("a.headerlink, button, script"):
        part.decompose()
    for link in article.select("a.image-reference"):
        link.unwrap()
    for details in article.find_all("details"):
        if "above-input" in (details.get("class") or []):
            details.decompose()
        else:
            for line in details.find_all("summary"):
                line.decompose()
            details.name = "div"
    for dropdown in article.select(".admonition.dropdown"):
        dropdown["class"] = " ".join(name for name in dropdown["class"] if name != "dropdown")
    for image in article.find_all("img"):
        image.attrs.pop("loading", None)
