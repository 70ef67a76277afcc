"""The summary's rule against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import intervals, paper, places
from helpers.intervals import Estimate
from helpers.report import claims, figures, results
from helpers.report.claims import Claim
from helpers.report.rules import stated
from helpers.summary import board, cells, evidence, verdicts
from helpers.summary.cells import Cell
from helpers.summary.verdicts import Statement


def test_every_printed_cell_is_there_once_with_its_number() -> None:
    found = cells.cells({})
    assert len({cell.id for cell in found}) == len(found) == 118
    assert {cell.id: cell.printed for cell in found} == {
        name: number for name, number in paper.PRINTED.items() if name.startswith("table")
    }
    assert {cell.id: cell.printed for cell in found}[
        "table4/FC123-456-10/P1/FC100-100-10/P1"
    ] == 6.25
    assert {cell.id: cell.printed for cell in found}["table5/fc1"] == 3.12
    assert sum(cell.diagonal for cell in found) == 9
    assert all(cell.agrees is None and cell.agreement is None for cell in found)


def test_the_committed_results_have_all_but_three_of_them() -> None:
    contents = [results.read(path) for path in (places.RESULTS / "paper").glob("*.json")]
    found = cells.cells(evidence.estimates(contents))
    assert [cell.id for cell in found if cell.ours is None] == [
        "table5/fc1",
        "table5/fc2",
        "table5/fc3",
    ]
    printed = {
        record["id"]: record["paper"]
        for content in contents
        for record in content["records"]
        if record["paper"] is not None
    }
    assert all(printed[cell.id] == cell.printed for cell in found if cell.ours)


def cell(table: str, row: str, column: str, unit: str, printed: float, *ours: float) -> Cell:
    return Cell(table, row, column, unit, printed, Estimate(*ours))


def test_a_percentage_agrees_as_newcombe_has_it() -> None:
    # 56 of 70 against 48 of 80 in Newcombe (1998), table II, case (a), method 10:
    # difference 0.2, interval 0.0524 to 0.3339
    ours = intervals.printed(80.0, 70)
    assert (ours.low, ours.high) == pytest.approx((69.18, 87.66), abs=0.05)
    difference = intervals.difference(ours, intervals.printed(60.0, 80))
    assert (difference.value, difference.low, difference.high) == pytest.approx(
        (20.0, 5.24, 33.39), abs=0.01
    )
    assert (
        cell("table2", "noise 0.1", "AE400-10", "%", 60.0, 80, ours.low, ours.high, 70).agrees
        is False
    )
    assert (
        cell("table2", "noise 0.1", "AE400-10", "%", 70.0, 80, ours.low, ours.high, 70).agrees
        is True
    )


def test_a_distortion_gets_our_relative_interval_for_256_images() -> None:
    sampled = intervals.against(Estimate(0.2, 0.19, 0.22, 64), 0.1, 256, "distortion").theirs
    assert (sampled.low, sampled.high) == pytest.approx(
        (0.0975, 0.105)
    )  # half as wide for four times the images, half as large for half the value
    # the difference is -0.012; sqrt(0.004² + 0.005²) + 0.0005 = 0.0069 to either side
    far = cell("table1", "FC10(1)", "distortion", "distortion", 0.1, 0.088, 0.084, 0.092, 256)
    assert far.agreement is not None
    assert far.agreement.difference.low == pytest.approx(
        -0.012 - np.hypot(0.004, 0.1 / 0.088 * 0.004) - 0.0005
    )
    assert far.agrees is False
    assert (
        cell("table1", "FC10(1)", "distortion", "distortion", 0.1, 0.096, 0.092, 0.1, 256).agrees
        is True
    )


def test_a_norm_agrees_if_it_rounds_to_the_printed_one() -> None:
    assert cell("table5", "conv1", "bound", "norm", 2.75, 2.7549, 2.7549, 2.7549, 1).agrees is True
    assert cell("table5", "conv1", "bound", "norm", 2.75, 2.7551, 2.7551, 2.7551, 1).agrees is False


@pytest.mark.parametrize(
    ("printed", "unit", "half"),
    [
        (6.25, "%", 0.005),
        (6.7, "%", 0.05),
        (20.0, "%", 0.05),
        (0.1, "distortion", 0.0005),
        (11.0, "norm", 0.005),
    ],
)
def test_zeros_at_the_end_are_not_printed(printed: float, unit: str, half: float) -> None:
    assert intervals.rounding(printed, unit) == pytest.approx(half)


@given(st.integers(0, 256), st.integers(0, 256), st.integers(0, 256))
def test_equal_numbers_agree_and_farther_ones_do_so_less(count: int, near: int, far: int) -> None:
    ours = intervals.printed(100 * count / 256, 256)
    here, there = sorted((abs(near - count), abs(far - count)))
    agrees = {}
    for step in (0, here, there):
        printed = 100 * min(256, count + step) / 256
        agrees[step] = Cell("table2", "FC10(1)", "AE400-10", "%", printed, ours).agrees
    assert agrees[0]
    assert agrees[here] or not agrees[there] or count + here >= 256


@given(st.floats(0.01, 0.3), st.floats(0.01, 0.3), st.floats(0.001, 0.2), st.integers(10, 10_000))
def test_swapping_two_equally_wide_samples_turns_the_difference_round(
    first: float, second: float, relative: float, n: int
) -> None:
    one, two = (
        Estimate(value, value * (1 - relative), value * (1 + relative), n)
        for value in (first, second)
    )
    there, back = intervals.difference(one, two), intervals.difference(two, one)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_another_data_set_is_not_compared_but_for_table_5() -> None:
    ours = {
        cell.id: Estimate(cell.printed, cell.printed, cell.printed, 256) for cell in cells.cells({})
    }
    compared = [
        cell for cell in cells.cells(ours, dataset="fashion-mnist") if cell.agrees is not None
    ]
    assert {cell.table for cell in compared} == {"table5"}
    assert all(cell.agrees for cell in compared)


def test_counts_add_up() -> None:
    ours = {
        cell.id: Estimate(cell.printed, cell.printed, cell.printed, 256)
        for cell in cells.cells({})
        if cell.table != "table5"
    }
    ours["table1/FC10(1)/train"] = Estimate(90.0, 89.0, 91.0, 60_000)
    counts = cells.counts(cells.cells(ours))
    assert counts.loc["all"].to_dict() == {
        "printed": 118,
        "not measured": 8,
        "diagonal": 9,
        "measured": 101,
        "agree": 100,
        "do not agree": 1,
    }
    assert counts.loc["table1", "do not agree"] == 1
    assert (counts["measured"] == counts["agree"] + counts["do not agree"]).all()


def test_tables_show_both_numbers_and_mark_what_does_not_agree() -> None:
    found = cells.cells(
        {"table5/conv1": Estimate(9.0, 9.0, 9.0, 1), "table5/conv2": Estimate(10.0, 10.0, 10.0, 1)}
    )
    assert cells.matrix(found, "table5")["bound"][:3].tolist() == [
        "9.00 (2.75)\N{NO-BREAK SPACE}≠",
        "10.00 (10)",
        "– (7)",
    ]
    listing = cells.listing(found)
    assert listing.loc["Table 5: conv1", ["paper", "ours", "agree"]].tolist() == [
        "2.75",
        "9.00",
        "no",
    ]
    assert listing.loc["Table 5: conv3", "measured in"] == "not measured"
    assert len(listing) == 118
    assert "full" not in listing


def test_results_of_full_are_a_column_of_their_own() -> None:
    listing = cells.listing(
        cells.cells({}, {"table1/FC10(1)/test": Estimate(21.0, 20.5, 21.5, 10_000)})
    )
    assert listing.loc["Table 1: FC10(1) → test", "full"] == "21.0 [20.5, 21.5]"


def claim(name: str, verdict: str) -> Claim:
    return Claim(name, f"{name} is small", "paper", stated(verdict, "r", "1.5"))


MADE = {f"one/{word}": claim(word, word) for word in ("holds", "mostly", "undecided", "fails")}


@pytest.mark.parametrize(
    ("deciding", "verdict"),
    [
        (["holds"], "holds"),
        (["holds", "mostly"], "mostly"),
        (["undecided", "mostly"], "undecided"),
        (["holds", "fails", "undecided"], "fails"),
        ([], "not measured"),
    ],
)
def test_a_statement_is_as_strong_as_its_weakest_claim(deciding: list[str], verdict: str) -> None:
    statement = Statement("x", decided_by=tuple(f"one/{word}" for word in deciding))
    assert verdicts.verdict(MADE, statement) == verdict


def test_a_claim_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no chapter makes the claim one/lost"):
        verdicts.verdict(MADE, Statement("x", decided_by=("one/holds", "one/lost")))


def test_entries_have_verdict_link_and_evidence() -> None:
    statements = {
        "T": Statement("Text.", "{doc}`one`", ("one/holds",)),
        "M": Statement("Text.", missing="Why."),
    }
    shown = verdicts.entries(MADE, statements).data
    assert (
        "**T: holds.** Text. See {doc}`one`.\n\n- Holds is small: 1.5. **Holds.** *Rule:* r."
        in shown
    )
    assert "**M: not measured.** Text. Why." in shown
    assert "Fails is small: 1.5. **Fails.** *Rule:* r." in verdicts.listing(MADE).data


def test_every_claim_of_the_paper_has_its_words() -> None:
    assert list(board.QUOTATIONS) == list(verdicts.CLAIMS)


def test_every_size_belongs_to_a_claim_that_is_told() -> None:
    told = {name for claim in verdicts.CLAIMS.values() for name in claim.decided_by + claim.beside}
    assert set(board.SIZES) <= told


def test_the_board_has_words_effect_verdict_and_picture_of_each_claim() -> None:
    statements = {
        "Noise": Statement("x", "{doc}`one`", ("one/mostly",), beside=("one/holds",)),
        "Training": Statement("x", missing="Why."),
    }
    shown = board.show(MADE, statements).data
    assert board.QUOTATIONS["Noise"].text in shown
    assert "Mostly is small: 1.5. Holds is small: 1.5." in shown
    assert "{div} board-verdict board-mostly\nmostly holds\n" in shown
    assert "{div} board-verdict board-not-measured\nnot measured\n" in shown
    assert "Why." in shown
    assert shown.count("_static/thumbnails/one.png") == shown.count("thumbnails") == 1


def test_the_board_leaves_exceptions_to_the_fold_below_it() -> None:
    made = {
        f"one/{name}": Claim(name, name, "paper", stated("mostly", "r", effect))
        for name, effect in {"a": "2 of 3 pairs; not x and y", "b": "1 to 9 points; not z"}.items()
    }
    shown = board.show(made, {"Noise": Statement("x", decided_by=("one/a", "one/b"))}).data
    assert "A: 2 of 3 pairs. B: 1 to 9 points." in shown


def test_the_papers_claims_figures_and_slips_are_listed() -> None:
    assert len(verdicts.CLAIMS) == 6
    assert len(verdicts.ERRORS) == 7
    assert "".join(verdicts.FIGURES).count("Figure") == 5
    assert all(
        statement.where or statement.missing
        for group in (verdicts.CLAIMS, verdicts.ERRORS, verdicts.FIGURES)
        for statement in group.values()
    )


def test_every_claim_of_the_paper_that_a_chapter_makes_decides_one_in_the_summary() -> None:
    contents = [results.read(path) for path in (places.RESULTS / "paper").glob("*.json")]
    groups = {"paper": (verdicts.CLAIMS, verdicts.FIGURES), "print": (verdicts.ERRORS,)}
    for source, tables in groups.items():
        deciding = {
            name
            for table in tables
            for statement in table.values()
            for name in statement.decided_by
        }
        made = {name for name, claim in claims.restored(contents).items() if claim.source == source}
        assert made == deciding


def test_every_claim_that_the_summary_goes_by_is_made_by_a_chapter() -> None:
    contents = [results.read(path) for path in (places.RESULTS / "paper").glob("*.json")]
    made = claims.restored(contents)
    for group in (verdicts.CLAIMS, verdicts.ERRORS, verdicts.FIGURES):
        for statement in group.values():
            verdicts.deciding(made, statement)


def test_the_picture_has_every_cell_with_its_intervals_and_names_the_farthest() -> None:
    def pair(
        name: str, theirs: float, ours: float, *, agrees: bool
    ) -> tuple[str, Estimate, Estimate, bool]:
        return (
            name,
            Estimate(theirs, theirs * 0.9, theirs * 1.1, 1),
            Estimate(ours, ours * 0.9, ours * 1.1, 1),
            agrees,
        )

    errors = [
        pair("a", 10, 11, agrees=True),
        pair("b", 10, 40, agrees=False),
        pair("c", 30, 20, agrees=False),
    ]
    figure = figures.all_cells(
        errors, [pair("d", 0.1, 0.1, agrees=True)], [pair("e", 2, 9, agrees=False)], labelled=1
    )
    panels = figure.axes[2], *figure.axes[:2]  # the large one is added last
    marked = [
        [
            tuple(line.get_xydata()[i])
            for line in axis.lines
            if line.get_linestyle() == "None"
            for i in range(len(line.get_xydata()))
        ]
        for axis in panels
    ]
    assert marked == [[(10, 11), (10, 40), (30, 20)], [(0.1, 0.1)], [(2, 9)]]
    assert [[text.get_text() for text in axis.texts] for axis in panels] == [
        ["1", "1  b"],
        [],
        ["e"],
    ]
    assert [sum(len(lines.get_segments()) for lines in axis.collections) for axis in panels] == [
        6,
        2,
        2,
    ]


def test_an_edition_with_nothing_to_compare_has_an_empty_picture() -> None:
    assert [axis.texts[:] for axis in figures.all_cells([], [], []).axes] == [[], [], []]


def test_the_papers_frames_are_the_summarys_tables() -> None:
    assert cells.TABLES["table2"] is paper.TABLE2
