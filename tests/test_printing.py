"""The one page that becomes the PDF: ids and links of several pages, what was folded; the zip."""

import shutil
from pathlib import Path

from bs4 import BeautifulSoup
from small_book import write_contents

from helpers.edition import printing

PAGE = """<html><head><script>window.MathJax = {{}}</script><script src="x.js"></script></head>
<body><nav>menu</nav><article class="bd-article">
<h1 id="top">{name}<a class="headerlink" href="#top">#</a></h1>{body}</article></body></html>"""


def made(html: Path, **bodies: str) -> BeautifulSoup:
    for name, body in bodies.items():
        (html / f"{name}.html").write_text(PAGE.format(name=name, body=body))
    return BeautifulSoup(printing.one_page(html, list(bodies)), "html.parser")


def test_links_between_pages_lead_to_ids_of_the_one_page(tmp_path: Path) -> None:
    addresses = ("two.html#top", "#top", "two.html", "https://example.org")
    links = "".join(f'<a href="{address}">x</a>' for address in addresses)
    whole = made(tmp_path, one=links, two="<p id='here'>x</p>")
    found = [str(link["href"]) for link in whole.find_all("a")]
    assert found == ["#two--top", "#one--top", "#two--", "https://example.org"]
    assert all(whole.find(id=address[1:]) for address in found if address.startswith("#"))
    assert [heading.get_text() for heading in whole.find_all("h1")] == ["one", "two"]


def test_a_link_to_a_page_that_is_not_printed_is_text(tmp_path: Path) -> None:
    links = '<a href="reference/two.html#x">A</a><a href="genindex.html">B</a><a href="x.zip">C</a>'
    whole = made(tmp_path, one=f"<p>{links}</p>", two="")
    assert [str(link["href"]) for link in whole.find_all("a")] == ["x.zip"]
    assert whole.find("p").get_text() == "ABC"


def test_the_pages_in_folders_are_not_printed(book: Path) -> None:
    write_contents(book, "one", "reference/search", "two")
    assert printing.printed() == ["intro", "one", "two", "glossary"]


def test_folded_code_is_left_out_and_the_rest_unfolded(tmp_path: Path) -> None:
    body = (
        '<details class="hide above-input"><summary>Show</summary>CODE</details>'
        '<details class="hide below-input"><summary>Show</summary>OUTPUT</details>'
        '<div class="admonition dropdown">SOLUTION</div>'
        '<a class="image-reference" href="_images/x.png"><img src="_images/x.png"/></a>'
    )
    whole = made(tmp_path, one=body)
    text = whole.get_text()
    assert "OUTPUT" in text
    assert "SOLUTION" in text
    assert "CODE" not in text
    assert "Show" not in text
    assert "menu" not in text
    assert whole.find("details") is None
    assert whole.select(".dropdown, a.image-reference") == []
    assert whole.find("img") is not None
    assert len(whole.find_all("script")) == 1


def test_a_zip_holds_the_pages_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "html" / "sub").mkdir(parents=True)
    (tmp_path / "html" / "sub" / "a.txt").write_text("a")
    (tmp_path / "other.txt").write_text("b")
    printing.archive(tmp_path / "html", tmp_path / "book.zip")
    shutil.unpack_archive(tmp_path / "book.zip", tmp_path / "out")
    assert [
        path.relative_to(tmp_path / "out").as_posix()
        for path in sorted((tmp_path / "out").rglob("*"))
        if path.is_file()
    ] == ["html/sub/a.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "book.zip",
        "html",
        "other.txt",
        "out",
    ]


def test_a_page_that_a_killed_printing_left_is_not_in_the_zip(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").touch()
    (tmp_path / "html" / printing.ONE_PAGE).touch()
    printing.archive(tmp_path / "html", tmp_path / "book.zip")
    shutil.unpack_archive(tmp_path / "book.zip", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out" / "html").iterdir()] == ["index.html"]


def test_pages_link_to_the_files_that_were_made(tmp_path: Path) -> None:
    (html := tmp_path / "html").mkdir()
    (html / "files.js").write_text("window.bookFiles = [];\n")
    for name in ("book.zip", "book.pdf"):
        (tmp_path / name).write_bytes(name.encode())
        printing.offer(html, tmp_path / name)
    assert (html / "files.js").read_text() == 'window.bookFiles = ["book.pdf", "book.zip"];\n'
    assert (html / "book.pdf").read_bytes() == b"book.pdf"
    # A zip that is made anew does not hold the last one.
    printing.archive(html, tmp_path / "book.zip")
    shutil.unpack_archive(tmp_path / "book.zip", tmp_path / "out")
    held = {path.name for path in (tmp_path / "out" / "html").iterdir()}
    assert held == {"files.js", "book.pdf"}
