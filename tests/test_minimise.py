from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from helpers import data, models
from helpers.data import Images
from helpers.models import minimise, training


@pytest.fixture(scope="module")
def few() -> Images:
    return data.mnist("train")[:300]


class KilledError(Exception):
    """Stands for the process being killed."""


def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    few: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minimise, "SAVE_SECONDS", -1.0)
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
        return functional.cross_entropy(interrupted(few.images), few.labels) + training.penalty(
            interrupted, decay
        )

    with pytest.raises(KilledError):
        minimise.lbfgs(interrupted, objective, iterations=60, state=state)
    assert state.exists()
    resumed = fresh()
    training.classifier(resumed, few, decay, iterations=60, state=state)
    for ours, theirs in zip(straight.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_adam_finds_the_minimum_of_a_least_squares_problem() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs, weights = torch.randn(200, 5, generator=generator), torch.randn(5, generator=generator)
    targets = inputs @ weights
    found = nn.Parameter(torch.zeros(5))
    seen = []

    def objective(rows: torch.Tensor) -> torch.Tensor:
        seen.append(rows)
        return (inputs[rows] @ found - targets[rows]).square().mean()

    last = minimise.adam(
        [found], objective, 200, batch=60, epochs=60, rate=0.1, generator=generator
    )
    assert last < 1e-4
    torch.testing.assert_close(found.detach(), weights, atol=1e-2, rtol=0)
    assert [len(rows) for rows in seen[:4]] == [60, 60, 60, 20]
    assert sorted(torch.cat(seen[:4]).tolist()) == list(range(200))
