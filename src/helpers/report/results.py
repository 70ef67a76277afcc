"""What was measured: records with interval, sample size and seed, in one JSON file for each profile and chapter."""

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

UNITS = ("%", "distortion", "l2", "norm", "ratio", "count", "seconds", "score")


@dataclass(frozen=True)
class Record:
    """One number. low and high bound it with 95 % confidence, None where it has no interval; paper is the printed number."""

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


def estimates(values: Mapping[str, Estimate], unit: str, seed: int) -> list[Record]:
    """A record for each id and estimate; for the id of a table or figure with the number that the paper prints there.

    Raises ValueError for the id of a table or figure that the paper does not have.
    """
    return [
        Record(name, e.value, unit, e.n, seed, e.low, e.high, *_printed(name))
        for name, e in values.items()
    ]


def numbers(values: Mapping[str, float], unit: str, n: int, seed: int) -> list[Record]:
    """A record for each id and number without an interval; otherwise as `estimates`."""
    return [
        Record(name, value, unit, n, seed, None, None, *_printed(name))
        for name, value in values.items()
    ]


def _printed(name: str) -> tuple[float | None, str | None]:
    """The paper's number with this id, and where it is printed; None where the id is not of a table or figure. Raises ValueError for one that it lacks."""
    place = re.match(r"(table|figure)(\d)/", name)
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
) -> None:
    """Write a chapter's records, sorted by id, and its claims to path(chapter, profile), atomically.

    Raises ValueError for an unknown profile or an id that occurs twice.
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
        "claims": [asdict(claim) | {"holds": bool(claim.holds)} for claim in claims],
    }
    files.write_text(
        path(chapter, profile),
        json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    )


def measured(profile: str) -> Path:
    """Where a profile's results are read: of the run at hand ($MEASURED, else folder()), or without any, of the committed edition."""
    run = Path(os.environ.get("MEASURED") or folder()) / profile
    return run if run.exists() else places.RESULTS / profile


def path(chapter: str, profile: str) -> Path:
    """Where a chapter's results are: <folder>/<profile>/<chapter>.json."""
    return folder() / profile / f"{chapter}.json"


def read(path: Path) -> dict[str, Any]:
    """A results file as write() made it."""
    return json.loads(path.read_text(encoding="utf-8"))


def stamp(path: Path, **made: str | int) -> None:
    """Note in a results file what it was made from."""
    content = {"made": made} | read(path)
    files.write_text(
        path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )
