"""Trainings with every recipe, five of each, and what becomes of the networks.

`python -m helpers.trials` makes results/training/: one file for each recipe, written anew after
each network, so that a run that was interrupted goes on where it was. With `--held-out` it compares
settings on training images that are held back: none is chosen on the test set.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from helpers import certify, data, files, machine, models, perturb, places, search, spectral
from helpers import threads as cores
from helpers.data import Images
from helpers.models import Recipe, adversarial_training, training
from helpers.models.specifications import LONGER, LONGEST
from helpers.models.state import differing
from helpers.transfer import error_rate

BASE = "FC100-100-10"
SEEDS = 5
HELD_OUT = 10_000  # training images, the last ones, on which settings are compared
HELD_OUT_FOLDER = "held-out"
IMAGES = 200  # of the test set, for distances
CERTIFIED = 20  # the first of them, for certified radii
AMPLIFIED = 0.04  # the distortion of adversarial images that are handed to another network


def _places(*lengths: float, **settings: Any) -> Recipe:
    return Recipe(lengths=lengths, **settings)


def _pool(factor: float, size: int, renewed: int = 1_000, direction: str = "nearest") -> Recipe:
    return Recipe((factor, 0.0, 0.0), direction, pool=size, renewed=renewed)


# What is compared on the held-out images, by the recipe that is chosen so.
GRID: dict[str, list[Recipe]] = {
    "weight decay": [Recipe()],
    "dropout": [
        Recipe(dropout=shares) for shares in [(0.0, 0.1, 0.1), (0.1, 0.1, 0.1), (0.1, 0.2, 0.2)]
    ],
    "pool, input": [_pool(1.0, 10_000), _pool(2.0, 10_000)],
    "fresh, input": [_places(length, 0.0, 0.0) for length in (0.7, 1.0, 1.5)],
    "fresh, layer 1": [_places(0.0, length, 0.0) for length in (0.3, 0.6)],
    "fresh, layer 2": [_places(0.0, 0.0, length) for length in (0.5, 1.0)],
    "fresh, all": [_places(1.0, 0.3, 0.5), _places(1.0, 0.1, 0.2)],
    "fresh, longer": [_places(length, 0.0, 0.0, epochs=LONGER) for length in (1.0, 1.5)],
    "fresh, longest": [
        _places(1.0, 0.0, 0.0, epochs=LONGEST),
        _places(1.5, 0.0, 0.0, epochs=LONGEST),
        _places(1.0, 0.1, 0.2, epochs=LONGEST),
    ],
    "fresh and dropout": [
        _places(1.0, 0.0, 0.0, dropout=(0.0, 0.05, 0.05), epochs=LONGEST),
        _places(1.0, 0.0, 0.0, dropout=(0.0, 0.1, 0.1), epochs=LONGEST),
        _places(1.0, 0.1, 0.2, dropout=(0.0, 0.05, 0.05), epochs=LONGEST),
        _places(1.0, 0.0, 0.0, dropout=(0.0, 0.2, 0.2), epochs=LONGEST),
    ],
    "pool of steps": [_pool(1.0, 50_000, 5_000, "gradient")],
    # Other pools of the nearest examples, for comparison alone: one of which nothing is kept, and
    # one as large as the training set.
    "small pool, input": [_pool(1.0, 1_000)],
    "large pool, input": [_pool(1.0, 50_000, 5_000)],
}


def trained(recipe: Recipe, images: Images, *, seed: int) -> nn.Sequential:
    """Train FC100-100-10 from nothing, in one thread: the same numbers on any number of cores.

    Parameters
    ----------
    recipe : Recipe
        What it sees beside the images.
    images : Images
        To train on.
    seed : int
        Of the starting weights and all that is random in the training.

    Returns
    -------
    nn.Sequential
        The network, in evaluation mode, gradients off.

    Examples
    --------
    >>> few = data.mnist("test")[:20]
    >>> model = trained(Recipe(epochs=60, batch=20, rate=0.03), few, seed=0)
    >>> error_rate(model, *few)
    0.0
    """
    generator = torch.Generator().manual_seed(seed)
    model = models.build(BASE)
    training.initialise(model, generator)
    decay = models.specification(BASE).decay
    with cores.one():
        adversarial_training.train(model, images, decay, recipe, generator)
    return model.eval().requires_grad_(requires_grad=False)


def measure(model: nn.Sequential, plain: nn.Module) -> dict[str, float]:
    """What becomes of a network that was trained with a recipe.

    Parameters
    ----------
    model : nn.Sequential
        The network.
    plain : nn.Module
        Another network, to and from which adversarial images are handed.

    Returns
    -------
    dict
        "train error" and "test error" in percent; "distance", the mean l2 of the nearest
        adversarial image of test images, and "radius", the mean certified one, both 0 where the
        network errs anyway; "fools plain" and "fooled by plain", in percent, the errors on images
        that are made for the one network, amplified to a distortion of 0.04 and handed to the
        other; and "bound <layer>", the upper Lipschitz bound of each layer.

    Examples
    --------
    >>> network = models.load("FC100-100-10/seed 1")
    >>> found = measure(network, models.load("FC100-100-10"))
    >>> found["radius"] < found["distance"]
    True
    """
    train, test = data.mnist("train"), data.mnist("test")
    few = data.sample(test, IMAGES, torch.Generator().manual_seed(0))
    nearest = search.minimum_distortion(model, *few, targets="nearest", effort="fast")
    radius = certify.certified_radius(model, *few[:CERTIFIED], tolerance=1e-2).radius
    layers = spectral.layer_table(model, tuple(test.images.shape[1:])).set_index("layer")
    return {
        "train error": 100 * error_rate(model, *train),
        "test error": 100 * error_rate(model, *test),
        "distance": nearest.l2.mean().item(),
        "radius": radius.mean().item(),
        "fools plain": 100 * _handed(model, plain, few),
        "fooled by plain": 100 * _handed(plain, model, few),
    } | {f"bound {layer}": float(bound) for layer, bound in layers["bound"].items()}


def _handed(source: nn.Module, target: nn.Module, images: Images) -> float:
    """The target's error on images made for the source, of those that the source gets right."""
    right = images[source(images.images).argmax(dim=1) == images.labels]
    found = search.minimum_distortion(source, *right, targets="nearest", effort="fast")
    moved = perturb.amplify(right.images, found.images, AMPLIFIED)
    return error_rate(target, moved, right.labels)


def measured(folder: Path = places.TRAINING) -> pd.DataFrame:
    """What was measured of every network, as `python -m helpers.trials` left it.

    Parameters
    ----------
    folder : Path, optional
        Of the files.

    Returns
    -------
    DataFrame
        A row for each recipe, in the order of `models.RECIPES`, and seed; the columns of `measure`.

    Raises
    ------
    FileNotFoundError
        Where a recipe has no file; the message has the command that makes it.
    ValueError
        Where a file is of another recipe than the code's.

    Examples
    --------
    >>> measured().columns[:3].tolist()
    ['train error', 'test error', 'distance']
    """
    rows = {}
    for name, recipe in models.RECIPES.items():
        file = path(name, folder)
        if not file.exists():
            raise FileNotFoundError(f"{file} is missing; make it with: make training")
        for trial in _trials(file):
            if differing(trial["recipe"], asdict(recipe)):
                raise ValueError(f"{file} is of another recipe; delete it and: make training")
            rows[name, trial["seed"]] = trial["measured"]
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["recipe", "seed"])


def held_out(folder: Path = places.TRAINING) -> pd.DataFrame:
    """What settings were compared on the training images that were held back.

    Parameters
    ----------
    folder : Path, optional
        Of the files.

    Returns
    -------
    DataFrame
        A row for each setting: "kind", for which recipe it was tried; "setting", in words; and
        "train" and "held out", its errors in percent.

    Examples
    --------
    >>> held_out()["kind"].unique()[:2].tolist()
    ['weight decay', 'dropout']
    """
    rows = []
    for kind in GRID:
        for trial in _trials(path(kind, folder / HELD_OUT_FOLDER)):
            words = _words(Recipe(**trial["recipe"]))
            rows.append({"kind": kind, "setting": words} | trial["measured"])
    return pd.DataFrame(rows)


def path(name: str, folder: Path = places.TRAINING) -> Path:
    """The file of a recipe.

    Parameters
    ----------
    name : str
        Of the recipe.
    folder : Path, optional
        In which it is.

    Returns
    -------
    Path
        Named after the recipe, whether it is there or not.

    Examples
    --------
    >>> path("pool, all").name
    'pool_all.json'
    """
    return folder / (name.replace(", ", "_").replace(" ", "-") + ".json")


def main(arguments: list[str] | None = None) -> int:
    """Train what is not trained yet, and measure it.

    Parameters
    ----------
    arguments : list of str, optional
        Of the command line, without the program's name; None takes those of this process.

    Returns
    -------
    int
        The exit status: 0, or 2 after one line on stderr about a name that is none.

    Examples
    --------
    >>> import contextlib, sys
    >>> with contextlib.redirect_stderr(sys.stdout):
    ...     main(["luck", "--held-out"])  # doctest: +ELLIPSIS
    error: unknown name 'luck': choose one of weight decay; dropout; ...
    2
    """
    parser = argparse.ArgumentParser(prog="python -m helpers.trials", description=main.__doc__)
    parser.add_argument("names", nargs="*", help="of recipes; all of them where none is named")
    parser.add_argument("--held-out", action="store_true", help="compare settings instead")
    parser.add_argument("--folder", type=Path, default=places.TRAINING)
    options = parser.parse_args(arguments)
    known = GRID if options.held_out else models.RECIPES
    for name in options.names:
        if name not in known:
            # Some names hold a comma.
            print(
                f"error: unknown name {name!r}: choose one of {'; '.join(known)}", file=sys.stderr
            )
            return 2
    chosen = options.names or [*known]
    if options.held_out:
        _compare(chosen, options.folder / HELD_OUT_FOLDER)
    else:
        _run(chosen, options.folder)
    return 0


def _compare(kinds: Sequence[str], folder: Path) -> None:
    """Train once with each setting on the other images, and count the errors on those held out."""
    train = data.mnist("train")
    kept, held = train[:-HELD_OUT], train[-HELD_OUT:]

    def measure_it(model: nn.Sequential) -> dict[str, float]:
        sets = {"train": kept, "held out": held}
        return {name: 100 * error_rate(model, *images) for name, images in sets.items()}

    for kind in kinds:
        for recipe in GRID[kind]:
            _try(path(kind, folder), recipe, 0, kept, measure_it)


def _run(names: Sequence[str], folder: Path) -> None:
    """Train on all images, each recipe once before any of them a second time."""
    train, plain = data.mnist("train"), models.load(BASE)
    for seed in range(SEEDS):
        for name in names:
            _try(
                path(name, folder),
                models.RECIPES[name],
                seed,
                train,
                lambda model: measure(model, plain),
            )


def _try(
    file: Path,
    recipe: Recipe,
    seed: int,
    images: Images,
    measure_it: Callable[[nn.Sequential], dict[str, float]],
) -> None:
    """Train and measure one network, unless the file has it already."""
    trials = _trials(file)
    if any(
        trial["seed"] == seed and not differing(trial["recipe"], asdict(recipe)) for trial in trials
    ):
        return
    found = {
        "recipe": asdict(recipe),
        "seed": seed,
        "measured": measure_it(trained(recipe, images, seed=seed)),
        "environment": machine.environment(),
    }
    content = json.dumps({"trials": [*trials, found]}, indent=1, allow_nan=False)
    files.write_text(file, content + "\n")
    print(f"{file.stem}, seed {seed}: {found['measured']}", flush=True)


def _trials(file: Path) -> list[dict[str, Any]]:
    return json.loads(file.read_text("utf-8"))["trials"] if file.exists() else []


def _words(recipe: Recipe) -> str:
    """A setting as a table shows it: what sets it apart within its kind."""
    parts = []
    if recipe.pool:
        far = f"{max(recipe.lengths):g}"
        parts.append(f"{recipe.renewed:,} of {recipe.pool:,} renewed")
        parts.append(f"{far} times as far" if recipe.direction == "nearest" else f"length {far}")
    elif any(recipe.lengths):
        parts.append("lengths " + ", ".join(f"{length:g}" for length in recipe.lengths))
    if recipe.dropout:
        parts.append("dropped " + ", ".join(f"{share:g}" for share in recipe.dropout))
    return "; ".join(parts) or "images alone"


if __name__ == "__main__":
    sys.exit(main())
