"""Claims: what the paper says, the rule that decides it, stated before measuring, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """One claim. `rule` decides it from the measured numbers; `holds` is what the rule found, `evidence` the numbers."""

    text: str
    rule: str
    holds: bool
    evidence: str

    @property
    def verdict(self) -> str:
        """The word for what the rule found."""
        return "holds" if self.holds else "does not hold"


def report(claims: Sequence[Claim]) -> str:
    """The claims with their rules, numbers and verdicts, as plain text; the last line counts those that hold."""
    blocks = [
        f"{claim.verdict.upper()}: {claim.text}\n  rule:  {claim.rule}\n  found: {claim.evidence}"
        for claim in claims
    ]
    return "\n".join(
        [*blocks, f"{sum(claim.holds for claim in claims)} of {len(claims)} claims hold"]
    )
