"""Render the executed chapters as an HTML book that needs no network to be read."""

import html
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nbformat import NotebookNode, write
from nbformat.v4 import new_code_cell

from helpers import certify, data, files, machine, models, places, units
from helpers.edition import chapters, numbers, pictures, previews
from helpers.edition.chapters import Edition
from helpers.report import live

LEDGER = "report = Report("  # in the cell of a chapter's set-up
FIRST = "Code: the figure at the head of the page"  # the name of the fold that draws it
HERO = "hero"  # tag of the cell whose picture a page shows first
UNFINISHED, REPLACED = "rendering-", "replaced-"  # how folders that a killed run leaves begin


def render(selected: list[str], edition: Edition) -> int:
    """Build the edition's HTML from the selected chapters as executed, the others as committed.

    A strict build: every warning is an error. It is made in a folder of its own, and takes the
    place of the book that was there when it is complete; an interrupt leaves the old one.

    Parameters
    ----------
    selected : list of str
        Chapters that are executed in this edition.
    edition : Edition
        The book appears in its `html`.

    Returns
    -------
    int
        jupyter-book's exit status.

    Raises
    ------
    ValueError
        Where a selected chapter has not been executed, with the command that does it.
    """
    edition.folder.mkdir(parents=True, exist_ok=True)
    _remove_unfinished(edition.folder)
    staged = stage(selected, edition)
    made = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=edition.folder))
    status = _build(staged, made)
    if status:
        return status
    complete = made / "_build" / "html"
    trim(complete)
    if edition.html.exists():
        edition.html.rename(tempfile.mkdtemp(prefix=REPLACED, dir=edition.folder))
    complete.rename(edition.html)
    _remove_unfinished(edition.folder)
    print(f"The book is at {edition.html.resolve() / 'index.html'}")
    return 0


def _build(staged: Path, made: Path) -> int:
    """Run jupyter-book; it is heard only when it fails, as it names a folder that moves."""
    command = [str(Path(sys.executable).parent / "jupyter-book"), "build", str(staged)]
    command += ["--config", str(places.CONFIG), "--path-output", str(made)]
    ended = subprocess.run(
        [*command, "-n", "-W", "--keep-going", "--quiet"],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if ended.returncode:
        print(ended.stdout, file=sys.stderr)
    return ended.returncode


def _remove_unfinished(folder: Path) -> None:
    """Remove what renderings left that were interrupted, and the book that was replaced."""
    for path in [*folder.glob(f"{UNFINISHED}*"), *folder.glob(f"{REPLACED}*")]:
        shutil.rmtree(path)


def trim(html: Path) -> None:
    """Remove what no page asks for: bundles of MathJax but for the one in use, and source maps."""
    used = {"tex-chtml.js", "core.js", "loader.js", "startup.js"}
    spare = [path for path in (html / "_static" / "mathjax").glob("*.js") if path.name not in used]
    for path in [*spare, *html.rglob("*.js.map"), *html.rglob("*.css.map")]:
        path.unlink()


def stage(selected: list[str], edition: Edition) -> Path:
    """Make the sources of the rendered book, as they stand in book/, with the outputs in place.

    With them go the book's cover, the first picture of each chapter for the pages that show it,
    the networks of the live page, the page of execution times, and the results that the prose
    takes its numbers from.

    Parameters
    ----------
    selected : list of str
        Chapters that are executed in this edition; the others are as committed.
    edition : Edition
        The sources are made in its folder.

    Returns
    -------
    Path
        The folder of the sources.

    Raises
    ------
    ValueError
        Where a selected chapter has not been executed, with the command that does it; or where a
        chapter lacks the picture on the book's cover.
    """
    staged = edition.folder / "source"
    shutil.rmtree(staged, ignore_errors=True)
    left_out = shutil.ignore_patterns(".ipynb_checkpoints", "_build", ".*.partial*")
    shutil.copytree(places.book(), staged, ignore=left_out)
    (staged / numbers.FOLDER).mkdir(exist_ok=True)
    for chapter in chapters.names():
        here = chapter in selected
        notebook = chapters.merged(chapter, edition) if here else None
        notebook = notebook or chapters.read(chapters.source(chapter))
        write(with_named_folds(with_hero_first(notebook)), staged / f"{chapter}.ipynb")
        committed = places.RESULTS / "paper" / f"{chapter}.json"
        measured = edition.measured(chapter) if here else committed
        if measured.exists():
            shutil.copy(measured, staged / numbers.FOLDER)
        previews.write(staged, chapter)
    for picture in pictures.TOUR:
        pictures.write(staged, picture)
    files.write_text(staged / "execution.md", execution_page(staged))
    write_live(staged / "_extra" / "live")
    return staged


def write_live(folder: Path) -> None:
    """Write what the live pictures need beside their scripts.

    Parameters
    ----------
    folder : Path
        Of the scripts.
    """
    networks, test = models.load_all((*models.TABLE1, "ConvNet")), data.mnist("test")
    digits = test[:500]
    live.write(folder, networks, digits)
    # For the ConvNet proofs take longest, and their circles are too small to be seen.
    proved = {name: network for name, network in networks.items() if name != "ConvNet"}
    offered = live.offered(networks, digits)
    radii = {
        name: certify.certified_radius(network, offered.images, offered.labels).radius
        for name, network in proved.items()
    }
    live.write_radii(folder, radii)
    # The layer and the units of the chapter `units`.
    features = units.features(networks["ConvNet"], "relu3", test.images)
    lively = units.live(features, 10)
    live.write_features(folder, features[:, lively], lively.nonzero().flatten(), test)


def with_hero_first(notebook: NotebookNode) -> NotebookNode:
    """A chapter whose most important figure stands on its first screen.

    A chapter can draw that figure only at the end of its experiment; a page shows it right below
    the answer. The code stays where it is.

    Parameters
    ----------
    notebook : NotebookNode
        A chapter, whose cell of that figure, if it has one, has the tag "hero".

    Returns
    -------
    NotebookNode
        The same, changed in place: the cell's outputs, with caption and name, come after the first
        cell of prose.
    """
    heroes = [cell for cell in notebook.cells if HERO in cell.metadata.get("tags", [])]
    for cell in heroes[:1]:
        tags = [tag for tag in cell.metadata.tags if tag != HERO]
        shown = new_code_cell(
            "# This picture is drawn further down, and shown first.",
            id=f"{cell.id}-{HERO}",
            metadata={**cell.metadata, "tags": ["remove-input"]},
            outputs=cell.outputs,
            execution_count=cell.execution_count,
        )
        cell.metadata, cell.outputs = NotebookNode(tags=tags), []
        if "hide-input" in tags:  # without its figure the fold would not say what it draws
            cell.metadata["mystnb"] = NotebookNode(code_prompt_show=FIRST)
        titles = [at for at, each in enumerate(notebook.cells) if each.cell_type == "markdown"]
        notebook.cells.insert(titles[0] + 1 if titles else 0, shown)
    return notebook


def with_named_folds(notebook: NotebookNode) -> NotebookNode:
    """A chapter whose folds of code say what they hold, as far as their cells tell.

    Parameters
    ----------
    notebook : NotebookNode
        A chapter; a fold that has a name of its own, in its cell's metadata, keeps it.

    Returns
    -------
    NotebookNode
        The same, changed in place.
    """
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "hide-input" in tags:
            told = cell.metadata.setdefault("mystnb", {})
            name = _fold(cell, tags)
            told.setdefault("code_prompt_show", name)
            told.setdefault("code_prompt_hide", told["code_prompt_show"])
    return notebook


def _fold(cell: NotebookNode, tags: list[str]) -> str:
    """What the code of a cell is for."""
    if "parameters" in tags:
        return "Code: parameters of this run"
    if LEDGER in cell.source:
        return "Code: what this chapter needs"
    return "Code: the figure" if "figure" in cell.metadata.mystnb else "Code"


def execution_page(staged: Path) -> str:
    """A page that says how long each chapter took, under which profile, on which machine.

    Parameters
    ----------
    staged : Path
        The folder of the sources.

    Returns
    -------
    str
        Markdown; what comes from the machine or from a notebook is escaped.
    """
    here = {name: _plain(value) for name, value in machine.environment().items()}
    versions = f"with Python {here['python']} and torch {here['torch']} on {here['processor']}"
    lines = [
        "# Execution times",
        "",
        f"Rendered on {here['date']} {versions}.",
        "A chapter's seconds are those of its last execution, by papermill, its kernel's start "
        "included.",
        "Chapters that are executed at once share the cores.",
        "",
        ":::{table} How long each chapter took.",
        ":name: execution-times",
        "",
        "| Chapter | profile | data set | device | seconds |",
        "| --- | --- | --- | --- | ---: |",
    ]
    for chapter in chapters.names():
        made = chapters.read(staged / f"{chapter}.ipynb").metadata.get("helpers", {})
        settings = made.get("edition", {})
        told = [settings.get(name, "–") for name in ("profile", "dataset", "device")]
        told.append(made.get("seconds", "–"))
        lines.append(f"| {{doc}}`{chapter}` | {' | '.join(map(_plain, told))} |")
    return "\n".join([*lines, ":::", ""])


def _plain(text: object) -> str:
    """Text that Markdown shows as it is, in a cell of a table too."""
    return html.escape(str(text), quote=False).replace("|", "&#124;").replace("`", "&#96;")
