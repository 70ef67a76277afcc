"""Tables for the chapters: MyST Markdown that the book numbers and that reads well in a notebook too."""

import re
from collections.abc import Mapping

import myst_nb
import pandas as pd
from IPython.display import Markdown

from helpers.intervals import Estimate

INTERVAL = re.compile(r"\[[^\]]*\]")  # its parts stay on one line


def show(
    frame: pd.DataFrame, *, caption: str, name: str, formats: Mapping[str, str] | str = "{}"
) -> Markdown:
    """A data frame as a numbered table with a caption; `name` is the label that {numref} refers to.

    formats: a format string for every column, or one for each column by name; missing values become a dash.
    """
    specs = [
        formats if isinstance(formats, str) else formats.get(str(column), "{}")
        for column in frame.columns
    ]
    header = [str(frame.index.name or ""), *map(str, frame.columns)]
    rows = [[str(row[0]), *map(_cell, row[1:], specs)] for row in frame.itertuples(name=None)]
    rule = ["---", *("---:" for _ in frame.columns)]
    lines = [f"| {' | '.join(map(_escape, row))} |" for row in (header, rule, *rows)]
    return Markdown("\n".join([f":::{{table}} {caption}", f":name: {name}", "", *lines, ":::"]))


def with_interval(estimate: Estimate, spec: str = ".2f") -> str:
    """An estimate as "1.87 [1.62, 2.15]"."""
    return f"{estimate:{spec}}"


def _cell(value: object, spec: str) -> str:
    if isinstance(value, str):
        return INTERVAL.sub(lambda found: found.group().replace(" ", "\N{NO-BREAK SPACE}"), value)
    return "–" if pd.isna(value) else spec.format(value)  # type: ignore[call-overload]


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def glue(name: str, value: object, *, display: bool = False) -> None:
    """Keep `value` under `name` for the prose, as myst_nb.glue() does; scalars of NumPy and torch become plain numbers.

    Only those can be given a format in the text: {glue:text}`name:.2f`.
    """
    myst_nb.glue(name, value.item() if hasattr(value, "item") else value, display=display)
