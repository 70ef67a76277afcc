"""Executing chapters several at once: which first, with how many threads each, and what happens when one fails."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from papermill.exceptions import PapermillExecutionError

from helpers import check
from helpers.edition import chapters
from helpers.edition.chapters import DEFAULTS, SUMMARY, Edition

MOST = 4  # chapters at once; with more, the longest chapter alone sets the time


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def jobs(asked: int | None, device: str, count: int) -> int:
    """How many of `count` chapters run at once: as asked, else one on a GPU and as many as there are cores, at most MOST, without one.

    A chapter that is selected alone has all cores. Raises ValueError for less than one.
    """
    if asked is not None and asked < 1:
        raise ValueError(f"jobs: need at least 1, got {asked}")
    return asked or (min(cores(), MOST, count) if check.device(device).type == "cpu" else 1)


def environment(jobs: int) -> dict[str, str]:
    """The environment of each of `jobs` chapters at once: with its share of the cores, if OMP_NUM_THREADS does not say otherwise."""
    share = {} if jobs == 1 else {"OMP_NUM_THREADS": str(max(1, cores() // jobs))}
    return share | os.environ


def longest_first(names: list[str]) -> list[str]:
    """Chapters in the order that lets several at once end early: by the seconds that each took when it was committed, new ones first."""
    return sorted(names, key=chapters.seconds, reverse=True)


def execute(selected: list[str], edition: Edition, jobs: int) -> int:
    """Execute the chapters that are not done, `jobs` at once, the summary after all others. Returns 0, or 1 when one failed.

    After a failure no further chapter starts; those that run are completed. What failed is told last, on stderr.
    """
    for group in (
        [name for name in selected if name != SUMMARY],
        [name for name in selected if name == SUMMARY],
    ):
        done = {name: chapters.is_done(name, edition) for name in group}
        for name in [name for name in group if done[name]]:
            print(f"{name}: done already", flush=True)
        errors = _each([name for name in group if not done[name]], edition, jobs)
        if errors:
            print(*errors, sep="\n", file=sys.stderr)
            return 1
    return 0


def _each(names: list[str], edition: Edition, jobs: int) -> list[str]:
    """Execute chapters, `jobs` at once; returns what is to be told of those that failed."""
    failed = threading.Event()
    if jobs == 1:
        return [error for error in map(partial(_timed, _here, failed, edition), names) if error]
    running: set[subprocess.Popen[str]] = set()
    with ThreadPoolExecutor(jobs) as pool:
        told = pool.map(
            partial(_timed, partial(_apart, jobs, running), failed, edition), longest_first(names)
        )
        try:
            return [error for error in told if error]
        except BaseException:  # an interrupt: what runs must not outlive this process
            failed.set()
            for process in list(running):
                process.terminate()
            raise


def _timed(
    run: Callable[[str, Edition], str], failed: threading.Event, edition: Edition, name: str
) -> str:
    """Execute one chapter, unless another has failed, and print when it starts and ends; returns what is to be told if it failed."""
    if failed.is_set():
        return ""
    print(f"{name}: started", flush=True)
    started = time.monotonic()
    error = run(name, edition)
    print(
        f"{name}: {'failed' if error else 'done'} after {time.monotonic() - started:.0f} s",
        flush=True,
    )
    if error:
        failed.set()
    return error


def _here(name: str, edition: Edition) -> str:
    try:
        chapters.execute(name, edition)
    except PapermillExecutionError as error:
        return f"{error}\nerror: {chapters.failure(name, error)}"
    return ""


def _apart(jobs: int, running: set[subprocess.Popen[str]], name: str, edition: Edition) -> str:
    """Execute a chapter in a process of its own, as papermill changes the working folder of the process that it runs in."""
    options = [
        option for field in DEFAULTS for option in (f"--{field}", str(getattr(edition, field)))
    ]
    command = [
        sys.executable,
        "-m",
        "helpers",
        "execute",
        name,
        "--jobs",
        "1",
        "--build",
        str(edition.build),
        *options,
    ]
    with subprocess.Popen(
        command, env=environment(jobs), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        running.add(process)
        told = process.communicate()[1].rstrip()
        running.discard(process)
    if not process.returncode:
        return ""
    return (
        told
        if f"error: chapter {name}" in told
        else f"{told}\nerror: chapter {name}: ended with status {process.returncode}"
    )
