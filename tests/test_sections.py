"""What the search of the book knows of a page, against pages written by hand."""

import json
from pathlib import Path

from helpers.edition import sections

PAGE = """<html><body><nav>Contents</nav><article>
<section id="noise"><h1>5. Noise<a class="headerlink" href="#noise">#</a></h1>
  <p>It <em>is</em> harmless.</p><pre>print("code")</pre>
  <span id="alias"></span>
  <section id="law"><h2>5.1. The law</h2><p>A factor of <b>28</b>, or \
<span class="math">\\(\\sqrt{m}\\)</span>.</p>
    <section id="case"><h3>A case</h3><p>FGSM.</p></section>
  </section>
  <section id="end"><h2>5.2. Last</h2><table><tr><td>256</td><td>7.0</td></tr></table></section>
</section></article></body></html>"""
REFERENCE = """<article><section id="search"><h1>Search</h1><dl class="py function">
<dt class="sig" id="helpers.find"><span class="descclassname">helpers.</span>\
<span class="descname">find</span>(images)</dt><dd><p>Find it.</p></dd></dl></section></article>"""


def test_each_section_has_its_own_words_and_not_those_of_its_parts() -> None:
    found = sections.of_page(PAGE, "noise.html")
    assert {section["page"] for section in found} == {"5. Noise"}
    assert [(section["title"], section["url"]) for section in found] == [
        ("5. Noise", "noise.html#noise"),
        ("5.1. The law", "noise.html#law"),
        ("A case", "noise.html#case"),
        ("5.2. Last", "noise.html#end"),
    ]
    # Neither code nor formulas; numbers and what tables hold.
    told = [section["text"] for section in found]
    assert told == ["It is harmless.", "A factor of 28, or.", "FGSM.", "256 7.0"]


def test_an_entry_of_the_reference_goes_by_its_name() -> None:
    assert sections.of_page(REFERENCE, "reference/search.html")[1] == {
        "page": "Search",
        "title": "find",
        "url": "reference/search.html#helpers.find",
        "text": "Find it.",
    }


def test_a_page_without_an_article_has_no_sections() -> None:
    assert sections.of_page("<html><body><p>Go on.</p></body></html>", "index.html") == []


def test_all_pages_are_in_one_script(tmp_path: Path) -> None:
    for name in ("noise.html", "reference/search.html", "_sources/old.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(PAGE if name != "reference/search.html" else REFERENCE)
    sections.write(tmp_path)
    script = (tmp_path / "find" / "sections.js").read_text()
    found = json.loads(script.removeprefix("window.bookSections = ").removesuffix(";\n"))
    urls = {section["url"].partition("#")[0] for section in found}
    assert urls == {"noise.html", "reference/search.html"}
