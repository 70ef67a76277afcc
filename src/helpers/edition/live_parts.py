"""A Sphinx extension: pictures that a reader moves, computed in the page.

It has one directive. ``{live} push`` is the place of what `book/_extra/live/push.js` makes; what
the directive holds is its caption. Without scripts, and on paper, nothing of it is shown: the prose
around it stands alone. A page loads scripts only for the parts that it has.
"""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = "_extra/live"  # of the scripts, in the sources; beside the pages it is "live"
SHARED = ("networks", "search", "minimise", "worker", "api", "digits", "show", "part", "along")


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this when it loads the extension."""
    app.add_directive("live", Live)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Live(SphinxDirective):
    """The directive ``{live}``, with the name of a script; its content is the caption."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Make the place of the part, and load its scripts, or an error where it has none."""
        part = self.arguments[0]
        if not (Path(self.env.srcdir) / FOLDER / f"{part}.js").exists():
            return [self.state.document.reporter.error(f"{part}: no {FOLDER}/{part}.js")]
        place = nodes.container(classes=["live", "live-part", f"live-{part}"])
        self.state.nested_parse(self.content, self.content_offset, place)
        self.set_source_info(place)
        loaded = self.env.temp_data.setdefault("live_parts", set())
        wanted = [name for name in (*SHARED, part) if name not in loaded]
        loaded.update(wanted)
        scripts = [f'<script defer src="live/{name}.js"></script>' for name in wanted]
        return [place, nodes.raw("", "\n".join(scripts), format="html")]
