"""The book's chapters: which there are, what each depends on, and whether one is done."""

import ast
import json
import math
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from helpers import check, data, files, places, profiles
from helpers.edition import dependencies
from helpers.report import results

SUMMARY = "summary"  # the chapter that is made from the results of all others
DEFAULTS = {"profile": "paper", "seed": 0, "device": "auto", "dataset": "mnist"}
INJECTED = "injected-parameters"  # papermill's tag of the cell that it adds


@dataclass(frozen=True)
class Edition:
    """One way to execute the book, and the folder that it is built in.

    Parameters
    ----------
    build : Path
        The folder of everything that is built, of this edition and of others.
    profile : {"paper", "smoke", "full"}
        How much is measured.
    seed : int
        Of every random number, in [0, 2**32).
    device : str
        "auto", "cpu" or "cuda".
    dataset : str
        One of `data.DATASETS`.

    Raises
    ------
    ValueError
        For an unknown profile, device or data set, or a seed out of range.

    Examples
    --------
    >>> edition = Edition(Path("_build"), "smoke", dataset="kmnist")
    >>> edition.executed("noise").as_posix()
    '_build/smoke-kmnist/executed/noise.ipynb'
    """

    build: Path
    profile: str = "paper"
    seed: int = 0
    device: str = "auto"
    dataset: str = "mnist"

    def __post_init__(self) -> None:
        check.choice("profile", self.profile, profiles.NAMES)
        check.seed(self.seed)
        check.choice("dataset", self.dataset, data.DATASETS)
        check.device(self.device)

    @property
    def settings(self) -> dict[str, Any]:
        """Profile, seed, device and data set by name: what sets one edition apart from another."""
        return {name: getattr(self, name) for name in DEFAULTS}

    @property
    def parameters(self) -> dict[str, Any]:
        """What papermill hands to a chapter; nothing where the chapter's defaults say the same."""
        return {} if self.settings == DEFAULTS else self.settings

    @property
    def folder(self) -> Path:
        """Where this edition's chapters are built."""
        return self.build / self._named(self.profile)

    @property
    def results(self) -> Path:
        """What the chapters write their numbers under."""
        return self.build / self._named("results")

    @property
    def html(self) -> Path:
        """The rendered book."""
        return self.folder / "html"

    def executed(self, chapter: str) -> Path:
        """The executed notebook of a chapter."""
        return self.folder / "executed" / f"{chapter}.ipynb"

    def measured(self, chapter: str) -> Path:
        """The results file of a chapter."""
        return self.results / self.profile / f"{chapter}.json"

    def make(self, target: str, chapter: str = "") -> str:
        """The command that makes a chapter, or all of them, in this edition."""
        given = {name: str(value) for name, value in self.settings.items()}
        usual = {name: str(value) for name, value in DEFAULTS.items()}
        given |= {"chapters": chapter, "build": str(self.build)}
        usual |= {"chapters": "", "build": "_build"}
        chosen = [f"{name.upper()}={given[name]}" for name in given if given[name] != usual[name]]
        return " ".join(["make", target, *chosen])

    def _named(self, name: str) -> str:
        """A folder's name, with that of the data set where it is not the usual one."""
        return name if self.dataset == DEFAULTS["dataset"] else f"{name}-{self.dataset}"


def pages() -> list[str]:
    """The book's pages, notebooks and others, in the order of the table of contents.

    Raises
    ------
    ValueError
        Naming the file, where the table of contents has no root, or no parts with chapters.
    """
    file = places.book() / "_toc.yml"
    try:
        contents = yaml.safe_load(file.read_text(encoding="utf-8"))
        parts = [entry for part in contents["parts"] for entry in part["chapters"]]
        return [contents["root"], *(name for entry in parts for name in _files(entry))]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{file}: need a root, and parts with chapters of one file each, got another form "
            f"({' '.join(str(error).split()) or type(error).__name__})"
        ) from error


def _files(entry: dict[str, Any]) -> list[str]:
    """The files of an entry of the table of contents and of the sections below it."""
    below = [name for section in entry.get("sections", []) for name in _files(section)]
    return [entry["file"], *below]


def names() -> list[str]:
    """The chapters that are notebooks, in the order of the table of contents.

    Raises
    ------
    ValueError
        As `pages`.
    """
    return [name for name in pages() if source(name).exists()]


def select(chosen: list[str]) -> list[str]:
    """The chosen chapters in the book's order.

    Parameters
    ----------
    chosen : list of str
        Names of chapters; all of them where the list is empty.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    there = names()
    for name in chosen:
        check.choice("chapter", name, there)
    return [name for name in there if not chosen or name in chosen]


def source(chapter: str) -> Path:
    """A chapter's notebook in book/.

    Examples
    --------
    >>> source("noise").name
    'noise.ipynb'
    """
    return places.book() / f"{chapter}.ipynb"


def read(path: Path) -> NotebookNode:
    """A notebook.

    Raises
    ------
    ValueError
        Naming the file, where it is no notebook: empty, cut off, or something else.
    FileNotFoundError
        Where there is none.
    """
    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, AttributeError, nbformat.ValidationError) as error:
        ours = path.parent == places.book()
        remedy = f"restore it with: git checkout -- book/{path.name}" if ours else "make it anew"
        reason = str(error).splitlines()[0][:100]
        raise ValueError(f"{path} is no notebook ({reason}); {remedy}") from error


def seconds(chapter: str) -> float:
    """How long the chapter in book/ took when it was last executed.

    Infinity for one that never was: it may take any time.
    """
    return read(source(chapter)).metadata.get("helpers", {}).get("seconds", math.inf)


def code(notebook: NotebookNode) -> list[NotebookNode]:
    """A notebook's code cells, but for the one that papermill injects."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and INJECTED not in cell.metadata.get("tags", [])
    ]


def code_digest(notebook: NotebookNode) -> str:
    """SHA-256 of the sources of a notebook's code cells, but for the one that papermill injects."""
    return files.sha256(json.dumps([cell.source for cell in code(notebook)]).encode())


def key(chapter: str, edition: Edition) -> str:
    """What an executed chapter depends on, as one SHA-256.

    That is its code cells, the modules of the package that they import, the assets and benchmarks
    that these read, the edition's parameters, and the versions of Python and of the libraries that
    numbers come from (see `dependencies`). The summary depends on the other chapters' results, too:
    on what was measured, not on when.

    Parameters
    ----------
    chapter : str
        One of `names()`.
    edition : Edition
        Under which it is, or would be, executed.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ValueError
        Naming the file, where the chapter's source is no notebook.
    """
    notebook = read(source(chapter))
    needs = dependencies.of("\n".join(_python(cell.source) for cell in code(notebook)))
    held: list[object] = [code_digest(notebook), edition.parameters]
    held += [platform.python_version(), needs.versions()]
    held += [[name, _digest(path)] for name, path in sorted(needs.modules.items())]
    held += [[path.parent.name, path.name, _digest(path)] for path in needs.assets(edition.dataset)]
    if chapter == SUMMARY:
        held += [[name, profile, found] for name, profile, found in _findings(edition)]
    return files.sha256(json.dumps(held, sort_keys=True).encode())


def _digest(path: Path) -> str:
    return files.sha256(path.read_bytes())


def _python(cell: str) -> str:
    """A cell as Python, its magics turned into calls; nothing where it is none.

    What is wrong with such a cell its execution says better than this could.
    """
    text = TransformerManager().transform_cell(cell)
    try:
        ast.parse(text)
    except SyntaxError:
        return ""
    return text


def _findings(edition: Edition) -> list[tuple[str, str, str]]:
    """A digest of what every other chapter found, under this profile and the full one."""
    found = []
    for name in names():
        for profile in sorted({edition.profile, "full"}):
            file = results.measured(name, profile, edition.results)
            if name != SUMMARY and file.exists():
                found.append((name, profile, files.sha256(finding(file.read_bytes()))))
    return found


def finding(content: bytes) -> bytes:
    """What a results file says, but for what varies from run to run.

    That is when and on which machine it was made, what from, and how long something took.
    """
    try:
        found = json.loads(content)
        records = [record for record in found["records"] if record["unit"] != "seconds"]
        kept = {name: found[name] for name in found if name not in {"made", "environment"}}
    except (ValueError, KeyError, TypeError):  # a damaged file, which the summary names
        return content
    return json.dumps(kept | {"records": records}, sort_keys=True).encode()


def is_done(chapter: str, edition: Edition) -> bool:
    """Whether a chapter is executed, from what is there now, and its results are of that execution.

    Parameters
    ----------
    chapter : str
        One of `names()`.
    edition : Edition
        Under which it would be executed.

    Returns
    -------
    bool
        False also where the executed notebook or the results file is damaged, or where they are of
        two executions, as a run that was killed may leave them.

    Raises
    ------
    ValueError
        Naming the file, where the chapter's source is no notebook.
    """
    try:
        made = read(edition.executed(chapter)).metadata["helpers"]
        same = made.get("results") == _digest(edition.measured(chapter))
    except (OSError, ValueError, KeyError, AttributeError):
        return False
    return bool(same and made.get("key") == key(chapter, edition))


def merged(chapter: str, edition: Edition) -> NotebookNode:
    """A chapter's prose as it is in book/ now, with the outputs of its execution.

    So an edit of the text, of a caption or of a tag needs no execution. The cell that papermill
    injected is kept: it says under which parameters the outputs were made.

    Parameters
    ----------
    chapter : str
        One of `names()`, executed in this edition.
    edition : Edition
        In which it is executed.

    Returns
    -------
    NotebookNode
        The executed notebook as it is where its code is not that of book/.

    Raises
    ------
    ValueError
        Where the chapter has not been executed, with the command that does it, or where one of the
        two notebooks is none.
    """
    notebook = read(source(chapter))
    try:
        executed = read(edition.executed(chapter))
    except FileNotFoundError as error:
        told = edition.make("book", chapter)
        missing = f"chapter {chapter} has not been executed in this edition: {told}"
        raise ValueError(missing) from error
    if code_digest(notebook) != code_digest(executed):
        return executed
    for cell, made in zip(code(notebook), code(executed), strict=True):
        cell.outputs, cell.execution_count = made.outputs, made.execution_count
    for position, cell in enumerate(executed.cells):
        if INJECTED in cell.metadata.get("tags", []):
            before = code(NotebookNode(cells=executed.cells[:position]))
            notebook.cells.insert(_after(notebook, len(before)), cell)
    notebook.metadata = executed.metadata
    return notebook


def _after(notebook: NotebookNode, count: int) -> int:
    """The position after a notebook's first `count` code cells."""
    positions = [n for n, cell in enumerate(notebook.cells, start=1) if cell.cell_type == "code"]
    return ([0, *positions])[count]
