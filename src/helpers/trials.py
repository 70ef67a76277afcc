"""Trainings on adversarial examples, five of each kind: `python -m helpers.trials`.

Settings are chosen on training images that are held back (`--held-out`), never on the test set.
What is measured goes to results/training/, one file for each kind of training, which is written
anew after each network: a run that was interrupted goes on where it was.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from helpers import certify, data, files, machine, models, perturb, places, search, spectral, threads
from helpers.data import Images
from helpers.models import Recipe, adversarial_training, training
from helpers.models.state import differing
from helpers.transfer import error_rate

BASE = "FC100-100-10"
SEEDS = range(5)
HELD_OUT = 10_000  # training images, the last ones, on which settings are compared
IMAGES = 200  # of the test set, for distances; the first of them for certified radii
CERTIFIED = 20
AMPLIFIED = 0.1  # distortion of the adversarial images that are handed from network to network


def _sites(*lengths: float, **settings: Any) -> Recipe:
    return Recipe(lengths=lengths, **settings)


_POOLS = {"a share renewed": (20_000, 2_000), "all renewed": (4_000, 4_000)}
# What was compared on the held-out images, by the kind of training that it was compared for.
GRID: dict[str, list[Recipe]] = {
    "decay": [Recipe()],
    "dropout": [
        Recipe(dropout=shares)
        for shares in [
            (0.0, 0.1, 0.1),
            (0.0, 0.2, 0.2),
            (0.1, 0.1, 0.1),
            (0.1, 0.2, 0.2),
            (0.2, 0.2, 0.2),
        ]
    ],
    "fresh input": [_sites(length, 0.0, 0.0) for length in (1.0, 1.5, 2.0, 3.0)],
    "fresh layer 1": [_sites(0.0, length, 0.0) for length in (0.3, 0.6, 1.2)],
    "fresh layer 2": [_sites(0.0, 0.0, length) for length in (0.5, 1.0, 2.0)],
    "sign": [_sites(length, 0.0, 0.0, direction="sign") for length in (1.5, 3.0)],
    "pool input": [
        _sites(factor, 0.0, 0.0, direction="nearest", pool=pool, renewed=renewed)
        for factor in (1.0, 1.5)
        for pool, renewed in _POOLS.values()
    ],
}


def held_out(kind: str, folder: Path = places.TRAINING) -> None:
    """Train once with each setting of a kind, and write its error on the held-out images."""
    train = data.mnist("train")
    kept, held = train[:-HELD_OUT], train[-HELD_OUT:]
    file = folder / "held out" / f"{kind}.json"
    found = _read(file, {"kind": kind})
    for recipe in GRID[kind]:
        key = json.dumps(asdict(recipe))
        if key in found["trials"]:
            continue
        with threads.one():
            model = _trained(recipe, kept, seed=0)
        found["trials"][key] = {
            "held out": error_rate(model, *held),
            "train": error_rate(model, *kept),
            "environment": machine.environment(),
        }
        _write(file, found)
        print(f"{kind}, {recipe}: {found['trials'][key]['held out']:.2%}", flush=True)


def _trained(recipe: Recipe, images: Images, seed: int) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    model = models.build(BASE)
    training.initialise(model, generator)
    decay = models.specification(BASE).decay
    adversarial_training.train(model, images, decay, recipe, generator)
    return model


def _read(file: Path, head: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(file.read_text("utf-8")) if file.exists() else {**head, "trials": {}}


def _write(file: Path, content: Mapping[str, Any]) -> None:
    files.write_text(file, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


if __name__ == "__main__":
    import sys

    for kind in sys.argv[1:]:
        held_out(kind)
