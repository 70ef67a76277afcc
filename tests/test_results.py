import json
import math
from pathlib import Path

import pytest

from helpers import places
from helpers.report import results
from helpers.report.results import Record


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESULTS", str(tmp_path))
    return tmp_path


def test_records_are_written_sorted_and_complete() -> None:
    results.write(
        "models",
        "smoke",
        [Record("b", 2.0, "%", 10, 0, 1.0, 3.0, 2.5, "Table 1"), Record("a", 1.0, "ratio", 5, 1)],
    )
    content = json.loads(results.path("models", "smoke").read_text())
    assert [record["id"] for record in content["records"]] == ["a", "b"]
    assert set(content["records"][1]) == {
        "id",
        "value",
        "low",
        "high",
        "n",
        "seed",
        "unit",
        "paper",
        "source",
    }
    assert set(content["environment"]) == {
        "python",
        "torch",
        "numpy",
        "device",
        "processor",
        "date",
        "commit",
    }
    assert (content["chapter"], content["profile"]) == ("models", "smoke")


def test_the_same_records_give_the_same_bytes(folder: Path) -> None:
    path = results.path("models", "smoke")
    results.write("models", "smoke", [Record("a", 1 / 3, "%", 10, 0)])
    first = path.read_bytes()
    results.write("models", "smoke", [Record("a", 1 / 3, "%", 10, 0)])
    assert path.read_bytes() == first
    assert [path.name for path in (folder / "smoke").iterdir()] == ["models.json"]


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_numbers_that_are_not_finite_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match=r"a: value is (nan|inf)"):
        Record("a", number, "%", 1, 0)


def test_an_id_that_occurs_twice_and_unknown_names_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="the ids a occur more than once"):
        results.write("models", "smoke", [Record("a", 1.0, "%", 1, 0), Record("a", 2.0, "%", 1, 0)])
    with pytest.raises(
        ValueError, match="unknown profile 'tiny': choose one of smoke, paper, full"
    ):
        results.write("models", "tiny", [])
    with pytest.raises(ValueError, match="unknown unit 'furlong'"):
        Record("a", 1.0, "furlong", 1, 0)
    assert list(folder.iterdir()) == []


def test_a_write_that_is_interrupted_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    path = results.path("models", "smoke")
    results.write("models", "smoke", [Record("a", 1.0, "%", 1, 0)])
    before = path.read_bytes()

    def interrupted(self: Path, *_: object, **__: object) -> int:
        with self.open("wb") as file:
            file.write(b"{ half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        results.write("models", "smoke", [Record("a", 2.0, "%", 1, 0)])
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["models.json"]


def test_the_committed_benchmark_has_every_task_and_our_search_among_the_peers() -> None:
    records = results.read(places.BENCHMARKS / "search.json")["records"]
    assert {record["task"] for record in records} == {"growth", "exact", "random", "nearest"}
    for network in {record["network"] for record in records if record["task"] == "nearest"}:
        here = [
            record
            for record in records
            if record["task"] == "nearest" and record["network"] == network
        ]
        assert {"ours", "foolbox", "torchattacks"} == {record["library"] for record in here}
        assert len({record["n"] for record in here}) == 1
        assert [
            record["ratio"]
            for record in here
            if (record["library"], record["method"]) == ("ours", "best")
        ] == [1.0]
        assert all(0 <= record["success"] <= 1 and record["seconds"] > 0 for record in here)


def test_the_committed_benchmark_of_operator_norms_shows_what_the_function_promises() -> None:
    records = results.read(places.BENCHMARKS / "spectral.json")["records"]
    by_layer = {record["layer"]: {} for record in records}
    for record in records:
        by_layer[record["layer"]][record["method"]] = record
    assert len(by_layer) == 10
    for methods in by_layer.values():
        assert abs(methods["operator_norm"]["error"]) <= 1e-6
        assert methods["operator_norm"]["residual"] <= 1e-9
        assert {
            "power iteration, 60 steps",
            "power iteration, 1000 steps",
            "power iteration, to 1e-6",
        } <= set(methods)
        assert methods["power iteration, 60 steps"]["value"] <= methods["operator_norm"][
            "value"
        ] * (1 + 1e-9)
    alexnet = [methods for layer, methods in by_layer.items() if layer.startswith("AlexNet")]
    assert len(alexnet) == 5
    ours, theirs = (
        sum(methods[name]["seconds"] for methods in alexnet)
        for name in ("operator_norm", "power iteration, to 1e-6")
    )
    assert ours < 30
    assert theirs > 10 * ours


@pytest.mark.parametrize("text", ["", "{", '{"records": [{"value": NaN}]}', '{"a": Infinity}'])
def test_a_damaged_file_is_named_with_its_remedy(folder: Path, text: str) -> None:
    file = folder / "noise.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"noise\.json is damaged .* delete it and build again"):
        results.read(file)


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "a b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"chapter: need letters"):
        results.write(name, "smoke", [])
