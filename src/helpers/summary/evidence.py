"""What the other chapters measured: their results files, refused where one is missing or old."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers import places
from helpers.edition import chapters
from helpers.edition.chapters import Edition
from helpers.intervals import Estimate
from helpers.report import results


def load(edition: Edition) -> dict[str, dict[str, Any]]:
    """The results of every chapter but the summary: of the run at hand, else as committed.

    Parameters
    ----------
    edition : Edition
        Of which results are wanted; its folder does not matter.

    Returns
    -------
    dict of str to dict
        The content of each results file, by chapter.

    Raises
    ------
    ValueError
        Naming each file that is missing, damaged, older than what it is made from, or of another
        seed or data set, and the command that makes it.
    """
    found, wrong = {}, []
    for chapter in chapters.names():
        if chapter == chapters.SUMMARY:
            continue
        path = results.measured(chapter, edition.profile)
        try:
            content = results.read(path)
        except FileNotFoundError:
            content, fault = {}, "is missing"
        except ValueError:
            content, fault = {}, "is damaged"
        else:
            fault = stale(path, content, chapter, edition) or ""
        if fault:
            told = f"{path.parent.name}/{path.name} {fault}"
            wrong.append(f"{told}: {edition.make('book', chapter)}")
        else:
            found[chapter] = content
    if wrong:
        raise ValueError("; ".join(wrong))
    return found


def stale(path: Path, content: dict[str, Any], chapter: str, edition: Edition) -> str | None:
    """What is wrong with a results file, or None where nothing is.

    All must be of the chapter's code, the seed and the data set; a run's own of the whole key, too.
    Committed ones come from another machine, with other versions perhaps, so their key may differ.
    """
    if not isinstance(content, dict) or not isinstance(content.get("made", {}), dict):
        return "is damaged"
    made = content.get("made", {})
    committed = path.parent.parent == places.RESULTS
    begin = "is missing, and the committed one " if committed else ""
    if made.get("code") != _code(chapter):
        return f"{begin}is older than its chapter"
    if (made.get("seed"), made.get("dataset")) != (edition.seed, edition.dataset):
        return f"{begin}is of seed {made.get('seed')} and {made.get('dataset')}"
    if not committed and made.get("key") != chapters.key(chapter, edition):
        return "is older than the helpers, or of other parameters or versions"
    return None


def _code(chapter: str) -> str:
    """The digest of a chapter's code as it is in book/ now."""
    return chapters.code_digest(chapters.read(chapters.source(chapter)))


def full(edition: Edition) -> dict[str, Estimate]:
    """The records of the profile full, by id, of the chapters whose code of now made them.

    None in an edition that is itself full.
    """
    if edition.profile == "full":
        return {}
    contents = []
    for chapter in chapters.names():
        path = results.measured(chapter, "full")
        if chapter == chapters.SUMMARY or not path.exists():
            continue
        content = results.read(path)
        made = content.get("made", {})
        if (made.get("code"), made.get("dataset")) == (_code(chapter), edition.dataset):
            contents.append(content)
    return estimates(contents)


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
