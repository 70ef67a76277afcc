from helpers.report import claims
from helpers.report.claims import Claim


def test_a_report_says_what_holds_what_does_not_and_why() -> None:
    text = claims.report(
        [
            Claim("a", "rule a", holds=True, evidence="1 < 2"),
            Claim("b", "rule b", holds=False, evidence="3 > 2"),
        ]
    )
    assert text.splitlines() == [
        "HOLDS: a",
        "  rule:  rule a",
        "  found: 1 < 2",
        "DOES NOT HOLD: b",
        "  rule:  rule b",
        "  found: 3 > 2",
        "1 of 2 claims hold",
    ]
