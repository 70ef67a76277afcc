"""Rules that decide a claim: each makes its own English, verdict and evidence from the numbers.

So the sentence that a reader sees cannot disagree with the comparison that was made. There are four
verdicts: a claim *holds*; it holds *mostly*, and the exceptions are named; it is *undecided*, as a
95 % interval lies across the bound; or it *fails*.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from helpers.intervals import Estimate, difference

VERDICTS = ("holds", "mostly", "undecided", "fails")
MOST = 3 / 4  # the share of cases that makes a claim about all of them hold mostly
LISTED = 12  # cases that the evidence lists one by one; of more, only the exceptions
NAMED = 9  # exceptions that the effect names; of more, only their number

Number = float | Estimate


@dataclass(frozen=True)
class Ruling:
    """What a rule found.

    Parameters
    ----------
    verdict : {"holds", "mostly", "undecided", "fails"}
        The rule's decision.
    rule : str
        What had to be true, in English.
    effect : str
        How large the effect is, and which cases are exceptions.
    evidence : str
        The numbers behind it, case by case where they are few.

    Raises
    ------
    ValueError
        For another verdict.
    """

    verdict: str
    rule: str
    effect: str
    evidence: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict: need one of {', '.join(VERDICTS)}, got {self.verdict!r}")


@dataclass(frozen=True)
class Bound:
    """Where a number has to lie, and how it and the bound are written.

    Parameters
    ----------
    at_least, at_most, above, below : float, optional
        The bound itself, of which exactly one is given, or else `between`.
    between : tuple of float, optional
        The ends of a range, both within it.
    unit : str
        What follows every number.
    spec : str
        A format specification for the numbers that are judged; a bound is written exactly.

    Raises
    ------
    ValueError
        For no bound, or more than one.

    Examples
    --------
    >>> limit = Bound(at_most=10, unit="points")
    >>> limit.english, limit.admits(10), limit.judge(Estimate(9.0, 8.0, 11.0, 256))
    ('at most 10 points', True, None)
    """

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    between: tuple[float, float] | None = None
    unit: str = ""
    spec: str = ".1f"

    def __post_init__(self) -> None:
        given = [self.at_least, self.at_most, self.above, self.below, self.between]
        if sum(bound is not None for bound in given) != 1:
            raise ValueError(
                "need exactly one of at_least, at_most, above, below, between, "
                f"got {sum(bound is not None for bound in given)}"
            )

    @property
    def english(self) -> str:
        """The bound in words, as "at most 10 points"."""
        if self.between is not None:
            low, high = self.between
            return f"from {low:g} to {self._exactly(high)}"
        for words in ("at_least", "at_most", "above", "below"):
            if (number := getattr(self, words)) is not None:
                return f"{words.replace('_', ' ')} {self._exactly(number)}"
        raise AssertionError("unreachable: one bound is given")

    def admits(self, number: float) -> bool:
        """Tell whether a number lies where it has to.

        Parameters
        ----------
        number : float
            In the unit of the bound.

        Returns
        -------
        bool
            False for NaN.
        """
        if self.between is not None:
            return self.between[0] <= number <= self.between[1]
        if self.at_least is not None:
            return number >= self.at_least
        if self.at_most is not None:
            return number <= self.at_most
        if self.above is not None:
            return number > self.above
        return self.below is not None and number < self.below

    def judge(self, number: Number) -> bool | None:
        """Tell whether a number lies where it has to, by its 95 % interval where it has one.

        Parameters
        ----------
        number : float or Estimate
            In the unit of the bound.

        Returns
        -------
        bool or None
            None where the interval holds numbers of both kinds.
        """
        if not isinstance(number, Estimate):
            return self.admits(number)
        ends = self.admits(number.low), self.admits(number.high)
        if self.between and number.low < self.between[0] <= self.between[1] < number.high:
            return None  # the interval holds the whole range, and has both its ends outside
        return ends[0] if ends[0] == ends[1] else None

    def write(self, number: Number) -> str:
        """Write a number with its unit, and with its interval where it has one.

        Parameters
        ----------
        number : float or Estimate
            In the unit of the bound.

        Returns
        -------
        str
            With a minus sign for a hyphen.
        """
        return minus(f"{number:{self.spec}}") + self._suffix

    def _exactly(self, number: float) -> str:
        return minus(f"{number:g}") + self._suffix

    @property
    def _suffix(self) -> str:
        return f" {self.unit}" if self.unit else ""


def every(
    what: str, values: Mapping[Any, Number], *, each: str = "network", **bound: Any
) -> Ruling:
    """Decide whether every value lies within a bound.

    Parameters
    ----------
    what : str
        What the values are, as the subject of a sentence: "the rise of the error".
    values : mapping
        A number or an `Estimate` by the name of its case. Of an estimate the 95 % interval counts:
        a case is open where it lies across the bound.
    each : str
        What a case is.
    **bound
        One of `at_least`, `at_most`, `above`, `below` or `between` (a pair), and optionally `unit`
        and `spec`, a format specification.

    Returns
    -------
    Ruling
        "holds" if every case is within the bound; "mostly" if at least three quarters of them are;
        "fails" if they could not be even if every open case were; else "undecided".

    Raises
    ------
    ValueError
        Without values, or without exactly one bound.

    Examples
    --------
    >>> found = every("the error", {"a": 1.0, "b": 3.0}, at_most=2, unit="%")
    >>> found.verdict, found.rule
    ('fails', 'the error is at most 2 % for every network')
    >>> found.effect
    '1.0 to 3.0 %; not b'
    """
    limit = Bound(**bound)
    judged = {_name(key): limit.judge(value) for key, value in _some(values).items()}
    written = {_name(key): limit.write(value) for key, value in values.items()}
    spread = _range([*values.values()], limit)
    return Ruling(
        _of_all(list(judged.values())),
        f"{what} is {limit.english} for every {each}{_interval(values.values())}",
        "; ".join([spread, *_exceptions(judged)]),
        _evidence(written, judged),
    )


def share(
    what: str,
    flags: Mapping[Any, bool | None],
    *,
    each: str = "case",
    at_least: float | None = None,
) -> Ruling:
    """Decide whether something is true of every case, or of enough of them.

    Parameters
    ----------
    what : str
        What is counted, as a predicate: "agree with the paper".
    flags : mapping
        Whether it is true, by the name of the case; None where that is open.
    each : str
        What a case is; its plural is made by an s, or by "ies" after a y.
    at_least : float, optional
        How many cases are enough: a number of them, or a share below 1. All of them by default.

    Returns
    -------
    Ruling
        "holds" if there are enough. If all are needed, "mostly" where three quarters of them are
        there. "fails" if there could not be as many even if every open case were one; else
        "undecided".

    Raises
    ------
    ValueError
        Without flags, or for more cases than there are.

    Examples
    --------
    >>> found = share("agree", {"a": True, "b": True, "c": False}, each="cell", at_least=2)
    >>> found.verdict, found.rule, found.effect
    ('holds', 'at least 2 of 3 cells agree', '2 of 3 cells; not c')
    """
    named = {_name(key): None if flag is None else bool(flag) for key, flag in _some(flags).items()}
    true, undecided = (sum(flag is kind for flag in named.values()) for kind in (True, None))
    need = len(flags) if at_least is None else at_least
    need = math.ceil(need * len(flags)) if need < 1 else int(need)
    if not 0 < need <= len(flags):
        raise ValueError(f"at_least: need 1 to {len(flags)} cases, got {at_least}")
    most = MOST * len(flags) if at_least is None else need
    open_or_not = "undecided" if true + undecided >= most else "fails"
    counted = f"{len(flags)} {plural(each)}" if len(flags) > 1 else f"1 {each}"
    all_of_them = {1: f"the one {each}", 2: f"both {plural(each)}"}.get(
        len(flags), f"all {counted}"
    )
    return Ruling(
        "holds" if true >= need else "mostly" if true >= most else open_or_not,
        f"{all_of_them} {what}" if at_least is None else f"at least {need} of {counted} {what}",
        "; ".join([f"{true} of {counted}", *_exceptions(named, most=NAMED)]),
    )


def number(what: str, value: Number, **bound: Any) -> Ruling:
    """Decide whether one number lies within a bound.

    Parameters
    ----------
    what : str
        What the number is, as the subject of a sentence.
    value : float or Estimate
        The number. Of an estimate the 95 % interval counts.
    **bound
        As for `every`.

    Returns
    -------
    Ruling
        "holds" if the number, or its whole interval, is within the bound; "fails" if it is outside;
        "undecided" where the interval lies across the bound.

    Raises
    ------
    ValueError
        Without exactly one bound.

    Examples
    --------
    >>> number("the rank correlation", 0.87, at_least=0.7, spec=".2f").effect
    '0.87'
    >>> number("the gain", Estimate(0.9, -0.1, 1.8, 30), above=0, unit="points").verdict
    'undecided'
    """
    limit = Bound(**bound)
    _finite(what, value)
    judged = limit.judge(value)
    return Ruling(
        "undecided" if judged is None else "holds" if judged else "fails",
        f"{what} is {limit.english}{_interval([value], ', by its 95 % interval')}",
        limit.write(value),
    )


def rising(
    what: str, values: Mapping[Any, Number], *, along: str, unit: str = "", spec: str = ".1f"
) -> Ruling:
    """Decide whether values rise from each case to the next.

    Parameters
    ----------
    what : str
        What the values are, as the subject of a sentence.
    values : mapping
        A number or an `Estimate` by the name of its case, in order. A step between two estimates is
        open where the 95 % interval of their difference holds zero.
    along : str
        What orders the cases: "the weight decay".
    unit, spec : str
        How a value is written.

    Returns
    -------
    Ruling
        "holds" if every step rises; "mostly" if three quarters of them do; "fails" if they could
        not even if every open step did; else "undecided".

    Raises
    ------
    ValueError
        For fewer than two values.

    Examples
    --------
    >>> rising("the error", {"weak": 14.5, "strong": 49.1}, along="the weight decay").rule
    'the error rises with the weight decay at every step'
    """
    if len(values) < 2:
        raise ValueError(f"values: need at least two, got {len(values)}")
    names = [_name(key) for key in values]
    found = list(_some(values).values())
    steps = {
        f"{first} → {second}": _rises(*pair)
        for (first, second), pair in zip(pairwise(names), pairwise(found), strict=True)
    }
    wording = Bound(above=0, unit=unit, spec=spec)
    written = [wording.write(value) for value in found]
    return Ruling(
        _of_all(list(steps.values())),
        f"{what} rises with {along} at every step{_interval(found)}",
        "; ".join([" → ".join(written), *_exceptions(steps)]),
        _evidence(dict(zip(names, written, strict=True)), {}),
    )


def stated(verdict: str, rule: str, effect: str, evidence: str = "") -> Ruling:
    """Return a ruling of a chapter's own, where none of the other forms says what is meant.

    Parameters
    ----------
    verdict : {"holds", "mostly", "undecided", "fails"}
        What the chapter decided.
    rule, effect, evidence : str
        As in `Ruling`.

    Returns
    -------
    Ruling
        Of these parts.

    Raises
    ------
    ValueError
        For another verdict.
    """
    return Ruling(verdict, rule, effect, evidence)


def plural(noun: str) -> str:
    """Return the plural of a regular noun.

    Parameters
    ----------
    noun : str
        In the singular.

    Returns
    -------
    str
        With an s, or "ies" for a y after a consonant.

    Examples
    --------
    >>> plural("cell"), plural("family"), plural("layer")
    ('cells', 'families', 'layers')
    """
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"


def minus(text: str) -> str:
    """Put a minus sign in place of each hyphen before a digit.

    Parameters
    ----------
    text : str
        Numbers and words.

    Returns
    -------
    str
        Hyphens within words stay.

    Examples
    --------
    >>> minus("-2.0 in L-BFGS-B")
    '−2.0 in L-BFGS-B'
    """
    return "".join(
        "−" if sign == "-" and following.isdigit() else sign
        for sign, following in zip(text, [*text[1:], ""], strict=True)
    )


def _of_all(judged: Sequence[bool | None]) -> str:
    """The verdict on a claim about every case, from whether each is so (None: open)."""
    true, untrue = sum(flag is True for flag in judged), sum(flag is False for flag in judged)
    if true == len(judged):
        return "holds"
    if true >= MOST * len(judged):
        return "mostly"
    return "fails" if len(judged) - untrue < MOST * len(judged) else "undecided"


def _rises(first: Number, second: Number) -> bool | None:
    """Whether the second number is larger; None where the interval of the difference holds zero."""
    if not isinstance(first, Estimate) or not isinstance(second, Estimate):
        return _value(second) > _value(first)
    return Bound(above=0).judge(difference(second, first))


def _value(number: Number) -> float:
    return number.value if isinstance(number, Estimate) else number


def _some(values: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The cases, once there is one and every number among them is finite."""
    if not values:
        raise ValueError("values: need at least one case, got none")
    for key, value in values.items():
        if value is not None:
            _finite(_name(key), value)
    return values


def _finite(name: str, number: Number) -> None:
    if not math.isfinite(_value(number)):
        raise ValueError(f"values: need finite numbers, got {_value(number)} for {name}")


def _name(key: Any) -> str:
    """A case's name: the parts of a pair with an arrow between them."""
    return " → ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _range(values: Sequence[Number], limit: Bound) -> str:
    """The least and the largest value, without their intervals."""
    bare = [_value(value) for value in values]
    low, high = minus(f"{min(bare):{limit.spec}}"), limit.write(max(bare))
    return limit.write(bare[0]) if len(bare) == 1 else f"{low} to {high}"


def _exceptions(judged: Mapping[str, bool | None], most: int | None = None) -> list[str]:
    """The cases that are not so, and those that are open; nothing where that is all of them.

    Where they are more than `most`, they are not named: whoever asks has told their number.
    """
    untrue = [name for name, flag in judged.items() if flag is False]
    undecided = [name for name, flag in judged.items() if flag is None]
    few = most is None or len(untrue) <= most
    told = [f"not {_named(untrue)}"] if few and 0 < len(untrue) < len(judged) else []
    return told + ([f"open for {_named(undecided)}"] if undecided else [])


def _named(names: Sequence[str]) -> str:
    """Names as English lists them; of many, only how many they are."""
    return listed(names) if len(names) <= NAMED else f"{len(names)} cases"


def listed(names: Sequence[str]) -> str:
    """Return names as English lists them.

    Parameters
    ----------
    names : sequence of str
        In their order.

    Returns
    -------
    str
        Empty without names.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', '')
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _evidence(written: Mapping[str, str], judged: Mapping[str, bool | None]) -> str:
    """Each case's number; of many cases, only of those that are not so."""
    chosen = {
        name: text
        for name, text in written.items()
        if len(written) <= LISTED or judged.get(name) is not True
    }
    return "; ".join(f"{name} {text}" for name, text in chosen.items())


def _interval(values: Any, told: str = ", by 95 % intervals") -> str:
    """A note that the rule goes by the intervals, where there are any."""
    wide = any(isinstance(value, Estimate) and value.low < value.high for value in values)
    return told if wide else ""
