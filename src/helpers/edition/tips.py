"""A Sphinx extension: a term of the glossary shows its meaning when pointed at or in focus."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

GLOSSARY = "glossary"  # the page
TERM = "term-"  # how the ids of its terms begin
SENTENCE = re.compile(r".+?[.!?](?=\s|$)", re.DOTALL)


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this when it loads the extension."""
    app.connect("doctree-resolved", add_tips)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_tips(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put the meaning of a term into each link to it; the style sheet hides and shows it."""
    links = [
        (link, target)
        for link in doctree.findall(nodes.reference)
        if page != GLOSSARY and (target := link.get("refuri", "").partition("#")[2])
        if target.startswith(TERM)
    ]
    if links:
        told = meanings(app.env.get_doctree(GLOSSARY))
        for link, target in links:
            if target in told:
                link.append(nodes.inline("", told[target], classes=["tip"]))


def meanings(glossary: nodes.document) -> dict[str, str]:
    """The first sentence of each term's definition, by the id of the term."""
    return {
        name: first_sentence(entry[-1].astext())
        for entry in glossary.findall(nodes.definition_list_item)
        for term in entry.findall(nodes.term)
        for name in term["ids"]
    }


def first_sentence(text: str) -> str:
    """A text up to the end of its first sentence, in one line."""
    words = " ".join(text.split())
    found = SENTENCE.match(words)
    return found.group() if found else words
