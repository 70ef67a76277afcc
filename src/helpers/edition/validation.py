"""Validate executed chapters: nbval runs each again, and both runs must give the same numbers."""

import os
import subprocess
import sys
from pathlib import Path

from helpers.edition import pipeline
from helpers.edition.chapters import Edition, finding, read
from helpers.edition.execution import CELL_SECONDS


def validate(chapters: list[str], edition: Edition, jobs: int) -> int:
    """Run the executed chapters again by nbval, and compare what they print and measure.

    nbval compares the output of the cells tagged nbval-check-output. Timings may differ.

    Parameters
    ----------
    chapters : list of str
        Chapters that are executed in this edition.
    edition : Edition
        In which they are executed.
    jobs : int
        How many run at once.

    Returns
    -------
    int
        0 when no cell fails and claims and results are the same, else 1.

    Raises
    ------
    ValueError
        Where a chapter has not been executed, with the command that does it.
    """
    if missing := [name for name in chapters if not edition.executed(name).exists()]:
        told = f"{', '.join(missing)} have not been executed in this edition"
        raise ValueError(f"chapters {told}: {edition.make('book')}")
    again = edition.folder / "validated"
    for name in chapters:  # no results of an earlier validation may pass for this one's
        _file(again, name, edition).unlink(missing_ok=True)
    failed = [
        _nbval(names, edition, again, threads, jobs)
        for threads, names in _by_threads(chapters, edition).items()
    ]
    if any(failed):
        return 1
    differing = [
        name
        for name in chapters
        if _found(edition.measured(name)) != _found(_file(again, name, edition))
    ]
    for chapter in differing:
        print(f"error: chapter {chapter}: two runs gave different results", file=sys.stderr)
    return 1 if differing else 0


def _by_threads(names: list[str], edition: Edition) -> dict[str, list[str]]:
    """Chapters by the number of threads that they were executed with, "" for all cores.

    Sums in another order have other last digits, so that each runs again with as many.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        made = read(edition.executed(name)).metadata.get("helpers", {})
        groups.setdefault(made.get("threads", ""), []).append(name)
    return groups


def _nbval(names: list[str], edition: Edition, again: Path, threads: str, jobs: int) -> int:
    """Run chapters again by nbval, `jobs` at once, or one at a time where each has all cores."""
    jobs = jobs if threads else 1
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--quiet", "-c", os.devnull]
    command += ["-p", "no:cacheprovider", f"--nbval-cell-timeout={CELL_SECONDS}"]
    command += ["-n", str(jobs), "--dist", "loadfile", "--no-loadscope-reorder"] if jobs > 1 else []
    environment = dict(os.environ)
    environment.pop("OMP_NUM_THREADS", None)
    environment |= {"OMP_NUM_THREADS": threads} if threads else {}
    environment |= {"RESULTS": str(again.resolve()), "MEASURED": str(edition.results.resolve())}
    notebooks = [str(edition.executed(name)) for name in pipeline.longest_first(names)]
    return subprocess.run(
        [*command, f"--rootdir={edition.folder}", *notebooks], env=environment, check=False
    ).returncode


def _file(folder: Path, chapter: str, edition: Edition) -> Path:
    """The results file of a chapter in another folder of results."""
    return folder / edition.profile / f"{chapter}.json"


def _found(file: Path) -> bytes | None:
    """What a chapter found, records, notes and claims; None where it wrote nothing."""
    return finding(file.read_bytes()) if file.exists() else None
