from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import optimize
from torch import nn
from torch.nn import functional

from helpers import data, models, spectral, transfer
from helpers.data import Images
from helpers.models import training


@pytest.fixture(scope="module")
def few() -> Images:
    return data.mnist("train")[:300]


def test_penalty_is_half_the_squared_weights_without_biases() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid(), nn.Linear(2, 1))
    first, second = model[0].weight.detach().numpy(), model[2].weight.detach().numpy()
    expected = 0.5 * (0.3 * (first**2).sum() + 2.0 * (second**2).sum())
    assert training.penalty(model, [0.3, 2.0]).item() == pytest.approx(expected, rel=1e-6)


def test_penalty_needs_a_rate_for_each_layer() -> None:
    with pytest.raises(ValueError, match="decay: need one number for each linear layer, 1, got 2"):
        training.penalty(nn.Linear(3, 2), [0.1, 0.1])


def test_a_softmax_regression_reaches_scipys_minimum(few: Images) -> None:
    model = models.build("FC10(1e-2)")
    training.classifier(model, few, [1e-2], iterations=300, tolerance=1e-9)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = torch.tensor(flat, requires_grad=True)
        matrix, bias = weights[:7840].view(10, 784), weights[7840:]
        loss = (
            functional.cross_entropy(few.images.flatten(1).double() @ matrix.T + bias, few.labels)
            + 0.5e-2 * matrix.square().sum()
        )
        loss.backward()
        assert weights.grad is not None
        return loss.item(), weights.grad.numpy()

    best = optimize.minimize(
        objective,
        np.zeros(7850),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2_000, "ftol": 1e-14, "gtol": 1e-8},
    )
    ours = (
        functional.cross_entropy(model(few.images), few.labels) + training.penalty(model, [1e-2])
    ).item()
    assert ours == pytest.approx(best.fun, rel=1e-5)


def code_of(few: Images, weight: float) -> tuple[float, float]:
    """Last loss and mean activation of an autoencoder whose wanted sparsity has this weight."""
    generator = torch.Generator().manual_seed(0)
    encoder = nn.Linear(784, 64)
    training.initialise(encoder, generator)
    loss = training.autoencoder(
        encoder,
        few.images,
        models.SparseCoding(sparsity=0.1, weight=weight, epochs=100, batch=50),
        generator,
    )
    return loss, torch.sigmoid(encoder(few.images.flatten(1))).mean().item()


def test_the_autoencoder_reconstructs_and_its_code_is_as_sparse_as_wanted(few: Images) -> None:
    mean = few.images.flatten(1).mean(dim=0).clamp(1e-3, 1 - 1e-3)
    without_code = functional.binary_cross_entropy(
        mean.expand(len(few), -1), few.images.flatten(1), reduction="sum"
    ).item() / len(few)
    loss, dense = code_of(few, weight=0.0)
    _, sparse = code_of(few, weight=20.0)
    assert loss < 0.8 * without_code
    assert abs(sparse - 0.1) < 0.2 * abs(dense - 0.1)


def test_the_divergence_is_zero_at_the_wanted_activation_and_positive_elsewhere() -> None:
    activations = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    divergence = training._divergence(0.05, activations)
    assert divergence[4].item() == pytest.approx(0.0, abs=1e-12)
    assert (np.delete(divergence.numpy(), 4) > 0).all()


def test_the_encoder_of_the_autoencoder_is_not_fine_tuned(
    few: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    model = training.train("AE400-10").model
    assert torch.equal(model.hidden1.weight, after_coding["weight"])


@pytest.mark.parametrize(("base", "quick"), [("FC100-100-10", {"ITERATIONS": 20}), ("ConvNet", {})])
def test_the_norm_penalty_of_a_specification_lowers_the_norms(
    few: Images, monkeypatch: pytest.MonkeyPatch, base: str, quick: dict[str, int]
) -> None:
    monkeypatch.setattr(data, "training_set", lambda *_: few)
    for setting, value in quick.items():
        monkeypatch.setattr(training, setting, value)
    free, held = (training.train(name) for name in (base, models.PENALISED[base][-1]))
    assert free.norms is None
    assert held.norms is not None
    exact = spectral.layer_table(free.model.eval(), (1, 28, 28)).set_index("layer")["norm"]
    assert set(held.norms) == set(exact.index)
    assert all(held.norms[layer] < 0.9 * norm for layer, norm in exact.items() if layer != "logits")


def test_a_penalised_network_is_trained_to_the_same_weights_again(
    few: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "training_set", lambda *_: few)
    first, second = (training.train("ConvNet/norm 0.01").model for _ in range(2))
    assert all(
        torch.equal(ours, theirs)
        for ours, theirs in zip(first.parameters(), second.parameters(), strict=True)
    )


@pytest.mark.parametrize("name", ["FC10(1e-2)", "ConvNet"])
def test_training_without_a_norm_penalty_is_cross_entropy_and_decay_alone(
    few: Images, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The same loop written out, from the same seed, ends at the same weights to the bit."""
    monkeypatch.setattr(data, "training_set", lambda *_: few)
    monkeypatch.setattr(training, "ITERATIONS", 10)
    trained = training.train(name).model
    generator = torch.Generator().manual_seed(0)
    model = models.build(name)
    training.initialise(model, generator)
    if name == "ConvNet":
        optimizer = torch.optim.Adam(model.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=6 * 3)
        for rows in [
            rows for _ in range(6) for rows in torch.randperm(300, generator=generator).split(100)
        ]:
            optimizer.zero_grad()
            functional.cross_entropy(model(few.images[rows]), few.labels[rows]).backward()
            optimizer.step()
            schedule.step()
    else:
        optimizer = torch.optim.LBFGS(
            model.parameters(),
            max_iter=10,
            max_eval=30,
            history_size=20,
            line_search_fn="strong_wolfe",
            tolerance_grad=0.0,
            tolerance_change=0.0,
        )

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = (
                functional.cross_entropy(model(few.images), few.labels)
                + 0.5e-2 * model.logits.weight.square().sum()
            )
            loss.backward()
            return loss

        optimizer.step(closure)
    for ours, theirs in zip(trained.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["ConvNet", "FC100-100-10"])
def test_another_seed_is_another_run_that_repeats(name, monkeypatch):
    monkeypatch.setattr(training, "ITERATIONS", 20)
    few = data.mnist("train")[:400]
    first, same, other = (training.train(name, images=few, seed=seed).model for seed in (1, 1, 2))
    assert transfer.error_rate(first, *few) < 0.2
    triples = [
        (a, b, c)
        for a, b, c in zip(first.parameters(), same.parameters(), other.parameters(), strict=True)
        if a.ndim > 1
    ]
    assert all(torch.equal(a, b) and not torch.equal(a, c) for a, b, c in triples)
