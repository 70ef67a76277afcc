"""Pictures that a reader moves: what a page asks for where it has one."""

import re
import subprocess
import sys
from pathlib import Path

from helpers.edition import live_parts


def build(folder: Path, page: str) -> subprocess.CompletedProcess[str]:
    """A page, beside a script called `pull`, made by Sphinx."""
    (folder / "conf.py").write_text(
        'extensions = ["myst_parser", "helpers.edition.live_parts"]\nroot_doc = "intro"\n'
        'myst_enable_extensions = ["colon_fence"]\n'
    )
    scripts = folder / live_parts.FOLDER
    scripts.mkdir(parents=True)
    (scripts / "pull.js").write_text("")
    (folder / "intro.md").write_text(f"# Book\n\n{page}\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(folder), str(folder / "html")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_part_has_its_caption_and_its_scripts_once(tmp_path: Path) -> None:
    part = ":::{live} pull\nMove *it*.\n:::\n"
    told = build(tmp_path, f"{part}\nBetween.\n\n{part}")
    assert told.returncode == 0, told.stderr
    html = (tmp_path / "html" / "intro.html").read_text()
    place = r'<div class="[^"]*live live-part live-pull[^"]*">\s*<p>Move <em>it</em>.</p>'
    assert len(re.findall(place, html)) == 2
    loaded = re.findall(r'<script defer src="live/(\w+).js">', html)
    assert loaded == [*live_parts.SHARED, "pull"]


def test_a_part_without_a_script_is_an_error(tmp_path: Path) -> None:
    told = build(tmp_path, ":::{live} push\nMove it.\n:::")
    assert told.returncode != 0
    assert "push: no _extra/live/push.js" in told.stderr
