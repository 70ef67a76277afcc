"""Where may be built, by one at a time, and that cleaning removes what the book made only."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_book import arguments

from helpers import __main__ as command
from helpers import places
from helpers.edition import folders
from helpers.edition.chapters import Edition


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a few files, in which the tests stand; the user's home is elsewhere."""
    root = tmp_path / "work" / "repository"
    for name in (".git", "book", "src", "tests", "results"):
        (root / name).mkdir(parents=True)
        (root / name / "mine").touch()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(places, "ROOT", root)
    monkeypatch.chdir(root)
    return root


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize(
    "build",
    [
        "", " ", ".", "./", "..", "../..", "/", "~", "~/..",
        "book", "book/x", "src/helpers", "tests/a/b", "results", ".git/x", "_build/../book/x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("task", ["execute", "render", "reference", "zip", "prepare", "clean"])
def test_what_is_not_to_be_built_in_is_refused_and_stays_as_it_is(
    root: Path, build: str, task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(root.parents[1])
    assert command.main([task, "--build", os.path.expanduser(build)]) == 2  # noqa: PTH111
    assert capsys.readouterr().err.startswith("error: build: need a folder")
    assert everything(root.parents[1]) == before


def test_a_link_into_the_repository_is_refused(root: Path) -> None:
    (root / "link").symlink_to(root / "book")
    with pytest.raises(ValueError, match="within book/"):
        folders.checked("link/x")


@pytest.mark.parametrize("build", ["_build", "../elsewhere", "deep/er"])
def test_a_folder_of_its_own_is_built_in_and_cleaned(root: Path, build: str) -> None:
    path = folders.checked(build)
    before = everything(root.parent)
    assert command.main(["prepare", "--build", build]) == 0
    with folders.locked(path):
        (path / "smoke" / "html").mkdir(parents=True)
        (path / "results-kmnist").mkdir()
        (path / "venv").mkdir()
    assert command.main(["clean", "--build", build]) == 0
    assert everything(root.parent) - {root / "deep"} == before
    assert command.main(["clean", "--build", build]) == 0


def test_someones_own_folder_is_neither_built_in_nor_cleaned(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = root.parent / "own"
    (own / "results").mkdir(parents=True)
    (own / "results" / "thesis.txt").touch()
    before = everything(own)
    for task in ("prepare", "clean"):
        assert command.main([task, "--build", str(own)]) == 2
        assert capsys.readouterr().err.startswith(f"error: build: {'need an' * (task != 'clean')}")
    assert everything(own) == before


def test_what_came_into_a_build_folder_later_is_left(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = Path("_build")
    with folders.locked(build):
        (build / "paper" / "html").mkdir(parents=True)
    (build / "notes.txt").touch()
    (build / "paper-draft").mkdir()
    assert command.main(["clean"]) == 0
    assert sorted(path.name for path in build.iterdir()) == ["notes.txt", "paper-draft"]
    assert f"Left {build / 'notes.txt'}: the book did not make it" in capsys.readouterr().out


def test_the_usual_folder_is_ours_without_a_marker(root: Path) -> None:
    (root / "_build" / "smoke").mkdir(parents=True)
    assert folders.clean(Path("_build")) == []
    assert not (root / "_build").exists()


def test_a_link_to_someones_folder_is_not_followed(root: Path) -> None:
    own = root.parent / "own"
    own.mkdir()
    (own / "thesis.txt").touch()
    with folders.locked(Path("_build")):
        (root / "_build" / "paper").symlink_to(own)
    folders.clean(Path("_build"))
    assert (own / "thesis.txt").exists()
    assert not (root / "_build").exists()


def test_what_a_killed_run_left_half_written_is_removed_and_nothing_else(root: Path) -> None:
    kept = [
        root / "book" / "one.ipynb",
        root / "src" / "FC10_1.partial.pt",  # a training goes on from it
        root / "_build" / "smoke" / "executed" / "one.ipynb",
    ]
    left = [
        root / "book" / ".one-abc.partial.ipynb",
        root / "results" / ".one-abc.partial.json",
        root / "_build" / "smoke" / "executed" / ".one-abc.partial.ipynb",
        root / "_build" / "results" / "smoke" / ".one-abc.partial.json",
    ]
    for path in kept + left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with folders.locked(Path("_build")):
        assert not left[2].exists()
        assert not left[3].exists()
        assert all(path.exists() for path in kept)
    folders.clean(Path("_build"))
    assert [path.exists() for path in kept] == [True, True, False]
    assert not any(path.exists() for path in left)


HOLD = """import sys, pathlib
from helpers.edition import folders
with folders.locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()"""


@contextmanager
def held(build: Path) -> Iterator[subprocess.Popen[str]]:
    """A build folder that another process works in."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(build)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("task", ["execute", "validate", "render", "reference", "zip", "pdf"])
def test_one_builds_at_a_time_and_the_other_is_told_who(
    book: Path, edition: Edition, task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(edition.build) as process:
        assert command.main(arguments(edition, command=task)) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"error: build: {edition.build} is in use by process {process.pid};")
        assert not edition.folder.exists()
        with pytest.raises(ValueError, match="is in use"):
            folders.clean(edition.build)


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    with held(tmp_path / "build") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with folders.locked(tmp_path / "build"):
            pass
    with folders.locked(tmp_path / "build"):
        pass


@pytest.mark.parametrize("task", ["zip", "pdf"])
def test_without_a_rendered_book_its_command_is_named(
    book: Path, edition: Edition, task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments(edition, command=task)) == 2
    assert capsys.readouterr().err == (
        f"error: there is no rendered book in {edition.html}; make it with: make book "
        f"PROFILE=smoke DEVICE=cpu BUILD={edition.build}\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
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
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main([*options, "--build", str(tmp_path / "build")]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(message)
    assert printed.count("\n") == 1
    assert not (tmp_path / "build").exists()


def test_an_interrupt_is_no_traceback(
    book: Path,
    edition: Edition,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("helpers.edition.pipeline.execute", interrupted)
    assert command.main(arguments(edition)) == 130
    assert capsys.readouterr().err == "interrupted; the next run goes on from what is done\n"
