"""The rules: verdicts worked out by hand, and English that agrees with the comparison made."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.intervals import Estimate
from helpers.report import rules


def around(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half, 10)


@pytest.mark.parametrize(
    ("values", "verdict", "effect"),
    [
        ([1.0, 2.0, 2.0, 1.5], "holds", "1.0 to 2.0 points"),
        ([1.0, 2.0, 2.0, 3.0], "mostly", "1.0 to 3.0 points; not d"),
        ([1.0, 2.0, 3.0, 3.0], "fails", "1.0 to 3.0 points; not c and d"),
        ([3.0, 3.0, 3.0, 4.0], "fails", "3.0 to 4.0 points"),
        ([-1.0, 2.0, 2.0, around(2, 1)], "mostly", "−1.0 to 2.0 points; open for d"),
        (
            [1.0, 2.0, around(2, 1), around(1, 2)],
            "undecided",
            "1.0 to 2.0 points; open for c and d",
        ),
        ([1.0, 3.0, around(2, 1), 3.0], "fails", "1.0 to 3.0 points; not b and d; open for c"),
        ([around(1, 0.5)] * 4, "holds", "1.0 to 1.0 points"),
    ],
)
def test_every(values: list[rules.Number], verdict: str, effect: str) -> None:
    named = dict(zip("abcd", values, strict=True))
    found = rules.every("the rise", named, at_most=2, unit="points")
    assert found.verdict == verdict
    assert found.effect == effect
    assert found.rule.startswith("the rise is at most 2 points for every network")
    assert (", by 95 % intervals" in found.rule) == any(isinstance(v, Estimate) for v in values)


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=9),
    st.floats(-50, 50),
    st.sampled_from(["at_least", "at_most", "above", "below"]),
)
def test_the_english_says_what_was_compared(values: list[float], bound: float, words: str) -> None:
    bound = float(f"{bound:g}")  # as it is written
    named = {f"n{place}": value for place, value in enumerate(values)}
    found = rules.every("it", named, **{words: bound}, spec=".6f")
    told = re.fullmatch(r"it is (at least|at most|above|below) (\S+) for every network", found.rule)
    assert told
    compare = {
        "at least": float.__ge__,
        "at most": float.__le__,
        "above": float.__gt__,
        "below": float.__lt__,
    }[told[1]]
    number = float(told[2].replace("−", "-"))
    true = [compare(value, number) for value in values]
    assert (found.verdict == "holds") == all(true)
    assert (found.verdict in {"holds", "mostly"}) == (sum(true) >= 0.75 * len(true))
    for name, flag in zip(named, true, strict=True):
        listed = re.search(rf"not [^;]*\b{name}\b", found.effect) is not None
        assert listed == (not flag and any(true))


@pytest.mark.parametrize(
    ("value", "bound", "verdict"),
    [
        (around(5, 1), {"above": 4.0}, "undecided"),
        (around(5, 1), {"above": 3.9}, "holds"),
        (around(5, 1), {"below": 3.9}, "fails"),
        (around(5, 1), {"between": (4, 6)}, "holds"),
        (around(5, 1), {"between": (4.5, 5.5)}, "undecided"),
        (around(5, 1), {"between": (7, 9)}, "fails"),
        (Estimate(1.3, 0.7, 1.5, 9), {"between": (0.8, 1.25)}, "undecided"),
        (Estimate(1.3, 0.9, 1.5, 9), {"between": (0.8, 1.25)}, "undecided"),
        (5.0, {"between": (4, 6)}, "holds"),
        (4.0, {"at_least": 4.0}, "holds"),
        (4.0, {"above": 4.0}, "fails"),
    ],
)
def test_one_number_goes_by_its_interval(
    value: rules.Number, bound: dict[str, float], verdict: str
) -> None:
    assert rules.number("it", value, **bound).verdict == verdict


def test_a_share_counts_what_is_needed() -> None:
    flags = {name: name in "abc" for name in "abcd"}
    found = rules.share("agree", flags, each="cell", at_least=0.7)
    assert (found.verdict, found.rule) == ("holds", "at least 3 of 4 cells agree")
    assert rules.share("agree", flags, each="cell", at_least=4).verdict == "fails"
    all_of_them = rules.share("agree", flags, each="family")
    assert all_of_them.rule == "all 4 families agree"
    assert (all_of_them.verdict, all_of_them.effect) == ("mostly", "3 of 4 families; not d")
    assert rules.share("agree", dict.fromkeys("ab", False)).verdict == "fails"
    assert rules.share("agree", dict.fromkeys("ab", True)).rule == "both cases agree"


@pytest.mark.parametrize(
    ("flags", "at_least", "verdict"),
    [
        ([True, True, None, False], 3, "undecided"),
        ([True, True, None, False], 2, "holds"),
        ([True, None, False, False], 3, "fails"),
        ([True, True, True, None], None, "mostly"),
        ([True, None, None, False], None, "undecided"),
        ([True, None, False, False], None, "fails"),
        ([None, None], None, "undecided"),
    ],
)
def test_a_share_is_undecided_where_the_open_cases_could_be_enough(
    flags: list[bool | None], at_least: float | None, verdict: str
) -> None:
    """By trying both answers for each open case: undecided where the verdict depends on them."""
    found = rules.share("agree", dict(zip("abcd", flags, strict=False)), at_least=at_least)
    assert found.verdict == verdict
    settled = {
        rules.share(
            "agree",
            {
                name: flag if flag is not None else guess
                for name, flag in zip("abcd", flags, strict=False)
            },
            at_least=at_least,
        ).verdict
        for guess in (True, False)
    }
    assert (verdict == "undecided") == (len(settled) > 1 and "fails" in settled)


def test_open_cases_are_named() -> None:
    found = rules.share("agree", {"a": True, "b": None, "c": False}, each="cell")
    assert found.effect == "1 of 3 cells; not c; open for b"


def test_many_exceptions_are_counted_and_not_named() -> None:
    found = rules.share("agree", {place: place == 0 for place in range(30)}, each="cell")
    assert found.effect == "1 of 30 cells"
    of_one = rules.share("agree", {"a": True}, each="cell")
    assert (of_one.rule, of_one.effect) == ("the one cell agree", "1 of 1 cell")


def test_pairs_are_named_with_an_arrow() -> None:
    found = rules.share("agree", {("a", "b"): True, ("b", "a"): False}, each="pair", at_least=1)
    assert found.effect == "1 of 2 pairs; not b → a"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([1.0, 2.0, 3.0], "holds"),
        ([1.0, 2.0, 2.0], "fails"),
        ([1.0, 2.0, 3.0, 4.0, 3.0], "mostly"),
        ([around(1, 0.1), around(2, 0.1), around(3, 0.1)], "holds"),
        ([around(1, 0.1), around(1.1, 0.1), around(3, 0.1)], "undecided"),
        ([around(3, 0.1), around(2, 0.1), around(1, 0.1)], "fails"),
    ],
)
def test_rising(values: list[rules.Number], verdict: str) -> None:
    named = dict(enumerate(values))
    assert rules.rising("it", named, along="time").verdict == verdict


def test_many_cases_are_told_by_their_exceptions() -> None:
    found = rules.every("it", {str(place): float(place) for place in range(40)}, at_most=30)
    assert found.evidence == "; ".join(f"{place} {place}.0" for place in range(31, 40))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rules.every("it", {}, above=1), "at least one case"),
        (lambda: rules.every("it", {"a": 1.0}), "exactly one of"),
        (lambda: rules.number("it", 1.0, above=1, below=2), "exactly one of"),
        (lambda: rules.share("it", {}), "at least one case"),
        (lambda: rules.share("it", {"a": True}, at_least=2), "need 1 to 1"),
        (lambda: rules.rising("it", {"a": 1.0}, along="x"), "at least two"),
        (lambda: rules.stated("perhaps", "r", "e"), "need one of holds"),
        (
            lambda: rules.every("it", {"a": float("nan")}, above=0),
            "need finite numbers, got nan for a",
        ),
        (lambda: rules.number("it", float("inf"), above=0), "need finite numbers, got inf for it"),
        (lambda: rules.rising("it", {"a": 1.0, "b": float("nan")}, along="x"), "nan for b"),
    ],
)
def test_a_rule_without_sense_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
