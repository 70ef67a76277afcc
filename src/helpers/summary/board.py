"""The summary's board: what the paper says, in its own words, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from IPython.display import Markdown

from helpers.report.claims import WORDS, Claim, brief, escape
from helpers.summary import verdicts
from helpers.summary.verdicts import NOT_MEASURED, Statement


@dataclass(frozen=True)
class Quotation:
    """Words of the paper.

    Parameters
    ----------
    text : str
        As printed, an ellipsis where something is left out.
    place : str
        Where in the paper they stand.
    """

    text: str
    place: str


NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# How one claim and how several with a verdict are spoken of.
PREDICATES = {
    "holds": ("holds", "hold"),
    "mostly": ("mostly holds", "mostly hold"),
    "undecided": ("is undecided", "are undecided"),
    "fails": ("fails", "fail"),
    NOT_MEASURED: ("was not measured", "were not measured"),
}
# By the titles of `verdicts.CLAIMS`.
QUOTATIONS = {
    "Units": Quotation(
        "There is no distinction between individual high level units and random linear "
        "combinations of high level units.",
        "abstract",
    ),
    "Adversarial examples": Quotation(
        "For each sample, we have always managed to generate very close, visually hard to "
        "distinguish, adversarial examples.",
        "section 4.2",
    ),
    "Transfer": Quotation(
        "A relatively large fraction of examples will be misclassified by networks trained from "
        "scratch with different hyper-parameters … [and] on a disjoint training set.",
        "section 4.2",
    ),
    "Noise": Quotation(
        "[Adversarial examples are] hard to efficiently find by simply randomly sampling the input "
        "around a given example.",
        "section 4",
    ),
    "Lipschitz bounds": Quotation(
        "Instabilities can appear as soon as in the first convolutional layer.", "section 4.3"
    ),
    "Training": Quotation(
        "We have successfully trained a two layer 100-100-10 non-convolutional neural network "
        "with a test error below 1.2 % by keeping a pool of adversarial examples.",
        "section 4.2",
    ),
}
# What the effect behind a chapter's claim is the size of. One that is not here is told in the words
# of the claim itself.
SIZES = {
    "units/no more coherent": "Units against random directions: {}.",
    "units/random coherent": "Purity of random directions, from 0 for chance to 1: {}.",
    "adversarial_search/every image": "The least successful search finds one for {} of the images.",
    "transfer/beyond noise": "More errors than by noise of the same length: {}.",
    "transfer/disjoint": "After training on other images: {}.",
    "transfer/amplified": "Amplified to a distortion of 0.1, they fool other networks in {}.",
    "noise/hardly": "Noise of standard deviation 0.1 raises the error by {}.",
    "noise/twins": "Noise exactly as long as the adversarial change raises it by {}.",
    "lipschitz/enlarge": "Norms of AlexNet's convolutions: {}.",
    "lipschitz/first layer": "The first layer enlarges an adversarial change {} times as much as "
    "noise.",
    "lipschitz/conservative": "Bounds of whole networks are too large by a factor of {}.",
    "training/below": "Test error with fresh adversarial examples of the input: {}.",
    "training/pool": "With a pool at every layer, as the paper describes it: {}.",
    "training/dropout": "Test error with dropout, less that with adversarial examples: {}.",
    "training/higher layers": "Test error with examples of a hidden layer, less that with examples "
    "of the input: {}.",
}


def show(claims: Mapping[str, Claim], statements: Mapping[str, Statement]) -> Markdown:
    """Show each claim of the paper as one row: a picture, its words, the effect, the verdict.

    Parameters
    ----------
    claims : mapping
        The chapters' claims by "chapter/id".
    statements : mapping
        What the paper claims, by titles that `QUOTATIONS` has.

    Returns
    -------
    Markdown
        MyST: a block of the class "board" with a block of the class "board-row" for each. The
        pictures are those that `helpers.edition.previews` writes.

    Raises
    ------
    ValueError
        Naming a claim that no chapter makes.

    Examples
    --------
    >>> from helpers.report.rules import Ruling
    >>> made = {"noise/twins": Claim("twins", "", "paper", Ruling("holds", "r", "1 to 2 points"))}
    >>> noise = Statement("", "{doc}`noise`", ("noise/twins",))
    >>> [line for line in show(made, {"Noise": noise}).data.splitlines() if "points" in line]
    ['Noise exactly as long as the adversarial change raises it by 1 to 2 points.']
    """
    rows = [_row(title, statement, claims) for title, statement in statements.items()]
    return Markdown("\n\n".join(["::::::{div} board", *rows, "::::::"]))


def standing(found: Mapping[str, str]) -> str:
    """Count verdicts in words.

    Parameters
    ----------
    found : mapping
        The verdict on each claim, as `verdicts.verdict` returns it, by title.

    Returns
    -------
    str
        The end of a sentence.

    Examples
    --------
    >>> standing({"a": "holds", "b": "fails", "c": "holds", "d": "mostly"})
    'two hold, one mostly holds and one fails'
    """
    counted = {word: list(found.values()).count(word) for word in PREDICATES}
    told = [f"{in_words(n)} {PREDICATES[word][n > 1]}" for word, n in counted.items() if n]
    return " and ".join(part for part in (", ".join(told[:-1]), *told[-1:]) if part)


def in_words(count: int) -> str:
    """Write a count as prose does, in letters up to ten.

    Parameters
    ----------
    count : int
        Not negative.

    Returns
    -------
    str
        A word, or digits.

    Examples
    --------
    >>> in_words(6), in_words(12)
    ('six', '12')
    """
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def _row(title: str, statement: Statement, claims: Mapping[str, Claim]) -> str:
    """One claim as a block of blocks; without a picture where no chapter decides it."""
    said, found = QUOTATIONS[title], verdicts.verdict(claims, statement)
    chapter = statement.decided_by[0].partition("/")[0] if statement.decided_by else ""
    heading = f"{{doc}}`{title} <{chapter}>`" if chapter else title
    sizes = [_size(name, claims[name]) for name in (*statement.decided_by, *statement.beside)]
    alt = f"A small view of the first picture of the chapter that decides this claim, {chapter}."
    parts = {
        "board-picture": f"![{alt}](_static/thumbnails/{chapter}.png)" if chapter else "",
        "board-said": f"**{heading}** “{said.text}” *({said.place})*",
        "board-size": " ".join(sizes) or statement.missing,
        f"board-verdict board-{found.replace(' ', '-')}": WORDS.get(found, NOT_MEASURED),
    }
    blocks = [f"::::{{div}} {name}\n{text}\n::::" for name, text in parts.items() if text]
    return "\n".join([":::::{div} board-row", *blocks, ":::::"])


def _size(name: str, claim: Claim) -> str:
    """How large the effect behind a chapter's claim is, in a sentence."""
    effect = escape(brief(claim.ruling.effect))
    text = claim.text[:1].upper() + claim.text[1:]
    return SIZES.get(name, f"{escape(text)}: {{}}.").format(effect)
