"""The folder that everything is built in: where it may be, who builds in it, what is removed.

It needs nothing but Python itself, so that `make clean` works before anything is installed.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers import places

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

MARKER = ".made-by-intriguing-properties"  # says that a folder is ours to clean; holds the lock
TRACKED = (".ci", ".git", ".github", "benchmarks", "book", "results", "src", "tests")
# What is made in a build folder: the editions of each profile and their results, with the name of a
# data set that is not the usual one; the virtual environment; the tests' cache.
EDITIONS = {
    f"{name}{dataset}"
    for name in ("smoke", "paper", "full", "results")
    for dataset in ("", "-fashion-mnist", "-kmnist")
}
OURS = EDITIONS | {"venv", ".pytest_cache"}
UNFINISHED = ".*.partial*"  # what `files.atomic` writes before it takes the place of the old file


def checked(build: str) -> Path:
    """The folder to build in.

    Parameters
    ----------
    build : str
        Its path, from the working folder.

    Raises
    ------
    ValueError
        Where nothing may be built: an empty path, the repository or a folder around it, the user's
        home or one around it, a folder of the repository's own files, a file.

    Examples
    --------
    >>> checked("/tmp/book").as_posix()
    '/tmp/book'
    >>> checked("")
    Traceback (most recent call last):
    ...
    ValueError: build: need a folder to build in, got an empty path
    """
    if not build.strip():
        raise ValueError("build: need a folder to build in, got an empty path")
    path, root, home = Path(build).resolve(), places.ROOT.resolve(), _home()
    if path in (root, *root.parents):
        raise ValueError(f"build: need a folder of its own, got {path}, which holds the repository")
    if path in (home, *home.parents):
        raise ValueError(f"build: need a folder of its own, got {path}, which holds your home")
    inside = path.relative_to(root).parts[0] if root in path.parents else ""
    if inside in TRACKED:
        raise ValueError(f"build: need a folder for what is built, got {path}, within {inside}/")
    if path.exists() and not path.is_dir():
        raise ValueError(f"build: need a folder, got the file {path}")
    return Path(build)


def prepare(build: Path) -> None:
    """Make a build folder, and mark it as one, so that `clean` may empty it.

    Parameters
    ----------
    build : Path
        As `checked` returns it.

    Raises
    ------
    ValueError
        Where the folder holds other things: someone's own may be called "results", too. Only the
        usual place, the repository's _build/, is ours whatever it holds.
    """
    build.mkdir(parents=True, exist_ok=True)
    there = sorted(path.name for path in build.iterdir())
    if MARKER in there:
        return
    if there and not _usual(build):
        raise ValueError(
            f"build: need an empty folder, or one that was built in before, got {build}, which "
            f"holds {', '.join(there[:3])}"
        )
    (build / MARKER).touch()


@contextmanager
def locked(build: Path) -> Iterator[None]:
    """Have a build folder for oneself; it is made where it does not exist.

    The system drops the lock when the process ends, however it ends. What an earlier run left half
    written is removed first.

    Parameters
    ----------
    build : Path
        As `checked` returns it.

    Raises
    ------
    ValueError
        Where another process builds there, naming it; or where the folder holds other things, and
        so is not one that could be cleaned.
    """
    prepare(build)
    with (build / MARKER).open("a+", encoding="utf-8") as file:
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise ValueError(
                    f"build: {build} is in use by process {file.read().strip() or 'unknown'}; "
                    "wait until it has ended, or choose another folder with BUILD="
                ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        for folder in build.iterdir():
            if folder.name in EDITIONS:
                sweep(folder)
        try:
            yield
        finally:
            file.truncate(0)


def clean(build: Path) -> list[Path]:
    """Remove what was made in a build folder, and the folder where nothing else is in it.

    Parameters
    ----------
    build : Path
        As `checked` returns it.

    Returns
    -------
    list of Path
        What is still there, as it was not made here.

    Raises
    ------
    ValueError
        Where the folder is not marked as one that was built in, or another process builds there.
    """
    for folder in ("book", "results", "src"):
        sweep(places.ROOT / folder)
    if not build.exists():
        return []
    if not (build / MARKER).exists() and not _usual(build):
        raise ValueError(f"build: {build} was not made by this book (it has no file {MARKER})")
    with locked(build):
        for path in sorted(build.iterdir()):
            if path.name in OURS:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        left = [path for path in sorted(build.iterdir()) if path.name != MARKER]
        (build / MARKER).unlink()
    if not left and not build.is_symlink():
        build.rmdir()
    return left


def sweep(folder: Path) -> None:
    """Remove, in a folder and below, what a process that was killed left half written."""
    for path in folder.rglob(UNFINISHED):
        if path.is_file():
            path.unlink(missing_ok=True)


def _usual(build: Path) -> bool:
    """Whether a folder is the repository's _build/."""
    return build.resolve() == (places.ROOT / "_build").resolve()


def _home() -> Path:
    """The user's home; where there is none, the root of all folders."""
    try:
        return Path.home().resolve()
    except RuntimeError:
        return Path("/")
