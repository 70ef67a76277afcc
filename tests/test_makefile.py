"""The Makefile at the door: what it refuses before it installs, makes or removes anything."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers import places


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with as much as the refusals need, and no virtual environment."""
    return copy(tmp_path / "checkout")


def copy(folder: Path) -> Path:
    for name in ("Makefile", "requirements.txt"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(places.ROOT / name, folder)
    for name in ("__init__.py", "__main__.py", "places.py", "edition/__init__.py"):
        (folder / "src" / "helpers" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(places.PACKAGE / name, folder / "src" / "helpers" / name)
    shutil.copy(places.PACKAGE / "edition" / "folders.py", folder / "src" / "helpers" / "edition")
    (folder / "book").mkdir()
    (folder / "book" / "intro.md").touch()
    return folder


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make; a settings of the surrounding run must not reach it."""
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BUILD", "PROFILE", "DATASET", "VENV", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return subprocess.run(
        ["make", "-C", str(checkout), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("build", ["", ".", "..", "/", "book", "book/x", "src/x", "a:b"])
@pytest.mark.parametrize("target", ["book", "test", "clean"])
def test_a_folder_that_is_not_to_be_built_in_is_refused(
    checkout: Path, tmp_path: Path, build: str, target: str
) -> None:
    before = everything(tmp_path)
    ended = make(checkout, target, f"BUILD={build}")
    assert ended.returncode == 2
    assert "need a folder" in ended.stderr or "BUILD" in ended.stderr
    assert everything(tmp_path) == before


def test_clean_works_without_anything_installed_and_removes_what_was_built_only(
    checkout: Path, tmp_path: Path
) -> None:
    before = everything(tmp_path)
    (checkout / "_build" / "paper" / "html").mkdir(parents=True)
    assert make(checkout, "clean").returncode == 0
    assert everything(tmp_path) == before
    own = tmp_path / "own"
    (own / "paper").mkdir(parents=True)
    ended = make(checkout, "clean", f"BUILD={own}")
    assert ended.returncode == 2
    assert "was not made by this book" in ended.stderr
    assert (own / "paper").exists()


def test_a_colon_in_the_checkouts_path_is_told_at_once(tmp_path: Path) -> None:
    ended = make(copy(tmp_path / "a:b"), "book")
    assert ended.returncode == 2
    assert "colon" in ended.stderr
    assert not (tmp_path / "a:b" / ".venv").exists()


def test_a_python_that_is_too_old_is_told_before_anything_is_installed(
    checkout: Path, tmp_path: Path
) -> None:
    old = tmp_path / "python3.10"
    old.write_text(
        "#!/bin/sh\n"
        'code=$(printf "%s" "$2" | sed "s/v = sys.version_info\\[:2\\]/v = (3, 10)/")\n'
        'exec python3 -c "$code"\n'
    )
    old.chmod(0o755)
    ended = make(checkout, "book", f"PYTHON={old}")
    assert ended.returncode == 2
    assert "needs Python 3.11 or newer, got 3.10" in ended.stderr
    assert not (checkout / ".venv").exists()
    assert not (checkout / "_build").exists()


@pytest.mark.parametrize("target", ["zip", "pdf", "browser"])
def test_a_book_that_is_not_rendered_is_told_before_anything_is_installed(
    checkout: Path, target: str
) -> None:
    (checkout / "_build" / "smoke" / "html").mkdir(parents=True)
    (checkout / "_build" / "smoke" / "html" / "index.html").touch()
    ended = make(checkout, target, "PROFILE=smoke", "DATASET=kmnist")
    assert ended.returncode == 2
    assert "there is no rendered book in _build/smoke-kmnist/html: run make book" in ended.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("dataset", ["mnist", "kmnist"])
def test_tests_look_where_the_edition_is(checkout: Path, dataset: str) -> None:
    folder = "_build/smoke" if dataset == "mnist" else "_build/smoke-kmnist"
    html = checkout / folder / "html"
    html.mkdir(parents=True)
    (html / "index.html").touch()
    options = ("--dry-run", "PROFILE=smoke", f"DATASET={dataset}")
    for target in ("test", "browser"):
        assert f'HTML="{folder}/html"' in make(checkout, target, *options).stdout
    assert f'PDF="{folder}/intriguing' in make(checkout, "pdf", *options).stdout
