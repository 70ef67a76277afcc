"""Claims: what the paper says or the book asks, the rule that decides it, and the verdict."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from helpers import check
from helpers.report.rules import VERDICTS, Ruling

# Whose a claim is: the paper's own; a detail of its printed text; a question of this book's.
SOURCES = {
    "paper": ("claim of the paper", "claims of the paper"),
    "print": ("printed detail", "printed details"),
    "book": ("question of our own", "questions of our own"),
}
EXCEPTIONS = re.compile(r"; (not|open for) .*$")  # how an effect names them, at its end
WORDS = {"holds": "holds", "mostly": "mostly holds", "undecided": "undecided", "fails": "fails"}


@dataclass(frozen=True)
class Claim:
    """One claim and what was found.

    Parameters
    ----------
    id : str
        Its name within the chapter, by which the summary and the prose refer to it.
    text : str
        What is claimed, in one sentence without a full stop.
    source : {"paper", "print", "book"}
        Whether the paper claims it, its printed text says it in passing, or this book asks it.
    ruling : Ruling
        The rule, the verdict and the evidence.

    Raises
    ------
    ValueError
        For another source.
    """

    id: str
    text: str
    source: str
    ruling: Ruling

    def __post_init__(self) -> None:
        check.choice("source", self.source, SOURCES)

    def stored(self) -> dict[str, str]:
        """The claim as a results file has it: id, text, source, verdict, rule, effect, evidence."""
        return {"id": self.id, "text": self.text, "source": self.source} | asdict(self.ruling)

    @staticmethod
    def restored(stored: Mapping[str, str]) -> "Claim":
        """Read a claim from a results file.

        Parameters
        ----------
        stored : mapping
            What `stored` returned.

        Returns
        -------
        Claim
            The same claim.

        Raises
        ------
        KeyError
            Where a part is missing.
        ValueError
            For another source or verdict than there are.
        """
        ruling = Ruling(*(stored[part] for part in ("verdict", "rule", "effect", "evidence")))
        return Claim(stored["id"], stored["text"], stored["source"], ruling)


def entry(claim: Claim) -> str:
    """Write a claim as one paragraph of Markdown: its text, the effect, the verdict, the rule.

    Parameters
    ----------
    claim : Claim
        What is written.

    Returns
    -------
    str
        In one line.

    Examples
    --------
    >>> ruling = Ruling("mostly", "the error is below 2 % for every network", "1.0 to 3.0 %; not b")
    >>> shown = entry(Claim("low", "networks hardly err", "paper", ruling))
    >>> print(shown.partition(" *Rule:*")[0])
    Networks hardly err: 1.0 to 3.0 %; not b. **Mostly holds.**
    """
    ruling = claim.ruling
    verdict = _capital(WORDS[ruling.verdict])
    told = f"{_capital(escape(claim.text))}: {escape(ruling.effect)}. **{verdict}.**"
    return f"{told} *Rule:* {escape(ruling.rule)}."


def full(claim: Claim) -> str:
    """Write a claim as `entry` does, with the numbers behind it case by case.

    Parameters
    ----------
    claim : Claim
        What is written.

    Returns
    -------
    str
        In one line of Markdown.
    """
    evidence = claim.ruling.evidence
    return f"{entry(claim)} *Found:* {escape(evidence)}." if evidence else entry(claim)


def listing(claims: Sequence[Claim]) -> str:
    """List claims by whose they are; the rule of each, and its exceptions, open below it.

    Parameters
    ----------
    claims : sequence of Claim
        In their order.

    Returns
    -------
    str
        HTML: a group for each source that there is, which begins with its count. Our own questions
        are folded where there are claims of the paper.

    Examples
    --------
    >>> found = [Claim("low", "networks hardly err", "paper", Ruling("holds", "r", "1 %"))]
    >>> listing(found).splitlines()[1]
    '<p><strong>1 claim of the paper: 1 holds.</strong></p>'
    """
    groups = {source: [claim for claim in claims if claim.source == source] for source in SOURCES}
    lines = ['<div class="verdicts">']
    for source, chosen in groups.items():
        rows = [_row(claim) for claim in chosen]
        if not chosen:
            continue
        if source == "book" and len(chosen) < len(claims):
            lines += ["<details>", f"<summary>{count(chosen)}</summary>", *rows, "</details>"]
        else:
            lines += [f"<p><strong>{count(chosen)}.</strong></p>", *rows]
    return "\n".join([*lines, "</div>"])


def _row(claim: Claim) -> str:
    """A claim as a fold: verdict, text and effect in its line; within, the rule and exceptions."""
    ruling = claim.ruling
    size = brief(ruling.effect)
    told = {"Rule": f"{ruling.rule}.", "Exceptions": exceptions(ruling.effect)}
    within = " ".join(f"<b>{what}:</b> {_plain(text)}" for what, text in told.items() if text)
    said = (
        f'<b class="verdict-{ruling.verdict}">{WORDS[ruling.verdict]}</b> '
        f"<span>{_plain(_capital(claim.text))}</span> <i>{_plain(size)}</i>"
    )
    return f"<details><summary>{said}</summary><p>{within}</p></details>"


def count(claims: Sequence[Claim]) -> str:
    """Count the verdicts on claims of one source.

    Parameters
    ----------
    claims : sequence of Claim
        At least one, all of the same source.

    Returns
    -------
    str
        As the beginning of a sentence.

    Examples
    --------
    >>> found = [Ruling("holds", "", ""), Ruling("holds", "", ""), Ruling("fails", "", "")]
    >>> count([Claim("", "", "paper", ruling) for ruling in found])
    '3 claims of the paper: 2 hold, 1 fails'
    """
    found = {word: sum(claim.ruling.verdict == word for claim in claims) for word in VERDICTS}
    noun = SOURCES[claims[0].source][len(claims) > 1]
    told = ", ".join(f"{n} {_agreed(word, n)}" for word, n in found.items() if n)
    return f"{len(claims)} {noun}: {told}"


def _agreed(verdict: str, n: int) -> str:
    """A verdict as the predicate of n claims."""
    many = {"holds": "hold", "mostly": "mostly hold", "undecided": "undecided", "fails": "fail"}
    return WORDS[verdict] if n == 1 else many[verdict]


def brief(effect: str) -> str:
    """Return an effect without the exceptions that it names.

    Parameters
    ----------
    effect : str
        As a ruling has it.

    Returns
    -------
    str
        How large the effect is.

    Examples
    --------
    >>> brief("28 of 30 pairs; not a and b; open for c")
    '28 of 30 pairs'
    """
    return EXCEPTIONS.sub("", effect)


def exceptions(effect: str) -> str:
    """Return what an effect says of exceptions, as sentences.

    Parameters
    ----------
    effect : str
        As a ruling has it.

    Returns
    -------
    str
        Empty where it names none.

    Examples
    --------
    >>> exceptions("28 of 30 pairs; not a and b; open for c")
    'not a and b; open for c.'
    """
    found = EXCEPTIONS.search(effect)
    return f"{found.group().removeprefix('; ')}." if found else ""


def escape(text: str) -> str:
    """Return text that Markdown shows as it is: no tag, no emphasis.

    Parameters
    ----------
    text : str
        What a reader is to see.

    Returns
    -------
    str
        Markdown.

    Examples
    --------
    >>> escape("a < b")
    'a &lt; b'
    """
    return _plain(text).replace("*", "\\*").replace("_", "\\_")


def _plain(text: str) -> str:
    """Text within HTML."""
    return html.escape(text, quote=False)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def restored(contents: Sequence[Mapping[str, Any]]) -> dict[str, Claim]:
    """Read the claims of several results files.

    Parameters
    ----------
    contents : sequence of mapping
        Results files, as `results.read` returns them.

    Returns
    -------
    dict of str to Claim
        By "chapter/id", in their order.
    """
    return {
        f"{content['chapter']}/{stored['id']}": Claim.restored(stored)
        for content in contents
        for stored in content.get("claims", [])
    }
