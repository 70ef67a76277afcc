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
    """One number of a table of the paper, and ours.

    Parameters
    ----------
    table, row, column : str
        Where the paper prints it.
    unit : {"%", "distortion", "norm"}
        Of both numbers.
    printed : float
        The paper's number.
    ours : Estimate, optional
        Ours; None where it was not measured.
    full : Estimate, optional
        Ours under the profile full, likewise.
    comparable : bool
        Whether ours is of the paper's data set.
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
        row = f"{self.table}/{self.row}"
        return row if self.table == "table5" else f"{row}/{self.column}"

    @property
    def diagonal(self) -> bool:
        """Whether it is the error of the very network that the images were made for.

        It is 100 % if the search succeeds.
        """
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
        if self.column == "distortion":
            return "how targets were drawn, and which images"
        return "initial weights, and which images"

    @property
    def where(self) -> str:
        """The table of the book that measured it, as a MyST role."""
        return f"{{numref}}`{self._label}`"

    @property
    def _label(self) -> str:
        if "noise" in self.row:
            return "noise-rows"
        if self.table == "table5":
            return "table5"
        if self.column == "distortion":
            return f"{self.table}-distortion"
        if self.table in {"table1", "table3"}:
            return f"{self.table}-errors"
        # The chapter on transfer shows errors of the network itself in its figures alone.
        return f"fig-{self.table}" if self.row.endswith(self.column) else f"{self.table}-cells"


def cells(
    ours: dict[str, Estimate], full: dict[str, Estimate] | None = None, *, dataset: str = "mnist"
) -> list[Cell]:
    """Return all cells of Tables 1 to 5, row by row, with what was measured.

    Parameters
    ----------
    ours : dict of str to Estimate
        Our numbers by the ids of their records; others than those of the tables do not matter.
    full : dict of str to Estimate, optional
        Those under the profile full.
    dataset : str
        The data set of both. Tables 1 to 4 compare with MNIST only.

    Returns
    -------
    list of Cell
        118 of them.

    Examples
    --------
    >>> found = cells({"table5/conv1": Estimate(2.7, 2.7, 2.7, 1)})
    >>> len(found), [cell.row for cell in found if cell.ours]
    (118, ['conv1'])
    """
    found = []
    for table, frame in TABLES.items():
        comparable = dataset == "mnist" or table == "table5"
        for row, column in itertools.product(map(str, frame.index), map(str, frame.columns)):
            unit = "norm" if table == "table5" else "distortion" if column == "distortion" else "%"
            printed = float(frame.loc[row, column])  # type: ignore[arg-type]
            bare = Cell(table, row, column, unit, printed, comparable=comparable)
            found.append(replace(bare, ours=ours.get(bare.id), full=(full or {}).get(bare.id)))
    return found


def counts(cells: Sequence[Cell]) -> pd.DataFrame:
    """Count the cells of each table, those that were measured, and those of them that agree.

    Parameters
    ----------
    cells : sequence of Cell
        Of all tables.

    Returns
    -------
    DataFrame
        A row for each table and one for all. The diagonals, 100 % by construction, are counted
        apart.
    """
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
    """Name the tables and figures of the book that measured a table's cells.

    Parameters
    ----------
    cells : sequence of Cell
        Of all tables.
    table : str
        One of `TABLES`.

    Returns
    -------
    str
        MyST roles, each once.
    """
    return ", ".join(
        dict.fromkeys(cell.where for cell in cells if cell.table == table and cell.ours)
    )


def matrix(cells: Sequence[Cell], table: str) -> pd.DataFrame:
    """Show one table of the paper beside ours.

    Parameters
    ----------
    cells : sequence of Cell
        Of all tables.
    table : str
        One of `TABLES`.

    Returns
    -------
    DataFrame
        Each cell is "ours (paper)", with a ≠ where they do not agree.
    """
    rows: dict[str, dict[str, str]] = {}
    for cell in (cell for cell in cells if cell.table == table):
        ours = "–" if cell.ours is None else f"{cell.ours.value:{WIDTHS[cell.unit]}}"
        mark = "\N{NO-BREAK SPACE}≠" if cell.agrees is False else ""
        rows.setdefault(cell.row, {})[cell.column] = f"{ours} ({cell.printed:g}){mark}"
    return pd.DataFrame.from_dict(rows, orient="index")


def listing(cells: Sequence[Cell]) -> pd.DataFrame:
    """List every cell on a line of its own.

    Parameters
    ----------
    cells : sequence of Cell
        In their order.

    Returns
    -------
    DataFrame
        The paper's number, ours with interval and n, the difference, whether the two agree, and
        where ours was measured. The column "full" is there if any cell was measured under it.
    """
    frame = pd.DataFrame.from_dict({_title(cell): _line(cell) for cell in cells}, orient="index")
    return frame.drop(columns="full") if frame["full"].isna().all() else frame


def _title(cell: Cell) -> str:
    """A cell's place, as "Table 2: FC10(1) → AE400-10"."""
    row = f"{cell.table.capitalize().replace('e', 'e ')}: {cell.row}"
    return row if cell.table == "table5" else f"{row} → {cell.column}"


def _line(cell: Cell) -> dict[str, str | None]:
    """A cell's line in the list, by column; None where there is nothing to say."""
    width, agreement = WIDTHS[cell.unit], cell.agreement
    # A norm is no average, so it has no interval.
    ours = cell.ours.value if cell.ours and cell.unit == "norm" else cell.ours
    return {
        "paper": f"{cell.printed:g}",
        "ours": None if ours is None else f"{ours:{width}}",
        "n": None if cell.ours is None else f"{cell.ours.n:,}",
        "full": None if cell.full is None else f"{cell.full:{width}}",
        "difference": None if agreement is None else f"{agreement.difference:+{width}}",
        "agree": {True: "yes", False: "no", None: None}[cell.agrees],
        "measured in": cell.where if cell.ours else "not measured",
    }
