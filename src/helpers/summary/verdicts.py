"""The paper's six claims and the slips of its text, with the chapters' claims that decide them."""

from collections.abc import Mapping
from dataclasses import dataclass

from IPython.display import Markdown

from helpers import paper
from helpers.report.claims import WORDS, Claim, entry, full
from helpers.report.rules import VERDICTS

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Statement:
    """Something that the paper says.

    Parameters
    ----------
    text : str
        What it says, or what is wrong with it, in sentences.
    where : str
        What shows it, in MyST.
    decided_by : tuple of str
        The chapters' claims that it stands or falls with, each as "chapter/id".
    missing : str
        Why nothing shows it.
    beside : tuple of str
        Claims that do not decide it and are told beside those that do.
    """

    text: str
    where: str = ""
    decided_by: tuple[str, ...] = ()
    missing: str = ""
    beside: tuple[str, ...] = ()


CLAIMS = {
    "Units": Statement(
        "A unit means no more than a random direction: "
        "the space, not the unit, carries the meaning.",
        "{doc}`units`",
        ("units/no more coherent", "units/random coherent"),
    ),
    "Adversarial examples": Statement(
        "Every network has adversarial examples, for every image.",
        "{doc}`adversarial_search`",
        ("adversarial_search/every image",),
    ),
    "Transfer": Statement(
        "They transfer to networks of other architecture, and to those trained on other images.",
        "{doc}`transfer`",
        (
            "transfer/beyond noise",
            "transfer/disjoint",
            "transfer/amplified",
        ),
    ),
    "Noise": Statement(
        "Noise of the same size does far less.",
        "{doc}`noise`",
        (
            "noise/hardly",
            "noise/twins",
        ),
    ),
    "Lipschitz bounds": Statement(
        "The bounds of single layers are large, so instability can arise from the first layer on; "
        "they are conservative.",
        "{doc}`lipschitz`",
        (
            "lipschitz/enlarge",
            "lipschitz/first layer",
            "lipschitz/conservative",
        ),
    ),
    "Training": Statement(
        "Training on adversarial examples regularises: below {adversarial} % test error, against "
        "{weight decay} % with weight decay and {dropout} % with dropout; examples of the higher "
        "layers help more than those of the input.".format(
            **paper.TRAINING_ON_ADVERSARIAL_EXAMPLES
        ),
        "{doc}`training`",
        (
            "training/below",
            "training/dropout",
            "training/higher layers",
        ),
        beside=("training/pool",),
    ),
}

ERRORS = {
    "The line search is for the minimum c.": Statement(
        "c multiplies the length, so the least distortion belongs to the largest c that succeeds.",
        "{numref}`fig-line-search`",
        ("adversarial_search/least c",),
    ),
    "Amplified to 0.1: x + 0.1 (x' − x) / ‖x' − x‖₂.": Statement(
        "That has a distortion of 0.1/28; a factor √784 is missing.",
        "{numref}`amplification`",
        ("transfer/printed formula",),
    ),
    "D(x, f(x)) = f(x).": Statement(
        "It is x itself.",
        "{numref}`own-class`",
        ("adversarial_search/own class",),
    ),
    "A(ξ) has a factor Δ⁻², and the exponent u·ξ/N².": Statement(
        "Parseval gives Δ⁻¹; the exponent is u·ξ/N.",
        "{numref}`formulas`",
        ("lipschitz/printed formula",),
    ),
    "Max pooling is contractive.": Statement(
        "Only where no two windows share a pixel; AlexNet's do, and double a change.",
        "{numref}`links`",
        ("lipschitz/pooling",),
    ),
    "The penalty method yields the exact solution for convex losses.": Statement(
        "With cross-entropy it ends beyond the boundary.",
        "{numref}`excess`",
        ("adversarial_search/exact",),
    ),
    "Weight decay adds λ Σw²/k to the loss.": Statement(
        "The printed errors are those of λ Σw²/2.",
        "{numref}`decay`",
        ("models/decay",),
    ),
}

FIGURES = {
    "Figures 1 and 2": Statement(
        "Images that maximise units, and random directions, of a network for MNIST.",
        "{numref}`fig-units` and {numref}`fig-random-directions`",
        ("units/figures 1 and 2", "units/random coherent"),
    ),
    "Figures 3 and 4": Statement(
        "The same for late layers of a network for photographs, AlexNet.",
        "{numref}`fig-natural-units` and {numref}`fig-natural-coherence`",
        ("natural_images/random coherent", "natural_images/no more coherent"),
    ),
    "Figure 5": Statement(
        "AlexNet, and photographs that it takes for ostriches, at an average distortion of "
        f"{paper.FIGURE5_DISTORTION}. Two other networks that were trained on ImageNet stand in "
        "for it.",
        "{numref}`fig-ostriches`",
        ("natural_images/ostrich", "natural_images/imperceptible", "natural_images/noise"),
    ),
    "Figure 6": Statement(
        "A classifier of cars on frozen features that were learnt without labels. Neither its "
        "network nor its images were published; one of animals stands in for it.",
        "{numref}`fig-patches`",
        ("natural_images/figure 6",),
    ),
    "Figure 7": Statement(
        "Adversarial images of MNIST, beside noise that leaves 51 % of the answers right.",
        "{numref}`fig-adversarial` and {numref}`figure7`",
        ("noise/figure7",),
    ),
}


def deciding(claims: Mapping[str, Claim], statement: Statement) -> list[Claim]:
    """Return the chapters' claims that decide a statement.

    Parameters
    ----------
    claims : mapping
        The chapters' claims by "chapter/id".
    statement : Statement
        What is to be judged.

    Returns
    -------
    list of Claim
        In the statement's order; empty where nothing decides it.

    Raises
    ------
    ValueError
        Naming a claim that no chapter makes.
    """
    if lacking := [name for name in statement.decided_by if name not in claims]:
        raise ValueError(
            f"no chapter makes the claim {', '.join(lacking)}, which decides a statement"
        )
    return [claims[name] for name in statement.decided_by]


def verdict(claims: Mapping[str, Claim], statement: Statement) -> str:
    """Judge a statement: it is as strong as the weakest claim that decides it.

    Parameters
    ----------
    claims : mapping
        The chapters' claims by "chapter/id".
    statement : Statement
        What is to be judged.

    Returns
    -------
    str
        One of `rules.VERDICTS`, which fall in strength; "not measured" where nothing decides it.

    Raises
    ------
    ValueError
        Naming a claim that no chapter makes.

    Examples
    --------
    >>> from helpers.report.rules import Ruling
    >>> strong = Claim("a", "", "paper", Ruling("holds", "", ""))
    >>> weak = Claim("b", "", "paper", Ruling("undecided", "", ""))
    >>> verdict({"noise/a": strong, "noise/b": weak}, Statement("", "", ("noise/a", "noise/b")))
    'undecided'
    """
    found = [claim.ruling.verdict for claim in deciding(claims, statement)]
    return max(found, key=VERDICTS.index) if found else NOT_MEASURED


def entries(
    claims: Mapping[str, Claim], statements: Mapping[str, Statement], *, judged: bool = True
) -> Markdown:
    """Show statements with what decides them.

    Parameters
    ----------
    claims : mapping
        The chapters' claims by "chapter/id".
    statements : mapping
        By title.
    judged : bool
        Whether each has a verdict of its own, as a claim has and a slip of the text has not.

    Returns
    -------
    Markdown
        A paragraph for each, with its verdict, where it is shown, and the deciding claims below.

    Raises
    ------
    ValueError
        Naming a claim that no chapter makes.
    """
    lines = []
    for title, statement in statements.items():
        where = f"See {statement.where}." if statement.where else statement.missing
        judgement = WORDS.get(verdict(claims, statement), NOT_MEASURED)
        heading = f"**{title}: {judgement}.**" if judged else f"**{title}**"
        lines += [f"{heading} {statement.text} {where}", ""]
        lines += [f"- {entry(claim)}" for claim in deciding(claims, statement)] + [""]
    return Markdown("\n".join(lines))


def listing(claims: Mapping[str, Claim]) -> Markdown:
    """List every claim of every chapter, with its rule and what was found.

    Parameters
    ----------
    claims : mapping
        The chapters' claims by "chapter/id".

    Returns
    -------
    Markdown
        A list for each chapter.
    """
    chapters: dict[str, list[Claim]] = {}
    for name, claim in claims.items():
        chapters.setdefault(name.partition("/")[0], []).append(claim)
    lines = []
    for chapter, made in chapters.items():
        lines += [f"**{{doc}}`{chapter}`**", "", *(f"- {full(claim)}" for claim in made), ""]
    return Markdown("\n".join(lines))
