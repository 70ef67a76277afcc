"""Every cell of the paper's tables beside ours: which agree by one rule."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from helpers import intervals, paper
from helpers.intervals import Agreement, Estimate

TABLES = {
    "table1": paper.TABLE1,
    "table2": paper.TABLE2,
    "table3": paper.TABLE3,
    "table4": paper.TABLE4,
    "table5": paper.TABLE5[["bound"]],
}
WIDTHS = {"%": ".1f", "distortion": ".3f", "norm": ".2f"}


@dataclass(frozen=True)
class Cell:
    """One number of a table of the paper and ours; `full` is ours under that profile. None where it was not measured.

    comparable: whether ours is of the paper's data set.
    """

    table: str
    row: str
    column: str
    unit: str
    printed: float
    ours: Estimate | None = None
    full: Estimate | None = None
    comparable: bool = True

    @property
    def id(self) -> str:
        """The id of its record."""
        return (
            f"{self.table}/{self.row}"
            if self.table == "table5"
            else f"{self.table}/{self.row}/{self.column}"
        )

    @property
    def diagonal(self) -> bool:
        """Whether it is the error of the very network that the images were made for: 100 % if the search succeeds."""
        return self.row == self.column

    @property
    def agreement(self) -> Agreement | None:
        """Ours beside the paper's; None where there is nothing to compare."""
        if self.ours is None or not self.comparable:
            return None
        n = paper.sample_size(self.table, self.row, self.column)
        return intervals.against(self.ours, self.printed, n, self.unit)

    @property
    def agrees(self) -> bool | None:
        """Whether the two agree, by the rule; None where there is nothing to compare."""
        return None if self.agreement is None else self.agreement.agrees

    @property
    def unstated(self) -> str:
        """What the paper does not state, and the number may depend on."""
        if self.table == "table5":
            return "its kernels; ours are another AlexNet's"
        if "AE400-10" in (self.row, self.column):
            return "how the autoencoder was made sparse"
        return (
            "how targets were drawn, and which images"
            if self.column == "distortion"
            else "initial weights, and which images"
        )

    @property
    def where(self) -> str:
        """The table of the book that measured it, as a MyST role."""
        if "noise" in self.row:
            return "{numref}`noise-rows`"
        if self.table in {"table2", "table4"} and self.column != "distortion":
            return (
                f"{{numref}}`fig-{self.table}`"
                if self.row.endswith(self.column)
                else f"{{numref}}`{self.table}-cells`"
            )
        return (
            "{numref}`table5`"
            if self.table == "table5"
            else f"{{numref}}`{self.table}-{'distortion' if self.column == 'distortion' else 'errors'}`"
        )


def cells(
    ours: dict[str, Estimate], full: dict[str, Estimate] | None = None, *, dataset: str = "mnist"
) -> list[Cell]:
    """All cells of Tables 1 to 5, row by row, with what was measured; those of Tables 1 to 4 compare with MNIST only."""
    found = []
    for table, frame in TABLES.items():
        for row, column in itertools.product(map(str, frame.index), map(str, frame.columns)):
            unit = "norm" if table == "table5" else "distortion" if column == "distortion" else "%"
            bare = Cell(
                table,
                row,
                column,
                unit,
                float(frame.loc[row, column]),  # type: ignore[arg-type]
                comparable=dataset == "mnist" or table == "table5",
            )
            found.append(replace(bare, ours=ours.get(bare.id), full=(full or {}).get(bare.id)))
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


def measured_in(cells: Sequence[Cell], table: str) -> str:
    """The tables and figures of the book that measured a table's cells, in MyST."""
    return ", ".join(
        dict.fromkeys(cell.where for cell in cells if cell.table == table and cell.ours)
    )


def matrix(cells: Sequence[Cell], table: str) -> pd.DataFrame:
    """One table of the paper as "ours (paper)", with a ≠ where they do not agree."""
    rows: dict[str, dict[str, str]] = {}
    for cell in (cell for cell in cells if cell.table == table):
        ours = "–" if cell.ours is None else f"{cell.ours.value:{WIDTHS[cell.unit]}}"
        rows.setdefault(cell.row, {})[cell.column] = f"{ours} ({cell.printed:g})" + (
            "\N{NO-BREAK SPACE}≠" if cell.agrees is False else ""
        )
    return pd.DataFrame.from_dict(rows, orient="index")


def listing(cells: Sequence[Cell]) -> pd.DataFrame:
    """Every cell on a line of its own: the paper's number, ours with interval and n, the difference, the verdict, and where it was measured."""
    rows = {}
    for cell in cells:
        width = WIDTHS[cell.unit]
        rows[
            f"{cell.table.capitalize().replace('e', 'e ')}: {cell.row}"
            + (f" → {cell.column}" if cell.table != "table5" else "")
        ] = {
            "paper": f"{cell.printed:g}",
            "ours": None
            if cell.ours is None
            else f"{cell.ours:{width}}"
            if cell.unit != "norm"
            else f"{cell.ours.value:{width}}",
            "n": None if cell.ours is None else f"{cell.ours.n:,}",
            "full": None if cell.full is None else f"{cell.full:{width}}",
            "difference": cell.agreement and f"{cell.agreement.difference:+{width}}",
            "agree": {True: "yes", False: "no", None: None}[cell.agrees],
            "measured in": cell.where if cell.ours else "not measured",
        }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.drop(columns="full") if frame["full"].isna().all() else frame
