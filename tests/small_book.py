"""A book of small chapters for the tests of the pipeline; it imports nothing that takes long."""

import json
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.edition.chapters import Edition

PARAMETERS = 'profile = "paper"\nseed = 0\ndevice = "auto"\ndataset = "mnist"'
WORK = "value = 1.5 if profile == 'smoke' else 2.5"
WRITE = """import json, os, pathlib
path = pathlib.Path(os.environ["RESULTS"], profile, f"{name}.json")
path.parent.mkdir(parents=True, exist_ok=True)
number = globals().get("recorded", value)
records = [{"id": f"{name}/value", "value": number, "unit": "%"}]
path.write_text(json.dumps({"records": records}))"""


def write_chapter(book: Path, *cells: str, name: str = "one", seconds: float | None = None) -> None:
    """Write a chapter that runs the cells and then writes its `value`, or what is `recorded`.

    `seconds` is how long it is said to have taken.
    """
    code = [
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        *map(new_code_cell, cells),
        new_code_cell(f"name = {name!r}\n{WRITE}"),
    ]
    check = new_code_cell("print(value)", metadata={"tags": ["nbval-check-output"]})
    made = {} if seconds is None else {"helpers": {"seconds": seconds}}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(
        new_notebook(cells=[new_markdown_cell("# One"), *code, check], metadata=kernel | made),
        book / f"{name}.ipynb",
    )


def write_contents(book: Path, *names: str) -> None:
    """Write the table of contents of a book with these chapters, and a page that is no notebook."""
    listed = "".join(f"  - file: {name}\n" for name in names)
    (book / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nparts:\n"
        f"- chapters:\n{listed}- chapters:\n  - file: glossary\n"
    )


def arguments(edition: Edition, *options: str, command: str = "execute") -> list[str]:
    """The arguments of a command on a small book, for `helpers.__main__.main`."""
    settings = ["--profile", edition.profile, "--seed", str(edition.seed), "--device", "cpu"]
    return [command, "--build", str(edition.build), *settings, *options]


def value(edition: Edition, name: str = "one") -> float:
    """The number that a chapter's results file holds."""
    return json.loads(edition.measured(name).read_text())["records"][0]["value"]


def edit(path: Path, position: int, text: str, **metadata: object) -> None:
    """Change the text, and perhaps the metadata, of a notebook's cell."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[position].source = text
    notebook.cells[position].metadata.update(metadata)
    nbformat.write(notebook, path)
