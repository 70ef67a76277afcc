"""Validate executed chapters: nbval runs each again and compares, and the two runs' results must be the same numbers."""

import os
import subprocess
import sys
from pathlib import Path

from helpers.edition import pipeline
from helpers.edition.chapters import CELL_SECONDS, Edition
from helpers.report import results


def validate(chapters: list[str], edition: Edition, jobs: int) -> int:
    """Run the executed chapters again by nbval, `jobs` at once; returns 0 when no cell fails and claims and results are the same, else 1.

    nbval compares the output of the cells tagged nbval-check-output.
    """
    again = edition.folder / "validated"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "--quiet",
        "-c",
        os.devnull,
        "-p",
        "no:cacheprovider",
        f"--nbval-cell-timeout={CELL_SECONDS}",
    ]
    command += ["-n", str(jobs), "--dist", "loadfile", "--no-loadscope-reorder"] if jobs > 1 else []
    environment = pipeline.environment(jobs) | {
        "RESULTS": str(again.resolve()),
        "MEASURED": str(edition.results.resolve()),
    }
    notebooks = [str(edition.executed(chapter)) for chapter in pipeline.longest_first(chapters)]
    status = subprocess.run(
        [*command, f"--rootdir={edition.folder}", *notebooks], env=environment, check=False
    ).returncode
    if status:
        return 1
    differing = [
        chapter
        for chapter in chapters
        if _records(edition.results, chapter, edition) != _records(again, chapter, edition)
    ]
    for chapter in differing:
        print(f"error: chapter {chapter}: two runs gave different results", file=sys.stderr)
    return 1 if differing else 0


def _records(folder: Path, chapter: str, edition: Edition) -> list[dict[str, object]]:
    """A chapter's records but for the timings."""
    content = results.read(folder / edition.profile / f"{chapter}.json")
    return [record for record in content["records"] if record["unit"] != "seconds"]
