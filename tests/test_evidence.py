"""Results that are missing or old are refused by name."""

import json
from pathlib import Path

import nbformat
import pytest
from small_book import WORK, write_chapter, write_contents

from helpers import places
from helpers.edition import chapters
from helpers.edition.chapters import Edition
from helpers.report import results
from helpers.summary import evidence


@pytest.fixture
def edition(book: Path, edition: Edition, monkeypatch: pytest.MonkeyPatch) -> Edition:
    """The small book with a summary, and results of its two chapters."""
    write_contents(book, "one", "two", "summary")
    write_chapter(book, WORK, name="summary")
    monkeypatch.setenv("RESULTS", str(edition.results))
    monkeypatch.setenv("MEASURED", str(edition.results))
    for name in ("one", "two"):
        results.write(name, "smoke", [results.Record(f"{name}/value", 1.0, "%", 1, 0)])
        stamp(edition, name)
    return edition


def stamp(edition: Edition, name: str, **other: str | int) -> None:
    made = {"code": code(name), "key": chapters.key(name, edition), "seed": 0, "dataset": "mnist"}
    results.stamp(results.path(name, "smoke"), **made | other)


def code(name: str) -> str:
    return chapters.code_digest(nbformat.read(chapters.source(name), as_version=4))


def test_current_results_are_read(edition: Edition) -> None:
    assert set(evidence.estimates(list(evidence.load(edition).values()))) == {
        "one/value",
        "two/value",
    }


def test_a_missing_file_is_named(edition: Edition) -> None:
    results.path("two", "smoke").unlink()
    with pytest.raises(
        ValueError, match=r"^smoke/two\.json is missing: make book PROFILE=smoke CHAPTERS=two$"
    ):
        evidence.load(edition)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"code": "0" * 64}, "smoke/one.json is older than its chapter"),
        ({"key": "0" * 64}, "smoke/one.json is older than the helpers"),
        ({"seed": 1}, "smoke/one.json is of seed 1 and mnist"),
        ({"dataset": "kmnist"}, "smoke/one.json is of seed 0 and kmnist"),
    ],
)
def test_an_old_or_foreign_file_is_named(
    edition: Edition, other: dict[str, str | int], message: str
) -> None:
    results.write("one", "smoke", [])
    stamp(edition, "one", **other)
    with pytest.raises(ValueError, match=message):
        evidence.load(edition)


def test_a_file_that_was_never_stamped_is_old(edition: Edition) -> None:
    results.write("one", "smoke", [])
    with pytest.raises(ValueError, match="is older than its chapter"):
        evidence.load(edition)


def test_the_summarys_key_follows_the_other_chapters_results_and_no_other_key_does(
    edition: Edition,
) -> None:
    before = {name: chapters.key(name, edition) for name in ("one", "two", "summary")}
    content = results.read(results.path("two", "smoke"))
    content["records"][0]["value"] = 2.0
    results.path("two", "smoke").write_text(json.dumps(content))
    after = {name: chapters.key(name, edition) for name in before}
    assert [name for name in before if before[name] != after[name]] == ["summary"]
    results.write("summary", "smoke", [])
    assert chapters.key("summary", edition) == after["summary"]


def test_without_a_run_the_committed_edition_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESULTS", str(tmp_path / "none"))
    monkeypatch.delenv("MEASURED", raising=False)
    assert results.measured("paper") == places.RESULTS / "paper"
    (tmp_path / "none" / "paper").mkdir(parents=True)
    assert results.measured("paper") == tmp_path / "none" / "paper"
