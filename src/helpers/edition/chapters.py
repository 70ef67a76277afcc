"""The book's chapters: which there are, what each depends on, and executing them by papermill."""

import hashlib
import json
import math
import os
import shutil
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat
import papermill
import yaml
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from helpers import check, data, files, places, profiles
from helpers.edition import pictures
from helpers.report import results

SUMMARY = "summary"  # the chapter that is made from the results of all others
CELL_SECONDS = 3600  # a cell that runs longer has failed; papermill would wait for ever
DEFAULTS = {"profile": "paper", "seed": 0, "device": "auto", "dataset": "mnist"}


@dataclass(frozen=True)
class Edition:
    """One way to execute the book: a profile, a seed, a device and a data set, and the folder that it is built in."""

    build: Path
    profile: str = "paper"
    seed: int = 0
    device: str = "auto"
    dataset: str = "mnist"

    def __post_init__(self) -> None:
        check.choice("profile", self.profile, profiles.NAMES)
        check.choice("dataset", self.dataset, data.DATASETS)
        check.device(self.device)

    @property
    def parameters(self) -> dict[str, Any]:
        """What papermill hands to a chapter; nothing where a chapter's own defaults say the same."""
        chosen = {name: getattr(self, name) for name in DEFAULTS}
        return {} if chosen == DEFAULTS else chosen

    @property
    def folder(self) -> Path:
        """Where this edition's chapters are built."""
        return self.build / "-".join(
            [self.profile, *([self.dataset] if self.dataset != "mnist" else [])]
        )

    @property
    def results(self) -> Path:
        """What the chapters write their numbers under."""
        return self.build / "-".join(
            ["results", *([self.dataset] if self.dataset != "mnist" else [])]
        )

    @property
    def html(self) -> Path:
        """The rendered book."""
        return self.folder / "html"

    def executed(self, chapter: str) -> Path:
        """The executed notebook of a chapter."""
        return self.folder / "executed" / f"{chapter}.ipynb"


def names() -> list[str]:
    """The chapters that are notebooks, in the order of the table of contents."""
    contents = yaml.safe_load((places.book() / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry["file"] for part in contents["parts"] for entry in part["chapters"]]
    return [name for name in entries if source(name).exists()]


def select(chosen: list[str]) -> list[str]:
    """The chosen chapters in the book's order; all of them where none is chosen. Raises ValueError for an unknown one."""
    for name in chosen:
        check.choice("chapter", name, names())
    return [name for name in names() if not chosen or name in chosen]


def source(chapter: str) -> Path:
    """A chapter's notebook in book/."""
    return places.book() / f"{chapter}.ipynb"


def seconds(chapter: str) -> float:
    """How long the chapter in book/ took when it was last executed; infinity for one that never was."""
    return (
        nbformat.read(source(chapter), as_version=4)
        .metadata.get("helpers", {})
        .get("seconds", math.inf)
    )


def code_digest(notebook: NotebookNode) -> str:
    """SHA-256 of a notebook's code cells, but for the one that papermill injects."""
    cells = [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    return files.sha256(json.dumps(cells).encode())


def key(chapter: str, edition: Edition) -> str:
    """What an executed chapter depends on, as one SHA-256: its code, the helpers and their assets, benchmarks, parameters, versions.

    The summary depends on the other chapters' results, too.
    """
    digest = hashlib.sha256(code_digest(nbformat.read(source(chapter), as_version=4)).encode())
    digest.update(
        json.dumps(
            [
                edition.parameters,
                sys.version,
                *(metadata.version(name) for name in ("torch", "numpy", "scipy")),
            ]
        ).encode()
    )
    package = places.PACKAGE
    for path in sorted(
        [
            *package.rglob("*.py"),
            *(package / "assets").rglob("*.safetensors"),
            *places.BENCHMARKS.glob("*.json"),
        ]
    ):
        digest.update(f"{path.parent.name}/{path.name}".encode() + path.read_bytes())
    if chapter == SUMMARY:
        for path in sorted(
            [
                *edition.results.glob(f"{edition.profile}/*.json"),
                *edition.results.glob("full/*.json"),
                *places.RESULTS.glob("full/*.json"),
            ]
        ):
            digest.update(path.read_bytes() if path.stem != SUMMARY else b"")
    return digest.hexdigest()


def is_done(chapter: str, edition: Edition) -> bool:
    """Whether the chapter's executed notebook is there and was made from what is there now."""
    path = edition.executed(chapter)
    measured = edition.results / edition.profile / f"{chapter}.json"
    return (
        path.exists()
        and measured.exists()
        and nbformat.read(path, as_version=4).metadata.get("helpers", {}).get("key")
        == key(chapter, edition)
    )


def execute(chapter: str, edition: Edition) -> None:
    """Execute one chapter by papermill into the edition's folder; the notebook appears there only when it is complete.

    Raises PapermillExecutionError when a cell fails; the failed notebook is kept beside, as <chapter>.failed.ipynb.
    """
    target = edition.executed(chapter)
    failed = target.with_suffix(".failed.ipynb")
    measured = edition.results / edition.profile / f"{chapter}.json"
    measured.unlink(missing_ok=True)
    os.environ["RESULTS"] = os.environ["MEASURED"] = str(edition.results.resolve())
    made_from, started = key(chapter, edition), time.monotonic()
    with files.atomic(target) as temporary:
        try:
            papermill.execute_notebook(
                source(chapter),
                temporary,
                edition.parameters,
                cwd=places.book(),
                kernel_name="python3",
                execution_timeout=CELL_SECONDS,
                progress_bar={
                    "desc": chapter,
                    "mininterval": 0.5,
                    "ncols": 90,
                    "disable": None,
                },  # None: where stderr is no terminal
            )
        except PapermillExecutionError:
            shutil.copy(temporary, failed)
            raise
        notebook = nbformat.read(temporary, as_version=4)
        results.stamp(
            measured,
            code=code_digest(notebook),
            key=made_from,
            seed=edition.seed,
            dataset=edition.dataset,
        )
        tidy(notebook)
        pictures.shrink(notebook)
        notebook.metadata["helpers"] = {
            "code": code_digest(notebook),
            "key": made_from,
            "seconds": round(time.monotonic() - started, 1),
            "edition": {name: getattr(edition, name) for name in DEFAULTS},
        }
        nbformat.write(notebook, temporary)
    failed.unlink(missing_ok=True)


def tidy(notebook: NotebookNode) -> None:
    """Take out, in place, what varies from run to run or tells of one machine; hide the cell that papermill injected."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("language_info", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = ["injected-parameters", "remove-cell"]


def failure(chapter: str, error: PapermillExecutionError) -> str:
    """A failed chapter in one line: its name, the cell and the error."""
    return f"chapter {chapter}, cell {error.cell_index} (In [{error.exec_count}]): {error.ename}: {error.evalue}"


def commit(chapters: list[str], edition: Edition) -> None:
    """Take executed chapters and their results over into book/ and results/: what is committed."""
    for chapter in chapters:
        with files.atomic(source(chapter)) as temporary:
            shutil.copy(edition.executed(chapter), temporary)
        relative = Path(edition.profile) / f"{chapter}.json"
        with files.atomic(places.RESULTS / relative) as temporary:
            shutil.copy(edition.results / relative, temporary)
    pictures.write(places.book(), pictures.COVER)
