import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers import data, models, places
from helpers.data import Images
from helpers.models import checkpoints, minimise, runs, training
from helpers.models.state import State


class KilledError(Exception):
    """Stands for the process being killed."""


@pytest.fixture(scope="module")
def few() -> Images:
    return data.mnist("train")[:300]


def test_training_writes_a_checkpoint_that_loads_and_then_leaves_it_alone(
    few: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "training_set", lambda *_: few)
    command = ["FC10(1)", "--folder", str(tmp_path), "--device", "cpu"]
    assert runs.main(command) == 0
    weights, metadata = checkpoints.read(
        "FC10(1)", "mnist", models.specification("FC10(1)"), tmp_path
    )
    assert weights["logits.weight"].shape == (10, 784)
    assert 0 <= metadata["error"]["test"] < 0.5
    before = checkpoints.path("FC10(1)", where=tmp_path).read_bytes()
    assert runs.main(command) == 0
    assert "there already" in capsys.readouterr().out
    assert checkpoints.path("FC10(1)", where=tmp_path).read_bytes() == before


def test_an_interrupted_forced_run_leaves_the_old_checkpoint_and_goes_on(
    few: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "training_set", lambda *_: few)
    command, train = ["FC10(1)", "--folder", str(tmp_path), "--device", "cpu"], training.train
    runs.main(command)

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    monkeypatch.setattr(training, "train", killed)
    with pytest.raises(KilledError):
        runs.main([*command, "--force"])
    checkpoints.read("FC10(1)", "mnist", models.specification("FC10(1)"), tmp_path)
    monkeypatch.setattr(training, "train", train)
    capsys.readouterr()
    assert runs.main(command) == 0  # without --force: what is left of the forced run
    assert "test error" in capsys.readouterr().out
    assert runs.main(command) == 0
    assert "there already" in capsys.readouterr().out


@pytest.fixture
def unfinished(
    few: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    """The state of a training of FC100-100-10 that was killed after thirty iterations."""
    monkeypatch.setattr(data, "training_set", lambda *_: few)
    monkeypatch.setattr(training, "ITERATIONS", 40)
    monkeypatch.setattr(minimise, "SAVE_SECONDS", -1.0)
    write, written = State.write, []

    def killed(self: State, content: dict[str, Any]) -> None:
        write(self, content)
        written.append(content)
        if len(written) == 3:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(State, "write", killed)
        with pytest.raises(KilledError):
            runs.main([*SMALL, "--folder", str(tmp_path)])
    capsys.readouterr()
    return checkpoints.path("FC100-100-10", where=tmp_path).with_suffix(".partial.pt")


SMALL = ["FC100-100-10", "--device", "cpu"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("none", ""),
        ("truncated", "is damaged"),
        ("specification", "was left by another training (decay differ)"),
        ("seed", "was left by another training (seed differ)"),
        ("images", "was left by another training (images differ)"),
        ("torch", "was left by another training (torch differ)"),
    ],
)
def test_a_training_goes_on_from_its_own_state_alone(
    unfinished: Path,
    few: Images,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: str,
    told: str,
) -> None:
    """Whatever it finds, it ends at the weights of a training that was not interrupted."""
    specification = models.specification("FC100-100-10")
    if fault == "truncated":
        unfinished.write_bytes(unfinished.read_bytes()[:5000])
    elif fault == "specification":
        changed = replace(specification, decay=(1e-3, 1e-3, 1e-3))
        monkeypatch.setitem(models.SPECIFICATIONS, "FC100-100-10", changed)
    elif fault == "seed":
        monkeypatch.setitem(models.SPECIFICATIONS, "FC100-100-10", replace(specification, seed=5))
    elif fault == "images":
        monkeypatch.setattr(data, "training_set", lambda *_: few[1:])
    elif fault == "torch":
        monkeypatch.setattr(torch, "__version__", "2.0.0")
    straight = training.train("FC100-100-10").model.state_dict()
    assert runs.main([*SMALL, "--folder", str(unfinished.parent)]) == 0
    printed = capsys.readouterr().out.splitlines()
    expected = [f"{unfinished} {told}: it is deleted, training starts anew"] if told else []
    assert printed[:-1] == expected
    assert printed[-1].startswith("FC100-100-10: train error ")
    weights, metadata = checkpoints.read(
        "FC100-100-10", "mnist", models.specification("FC100-100-10"), unfinished.parent
    )
    assert metadata["iterations"] == 40
    assert all(torch.equal(weights[key], straight[key]) for key in straight)
    assert not unfinished.exists()


def test_several_networks_at_once_train_those_that_are_lacking(tmp_path: Path) -> None:
    shutil.copy(checkpoints.path("FC10(1e-2)"), tmp_path)
    command = [
        sys.executable,
        "-m",
        "helpers.models",
        "FC10(1), FC10(1e-2)",
        "--folder",
        str(tmp_path),
        "--device",
        "cpu",
    ]
    environment = {**os.environ, "PYTHONPATH": str(places.PACKAGE.parent)}
    printed = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout
    assert "FC10(1e-2): there already" in printed
    weights, _ = checkpoints.read("FC10(1)", "mnist", models.specification("FC10(1)"), tmp_path)
    shipped = models.load("FC10(1)").logits.weight
    assert (weights["logits.weight"] - shipped).norm() < 0.02 * shipped.norm()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        *(([name], [name]) for name in models.SPECIFICATIONS),
        ([", ".join(models.SPECIFICATIONS)], [*models.SPECIFICATIONS]),
        ([" FC10(1) ,FC100-100-10/seed 1,"], ["FC10(1)", "FC100-100-10/seed 1"]),
        (["FC10(1) ConvNet"], ["FC10(1)", "ConvNet"]),
        (["ConvNet/norm 0.1", "FC10(1), ConvNet/norm 0.1"], ["ConvNet/norm 0.1", "FC10(1)"]),
        ([""], []),
        ([], []),
    ],
)
def test_an_argument_names_networks_one_or_several(
    arguments: list[str], expected: list[str]
) -> None:
    assert runs.names(arguments) == expected


@pytest.mark.parametrize(
    ("argument", "unknown"),
    [
        ("FC10(1), FC10(3)", "FC10(3)"),
        ("FC10(1) FC10(3)", "FC10(3)"),
        ("FC100-100-10/seed 2", "FC100-100-10/seed 2"),
        ("FC10(1), two words", "two words"),
        ("FC10(1); touch x", "FC10(1); touch x"),
    ],
)
def test_an_unknown_name_among_several_is_the_one_that_is_told(argument: str, unknown: str) -> None:
    told = f"unknown model '{unknown}': choose one of"
    with pytest.raises(ValueError, match=f"^{re.escape(told)} .* are separated by commas$"):
        runs.names([argument])


def test_make_hands_the_names_on_as_they_were_written(tmp_path: Path) -> None:
    """The recipe is run with a Python that prints its arguments."""
    every = ", ".join(models.SPECIFICATIONS)
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    python.chmod(0o755)
    (tmp_path / "installed").touch()
    arguments = subprocess.run(
        ["make", "--silent", "models", f"VENV={tmp_path}", f"MODELS={every}"],
        cwd=places.ROOT,
        env={key: value for key, value in os.environ.items() if key != "MAKEFLAGS"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert arguments[:2] == ["-m", "helpers.models"]
    assert arguments[-1] == every


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["FC10(2)"], "unknown model 'FC10(2)': choose one of FC10(1e-4)"),
        (["FC10(1)", "--dataset", "cifar"], "unknown dataset 'cifar': choose one of mnist"),
        (["FC10(1)", "--device", "cuda:9"], "unknown device 'cuda:9': this machine has auto, cpu"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    command: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.main([*command, "--folder", str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
