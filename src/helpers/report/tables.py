"""Tables for the chapters: MyST Markdown, which the book numbers and a notebook shows well, too."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
from IPython.display import Markdown

from helpers.intervals import Agreement, Estimate
from helpers.report.words import in_words

INTERVAL = re.compile(r"\[[^\]]*\]")  # its parts stay on one line


def show(
    values: pd.DataFrame | Mapping[Any, Any],
    *,
    caption: str,
    name: str,
    index: str | None = None,
    formats: Mapping[str, str] | str = "{}",
) -> Markdown:
    """Show numbers as a numbered table with a caption.

    Parameters
    ----------
    values : DataFrame, or nested mappings
        The cells by row and column: numbers, estimates, words. Missing ones become a dash. A
        mapping whose values are no mappings is one column.
    caption : str
        What stands above the table.
    name : str
        The label by which the prose refers to it.
    index : str, optional
        What the rows are, in the header; by default the data frame's own name for them.
    formats : str, or mapping
        A format string such as "{:.1f}" for every column, or one by the column's name. An estimate
        is written with its interval.

    Returns
    -------
    Markdown
        A MyST table that reads well in a notebook, too.

    Examples
    --------
    >>> print(show({"a": {"x": 1.0}}, caption="C.", name="n", index="row", formats="{:.1f}").data)
    :::{table} C.
    :name: n
    <BLANKLINE>
    | row | x |
    | --- | ---: |
    | a | 1.0 |
    :::
    """
    frame = values if isinstance(values, pd.DataFrame) else _frame(values)
    label = frame.index.name if index is None else index
    specs = [
        formats if isinstance(formats, str) else formats.get(str(column), "{}")
        for column in frame.columns
    ]
    header = [str(label or ""), *map(str, frame.columns)]
    rows = [[_named(row[0]), *map(_cell, row[1:], specs)] for row in frame.itertuples(name=None)]
    rule = ["---", *("---:" for _ in frame.columns)]
    lines = [f"| {' | '.join(map(_escape, row))} |" for row in (header, rule, *rows)]
    return Markdown("\n".join([f":::{{table}} {caption}", f":name: {name}", "", *lines, ":::"]))


def beside_paper(
    compared: Mapping[Any, Agreement], *, caption: str, name: str, index: str, spec: str = ".1f"
) -> Markdown:
    """Show our numbers beside the paper's, with their difference and whether the two agree.

    Parameters
    ----------
    compared : mapping
        What `intervals.against` found, by the name of the row; a pair becomes "first → second".
    caption, name, index : str
        As for `show`.
    spec : str
        The format specification of every number.

    Returns
    -------
    Markdown
        A MyST table with a row for each number.

    Examples
    --------
    >>> from helpers import intervals
    >>> found = intervals.against(Estimate(12.0, 8.5, 16.5, 256), 11.7, 256, "%")
    >>> shown = beside_paper({("a", "b"): found}, caption="C.", name="n", index="pair").data
    >>> [cell.strip() for cell in shown.splitlines()[-2].split("|")][1::2]
    ['a → b', '11.7', 'yes']
    """
    rows = {
        " → ".join(key) if isinstance(key, tuple) else key: {
            "ours": found.ours,
            "paper": found.theirs.value,
            "difference": found.difference,
            "agree": "yes" if found.agrees else "no",
        }
        for key, found in compared.items()
    }
    formats = {
        "ours": f"{{:{spec}}}",
        "paper": f"{{:{spec}}}",
        "difference": f"{{:+{spec}}}",
    }
    return show(rows, caption=caption, name=name, index=index, formats=formats)


def _frame(values: Mapping[Any, Any]) -> pd.DataFrame:
    """Nested mappings as a data frame, rows and columns in their order."""
    rows = {
        _row(key): row if isinstance(row, Mapping) else {"": row} for key, row in values.items()
    }
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    cells = [[row.get(column) for column in columns] for row in rows.values()]
    return pd.DataFrame(cells, index=list(rows), columns=columns, dtype=object)


def _row(key: Any) -> str:
    """The name of a row: the parts of a pair with a comma between them."""
    return ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _named(key: Any) -> str:
    """The name of a row; a network's with what it is, in plain words."""
    words = in_words(key) if isinstance(key, str) else ""
    return f'{key} <span class="words">{words}</span>' if words else _row(key)


def _cell(value: Any, spec: str) -> str:
    """A cell as text; the parts of an interval stay on one line."""
    if not isinstance(value, str):
        if value is None or (not isinstance(value, Estimate) and pd.isna(value)):
            return "–"
        value = spec.format(value)
    return INTERVAL.sub(lambda found: found.group().replace(" ", "\N{NO-BREAK SPACE}"), value)


def _escape(text: str) -> str:
    return text.replace("|", "\\|")
