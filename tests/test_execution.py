"""Executing one chapter of a small book: how it fails, what it leaves, what is committed of it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from small_book import WORK, arguments, edit, value, write_chapter

from helpers import __main__ as command
from helpers import places
from helpers.edition import chapters, execution, pictures, validation
from helpers.edition.chapters import Edition
from helpers.edition.execution import ChapterError


def test_a_failing_cell_is_named_and_nothing_half_done_is_kept(
    book: Path, edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    write_chapter(book, WORK, "raise RuntimeError('no such digit')")
    assert command.main(arguments(edition, "--jobs", "1")) == 1
    told = capsys.readouterr().err
    assert "error: chapter one, cell 4 (In [4]): RuntimeError: no such digit\n" in told
    assert "Traceback" in told
    assert not edition.executed("one").exists()
    assert not edition.executed("two").exists()
    assert edition.executed("one").with_suffix(".failed.ipynb").exists()
    write_chapter(book, WORK)
    execution.execute("one", edition)
    assert [path.name for path in edition.executed("one").parent.iterdir()] == ["one.ipynb"]


def test_a_kernel_that_dies_is_told_in_one_line(
    book: Path, edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    write_chapter(book, WORK, "import os; os._exit(1)", WORK)
    assert command.main(arguments(edition, "one", "--jobs", "1")) == 1
    told = capsys.readouterr().err
    assert told == "error: chapter one, cell 4: Kernel died, perhaps for want of memory\n"
    assert [path.name for path in edition.executed("one").parent.iterdir()] == ["one.failed.ipynb"]


def test_a_cell_that_takes_too_long_is_told_in_one_line(
    book: Path,
    edition: Edition,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(execution, "CELL_SECONDS", 1)
    write_chapter(book, WORK, "import time; time.sleep(600)")
    assert command.main(arguments(edition, "one", "--jobs", "1")) == 1
    told = capsys.readouterr().err
    assert told == "error: chapter one, cell 4: it ran for more than 1 seconds\n"


@pytest.mark.parametrize(
    ("last", "message"),
    [("value", "it wrote no results"), ("'{ half'", "the results that it wrot")],
)
def test_a_chapter_without_results_fails(
    book: Path, edition: Edition, last: str, message: str
) -> None:
    write_chapter(book, WORK)
    wrote = f"path.write_text({last})" if "half" in last else "path.unlink()"
    edit(chapters.source("one"), -1, wrote)
    with pytest.raises(ChapterError, match=f"^chapter one: {message}"):
        execution.execute("one", edition)
    assert not chapters.is_done("one", edition)


def test_a_killed_run_leaves_nothing_half_written_and_the_next_completes(
    book: Path, edition: Edition, tmp_path: Path
) -> None:
    marker = tmp_path / "reached"
    slow = f"import pathlib, time\npathlib.Path({str(marker)!r}).touch()\ntime.sleep(600)"
    write_chapter(book, WORK, slow, name="two")
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers", *arguments(edition, "--jobs", "2")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 90
    while not (marker.exists() and edition.executed("one").exists()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert chapters.is_done("one", edition)
    assert not edition.executed("two").exists()
    assert not edition.measured("two").exists()
    assert list(edition.executed("two").parent.glob(".*.partial.ipynb"))
    write_chapter(book, WORK, name="two")
    assert command.main(arguments(edition, "--jobs", "1")) == 0
    assert sorted(path.name for path in edition.executed("two").parent.iterdir()) == [
        "one.ipynb",
        "two.ipynb",
    ]
    assert value(edition, "two") == 1.5


def test_validation_passes_chapters_that_repeat_themselves(book: Path, edition: Edition) -> None:
    for name in ("one", "two"):
        execution.execute(name, edition)
    assert validation.validate(["one", "two"], edition, jobs=2) == 0


def test_each_chapter_is_validated_with_the_threads_that_it_was_executed_with(
    book: Path, edition: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A chapter alone has all cores, several share them: last digits may then be others.
    threads = "import os\nvalue = int(os.environ.get('OMP_NUM_THREADS', 0))"
    for name, number in {"one": "3", "two": None}.items():
        write_chapter(book, threads, name=name)
        if number:
            monkeypatch.setenv("OMP_NUM_THREADS", number)
        else:
            monkeypatch.delenv("OMP_NUM_THREADS")
        execution.execute(name, edition)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert validation.validate(["one", "two"], edition, jobs=2) == 0


@pytest.mark.parametrize("unsteady", ["value = time.time()", "value = 1.0\nrecorded = time.time()"])
def test_validation_catches_claims_and_results_that_differ(
    book: Path, edition: Edition, unsteady: str
) -> None:
    write_chapter(book, f"import time\n{unsteady}")
    execution.execute("one", edition)
    assert validation.validate(["one"], edition, jobs=1) == 1


def test_results_of_an_earlier_validation_do_not_pass_for_those_of_this_one(
    book: Path, edition: Edition
) -> None:
    execution.execute("one", edition)
    again = edition.folder / "validated" / "smoke" / "one.json"
    again.parent.mkdir(parents=True)
    shutil.copy(edition.measured("one"), again)
    # a second run that writes no results
    made = nbformat.read(edition.executed("one"), as_version=4)
    writes = next(cell for cell in made.cells if "write_text" in cell.source)
    writes.source = "value"
    nbformat.write(made, edition.executed("one"))
    assert validation.validate(["one"], edition, jobs=1) == 1


def leaving(*outputs: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return new_notebook(cells=[new_code_cell("x", outputs=list(outputs))])


def stream(text: str) -> nbformat.NotebookNode:
    return new_output("stream", text=text)


def test_text_without_end_is_cut_off_with_a_line_that_says_so() -> None:
    most = execution.MOST_TEXT
    table = new_output("display_data", data={"text/html": "x" * most})
    picture = new_output("display_data", data={"image/png": "x" * 2 * most, "text/plain": "<Fig>"})
    notebook = leaving(*[stream("0123456789" * 10_000)] * 50, table, picture)
    execution.shorten(notebook)
    outputs = notebook.cells[0].outputs
    told = outputs[-1].text
    assert "the cell left 6,000,000 characters, of which 1,000,000 are kept" in told
    assert picture in outputs
    assert table not in outputs
    assert sum(len(output.get("text", "")) for output in outputs) == most + len(told)
    nbformat.validate(notebook)


@pytest.mark.parametrize("length", [0, 5, execution.MOST_TEXT])
def test_text_of_a_usual_length_is_kept(length: int) -> None:
    notebook = leaving(stream("x" * length))
    execution.shorten(notebook)
    assert notebook == leaving(stream("x" * length)) | {"cells": notebook.cells}
    assert [output.text for output in notebook.cells[0].outputs] == ["x" * length]


def test_an_executed_chapter_is_short_enough_to_render(book: Path, edition: Edition) -> None:
    write_chapter(book, WORK, "for _ in range(30): print('x' * 99_999)")
    execution.execute("one", edition)
    assert edition.executed("one").stat().st_size < 1.1 * execution.MOST_TEXT


@pytest.fixture
def paper(book: Path, edition: Edition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edition:
    """The edition that is committed, and no repository to commit it to."""
    monkeypatch.setattr(places, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(pictures, "write", lambda *_: None)
    return Edition(edition.build)


def test_what_is_committed_is_the_prose_of_now_with_its_outputs_and_results(
    book: Path, paper: Edition
) -> None:
    execution.execute("one", paper)
    edit(chapters.source("one"), 0, "# Another title")
    execution.commit(["one"], paper)
    made = nbformat.read(chapters.source("one"), as_version=4)
    assert made.cells[0].source == "# Another title"
    assert made.cells[-1].outputs[0].text == "2.5\n"
    assert (places.RESULTS / "paper" / "one.json").read_bytes() == paper.measured(
        "one"
    ).read_bytes()
    assert chapters.is_done("one", paper)


def test_an_edition_of_other_parameters_is_not_committed(book: Path, paper: Edition) -> None:
    before = chapters.source("one").read_bytes()
    other = Edition(paper.build, seed=1)
    with pytest.raises(ValueError, match=r"the default parameters only, got .*seed 1"):
        execution.commit(["one"], other)
    assert chapters.source("one").read_bytes() == before
