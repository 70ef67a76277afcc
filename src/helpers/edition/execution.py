"""Executing one chapter by papermill, and taking it over into what is committed."""

import os
import shutil
import time
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from papermill.exceptions import PapermillExecutionError

from helpers import files, places
from helpers.edition import chapters, pictures
from helpers.edition.chapters import INJECTED, Edition
from helpers.report import results

CELL_SECONDS = 3600  # a cell that runs longer has failed; papermill would wait for ever
MOST_TEXT = 1_000_000  # characters that a cell may leave: 100 MB of them stall the rendering


class ChapterError(RuntimeError):
    """A chapter that failed: one line that names the chapter, the cell and the error."""


def execute(chapter: str, edition: Edition) -> None:
    """Execute one chapter by papermill into the edition's folder.

    The notebook appears there only when it is complete, and names its results by their digest: so
    the two cannot be of different executions unnoticed.

    Parameters
    ----------
    chapter : str
        One of `chapters.names()`.
    edition : Edition
        Its parameters are handed to the chapter.

    Raises
    ------
    ChapterError
        When a cell fails or runs too long, the kernel dies, or no results were written. The
        notebook as far as it came is kept beside, as <chapter>.failed.ipynb.
    """
    target = edition.executed(chapter)
    failed = target.with_suffix(".failed.ipynb")
    edition.measured(chapter).unlink(missing_ok=True)
    os.environ["RESULTS"] = os.environ["MEASURED"] = str(edition.results.resolve())
    made_from, started = chapters.key(chapter, edition), time.monotonic()
    with files.atomic(target) as temporary:
        try:
            _run(chapter, edition, temporary)
            notebook = chapters.read(temporary)
            digest = _stamped(chapter, edition, chapters.code_digest(notebook), made_from)
        except ChapterError:
            shutil.copy(temporary, failed)
            raise
        tidy(notebook)
        shorten(notebook)
        pictures.shrink(notebook)
        notebook.metadata["helpers"] = {
            "code": chapters.code_digest(notebook),
            "key": made_from,
            "results": digest,
            "seconds": round(time.monotonic() - started, 1),
            "edition": edition.settings,
            "threads": os.environ.get("OMP_NUM_THREADS", ""),  # last digits depend on them
        }
        nbformat.write(notebook, temporary)
    failed.unlink(missing_ok=True)


def _run(chapter: str, edition: Edition, target: Path) -> None:
    """Execute a chapter by papermill; every way in which that fails is a ChapterError."""
    bar = {"desc": chapter, "mininterval": 0.5, "ncols": 90}
    try:
        papermill.execute_notebook(
            chapters.source(chapter),
            target,
            edition.parameters,
            cwd=places.book(),
            kernel_name="python3",
            execution_timeout=CELL_SECONDS,
            progress_bar=bar | {"disable": None},  # None: where stderr is no terminal
        )
    except PapermillExecutionError as error:
        place = f"cell {error.cell_index} (In [{error.exec_count}])"
        raise ChapterError(f"chapter {chapter}, {place}: {error.ename}: {error.evalue}") from error
    except CellTimeoutError as error:
        told = f"it ran for more than {CELL_SECONDS} seconds"
        raise ChapterError(f"chapter {chapter}, {_last(target)}: {told}") from error
    except RuntimeError as error:  # "Kernel died", or did not answer within a minute
        told = f"{error}, perhaps for want of memory"
        raise ChapterError(f"chapter {chapter}, {_last(target)}: {told}") from error


def _last(path: Path) -> str:
    """The last cell that papermill began, counted as in the line about a cell that fails."""
    begun = [
        index
        for index, cell in enumerate(chapters.read(path).cells)
        if cell.metadata.get("papermill", {}).get("start_time")
    ]
    return f"cell {max(begun, default=0)}"


def _stamped(chapter: str, edition: Edition, code: str, key: str) -> str:
    """Note in a chapter's results what they were made from; returns the file's digest."""
    file = edition.measured(chapter)
    if not file.exists():
        raise ChapterError(f"chapter {chapter}: it wrote no results; they belong in {file}")
    try:
        results.stamp(file, code=code, key=key, seed=edition.seed, dataset=edition.dataset)
    except ValueError as error:
        raise ChapterError(
            f"chapter {chapter}: the results that it wrote are damaged: {error}"
        ) from error
    return files.sha256(file.read_bytes())


def tidy(notebook: NotebookNode) -> None:
    """Take out, in place, what varies from run to run or tells of one machine.

    The cell that papermill injected is hidden from the page.
    """
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("language_info", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if INJECTED in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [INJECTED, "remove-cell"]


def shorten(notebook: NotebookNode) -> None:
    """Cut off, in place, the text that a cell leaves after MOST_TEXT characters, and say so there.

    Pictures do not count. Of a stream the beginning is kept, another output is left out whole.
    """
    for cell in chapters.code(notebook):
        total, left = sum(map(_length, cell.outputs)), MOST_TEXT
        if total <= MOST_TEXT:
            continue
        kept = []
        for output in cell.outputs:
            length = _length(output)
            if length <= left:
                kept.append(output)
            elif output.output_type == "stream" and left:
                kept.append(NotebookNode(output | {"text": output.text[:left]}))
            left = max(0, left - length)
        told = f"\n[cut off: the cell left {total:,} characters, of which {MOST_TEXT:,} are kept]\n"
        cell.outputs = [*kept, new_output("stream", text=told)]


def _length(output: NotebookNode) -> int:
    """The number of characters of text in an output; none in a picture."""
    if output.output_type == "stream":
        return len(output.text)
    found = output.get("data", {})
    if any(kind.startswith("image/") for kind in found):
        return 0
    return sum(len(str(text)) for text in found.values())


def commit(selected: list[str], edition: Edition) -> None:
    """Take executed chapters and their results over into book/ and results/: what is committed.

    Parameters
    ----------
    selected : list of str
        Executed chapters; the prose of each stays as it is in book/.
    edition : Edition
        That of the committed book: a profile, and every other parameter its default.

    Raises
    ------
    ValueError
        For an edition with another seed, device or data set: its notebooks would contradict the
        parameters that they show.
    """
    if edition.parameters:
        told = ", ".join(f"{name} {value}" for name, value in edition.settings.items())
        raise ValueError(f"what is committed has the default parameters only, got {told}")
    for chapter in selected:
        with files.atomic(chapters.source(chapter)) as temporary:
            nbformat.write(chapters.merged(chapter, edition), temporary)
        relative = Path(edition.profile) / f"{chapter}.json"
        with files.atomic(places.RESULTS / relative) as temporary:
            shutil.copy(edition.measured(chapter), temporary)
    pictures.write(places.book(), pictures.COVER)
