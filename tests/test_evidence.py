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
    path = results.path(name, "smoke")
    path.write_text(json.dumps({k: v for k, v in results.read(path).items() if k != "made"}))
    results.stamp(path, **made | other)


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
        ValueError, match=r"^smoke/two\.json is missing: make book PROFILE=smoke .*CHAPTERS=two "
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


@pytest.mark.parametrize("content", ["", '{"records": [', "[]", '{"made": 1}'])
def test_a_damaged_file_is_named(edition: Edition, content: str) -> None:
    results.path("two", "smoke").write_text(content)
    with pytest.raises(ValueError, match=r"^smoke/two\.json is damaged: make book .*CHAPTERS=two "):
        evidence.load(edition)


@pytest.fixture
def committed(tmp_path: Path, edition: Edition, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results of chapter two as another machine committed them; the run has none of its own."""
    monkeypatch.setattr(places, "RESULTS", tmp_path / "results")
    stamp(edition, "two", key="of another machine")
    file = places.RESULTS / "smoke" / "two.json"
    file.parent.mkdir(parents=True)
    return results.path("two", "smoke").rename(file)


def test_what_a_run_lacks_is_read_from_the_committed_edition(
    edition: Edition, committed: Path
) -> None:
    assert results.measured("two", "smoke") == committed
    assert results.measured("one", "smoke") == edition.results / "smoke" / "one.json"
    assert set(evidence.load(edition)) == {"one", "two"}


def test_committed_results_of_other_code_are_refused(
    book: Path, edition: Edition, committed: Path
) -> None:
    write_chapter(book, WORK + "\nvalue += 1", name="two")
    with pytest.raises(
        ValueError,
        match=r"smoke/two\.json is missing, and the committed one is older than its",
    ):
        evidence.load(edition)


def test_committed_results_of_another_seed_are_refused(edition: Edition, committed: Path) -> None:
    other = Edition(edition.build, "smoke", 1, "cpu")
    stamp(other, "one", seed=1, key=chapters.key("one", other))
    with pytest.raises(ValueError, match=r"^smoke/two.json is missing, and .* is of seed 0 and"):
        evidence.load(other)
