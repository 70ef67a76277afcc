"""The commands behind the Makefile: python -m helpers COMMAND [CHAPTER ...].

What takes long to import is imported by the commands that need it: `prepare` and `clean` work
before anything is installed.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.edition import folders

if TYPE_CHECKING:
    from helpers.edition.chapters import Edition

COMMANDS = ("execute", "validate", "render", "reference", "zip", "pdf", "prepare", "clean")
CHAPTER = "chapter"  # within `execute`: one chapter, in a process that lives as long as its parent


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : list of str, optional
        Instead of the process's own.

    Returns
    -------
    int
        The exit status: 0; 1 for a chapter that failed; 2 for bad input; 130 for an interrupt.
    """
    options = _parser().parse_intermixed_args(arguments)
    try:
        build = folders.checked(options.build)
        if options.command in {"prepare", "clean"}:
            return _prepare(build) if options.command == "prepare" else _clean(build)
        return _on_chapters(options, build)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the next run goes on from what is done", file=sys.stderr)
        return 130


def _prepare(build: Path) -> int:
    """Make the build folder."""
    folders.prepare(build)
    return 0


def _clean(build: Path) -> int:
    """Empty the build folder, and tell what is left in it."""
    for path in folders.clean(build):
        print(f"Left {path}: the book did not make it")
    return 0


def _on_chapters(options: argparse.Namespace, build: Path) -> int:
    """Run a command on the selected chapters, alone in the build folder."""
    from helpers.edition import chapters, pipeline
    from helpers.edition.chapters import DEFAULTS, Edition

    settings = {name: value for name in DEFAULTS if (value := getattr(options, name)) is not None}
    edition = Edition(build, **settings)
    selected = chapters.select(options.chapters)
    if options.command == CHAPTER:
        return _chapter(selected, edition)
    jobs = pipeline.jobs(options.jobs, edition.device, len(selected))
    with folders.locked(build):
        return _run(options.command, selected, edition, jobs)


def _run(command: str, selected: list[str], edition: "Edition", jobs: int) -> int:
    from helpers.edition import execution, pipeline, rendering, validation

    if command == "render":
        return rendering.render(selected, edition)
    if command in {"zip", "pdf"}:
        return _print(command, edition)
    if command == "validate":
        return validation.validate(selected, edition, jobs)
    status = pipeline.execute(selected, edition, jobs)
    if command == "reference" and not status:
        execution.commit(selected, edition)
    return status


def _print(command: str, edition: "Edition") -> int:
    """Make one file of the rendered book."""
    if not (edition.html / "index.html").exists():
        told = f"make it with: {edition.make('book')}"
        raise ValueError(f"there is no rendered book in {edition.html}; {told}")
    from helpers.edition import printing  # needs the extra "browser"

    made = edition.folder / f"intriguing-properties-executed.{command}"
    (printing.archive if command == "zip" else printing.pdf)(edition.html, made)
    printing.offer(edition.html, made)
    print(f"Made {made.resolve()}")
    return 0


def _chapter(selected: list[str], edition: "Edition") -> int:
    """Execute one chapter for a parent that holds the lock of the build folder."""
    from helpers.edition import pipeline

    threading.Thread(target=_end_with_parent, daemon=True).start()
    error = pipeline.here(selected[0], edition)
    if error:
        print(error, file=sys.stderr)
    return 1 if error else 0


def _end_with_parent() -> None:
    """End this process when nothing holds the other end of its standard input any more."""
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers",
        description="Execute, validate and render the chapters of the book.",
    )
    parser.add_argument("command", choices=[*COMMANDS, CHAPTER], metavar="|".join(COMMANDS))
    parser.add_argument("chapters", nargs="*", help="all of them where none is named")
    parser.add_argument("--build", default="_build", help="where everything is built")
    parser.add_argument(
        "--jobs",
        type=int,
        help="chapters at once; as many as there are cores, four at most, and one on a GPU",
    )
    parser.add_argument("--profile", help="how much is measured: smoke, paper (as committed), full")
    parser.add_argument("--seed", type=int, help="of every random number, 0 by default")
    parser.add_argument("--device", help="auto (the GPU where there is one), cpu or cuda")
    parser.add_argument("--dataset", help="mnist, fashion-mnist or kmnist")
    return parser


if __name__ == "__main__":
    # As an exception, so that kernels end with this process.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main())
