import pandas as pd

from helpers import tables
from helpers.intervals import Estimate


def test_a_frame_becomes_a_numbered_table_that_reads_well_as_markdown() -> None:
    frame = pd.DataFrame({"a": [1.234, float("nan")], "b|c": ["x", "y"]}, index=pd.Index(["one", "two"], name="row"))
    lines = tables.show(frame, caption="A caption.", name="a-name", formats={"a": "{:.1f}"}).data.splitlines()
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


def test_an_estimate_is_shown_with_its_interval() -> None:
    assert tables.with_interval(Estimate(1.0, 0.5, 1.5, 10), ".1f") == "1.0 [0.5, 1.5]"
