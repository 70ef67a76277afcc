"""What a chapter's key follows: on a planted package, and on the real one."""

import shutil
from pathlib import Path

import pytest

from helpers import places
from helpers.edition import chapters, dependencies
from helpers.edition.chapters import Edition

EDITION = Edition(Path("_build"), device="cpu")

PLANTED = {
    "__init__.py": '"""The package."""',
    "alone.py": "import numpy",
    "deep.py": "def late():\n    from helpers.face import small\n    return small()",
    "face/__init__.py": (
        '"""A face."""\nfrom helpers.face.first import big\n'
        'from helpers.face.second import small\n__all__ = ["big", "small"]'
    ),
    "face/first.py": "from helpers import alone\ndef big():\n    return alone.x",
    "face/second.py": "from . import third\ndef small():\n    return third.x",
    "face/third.py": "x = 1",
    "face/fourth.py": "import sklearn.decomposition\nx = 1",
    "busy/__init__.py": "from helpers import alone\nx = alone.x + 1\nfrom helpers.busy.b import y",
    "busy/b.py": "y = 1",
    "places.py": "ASSETS = BENCHMARKS = None",
    "data.py": "from helpers import places\nfolder = places.ASSETS / 'mnist'",
    "other.py": "from helpers.places import ASSETS\nfolder = ASSETS",
}


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in which it is known what leads where."""
    for name, text in PLANTED.items():
        path = tmp_path / "helpers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(places, "PACKAGE", tmp_path / "helpers")
    monkeypatch.setattr(places, "ASSETS", tmp_path / "helpers" / "assets")
    monkeypatch.setattr(places, "BENCHMARKS", tmp_path / "benchmarks")
    return tmp_path


FACE = {"helpers", "helpers.face"}
FIRST = {"helpers.face.first", "helpers.alone"}
SECOND = {"helpers.face.second", "helpers.face.third"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import torch", set()),
        ("from helpers import alone", {"helpers", "helpers.alone"}),
        ("import helpers.alone", {"helpers", "helpers.alone"}),
        ("import helpers.alone as other", {"helpers", "helpers.alone"}),
        ("from helpers.face import small", FACE | SECOND),
        ("from helpers.face import small as other\nother()", FACE | SECOND),
        ("from helpers import face\nface.small()", FACE | SECOND),
        ("from helpers import face\nface.big().x.y", FACE | FIRST),
        ("from helpers import face\nprint(face)", FACE | FIRST | SECOND),
        ("from helpers import face\ngetattr(face, 'big')", FACE | FIRST | SECOND),
        ("from helpers import face", FACE | FIRST | SECOND),
        ("from helpers.face import *", FACE | FIRST | SECOND),
        ("import helpers.face\nhelpers.face.small", FACE | FIRST | SECOND),
        ("from helpers.face import fourth\nfourth.x", FACE | {"helpers.face.fourth"}),
        ("from helpers.face.fourth import x", FACE | {"helpers.face.fourth"}),
        ("from helpers import deep", FACE | SECOND | {"helpers.deep"}),
        ("def f():\n    from helpers.face import small", FACE | SECOND),
        (
            "from helpers.busy import b",
            {"helpers", "helpers.alone", "helpers.busy"} | {"helpers.busy.b"},
        ),
        (
            "from helpers.busy import x",
            {"helpers", "helpers.alone", "helpers.busy"} | {"helpers.busy.b"},
        ),
        ("face = 1\nface.small", set()),
    ],
)
def test_imports_are_followed_to_the_modules_that_define_what_is_used(
    planted: Path, code: str, expected: set[str]
) -> None:
    found = dependencies.of(code).modules
    assert set(found) == expected
    assert all(path.exists() and path.is_relative_to(planted) for path in found.values())


def test_assets_belong_to_the_module_that_reads_them(
    planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        planted / "helpers/assets/mnist/digits.gz",
        planted / "helpers/assets/alexnet/weights.safetensors",
        planted / "helpers/assets/mnist/.digits-x.partial.gz",
        planted / "helpers/assets/mnist/net.partial.pt",
        planted / "benchmarks/search.json",
    ]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    digits, weights, *_, benchmark = files

    def assets(code: str) -> list[Path]:
        return dependencies.of(code).assets("mnist")

    assert assets("from helpers import alone") == []
    assert assets("from helpers import data") == [digits]
    # a module that nobody has put into the table may read anything
    assert assets("from helpers import other") == [weights, digits]
    assert assets("from helpers import places\nplaces.BENCHMARKS") == [benchmark]


def test_networks_for_another_data_set_are_those_of_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path))
    network = tmp_path / "checkpoints" / "kmnist" / "FC10_1.safetensors"
    network.parent.mkdir(parents=True)
    network.write_text("a")
    found = dependencies.of("from helpers import models\nmodels.load('FC10(1)')")
    assert network in found.assets("kmnist")
    assert network not in found.assets("mnist")
    assert network not in dependencies.of("from helpers import data").assets("kmnist")


def test_versions_are_those_of_the_libraries_behind_the_numbers(planted: Path) -> None:
    always = {"torch", "numpy", "scipy"}
    assert set(dependencies.of("import pandas").versions()) == always
    assert set(dependencies.of("from sklearn import svm").versions()) == always | {"sklearn"}
    found = dependencies.of("from helpers.face import fourth")
    assert set(found.versions()) == always | {"sklearn"}
    assert set(dependencies.of("import skimage.draw").versions()) == always | {"skimage"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the real package, to be edited, with the assets that it has."""
    copy = tmp_path / "helpers"
    shutil.copytree(
        places.PACKAGE, copy, ignore=shutil.ignore_patterns("assets", "__pycache__", "*.pyc")
    )
    monkeypatch.setattr(places, "PACKAGE", copy)
    return copy


def keys() -> dict[str, str]:
    return {name: chapters.key(name, EDITION) for name in chapters.names()}


def changed(file: Path) -> set[str]:
    """The chapters whose keys change when a line is added to a file."""
    before = keys()
    file.write_text(file.read_text() + "\n# a thought\n")
    return {name for name, key in keys().items() if key != before[name]}


@pytest.mark.parametrize(
    "module",
    ["printing", "pipeline", "rendering", "validation", "execution", "pictures", "folders"],
)
def test_an_edit_of_what_makes_the_pages_executes_nothing(package: Path, module: str) -> None:
    assert changed(package / "edition" / f"{module}.py") == set()


def test_an_edit_of_the_search_executes_the_chapters_that_search(package: Path) -> None:
    found = changed(package / "search" / "walk.py")
    assert {"adversarial_search", "transfer", "noise"} <= found
    # Training makes examples by the search, so what loads a network depends on it, too.
    assert "summary" not in found


def test_an_edit_of_a_figure_executes_the_chapters_that_draw_it(package: Path) -> None:
    found = changed(package / "report" / "figures" / "lipschitz.py")
    assert "lipschitz" in found
    assert not {"models", "units", "noise", "transfer", "summary"} & found


def test_an_edit_of_what_all_share_executes_all(package: Path) -> None:
    assert changed(package / "profiles.py") >= set(chapters.names()) - {"summary"}
    assert changed(package / "__init__.py") == set(chapters.names())


def test_the_keys_follow_the_assets(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "ASSETS", tmp_path / "assets")
    for name in set(dependencies.READERS.values()):
        (tmp_path / "assets" / name).mkdir(parents=True)
    before = keys()
    (tmp_path / "assets" / "alexnet" / "alexnet.safetensors").write_text("weights")
    after = keys()
    assert "lipschitz" in {name for name in before if before[name] != after[name]}
    assert before["noise"] == after["noise"]
    (tmp_path / "assets" / "mnist" / "digits.gz").write_text("digits")
    assert after["noise"] != keys()["noise"]


def test_every_folder_of_assets_has_its_reader() -> None:
    folders = {path.name for path in places.ASSETS.iterdir() if path.is_dir()}
    assert folders == set(dependencies.READERS.values())
    for module in dependencies.READERS:
        text = (places.PACKAGE.parent / (module.replace(".", "/") + ".py")).read_text()
        assert "places.ASSETS" in text


def test_the_keys_follow_the_benchmarks(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys()
    monkeypatch.setattr(places, "BENCHMARKS", tmp_path)
    (tmp_path / "search.json").write_text("{}")
    assert {name for name, key in keys().items() if key != before[name]} == {
        name for name in before if "places.BENCHMARKS" in chapters.source(name).read_text()
    }


def test_the_keys_follow_the_trainings(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys()
    monkeypatch.setattr(places, "TRAINING", tmp_path)
    (tmp_path / "dropout.json").write_text("{}")
    after = keys()
    assert {name for name in before if before[name] != after[name]} == {"training"}


@pytest.mark.parametrize("library", ["torch", "numpy", "scipy", "scikit-learn", "scikit-image"])
def test_the_keys_follow_the_versions(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys()
    versions = dependencies.metadata.version
    monkeypatch.setattr(
        dependencies.metadata,
        "version",
        lambda name: "0" if name == library else versions(name),
    )
    found = {name for name, key in keys().items() if key != before[name]}
    if library.startswith("scikit"):
        assert "units" in found
        assert "models" not in found
    else:
        assert found == set(before)
