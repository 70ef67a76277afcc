"""Trainings with every recipe, five of each, and what becomes of the networks.

`python -m helpers.trials` makes results/training/: one file for each recipe, written anew after
each network, so that a run that was interrupted goes on where it was. `--held-out` compares
settings first, on training images that are held back: no setting is chosen on the test set.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from helpers import certify, check, data, files, machine, models, perturb, places, search, spectral
from helpers import threads as cores
from helpers.data import Images
from helpers.models import Recipe, adversarial_training, training
from helpers.models.state import differing
from helpers.transfer import error_rate

BASE = "FC100-100-10"
SEEDS = 5
HELD_OUT = 10_000  # training images, the last ones, on which settings are compared
IMAGES = 200  # of the test set, for distances
CERTIFIED = 20  # the first of them, for certified radii
AMPLIFIED = 0.04  # the distortion of adversarial images that are handed to another network


def _places(*lengths: float, **settings: Any) -> Recipe:
    return Recipe(lengths=lengths, **settings)


# What is compared on the held-out images, by the recipe that is chosen so.
GRID: dict[str, list[Recipe]] = {
    "dropout": [
        Recipe(dropout=shares) for shares in [(0.0, 0.1, 0.1), (0.1, 0.1, 0.1), (0.1, 0.2, 0.2)]
    ],
    "fresh, input": [_places(length, 0.0, 0.0) for length in (1.0, 1.5, 2.0)],
    "fresh, layer 1": [_places(0.0, length, 0.0) for length in (0.3, 0.6)],
    "fresh, layer 2": [_places(0.0, 0.0, length) for length in (0.5, 1.0)],
    "fresh, all": [_places(1.5, 0.3, 0.5), _places(1.5, 0.6, 1.0)],
    "pool, input": [
        _places(1.0, 0.0, 0.0, direction="nearest", pool=pool, renewed=renewed)
        for pool, renewed in [(20_000, 2_000), (4_000, 4_000)]
    ],
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
    layers = spectral.layer_table(model, tuple(test.images.shape[1:]))
    return {
        "train error": 100 * error_rate(model, *train),
        "test error": 100 * error_rate(model, *test),
        "distance": nearest.l2.mean().item(),
        "radius": radius.mean().item(),
        "fools plain": 100 * _handed(model, plain, few),
        "fooled by plain": 100 * _handed(plain, model, few),
    } | {f"bound {row.layer}": float(row.bound) for row in layers.itertuples()}


def _handed(source: nn.Module, target: nn.Module, images: Images) -> float:
    """The target's error on images made for the source, of those that the source gets right."""
    right = images[source(images.images).argmax(dim=1) == images.labels]
    found = search.minimum_distortion(source, *right, targets="nearest", effort="fast")
    moved = perturb.amplify(right.images, found.images, AMPLIFIED)
    return error_rate(target, moved, right.labels)


def compare(kinds: list[str]) -> None:
    train = data.mnist("train")
    kept, held = train[:-HELD_OUT], train[-HELD_OUT:]
    for kind in kinds:
        for number, recipe in enumerate(GRID[kind]):
            file = places.TRAINING / "held-out" / f"{kind}, {number + 1}.json"
            if file.exists():
                continue
            model = trained(recipe, kept, seed=0)
            found = {
                "recipe": asdict(recipe),
                "environment": machine.environment(),
                "error": {
                    "train": 100 * error_rate(model, *kept),
                    "held out": 100 * error_rate(model, *held),
                },
            }
            files.write_text(file, json.dumps(found, indent=1) + "\n")
            print(kind, recipe, found["error"], flush=True)


if __name__ == "__main__":
    import sys

    compare(sys.argv[1:])
