"""What a term says of itself where a page links to it."""

import pytest
from docutils.core import publish_doctree

from helpers.edition import tips


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("An image.  It looks\nlike another. ", "An image."),
        ("Of 0.5 at most. More.", "Of 0.5 at most."),
        ("No end", "No end"),
        ("Is it? Yes.", "Is it?"),
    ],
)
def test_the_first_sentence_alone(text: str, first: str) -> None:
    assert tips.first_sentence(text) == first


def test_each_term_has_its_own_meaning() -> None:
    glossary = publish_doctree("one\n  The first. It comes before two.\n\ntwo\n  The second.\n")
    for term in glossary.findall(tips.nodes.term):
        term["ids"] = [f"term-{term.astext()}"]
    assert tips.meanings(glossary) == {"term-one": "The first.", "term-two": "The second."}
