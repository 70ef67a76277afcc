"""Every page of a rendered book, in the folder $HTML, opened in the system's Chromium.

All other hosts are out of reach.
"""

import functools
import http.server
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import papermill
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, sync_playwright
from scipy import stats

from helpers.edition import printing

HTML = Path(os.environ["HTML"]).resolve()
# index.html only leads to intro.html; what Sphinx keeps for itself lies in folders with a _.
PAGES = sorted(
    name
    for name in (path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html"))
    if name != "index.html" and not name.startswith("_")
)
CHROMIUM = printing.chromium()
PATIENCE = 120_000  # milliseconds: a busy machine is no fault of the book
# The captions that are not seen whole when their table is scrolled to its end.
CUT_OFF = """[...document.querySelectorAll("article table caption")].filter(caption => {
  const seen = caption.closest("table").parentElement;
  seen.scrollLeft = seen.scrollWidth;
  const [inner, outer] = [caption, seen].map(element => element.getBoundingClientRect());
  return inner.left < outer.left - 1 || inner.right > outer.right + 1;
}).map(caption => caption.textContent.slice(0, 60))"""
SIZES = {"wide": (1280, 900), "phone": (390, 844)}
BROKEN_IMAGES = """[...document.images]
    .filter(image => image.complete && image.naturalWidth === 0 && image.src)
    .map(image => image.src)"""
TOO_WIDE = """[...document.querySelectorAll("article *")]
    .filter(element => element.getBoundingClientRect().right > innerWidth + 1)
    .slice(0, 5).map(element => element.outerHTML.slice(0, 120))"""
# What has the focus, and whether it takes no place or is seen to have it.
FOCUS = """() => {
    const element = document.activeElement
    const style = getComputedStyle(element), box = element.getBoundingClientRect()
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
    const seen = box.width * box.height === 0 || outlined || style.boxShadow !== "none"
    return [element.outerHTML.slice(0, 120), seen]
}"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Of the words of code that are seen, keep one of each look: their contrast takes axe most of its
# time.
# It judges no word of one letter and none that is cut off: these stand for no other.
UNWRAP_ALIKE = """() => {
    const clear = "rgba(0, 0, 0, 0)", seen = new Set(), alike = []
    const ground = element => !element ? clear : getComputedStyle(element).backgroundColor !== clear
        ? getComputedStyle(element).backgroundColor : ground(element.parentElement)
    for (const word of document.querySelectorAll("article pre span")) {
        if (word.childElementCount || !word.checkVisibility()) continue
        const {color, fontSize, fontWeight, opacity} = getComputedStyle(word)
        const [inner, outer] = [word, word.closest("pre")].map(part => part.getBoundingClientRect())
        const judged = /\\w.*\\w/.test(word.textContent) && inner.right <= outer.right
        const look = [color, ground(word), fontSize, fontWeight, opacity, judged].join()
        if (seen.has(look)) alike.push(word)
        seen.add(look)
    }
    for (const word of alike) word.replaceWith(word.textContent)
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not log."""

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(HTML))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail(
            "no Chromium on this machine: install it (Debian: apt-get install chromium), "
            "or set CHROMIUM"
        )
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(
    params=[(theme, size) for theme in ("light", "dark") for size in SIZES],
    ids=lambda pair: "-".join(pair),
)
def view(
    request: pytest.FixtureRequest, browser: Browser, address: str
) -> Iterator[tuple[Page, list[str]]]:
    """An empty page in one theme and size, and the list of what goes wrong in it."""
    theme, size = request.param
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    context.add_init_script(
        f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
    )
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
    page.on(
        "console",
        lambda message: (
            problems.append(f"console: {message.text}") if message.type == "error" else None
        ),
    )
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on(
        "response",
        lambda response: (
            problems.append(f"{response.status}: {response.url}")
            if response.status >= 400
            else None
        ),
    )
    yield page, problems
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_well(view: tuple[Page, list[str]], address: str, name: str) -> None:
    page, problems = view
    page.goto(f"{address}/{name}", wait_until="networkidle")
    page.evaluate("window.MathJax?.startup?.promise")
    problems += [f"broken image: {source}" for source in page.evaluate(BROKEN_IMAGES)]
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    if overflow > 1:
        problems.append(f"{overflow} px wider than the window: {page.evaluate(TOO_WIDE)}")
    problems += [f"caption cut off: {text}" for text in page.evaluate(CUT_OFF)]
    problems = list(problems)  # axe itself asks for style sheets under addresses that do not exist
    page.evaluate(UNWRAP_ALIKE)
    for violation in Axe().run(page).response["violations"]:
        if violation["impact"] in {"serious", "critical"}:
            where = [node["html"][:160] for node in violation["nodes"][:4]]
            problems.append(f"axe, {violation['impact']}: {violation['id']}: {where}")
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
        element, seen = page.evaluate(FOCUS)
        assert seen, element


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
    printing.archive(HTML, tmp_path / "book.zip")
    shutil.unpack_archive(tmp_path / "book.zip", tmp_path / "elsewhere")
    problems: list[str] = []
    page = browser.new_page()
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on(
        "request",
        lambda request: (
            problems.append(request.url)
            if not request.url.startswith(("file:", "data:", "blob:"))
            else None
        ),
    )
    page.goto((tmp_path / "elsewhere" / HTML.name / "index.html").as_uri(), wait_until="load")
    page.wait_for_url("**/intro.html")
    page.get_by_role("link", name="Next").first.click()
    page.wait_for_load_state("load")
    page.evaluate("window.MathJax?.startup?.promise")
    assert page.locator("article h1").first.is_visible()
    assert page.locator("article mjx-container").count() > 0
    assert page.evaluate(BROKEN_IMAGES) == []
    assert problems == []


def test_a_notebook_is_downloaded_whole(browser: Browser, address: str, tmp_path: Path) -> None:
    page = browser.new_page(accept_downloads=True)
    page.goto(f"{address}/noise.html", wait_until="load")
    with page.expect_download() as download:
        page.locator('a[href="_sources/noise.ipynb"]').first.evaluate("element => element.click()")
    download.value.save_as(tmp_path / "noise.ipynb")
    assert (tmp_path / "noise.ipynb").read_bytes() == (
        HTML / "_sources" / "noise.ipynb"
    ).read_bytes()


def test_from_the_disk_the_same_button_opens_the_notebooks_file(browser: Browser) -> None:
    page = browser.new_page()
    page.goto((HTML / "noise.html").as_uri(), wait_until="load")
    page.locator('a[href="_sources/noise.ipynb"]').first.evaluate("element => element.click()")
    page.wait_for_url((HTML / "_sources" / "noise.ipynb").as_uri())


def test_a_downloaded_notebook_runs_on_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESULTS", raising=False)
    folder = tmp_path / "downloads" / "empty"
    folder.mkdir(parents=True)
    shutil.copy(HTML / "_sources" / "noise.ipynb", folder)
    papermill.execute_notebook(
        folder / "noise.ipynb",
        folder / "out.ipynb",
        {"profile": "smoke"},
        cwd=folder,
        kernel_name="python3",
        progress_bar=False,
    )
    assert "claims of the paper:" in (folder / "out.ipynb").read_text(encoding="utf-8")


# the picker of the chapter on units


def press_to(page: Page, name: str) -> None:
    """Press Tab until the button called `name` has the focus."""
    for _ in range(400):
        if page.evaluate("document.activeElement.textContent") == name:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach the button {name!r}")


def truth(page: Page) -> str:
    """The kind of the strip that is shown, "unit" or "random", by the labels of its images."""
    told = page.locator(".picker-strip img").get_attribute("alt") or ""
    labels = ",".join(re.findall(r"\d", told))
    rows = (page.locator(".picker").get_attribute("data-labels") or "").split(";")
    kinds = {
        kind
        for row, kind in zip(
            rows, (page.locator(".picker").get_attribute("data-kinds") or "").split(), strict=True
        )
        if row == labels
    }
    shift = float(
        (page.locator(".picker-strip img").get_attribute("style") or "")
        .split("top: ")[1]
        .split("%")[0]
    )
    kinds &= {
        (page.locator(".picker").get_attribute("data-kinds") or "").split()[round(-shift / 100)]
    }  # the picture agrees with its description
    assert len(kinds) == 1
    return kinds.pop()


def test_the_picker_is_played_by_keyboard_and_keeps_the_score(
    view: tuple[Page, list[str]], address: str
) -> None:
    page, problems = view
    page.goto(f"{address}/units.html#picker-7", wait_until="networkidle")
    names, hits, shown = {"unit": "Unit", "random": "Random direction"}, [], []
    assert "No guess yet" in page.locator(".picker-score").inner_text()
    for number in range(20):
        shown.append(page.locator(".picker-strip img").get_attribute("style"))
        assert f"Strip {number + 1} of 20" in page.locator(".picker-title").inner_text()
        kind = truth(page)
        right = number % 4 != 3  # every fourth guess is wrong
        press_to(page, names[kind if right else {"unit": "random", "random": "unit"}[kind]])
        page.keyboard.press("Enter")
        hits.append(right)
        expected = stats.binomtest(sum(hits), len(hits)).proportion_ci(0.95, method="wilson")
        low, high = stats.binom.interval(0.95, len(hits), 0.5)
        score = page.locator(".picker-score").inner_text()
        told = [int(found) for found in re.findall(r"\d+", score)]
        assert told[:2] == [sum(hits), len(hits)]
        assert told[2:5] == pytest.approx(
            [100 * sum(hits) / len(hits), 100 * expected.low, 100 * expected.high], abs=0.51
        )
        assert told[6:8] == [low, high], score
        assert page.locator(".picker-answer").inner_text().startswith("Right" if right else "Wrong")
        assert page.locator(".picker-choices button:disabled").count() == 2
        assert page.evaluate("document.activeElement.textContent") == (
            "Next strip" if number < 19 else "Play again"
        )
        if number < 19:
            page.keyboard.press("Enter")
    assert len(set(shown)) == 20
    assert (
        "The end: 15 of 20. You can tell them apart." in page.locator(".picker-answer").inner_text()
    )
    assert page.locator(".picker-answer[role=status], .picker-score[role=status]").count() == 2
    strip = page.locator(".picker-strip").bounding_box()
    assert strip is not None
    assert strip["width"] >= 280  # a digit at least as wide as its 28 pixels, on a phone too
    assert strip["width"] == pytest.approx(10 * strip["height"], rel=0.02)
    problems = list(problems)
    for violation in Axe().run(page, ".picker").response["violations"]:
        problems.append(f"axe: {violation['id']}")
    page.keyboard.press("Enter")
    assert "Strip 1 of 20" in page.locator(".picker-title").inner_text()
    assert "No guess yet" in page.locator(".picker-score").inner_text()
    assert problems == []


def test_the_picker_works_from_a_file_in_the_order_of_its_seed(browser: Browser) -> None:
    orders = []
    for fragment in ("#picker-7", "#picker-7", "#picker-8", ""):
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        page.goto(f"{(HTML / 'units.html').as_uri()}{fragment}")
        order = []
        for _ in range(3):
            order.append(page.locator(".picker-strip img").get_attribute("alt"))
            page.get_by_role("button", name="Unit", exact=True).click()
            page.get_by_role("button", name="Next strip").click()
        orders.append(order)
        assert errors == []
        page.close()
    assert orders[0] == orders[1] != orders[2]


def test_without_scripts_the_picker_is_a_picture_with_answers(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{address}/units.html")
    assert page.locator(".picker img").is_visible()
    page.locator(".picker summary").click()
    answers = page.locator(".picker details p").inner_text()
    kinds = (page.locator(".picker").get_attribute("data-kinds") or "").split()
    assert [int(row) for row in re.findall(r"\d+", answers)] == [
        number for number, kind in enumerate(kinds, start=1) if kind == "unit"
    ]
    context.close()
