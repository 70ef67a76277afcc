import pandas as pd

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


def test_nested_mappings_keep_their_order_and_gaps_are_dashes() -> None:
    shown = tables.show(
        {("a", 1): {"x": 1.0, "y": Estimate(2.0, 1.0, 3.0, 9)}, "b": {"y": None, "z": "w"}},
        index="row",
        caption="c",
        name="n",
        formats="{:.1f}",
    ).data.splitlines()
    assert shown[3:-1] == [
        "| row | x | y | z |",
        "| --- | ---: | ---: | ---: |",
        "| a, 1 | 1.0 | 2.0 [1.0,\N{NO-BREAK SPACE}3.0] | – |",
        "| b | – | – | w |",
    ]
