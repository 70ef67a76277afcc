"""What search engines, and links to a page, show of it."""

import os
import subprocess
import sys
from pathlib import Path

from bs4 import BeautifulSoup


def tags(folder: Path, site: str, page: str = "intro") -> dict[str, str]:
    """The meta tags of a page of a small book, by name, as Sphinx makes it for a site."""
    (folder / "conf.py").write_text(
        'extensions = ["myst_parser", "helpers.edition.metatags"]\n'
        'root_doc = "intro"\nhtml_title = "A <small> book"\n'
    )
    text = 'What is "found" stands first, as a newcomer reads it, and 3 < 4.'
    (folder / "intro.md").write_text(f"# Title\n\n{text}\n\nMore.\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(folder), str(folder / "html")]
    environment = {**os.environ, "SITE": site}
    subprocess.run(command, check=True, env=environment)
    read = BeautifulSoup((folder / "html" / f"{page}.html").read_text(), "html.parser")
    return {
        str(tag.get("name") or tag.get("property")): str(tag["content"])
        for tag in read.find_all("meta")
        if tag.get("name") or tag.get("property")
    }


def test_a_page_is_described_by_its_first_sentences(tmp_path: Path) -> None:
    found = tags(tmp_path, site="")
    assert found["description"] == found["og:description"]
    assert found["description"].startswith("What is “found” stands first")
    assert found["og:title"] == "Title"
    assert "og:image" not in found


def test_a_page_without_text_is_described_too(tmp_path: Path) -> None:
    assert tags(tmp_path, site="", page="search")["description"] == "Search the book for a word."


def test_a_published_page_has_a_card_at_a_whole_address(tmp_path: Path) -> None:
    found = tags(tmp_path, site="https://book.example/edition")
    assert found["og:url"] == "https://book.example/edition/intro.html"
    place, _, card = found["og:image"].partition("/edition/")
    assert place == "https://book.example"
    assert (tmp_path / "html" / card).exists()
