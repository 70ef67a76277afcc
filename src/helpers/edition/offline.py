"""A Sphinx extension: keep out of the pages what could only work with another host in reach."""

from typing import Any

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Take sphinx-thebe off the events at which it adds scripts from another host.

    Jupyter Book always loads it.
    """
    app.connect("config-inited", _disconnect_thebe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _disconnect_thebe(app: Sphinx, _config: object) -> None:
    for event in ("env-before-read-docs", "doctree-resolved"):
        for listener in list(app.events.listeners[event]):
            if getattr(listener.handler, "__module__", "") == "sphinx_thebe":
                app.disconnect(listener.id)
