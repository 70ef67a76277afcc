"""The reference of the package: what the book shows of it is documented, renders, and runs."""

import doctest
import importlib
import inspect
import io
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from docutils.core import publish_doctree
from sphinx.ext.napoleon import Config, NumpyDocstring

from helpers import places

BOOK = places.ROOT / "book"
FOLDER = BOOK / "reference"
# The modules whose public names the book lists, as its pages name them.
FACES = [
    module
    for page in sorted(FOLDER.glob("*.md"))
    for module in re.findall(r"^\.\. automodule:: (\S+)$", page.read_text("utf-8"), re.MULTILINE)
]
MODULES = sorted(
    ".".join(path.relative_to(places.PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )
    for path in places.PACKAGE.rglob("*.py")
    if path.name != "__main__.py"
)
# What Sphinx adds to docutils.
UNKNOWN = re.compile(r"Unknown (directive type|interpreted text role)|No (directive|role) entry")


def public(module: ModuleType) -> dict[str, object]:
    """The functions and classes of a face by name; without `__all__`, those that it defines."""
    return {
        name: member
        for name, member in vars(module).items()
        if (inspect.isfunction(member) or inspect.isclass(member))
        and (
            name in module.__all__
            if hasattr(module, "__all__")
            else not name.startswith("_") and member.__module__ == module.__name__
        )
    }


NAMES = [(face, name) for face in FACES for name in public(importlib.import_module(face))]


@pytest.fixture(params=NAMES, ids=".".join)
def member(request: pytest.FixtureRequest) -> object:
    face, name = request.param
    return public(importlib.import_module(face))[name]


def sections(docstring: str) -> dict[str, list[str]]:
    """The lines of each section of a numpydoc docstring, by its title."""
    found: dict[str, list[str]] = {"": []}
    title = ""
    for line, following in zip(
        docstring.splitlines(), [*docstring.splitlines()[1:], ""], strict=True
    ):
        if re.fullmatch("-{3,}", following) and len(following) == len(line):
            title = line
            found[title] = []
        elif not re.fullmatch("-{3,}", line):
            found[title].append(line)
    return found


def parameters(lines: list[str]) -> list[str]:
    """The names that a section of parameters describes."""
    headings = [line.partition(" : ")[0] for line in lines if line and not line.startswith(" ")]
    return [name.lstrip("*") for heading in headings for name in heading.split(", ")]


def accepted(member: object) -> set[str]:
    """What a function or a class takes."""
    return set(inspect.signature(member).parameters)


def inherited(member: object) -> set[str]:
    """What the parents of a class take, which describe it themselves."""
    parents = member.__mro__[1:-1] if inspect.isclass(member) else ()
    return set().union(*map(accepted, parents))


def test_the_table_of_contents_has_every_page_of_the_reference() -> None:
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text("utf-8"))
    listed = [entry["file"] for part in contents["parts"] for entry in part["chapters"]]
    pages = {f"reference/{page.stem}" for page in FOLDER.glob("*.md")}
    assert {name for name in listed if name.startswith("reference/")} == pages
    assert len(listed) == len(set(listed))


def test_a_module_is_listed_once_below_its_own_name() -> None:
    headings = [
        heading
        for page in sorted(FOLDER.glob("*.md"))
        for heading in re.findall(r"^## (\S+)$", page.read_text("utf-8"), re.MULTILINE)
    ]
    assert headings == FACES
    assert len(FACES) == len(set(FACES)) > 15


def test_every_parameter_and_result_is_described(member: object) -> None:
    found = sections(inspect.getdoc(member) or "")
    # What a function returns has attributes; nobody else makes it.
    described = found.get("Parameters") or (inspect.isclass(member) and found.get("Attributes"))
    names = parameters(described or [])
    assert len(names) == len(set(names))
    assert accepted(member) - inherited(member) <= set(names) <= accepted(member)
    if inspect.isfunction(member) and accepted(member):
        assert ("Returns" in found) == (inspect.signature(member).return_annotation is not None)


def test_a_docstring_has_nothing_that_the_page_would_stumble_over(member: object) -> None:
    for part in [member, *vars(member).values()] if inspect.isclass(member) else [member]:
        told = inspect.getdoc(part) if callable(part) or isinstance(part, property) else None
        config = Config(napoleon_use_ivar=True, napoleon_use_rtype=False)
        kind = "class" if inspect.isclass(part) else "function"
        text = "\n".join(NumpyDocstring(told or "", config, what=kind).lines())
        stream = io.StringIO()
        publish_doctree(text, settings_overrides={"warning_stream": stream, "halt_level": 5})
        complaints = [line for line in stream.getvalue().splitlines() if "(" in line]
        assert [line for line in complaints if not UNKNOWN.search(line)] == []


def test_the_line_of_a_property_has_no_colon(member: object) -> None:
    # What stands before a colon there is taken for its type.
    for name, part in vars(member).items() if inspect.isclass(member) else ():
        if isinstance(part, property) and not name.startswith("_"):
            assert ": " not in (inspect.getdoc(part) or "").partition("\n")[0]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(
    page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RESULTS", str(tmp_path))
    for code in re.findall(
        r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    ):
        exec(code, {})
