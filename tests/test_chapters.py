"""The pipeline on a book of one small chapter: executing, resuming, failing, validating, rendering."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from small_book import WORK, write_chapter

from helpers import __main__ as command
from helpers import places
from helpers.edition import chapters, validation
from helpers.edition.chapters import Edition


def test_chapters_are_the_notebooks_of_the_table_of_contents(book: Path) -> None:
    assert chapters.names() == ["one", "two"]
    assert chapters.select(["two"]) == ["two"]
    assert chapters.select(["two", "one"]) == ["one", "two"]


def test_a_chapter_is_executed_under_its_parameters_and_then_left_alone(
    book: Path, edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "execute",
        "one",
        "--jobs",
        "1",
        "--build",
        str(edition.build),
        "--profile",
        "smoke",
        "--device",
        "cpu",
    ]
    assert command.main(arguments) == 0
    made = nbformat.read(edition.executed("one"), as_version=4)
    assert [output.text for output in made.cells[-1].outputs] == ["1.5\n"]
    assert (
        json.loads((edition.results / "smoke" / "one.json").read_text())["records"][0]["value"]
        == 1.5
    )
    before = edition.executed("one").stat().st_mtime_ns
    assert command.main(arguments) == 0
    assert "one: done already" in capsys.readouterr().out
    assert edition.executed("one").stat().st_mtime_ns == before
    assert str(edition.build) not in edition.executed("one").read_text()


def test_a_chapter_is_done_again_when_its_code_its_profile_or_its_results_changed(
    book: Path, edition: Edition
) -> None:
    chapters.execute("one", edition)
    assert chapters.is_done("one", edition)
    assert not chapters.is_done("one", Edition(edition.build, profile="paper", device="cpu"))
    assert not chapters.is_done(
        "one", Edition(edition.build, profile="smoke", device="cpu", seed=1)
    )
    (edition.results / "smoke" / "one.json").unlink()
    assert not chapters.is_done("one", edition)
    chapters.execute("one", edition)
    write_chapter(book, WORK + "\nvalue += 1")
    assert not chapters.is_done("one", edition)


def test_the_key_follows_the_helpers(
    book: Path, edition: Edition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "helpers"
    package.mkdir()
    (package / "noise.py").write_text("stddev = 1")
    monkeypatch.setattr(places, "PACKAGE", package)
    before = chapters.key("one", edition)
    assert chapters.key("one", edition) == before
    (package / "noise.py").write_text("stddev = 2")
    assert chapters.key("one", edition) != before


def test_a_failing_cell_is_named_and_nothing_half_done_is_kept(
    book: Path, edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    write_chapter(book, WORK, "raise RuntimeError('no such digit')")
    assert (
        command.main(
            [
                "execute",
                "--jobs",
                "1",
                "--build",
                str(edition.build),
                "--profile",
                "smoke",
                "--device",
                "cpu",
            ]
        )
        == 1
    )
    assert (
        "error: chapter one, cell 4 (In [4]): RuntimeError: no such digit"
        in capsys.readouterr().err
    )
    assert not edition.executed("one").exists()
    assert not edition.executed("two").exists()
    assert edition.executed("one").with_suffix(".failed.ipynb").exists()
    write_chapter(book, WORK)
    chapters.execute("one", edition)
    assert [path.name for path in edition.executed("one").parent.iterdir()] == ["one.ipynb"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["execute", "three"], "error: unknown chapter 'three': choose one of one, two\n"),
        (
            ["execute", "--profile", "tiny"],
            "error: unknown profile 'tiny': choose one of smoke, paper, full\n",
        ),
        (
            ["render", "--dataset", "cifar"],
            "error: unknown dataset 'cifar': choose one of mnist, fashion-mnist, kmnist\n",
        ),
        (["execute", "--jobs", "0"], "error: jobs: need at least 1, got 0\n"),
        (
            ["validate", "--device", "cuda:7"],
            "error: unknown device 'cuda:7': this machine has auto, cpu",
        ),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    book: Path,
    tmp_path: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main([*arguments, "--build", str(tmp_path / "build")]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(message)
    assert printed.count("\n") == 1
    assert not (tmp_path / "build").exists()


def test_a_killed_run_leaves_nothing_half_written_and_the_next_completes(
    book: Path, edition: Edition, tmp_path: Path
) -> None:
    marker = tmp_path / "reached"
    slow = f"import pathlib, time\npathlib.Path({str(marker)!r}).touch()\ntime.sleep(600)"
    write_chapter(book, WORK, slow, name="two")
    command_line = [
        sys.executable,
        "-m",
        "helpers",
        "execute",
        "--jobs",
        "2",
        "--build",
        str(edition.build),
        "--profile",
        "smoke",
        "--device",
        "cpu",
    ]
    process = subprocess.Popen(
        command_line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
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
    assert not (edition.results / "smoke" / "two.json").exists()
    write_chapter(book, WORK, name="two")
    assert (
        command.main(
            [
                "execute",
                "--jobs",
                "1",
                "--build",
                str(edition.build),
                "--profile",
                "smoke",
                "--device",
                "cpu",
            ]
        )
        == 0
    )
    assert all(
        nbformat.read(edition.executed(name), as_version=4).cells[-1].outputs
        for name in ("one", "two")
    )


def test_validation_passes_chapters_that_repeat_themselves(book: Path, edition: Edition) -> None:
    for name in ("one", "two"):
        chapters.execute(name, edition)
    assert validation.validate(["one", "two"], edition, jobs=2) == 0


@pytest.mark.parametrize("unsteady", ["value = time.time()", "value = 1.0\nrecorded = time.time()"])
def test_validation_catches_claims_and_results_that_differ(
    book: Path, edition: Edition, unsteady: str
) -> None:
    write_chapter(book, f"import time\n{unsteady}")
    chapters.execute("one", edition)
    assert validation.validate(["one"], edition, jobs=1) == 1


def test_the_code_digest_sees_code_and_nothing_else(book: Path) -> None:
    notebook = nbformat.read(chapters.source("one"), as_version=4)
    before = chapters.code_digest(notebook)
    notebook.cells[0].source = "# Another title"
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="x")]
    injected = new_code_cell("seed = 5", metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(2, injected)
    assert chapters.code_digest(notebook) == before
    notebook.cells[3].source += "\n"
    assert chapters.code_digest(notebook) != before
