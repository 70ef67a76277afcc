"""The book as one PDF, $PDF: its pages, bookmarks and links, and that no picture is cut off."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from nbformat import read
from pypdf import PageObject, PdfReader

BOOK = Path(__file__).parents[1] / "book"
CHAPTERS = [  # those that have a number
    entry["file"]
    for part in yaml.safe_load((BOOK / "_toc.yml").read_text())["parts"]
    for entry in part["chapters"]
    if part.get("numbered")
]


@pytest.fixture(scope="module")
def pdf() -> PdfReader:
    return PdfReader(os.environ["PDF"])


def links(pdf: PdfReader) -> Iterator[tuple[int, Any]]:
    for number, page in enumerate(pdf.pages):
        for annotation in page.get("/Annots") or []:
            if annotation.get_object()["/Subtype"] == "/Link":
                yield number, annotation.get_object()


def title(chapter: str) -> str:
    page = BOOK / f"{chapter}.md"
    notebook = BOOK / f"{chapter}.ipynb"
    text = page.read_text() if page.exists() else read(notebook, as_version=4).cells[0].source
    return next(line for line in text.splitlines() if line.startswith("# ")).removeprefix("# ")


def test_it_is_a_book_and_no_picture_of_one(pdf: PdfReader) -> None:
    assert 40 <= len(pdf.pages) <= 250
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Intriguing properties of neural networks, executed"
    assert sum(not page.extract_text().strip() for page in pdf.pages) == 0


def test_every_chapter_has_a_bookmark_to_the_page_it_begins_on(pdf: PdfReader) -> None:
    marked = {
        str(item.title): pdf.get_destination_page_number(item)
        for item in pdf.outline
        if not isinstance(item, list)
    }
    assert [name for name in marked if name[0].isdigit()] == [
        f"{number}. {title(name)}" for number, name in enumerate(CHAPTERS, start=1)
    ]
    assert list(marked.values()) == sorted(marked.values())
    for name, page in marked.items():
        assert page is not None
        assert " ".join(name.split()) in " ".join(pdf.pages[page].extract_text().split())


def test_every_link_leads_somewhere(pdf: PdfReader) -> None:
    inside = [link["/Dest"] for _, link in links(pdf) if "/Dest" in link]
    outside = [str(link["/A"].get("/URI")) for _, link in links(pdf) if "/Dest" not in link]
    assert len(inside) > 100
    assert [
        name for name in inside if isinstance(name, str) and name not in pdf.named_destinations
    ] == []
    assert [address for address in outside if not address.startswith(("https://", "http://"))] == []


def test_no_picture_is_cut_off(pdf: PdfReader) -> None:
    shown = 0
    for number, page in enumerate(pdf.pages, start=1):
        for left, bottom, right, top in boxes(page):
            shown += 1
            assert left >= -1, number
            assert bottom >= -1, number
            assert right <= float(page.mediabox.right) + 1, number
            assert top <= float(page.mediabox.top) + 1, number
    assert shown >= 20


def boxes(page: PageObject) -> list[tuple[float, float, float, float]]:
    """Where the pictures of a page are, in points: the unit square under the matrix in force."""
    found = []

    def visit(operator: bytes, _arguments: Any, matrix: list[float], _text: list[float]) -> None:
        if operator == b"Do":
            a, b, c, d, e, f = matrix
            corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) @ np.array([[a, b], [c, d]]) + [
                e,
                f,
            ]
            found.append((*corners.min(axis=0), *corners.max(axis=0)))

    page.extract_text(visitor_operand_before=visit)
    return found
