"""The numbers of the prose: roles that look them up in the results files, so that none is typed.

`{result}` shows a number or a word that the page's own chapter recorded or noted, `{interval}` an
estimate with its 95 % interval, `{printed}` what the paper prints in its place, `{verdict}` and
`{effect}` what became of a claim. After a colon
comes a format specification, as in ``{result}`twins/FC10(1):.1f` ``; ``{effect}`twins:brief` ``
leaves out the exceptions. Another chapter's number has
the chapter's name and a # before its id. A Sphinx extension; the results files lie in the folder
`_results` of the sources, where `helpers.edition.rendering` puts them.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx

from helpers.intervals import Estimate
from helpers.report import claims, results
from helpers.report.rules import minus

Find = Callable[[Mapping[str, Any], str, str], str]

FOLDER = "_results"  # of the sources
PLACE = re.compile(r"^(?:(?P<chapter>[\w-]+)#)?(?P<id>.*?)(?::(?P<spec>[^:]*))?$", re.DOTALL)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the roles."""
    roles: dict[str, Find] = {
        "result": number,
        "interval": interval,
        "printed": printed,
        "verdict": verdict,
        "effect": effect,
    }
    for name, find in roles.items():
        app.add_role(name, _role(find))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def number(content: Mapping[str, Any], name: str, spec: str) -> str:
    """A record's value, or a note, as text.

    Parameters
    ----------
    content : mapping
        A results file, as `results.read` returns it.
    name : str
        The id of a record, with or without the chapter's name before it, or of a note.
    spec : str
        A format specification; without one a number is shown in full.

    Returns
    -------
    str
        With a minus sign for a hyphen.

    Raises
    ------
    ValueError
        Where there is no such number, or the specification does not fit it.

    Examples
    --------
    >>> number({"records": [], "notes": {"drop": -2.04}}, "drop", ".1f")
    '−2.0'
    """
    found = _find(content, name)
    value = found.value if isinstance(found, Estimate) else found
    return minus(format(value, spec)) if isinstance(value, int | float) else format(value, spec)


def interval(content: Mapping[str, Any], name: str, spec: str) -> str:
    """An estimate with its interval, as "1.9 [1.6, 2.2]"; arguments and errors as for `number`."""
    found = _find(content, name)
    if not isinstance(found, Estimate):
        raise ValueError(f"{name!r} has no interval")
    return minus(format(found, spec))


def printed(content: Mapping[str, Any], name: str, spec: str) -> str:
    """The paper's number in the place of a record; arguments and errors as for `number`."""
    record = _record(content, name)
    if record is None or record["paper"] is None:
        raise ValueError(f"the paper prints no number {name!r}")
    return minus(format(record["paper"], spec))


def verdict(content: Mapping[str, Any], name: str, _spec: str = "") -> str:
    """What became of a claim: "holds", "mostly holds", "undecided" or "fails"."""
    return claims.WORDS[_claim(content, name)["verdict"]]


def effect(content: Mapping[str, Any], name: str, spec: str = "") -> str:
    """How large the effect behind a claim is, and, unless `spec` is "brief", the exceptions."""
    told = str(_claim(content, name)["effect"])
    return claims.brief(told) if spec == "brief" else told


def _find(content: Mapping[str, Any], name: str) -> Any:
    """A note, or an estimate: a record without an interval is one of no width."""
    notes = content.get("notes", {})
    if name in notes:
        return Estimate(**notes[name]) if isinstance(notes[name], dict) else notes[name]
    record = _record(content, name)
    if record is None:
        raise ValueError(f"there is no number {name!r}")
    if record["low"] is None:
        return record["value"]
    return Estimate(*(record[field] for field in ("value", "low", "high", "n")))


def _record(content: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The record of an id, with or without the chapter's name; None where there is none."""
    wanted = {name, f"{content.get('chapter')}/{name}"}
    return next((dict(each) for each in content["records"] if each["id"] in wanted), None)


def _claim(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    for claim in content["claims"]:
        if claim["id"] == name:
            return dict(claim)
    raise ValueError(f"there is no claim {name!r}")


def _role(find: Find) -> Any:
    """A docutils role that shows what `find` finds in a results file, or reports why it cannot."""

    def role(
        _name: str, raw: str, text: str, line: int, inliner: Inliner, *_: Any
    ) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        environment = inliner.document.settings.env
        place = PLACE.match(text)
        chapter = (place and place["chapter"]) or environment.docname
        file = Path(environment.srcdir) / FOLDER / f"{chapter}.json"
        # A page is read again when its numbers have changed.
        environment.note_dependency(str(file))
        try:
            if place is None or not file.exists():
                raise ValueError(f"the chapter {chapter} has no results")
            shown = find(results.read(file), place["id"], place["spec"] or "")
        except (KeyError, TypeError, ValueError) as error:
            message = inliner.reporter.error(f"{raw}: {error}", line=line)
            return [inliner.problematic(raw, raw, message)], [message]
        if find is verdict:
            # So that the style sheet can tell what holds from what fails.
            (kind,) = (word for word, told in claims.WORDS.items() if told == shown)
            return [nodes.inline("", shown, classes=[f"verdict-{kind}"])], []
        return [nodes.Text(shown)], []

    return role
