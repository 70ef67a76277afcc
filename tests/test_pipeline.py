"""Several chapters at once, on a book of small ones: order, threads, and a failure among them."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_book import WORK, arguments, value, write_chapter, write_contents

from helpers import __main__ as command
from helpers import check
from helpers.edition import chapters, pipeline
from helpers.edition.chapters import Edition

MEET = """import pathlib, time
pathlib.Path({here!r}).touch()
deadline = time.monotonic() + 300
while not pathlib.Path({there!r}).exists():
    assert time.monotonic() < deadline
    time.sleep(0.05)"""


def meeting(tmp_path: Path, here: str, there: str) -> str:
    """A cell that ends only when that with `here` and `there` exchanged runs at the same time."""
    return MEET.format(here=str(tmp_path / here), there=str(tmp_path / there))


def test_chapters_run_at_once_and_the_summary_after_all_others(
    book: Path,
    edition: Edition,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    write_contents(book, "summary", "one", "two")
    threads = "import os\nvalue = float(os.environ['OMP_NUM_THREADS'])"
    write_chapter(book, meeting(tmp_path, "a", "b"), threads)
    write_chapter(book, meeting(tmp_path, "b", "a"), threads, name="two")
    count = "len(list(pathlib.Path(os.environ['RESULTS'], profile).glob('*.json')))"
    write_chapter(book, f"import os, pathlib\nvalue = {count}", name="summary")
    assert command.main(arguments(edition, "--jobs", "2")) == 0
    assert value(edition, "one") == value(edition, "two") == max(1, pipeline.cores() // 2)
    assert value(edition, "summary") == 2
    printed = capsys.readouterr().out.splitlines()
    assert sorted(line.split(" after ")[0] for line in printed) == [
        f"{name}: {told}" for name in ("one", "summary", "two") for told in ("done", "started")
    ]
    assert printed[-2].startswith("summary: started")
    assert command.main(arguments(edition, "--jobs", "2")) == 0
    assert (
        capsys.readouterr().out == "one: done already\ntwo: done already\nsummary: done already\n"
    )


def test_after_a_failure_what_runs_is_completed_and_nothing_else_starts(
    book: Path, edition: Edition, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_contents(book, "one", "two", "three", "summary")
    write_chapter(
        book, meeting(tmp_path, "a", "b"), "raise RuntimeError('no such digit')", seconds=9
    )
    failed = str(edition.executed("one").with_suffix(".failed.ipynb"))
    waits = f"import pathlib, time\nwhile not pathlib.Path({failed!r}).exists(): time.sleep(0.05)"
    work = ("time.sleep(5)", WORK)
    write_chapter(book, meeting(tmp_path, "b", "a"), waits, *work, name="two", seconds=8)
    for name in ("three", "summary"):
        write_chapter(book, WORK, name=name, seconds=7)
    assert command.main(arguments(edition, "--jobs", "2")) == 1
    printed = capsys.readouterr()
    assert printed.err.endswith(
        "\nerror: chapter one, cell 4 (In [4]): RuntimeError: no such digit\n"
    )
    assert printed.err.count("error: chapter") == 1
    assert printed.out.count("failed") == 1
    assert chapters.is_done("two", edition)
    assert sorted(path.name for path in edition.executed("one").parent.glob("*.ipynb")) == [
        "one.failed.ipynb",
        "two.ipynb",
    ]


def test_the_longest_chapter_starts_first_and_a_new_one_before_all(book: Path) -> None:
    write_contents(book, "one", "two", "three")
    write_chapter(book, WORK, seconds=5)
    write_chapter(book, WORK, name="two", seconds=50)
    write_chapter(book, WORK, name="three")
    assert pipeline.longest_first(["one", "two", "three"]) == ["three", "two", "one"]


def test_jobs_follow_the_cores_and_a_gpu_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, expected in ((1, 1), (2, 2), (16, 4)):
        monkeypatch.setattr(pipeline, "cores", lambda cores=cores: cores)
        assert pipeline.jobs(None, "cpu", 7) == expected
        assert pipeline.jobs(None, "cpu", 1) == 1
    monkeypatch.setattr(check, "device", torch.device)
    assert pipeline.jobs(None, "cuda", 7) == 1
    assert pipeline.jobs(3, "cuda", 7) == 3


def test_the_cores_are_shared_out_unless_someone_chose_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "cores", lambda: 9)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert pipeline.environment(4)["OMP_NUM_THREADS"] == "2"
    assert pipeline.environment(16)["OMP_NUM_THREADS"] == "1"
    assert pipeline.environment(1) == dict(os.environ)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert pipeline.environment(4)["OMP_NUM_THREADS"] == "7"


BEAT = """import pathlib, time
while True:
    with pathlib.Path({path!r}).open("a") as file:
        file.write(".")
    time.sleep(0.05)"""


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_a_run_that_is_ended_takes_its_chapters_with_it(
    book: Path, edition: Edition, tmp_path: Path, number: int, status: int
) -> None:
    beats = [tmp_path / "one", tmp_path / "two"]
    for path in beats:
        write_chapter(book, BEAT.format(path=str(path)), name=path.name)
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers", *arguments(edition, "--jobs", "2")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    eventually(lambda: all(path.exists() for path in beats))
    process.send_signal(number)
    assert process.wait(60) == status
    eventually(lambda: still(beats))


def still(paths: list[Path]) -> bool:
    """Whether nothing writes to these files any more."""
    before = [path.stat().st_size for path in paths]
    time.sleep(1)
    return before == [path.stat().st_size for path in paths]


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it holds, a minute and a half at most."""
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_chapter_that_is_killed_is_named(
    book: Path, edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    write_chapter(book, "import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    assert command.main(arguments(edition, "--jobs", "2", "one", "two")) == 1
    assert capsys.readouterr().err.endswith(
        f"error: chapter one: ended with status {-signal.SIGKILL}\n"
    )


def test_a_line_is_written_whole(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What two chapters say at once must not come out as one line and an empty one."""
    written: list[str] = []

    class Recording(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    monkeypatch.setattr(sys, "stdout", Recording())
    monkeypatch.setattr(pipeline, "here", lambda *_: "")
    assert pipeline.execute(["one", "two"], Edition(book.parent / "b", device="cpu"), 1) == 0
    assert [line.split(" after")[0].rstrip("\n") for line in written] == [
        "one: started",
        "one: done",
        "two: started",
        "two: done",
    ]
    assert all(line.endswith("\n") for line in written)


def test_hours_are_announced_before_they_pass(
    book: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(pipeline, "here", lambda *_: "")
    write_chapter(book, WORK, seconds=100)
    write_chapter(book, WORK, name="two", seconds=53.6)
    full = Edition(tmp_path, "full", device="cpu")
    assert pipeline.execute(["one", "two"], full, 1) == 0
    first = capsys.readouterr().out.splitlines()[0]
    # 153.6 seconds with 256 images are 10 hours with 60,000
    assert first.startswith("The profile full takes many hours on a CPU: about 10,")
    assert pipeline.patience(["one"], Edition(tmp_path, "paper", device="cpu")) == ""
    assert pipeline.patience([], full) == ""
    monkeypatch.setattr(check, "device", lambda _: torch.device("cuda"))
    assert pipeline.patience(["one"], full) == ""
