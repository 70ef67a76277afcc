"""Training runs: python -m helpers.models [NAME ...] trains the networks that lack a checkpoint and writes it."""

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import nn

from helpers import check, data, machine, models, threads
from helpers.models import checkpoints, training
from helpers.transfer import error_rate


def error_rates(
    model: nn.Module, dataset: str, part: str, device: torch.device | str
) -> dict[str, float]:
    """Fraction of its own training images, and of the test images, that the model misclassifies."""
    sets = {"train": data.training_set(dataset, part), "test": data.load(dataset, "test")}
    return {split: error_rate(model, *images.to(device)) for split, images in sets.items()}


def main(arguments: list[str] | None = None) -> int:
    """Train networks and write their checkpoints; those that are there and fit their specification are left alone."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.models", description="Train the networks of the book from nothing."
    )
    parser.add_argument("names", nargs="*", help="all of them where none is named")
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--folder",
        type=Path,
        help="where the checkpoints go, instead of where models.load looks for them",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="train those that are there, too; goes on where an interrupted run left off",
    )
    options = parser.parse_intermixed_args(arguments)
    try:
        check.choice("dataset", options.dataset, data.DATASETS)
        device = check.device(options.device)
        for name in options.names:
            check.choice("model", name, models.SPECIFICATIONS)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    names = options.names or tuple(models.SPECIFICATIONS)
    markers = [_marker(name, options.dataset, options.folder) for name in names]
    if options.force and not any(marker.exists() for marker in markers):
        for marker in markers:
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
    make = partial(_make, dataset=options.dataset, device=device, folder=options.folder)
    if device.type != "cpu" or len(names) == 1:
        for name in names:
            make(name)
        return 0
    workers = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(len(names), os.cpu_count() or 1), workers) as pool:
        for _ in pool.map(
            make, reversed(names)
        ):  # the small ones, which come first in the book, last: no core waits long for another
            pass
    return 0


def _marker(name: str, dataset: str, folder: Path | None) -> Path:
    """An empty file that says: train this network although it has a checkpoint. It outlives an interrupted run."""
    return checkpoints.path(name, dataset, folder).with_suffix(".retrain")


def _make(name: str, *, dataset: str, device: torch.device, folder: Path | None) -> None:
    """Train one network and write its checkpoint, unless it is there already; on the CPU in one thread, for the same weights on any number of cores."""
    specification, file, marker = (
        models.specification(name),
        checkpoints.path(name, dataset, folder),
        _marker(name, dataset, folder),
    )
    state = file.with_suffix(".partial.pt")
    if not marker.exists():
        try:
            checkpoints.read(name, dataset, specification, folder)
        except OSError:
            pass
        else:
            print(f"{name}: there already")
            return
    started = time.monotonic()
    with threads.one():
        trained = training.train(name, dataset=dataset, device=device, state=state)
    errors = error_rates(trained.model, dataset, specification.part, device)
    metadata = {
        "specification": asdict(specification),
        "data": {"dataset": dataset, "sha256": data.checksum(dataset)},
        "iterations": trained.iterations,
        "seconds": round(time.monotonic() - started, 1),
        "error": errors,
        "environment": machine.environment(device),
    }
    if trained.norms:
        metadata["norms"] = trained.norms
    checkpoints.write(name, trained.model.state_dict(), metadata, file)
    state.unlink(missing_ok=True)
    marker.unlink(missing_ok=True)
    told = f"train error {errors['train']:.2%}, test error {errors['test']:.2%}, {trained.iterations} iterations, {metadata['seconds']:.0f} s"
    print(f"{name}: {told}", flush=True)
