"""The paper's six claims and what its printed text has wrong, each with the chapters' claims that decide it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from IPython.display import Markdown

from helpers import paper

Key = tuple[str, str]  # a chapter, and how the text of one of its claims begins


@dataclass(frozen=True)
class Statement:
    """Something that the paper says. decided_by: the chapters' claims that it stands or falls with; where: what shows it, in MyST.

    missing: why nothing does.
    """

    text: str
    where: str = ""
    decided_by: tuple[Key, ...] = ()
    missing: str = ""


CLAIMS = {
    "Units": Statement(
        "A unit means no more than a random direction: the space, not the unit, carries the meaning.",
        "{doc}`units`",
        (("units", "units are no more coherent than"), ("units", "random directions are coherent")),
    ),
    "Adversarial examples": Statement(
        "Every network has adversarial examples, at a tiny distortion.",
        "{doc}`adversarial_search`",
        (
            ("adversarial_search", "every network has adversarial examples"),
            ("adversarial_search", "they are at the distortions of Table 1"),
        ),
    ),
    "Transfer": Statement(
        "They transfer to networks of other architecture, and to those trained on other images.",
        "{doc}`transfer`",
        (
            ("transfer", "images made for one network fool the others more than noise"),
            ("transfer", "so do images made for a network that saw other training images"),
            ("transfer", "amplified to 0.1 they fool"),
        ),
    ),
    "Noise": Statement(
        "Noise of the same size does far less.",
        "{doc}`noise`",
        (
            ("noise", "noise of standard deviation 0.1 hardly raises"),
            ("noise", "noise at exactly the adversarial distance does far less"),
        ),
    ),
    "Lipschitz bounds": Statement(
        "The bounds of single layers are large, so instability can arise from the first layer on.",
        "{doc}`lipschitz`",
        (
            ("lipschitz", "every convolution of AlexNet can enlarge"),
            ("lipschitz", "the first layer already favours an adversarial perturbation"),
        ),
    ),
    "Training": Statement(
        "Training on adversarial examples regularises: below {adversarial} % test error, against {weight decay} % with weight decay "
        "and {dropout} % with dropout.".format(**paper.TRAINING_ON_ADVERSARIAL_EXAMPLES),
        missing="It has no chapter yet.",
    ),
}

ERRORS = {
    "The line search is for the minimum c.": Statement(
        "c multiplies the length, so the least distortion belongs to the largest c that succeeds.",
        "{numref}`fig-line-search`",
        (("adversarial_search", "the line search is for the least c"),),
    ),
    "Amplified to 0.1: x + 0.1 (x' − x) / ‖x' − x‖₂.": Statement(
        "That has a distortion of 0.1/28; a factor √784 is missing.", "{numref}`amplification`"
    ),
    "D(x, f(x)) = f(x).": Statement(
        "It is x itself.",
        "{numref}`own-class`",
        (("adversarial_search", "the solution of D(x, f(x)) is f(x)"),),
    ),
    "A(ξ) has a factor Δ⁻², and the exponent u·ξ/N².": Statement(
        "Parseval gives Δ⁻¹; the exponent is u·ξ/N.",
        "{numref}`formulas`",
        (("lipschitz", "the printed formula for convolutions"),),
    ),
    "The penalty method yields the exact solution for convex losses.": Statement(
        "With cross-entropy it ends beyond the boundary.",
        "{numref}`excess`",
        (("adversarial_search", "the penalty method solves convex problems exactly"),),
    ),
    "Section 4.3 bounds rectified layers only.": Statement(
        "The networks for MNIST are made of sigmoids: a hidden layer's bound is ‖W‖/4.",
        "{numref}`layers`",
    ),
    "Weight decay adds λ Σw²/k to the loss.": Statement(
        "The printed errors are those of λ Σw²/2.",
        "{numref}`decay`",
        (("models", "weight decay is λ Σw² / k"),),
    ),
}

FIGURES = {
    "Figures 1 and 2": Statement(
        "Images that maximise units, and random directions, of a network for MNIST.",
        "{numref}`fig-units` and {numref}`fig-random-directions`",
        CLAIMS["Units"].decided_by,
    ),
    "Figures 3 and 4": Statement(
        "The same for AlexNet.", missing="ImageNet's validation set cannot be shipped with a book."
    ),
    "Figure 5": Statement(
        f"AlexNet, and images that it takes for ostriches, at an average distortion of {paper.FIGURE5_DISTORTION}.",
        missing="It needs images of ImageNet and AlexNet's fully connected layers, which cannot be shipped with a book.",
    ),
    "Figure 6": Statement(
        "A classifier of cars.", missing="Neither its network nor its images were published."
    ),
    "Figure 7": Statement(
        "Adversarial images of MNIST, beside noise that leaves 51 % of the answers right.",
        "{numref}`fig-adversarial` and {numref}`figure7`",
        (("noise", "noise of standard deviation 1 leaves about half of the answers right"),),
    ),
}


def find(loaded: Mapping[str, Mapping[str, Any]], key: Key) -> dict[str, Any]:
    """A chapter's claim, as its results file has it. Raises ValueError where no claim, or more than one, begins so."""
    chapter, beginning = key
    found = [
        claim for claim in loaded[chapter].get("claims", []) if claim["text"].startswith(beginning)
    ]
    if len(found) != 1:
        raise ValueError(
            f"chapter {chapter} has {len(found)} claims that begin with {beginning!r}; the summary needs one"
        )
    return dict(found[0])


def verdict(loaded: Mapping[str, Mapping[str, Any]], statement: Statement) -> str:
    """The rule: a statement holds if all that decides it holds, does not if nothing does, else in part; "not measured" where nothing decides."""
    holds = [find(loaded, key)["holds"] for key in statement.decided_by]
    if not holds:
        return "not measured"
    return "holds" if all(holds) else "in part" if any(holds) else "does not hold"


def entries(
    loaded: Mapping[str, Mapping[str, Any]],
    statements: Mapping[str, Statement],
    *,
    judged: bool = True,
) -> Markdown:
    """Statements with their verdicts (unless not `judged`), what shows them, and what each of the deciding claims found."""
    lines = []
    for title, statement in statements.items():
        judgement = f" *{verdict(loaded, statement).capitalize()}.*" if judged else ""
        lines += [
            f"**{title}**{':' if judged else ''} {statement.text}{judgement} {f'See {statement.where}.' if statement.where else statement.missing}",
            "",
        ]
        lines += [f"- {line(find(loaded, key))}" for key in statement.decided_by] + [""]
    return Markdown("\n".join(lines))


def listing(loaded: Mapping[str, Mapping[str, Any]]) -> Markdown:
    """Every claim of every chapter, with its rule and what was found."""
    lines = []
    for chapter, content in loaded.items():
        lines += [
            f"**{{doc}}`{chapter}`**",
            "",
            *(f"- {line(claim)} Rule: {claim['rule']}." for claim in content.get("claims", [])),
            "",
        ]
    return Markdown("\n".join(lines))


def line(claim: Mapping[str, Any]) -> str:
    """A chapter's claim, its verdict and its evidence."""
    return f"{claim['text']}: *{'holds' if claim['holds'] else 'does not hold'}* ({claim['evidence']})."
