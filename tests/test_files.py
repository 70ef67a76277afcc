import os
import stat
from pathlib import Path

import pytest

from helpers import files


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "a.txt"
    files.write_text(file, "old")
    with pytest.raises(UnicodeEncodeError):
        files.write_text(file, "half of the n\ud800w")
    assert file.read_text() == "old"
    files.write_text(file, "new")
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [path.name for path in file.parent.iterdir()] == ["a.txt"]


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power failure leaves can't be tried; the order of what is flushed can."""
    file = tmp_path / "a.txt"
    file.write_text("old")
    flushed = []

    def fsync(handle: int) -> None:
        flushed.append((os.fstat(handle).st_ino, file.read_text()))

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_text(file, "new")
    assert flushed == [(file.stat().st_ino, "old"), (tmp_path.stat().st_ino, "new")]


def test_nothing_is_flushed_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: pytest.fail("flushed"))
    with pytest.raises(UnicodeEncodeError):
        files.write_text(tmp_path / "a.txt", "\ud800")
    assert list(tmp_path.iterdir()) == []
