"""The benchmark's table and ratios, from rows written by hand."""

import pandas as pd
import pytest

from helpers import places
from helpers.report import benchmarks, figures, results
from helpers.report.figures import COLORS, PAPER

ROWS = [
    # task, network, library, method, n, seconds, success, mean_l2
    ("nearest", "B", "ours", "best", 100, 0.5, 1.0, 0.6654),
    ("nearest", "B", "torchattacks", "DeepFool", 100, 20.0, 0.46, 0.7012),
    ("nearest", "A", "ours", "best", 10, 0.1, 1.0, 2.0),
    ("nearest", "A", "torchattacks", "DeepFool", 10, 0.3, 0.0, float("nan")),
    ("nearest", "A", "foolbox", "DDN", 10, 0.4, 1.0, 2.0),
    ("exact", "A", "ours", "best", 10, 1.0, 1.0, 1.0),
]


@pytest.fixture
def measured() -> pd.DataFrame:
    columns = ["task", "network", "library", "method", "n", "seconds", "success", "mean_l2"]
    return pd.DataFrame(ROWS, columns=columns)


def test_a_cell_has_length_time_and_the_share_of_successes(measured: pd.DataFrame) -> None:
    shown = benchmarks.lengths_and_times(measured[measured["task"] == "nearest"])
    assert list(shown.index) == ["best (ours)", "DeepFool (torchattacks)", "DDN"]
    assert list(shown.columns) == ["B", "A"]
    told = shown.map(lambda cell: cell.replace("\N{NO-BREAK SPACE}", " "), na_action="ignore")
    assert told.loc["best (ours)"].tolist() == ["0.665 / 5.0", "2.000 / 10"]
    assert told.loc["DeepFool (torchattacks)"].tolist() == ["0.701 / 200 (46 %)", "none"]
    assert pd.isna(told.loc["DDN", "B"])


def test_a_ratio_compares_one_task_on_the_networks_that_both_have(measured: pd.DataFrame) -> None:
    deepfool = benchmarks.times_faster(measured, "nearest", "best", ("torchattacks", "DeepFool"))
    assert deepfool.to_dict() == pytest.approx({"A": 3.0, "B": 40.0})
    ddn = benchmarks.times_faster(measured, "nearest", "best", ("foolbox", "DDN"))
    assert ddn.to_dict() == pytest.approx({"A": 4.0})
    with pytest.raises(
        ValueError, match="task exact: no network has both 'best' and 'foolbox DDN'"
    ):
        benchmarks.times_faster(measured, "exact", "best", ("foolbox", "DDN"))


def test_the_best_peer_is_the_nearest_of_those_that_always_succeed(measured: pd.DataFrame) -> None:
    rated = measured[measured["task"] == "nearest"].assign(ratio=[1.0, 0.9, 1.0, None, 1.3])
    assert benchmarks.best_peers(rated).to_dict() == {"A": 1.3}
    with pytest.raises(ValueError, match="need a peer that succeeds on every image"):
        benchmarks.best_peers(rated[rated["network"] == "B"])


def test_every_library_of_the_committed_benchmark_has_a_name() -> None:
    records = pd.DataFrame(results.read(places.BENCHMARKS / "search.json")["records"])
    shown = benchmarks.lengths_and_times(records[records["task"] == "nearest"])
    assert shown.notna().all(axis=None)
    assert shown.index.is_unique


RATED = [
    # network, library, method, n, seconds, optimality, within
    ("B", "ours", "best", 10, 1.0, 0.999, True),
    ("B", "adv-lib", "DDN", 10, 0.02, 0.97, True),
    ("B", "adv-lib", "endless", 10, 50.0, 1.0, False),
    ("A", "ours", "best", 10, 0.1, 1.0, True),
    ("A", "adv-lib", "DDN", 10, 0.3, 0.4, True),
]


@pytest.fixture
def rated() -> pd.DataFrame:
    columns = ["network", "library", "method", "n", "seconds", "optimality", "within"]
    return pd.DataFrame(RATED, columns=columns)


def test_optimality_is_shown_with_the_time_for_what_keeps_to_the_budget(
    rated: pd.DataFrame,
) -> None:
    shown = benchmarks.optimality_and_times(rated)
    assert list(shown.columns) == ["B", "A"]
    told = shown.map(lambda cell: cell.replace("\N{NO-BREAK SPACE}", " "))
    assert told.loc["best (ours)"].tolist() == ["0.999 / 100", "1.000 / 10"]
    assert told.loc["DDN (adv-lib)"].tolist() == ["0.970 / 2.0", "0.400 / 30"]
    assert len(told) == 2


def test_the_figure_has_a_line_a_method_the_best_first_and_a_dot_a_network(
    rated: pd.DataFrame,
) -> None:
    left, right = figures.optimality(rated, lowest=0.9).axes
    # From the lowest line: the attack that keeps to no budget is left out.
    assert [label.get_text() for label in left.get_yticklabels()] == [
        "DDN (adv-lib)",
        "best (ours)",
    ]
    drawn = [
        [(float(line.get_xdata()[0]), line.get_ydata()[0]) for line in axis.lines]
        for axis in (left, right)
    ]
    assert drawn[0] == [(0.97, 0), (0.9, 0), (0.999, 1), (1.0, 1)]
    assert drawn[1] == [(2.0, 0), (30.0, 0), (100.0, 1), (10.0, 1)]
    colors = [line.get_color() for line in left.lines]
    assert colors == [COLORS["grey"]] * 2 + [COLORS["blue"]] * 2
    # What lies below the edge is hollow, and only that.
    assert [line.get_markerfacecolor() == PAPER for line in left.lines] == [0, 1, 0, 0]


def test_the_committed_optimalities_follow_from_the_committed_lengths() -> None:
    records = results.read(places.BENCHMARKS / "optimality.json")["records"]
    lengths = pd.DataFrame(
        [[float("inf") if one is None else one for one in row["lengths"]] for row in records]
    )
    networks = pd.Series([row["network"] for row in records])
    shortest = lengths.groupby(networks).transform("min")
    expected = (shortest / lengths).mean(axis=1)
    assert [row["optimality"] for row in records] == pytest.approx(expected.tolist())


OSTRICH = [
    # network, library, method, seconds, distortions
    ("squeezenet", "ours", "best", 20.0, [0.001, 0.002, 0.003, None]),
    ("squeezenet", "foolbox", "DDN, 1000 steps", 30.0, [0.002, None, 0.004]),
    ("efficientnet-lite0", "ours", "best", 4.0, [0.001, 0.001]),
    ("efficientnet-lite0", "ours", "fast", 0.0, []),
]


@pytest.fixture
def turned() -> pd.DataFrame:
    columns = ("network", "library", "method", "seconds", "distortions")
    return benchmarks.ostriches([dict(zip(columns, row, strict=True)) for row in OSTRICH])


def test_attacks_on_photographs_are_compared_where_all_of_them_succeeded(
    turned: pd.DataFrame,
) -> None:
    ours, theirs = (
        turned.loc[("SqueezeNet", attack)] for attack in ("ours, best", "DDN, 1,000 steps")
    )
    # The first and the third photograph: the second has no ostrich by DDN, the fourth no attack.
    assert ours[["done", "successes", "same"]].tolist() == [4, 3, 2]
    assert theirs[["done", "successes", "same"]].tolist() == [3, 2, 2]
    assert (ours["mean"], theirs["mean"]) == pytest.approx((0.002, 0.003))
    assert (ours["seconds"], theirs["seconds"]) == pytest.approx((5.0, 10.0))
    # An attack that has not begun keeps none of the others from being compared.
    other = turned.loc["EfficientNet-Lite0"]
    assert other["done"].tolist() == [0, 2, 0, 0]
    assert other.loc["ours, best", "mean"] == pytest.approx(0.001)
    assert other.loc["ours, fast", ["mean", "seconds"]].isna().all()


def test_what_a_benchmark_of_photographs_lacks_is_said(turned: pd.DataFrame) -> None:
    told = benchmarks.unfinished(turned, wanted=4)
    assert "SqueezeNet lacks ours, fast (0 of 4), DDN, 100 steps (0 of 4), DDN" in told
    assert "ours, best (4 of 4)" not in told
    full = benchmarks.ostriches(
        [
            {
                "network": network,
                "library": library,
                "method": method,
                "seconds": 1.0,
                "distortions": [0.001],
            }
            for network in benchmarks.OSTRICH_NETWORKS
            for library, method in benchmarks.OSTRICH_ATTACKS
        ]
    )
    assert benchmarks.unfinished(full, wanted=1).startswith("Every attack has had all 1 ")


def test_two_attacks_on_photographs_are_compared_in_words(turned: pd.DataFrame) -> None:
    told = benchmarks.beside(turned, "ours, best", "DDN, 1,000 steps")
    assert told.count("On ") == 1
    assert "33 % shorter than" in told
    assert "on the 2 photographs" in told
    assert "takes 50 % of the time" in told
    assert "50 % longer than" in benchmarks.beside(turned, "DDN, 1,000 steps", "ours, best")
    assert benchmarks.beside(turned, "ours, fast", "ours, best").startswith("No network")


def test_the_committed_benchmark_of_photographs_can_be_shown() -> None:
    records = results.read(places.BENCHMARKS / "ostrich.json")["records"]
    table = benchmarks.ostriches(records)
    assert table["done"].sum() == sum(len(each["distortions"]) for each in records)
    assert figures.ostrich_benchmark(table, wanted=64).axes
