"""The commands behind the Makefile: python -m helpers execute|validate|render|reference|zip|pdf [CHAPTER ...]."""

import argparse
import signal
import sys
from pathlib import Path

from helpers.edition import chapters, pipeline, rendering, validation
from helpers.edition.chapters import DEFAULTS, Edition


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a chapter that failed, 2 for bad input."""
    options = _parser().parse_intermixed_args(arguments)
    try:
        edition = Edition(
            options.build, options.profile, options.seed, options.device, options.dataset
        )
        selected = chapters.select(options.chapters)
        jobs = pipeline.jobs(options.jobs, options.device, len(selected))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return _run(options.command, selected, edition, jobs)


def _run(command: str, selected: list[str], edition: Edition, jobs: int) -> int:
    if command == "render":
        return rendering.render(selected, edition)
    if command in {"zip", "pdf"}:
        from helpers.edition import printing  # needs the extra "browser"

        made = edition.folder / f"intriguing-properties-executed.{command}"
        (printing.archive if command == "zip" else printing.pdf)(edition.html, made)
        print(f"Made {made.resolve()}")
        return 0
    if command == "validate":
        return validation.validate(selected, edition, jobs)
    status = pipeline.execute(selected, edition, jobs)
    if command == "reference" and not status:
        chapters.commit(selected, edition)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers",
        description="Execute, validate and render the chapters of the book.",
    )
    parser.add_argument(
        "command", choices=["execute", "validate", "render", "reference", "zip", "pdf"]
    )
    parser.add_argument("chapters", nargs="*", help="all of them where none is named")
    parser.add_argument(
        "--build", type=Path, default=Path("_build"), help="where everything is built"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        help=f"chapters at once; as many as there are cores, at most {pipeline.MOST}, and one on a GPU",
    )
    parser.add_argument("--profile", default=DEFAULTS["profile"])
    parser.add_argument("--seed", type=int, default=DEFAULTS["seed"])
    parser.add_argument("--device", default=DEFAULTS["device"])
    parser.add_argument("--dataset", default=DEFAULTS["dataset"])
    return parser


if __name__ == "__main__":
    signal.signal(
        signal.SIGTERM, lambda number, _: sys.exit(128 + number)
    )  # as an exception, so that kernels end with it
    sys.exit(main())
