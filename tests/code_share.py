"""How the lines of code in the chapters divide: python tests/code_share.py [NOTEBOOK ...].

Every statement of a code cell is of one kind. "set-up": parameters, imports, and what the ledger
sets up. "ledger": calls of the report that record, note and claim, and what only they use, in cells
that the page does not show. "display": tables and figures. "experiment": the rest.
"""

import ast
import json
import statistics
import sys
from collections import Counter
from pathlib import Path

KINDS = ("experiment", "display", "ledger", "set-up")
LEDGER = {"add", "note", "claim", "question", "close"}


def kind(statement: ast.stmt, tags: list[str]) -> str:
    """The kind of one statement in a cell with these tags."""
    if "parameters" in tags or isinstance(statement, ast.Import | ast.ImportFrom):
        return "set-up"
    calls = [
        node.func
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    owners = {(call.value.id, call.attr) for call in calls if isinstance(call.value, ast.Name)}
    if any(owner == "report" and called in LEDGER for owner, called in owners):
        return "ledger"
    if "remove-cell" in tags:
        return "ledger"
    if any(owner in {"tables", "figures"} for owner, _ in owners):
        return "display"
    if any(isinstance(node, ast.Name) and node.id == "Report" for node in ast.walk(statement)):
        return "set-up"
    return "experiment"


def lines(notebook: Path) -> tuple[Counter[str], list[int]]:
    """Lines of code by kind, and the lines of each cell, without blank lines."""
    counted: Counter[str] = Counter()
    cells = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        text = source.splitlines()
        cells.append(sum(bool(line.strip()) for line in text))
        for statement in ast.parse(source).body:
            spanned = text[statement.lineno - 1 : statement.end_lineno]
            counted[kind(statement, cell["metadata"].get("tags", []))] += sum(
                bool(line.strip()) for line in spanned
            )
    return counted, cells


def main(names: list[str]) -> None:
    """Print a line for each notebook and one for all."""
    book = Path(__file__).parents[1] / "book"
    total, every = Counter[str](), []
    print(
        f"{'':20} {'lines':>6} " + " ".join(f"{name:>11}" for name in KINDS) + "  cells > 15, > 30"
    )
    for path in map(Path, names or sorted(map(str, book.glob("*.ipynb")))):
        counted, cells = lines(path)
        total, every = total + counted, every + cells
        _show(path.stem, counted, cells)
    _show("all", total, every)
    print(f"median cell {statistics.median(every):.0f} lines")


def _show(name: str, counted: Counter[str], cells: list[int]) -> None:
    whole = sum(counted.values())
    parts = " ".join(f"{counted[part]:5} {counted[part] / whole:4.0%} " for part in KINDS)
    long = [sum(count > limit for count in cells) for limit in (15, 30)]
    print(f"{name:20} {whole:6} {parts}  {long[0]} ({long[0] / len(cells):.0%}), {long[1]}")


if __name__ == "__main__":
    main(sys.argv[1:])
