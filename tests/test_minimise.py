import pickle
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from helpers import data, models
from helpers.data import Images
from helpers.models import minimise, training
from helpers.models.state import State


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

    state, calls = State(tmp_path / "run.partial.pt", {"seed": 3}), 0
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
    assert state.file.exists()
    resumed = fresh()
    training.classifier(resumed, few, decay, iterations=60, state=state)
    for ours, theirs in zip(straight.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(ours, theirs)


SAVED = {"done": 10, "steps": [torch.arange(3.0), None], "value": 0.5}


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = State(tmp_path / "run.partial.pt", {"decay": (0.1, 0.2), "torch": torch.__version__})
    assert state.read("cpu") is None
    state.write(SAVED)
    found = State(state.file, dict(state.run)).read("cpu")
    assert found is not None
    assert (found["done"], found["value"], found["steps"][1]) == (10, 0.5, None)
    assert torch.equal(found["steps"][0], torch.arange(3.0))


@pytest.mark.parametrize(
    "damage",
    [
        "empty",
        "one byte",
        "half",
        "the last byte",
        "a flipped bit",
        "no header",
        "torch.save's own",
    ],
)
def test_a_damaged_state_is_told_in_a_line_and_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    state = State(tmp_path / "run.partial.pt", {"seed": 0})
    state.write(SAVED)
    content = bytearray(state.file.read_bytes())
    if damage == "torch.save's own":
        torch.save(SAVED, state.file)
    else:
        content[len(content) // 2] ^= 1 if damage == "a flipped bit" else 0
        kept = {
            "empty": content[:0],
            "one byte": content[:1],
            "half": content[: len(content) // 2],
            "the last byte": content[:-1],
            "a flipped bit": content,
            "no header": content.partition(b"\n")[2],
        }
        state.file.write_bytes(kept[damage])
    assert state.read("cpu") is None
    assert capsys.readouterr().out == (
        f"{state.file} is damaged: it is deleted, training starts anew\n"
    )
    assert not state.file.exists()


def test_a_state_of_another_run_is_told_in_a_line_and_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.partial.pt"
    State(file, {"seed": 0, "decay": (0.1,), "dropout": 0.5}).write(SAVED)
    assert State(file, {"seed": 1, "decay": (0.1,), "part": "P1"}).read("cpu") is None
    assert capsys.readouterr().out == (
        f"{file} was left by another training (seed, part, dropout differ): "
        "it is deleted, training starts anew\n"
    )
    assert not file.exists()


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_a_state_never_runs_what_is_in_it(tmp_path: Path) -> None:
    """Not even one with the right header, which only malice could write."""
    state = State(tmp_path / "run.partial.pt", {"seed": 0})
    state.write({"done": Harmful(tmp_path / "harm")})
    with pytest.raises(pickle.UnpicklingError):
        state.read("cpu")
    assert not (tmp_path / "harm").exists()


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
