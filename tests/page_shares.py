"""What fills the pages of a rendered book: python tests/page_shares.py HTML [PAGE ...].

Of each page as it opens, 1,400 pixels wide and with its folds closed: its height, the shares of
that height that code, tables and figures take, and how many words its prose has. And, 1,200 pixels
wide, how many tables, outputs and blocks of code have to be scrolled sideways.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from helpers.edition import printing

AIMS = {"height": 16_000, "code": 15, "tables": 8, "figures": 30, "words": 2_000, "overflow": 0}
# The heights of what is seen. A table within a figure, or a picture within a table, counts once.
SHARES = """() => {
    const article = document.querySelector("article")
    const open = {visibilityProperty: true, opacityProperty: true} // neither in a closed fold
    const seen = selector => [...article.querySelectorAll(selector)].filter(element =>
        element.checkVisibility(open) && !element.parentElement.closest(selector))
    const tall = selector => seen(selector).reduce(
        (sum, element) => sum + element.getBoundingClientRect().height, 0)
    const share = selector => Math.round(100 * tall(selector) / article.scrollHeight)
    const prose = seen("p, li, dd, dt").filter(
        element => !element.closest("figure, table, details"))
    return {
        height: document.documentElement.scrollHeight,
        code: share("div.highlight"),
        tables: share("table:not(figure table)"),
        figures: share("figure, .cell_output > img, .output > img, .picker-on, .live-app"),
        words: prose.map(element => element.innerText.trim().split(/\\s+/).length)
            .reduce((sum, words) => sum + words, 0),
    }
}"""
OVERFLOW = """() => [...document.querySelectorAll(
        "article :is(.cell_output, .pst-scrollable-table-container, div.math, div.highlight pre)")]
    .filter(element => element.checkVisibility({visibilityProperty: true}))
    .filter(element => element.scrollWidth > element.clientWidth + 1)
    .length"""


def measure(page: Page, file: Path) -> dict[str, int]:
    """The measures of one page, by name."""
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.goto(file.as_uri())
    page.wait_for_load_state("load")
    shares: dict[str, int] = page.evaluate(SHARES)
    page.set_viewport_size({"width": 1200, "height": 1000})
    return {**shares, "overflow": page.evaluate(OVERFLOW)}


def main(html: str, *pages: str) -> None:
    """Print a line for each page, and what is aimed at."""
    chosen = [Path(html).resolve() / f"{page}.html" for page in pages]
    if not chosen:
        chosen = sorted(
            path.resolve()
            for path in Path(html).glob("*.html")
            if path.stem not in {"index", "genindex", "search"}
        )
    print(f"{'':20}" + "".join(f"{name:>10}" for name in AIMS))
    print(f"{'aim':20}" + "".join(f"{aim:>10,}" for aim in AIMS.values()))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=printing.chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        for file in chosen:
            row = measure(page, file)
            print(f"{file.stem:20}" + "".join(f"{row[name]:>10,}" for name in AIMS))
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
