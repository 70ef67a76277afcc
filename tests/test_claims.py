import pytest
from bs4 import BeautifulSoup

from helpers.report import claims
from helpers.report.claims import Claim
from helpers.report.rules import stated


def made(name: str, source: str = "paper", verdict: str = "holds") -> Claim:
    return Claim(name, f"{name} is small", source, stated(verdict, "below 2", "1.5", "x 1.5"))


def test_a_claim_survives_its_results_file() -> None:
    claim = made("a", "print", "undecided")
    assert Claim.restored(claim.stored()) == claim
    assert claims.restored([{"chapter": "one", "claims": [claim.stored()]}]) == {"one/a": claim}


def test_the_listing_tells_the_papers_claims_from_our_questions() -> None:
    found = [
        made("a"),
        made("b", "book", "fails"),
        made("c", "paper", "mostly"),
        made("d", "print"),
    ]
    shown = claims.listing(found)
    read = BeautifulSoup(shown, "html.parser")
    assert [line.get_text() for line in read(["summary", "p"])] == [
        "2 claims of the paper: 1 holds, 1 mostly holds.",
        "holds A is small 1.5",
        "Rule: below 2.",
        "mostly holds C is small 1.5",
        "Rule: below 2.",
        "1 printed detail: 1 holds.",
        "holds D is small 1.5",
        "Rule: below 2.",
        "1 question of our own: 1 fails",
        "fails B is small 1.5",
        "Rule: below 2.",
    ]


def test_several_claims_of_one_verdict_are_plural() -> None:
    assert claims.count([made("a", verdict="fails")] * 2) == "2 claims of the paper: 2 fail"


def test_no_tag_and_no_emphasis_of_a_text_reaches_the_page() -> None:
    hostile = Claim("a", "<script>x</script> *a_b*", "book", stated("holds", "<i>", "<b>", ""))
    shown = claims.entry(hostile)
    assert "<" not in shown
    assert "\\*a\\_b\\*" in shown
    listed = claims.listing([hostile])
    assert "<script>" not in listed
    assert "&lt;script&gt;" in listed


def test_exceptions_stand_within_the_fold_and_not_in_its_line() -> None:
    ruling = stated("mostly", "all do", "28 of 30 pairs; not a → b; open for c")
    read = BeautifulSoup(claims.listing([Claim("a", "they do", "paper", ruling)]), "html.parser")
    line, within = read.summary.extract().get_text(), read.details.get_text()
    assert line == "mostly holds They do 28 of 30 pairs"
    assert within == "Rule: all do. Exceptions: not a → b; open for c."


def test_a_claim_has_a_known_source() -> None:
    with pytest.raises(ValueError, match="unknown source 'rumour'"):
        made("a", "rumour")
