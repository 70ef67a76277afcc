import pandas as pd

from helpers import models
from helpers.intervals import Agreement, Estimate
from helpers.report import tables
from helpers.report.words import WORDS


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


def test_our_numbers_stand_beside_the_papers_with_their_difference() -> None:
    near = Agreement(
        Estimate(0.05, 0.04, 0.06, 9),
        Estimate(0.06, 0.05, 0.07, 9),
        Estimate(-0.01, -0.03, 0.01, 9),
    )
    far = Agreement(near.ours, near.theirs, Estimate(-0.01, -0.02, -0.001, 9))
    lines = tables.beside_paper(
        {"a": near, ("a", "b"): far}, caption="c", name="n", index="pair", spec=".2f"
    ).data.splitlines()
    between = "\N{NO-BREAK SPACE}"
    assert lines[3:-1] == [
        "| pair | ours | paper | difference | agree |",
        "| --- | ---: | ---: | ---: | ---: |",
        f"| a | 0.05 [0.04,{between}0.06] | 0.06 | -0.01 [-0.03,{between}+0.01] | yes |",
        f"| a → b | 0.05 [0.04,{between}0.06] | 0.06 | -0.01 [-0.02,{between}-0.00] | no |",
    ]


def test_a_cell_of_several_numbers_is_formatted_by_their_names() -> None:
    shown = tables.show(
        {"a": {"x": {"mean": 9.97, "standard deviation": 1.25}}},
        caption="c",
        name="n",
        formats="{0[mean]:.0f} ± {0[standard deviation]:.1f}",
    )
    assert "| a | 10 ± 1.2 |" in shown.data


def test_a_network_has_its_words_beside_its_name() -> None:
    shown = tables.show({"FC10(1)": {"x": 1}, "noise": {"x": 2}}, caption="c", name="n").data
    assert '| FC10(1) <span class="words">linear, strong decay</span> | 1 |' in shown
    assert "| noise | 2 |" in shown


def test_every_network_of_the_chapters_has_words_of_its_own() -> None:
    assert list(WORDS) == list(models.NAMES)
    assert len(set(WORDS.values())) == len(WORDS)
