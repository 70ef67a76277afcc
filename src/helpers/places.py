"""Where things are: the package, its assets, the book, the committed results, the user's cache. No other module knows."""

import os
from pathlib import Path

PACKAGE = Path(__file__).parent
ASSETS = PACKAGE / "assets"  # MNIST, checkpoints, AlexNet's convolutions: shipped with the package
ROOT = PACKAGE.parents[1]  # of the repository
CONFIG = ROOT / "_config.yml"  # Jupyter Book's
RESULTS = ROOT / "results"  # the numbers of the committed edition
BENCHMARKS = RESULTS / "benchmarks"  # what `make bench` measured


def book() -> Path:
    """The folder of the chapters: $BOOK, else the repository's."""
    return Path(os.environ.get("BOOK") or ROOT / "book")


def cache() -> Path:
    """Where downloaded sets and networks trained on them are kept: $HELPERS_CACHE, else ~/.cache/intriguing-properties."""
    return Path(os.environ.get("HELPERS_CACHE") or "~/.cache/intriguing-properties").expanduser()
