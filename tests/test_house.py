"""The rooms of the package: what imports what is written down in pyproject.toml, and holds."""

import subprocess
import sys
from pathlib import Path

from helpers import places


def test_no_room_imports_from_a_higher_floor_and_there_is_no_circle() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    told = subprocess.run(command, cwd=places.ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_no_module_but_places_computes_a_path_from_its_own() -> None:
    users = {
        path.relative_to(places.PACKAGE).as_posix()
        for path in places.PACKAGE.rglob("*.py")
        if "__file__" in path.read_text(encoding="utf-8")
    }
    assert users == {"places.py"}
