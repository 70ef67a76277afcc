"""Every page of a rendered book, in the folder $HTML, opened in the system's Chromium with all other hosts out of reach."""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import papermill
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, sync_playwright

from helpers import downloads

HTML = Path(os.environ["HTML"]).resolve()
PAGES = sorted(path.name for path in HTML.glob("*.html") if path.name != "index.html")
CHROMIUM = downloads.chromium()
PATIENCE = 120_000  # milliseconds: a busy machine is no fault of the book
SIZES = {"wide": (1280, 900), "phone": (390, 844)}
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not log."""

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(HTML)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("no Chromium on this machine: install it (Debian: apt-get install chromium) or set CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(params=[(theme, size) for theme in ("light", "dark") for size in SIZES], ids=lambda pair: "-".join(pair))
def view(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[tuple[Page, list[str]]]:
    """An empty page in one theme and size, and the list of what goes wrong in it."""
    theme, size = request.param
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
    problems: list[str] = []

    def guard(route: Route) -> None:
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            problems.append(f"asked for {route.request.url}")
            route.abort()

    context.route("**/*", guard)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda message: problems.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on("response", lambda response: problems.append(f"{response.status}: {response.url}") if response.status >= 400 else None)
    yield page, problems
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_well(view: tuple[Page, list[str]], address: str, name: str) -> None:
    page, problems = view
    page.goto(f"{address}/{name}", wait_until="networkidle")
    page.evaluate("window.MathJax?.startup?.promise")
    broken = page.evaluate("[...document.images].filter(image => image.complete && image.naturalWidth === 0 && image.src).map(image => image.src)")
    problems += [f"broken image: {source}" for source in broken]
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if overflow > 1:
        elements = "[...document.querySelectorAll('article *')].filter(element => element.getBoundingClientRect().right > innerWidth + 1)"
        wide = page.evaluate(f"{elements}.slice(0, 5).map(element => element.outerHTML.slice(0, 120))")
        problems.append(f"{overflow} px wider than the window: {wide}")
    problems = list(problems)  # axe itself asks for style sheets under addresses that do not exist
    for violation in Axe().run(page).response["violations"]:
        if violation["impact"] in {"serious", "critical"}:
            problems.append(f"axe, {violation['impact']}: {violation['id']}: {[node['html'][:160] for node in violation['nodes'][:4]]}")
    assert problems == []


def test_the_search_finds_a_word_without_a_server_elsewhere(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/search.html?q=distortion")
    page.wait_for_selector("#search-results li", timeout=PATIENCE)
    assert page.locator("#search-results li").count() >= 2


def test_the_keyboard_reaches_the_text(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/models.html", wait_until="networkidle")
    page.keyboard.press("Tab")
    assert "skip" in page.evaluate("document.activeElement.textContent").lower()
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main-content"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_has_the_focus_is_seen(browser: Browser, address: str, theme: str) -> None:
    page = browser.new_page(color_scheme=theme)  # type: ignore[arg-type]
    page.goto(f"{address}/summary.html", wait_until="networkidle")
    for _ in range(40):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => { const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
            return [element.outerHTML.slice(0, 120), box.width * box.height === 0 || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0)
                || style.boxShadow !== 'none'] }"""
        )
        assert seen[1], seen[0]


def test_solutions_and_folded_cells_open_by_keyboard(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/summary.html", wait_until="networkidle")
    fold = page.locator("details").first
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.evaluate("element => element.open")
    button = page.locator(".admonition.dropdown button").first
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    assert page.locator(".admonition.dropdown .highlight").first.is_visible()


def test_the_zip_opens_from_the_disk_without_a_server(browser: Browser, tmp_path: Path) -> None:
    downloads.archive(HTML, tmp_path / "book.zip")
    shutil.unpack_archive(tmp_path / "book.zip", tmp_path / "elsewhere")
    problems: list[str] = []
    page = browser.new_page()
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on("request", lambda request: problems.append(request.url) if not request.url.startswith(("file:", "data:", "blob:")) else None)
    page.goto((tmp_path / "elsewhere" / HTML.name / "index.html").as_uri(), wait_until="load")
    page.wait_for_url("**/intro.html")
    page.get_by_role("link", name="Next").first.click()
    page.wait_for_load_state("load")
    page.evaluate("window.MathJax?.startup?.promise")
    assert page.locator("article h1").first.is_visible()
    assert page.locator("article mjx-container").count() > 0
    assert page.evaluate("[...document.images].filter(image => image.complete && image.naturalWidth === 0 && image.src).length") == 0
    assert problems == []


def test_a_notebook_is_downloaded_whole(browser: Browser, address: str, tmp_path: Path) -> None:
    page = browser.new_page(accept_downloads=True)
    page.goto(f"{address}/noise.html", wait_until="load")
    with page.expect_download() as download:
        page.locator('a[href="_sources/noise.ipynb"]').first.evaluate("element => element.click()")
    download.value.save_as(tmp_path / "noise.ipynb")
    assert (tmp_path / "noise.ipynb").read_bytes() == (HTML / "_sources" / "noise.ipynb").read_bytes()


def test_from_the_disk_the_same_button_opens_the_notebooks_file(browser: Browser) -> None:
    page = browser.new_page()
    page.goto((HTML / "noise.html").as_uri(), wait_until="load")
    page.locator('a[href="_sources/noise.ipynb"]').first.evaluate("element => element.click()")
    page.wait_for_url((HTML / "_sources" / "noise.ipynb").as_uri())


def test_a_downloaded_notebook_runs_on_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESULTS", raising=False)
    folder = tmp_path / "downloads" / "empty"
    folder.mkdir(parents=True)
    shutil.copy(HTML / "_sources" / "noise.ipynb", folder)
    papermill.execute_notebook(folder / "noise.ipynb", folder / "out.ipynb", {"profile": "smoke"}, cwd=folder, kernel_name="python3", progress_bar=False)
    assert "claims hold" in (folder / "out.ipynb").read_text(encoding="utf-8")
