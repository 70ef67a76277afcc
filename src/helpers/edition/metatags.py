"""A Sphinx extension: a description of every page for search engines, its first paragraph."""

import html
import textwrap
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

LENGTH = 200  # characters: search engines show no more
WITHOUT_TEXT = {
    "search": "Search the book for a word.",
    "genindex": "The terms of the glossary and the names of the package, with their pages.",
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the description when a page is written."""
    app.connect("html-page-context", _describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def description(document: nodes.document) -> str:
    """The first paragraph of a document, or its first text of several words, cut between words."""
    texts = [
        " ".join(node.astext().split())
        for node in document.findall(
            lambda node: isinstance(node, nodes.paragraph | nodes.definition | nodes.term)
        )
    ]
    longest = next((text for text in texts if len(text) >= 40), max(texts, key=len, default=""))
    return textwrap.shorten(longest, LENGTH, placeholder=" …")


def _describe(
    _app: Sphinx,
    name: str,
    _template: str,
    context: dict[str, Any],
    document: nodes.document | None,
) -> None:
    text = WITHOUT_TEXT.get(name, "") if document is None else description(document)
    if text:
        context["metatags"] = (
            context.get("metatags", "")
            + f'\n<meta name="description" content="{html.escape(text)}" />'
        )
