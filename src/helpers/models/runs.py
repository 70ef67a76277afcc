"""Training runs: `python -m helpers.models [NAMES]` trains the networks that lack a checkpoint."""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from helpers import check, data, machine, models, threads
from helpers.models import checkpoints, training
from helpers.models.training import Trained
from helpers.transfer import error_rate


def main(arguments: list[str] | None = None) -> int:
    """Train networks and write their checkpoints.

    A network whose checkpoint is there and fits its specification is left alone. Several networks
    are trained at once on a CPU, each in one thread, and one after another on a GPU.

    Parameters
    ----------
    arguments : list of str, optional
        Of the command line, without the program's name; None takes those of this process.

    Returns
    -------
    int
        The exit status: 0, or 2 after one line on stderr about an argument that was refused.

    Examples
    --------
    >>> import contextlib, sys
    >>> with contextlib.redirect_stderr(sys.stdout):
    ...     main(["FC10(1)", "--dataset", "cifar"])
    error: unknown dataset 'cifar': choose one of mnist, fashion-mnist, kmnist
    2
    """
    options = _parser().parse_intermixed_args(arguments)
    try:
        check.choice("dataset", options.dataset, data.DATASETS)
        device = check.device(options.device)
        chosen = names(options.names) or list(models.SPECIFICATIONS)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.force:
        _mark(chosen, options.dataset, options.folder)
    make = partial(_make, dataset=options.dataset, device=device, folder=options.folder)
    if device.type != "cpu" or len(chosen) == 1:
        for name in chosen:
            make(name)
        return 0
    workers = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(len(chosen), os.cpu_count() or 1), workers) as pool:
        # The book's small networks come first in it: trained last, no core waits long for another.
        for _ in pool.map(make, reversed(chosen)):
            pass
    return 0


def names(arguments: Sequence[str]) -> list[str]:
    """The networks that the arguments of a command line name, each once, in their order.

    Parameters
    ----------
    arguments : sequence of str
        Each holds one name, or several separated by commas. Where there is no comma to part them
        and they hold no spaces themselves, spaces do: "FC10(1) ConvNet".

    Returns
    -------
    list of str
        Keys of `models.SPECIFICATIONS`; empty where nothing is named.

    Raises
    ------
    ValueError
        For a name that is no network's; the message repeats it and lists those that are.

    Examples
    --------
    >>> names(["FC10(1), FC100-100-10/seed 1"])
    ['FC10(1)', 'FC100-100-10/seed 1']
    >>> names(["FC10(1) ConvNet", "ConvNet"])
    ['FC10(1)', 'ConvNet']
    """
    pieces = (piece.strip() for argument in arguments for piece in argument.split(","))
    found = [name for piece in pieces if piece for name in _parts(piece)]
    for name in found:
        try:
            check.choice("model", name, models.SPECIFICATIONS)
        except ValueError as error:
            raise ValueError(f"{error}; several are separated by commas") from error
    return list(dict.fromkeys(found))


def _parts(piece: str) -> list[str]:
    """What stands between two commas: one name, or several with spaces between them."""
    words = piece.split()
    # Some names hold a space. So the whole comes first, and is what an error repeats unless one of
    # its words is a name: then the spaces were meant to separate.
    several = piece not in models.SPECIFICATIONS and any(
        word in models.SPECIFICATIONS for word in words
    )
    return words if several else [piece]


def error_rates(
    model: nn.Module, dataset: str, part: str, device: torch.device | str
) -> dict[str, float]:
    """Fraction of a network's own training images, and of the test images, that it misclassifies.

    Parameters
    ----------
    model : nn.Module
        Maps images [N, 1, 28, 28] in [0, 1] to logits [N, 10]; on `device`.
    dataset : str
        One of `data.DATASETS`.
    part : str
        What it was trained on: "train", "P1" or "P2".
    device : torch.device or str
        Where the images are moved.

    Returns
    -------
    dict
        Two fractions in [0, 1], "train" and "test".

    Examples
    --------
    >>> found = error_rates(models.load("FC10(1)"), "mnist", "train", "cpu")
    >>> {split: round(rate, 2) for split, rate in found.items()}
    {'train': 0.23, 'test': 0.22}
    """
    sets = {"train": data.training_set(dataset, part), "test": data.load(dataset, "test")}
    return {split: error_rate(model, *images.to(device)) for split, images in sets.items()}


def _parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.models", description="Train the networks of the book from nothing."
    )
    parser.add_argument(
        "names", nargs="*", help="separated by commas; all of them where none is named"
    )
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
    return parser


def _mark(chosen: Sequence[str], dataset: str, folder: Path | None) -> None:
    """Ask for new trainings, unless some that were asked for are still to be done."""
    markers = [_marker(name, dataset, folder) for name in chosen]
    if not any(marker.exists() for marker in markers):
        for marker in markers:
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()


def _marker(name: str, dataset: str, folder: Path | None) -> Path:
    """An empty file: train this network although it has a checkpoint. Outlives an interruption."""
    return checkpoints.path(name, dataset, folder).with_suffix(".retrain")


def _make(name: str, *, dataset: str, device: torch.device, folder: Path | None) -> None:
    """Train one network and write its checkpoint, unless it is there already."""
    file, marker = checkpoints.path(name, dataset, folder), _marker(name, dataset, folder)
    if not marker.exists() and _is_there(name, dataset, folder):
        print(f"{name}: there already")
        return
    state = file.with_suffix(".partial.pt")
    started = time.monotonic()
    # On a CPU in one thread: the weights are the same on any number of cores.
    with threads.one():
        trained = training.train(name, dataset=dataset, device=device, state=state)
    seconds = round(time.monotonic() - started, 1)
    metadata = _metadata(name, dataset, device, trained) | {"seconds": seconds}
    checkpoints.write(name, trained.model.state_dict(), metadata, file)
    # The checkpoint stands: only now may what would resume or repeat its training go.
    state.unlink(missing_ok=True)
    marker.unlink(missing_ok=True)
    errors = metadata["error"]
    print(
        f"{name}: train error {errors['train']:.2%}, test error {errors['test']:.2%}, "
        f"{trained.iterations} iterations, {seconds:.0f} s",
        flush=True,
    )


def _is_there(name: str, dataset: str, folder: Path | None) -> bool:
    """Whether there is a whole checkpoint of the network's specification."""
    try:
        checkpoints.read(name, dataset, models.specification(name), folder)
    except OSError:
        return False
    return True


def _metadata(name: str, dataset: str, device: torch.device, trained: Trained) -> dict[str, Any]:
    """What a checkpoint says of its training: to what, on what, how it went, where."""
    specification = models.specification(name)
    norms = {"norms": trained.norms} if trained.norms else {}
    return norms | {
        "specification": asdict(specification),
        "data": {"dataset": dataset, "sha256": data.checksum(dataset)},
        "iterations": trained.iterations,
        "error": error_rates(trained.model, dataset, specification.part, device),
        "environment": machine.environment(device),
    }
