"""What the other chapters measured: their results files, refused where one is missing or older than what it is made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

from helpers import places
from helpers.edition import chapters
from helpers.edition.chapters import Edition
from helpers.intervals import Estimate
from helpers.report import results


def load(edition: Edition) -> dict[str, dict[str, Any]]:
    """The results of every chapter but the summary, by chapter, of the run at hand.

    Raises ValueError naming each file that is missing, or older than its chapter's sources, or of another seed or data set.
    """
    found, wrong = {}, []
    for chapter in chapters.names():
        if chapter == chapters.SUMMARY:
            continue
        path = results.measured(edition.profile) / f"{chapter}.json"
        content = results.read(path) if path.exists() else None
        if fault := "is missing" if content is None else stale(path, content, chapter, edition):
            wrong.append(
                f"{path.parent.name}/{path.name} {fault}: make book PROFILE={edition.profile} CHAPTERS={chapter}"
            )
        found[chapter] = content or {}
    if wrong:
        raise ValueError("; ".join(wrong))
    return found


def stale(path: Path, content: dict[str, Any], chapter: str, edition: Edition) -> str | None:
    """What is wrong with a results file, or None: the code, seed and data set of all, the whole key (chapters.key) of a run's."""
    made = content.get("made", {})
    if made.get("code") != chapters.code_digest(
        nbformat.read(chapters.source(chapter), as_version=4)
    ):
        return "is older than its chapter"
    if (made["seed"], made["dataset"]) != (edition.seed, edition.dataset):
        return f"is of seed {made['seed']} and {made['dataset']}"
    if path.parent.parent != places.RESULTS and made["key"] != chapters.key(chapter, edition):
        return "is older than the helpers, or of other parameters or versions"
    return None


def full(edition: Edition) -> dict[str, Estimate]:
    """The records of the profile full, by id, where there are any that the chapters' code of now made; none in an edition that is itself full."""
    if edition.profile == "full":
        return {}
    paths = {
        name: results.measured("full") / f"{name}.json"
        for name in chapters.names()
        if name != chapters.SUMMARY
    }
    there = {name: results.read(path) for name, path in paths.items() if path.exists()}
    code = {
        name: chapters.code_digest(nbformat.read(chapters.source(name), as_version=4))
        for name in there
    }
    return estimates(
        [
            content
            for name, content in there.items()
            if (made := content.get("made", {}))
            and (made["code"], made["dataset"]) == (code[name], edition.dataset)
        ]
    )


def estimates(contents: Sequence[dict[str, Any]]) -> dict[str, Estimate]:
    """Read every record of some results files.

    Parameters
    ----------
    contents : sequence of dict
        Results files, as `results.read` returns them.

    Returns
    -------
    dict of str to Estimate
        By id. One without an interval is an estimate of no width.
    """
    found = {}
    for record in (record for content in contents for record in content["records"]):
        low, high = (
            record["value"] if record[side] is None else record[side] for side in ("low", "high")
        )
        found[record["id"]] = Estimate(record["value"], low, high, record["n"])
    return found
