import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import optimize
from torch import nn
from torch.nn import functional

from helpers import checkpoints, data, models, training
from helpers.data import Images


@pytest.fixture(scope="module")
def few() -> Images:
    return data.mnist("train")[:300]


def test_penalty_is_half_the_squared_weights_without_biases() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid(), nn.Linear(2, 1))
    first, second = model[0].weight.detach().numpy(), model[2].weight.detach().numpy()
    expected = 0.5 * (0.3 * (first**2).sum() + 2.0 * (second**2).sum())
    assert training.penalty(model, [0.3, 2.0]).item() == pytest.approx(expected, rel=1e-6)


def test_penalty_needs_a_rate_for_each_layer() -> None:
    with pytest.raises(ValueError, match="zip"):
        training.penalty(nn.Linear(3, 2), [0.1, 0.1])


def test_a_softmax_regression_reaches_scipys_minimum(few: Images) -> None:
    model = models.build("FC10(1e-2)")
    training.classifier(model, few, [1e-2], iterations=300, tolerance=1e-9)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = torch.tensor(flat, requires_grad=True)
        matrix, bias = weights[:7840].view(10, 784), weights[7840:]
        loss = functional.cross_entropy(few.images.flatten(1).double() @ matrix.T + bias, few.labels) + 0.5e-2 * matrix.square().sum()
        loss.backward()
        assert weights.grad is not None
        return loss.item(), weights.grad.numpy()

    best = optimize.minimize(objective, np.zeros(7850), jac=True, method="L-BFGS-B", options={"maxiter": 2_000, "ftol": 1e-14, "gtol": 1e-8})
    ours = (functional.cross_entropy(model(few.images), few.labels) + training.penalty(model, [1e-2])).item()
    assert ours == pytest.approx(best.fun, rel=1e-5)


class KilledError(Exception):
    """Stands for the process being killed."""


def test_a_run_that_was_killed_goes_on_to_the_same_weights(few: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SAVE_SECONDS", -1.0)
    decay = models.specification("FC100-100-10").decay

    def fresh() -> nn.Sequential:
        model = models.build("FC100-100-10")
        training.initialise(model, torch.Generator().manual_seed(3))
        return model

    straight = fresh()
    training.classifier(straight, few, decay, iterations=60)

    state, calls = tmp_path / "run.partial.pt", 0
    interrupted = fresh()

    def objective() -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 45:
            raise KilledError
        return functional.cross_entropy(interrupted(few.images), few.labels) + training.penalty(interrupted, decay)

    with pytest.raises(KilledError):
        training.lbfgs(interrupted, objective, iterations=60, state=state)
    assert state.exists()
    resumed = fresh()
    training.classifier(resumed, few, decay, iterations=60, state=state)
    for ours, theirs in zip(straight.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def code_of(few: Images, weight: float) -> tuple[float, float]:
    """Last loss of an autoencoder whose wanted sparsity, 0.1, has this weight, and its mean activation."""
    generator = torch.Generator().manual_seed(0)
    encoder = nn.Linear(784, 64)
    training.initialise(encoder, generator)
    loss = training.autoencoder(encoder, few.images, models.SparseCoding(sparsity=0.1, weight=weight, epochs=100, batch=50), generator)
    return loss, torch.sigmoid(encoder(few.images.flatten(1))).mean().item()


def test_the_autoencoder_reconstructs_and_its_code_is_as_sparse_as_wanted(few: Images) -> None:
    mean = few.images.flatten(1).mean(dim=0).clamp(1e-3, 1 - 1e-3)
    without_code = functional.binary_cross_entropy(mean.expand(len(few), -1), few.images.flatten(1), reduction="sum").item() / len(few)
    loss, dense = code_of(few, weight=0.0)
    _, sparse = code_of(few, weight=20.0)
    assert loss < 0.8 * without_code
    assert abs(sparse - 0.1) < 0.2 * abs(dense - 0.1)


def test_the_divergence_is_zero_at_the_wanted_activation_and_positive_elsewhere() -> None:
    activations = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    divergence = training._divergence(0.05, activations)
    assert divergence[4].item() == pytest.approx(0.0, abs=1e-12)
    assert (np.delete(divergence.numpy(), 4) > 0).all()


def test_the_encoder_of_the_autoencoder_is_not_fine_tuned(few: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "training_set", lambda *_: few)
    after_coding = {}
    coding = training.autoencoder

    def spy(encoder: nn.Linear, *rest: object) -> float:
        loss = coding(encoder, *rest)  # type: ignore[arg-type]
        after_coding["weight"] = encoder.weight.detach().clone()
        return loss

    monkeypatch.setattr(training, "autoencoder", spy)
    monkeypatch.setattr(training, "ITERATIONS", 20)
    quick = replace(models.specification("AE400-10"), coding=models.SparseCoding(epochs=1))
    monkeypatch.setitem(models.SPECIFICATIONS, "AE400-10", quick)
    model, _ = training.train("AE400-10")
    assert torch.equal(model.hidden1.weight, after_coding["weight"])


def test_training_writes_a_checkpoint_that_loads_and_then_leaves_it_alone(
    few: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "training_set", lambda *_: few)
    command = ["FC10(1)", "--folder", str(tmp_path), "--device", "cpu"]
    assert training.main(command) == 0
    weights, metadata = checkpoints.read("FC10(1)", "mnist", models.specification("FC10(1)"), tmp_path)
    assert weights["logits.weight"].shape == (10, 784)
    assert 0 <= metadata["error"]["test"] < 0.5
    before = checkpoints.path("FC10(1)", where=tmp_path).read_bytes()
    assert training.main(command) == 0
    assert "there already" in capsys.readouterr().out
    assert checkpoints.path("FC10(1)", where=tmp_path).read_bytes() == before


def test_an_interrupted_forced_run_leaves_the_old_checkpoint_and_goes_on(
    few: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "training_set", lambda *_: few)
    command, train = ["FC10(1)", "--folder", str(tmp_path), "--device", "cpu"], training.train
    training.main(command)

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    monkeypatch.setattr(training, "train", killed)
    with pytest.raises(KilledError):
        training.main([*command, "--force"])
    checkpoints.read("FC10(1)", "mnist", models.specification("FC10(1)"), tmp_path)
    monkeypatch.setattr(training, "train", train)
    capsys.readouterr()
    assert training.main(command) == 0  # without --force: what is left of the forced run
    assert "test error" in capsys.readouterr().out
    assert training.main(command) == 0
    assert "there already" in capsys.readouterr().out


def test_several_networks_at_once_train_those_that_are_lacking(tmp_path: Path) -> None:
    shutil.copy(checkpoints.path("FC10(1e-2)"), tmp_path)
    command = [sys.executable, "-m", "helpers.training", "FC10(1)", "FC10(1e-2)", "--folder", str(tmp_path), "--device", "cpu"]
    environment = {**os.environ, "PYTHONPATH": str(Path(training.__file__).parents[1])}
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    assert "FC10(1e-2): there already" in printed
    weights, _ = checkpoints.read("FC10(1)", "mnist", models.specification("FC10(1)"), tmp_path)
    shipped = models.load("FC10(1)").logits.weight
    assert (weights["logits.weight"] - shipped).norm() < 0.02 * shipped.norm()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["FC10(2)"], "unknown model 'FC10(2)': choose one of FC10(1e-4)"),
        (["FC10(1)", "--dataset", "cifar"], "unknown dataset 'cifar': choose one of mnist"),
        (["FC10(1)", "--device", "cuda:9"], "unknown device 'cuda:9': this machine has auto, cpu"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(command: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert training.main([*command, "--folder", str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
