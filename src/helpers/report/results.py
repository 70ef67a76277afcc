"""What was measured, in one JSON file for each profile and chapter.

A record is a number with its interval, its sample size and its seed. Beside the records a file
holds the chapter's claims, notes for its prose, and the machine and versions that they come from.
"""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from helpers import check, files, machine, paper, places, profiles
from helpers.intervals import Estimate
from helpers.report.claims import Claim

PRINTED = re.compile(r"(table|figure)(\d)/")  # how the id of a number of the paper begins
UNITS = ("%", "distortion", "l2", "norm", "ratio", "count", "seconds", "score")


@dataclass(frozen=True)
class Record:
    """One number of a results file.

    Parameters
    ----------
    id : str
        Its name, unique in the book.
    value : float
        The number, finite.
    unit : str
        One of `UNITS`.
    n : int
        The sample size, at least 1.
    seed : int
        The seed of the run.
    low, high : float, optional
        The 95 % interval; None where there is none.
    paper : float, optional
        The number that the paper prints.
    source : str, optional
        Where the paper prints it.

    Raises
    ------
    ValueError
        For another unit, a number that is not finite, n below 1, an interval without its value.
    """

    id: str
    value: float
    unit: str
    n: int
    seed: int
    low: float | None = None
    high: float | None = None
    paper: float | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        check.choice("unit", self.unit, UNITS)
        for field in ("value", "low", "high", "paper"):
            number = getattr(self, field)
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{self.id}: {field} is {number}; a record holds finite numbers")
        if self.n < 1:
            raise ValueError(f"{self.id}: n is {self.n}; a record has at least one observation")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"{self.id}: an interval has two ends, got {self.low} and {self.high}")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ValueError(f"{self.id}: the interval [{self.low}, {self.high}] is reversed")


def record(name: str, value: object, unit: str, seed: int, n: int | None = None) -> Record:
    """Make a record of an estimate, or of a plain number from a sample of n.

    Parameters
    ----------
    name : str
        The record's id. That of a table or figure brings the number that the paper prints there.
    value : Estimate or float
        The number, with its interval or without.
    unit : str
        One of `UNITS`.
    seed : int
        The seed of the run.
    n : int, optional
        The sample size; an estimate brings its own.

    Returns
    -------
    Record
        With the paper's number beside ours, where there is one.

    Raises
    ------
    ValueError
        For the id of a table or figure that the paper does not have, an estimate with another n, a
        plain number without one, and what a `Record` refuses.

    Examples
    --------
    >>> found = record("table2/FC10(1)/AE400-10", Estimate(30.1, 24.6, 36.1, 256), "%", seed=0)
    >>> found.paper, found.source, found.n
    (34.4, 'Table 2', 256)
    """
    printed = _printed(name)
    if isinstance(value, Estimate):
        if n not in (None, value.n):
            raise ValueError(f"{name}: n is {n}, but the estimate has {value.n}")
        return Record(name, value.value, unit, value.n, seed, value.low, value.high, *printed)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}: need a number or an estimate, got {type(value).__name__}")
    if n is None:
        raise ValueError(f"{name}: a number without an interval needs n, its sample size")
    return Record(name, value, unit, n, seed, None, None, *printed)


def _printed(name: str) -> tuple[float | None, str | None]:
    """The paper's number with this id, and where it is printed; None, None for an id of our own."""
    place = PRINTED.match(name)
    if not place:
        return None, None
    if name not in paper.PRINTED:
        raise ValueError(f"{name}: the paper prints no number with this id")
    return paper.PRINTED[name], f"{place[1].capitalize()} {place[2]}"


def folder() -> Path:
    """Where results go: $RESULTS, else _build/results in the working folder's repository."""
    return Path(os.environ.get("RESULTS") or Path.cwd().parent / "_build" / "results")


def write(
    chapter: str,
    profile: str,
    records: Sequence[Record],
    device: torch.device | str = "cpu",
    *,
    claims: Sequence[Claim] = (),
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write what a chapter found to path(chapter, profile), atomically.

    Parameters
    ----------
    chapter, profile : str
        Whose results they are.
    records : sequence of Record
        The numbers; they are sorted by id.
    device : torch.device or str
        Where they were computed, for the note on the machine.
    claims : sequence of Claim
        In their order.
    notes : mapping, optional
        Numbers and words for the prose alone, by name; an `Estimate` keeps its interval.

    Raises
    ------
    ValueError
        For an unknown profile, a name that is no file name, an id that occurs twice, or a note that
        is not finite.
    """
    check.choice("profile", profile, profiles.NAMES)
    ids = [record.id for record in records]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise ValueError(f"records: the ids {', '.join(twice)} occur more than once")
    content = {
        "chapter": chapter,
        "profile": profile,
        "environment": machine.environment(device),
        "records": [asdict(record) for record in sorted(records, key=lambda record: record.id)],
        "claims": [claim.stored() for claim in claims],
        "notes": {name: _note(name, value) for name, value in sorted((notes or {}).items())},
    }
    _save(path(chapter, profile), content)


def _note(name: str, value: object) -> Any:
    """A note as JSON has it. Raises ValueError for one that is not finite, or of another type."""
    if isinstance(value, Estimate):
        return {
            field: _note(name, getattr(value, field)) for field in ("value", "low", "high", "n")
        }
    if not isinstance(value, str | int | float) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        raise ValueError(f"{name}: a note is a finite number, an estimate or a word, got {value!r}")
    return value


def _save(file: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    files.write_text(file, text + "\n")


def measured(chapter: str, profile: str, run: Path | None = None) -> Path:
    """Where a chapter's results are read: those of the run at hand, or else the committed ones.

    So a run of a few chapters has the others' results on a fresh clone, too. Whether the committed
    ones are still true of their chapter is for the caller to check, by the code that they name.

    Parameters
    ----------
    chapter, profile : str
        Whose results.
    run : Path, optional
        The folder of the run's results; by default $MEASURED, else `folder()`.

    Returns
    -------
    Path
        In the committed edition where neither has such a file.
    """
    here = run or Path(os.environ.get("MEASURED") or folder())
    name = Path(profile) / f"{chapter}.json"
    return here / name if (here / name).exists() else places.RESULTS / name


def path(chapter: str, profile: str) -> Path:
    """Return where a chapter's results are written: <folder>/<profile>/<chapter>.json.

    Parameters
    ----------
    chapter, profile : str
        Whose results.

    Returns
    -------
    Path
        Below `folder()`.

    Raises
    ------
    ValueError
        For names that would lead elsewhere.
    """
    for argument, name in {"chapter": chapter, "profile": profile}.items():
        if not re.fullmatch(r"[\w-]+", name):
            raise ValueError(f"{argument}: need letters, digits, _ and - only, got {name!r}")
    return folder() / profile / f"{chapter}.json"


def read(path: Path) -> dict[str, Any]:
    """Read a results file as `write` made it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Its content: chapter, profile, environment, records, claims, notes.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    ValueError
        Naming the file where it is no JSON, or has a number that is not finite.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"it has the number {constant}")

    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and build again") from error


def stamp(path: Path, **made: str | int) -> None:
    """Note in a results file what it was made from.

    Parameters
    ----------
    path : Path
        The file, which is rewritten.
    **made : str or int
        What it was made from, by name: the digest of the chapter's code, its seed, its data set.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    ValueError
        Where it is damaged.
    """
    content = read(path)
    _save(path, {"made": made} | {name: content[name] for name in content if name != "made"})
