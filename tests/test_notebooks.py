"""The committed chapters: conventions, and outputs that belong to their code."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from helpers import files, places
from helpers.edition import chapters, numbers
from helpers.report import results

RESULTS = places.RESULTS / "paper"
CHAPTERS = chapters.names()
IMAGES = {"image/png", "image/jpeg"}
ROLE = re.compile(r"\{(result|interval|printed|verdict|effect)\}`([^`]+)`")


@pytest.fixture(params=CHAPTERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def notebook(name: str) -> NotebookNode:
    return nbformat.read(chapters.source(name), as_version=4)


def tagged(notebook: NotebookNode, tag: str) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook: NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_the_book_has_the_chapters_of_the_design() -> None:
    wanted = [
        "models",
        "units",
        "units_measured",
        "adversarial_search",
        "transfer",
        "noise",
        "lipschitz",
        "training",
    ]
    assert [name for name in CHAPTERS if name in wanted] == wanted


def test_outputs_were_made_by_the_code_above_them(name: str, notebook: NotebookNode) -> None:
    made = notebook.metadata.get("helpers", {})
    assert made.get("code") == chapters.code_digest(notebook), (
        f"{name} was edited after it was executed: make reference CHAPTERS={name}"
    )
    assert made["edition"]["profile"] == "paper"
    stored = (RESULTS / f"{name}.json").read_bytes()
    assert made["results"] == files.sha256(stored), f"results/paper/{name}.json was edited by hand"
    assert [cell.execution_count for cell in code(notebook)] == list(
        range(1, len(code(notebook)) + 1)
    )
    assert not any(
        output.output_type == "error" for cell in code(notebook) for output in cell.outputs
    )


def test_a_notebook_is_small_enough_to_review(name: str) -> None:
    assert chapters.source(name).stat().st_size <= 400_000


def test_parameters_are_those_that_papermill_sets(notebook: NotebookNode) -> None:
    cells = tagged(notebook, "parameters")
    assert len(cells) == 1
    namespace: dict[str, object] = {}
    exec(cells[0].source, namespace)
    assert {key: namespace[key] for key in chapters.DEFAULTS} == chapters.DEFAULTS
    assert not tagged(notebook, "injected-parameters")


def test_the_last_code_cell_closes_the_ledger_and_its_claims_are_validated(
    notebook: NotebookNode,
) -> None:
    cells = tagged(notebook, "nbval-check-output")
    assert [cell.source for cell in cells] == ["report.close()"]
    assert cells[0].id == code(notebook)[-1].id
    shown = cells[0].outputs[0].data["text/html"]
    assert re.search(
        r"<strong>\d+ (claims? of the paper|questions? of our own|printed details?):", shown
    )


def test_every_number_of_the_prose_is_found(name: str, notebook: NotebookNode) -> None:
    assert ROLE.findall(prose(notebook)), f"{name} has no number that was measured"
    for role, text in ROLE.findall(prose(notebook)):
        place = numbers.PLACE.match(text)
        assert place
        content = results.read(RESULTS / f"{place['chapter'] or name}.json")
        assert getattr(numbers, {"result": "number"}.get(role, role))(
            content, place["id"], place["spec"] or ""
        )


def test_nothing_is_glued(notebook: NotebookNode) -> None:
    assert "{glue:" not in prose(notebook)


def test_every_figure_has_a_caption_a_name_and_a_description(
    name: str, notebook: NotebookNode
) -> None:
    for cell in code(notebook):
        if any(IMAGES & set(output.get("data", {})) for output in cell.outputs):
            told = cell.metadata.get("mystnb", {})
            assert told.get("figure", {}).get("caption"), (
                f"{name}: a figure without a caption: {cell.source[:60]}"
            )
            assert told["figure"].get("name"), (
                f"{name}: a figure without a name: {cell.source[:60]}"
            )
            assert len(told.get("image", {}).get("alt", "")) >= 40, (
                f"{name}: a figure without a description: {cell.source[:60]}"
            )


def test_nothing_in_a_notebook_varies_or_tells_of_one_machine(name: str) -> None:
    text = chapters.source(name).read_text(encoding="utf-8")
    for pattern in (
        r" at 0x[0-9a-f]{6,}",
        r'"papermill":',
        r"/home/\w",
        r"/root/\w",
        r"/tmp/\w",
        r"iopub\.execute",
    ):
        assert not re.search(pattern, text), f"{name}: {pattern}"


def test_results_are_complete_and_of_this_chapter(name: str) -> None:
    content = results.read(RESULTS / f"{name}.json")
    assert (content["chapter"], content["profile"]) == (name, "paper")
    ids = [record["id"] for record in content["records"]]
    assert ids == sorted(set(ids))
    for record in content["records"]:
        results.Record(**record)
        if record["low"] is not None:
            assert record["low"] <= record["value"] <= record["high"], record["id"]


def test_no_two_chapters_measure_the_same_thing() -> None:
    ids = [
        record["id"]
        for path in Path(RESULTS).glob("*.json")
        for record in json.loads(path.read_text())["records"]
    ]
    assert len(ids) == len(set(ids))
