"""A Sphinx extension: what search engines and links to a page show of it, by sphinxext-opengraph.

Every page has a description, its first sentences. Where $SITE says at which address the book is
published, it has a card with its title, too: cards need addresses that are whole.
"""

import html
import os
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

LINE = "#0b5fa5"  # on a card: the colour of links
# Pages that Sphinx makes without a document.
WITHOUT_TEXT = {
    "search": "Search the book for a word.",
    "genindex": "The terms of the glossary and the names of the package, with their pages.",
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this when it loads the extension."""
    app.setup_extension("sphinxext.opengraph")
    app.connect("config-inited", _configure)
    app.connect("html-page-context", _describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _configure(_app: Sphinx, config: Config) -> None:
    site = os.environ.get("SITE", "").strip()
    config.ogp_site_url = f"{site.rstrip('/')}/" if site else ""
    config.ogp_site_name = config.html_title or config.project
    config.ogp_enable_meta_description = True
    config.ogp_social_cards = {"enable": bool(site), "line_color": LINE}


def _describe(
    _app: Sphinx,
    name: str,
    _template: str,
    context: dict[str, Any],
    document: nodes.document | None,
) -> None:
    """Describe a page that has no text of its own."""
    if document is None and name in WITHOUT_TEXT:
        text = html.escape(WITHOUT_TEXT[name])
        tag = f'\n<meta name="description" content="{text}" />'
        context["metatags"] = context.get("metatags", "") + tag
