"""The solutions of the exercises.

Each runs on its own, after its chapter's parameters (profile smoke) and its imports.
"""

import copy
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import pytest
from nbformat import NotebookNode
from torch import nn

from helpers import places
from helpers.edition import chapters

EXERCISE = re.compile(r"^\*\*(\d+)\.\*\*", re.MULTILINE)
SOLUTION = re.compile(
    r"^:::\{admonition\} Solution\n:class: dropdown\n(.*?)^:::$", re.MULTILINE | re.DOTALL
)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def exercises(notebook: NotebookNode) -> dict[str, str]:
    """What follows each exercise's number up to the next, by number."""
    text = "\n".join(
        cell.source for cell in notebook.cells if cell.cell_type == "markdown"
    ).partition("## Exercises")[2]
    parts = EXERCISE.split(text)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def blocks() -> list[Any]:
    """Every block of Python in a solution, with its chapter."""
    found = []
    for chapter in chapters.names():
        for number, text in exercises(
            nbformat.read(chapters.source(chapter), as_version=4)
        ).items():
            sources = [
                source for solution in SOLUTION.findall(text) for source in BLOCK.findall(solution)
            ]
            found += [
                pytest.param(
                    chapter, source, id=f"{chapter}-{number}{'abc'[place] if place else ''}"
                )
                for place, source in enumerate(sources)
            ]
    return found


@pytest.fixture(scope="module")
def namespaces() -> dict[str, dict[str, Any]]:
    """What the parameters and the imports of a chapter define, by chapter, filled when needed."""
    return {}


def setup(chapter: str) -> dict[str, Any]:
    """The namespace after the cell of parameters, under smoke, and the one after it."""
    code = [
        cell
        for cell in nbformat.read(chapters.source(chapter), as_version=4).cells
        if cell.cell_type == "code"
    ]
    first = next(
        place for place, cell in enumerate(code) if "parameters" in cell.metadata.get("tags", [])
    )
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(code[first].source, namespace)
    namespace["profile"] = "smoke"
    exec(code[first + 1].source, namespace)
    return namespace


@pytest.mark.parametrize(("chapter", "source"), blocks())
def test_a_solution_runs(
    chapter: str,
    source: str,
    namespaces: dict[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(places.book())
    monkeypatch.setenv("RESULTS", str(tmp_path))
    monkeypatch.delenv("MEASURED", raising=False)
    with mpl.rc_context():
        if chapter not in namespaces:
            namespaces[chapter] = setup(chapter)
        given = namespaces[chapter]
        exec(
            source,
            {
                name: copy.deepcopy(value)
                if isinstance(value, nn.Module | dict) and name != "__builtins__"
                else value
                for name, value in given.items()
            },
        )


@pytest.mark.parametrize("chapter", chapters.names())
def test_a_chapter_has_three_exercises_each_with_a_solution(chapter: str) -> None:
    found = exercises(nbformat.read(chapters.source(chapter), as_version=4))
    assert list(found) == [str(number + 1) for number in range(len(found))]
    assert len(found) >= 3
    assert [number for number, text in found.items() if len(SOLUTION.findall(text)) != 1] == []
    assert len([text for text in found.values() if BLOCK.search(text)]) >= 2
