import json
import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers import data, models
from helpers.models import checkpoints, runs

NAME = "FC10(1)"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a copy of one checkpoint, where models.load looks."""
    original = checkpoints.path(NAME)
    (tmp_path / original.name).write_bytes(original.read_bytes())
    monkeypatch.setattr(checkpoints, "folder", lambda dataset: tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", models.SPECIFICATIONS)
def test_every_network_has_a_checkpoint_of_its_specification(name: str) -> None:
    _, metadata = checkpoints.read(name, "mnist", models.specification(name))
    assert metadata["name"] == name
    assert metadata["data"] == {"dataset": "mnist", "sha256": data.checksum("mnist")}
    assert set(metadata) >= {"specification", "iterations", "error", "environment", "seconds"}
    assert set(metadata["error"]) == {"train", "test"}


def test_checkpoint_files_have_names_of_their_own() -> None:
    assert len({checkpoints.path(name) for name in models.SPECIFICATIONS}) == len(
        models.SPECIFICATIONS
    )


def test_another_specification_is_refused_with_the_command_that_retrains(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = replace(models.specification(NAME), decay=(0.5,), seed=7)
    monkeypatch.setitem(models.SPECIFICATIONS, NAME, changed)
    with pytest.raises(
        OSError,
        match=r"another specification \(decay, seed differ\); train it with: "
        r'make models MODELS="FC10\(1\)"',
    ):
        models.load(NAME)


def test_a_field_that_came_after_a_checkpoint_had_its_default_when_it_was_trained(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped checkpoints were written before there was a norm_penalty."""
    _, metadata = checkpoints.read(NAME, "mnist", models.specification(NAME))
    assert "norm_penalty" not in metadata["specification"]
    monkeypatch.setitem(
        models.SPECIFICATIONS, NAME, replace(models.specification(NAME), norm_penalty=0.1)
    )
    with pytest.raises(OSError, match=r"another specification \(norm_penalty differ\)"):
        models.load(NAME)


def test_a_field_that_is_no_more_is_another_specification(tmp_path: Path) -> None:
    specification = models.specification(NAME)
    metadata = {"specification": json.loads(json.dumps(asdict(specification))) | {"dropout": 0.5}}
    checkpoints.write(
        NAME, {"logits.weight": torch.zeros(1)}, metadata, checkpoints.path(NAME, where=tmp_path)
    )
    with pytest.raises(OSError, match=r"another specification \(dropout differ\)"):
        checkpoints.read(NAME, "mnist", specification, tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "header", "weights", "metadata"])
def test_a_damaged_checkpoint_is_refused_by_name(folder: Path, damage: str) -> None:
    file = checkpoints.path(NAME)
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "header":
        file.write_bytes(b"\0" * len(content))
    elif damage == "weights":
        content[-5] ^= 1
        file.write_bytes(content)
    else:
        save_file(load_file(file), file)
    with pytest.raises(
        OSError, match=r"the checkpoint of FC10\(1\) at .* is damaged .*make models"
    ):
        models.load(NAME)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(folder: Path, value: float) -> None:
    """With the right checksum of the wrong weights, as a training that diverged would have left."""
    weights, metadata = checkpoints.read(NAME, "mnist", models.specification(NAME))
    weights["logits.weight"][3, 400] = value
    metadata |= {"weights": checkpoints.digest(weights)}
    file = checkpoints.path(NAME)
    save_file(weights, file, metadata={"helpers": json.dumps(metadata)})
    with pytest.raises(
        OSError, match=r"FC10\(1\) at .* holds NaN or infinite weights \(in logits.weight\); train"
    ):
        models.load(NAME)
    with pytest.raises(
        ValueError, match=r"weights: need finite values, got NaN or inf.* in logits"
    ):
        checkpoints.write(NAME, weights, metadata, file)


def _without(name: str) -> dict[str, Any]:
    _, metadata = checkpoints.read(NAME, "mnist", models.specification(NAME))
    return {key: value for key, value in metadata.items() if key != name}


@pytest.mark.parametrize(
    "content",
    [
        "not JSON",
        "[]",
        "null",
        '"text"',
        "[" * 100_000,
        "{}",
        json.dumps(_without("weights")),
        json.dumps(_without("specification")),
        json.dumps(_without("specification") | {"specification": ["hidden"]}),
        json.dumps(_without("specification") | {"specification": None}),
    ],
    ids=lambda content: content[-40:],
)
def test_malformed_metadata_are_told_with_the_file_and_the_remedy(
    folder: Path, content: str
) -> None:
    file = checkpoints.path(NAME)
    save_file(load_file(file), file, metadata={"helpers": content})
    with pytest.raises(OSError, match=r"of FC10\(1\) at .*/FC10_1\.safetensors is damaged .*make"):
        models.load(NAME)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"logits.weight": torch.zeros(10, 784)}, r"does not fit the network \(logits.bias differ"),
        (
            {"logits.weight": torch.zeros(10, 783), "logits.bias": torch.zeros(10)},
            r"does not fit the network \(logits.weight differ",
        ),
        (
            {"logits.weight": torch.zeros(10, 784), "logits.bias": torch.zeros(10).double()},
            r"does not fit the network \(logits.bias differ",
        ),
    ],
)
def test_weights_of_another_form_are_refused(
    folder: Path, weights: dict[str, torch.Tensor], message: str
) -> None:
    metadata = {"specification": asdict(models.specification(NAME))}
    checkpoints.write(NAME, weights, metadata, checkpoints.path(NAME))
    with pytest.raises(OSError, match=rf"FC10\(1\) at .*safetensors {message}.*make models"):
        models.load(NAME)


def test_another_networks_checkpoint_is_refused(folder: Path) -> None:
    """The same architecture, and a specification that was made to agree."""
    other = "FC100-100-10/P1"
    weights = models.load("FC10(1)").state_dict()
    metadata = {"specification": asdict(models.specification("FC100-100-10"))}
    checkpoints.write(other, weights, metadata, checkpoints.path("FC100-100-10"))
    with pytest.raises(OSError, match=r"of FC100-100-10 at .* is that of FC100-100-10/P1; train"):
        models.load("FC100-100-10")


def test_a_missing_checkpoint_says_how_to_train_it(folder: Path) -> None:
    with pytest.raises(
        FileNotFoundError,
        match=r'no checkpoint of FC100-100-10 for mnist .*make models MODELS="FC100-100-10"',
    ):
        models.load("FC100-100-10")


def test_a_missing_checkpoint_of_another_set_says_how_to_train_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match='make models MODELS="ConvNet" DATASET=kmnist'):
        models.load("ConvNet", dataset="kmnist")


@pytest.mark.parametrize("name", models.SPECIFICATIONS)
@pytest.mark.parametrize("dataset", ["mnist", "kmnist"])
def test_the_command_that_an_error_prints_can_be_pasted_into_a_shell(
    name: str, dataset: str, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        checkpoints.read(name, dataset, models.specification(name), tmp_path)
    command = str(caught.value).partition("train it with: ")[2]
    make, target, networks, *rest = shlex.split(command)
    assert (make, target) == ("make", "models")
    assert runs.names([networks.removeprefix("MODELS=")]) == [name]
    assert rest == ([] if dataset == "mnist" else [f"DATASET={dataset}"])


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    specification = models.specification(NAME)
    weights = {"logits.weight": torch.randn(10, 784), "logits.bias": torch.randn(10)}
    file = checkpoints.path(NAME, where=tmp_path)
    metadata = {"specification": json.loads(json.dumps(vars(specification))), "note": "x"}
    checkpoints.write(NAME, weights, metadata, file)
    found, read = checkpoints.read(NAME, "mnist", specification, tmp_path)
    assert all(torch.equal(found[key], weights[key]) for key in weights)
    assert read["note"] == "x"
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
