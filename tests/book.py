"""Static checks of a rendered book, in the folder $HTML.

It asks no other host for anything, and nothing in it is broken.
"""

import functools
import itertools
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

HTML = Path(os.environ["HTML"]).resolve()
# index.html only leads to intro.html; what Sphinx keeps for itself lies in folders with a _.
PAGES = sorted(
    path
    for path in HTML.rglob("*.html")
    if path.name != "index.html" and not path.relative_to(HTML).parts[0].startswith("_")
)
LOADED = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
    "embed": "src",
}
ELSEWHERE = re.compile(r"^(https?:)?//", re.IGNORECASE)


def name(page: Path) -> str:
    """A page's address within the book."""
    return page.relative_to(HTML).as_posix()


@pytest.fixture(params=PAGES, ids=name)
def page(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@functools.cache
def parsed(page: Path) -> BeautifulSoup:
    """A page, read once for all tests: none of them changes it."""
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


@functools.cache
def identifiers(page: Path) -> set[str]:
    """Everything in a page that a link may lead to."""
    return {str(tag["id"]) for tag in parsed(page).find_all(id=True)}


@pytest.fixture
def soup(page: Path) -> BeautifulSoup:
    return parsed(page)


def loaded(soup: BeautifulSoup) -> list[str]:
    """Everything that a browser fetches by itself when it opens the page."""
    fetched = [
        str(tag[attribute])
        for name, attribute in LOADED.items()
        for tag in soup.find_all(name)
        if tag.get(attribute)
    ]
    return [address for address in fetched if not address.startswith("data:")]


def test_the_book_has_its_pages() -> None:
    names = {name(page).removesuffix(".html") for page in PAGES}
    assert {
        "intro",
        "models",
        "units",
        "units_measured",
        "adversarial_search",
        "transfer",
        "noise",
        "lipschitz",
        "training",
        "natural_images",
        "summary",
        "since_2014",
        "statistics",
        "reproduction",
        "reference/networks",
        "reference/search",
        "glossary",
        "bibliography",
        "execution",
    } <= names


def test_nothing_is_fetched_from_another_host(soup: BeautifulSoup) -> None:
    canonical = {str(tag["href"]) for tag in soup.find_all("link", rel="canonical")}
    assert [
        address for address in loaded(soup) if ELSEWHERE.match(address) and address not in canonical
    ] == []


def test_no_script_in_the_page_names_another_host_to_fetch_from(soup: BeautifulSoup) -> None:
    scripts = "\n".join(tag.get_text() for tag in soup.find_all("script") if not tag.get("src"))
    named = set(re.findall(r"https?://[^\s\"'`]+", scripts))
    assert named == set()


def test_style_sheets_fetch_nothing_from_another_host() -> None:
    for sheet in HTML.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8", errors="replace")
        assert not re.search(r"url\(\s*[\"']?(https?:)?//", text), sheet
        assert not re.search(r"@import\s+[\"'](https?:)?//", text), sheet


def test_everything_that_is_fetched_is_there(page: Path, soup: BeautifulSoup) -> None:
    missing = [
        address
        for address in loaded(soup)
        if not ELSEWHERE.match(address)
        and not (page.parent / unquote(urlsplit(address).path)).exists()
    ]
    assert missing == []


def test_links_within_the_book_lead_somewhere(page: Path, soup: BeautifulSoup) -> None:
    broken = []
    for link in soup.find_all("a", href=True):
        parts = urlsplit(str(link["href"]))
        if parts.scheme or parts.netloc:
            continue
        target = page.parent / unquote(parts.path) if parts.path else page
        if not target.exists() or (
            parts.fragment
            and target.suffix == ".html"
            and unquote(parts.fragment) not in identifiers(target.resolve())
        ):
            broken.append(str(link["href"]))
    assert broken == []


def test_every_picture_is_described(soup: BeautifulSoup) -> None:
    article = soup.find("article") or soup
    assert [
        str(image)[:80]
        for image in article.find_all("img")
        if len(str(image.get("alt", "")).strip()) < 20
    ] == []


def test_the_page_has_a_language_a_title_and_one_main_heading(soup: BeautifulSoup) -> None:
    assert soup.html is not None
    assert soup.html.get("lang") == "en"
    assert soup.title is not None
    assert soup.title.get_text().strip()
    assert len((soup.find("article") or soup).find_all("h1")) <= 1


def test_no_reference_was_left_open(soup: BeautifulSoup) -> None:
    text = (soup.find("article") or soup).get_text()
    for mark in (
        "{glue",
        "{numref",
        "{term",
        "{cite",
        "{doc",
        "{eq}",
        "WARNING",
        "nan [",
        "Traceback",
    ):
        assert mark not in text, mark


def test_notebooks_can_be_downloaded() -> None:
    for name in (
        "models",
        "units",
        "units_measured",
        "adversarial_search",
        "transfer",
        "noise",
        "lipschitz",
        "training",
        "natural_images",
        "summary",
        "statistics",
    ):
        assert (HTML / "_sources" / f"{name}.ipynb").exists()
        link = parsed(HTML / f"{name}.html").select_one(f'a[href="_sources/{name}.ipynb"]')
        assert link is not None


def test_headings_do_not_skip_a_level(soup: BeautifulSoup) -> None:
    levels = [
        int(tag.name[1]) for tag in (soup.find("article") or soup).find_all(re.compile("^h[1-6]$"))
    ]
    assert [
        (above, below) for above, below in itertools.pairwise(levels) if below > above + 1
    ] == []


def test_every_page_has_a_title_and_a_description_of_its_own() -> None:
    pages = {name(page): parsed(page) for page in PAGES}
    titles = [page.title.get_text().strip() for page in pages.values() if page.title]
    described = {
        page: [str(tag["content"]) for tag in soup.find_all("meta", attrs={"name": "description"})]
        for page, soup in pages.items()
    }
    assert len(set(titles)) == len(pages)
    assert [
        page
        for page, found in described.items()
        if len(found) != 1 or not 20 <= len(found[0]) <= 200
    ] == []
    assert len({found[0] for found in described.values()}) == len(pages)


def test_the_book_is_no_heavier_than_it_should_be() -> None:
    assert sum(path.stat().st_size for path in HTML.rglob("*") if path.is_file()) <= 40e6
    for page in PAGES:
        sources = {str(tag["src"]) for tag in parsed(page).find_all("img") if tag.get("src")}
        # What an address with data: names is in the page already.
        images = [
            page.parent / unquote(source) for source in sources if not source.startswith("data:")
        ]
        loaded = sum(path.stat().st_size for path in images if path.is_file())
        assert page.stat().st_size + loaded <= 1.5e6, name(page)
