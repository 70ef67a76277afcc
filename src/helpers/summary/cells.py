"""Every cell of the paper's tables beside ours: which agree by one rule."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from helpers import intervals, paper
from helpers.intervals import Estimate

TABLES = {
    "table1": paper.TABLE1,
    "table2": paper.TABLE2,
    "table3": paper.TABLE3,
    "table4": paper.TABLE4,
    "table5": paper.TABLE5[["bound"]],
}
DECIMALS = {
    "%": 1,
    "distortion": 3,
    "norm": 2,
}  # the paper drops zeros at the end: it prints 10 beside 6.7, and 0.1 beside 0.062
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
    def theirs(self) -> Estimate | None:
        """The paper's number with its interval; None where there is nothing to compare."""
        if self.ours is None or not self.comparable:
            return None
        return sample(
            self.printed, self.unit, paper_images(self.table, self.row, self.column), self.ours
        )

    @property
    def difference(self) -> Estimate | None:
        """Ours minus the paper's with its 95 % interval; None where there is nothing to compare."""
        if self.ours is None or self.theirs is None:
            return None
        return difference(self.ours, self.theirs, rounding(self.printed, self.unit))

    @property
    def agrees(self) -> bool | None:
        """The rule: whether the 95 % interval of the difference holds zero; None where there is nothing to compare."""
        return None if self.difference is None else self.difference.low <= 0 <= self.difference.high

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


def sample(printed: float, unit: str, n: int | None, ours: Estimate) -> Estimate:
    """A printed number as a sample of n images, with a 95 % interval.

    A percentage has Wilson's interval; a mean distortion the relative one that ours would have with n images; n None: no interval.
    """
    if n is None:
        return Estimate(printed, printed, printed, ours.n)
    if unit == "%":
        return intervals.printed(printed, n)
    scale = printed / ours.value * np.sqrt(ours.n / n)
    return Estimate(
        printed,
        printed - scale * (ours.value - ours.low),
        printed + scale * (ours.high - ours.value),
        n,
    )


def difference(ours: Estimate, theirs: Estimate, half: float) -> Estimate:
    """`ours` minus `theirs` with its 95 % interval, by Newcombe's method 10 (1998), and the rounding error `half` on both sides."""
    found = intervals.difference(ours, theirs)
    return Estimate(found.value, found.low - half, found.high + half, found.n)


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
            "difference": None if cell.difference is None else f"{cell.difference:+{width}}",
            "agree": {True: "yes", False: "no", None: None}[cell.agrees],
            "measured in": cell.where if cell.ours else "not measured",
        }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.drop(columns="full") if frame["full"].isna().all() else frame
