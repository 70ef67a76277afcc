"""Executing chapters several at once: which first, with how many threads, and when one fails."""

import math
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from papermill.exceptions import PapermillExecutionError

from helpers import check, profiles
from helpers.edition import chapters, execution
from helpers.edition.chapters import SUMMARY, Edition

MOST = 4  # chapters at once; with more, the longest chapter alone sets the time


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def jobs(asked: int | None, device: str, count: int) -> int:
    """How many chapters run at once.

    Parameters
    ----------
    asked : int or None
        The number that someone asked for, at least 1.
    device : str
        "auto", "cpu" or "cuda". Without a number asked for, a GPU runs one chapter at a time, and a
        CPU as many as it has cores, at most MOST.
    count : int
        The number of chapters; one that is selected alone has all cores.

    Raises
    ------
    ValueError
        For less than one, or an unknown device.

    Examples
    --------
    >>> jobs(3, "cpu", count=7)
    3
    """
    if asked is not None and asked < 1:
        raise ValueError(f"jobs: need at least 1, got {asked}")
    return asked or (min(cores(), MOST, count) if check.device(device).type == "cpu" else 1)


def environment(jobs: int) -> dict[str, str]:
    """The environment of each of `jobs` chapters at once, with its share of the cores.

    A number of threads that someone has chosen, as OMP_NUM_THREADS, stands.
    """
    share = {} if jobs == 1 else {"OMP_NUM_THREADS": str(max(1, cores() // jobs))}
    return share | os.environ


def longest_first(names: list[str]) -> list[str]:
    """Chapters in the order that lets several at once end early.

    By the seconds that each took when it was committed; new ones come first.
    """
    return sorted(names, key=chapters.seconds, reverse=True)


def execute(selected: list[str], edition: Edition, jobs: int) -> int:
    """Execute the chapters that are not done, the summary after all others.

    After a failure no further chapter starts; those that run are completed. What failed is told
    last, on stderr.

    Parameters
    ----------
    selected : list of str
        Chapters, as `chapters.select` returns them.
    edition : Edition
        Under which they are executed.
    jobs : int
        How many at once.

    Returns
    -------
    int
        0, or 1 when a chapter failed.

    Raises
    ------
    ValueError
        Where a chapter's source is no notebook, naming the file.
    """
    for group in (
        [name for name in selected if name != SUMMARY],
        [name for name in selected if name == SUMMARY],
    ):
        done = {name: chapters.is_done(name, edition) for name in group}
        for name in group:
            if done[name]:
                _say(f"{name}: done already")
        left = [name for name in group if not done[name]]
        if told := patience(left, edition):
            _say(told)
        errors = _each(left, edition, jobs)
        if errors:
            print(*errors, sep="\n", file=sys.stderr)
            return 1
    return 0


def patience(names: list[str], edition: Edition) -> str:
    """A line about hours, for chapters whose execution takes many of them; else nothing.

    Only the profile full on a CPU does. The estimate is the seconds of the committed edition times
    the ratio of the numbers of images.
    """
    if edition.profile != "full" or check.device(edition.device).type != "cpu":
        return ""
    taken = [chapters.seconds(name) for name in names if name != SUMMARY]
    known = sum(seconds for seconds in taken if math.isfinite(seconds))
    ratio = profiles.get("full").images / profiles.get("paper").images
    if not known:
        return ""
    return (
        f"The profile full takes many hours on a CPU: about {known * ratio / 3600:.0f}, judging by "
        f"the committed edition, with {ratio:.0f} times the images. It is meant for a GPU "
        "(DEVICE=cuda), and goes on where it is interrupted, chapter by chapter."
    )


def _say(line: str) -> None:
    """Print a line in one piece: `print` writes its end apart, and chapters report at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _each(names: list[str], edition: Edition, jobs: int) -> list[str]:
    """Execute chapters, `jobs` at once; returns what is to be told of those that failed."""
    failed = threading.Event()
    apart = _Apart(edition, jobs)

    def timed(name: str) -> str:
        """Execute a chapter, unless another has failed; returns what is to be told if it fails."""
        if failed.is_set():
            return ""
        _say(f"{name}: started")
        started = time.monotonic()
        error = here(name, edition) if jobs == 1 else apart.execute(name)
        _say(f"{name}: {'failed' if error else 'done'} after {time.monotonic() - started:.0f} s")
        if error:
            failed.set()
        return error

    if jobs == 1:
        return [error for error in map(timed, names) if error]
    with apart, ThreadPoolExecutor(jobs) as pool:
        try:
            return [error for error in pool.map(timed, longest_first(names)) if error]
        except BaseException:  # an interrupt: what runs must not outlive this process
            failed.set()
            apart.end()
            raise


def here(name: str, edition: Edition) -> str:
    """Execute a chapter in this process; returns what is to be told if it fails, else nothing."""
    try:
        execution.execute(name, edition)
    except execution.ChapterError as failure:
        cause = failure.__cause__
        trace = f"{cause}\n" if isinstance(cause, PapermillExecutionError) else ""
        return f"{trace}error: {failure}"
    return ""


class _Apart:
    """Executes each chapter in a process of its own.

    Papermill changes the working folder of the process that it runs in. The processes hold the end
    of a pipe that stays open as long as this one lives: one that is killed takes them with it.
    """

    def __init__(self, edition: Edition, jobs: int) -> None:
        self.edition, self.jobs = edition, jobs
        self.running: set[subprocess.Popen[str]] = set()

    def __enter__(self) -> None:
        self.alive, self.held = os.pipe()

    def __exit__(self, *_: object) -> None:
        os.close(self.alive)
        os.close(self.held)

    def execute(self, name: str) -> str:
        """Execute a chapter; returns what is to be told if it fails, else nothing."""
        options = [
            option
            for setting, value in self.edition.settings.items()
            for option in (f"--{setting}", str(value))
        ]
        command = [sys.executable, "-m", "helpers", "chapter", name]
        with subprocess.Popen(
            [*command, "--build", str(self.edition.build), *options],
            env=environment(self.jobs),
            stdin=self.alive,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            self.running.add(process)
            told = process.communicate()[1].rstrip()
            self.running.discard(process)
        if not process.returncode or f"error: chapter {name}" in told:
            return told if process.returncode else ""
        return f"{told}\nerror: chapter {name}: ended with status {process.returncode}"

    def end(self) -> None:
        """End the processes that run."""
        for process in list(self.running):
            process.terminate()
