"""Every cell of the paper's tables beside ours: which agree by one rule, from the results that the chapters wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd

from helpers import chapters, paper, results, transfer
from helpers.chapters import Edition
from helpers.intervals import Estimate

TABLES = {"table1": paper.TABLE1, "table2": paper.TABLE2, "table3": paper.TABLE3, "table4": paper.TABLE4, "table5": paper.TABLE5[["bound"]]}
DECIMALS = {"%": 1, "distortion": 3, "norm": 2}  # the paper drops zeros at the end: it prints 10 beside 6.7, and 0.1 beside 0.062
WIDTHS = {"%": ".1f", "distortion": ".3f", "norm": ".2f"}


@dataclass(frozen=True)
class Cell:
    """One number of a table of the paper and ours; `full` is ours under that profile. None where it was not measured."""

    table: str
    row: str
    column: str
    unit: str
    printed: float
    ours: Estimate | None = None
    full: Estimate | None = None

    @property
    def id(self) -> str:
        """The id of its record."""
        return f"{self.table}/{self.row}" if self.table == "table5" else f"{self.table}/{self.row}/{self.column}"

    @property
    def diagonal(self) -> bool:
        """Whether it is the error of the very network that the images were made for: 100 % if the search succeeds."""
        return self.table in {"table2", "table4"} and self.row.endswith(self.column)

    @property
    def difference(self) -> Estimate | None:
        """Ours minus the paper's with its 95 % interval; None where ours is missing."""
        return None if self.ours is None else difference(self.ours, self.printed, self.unit, paper_images(self.table, self.row, self.column))

    @property
    def agrees(self) -> bool | None:
        """The rule: whether the 95 % interval of the difference holds zero; None where ours is missing."""
        return None if self.difference is None else self.difference.low <= 0 <= self.difference.high

    @property
    def where(self) -> str:
        """The table of the book that measured it, as a MyST role."""
        if "noise" in self.row:
            return "{numref}`noise-rows`"
        if self.table in {"table2", "table4"} and self.column != "distortion":
            return f"{{numref}}`{self.table}-cells`" if not self.diagonal else f"{{numref}}`fig-{self.table}`"
        return "{numref}`table5`" if self.table == "table5" else f"{{numref}}`{self.table}-{'distortion' if self.column == 'distortion' else 'errors'}`"


def paper_images(table: str, row: str, column: str) -> int | None:
    """How many images are probably behind a printed number; None for a norm, which is no average.

    256 for adversarial images and for noise in Table 2, whose numbers are multiples of 1/256; else the whole set that is named.
    """
    if table == "table5":
        return None
    if table in {"table1", "table3"} and column != "distortion":
        return {"train": 60_000, "P1": 30_000, "P2": 30_000, "test": 10_000}[column]
    return 10_000 if table == "table4" and row.startswith("noise") else 256


def rounding(printed: float, unit: str) -> float:
    """Half a unit of the last digit that the paper prints, or would have printed but for zeros at the end."""
    digits = len(f"{printed:.10g}".partition(".")[2])
    return 0.5 * 10.0 ** -max(digits, DECIMALS[unit])


def difference(ours: Estimate, printed: float, unit: str, n: int | None) -> Estimate:
    """`ours` minus the printed number with its 95 % interval, that number being a sample of n images, rounded.

    A percentage has Wilson's interval; a mean distortion the relative one that ours would have with n images; n None: exact.
    The two intervals are combined by Newcombe's method 10 (1998); the rounding error is added on both sides.
    """
    theirs = Estimate(printed, printed, printed, ours.n)
    if n is not None and unit == "%":
        theirs = transfer.printed(printed, n)
    elif n is not None:
        scale = printed / ours.value * np.sqrt(ours.n / n)
        theirs = Estimate(printed, printed - scale * (ours.value - ours.low), printed + scale * (ours.high - ours.value), n)
    found, half = transfer.difference(ours, theirs), rounding(printed, unit)
    return Estimate(found.value, found.low - half, found.high + half, found.n)


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
            wrong.append(f"{path.parent.name}/{path.name} {fault}: make book PROFILE={edition.profile} CHAPTERS={chapter}")
        found[chapter] = content or {}
    if wrong:
        raise ValueError("; ".join(wrong))
    return found


def stale(path: Path, content: dict[str, Any], chapter: str, edition: Edition) -> str | None:
    """What is wrong with a results file, or None: the code, seed and data set of all, the whole key (chapters.key) of a run's."""
    made = content.get("made", {})
    if made.get("code") != chapters.code_digest(nbformat.read(chapters.source(chapter), as_version=4)):
        return "is older than its chapter"
    if (made["seed"], made["dataset"]) != (edition.seed, edition.dataset):
        return f"is of seed {made['seed']} and {made['dataset']}"
    if path.parent.parent != results.COMMITTED and made["key"] != chapters.key(chapter, edition):
        return "is older than the helpers, or of other parameters or versions"
    return None


def full(edition: Edition) -> dict[str, Estimate]:
    """The records of the profile full, by id, where there are any that the chapters' code of now made; none in an edition that is itself full."""
    if edition.profile == "full":
        return {}
    paths = {name: results.measured("full") / f"{name}.json" for name in chapters.names() if name != chapters.SUMMARY}
    there = {name: results.read(path) for name, path in paths.items() if path.exists()}
    code = {name: chapters.code_digest(nbformat.read(chapters.source(name), as_version=4)) for name in there}
    return estimates(
        [content for name, content in there.items() if (made := content.get("made", {})) and (made["code"], made["dataset"]) == (code[name], edition.dataset)]
    )


def estimates(contents: Sequence[dict[str, Any]]) -> dict[str, Estimate]:
    """Every record of some results files by its id; one without an interval has none around its value."""
    records = [record for content in contents for record in content["records"]]
    return {r["id"]: Estimate(r["value"], *(r["value"] if r[side] is None else r[side] for side in ("low", "high")), r["n"]) for r in records}


def cells(ours: dict[str, Estimate], full: dict[str, Estimate] | None = None) -> list[Cell]:
    """All cells of Tables 1 to 5, row by row, with what was measured."""
    found = []
    for table, frame in TABLES.items():
        for (row, column), printed in frame.stack().items():
            unit = "norm" if table == "table5" else "distortion" if column == "distortion" else "%"
            bare = Cell(table, row, column, unit, float(printed))
            found.append(Cell(table, row, column, unit, float(printed), ours.get(bare.id), (full or {}).get(bare.id)))
    return found


def counts(cells: Sequence[Cell]) -> pd.DataFrame:
    """How many cells each table has, how many were measured, and how many of these agree; the diagonals, 100 % by construction, apart."""
    rows = {}
    for table in [*TABLES, "all"]:
        chosen = [cell for cell in cells if table in {cell.table, "all"}]
        off = [cell for cell in chosen if not cell.diagonal]
        rows[table] = {
            "printed": len(chosen),
            "not measured": sum(cell.ours is None for cell in chosen),
            "diagonal": len(chosen) - len(off),
            "measured": sum(cell.ours is not None for cell in off),
            "agree": sum(cell.agrees is True for cell in off),
            "do not agree": sum(cell.agrees is False for cell in off),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
