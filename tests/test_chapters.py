"""Which chapters there are, and when one is done, on a book of small ones."""

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output
from small_book import WORK, arguments, edit, value, write_chapter, write_contents

from helpers import __main__ as command
from helpers import data, places, profiles
from helpers.edition import chapters, execution, folders
from helpers.edition.chapters import Edition


def test_chapters_are_the_notebooks_of_the_table_of_contents(book: Path) -> None:
    assert chapters.pages() == ["intro", "one", "two", "glossary"]
    assert chapters.names() == ["one", "two"]
    assert chapters.select(["two"]) == ["two"]
    assert chapters.select(["two", "one"]) == ["one", "two"]


def test_sections_are_pages_too(book: Path) -> None:
    (book / "_toc.yml").write_text(
        "root: intro\nparts:\n- chapters:\n  - file: two\n    sections:\n    - file: one\n"
    )
    assert chapters.pages() == ["intro", "two", "one"]


@pytest.mark.parametrize(
    "contents", ["", "root: intro", "- a", "parts: 3", "root: [", "root: intro\nparts:\n- one\n"]
)
def test_a_malformed_table_of_contents_is_named(
    book: Path, edition: Edition, contents: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (book / "_toc.yml").write_text(contents)
    assert command.main(arguments(edition)) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {book / '_toc.yml'}: need a root, and parts with chapters")
    assert told.count("\n") == 1


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"nbformat": 4, "nbf'])
def test_a_chapter_that_is_no_notebook_is_named(
    book: Path, edition: Edition, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chapters.source("one").write_text(content)
    assert command.main(arguments(edition, "one")) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {chapters.source('one')} is no notebook (")
    assert told.endswith("git checkout -- book/one.ipynb\n")
    assert told.count("\n") == 1


@pytest.mark.parametrize("seed", ["-1", str(2**32), "99999999999999999999"])
def test_a_seed_that_no_generator_takes_is_refused_at_the_door(
    book: Path, edition: Edition, seed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["execute", "--build", str(edition.build), f"--seed={seed}"]) == 2
    assert (
        capsys.readouterr().err == f"error: seed: need a whole number in [0, {2**32}), got {seed}\n"
    )
    assert not edition.build.exists()


def test_an_edition_names_its_folders_and_its_command() -> None:
    assert Edition(Path("_build")).make("book") == "make book"
    other = Edition(Path("out"), "smoke", 3, "cpu", "kmnist")
    told = "PROFILE=smoke SEED=3 DEVICE=cpu DATASET=kmnist CHAPTERS=noise BUILD=out"
    assert other.make("book", "noise") == f"make book {told}"
    assert other.html == Path("out/smoke-kmnist/html")
    assert other.measured("noise") == Path("out/results-kmnist/smoke/noise.json")


def test_all_that_an_edition_makes_can_be_cleaned() -> None:
    for profile in profiles.NAMES:
        for dataset in data.DATASETS:
            edition = Edition(Path("_build"), profile, dataset=dataset)
            assert {edition.folder.name, edition.results.name} <= folders.OURS


def test_a_chapter_is_executed_under_its_parameters_and_then_left_alone(
    book: Path, edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments(edition, "one", "--jobs", "1")) == 0
    made = nbformat.read(edition.executed("one"), as_version=4)
    assert [output.text for output in made.cells[-1].outputs] == ["1.5\n"]
    assert value(edition) == 1.5
    before = edition.executed("one").stat().st_mtime_ns
    assert command.main(arguments(edition, "one", "--jobs", "1")) == 0
    assert "one: done already" in capsys.readouterr().out
    assert edition.executed("one").stat().st_mtime_ns == before
    assert str(edition.build) not in edition.executed("one").read_text()


def test_a_chapter_is_done_again_when_what_it_is_made_from_or_made_has_changed(
    book: Path, edition: Edition
) -> None:
    execution.execute("one", edition)
    assert chapters.is_done("one", edition)
    assert not chapters.is_done("one", Edition(edition.build, "paper", 0, "cpu"))
    assert not chapters.is_done("one", Edition(edition.build, "smoke", 1, "cpu"))
    executed, measured = edition.executed("one"), edition.measured("one")
    for file in (executed, measured):
        whole = file.read_bytes()
        for damaged in (b"", whole[: len(whole) // 2], b"[]"):
            file.write_bytes(damaged)
            assert not chapters.is_done("one", edition)
        file.unlink()
        assert not chapters.is_done("one", edition)
        file.write_bytes(whole)
        assert chapters.is_done("one", edition)
    measured.write_text(measured.read_text().replace("1.5", "0.777"))
    assert not chapters.is_done("one", edition)
    execution.execute("one", edition)
    assert chapters.is_done("one", edition)
    write_chapter(book, WORK + "\nvalue += 1")
    assert not chapters.is_done("one", edition)


def test_a_run_that_was_killed_after_its_results_is_not_taken_for_the_one_before(
    book: Path, edition: Edition
) -> None:
    folders.prepare(edition.build)
    write_chapter(book, "value = 10.0 + seed")
    execution.execute("one", edition)
    done = edition.executed("one").read_bytes()
    other = Edition(edition.build, "smoke", 1, "cpu")
    execution.execute("one", other)
    # killed before the notebook took its place: results of seed 1, the notebook of seed 0
    edition.executed("one").write_bytes(done)
    assert not chapters.is_done("one", edition)
    assert not chapters.is_done("one", other)
    assert command.main(arguments(edition, "one", "--jobs", "1")) == 0
    assert value(edition) == 10.0
    assert chapters.is_done("one", edition)


def test_the_summary_follows_what_the_others_found_not_when(
    book: Path, edition: Edition, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(places, "RESULTS", tmp_path / "results")
    write_contents(book, "one", "two", "summary")
    write_chapter(book, WORK, name="summary")

    def key(changes: dict[str, object]) -> str:
        records = [
            {"id": "one/a", "value": 1.0, "unit": "%"},
            {"id": "one/b", "value": changes.pop("seconds", 1.0), "unit": "seconds"},
        ]
        content = {
            "made": {"key": "a"},
            "environment": {"date": "today"},
            "records": records,
            "claims": [{"id": "c", "verdict": "holds"}],
        }
        edition.measured("one").parent.mkdir(parents=True, exist_ok=True)
        edition.measured("one").write_text(json.dumps(content | changes))
        return chapters.key("summary", edition)

    before = key({})
    for same in ({"made": {"key": "b"}}, {"environment": {"date": "tomorrow"}}, {"seconds": 2.0}):
        assert key(same) == before
    for other in ({"claims": []}, {"records": []}, {"notes": {"a": 1}}):
        assert key(other) != before
    edition.measured("one").write_text("{ half")
    assert chapters.key("summary", edition) != before
    edition.measured("one").unlink()
    committed = places.RESULTS / "smoke" / "one.json"
    committed.parent.mkdir(parents=True)
    missing = chapters.key("summary", edition)
    committed.write_text(json.dumps({"records": []}))
    assert chapters.key("summary", edition) != missing


def test_magics_and_cells_that_are_no_python_have_a_key(book: Path, edition: Edition) -> None:
    write_chapter(book, "%matplotlib inline\n!ls", "x = (", WORK)
    assert len(chapters.key("one", edition)) == 64


def test_the_code_digest_sees_code_and_nothing_else(book: Path) -> None:
    notebook = nbformat.read(chapters.source("one"), as_version=4)
    before = chapters.code_digest(notebook)
    notebook.cells[0].source = "# Another title"
    notebook.cells[2].outputs = [new_output("stream", text="x")]
    injected = new_code_cell("seed = 5", metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(2, injected)
    assert chapters.code_digest(notebook) == before
    notebook.cells[3].source += "\n"
    assert chapters.code_digest(notebook) != before


def test_an_edit_of_the_prose_needs_no_execution(book: Path, edition: Edition) -> None:
    execution.execute("one", edition)
    edit(chapters.source("one"), 0, "# Another title")
    edit(chapters.source("one"), 2, WORK, tags=["hide-input"], mystnb={"figure": {"name": "f"}})
    assert chapters.is_done("one", edition)
    made = chapters.merged("one", edition)
    assert made.cells[0].source == "# Another title"
    injected, work = made.cells[2:4]
    assert injected.metadata.tags == ["injected-parameters", "remove-cell"]
    assert "smoke" in injected.source
    assert work.source == WORK
    assert work.metadata.tags == ["hide-input"]
    assert work.metadata.mystnb.figure.name == "f"
    assert made.cells[-1].outputs[0].text == "1.5\n"
    assert made.cells[-1].execution_count == 5
    assert made.metadata.helpers.edition.profile == "smoke"
    nbformat.validate(made)


def test_paragraphs_may_come_and_go(book: Path, edition: Edition) -> None:
    execution.execute("one", edition)
    notebook = nbformat.read(chapters.source("one"), as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("Before all."))
    notebook.cells.append(nbformat.v4.new_markdown_cell("After all."))
    notebook.cells.insert(2, nbformat.v4.new_markdown_cell("After the title."))
    nbformat.write(notebook, chapters.source("one"))
    made = chapters.merged("one", edition)
    assert [cell.source.split("\n")[0] for cell in made.cells] == [
        "Before all.",
        "# One",
        "After the title.",
        'profile = "paper"',
        "# Parameters",
        WORK,
        "name = 'one'",
        "print(value)",
        "After all.",
    ]


def test_outputs_are_never_put_below_other_code(book: Path, edition: Edition) -> None:
    execution.execute("one", edition)
    write_chapter(book, WORK + "\nvalue += 1")
    assert WORK in [cell.source for cell in chapters.merged("one", edition).cells]


def test_an_executed_notebook_that_is_damaged_is_named(book: Path, edition: Edition) -> None:
    edition.executed("one").parent.mkdir(parents=True)
    edition.executed("one").write_text('{"cells": [')
    with pytest.raises(ValueError, match=r"executed/one.ipynb is no notebook .*; make it anew$"):
        chapters.merged("one", edition)


def test_a_chapter_that_was_not_executed_is_named_with_its_command(
    book: Path, edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=r"two has not been executed .*make book .*CHAPTERS=two"):
        chapters.merged("two", edition)
    assert command.main(arguments(edition, "two", command="validate")) == 2
    assert "two have not been executed" in capsys.readouterr().err
