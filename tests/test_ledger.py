"""A chapter's ledger: one id for a number's record and for its place in the prose."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from docutils.core import publish_doctree
from docutils.parsers.rst import roles

from helpers.edition import numbers
from helpers.intervals import Estimate
from helpers.report import Report, results
from helpers.report.rules import number


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.setenv("RESULTS", str(tmp_path))
    return Report("noise", "smoke", 3, "cpu")


ESTIMATE = Estimate(12.0, 10.0, 14.0, 256)


def test_nested_numbers_become_records_by_their_path(report: Report) -> None:
    report.add("twins", {"a": {"x": ESTIMATE, ("b", 0.1): ESTIMATE}}, "%")
    report.add("table2", pd.DataFrame({"FC10(1)": {"AE400-10": ESTIMATE}}), "%")
    report.add("noise/figure7", pd.Series({"y": 1.5}), "%", n=7)
    assert list(report.records) == [
        "noise/twins/a/x",
        "noise/twins/a/b/0.1",
        "table2/AE400-10/FC10(1)",
        "noise/figure7/y",
    ]
    record = report.records["table2/AE400-10/FC10(1)"]
    assert (record.low, record.high, record.n, record.seed) == (10.0, 14.0, 256, 3)
    assert (record.paper, record.source) == (24.8, "Table 2")
    assert report.records["noise/figure7/y"].n == 7


@pytest.mark.parametrize(
    ("name", "value", "options", "message"),
    [
        ("a", 1.0, {}, "noise/a: a number without an interval needs n"),
        ("a", ESTIMATE, {"n": 3}, "noise/a: n is 3, but the estimate has 256"),
        ("a", "word", {"n": 3}, "noise/a: need a number or an estimate, got str"),
        ("a", True, {"n": 3}, "noise/a: need a number or an estimate, got bool"),
        ("a", float("nan"), {"n": 3}, "noise/a: value is nan"),
        ("a", 1.0, {"n": 0}, "noise/a: n is 0"),
        ("a", Estimate(1.0, 3.0, 2.0, 4), {}, "noise/a: the interval .* is reversed"),
        ("table2/AE400/FC10(1)", ESTIMATE, {}, "table2/AE400/.*: the paper prints no number"),
    ],
)
def test_a_number_that_makes_no_record_is_named(
    report: Report, name: str, value: object, options: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        report.add(name, value, "%", **options)
    assert report.records == {}


def test_an_id_is_given_once(report: Report) -> None:
    report.add("a", ESTIMATE, "%")
    report.note("a", 1)
    report.claim("a", "it is so", number("it", 1.0, above=0))
    for again in (
        lambda: report.add("a", ESTIMATE, "%"),
        lambda: report.note("a", 2),
        lambda: report.question("a", "it is so", number("it", 1.0, above=0)),
    ):
        with pytest.raises(ValueError, match=r"a: this .* before"):
            again()


def test_what_is_closed_is_what_the_prose_finds(report: Report) -> None:
    report.add("twins", {"FC10(1)": ESTIMATE}, "%")
    report.add("median", np.float64(2.5), "ratio", n=9)
    report.note("rise", {"most": torch.tensor(-2.04), "who": "AE400-10", "count": 3})
    report.note("gap", Estimate(-1.0, -2.0, 0.5, 9))
    report.question("small", "it is small", number("it", ESTIMATE, below=20, unit="%"))
    shown = report.close()
    assert "<strong>1 question of our own: 1 holds.</strong>" in shown.data
    content = results.read(results.path("noise", "smoke"))
    assert [
        numbers.number(content, "twins/FC10(1)", ".1f"),
        numbers.number(content, "noise/twins/FC10(1)", "g"),
        numbers.interval(content, "twins/FC10(1)", ".1f"),
        numbers.number(content, "median", ""),
        numbers.number(content, "rise/most", ".1f"),
        numbers.number(content, "rise/who", ""),
        numbers.number(content, "rise/count", ""),
        numbers.interval(content, "gap", "+.1f"),
        numbers.verdict(content, "small"),
        numbers.effect(content, "small"),
        numbers.effect(content, "small", "brief"),
    ] == [
        "12.0",
        "12",
        "12.0 [10.0, 14.0]",
        "2.5",
        "−2.0",
        "AE400-10",
        "3",
        "−1.0 [−2.0, +0.5]",
        "holds",
        "12.0 [10.0, 14.0] %",
        "12.0 [10.0, 14.0] %",
    ]
    for find, name in (
        (numbers.number, "rise"),
        (numbers.interval, "median"),
        (numbers.printed, "median"),
        (numbers.verdict, "x"),
    ):
        with pytest.raises(ValueError, match=repr(name)):
            find(content, name, "")


@pytest.mark.parametrize("value", [float("inf"), None, [1]])
def test_a_note_that_is_no_number_or_word_is_refused(report: Report, value: object) -> None:
    report.note("odd", value)
    with pytest.raises(ValueError, match="odd: a note is a finite number"):
        report.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("noise", "tiny", 0, "cpu"), "unknown profile 'tiny'"),
        (("noise", "smoke", -1, "cpu"), "seed: need a whole number"),
        (("noise", "smoke", 2**32, "cpu"), "seed: need a whole number"),
        (("noise", "smoke", 0, "abacus"), "unknown device 'abacus'"),
        (("noise", "smoke", 0, "cpu", "digits"), "unknown dataset 'digits'"),
    ],
)
def test_a_set_up_that_makes_no_sense_is_refused(
    arguments: tuple[str, str, int, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Report(*arguments)


def test_the_generator_is_the_chapters_seed_and_the_images_are_drawn_by_it(report: Report) -> None:
    first, again = (torch.rand(3, generator=report.generator(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(first, torch.rand(3, generator=torch.Generator().manual_seed(4)))
    images, labels = report.images("test", 5)
    assert (images.shape, labels.shape) == ((5, 1, 28, 28), (5,))
    assert torch.equal(images, report.images("test", 5).images)


def test_a_role_shows_the_number_or_reports_which_is_missing(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.note("drop", -2.04)
    report.close()
    folder = tmp_path / "source" / numbers.FOLDER
    folder.mkdir(parents=True)
    (tmp_path / "smoke" / "noise.json").rename(folder / "noise.json")

    class Environment:
        docname, srcdir, noted = "noise", str(tmp_path / "source"), set[str]()

        def note_dependency(self, file: str) -> None:
            self.noted.add(file)

    environment = Environment()
    monkeypatch.setitem(roles._roles, "result", numbers._role(numbers.number))
    text = ":result:`drop:.1f` :result:`noise#drop:.2f` :result:`lost` :result:`other#drop`"
    tree = publish_doctree(
        text, settings_overrides={"env": environment, "report_level": 5, "halt_level": 6}
    )
    assert tree.astext().startswith("−2.0 −2.04 ")
    told = [message.astext() for message in tree.findall() if message.tagname == "system_message"]
    assert any("there is no number 'lost'" in message for message in told)
    assert any("the chapter other has no results" in message for message in told)
    assert environment.noted == {str(folder / "noise.json"), str(folder / "other.json")}
