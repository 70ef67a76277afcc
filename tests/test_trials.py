import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from helpers import data, models, places, trials
from helpers.data import Images
from helpers.models import Recipe, training
from helpers.transfer import error_rate

QUICK = {
    name: Recipe(epochs=20, batch=50, dropout=shares)
    for name, shares in [("weight decay", ()), ("dropout", (0.1, 0.1, 0.1))]
}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """A set of few images and two short recipes, twice each; the trainings that were made."""
    few = {split: data.mnist(split)[:400] for split in data.SPLITS}
    made: list[Recipe] = []
    trained = trials.trained

    def counted(recipe: Recipe, images: Images, *, seed: int) -> nn.Sequential:
        made.append(recipe)
        return trained(recipe, images, seed=seed)

    monkeypatch.setattr(data, "mnist", few.__getitem__)
    monkeypatch.setattr(models, "RECIPES", QUICK)
    monkeypatch.setattr(trials, "GRID", {"dropout": [QUICK["dropout"]]})
    monkeypatch.setattr(trials, "SEEDS", 2)
    monkeypatch.setattr(trials, "HELD_OUT", 100)
    monkeypatch.setattr(trials, "IMAGES", 5)
    monkeypatch.setattr(trials, "CERTIFIED", 2)
    monkeypatch.setattr(trials, "trained", counted)
    return made


def test_an_interrupted_run_goes_on_and_ends_with_the_same_numbers(
    quick: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["--folder", str(tmp_path / "whole")]
    assert trials.main(command) == 0
    # Each recipe once before any of them a second time.
    assert quick == [QUICK["weight decay"], QUICK["dropout"]] * 2
    measure, done = trials.measure, []

    def killed(model: nn.Sequential, plain: nn.Module) -> dict[str, float]:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(model)
        return measure(model, plain)

    monkeypatch.setattr(trials, "measure", killed)
    command = ["--folder", str(tmp_path / "parts")]
    with pytest.raises(KeyboardInterrupt):
        trials.main(command)
    monkeypatch.setattr(trials, "measure", measure)
    quick.clear()
    assert trials.main(command) == 0
    assert len(quick) == 2
    whole, parts = (trials.measured(tmp_path / name) for name in ("whole", "parts"))
    assert whole.equals(parts.loc[whole.index])
    assert set(whole.index) == {(name, seed) for name in QUICK for seed in range(2)}


def test_settings_are_compared_without_the_test_images(
    quick: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = data.mnist("train")
    monkeypatch.setattr(data, "mnist", {"train": train}.__getitem__)
    assert trials.main(["--held-out", "--folder", str(tmp_path)]) == 0
    found = trials.held_out(tmp_path).iloc[0]
    model = trials.trained(QUICK["dropout"], train[:300], seed=0)
    assert found["held out"] == pytest.approx(100 * error_rate(model, *train[300:]))
    assert found["train"] == pytest.approx(100 * error_rate(model, *train[:300]))


def test_results_of_another_recipe_are_refused(quick: list[Recipe], tmp_path: Path) -> None:
    trials.main(["--folder", str(tmp_path)])
    file = trials.path("dropout", tmp_path)
    content = json.loads(file.read_text())
    content["trials"][0]["recipe"]["epochs"] = 9
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"dropout\.json is of another recipe; delete it"):
        trials.measured(tmp_path)
    file.unlink()
    with pytest.raises(FileNotFoundError, match="make it with: make training"):
        trials.measured(tmp_path)


def test_an_unknown_recipe_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trials.main(["luck", "--folder", str(tmp_path)]) == 2
    assert (
        "unknown name 'luck': choose one of weight decay; weight decay, longer; dropout"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", models.REGULARISED)
def test_a_trial_is_what_the_network_of_that_name_is_trained_by(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = data.mnist("train")[:200]
    specification = models.specification(name)
    assert specification.recipe == models.RECIPES[models.REGULARISED[name]]
    short = replace(specification, recipe=replace(specification.recipe, epochs=2))
    monkeypatch.setitem(models.SPECIFICATIONS, name, short)
    first = trials.trained(short.recipe, few, seed=0).state_dict()
    second = training.train(name, images=few).model.state_dict()
    assert all(torch.equal(first[key], second[key]) for key in second)


def test_every_recipe_was_tried_with_the_first_seeds_and_often_enough_for_an_interval() -> None:
    found = trials.measured()
    for name in models.RECIPES:
        seeds = sorted(found.loc[name].index)
        assert seeds == [*range(len(seeds))]
        assert 2 <= len(seeds) <= trials.SEEDS


def test_what_was_chosen_has_the_least_error_on_the_held_out_images() -> None:
    def plain(recipe: Recipe) -> str:
        return json.dumps(asdict(recipe))

    for kind, settings in trials.GRID.items():
        file = trials.path(kind, places.TRAINING / trials.HELD_OUT_FOLDER)
        tried = {
            json.dumps(trial["recipe"]): trial["measured"]["held out"]
            for trial in json.loads(file.read_text())["trials"]
        }
        assert {*tried} == {plain(recipe) for recipe in settings}
        if kind in models.RECIPES:
            assert min(tried, key=tried.__getitem__) == plain(models.RECIPES[kind])


@pytest.mark.parametrize("name", models.REGULARISED)
def test_a_shipped_network_is_that_of_the_first_trial(name: str) -> None:
    error = 100 * error_rate(models.load(name), *data.mnist("test"))
    recorded = trials.measured().loc[(models.REGULARISED[name], 0), "test error"]
    assert error == pytest.approx(recorded, abs=0.02)
