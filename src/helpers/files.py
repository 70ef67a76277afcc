"""Files that are never half written: a reader sees the old content or the new, nothing between."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which becomes `path` on leaving without an error.

    After an error it is removed, and what was at `path` before stays. On leaving, the content and
    the new name are on the disk: a power failure cannot take them back or leave an empty file.

    Parameters
    ----------
    path : Path
        The file to write; folders that it lacks are made.

    Yields
    ------
    Path
        Of an empty file with the suffix of `path`, to be written by whatever takes a path.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic(Path(folder) / "one" / "two.txt") as temporary:
    ...         _ = temporary.write_text("content")
    ...     [(file.name, file.read_text()) for file in (Path(folder) / "one").iterdir()]
    [('two.txt', 'content')]
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{path.stem}-", suffix=f".partial{path.suffix}", dir=path.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        # The content before the name: else the disk may hold the new name of an empty file.
        _flush(temporary)
        temporary.replace(path)
        # The name is part of the folder, which is flushed by itself.
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, atomically.

    Parameters
    ----------
    path : Path
        The file; it and the folders that it lacks are made.
    text : str
        All of its content.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_text(Path(folder) / "a.txt", "λ")
    ...     len((Path(folder) / "a.txt").read_bytes())
    2
    """
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(content: bytes) -> str:
    """SHA-256 of `content`, 64 hexadecimal digits.

    Parameters
    ----------
    content : bytes
        The bytes.

    Returns
    -------
    str
        In lower case.

    Examples
    --------
    >>> sha256(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(content).hexdigest()


def _flush(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
