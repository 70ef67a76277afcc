"""What is rendered, on a book of small chapters; a rendering that ends early does no harm."""

import json
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from small_book import arguments, edit, write_contents

from helpers import __main__ as command
from helpers import machine, places
from helpers.edition import chapters, pictures, rendering
from helpers.edition.chapters import Edition


@pytest.fixture(autouse=True)
def book(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small book without the pictures of the introduction, its second chapter committed."""
    monkeypatch.setattr(pictures, "TOUR", {})
    monkeypatch.setattr(places, "RESULTS", tmp_path / "results")
    committed = places.RESULTS / "paper" / "two.json"
    committed.parent.mkdir(parents=True)
    committed.write_text('{"records": ["committed"]}')
    return book


@pytest.fixture
def executed(book: Path, edition: Edition) -> Edition:
    """The edition with its first chapter as if it had been executed."""
    notebook = chapters.read(chapters.source("one"))
    for count, cell in enumerate(chapters.code(notebook), start=1):
        cell.execution_count = count
    cell.outputs = [new_output("stream", text="1.5\n")]
    notebook.metadata["helpers"] = {"edition": edition.settings, "seconds": 2.5}
    for path in (edition.executed("one"), edition.measured("one")):
        path.parent.mkdir(parents=True)
    nbformat.write(notebook, edition.executed("one"))
    edition.measured("one").write_text('{"records": ["measured"]}')
    return edition


def test_prose_is_that_of_now_and_outputs_are_those_of_the_execution(executed: Edition) -> None:
    edit(chapters.source("one"), 0, "# Another title")
    staged = rendering.stage(["one"], executed)
    one = nbformat.read(staged / "one.ipynb", as_version=4)
    assert one.cells[0].source == "# Another title"
    assert one.cells[-1].outputs[0].text == "1.5\n"
    two = nbformat.read(staged / "two.ipynb", as_version=4)
    assert two == chapters.read(chapters.source("two"))


def test_the_hero_is_shown_below_the_first_prose_and_drawn_where_its_code_stands() -> None:
    figure = {"figure": {"caption": "What was found.", "name": "fig-found"}}
    drawn = new_code_cell(
        "draw()",
        metadata={"tags": ["hide-input", "hero"], "mystnb": figure},
        outputs=[new_output("display_data", {"image/png": "iVBO"})],
        execution_count=2,
    )
    cells = [new_code_cell("1"), new_markdown_cell("# Title"), new_markdown_cell("How"), drawn]
    made = rendering.with_hero_first(new_notebook(cells=cells)).cells
    assert [cell.cell_type for cell in made] == ["code", "markdown", "code", "markdown", "code"]
    assert made[2].outputs[0].data == {"image/png": "iVBO"}
    assert made[2].metadata.mystnb == figure
    assert (made[4].source, made[4].outputs) == ("draw()", [])
    # A second figure of the same name would be an error of the strict build.
    told = {"code_prompt_show": "Code: the figure at the head of the page"}
    assert made[4].metadata == {"tags": ["hide-input"], "mystnb": told}
    nbformat.validate(new_notebook(cells=made))


def test_a_chapter_without_a_hero_stays_as_it_is() -> None:
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell("1")])
    before = nbformat.writes(notebook)
    assert nbformat.writes(rendering.with_hero_first(notebook)) == before


def test_folds_of_code_say_what_they_hold() -> None:
    figure, named = {"figure": {"name": "fig-a"}}, {"code_prompt_show": "Evidence: all"}
    cells = [
        new_code_cell("seed = 0", metadata={"tags": ["parameters", "hide-input"]}),
        new_code_cell('report = Report("a", profile)', metadata={"tags": ["hide-input"]}),
        new_code_cell("draw()", metadata={"tags": ["hide-input"], "mystnb": figure}),
        new_code_cell("work()", metadata={"tags": ["hide-input"], "mystnb": named}),
        new_code_cell("work()", metadata={"tags": ["hide-input"]}),
        new_code_cell("work()", metadata={"tags": []}),
    ]
    made = rendering.with_named_folds(new_notebook(cells=cells)).cells
    assert [cell.metadata.get("mystnb", {}).get("code_prompt_show") for cell in made] == [
        "Code: parameters of this run",
        "Code: what this chapter needs",
        "Code: the figure",
        "Evidence: all",
        "Code",
        None,
    ]


def test_numbers_are_those_of_the_run_or_as_committed(book: Path, executed: Edition) -> None:
    write_contents(book, "one", "two", "three")
    nbformat.write(nbformat.v4.new_notebook(), book / "three.ipynb")
    (places.RESULTS / "paper" / "one.json").write_text("{}")
    staged = rendering.stage(["one"], executed)
    numbers = staged / "_results"
    assert sorted(path.name for path in numbers.iterdir()) == ["one.json", "two.json"]
    assert (numbers / "one.json").read_bytes() == executed.measured("one").read_bytes()
    assert json.loads((numbers / "two.json").read_text()) == {"records": ["committed"]}


def test_what_a_killed_process_left_in_the_book_is_not_rendered(
    book: Path, executed: Edition
) -> None:
    (book / ".one-abc.partial.ipynb").touch()
    assert not (rendering.stage(["one"], executed) / ".one-abc.partial.ipynb").exists()


def test_the_page_of_times_says_what_the_notebooks_say_and_no_html(
    executed: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = machine.environment() | {"processor": "A <script>|`x`"}
    monkeypatch.setattr(machine, "environment", lambda: described)
    page = (rendering.stage(["one"], executed) / "execution.md").read_text()
    assert "on A &lt;script&gt;&#124;&#96;x&#96;." in page
    assert "| {doc}`one` | smoke | mnist | cpu | 2.5 |" in page
    assert "| {doc}`two` | – | – | – | – |" in page


def test_a_chapter_that_was_not_executed_is_named(
    edition: Edition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments(edition, "two", command="render")) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: chapter two has not been executed in this edition: make book ")


RUN = subprocess.run


class Builder:
    """Stands in for jupyter-book: writes a page to where it is told to, and then ends somehow."""

    def __init__(self, page: str, status: int = 0, raises: BaseException | None = None) -> None:
        self.page, self.status, self.raises = page, status, raises
        self.clean = True

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if not command[0].endswith("jupyter-book"):
            return RUN(command, **options)
        output = Path(command[command.index("--path-output") + 1])
        self.clean = not list(output.iterdir())
        (output / "_build" / "html").mkdir(parents=True)
        (output / "_build" / "html" / "index.html").write_text(self.page)
        if self.raises:
            raise self.raises
        assert options["stdout"] == subprocess.PIPE
        return subprocess.CompletedProcess(command, self.status, "Your book is at /gone\n")


@pytest.mark.parametrize("before", ["nothing", "a book"])
@pytest.mark.parametrize("raises", [KeyboardInterrupt(), SystemExit(143), None])
def test_a_rendering_that_ends_early_leaves_the_book_before_and_the_next_begins_anew(
    executed: Edition,
    before: str,
    raises: BaseException | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if before == "a book":
        monkeypatch.setattr(subprocess, "run", Builder("old"))
        assert rendering.render(["one"], executed) == 0
    monkeypatch.setattr(subprocess, "run", Builder("half", status=2, raises=raises))
    if raises:
        with pytest.raises(type(raises)):
            rendering.render(["one"], executed)
    else:
        assert rendering.render(["one"], executed) == 2
        assert "Your book is at /gone" in capsys.readouterr().err
    page = executed.html / "index.html"
    assert page.exists() == (before == "a book")
    assert not page.exists() or page.read_text() == "old"
    monkeypatch.setattr(subprocess, "run", builder := Builder("new"))
    assert rendering.render(["one"], executed) == 0
    assert builder.clean
    assert page.read_text() == "new"
    assert sorted(path.name for path in executed.folder.iterdir()) == ["executed", "html", "source"]


def test_the_book_is_announced_once_where_it_is(
    executed: Edition, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "run", Builder("new"))
    assert rendering.render(["one"], executed) == 0
    printed = capsys.readouterr()
    assert printed.out == f"The book is at {executed.html.resolve() / 'index.html'}\n"
    assert "/gone" not in printed.err
