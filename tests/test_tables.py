import numpy as np
import pandas as pd
import pytest
import torch

from helpers.intervals import Estimate
from helpers.report import tables


def test_a_frame_becomes_a_numbered_table_that_reads_well_as_markdown() -> None:
    frame = pd.DataFrame(
        {"a": [1.234, float("nan")], "b|c": ["x", "y"]}, index=pd.Index(["one", "two"], name="row")
    )
    lines = tables.show(
        frame, caption="A caption.", name="a-name", formats={"a": "{:.1f}"}
    ).data.splitlines()
    assert lines == [
        ":::{table} A caption.",
        ":name: a-name",
        "",
        "| row | a | b\\|c |",
        "| --- | ---: | ---: |",
        "| one | 1.2 | x |",
        "| two | – | y |",
        ":::",
    ]


def test_one_format_serves_all_columns() -> None:
    frame = pd.DataFrame({"a": [0.5], "b": [2.0]}, index=["x"])
    assert "| x | 0.50 | 2.00 |" in tables.show(frame, caption="c", name="n", formats="{:.2f}").data


def test_an_interval_does_not_break_between_lines() -> None:
    frame = pd.DataFrame({"a": ["1.0 [0.5, 1.5]"]}, index=["x"])
    assert (
        "| x | 1.0 [0.5,\N{NO-BREAK SPACE}1.5] |" in tables.show(frame, caption="c", name="n").data
    )


def test_glued_scalars_are_plain_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, object] = {}
    monkeypatch.setattr("myst_nb.glue", lambda name, value, display: kept.update({name: value}))
    for name, value in {
        "numpy": np.float64(0.5),
        "torch": torch.tensor(2),
        "text": "a 7",
        "python": 1.5,
    }.items():
        tables.glue(name, value)
    assert [repr(value) for value in kept.values()] == ["0.5", "2", "'a 7'", "1.5"]


def test_an_estimate_is_shown_with_its_interval() -> None:
    assert tables.with_interval(Estimate(1.0, 0.5, 1.5, 10), ".1f") == "1.0 [0.5, 1.5]"
