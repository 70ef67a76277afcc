"""Every page of a rendered book, in the folder $HTML, opened in the system's Chromium.

All other hosts are out of reach.
"""

import functools
import http.server
import itertools
import math
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import papermill
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, sync_playwright
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional

from helpers import data, exact, lbfgsb, models, perturb, search, slices, units
from helpers.edition import printing
from helpers.report import live as report_live

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


@pytest.mark.parametrize("where", ["server", "disk"])
@pytest.mark.parametrize("words", ["256", "L-BFGS", "minimum_distortion", "FGSM"])
def test_the_search_finds_numbers_names_and_words(
    browser: Browser, address: str, where: str, words: str
) -> None:
    page = browser.new_page()
    page.goto(f"{address if where == 'server' else HTML.as_uri()}/noise.html")
    page.keyboard.press("Control+k")
    page.keyboard.type(words)
    page.wait_for_selector(".find-results mark", timeout=PATIENCE)
    found = page.locator(".find-results li").all_inner_texts()
    assert any(words.lower() in text.lower() for text in found)
    # Snippets are words, cut between words: no formulas, no links' signs.
    assert not any(sign in text for text in found for sign in ("\\", "#", "….pdf"))
    # By the keyboard to the first result, and there.
    page.keyboard.press("ArrowDown")
    target = page.evaluate("document.activeElement.href")
    page.keyboard.press("Enter")
    page.wait_for_url(target, timeout=PATIENCE)
    assert page.locator(f"[id='{target.partition('#')[2]}']").count() == 1


def test_the_search_says_when_nothing_is_found(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/reference/search.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("xylophone")
    page.wait_for_selector(".find-status:has-text('xylophone')", timeout=PATIENCE)
    assert page.locator(".find-results li").count() == 0


def test_a_term_shows_its_meaning_in_focus_and_escape_hides_it(
    browser: Browser, address: str
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/noise.html")
    term = page.locator("article a:has(> .tip)").first
    tip = term.locator(".tip")
    assert not tip.is_visible()
    page.keyboard.press("Tab")  # what has the focus is shown as for the keyboard
    term.focus()
    assert tip.is_visible()
    assert len(tip.inner_text()) > 20
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    term.hover()
    assert tip.is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_figure_is_shown_once_in_the_colours_of_the_page(
    browser: Browser, address: str, theme: str
) -> None:
    page = browser.new_page(color_scheme=theme)
    page.goto(f"{address}/noise.html")
    for kind in ("light", "dark"):
        shown = page.locator(f"article img.only-{kind}").evaluate_all(
            "images => images.map(image => image.checkVisibility())"
        )
        assert shown
        assert set(shown) == {kind == theme}
    # A figure's ground is the page's.
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    corner = page.locator(f"figure img.only-{theme}").first.evaluate(
        """image => {
            const canvas = document.createElement("canvas"), context = canvas.getContext("2d")
            context.drawImage(image, 0, 0)
            return `rgb(${[...context.getImageData(1, 1, 1, 1).data].slice(0, 3).join(", ")})`
        }"""
    )
    assert corner == ground


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


# the live page of the introduction

IN_PAGE = (*models.TABLE1, "ConvNet")
DARK_PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}


@pytest.fixture(scope="session")
def live(browser: Browser) -> Iterator[Page]:
    """The introduction from the disk, for its functions alone."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto((HTML / "intro.html").as_uri())
    yield page
    page.close()


def correct(network: nn.Module, count: int) -> data.Images:
    """The first test images that a network gets right."""
    images = data.mnist("test")[:200]
    return images[network(images.images).argmax(dim=1) == images.labels][:count]


def in_page(page: Page, body: str, images: Tensor, network: str, extra: Any = None) -> Any:
    """What an asynchronous function of (pixels, row, network, extra) makes of each image."""
    return page.evaluate(
        f"""async ([images, network, extra]) => {{
            const each = async (pixels, row) => {{ {body} }}, made = []
            for (const [row, image] of images.entries()) {{
                made.push(await each(Float32Array.from(image), row))
            }}
            return made
        }}""",
        [images.flatten(1).tolist(), network, extra],
    )


@pytest.mark.parametrize("name", IN_PAGE)
def test_logits_in_the_page_are_those_of_python(live: Page, name: str) -> None:
    images = data.mnist("test").images[:200]
    told = in_page(live, "return [...await intriguing.logits(network, pixels)]", images, name)
    assert (torch.tensor(told) - models.load(name)(images)).abs().max() <= 1e-3


@pytest.mark.parametrize(
    ("name", "count"), [(name, 50) for name in models.TABLE1] + [("ConvNet", 5)]
)
def test_the_search_in_the_page_is_as_good_as_that_of_python(
    live: Page, name: str, count: int
) -> None:
    network = models.load(name)
    images, labels = correct(network, count)
    body = """
        const {pixels: found, target, distance} = await intriguing.search(network, pixels)
        return [[...found], target, distance]"""
    found = in_page(live, body, images, name)
    pixels = torch.tensor([row[0] for row in found]).view_as(images)
    assert (pixels >= 0).all()
    assert (pixels <= 1).all()
    answers = network(pixels).argmax(dim=1)
    assert answers.tolist() == [row[1] for row in found]
    assert (answers != labels).all()
    distances = (pixels.double() - images.double()).flatten(1).norm(dim=1)
    assert distances.tolist() == pytest.approx([row[2] for row in found], rel=1e-6)
    python = search.minimum_distortion(network, images, labels, targets="nearest", effort="fast")
    # On the ConvNet the package follows smoothed gradients, which the page does not.
    assert distances.mean() <= (1.05 if name == "ConvNet" else 1.01) * python.l2.mean()


def test_a_target_that_is_chosen_is_reached_at_the_exact_distance(live: Page) -> None:
    network = models.load("FC10(1e-2)")
    images, labels = correct(network, 9)
    targets = (labels + torch.arange(1, 10)) % 10
    body = """
        const found = await intriguing.search(network, pixels, {target: extra[row]})
        return [found.target, found.distance]"""
    found = in_page(live, body, images, "FC10(1e-2)", targets.tolist())
    assert [row[0] for row in found] == targets.tolist()
    # A linear network's problem is convex: its optimum is known, by another method.
    layer = network.get_submodule("logits")
    optimum = exact.minimum_distortion(layer.weight, layer.bias, images, targets)  # type: ignore[arg-type]
    assert [row[1] for row in found] == pytest.approx(optimum.l2.tolist(), rel=1e-4)


def test_a_search_in_the_page_tells_its_progress_and_can_be_ended(live: Page) -> None:
    images, _ = correct(models.load("ConvNet"), 1)
    body = """
        const seen = [], progress = (step) => seen.push(step)
        const {distance} = await intriguing.search(network, pixels, {progress})
        const ending = new AbortController(), {signal} = ending, end = () => ending.abort()
        const ended = intriguing.search(network, pixels, {signal, progress: end})
        const reason = await ended.then(() => "none", (error) => error.name)
        const late = await intriguing.search(network, pixels, {signal}).catch(({name}) => name)
        const way = seen.map(({distance, lead, stage}) => [distance, lead, stage])
        return {distance, reason, late, seen: way}"""
    (told,) = in_page(live, body, images, "ConvNet")
    assert told["seen"][0][0] == 0
    assert told["seen"][0][1] < 0
    assert {stage for *_, stage in told["seen"]} == {"walk", "refine"}
    reached = [distance for distance, lead, _ in told["seen"] if lead > 0]
    assert told["distance"] == pytest.approx(min(reached), rel=1e-6)
    assert told["reason"] == told["late"] == "AbortError"


def test_the_functions_of_the_page_refuse_what_they_cannot_do(live: Page) -> None:
    refused = live.evaluate(
        """async () => {
            const image = new Float32Array(784)
            const told = (asked) => asked.then(() => "", (error) => error.message)
            return [
                await told(intriguing.logits("FC10(1)", image.fill(2))),
                await told(intriguing.logits("FC10(1)", image.fill(NaN))),
                await told(intriguing.logits("FC10(1)", [0, 1])),
                await told(intriguing.search("FC10(1)", image.fill(0), {target: 10})),
                await told(intriguing.penalty("FC10(1)", image, {target: 3, c: 0})),
                await told(intriguing.penalty("FC10(1)", image, {c: 1})),
                await told(intriguing.logits("FC11", image)),
            ]
        }"""
    )
    assert refused == [
        "pixels: need numbers in [0, 1]",
        "pixels: need numbers in [0, 1]",
        "pixels: need 784 numbers, got 2",
        "target: need a digit from 0 to 9, got 10",
        "c: need a positive number, got 0",
        "target: need a digit from 0 to 9, got undefined",
        "network: there is none called FC11",
    ]


def status(page: Page) -> str:
    """What the live page says of its search, once it has ended."""
    page.wait_for_function(
        "/^(Found|Nothing|Stopped)/.test(document.querySelector('[data-is=status]').textContent)"
    )
    return page.locator("[data-is=status]").inner_text()


def focus_on(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(200):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {selector}")


def test_the_live_page_is_used_by_keyboard(view: tuple[Page, list[str]], address: str) -> None:
    page, problems = view
    page.goto(f"{address}/intro.html", wait_until="networkidle")
    focus_on(page, ".live-digits input")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('[data-is=says]').textContent === '5'")
    focus_on(page, "[data-is=search]")
    page.keyboard.press("Enter")
    assert re.match(r"Found: it says [0-46-9] at a Euclidean distance of \d\.\d+, ", status(page))
    page.wait_for_function("document.querySelector('[data-is=draws]').textContent")
    assert page.locator("[data-is=original-says]").inner_text() == "5"
    assert page.locator("[data-is=changed-says]").inner_text() != "5"
    focus_on(page, "[data-is=slider]")
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('[data-is=changed-says]').textContent === '5'")
    assert (
        page.locator("[data-is=slider]").get_attribute("aria-valuetext")
        == "0 %: the network says 5"
    )
    focus_on(page, "[data-is=redraw]")
    before = page.locator("[data-is=noise]").evaluate("canvas => canvas.toDataURL()")
    page.keyboard.press("Enter")
    assert before != page.locator("[data-is=noise]").evaluate("canvas => canvas.toDataURL()")
    page.wait_for_function("document.querySelector('[data-is=transfer]').textContent")
    assert page.locator(".live-evidence td").count() == 3 * len(IN_PAGE)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 1
    problems = list(problems)
    for violation in Axe().run(page, ".live").response["violations"]:
        problems.append(f"axe: {violation['id']}: {violation['nodes'][0]['html'][:160]}")
    assert problems == []


def grey(page: Page, name: str) -> Tensor:
    """The image on a canvas of a live part, the page's only one, [1, 1, 28, 28] in [0, 1]."""
    body = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data]"
    shown = page.locator(f"[data-is={name}]").evaluate(body)
    # Red, green, blue and opacity of each pixel: the first three are equal.
    return torch.tensor(shown[::4]).view(1, 1, 28, 28) / 255


def test_what_the_live_page_shows_of_a_mistake_is_so(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/intro.html", wait_until="networkidle")
    page.locator("[data-is=search]").click()
    told = re.search(r"distance of ([\d.]+), a distortion of ([\d.]+) a pixel", status(page))
    assert told is not None
    distance = float(told[1])
    assert float(told[2]) == pytest.approx(distance / 28, rel=0.02)
    page.wait_for_function("document.querySelector('[data-is=transfer]').textContent")
    original, noise = grey(page, "original"), grey(page, "noise")
    # Both changes are that long, up to the 256 greys of a canvas.
    for image in (grey(page, "changed"), noise):
        assert (image - original).norm().item() == pytest.approx(distance, rel=0.01)
    first, second = page.locator("[data-is=band] span").all()
    widths = [box["width"] for box in (first.bounding_box(), second.bounding_box()) if box]
    assert widths[0] / sum(widths) == pytest.approx(0.5, abs=0.01)
    assert first.inner_text() == page.locator("[data-is=original-says]").inner_text()
    assert second.inner_text() == page.locator("[data-is=changed-says]").inner_text()
    page.locator("[data-is=slider]").fill("150")
    page.wait_for_function(
        "document.querySelector('[data-is=transfer]').textContent.startsWith('At 150')"
    )
    # Half as long again, but for what the box cuts off: the greys below are far from the boundary.
    farther = grey(page, "changed")
    assert 1.2 * distance < (farther - original).norm().item() <= 1.51 * distance
    rows = page.locator(".live-evidence tbody tr").all()
    for name, row in zip(IN_PAGE, rows, strict=True):
        network = models.load(name)
        answers = [network(image).argmax().item() for image in (original, farther, noise)]
        assert [int(cell.inner_text()) for cell in row.locator("td").all()] == answers
        marked = [cell.locator("b").count() == 1 for cell in row.locator("td").all()]
        assert marked == [answer != answers[0] for answer in answers]
    page.close()


@pytest.mark.parametrize("pointer", ["mouse", "finger"])
def test_a_digit_is_drawn_and_centred_as_those_of_mnist(
    browser: Browser, address: str, pointer: str
) -> None:
    context = browser.new_context(has_touch=pointer == "finger", **DARK_PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{address}/intro.html", wait_until="networkidle")
    pad = page.locator(".live-pad")
    pad.scroll_into_view_if_needed()
    box, scrolled = pad.bounding_box(), page.evaluate("scrollY")
    assert box is not None
    # A seven in the upper left corner, a third as wide as the pad.
    corners = [(0.1, 0.1), (0.4, 0.1), (0.22, 0.55)]
    steps = [i / 8 for i in range(9)]
    places = [
        (
            box["x"] + box["width"] * (x + t * (to_x - x)),
            box["y"] + box["height"] * (y + t * (to_y - y)),
        )
        for (x, y), (to_x, to_y) in itertools.pairwise(corners)
        for t in steps
    ]
    if pointer == "mouse":
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places:
            page.mouse.move(*place)
        page.mouse.up()
    else:
        touch = context.new_cdp_session(page)
        for kind, x, y in [
            ("touchStart", *places[0]),
            *(("touchMove", *place) for place in places),
        ]:
            touch.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            )
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("document.querySelector('[data-is=says]').textContent === '7'")
    assert page.locator(".live-digits :checked").count() == 0
    assert page.evaluate("scrollY") == scrolled
    ink = grey(page, "seen")[0, 0].double()
    middles = torch.arange(28) + 0.5
    mass = [((ink.sum(dim=side) * middles).sum() / ink.sum()).item() for side in (0, 1)]
    assert mass == pytest.approx([14, 14], abs=0.1)
    rows, columns = ink.sum(dim=1).nonzero(), ink.sum(dim=0).nonzero()
    assert (
        19 <= rows.max() - rows.min() + 1 <= 22
    )  # a box of 20, and what its edges share with others
    assert columns.max() - columns.min() + 1 <= 22
    page.get_by_role("button", name="Clear").click()
    assert grey(page, "seen").sum() == 0
    context.close()


def test_a_new_digit_ends_a_search_and_a_second_press_too(browser: Browser, address: str) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.goto(f"{address}/intro.html", wait_until="networkidle")
    page.locator("[data-is=network]").select_option("ConvNet")
    button = page.locator("[data-is=search]")
    button.click()
    assert button.inner_text() == "Stop"
    button.click()
    assert status(page) == "Stopped."
    assert button.inner_text() == "Find the nearest mistake"
    button.click()
    page.locator(".live-digits input").first.check()
    page.wait_for_function("document.querySelector('[data-is=search]').textContent !== 'Stop'")
    assert page.locator("[data-is=status]").inner_text().startswith("The smallest change")
    assert page.locator("[data-is=found]").is_hidden()
    button.click()
    assert status(page).startswith("Found: it says")
    page.close()


def test_the_live_page_works_from_the_disk_and_is_light_before_the_first_press(
    browser: Browser,
) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((HTML / "intro.html").as_uri(), wait_until="networkidle")
    page.wait_for_selector(".live-answer")
    files = [Path(url.removeprefix("file://")) for url in asked if url.startswith("file:")]
    # What is the page's own: every page has the theme and MathJax.
    own = [path for path in set(files) if "_static" not in path.parts]
    assert sum(path.stat().st_size for path in own) <= 1e6
    page.locator("[data-is=search]").click()
    assert status(page).startswith("Found: it says")
    page.wait_for_function("document.querySelector('[data-is=transfer]').textContent")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.close()


def test_without_scripts_and_on_paper_the_live_page_is_a_figure(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/intro.html")
    assert page.locator(".live img.only-light").is_visible()
    assert "First row" in page.locator(".live figcaption").inner_text()
    context.close()
    page = browser.new_page()
    page.goto(f"{address}/intro.html", wait_until="networkidle")
    assert not page.locator(".live img.only-light").is_visible()
    assert "First row" not in page.locator(".live figcaption").inner_text()
    page.emulate_media(media="print")
    assert page.locator(".live img.only-light").is_visible()
    assert not page.locator(".live-app").is_visible()
    assert "First row" in page.locator(".live figcaption").inner_text()
    page.close()


# the pictures that a reader moves, in the chapters

PARTS = {"push": "transfer", "twins": "noise", "penalty": "adversarial_search"}
# What a part says last of all, once everything that it shows is known.
SETTLED = """(name) => {
    const part = document.querySelector(`.live-${name}`)
    const last = part.querySelector("[data-is=outcome]")
    const cells = [...part.querySelectorAll("[role=cell]")]
    return last?.textContent && cells.every(({textContent}) => /^\\d$/.test(textContent))
}"""
SLACK = 0.1  # in logits: a canvas has 256 greys, and a network in the page weights of 16 bits


def settle(page: Page, name: str) -> None:
    """Wait until a part shows everything."""
    page.wait_for_function(SETTLED, arg=name, timeout=PATIENCE)


def come_to(page: Page, address: str, name: str) -> None:
    """Open the chapter of a part, and scroll to it."""
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/{PARTS[name]}.html", wait_until="load")
    page.locator(f".live-{name}").scroll_into_view_if_needed()
    settle(page, name)


def slide(page: Page, name: str, value: float, told: str) -> str:
    """Move a part's slider, and hand over what is told of it, once that has changed."""
    part = page.locator(f".live-{name}")
    before = part.locator(f"[data-is={told}]").inner_text()
    part.locator("[data-is=slider]").fill(str(value))
    page.wait_for_function(
        "([name, told, before]) => !['', before].includes("
        "document.querySelector(`.live-${name} [data-is=${told}]`).innerText)",
        arg=[name, told, before],
    )
    return part.locator(f"[data-is={told}]").inner_text()


def numbers(text: str) -> list[float]:
    """The numbers in a sentence."""
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def may_say(network: nn.Module, image: Tensor, told: int) -> bool:
    """Whether a network gives an answer to an image, or as good as gives it."""
    logits = network(image)[0]
    return bool(logits[told] >= logits.max() - SLACK)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_used_by_keyboard(view: tuple[Page, list[str]], address: str, name: str) -> None:
    page, problems = view
    come_to(page, address, name)
    part = f".live-{name}"
    page.locator(part).evaluate("part => { part.tabIndex = -1; part.focus() }")
    focus_on(page, f"{part} .live-digits input")
    picture = page.locator(f"{part} canvas").nth(20)  # after those of the digits
    before = picture.evaluate("canvas => canvas.toDataURL()")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([part, before]) =>"
        " document.querySelectorAll(`${part} canvas`)[20].toDataURL() !== before",
        arg=[part, before],
    )
    settle(page, name)
    focus_on(page, f"{part} [data-is=slider]")
    before = picture.evaluate("canvas => canvas.toDataURL()")
    text = page.locator(part).inner_text()
    for _ in range(30):
        page.keyboard.press("ArrowLeft" if name != "twins" else "ArrowRight")
    page.wait_for_function(
        "([part, text]) => document.querySelector(part).innerText !== text", arg=[part, text]
    )
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 1
    problems = list(problems)
    for violation in Axe().run(page, part).response["violations"]:
        problems.append(f"axe: {violation['id']}: {violation['nodes'][0]['html'][:160]}")
    assert problems == []


def test_what_is_shown_of_a_push_is_so(browser: Browser, address: str) -> None:
    page = browser.new_page()
    come_to(page, address, "push")
    part = page.locator(".live-push")
    slide(page, "push", 0, "told")
    original = grey(page, "changed")
    network = models.load("FC100-100-10")
    label = network(original).argmax(dim=1)
    nearest = search.minimum_distortion(network, original, label, targets="nearest", effort="fast")
    told = numbers(part.locator("[data-is=status]").inner_text())[0]
    assert told == pytest.approx(nearest.distortion.item(), abs=1e-3)
    # The bands are as wide as the slider's way, and their first stretches end where answers change.
    own = part.locator(".live-own .live-band").first
    widths = own.locator("span").evaluate_all(
        "spans => spans.map(span => span.getBoundingClientRect().width)"
    )
    whole = own.bounding_box()
    assert whole is not None
    assert sum(widths) == pytest.approx(whole["width"], abs=1)
    assert widths[0] / whole["width"] == pytest.approx(told / 0.2, abs=0.005)
    for push in (30, 100, 180):
        slide(page, "push", push, "told")
        changed, noisy = grey(page, "changed"), grey(page, "noisy")
        noise, change = (
            (image - original).square().mean().sqrt().item() for image in (noisy, changed)
        )
        assert noise == pytest.approx(change, rel=0.02)
        assert 0.8 * push / 1000 < change <= 1.02 * push / 1000  # the box cuts some of it
        fooled = {"change": 0, "noise": 0}
        for name, row in zip(
            IN_PAGE, part.locator(".live-bands > [role=row]").all()[1:], strict=True
        ):
            told_now = [int(cell.inner_text()) for cell in row.locator("[role=cell]").all()]
            for kind, image, said in zip(fooled, (changed, noisy), told_now, strict=True):
                assert may_say(models.load(name), image, said), (name, kind, push)
                fooled[kind] += name != "FC100-100-10" and said != label.item()
        outcome = part.locator("[data-is=outcome]").inner_text()
        change, noise = (str(count or "none") for count in fooled.values())
        assert outcome == f"There the change fools {change} of the 6 other networks, noise {noise}."
    page.close()


def test_the_twins_are_as_far_and_the_draws_are_counted(browser: Browser, address: str) -> None:
    page = browser.new_page()
    come_to(page, address, "twins")
    part = page.locator(".live-twins")
    network = models.load("FC10(1e-4)")
    (distance,) = numbers(part.locator("[data-is=status]").inner_text())
    digit = grey(page, "digit")
    before = network(digit).argmax().item()
    for name in ("digit", "twin", "noise"):
        image = grey(page, name)
        assert may_say(network, image, int(part.locator(f"[data-is={name}-says]").inner_text()))
        if name != "digit":
            assert (image - digit).norm().item() == pytest.approx(distance, rel=0.02)
    generator = torch.Generator().manual_seed(0)

    def share(times: float) -> float:
        many = digit.expand(1000, -1, -1, -1)
        noise = torch.randn(many.shape, generator=generator)
        far = perturb.at_length(many, noise, torch.full((1000,), times * distance))
        return (network(far).argmax(dim=1) != before).double().mean().item()

    for times in (8, 20):
        told = slide(page, "twins", times, "count")
        low, high = stats.binom.interval(0.9999, 100, share(times))
        assert low - 1 <= numbers(told)[1] <= high + 1
    (half,) = numbers(part.locator("[data-is=outcome]").inner_text())
    assert share(half) == pytest.approx(0.5, abs=0.2)
    # Other noise is another image, and counted anew.
    shown = part.locator("[data-is=noise]").evaluate("canvas => canvas.toDataURL()")
    part.locator("[data-is=redraw]").click()
    settle(page, "twins")
    assert shown != part.locator("[data-is=noise]").evaluate("canvas => canvas.toDataURL()")
    page.close()


@pytest.mark.parametrize("name", ["FC10(1e-2)", "FC10(1)", "FC100-100-10", "AE400-10"])
def test_the_minima_of_the_penalty_are_those_of_python(live: Page, name: str) -> None:
    network = models.load(name)
    image, label = correct(network, 1)
    target = (label + 1) % 10
    c = torch.logspace(-2, 1, 7)
    body = """
        const found = []
        let start = pixels
        for (const c of extra.c) {
            const options = {target: extra.target, c, start}
            const minimum = await intriguing.penalty(network, pixels, options)
            start = minimum.pixels
            found.push([[...minimum.pixels], minimum.distance, minimum.loss])
        }
        return found"""
    asked = {"c": c.tolist(), "target": target.item()}
    (told,) = in_page(live, body, image, name, asked)
    found = torch.tensor([row[0] for row in told])
    assert (found >= 0).all()
    assert (found <= 1).all()
    lengths = (found - image.flatten(1)).norm(dim=1)
    assert lengths.tolist() == pytest.approx([row[1] for row in told], abs=1e-5)
    assert (lengths.diff() <= 1e-3).all()  # the larger c, the nearer

    def objective(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        x = x.clone().requires_grad_()
        loss = functional.cross_entropy(
            network(x.view(-1, 1, 28, 28)), target.expand(len(x)), reduction="none"
        )
        value = c[rows] * (x - image.flatten(1)).norm(dim=1) + loss
        return value.detach(), torch.autograd.grad(value.sum(), x)[0]

    values, _ = objective(found, torch.arange(len(c)))
    options: dict[str, Any] = {"history": 10, "max_iterations": 300, "tolerance": 1e-5}
    # Python's method finds nothing lower, neither from the page's minima on nor from the image.
    nudged = (image.flatten(1) + 0.01 * torch.rand(len(c), 784)).clamp(0, 1)
    for start in ((found + 1e-6).clamp(0, 1), nudged):
        minimum = lbfgsb.minimize(objective, start, 0.0, 1.0, **options)
        assert (values - minimum.value <= 1e-3 * values.clamp(min=1)).all()
    if name.startswith("FC10("):  # convex: there is one minimum
        assert values.tolist() == pytest.approx(minimum.value.tolist(), rel=1e-3)


def test_the_largest_c_of_the_part_is_the_nearest_that_the_penalty_reaches(
    browser: Browser, address: str
) -> None:
    page = browser.new_page()
    come_to(page, address, "penalty")
    part = page.locator(".live-penalty")
    network = models.load("FC100-100-10")
    images, labels = correct(network, 1)
    told = part.locator("[data-is=outcome]").inner_text()
    pattern = (
        r"The largest c that makes it a (\d), ([\d.]+), does so at a distance of ([\d.]+), .+"
        r"The least, ([\d.]+), goes as far as ([\d.]+), though ([\d.]+)"
    )
    matched = re.match(pattern, told)
    assert matched is not None, told
    target, largest, at_largest, least, at_least, enough = map(float, matched.groups())
    (nearest,) = numbers(part.locator("[data-is=nearest]").inner_text().split(":")[1])
    targets = torch.tensor([int(target)])
    for refine, distance in ((False, at_largest), (True, nearest)):
        python = search.minimum_distortion(network, images, labels, targets=targets, refine=refine)
        assert distance == pytest.approx(python.l2.item(), rel=0.02)
    assert nearest <= 1.005 * at_largest < at_least
    # Cross-entropy leads past the boundary: a part of the way would do.
    assert nearest <= 1.005 * enough / 100 * at_least < at_least
    assert least == 0.01
    hits, misses = (part.locator(f".live-{kind}").count() for kind in ("hit", "miss"))
    assert hits > 20
    assert misses > 2
    before = int(network(images).argmax())
    distances = []
    for place in (0, 150, 340):
        words = slide(page, "penalty", place, "told")
        image = grey(page, "minimiser")
        c, distance, said, *rest = numbers(words)
        assert c == pytest.approx(10 ** (place / 100 - 2), rel=0.01)
        assert (image - images).norm().item() == pytest.approx(distance, abs=0.02)
        assert may_say(network, image, int(said))
        assert (said == target) == (c <= largest)
        if said == target:  # a part of the change would do, which is told
            probability, part_of_it = rest
            shown = network(image).softmax(dim=1)[0, int(target)].item()
            assert shown == pytest.approx(probability / 100, abs=0.02)
            there = images + part_of_it / 100 * (image - images)
            assert may_say(network, there, int(target))
            assert may_say(network, there, before)
        distances.append(distance)
    assert distances == sorted(distances, reverse=True)
    page.close()


@pytest.mark.parametrize("name", PARTS)
def test_a_part_works_from_the_disk_and_loads_networks_when_it_comes_near(
    browser: Browser, name: str
) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((HTML / f"{PARTS[name]}.html").as_uri(), wait_until="networkidle")
    assert [url for url in asked if "/live/networks/" in url] == []
    page.locator(f".live-{name}").scroll_into_view_if_needed()
    settle(page, name)
    assert [url for url in asked if "/live/networks/" in url] != []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.close()


@pytest.mark.parametrize("name", PARTS)
def test_without_scripts_and_on_paper_a_part_leaves_nothing(
    browser: Browser, address: str, name: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{PARTS[name]}.html")
    assert not page.locator(f".live-{name}").is_visible()
    context.close()
    page = browser.new_page()
    page.goto(f"{address}/{PARTS[name]}.html", wait_until="load")
    assert page.locator(f".live-{name}").is_visible()
    page.emulate_media(media="print")
    assert not page.locator(f".live-{name}").is_visible()
    page.close()


# the plane in the chapter on Lipschitz bounds

PLANE_DRAWN = "document.querySelector('.live-plane [data-is=picture]')?.dataset.step === '1'"


def plane(page: Page, address: str) -> None:
    """Open the chapter, and wait until the whole plane is drawn."""
    page.goto(f"{address}/lipschitz.html", wait_until="load")
    page.locator(".live-plane").scroll_into_view_if_needed()
    page.wait_for_function(PLANE_DRAWN)


def told_of_the_point(page: Page) -> tuple[float, float, int]:
    """Where the point of the plane is said to be, and what the network answers there."""
    words = page.locator(".live-point").get_attribute("aria-valuetext") or ""
    found = re.fullmatch(
        r"(\S+) towards the mistake, (\S+) along the noise: the network says (\d)", words
    )
    assert found is not None, words
    across, upwards = (float(found[side].replace("−", "-")) for side in (1, 2))
    return across, upwards, int(found[3])


def test_the_plane_is_used_by_keyboard(view: tuple[Page, list[str]], address: str) -> None:
    page, problems = view
    plane(page, address)
    part = page.locator(".live-plane")
    page.wait_for_function("document.querySelector('.live-plane [data-is=says]').textContent")
    assert told_of_the_point(page) == (0, 0, 4)
    part.locator(".live-digits input:checked").focus()
    page.keyboard.press("Tab")
    focus_on(page, ".live-plane .live-point")
    page.keyboard.press("End")
    page.wait_for_function("document.querySelector('.live-plane .live-wrong')")
    status = part.locator("[data-is=status]").inner_text()
    told = re.search(r"it says (\d), at a distance of (\d+\.\d+)", status)
    assert told is not None
    across, upwards, said = told_of_the_point(page)
    assert (across, upwards, said) == (pytest.approx(float(told[2]), abs=0.01), 0, int(told[1]))
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_function("!document.querySelector('.live-plane .live-wrong')")
    # What the network says of the last place comes a moment after the key.
    page.wait_for_function(
        "!/, 0\\.00 along/.test(document.querySelector('.live-point').ariaValueText)"
    )
    moved = told_of_the_point(page)
    assert moved[0] < across
    assert moved[1] > 0
    focus_on_back(page, ".live-plane [data-is=redraw]")
    before = part.locator("[data-is=picture]").evaluate("canvas => canvas.toDataURL()")
    page.keyboard.press("Enter")
    page.wait_for_function(PLANE_DRAWN)
    assert before != part.locator("[data-is=picture]").evaluate("canvas => canvas.toDataURL()")
    # What is named in the key is all of the square.
    shares = re.findall(r"([\d.]+)\s%", part.locator("[data-is=key]").inner_text())
    assert sum(map(float, shares)) == pytest.approx(100, abs=0.1 * len(shares))
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 1
    problems = list(problems)
    for violation in Axe().run(page, ".live-plane").response["violations"]:
        problems.append(f"axe: {violation['id']}: {violation['nodes'][0]['html'][:160]}")
    assert problems == []


def focus_on_back(page: Page, selector: str) -> None:
    """Press Shift and Tab until the element has the focus."""
    for _ in range(20):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Shift+Tab")
    pytest.fail(f"the keyboard does not reach {selector}")


@pytest.mark.parametrize("name", ["FC10(1)", "FC100-100-10", "AE400-10"])
def test_the_colours_of_the_plane_are_the_answers_of_python(
    browser: Browser, address: str, name: str
) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    # In place of noise, numbers that Python has, too.
    page.goto(f"{address}/lipschitz.html", wait_until="load")
    page.evaluate("() => { let n = 0; intriguing.normal = () => Math.sin(++n % 784 || 784) }")
    page.locator(".live-plane").scroll_into_view_if_needed()
    page.wait_for_function(PLANE_DRAWN)
    part = page.locator(".live-plane")
    part.locator("[data-is=picture]").evaluate("canvas => { canvas.dataset.step = '' }")
    part.locator("[data-is=network]").select_option(name)
    page.wait_for_function(PLANE_DRAWN)
    reach = float((part.locator("[data-is=upwards]").inner_text()).rsplit(" ", 1)[1])
    # The mistake, by the page's own search: it is the same each time.
    image = grey(page, "seen")
    found = page.evaluate(
        """async ([name, image]) =>
            [...(await intriguing.search(name, Float32Array.from(image))).pixels]""",
        [name, image.flatten().tolist()],
    )
    toward = torch.tensor(found).view_as(image)
    aside = torch.sin(torch.arange(1, 785, dtype=torch.float64)).view_as(image)
    through = slices.through(image[0], toward[0], aside[0].float())
    network = models.load(name)
    cut = slices.cut(network, through, reach=reach, count=257)
    # The colours that the key explains, and from them the answers, the lowest row first.
    colours = page.evaluate(
        """() => [...document.querySelectorAll('.live-plane .live-key li')]
            .filter(row => row.querySelector('i').style.background)
            .map(row => [parseInt(row.textContent),
                getComputedStyle(row.querySelector('i')).backgroundColor])"""
    )
    painted = page.evaluate(
        """() => [...document.querySelector('.live-plane [data-is=picture]').getContext('2d')
            .getImageData(0, 0, 257, 257).data]"""
    )
    shown = torch.tensor(painted).view(257, 257, 4)[..., :3].flip(0).float()
    known = torch.tensor(
        [[float(part) for part in re.findall(r"\d+", colour)[:3]] for _, colour in colours]
    )
    nearest = (shown[:, :, None] - known).norm(dim=-1).argmin(dim=-1)
    answers = torch.tensor([answer for answer, _ in colours])[nearest]
    # The weights of the page are in 16 bits: a point or two may lie on the other side of a border.
    assert len(colours) >= 2
    assert set(answers.unique().tolist()) == set(cut.answers.unique().tolist())
    assert (answers != cut.answers).float().mean() < 2e-3
    page.close()


def test_a_finger_drags_the_point_and_the_page_stays(browser: Browser, address: str) -> None:
    context = browser.new_context(has_touch=True, **DARK_PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    plane(page, address)
    sheet = page.locator(".live-sheet")
    sheet.evaluate("element => element.scrollIntoView({block: 'center'})")
    box, scrolled = sheet.bounding_box(), page.evaluate("scrollY")
    assert box is not None
    places = [
        {"x": box["x"] + box["width"] * (0.5 + 0.1 * step), "y": box["y"] + box["height"] * 0.5}
        for step in range(5)
    ]
    touch = context.new_cdp_session(page)
    for kind, place in [("touchStart", places[0]), *(("touchMove", place) for place in places)]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("document.querySelector('.live-plane .live-wrong')")
    reach = float((page.locator("[data-is=upwards]").inner_text()).rsplit(" ", 1)[1])
    across, upwards, _ = told_of_the_point(page)
    assert across == pytest.approx(0.8 * reach, abs=0.03 * reach)
    assert upwards == pytest.approx(0, abs=0.03 * reach)
    assert page.evaluate("scrollY") == scrolled
    # What is told of the image at the point is so.
    image = grey(page, "seen")
    far = re.search(r"It is ([\d.]+) from", page.locator("[data-is=place]").inner_text())
    page.keyboard.press("Tab")
    page.locator(".live-point").press("Home")
    page.wait_for_function("!document.querySelector('.live-plane .live-wrong')")
    assert far is not None
    assert (image - grey(page, "seen")).norm().item() == pytest.approx(float(far[1]), rel=0.02)
    context.close()


def test_the_plane_works_from_the_disk_and_is_nothing_without_scripts(browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    plane(page, HTML.as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.emulate_media(media="print")
    assert not page.locator(".live-plane").is_visible()
    page.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{HTML.as_uri()}/lipschitz.html")
    assert not page.locator(".live-plane").is_visible()
    context.close()


# from a unit to a random direction, in the chapter on units


def directions(page: Page, address: str) -> Tensor:
    """Open the chapter with a random direction that Python has, too, and wait for its images."""
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/units.html", wait_until="load")
    page.evaluate("() => { let n = 0; intriguing.normal = () => Math.sin(++n) }")
    page.locator(".live-directions").scroll_into_view_if_needed()
    page.wait_for_function(
        "document.querySelector('.live-directions [data-is=strip]')?.dataset.made"
    )
    count = page.locator(".live-directions option").count()
    return torch.sin(torch.arange(1, count + 1, dtype=torch.float64))


def shown_images(page: Page) -> list[int]:
    """The test images in the strip, in order."""
    return page.locator(".live-strip canvas").evaluate_all(
        "all => all.map(canvas => Number(canvas.dataset.image))"
    )


def test_the_images_of_a_direction_are_those_of_python(browser: Browser, address: str) -> None:
    page = browser.new_page()
    noise = directions(page, address)
    test = data.mnist("test")
    features = units.features(models.load("ConvNet"), "relu3", test.images)
    lively = units.live(features, 10)
    whole, scale = report_live.in_8_bits(features[:, lively])
    phi = whole.double() * scale.double()
    part = page.locator(".live-directions")
    names = part.locator("option").all_inner_texts()
    assert names == [str(unit) for unit in lively.nonzero().flatten().tolist()]
    for place in (0, 40, len(names) - 1):
        part.locator("[data-is=unit]").select_option(names[place])
        axis = torch.eye(len(names), dtype=torch.float64)[place]
        aside = noise - (noise @ axis) * axis
        aside = aside / aside.norm()
        for degrees in (0, 37, 90):
            part.locator("[data-is=slider]").fill(str(degrees))
            angle = math.radians(degrees)
            direction = math.cos(angle) * axis + math.sin(angle) * aside
            if degrees == 0:
                direction = axis
            (top,) = units.top_images(phi, direction[None], 10).tolist()
            assert shown_images(page) == top
            counts = test.labels[top].bincount(minlength=10)
            status = part.locator("[data-is=status]").inner_text()
            told = re.fullmatch(r"At (\d+)°, (\w+) of the ten show a (\d)\.", status)
            assert told is not None
            assert int(told[1]) == degrees
            assert (10 if told[2] == "all" else int(told[2])) == counts.max()
            assert counts[int(told[3])] == counts.max()
            labels = part.locator(".live-strip canvas").evaluate_all(
                "all => all.map(canvas => canvas.getAttribute('aria-label'))"
            )
            assert labels == [f"a {label}" for label in test.labels[top].tolist()]
    # The digits that are seen are those images, in 16 greys.
    first = page.locator(".live-strip canvas").first.evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data]"
    )
    seen = torch.tensor(first[::4]).view(28, 28) / 255
    assert (seen - test.images[shown_images(page)[0], 0]).abs().max() <= 0.5 / 15 + 1e-6
    page.close()


def test_directions_are_turned_by_keyboard(view: tuple[Page, list[str]], address: str) -> None:
    page, problems = view
    directions(page, address)
    part = page.locator(".live-directions")
    start = shown_images(page)
    part.locator("[data-is=unit]").focus()
    focus_on(page, ".live-directions [data-is=slider]")
    page.keyboard.press("End")
    slider = part.locator("[data-is=slider]")
    assert (slider.get_attribute("aria-valuetext") or "").startswith("90 degrees: ")
    random = shown_images(page)
    assert random != start
    focus_on_back(page, ".live-directions [data-is=redraw]")
    page.keyboard.press("Enter")
    assert shown_images(page) != random
    slider.focus()
    page.keyboard.press("Home")
    assert shown_images(page) == start  # of the unit, whatever the random direction
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 1
    problems = list(problems)
    for violation in Axe().run(page, ".live-directions").response["violations"]:
        problems.append(f"axe: {violation['id']}: {violation['nodes'][0]['html'][:160]}")
    assert problems == []


def test_directions_work_from_the_disk_and_load_their_layer_when_near(browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((HTML / "units.html").as_uri(), wait_until="load")
    heavy = ("features.js", "test-images.png")
    assert not any(url.endswith(heavy) for url in asked)
    directions(page, HTML.as_uri())
    assert all(any(url.endswith(name) for url in asked) for name in heavy)
    assert sum((HTML / "live" / name).stat().st_size for name in heavy) <= 3e6
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.emulate_media(media="print")
    assert not page.locator(".live-directions").is_visible()
    page.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((HTML / "units.html").as_uri())
    assert not page.locator(".live-directions").is_visible()
    context.close()
