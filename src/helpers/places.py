"""Where things are: the package, its assets, the book, the results, the user's cache.

No other module computes a path from its own.
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).parent
ASSETS = PACKAGE / "assets"  # data, networks, photographs: shipped with the package
ROOT = PACKAGE.parents[1]  # of the repository
CONFIG = ROOT / "_config.yml"  # Jupyter Book's
RESULTS = ROOT / "results"  # the numbers of the committed edition
BENCHMARKS = RESULTS / "benchmarks"  # what `make bench` measured
TRAINING = RESULTS / "training"  # what `make training` measured


def book() -> Path:
    """The folder of the chapters.

    Returns
    -------
    Path
        $BOOK where it is set, else the repository's.

    Examples
    --------
    >>> "BOOK" in os.environ or book() == ROOT / "book"
    True
    """
    return Path(os.environ.get("BOOK") or ROOT / "book")


def cache() -> Path:
    """Where downloaded data sets, and the networks trained on them, are kept.

    Returns
    -------
    Path
        $HELPERS_CACHE where it is set, else ~/.cache/intriguing-properties. It may not exist yet.

    Examples
    --------
    >>> "HELPERS_CACHE" in os.environ or cache().name == "intriguing-properties"
    True
    """
    return Path(os.environ.get("HELPERS_CACHE") or "~/.cache/intriguing-properties").expanduser()


def images() -> Path | None:
    """Where the user's own photographs are, for the chapter on natural images.

    Returns
    -------
    Path or None
        $IMAGES where it is set; else None, and those that are shipped are used.

    Raises
    ------
    ValueError
        Where it is no folder.

    Examples
    --------
    >>> bool(os.environ.get("IMAGES")) or images() is None
    True
    """
    named = os.environ.get("IMAGES")
    if not named:
        return None
    folder = Path(named).expanduser().absolute()
    if not folder.is_dir():
        raise ValueError(f"IMAGES: need a folder of pictures, got {named!r}")
    return folder
