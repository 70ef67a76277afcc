"""Render the executed chapters as an HTML book that needs no network to be read."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from helpers import files, machine, places
from helpers.edition import chapters, pictures
from helpers.edition.chapters import Edition


def render(selected: list[str], edition: Edition) -> int:
    """Build <edition>/html from the selected chapters as this edition executed them, the others as committed.

    A strict build: every warning is an error. Returns jupyter-book's exit status.
    """
    staged = stage(selected, edition)
    command = [
        str(Path(sys.executable).parent / "jupyter-book"),
        "build",
        str(staged),
        "--config",
        str(places.CONFIG),
    ]
    status = subprocess.run(
        [*command, "--path-output", str(edition.folder), "-n", "-W", "--keep-going", "--quiet"],
        check=False,
    ).returncode
    if status:
        return status
    shutil.rmtree(edition.html, ignore_errors=True)
    (edition.folder / "_build" / "html").rename(edition.html)
    trim(edition.html)
    print(f"The book is at {edition.html.resolve() / 'index.html'}")
    return 0


def trim(html: Path) -> None:
    """Remove what no page asks for: the other bundles of MathJax, of which one page loads one, and source maps."""
    used = {"tex-chtml.js", "core.js", "loader.js", "startup.js"}
    spare = [path for path in (html / "_static" / "mathjax").glob("*.js") if path.name not in used]
    for path in [*spare, *html.rglob("*.js.map"), *html.rglob("*.css.map")]:
        path.unlink()


def stage(selected: list[str], edition: Edition) -> Path:
    """Copy book/ into the edition's folder with the executed chapters in place, and write the execution-time page."""
    staged = edition.folder / "source"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(
        places.book(), staged, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "_build")
    )
    for chapter in selected:
        shutil.copy(edition.executed(chapter), staged)
    for picture in pictures.TOUR:
        pictures.write(staged, picture)
    files.write_text(staged / "execution.md", execution_page(staged))
    return staged


def execution_page(staged: Path) -> str:
    """A page that says how long each chapter took, under which profile, on which machine."""
    here = machine.environment()
    lines = [
        "# Execution times",
        "",
        f"Rendered on {here['date']} with Python {here['python']} and torch {here['torch']} on {here['processor']}.",
        "A chapter's seconds are those of its last execution, by papermill, its kernel's start included.",
        "Chapters that are executed at once share the cores.",
        "",
        ":::{table} How long each chapter took.",
        ":name: execution-times",
        "",
        "| Chapter | profile | data set | device | seconds |",
        "| --- | --- | --- | --- | ---: |",
    ]
    for chapter in chapters.names():
        made = nbformat.read(staged / f"{chapter}.ipynb", as_version=4).metadata.get("helpers")
        cells = (
            [
                made["edition"]["profile"],
                made["edition"]["dataset"],
                made["edition"]["device"],
                str(made["seconds"]),
            ]
            if made
            else ["–"] * 4
        )
        lines.append(f"| {{doc}}`{chapter}` | {' | '.join(cells)} |")
    return "\n".join([*lines, ":::", ""])
