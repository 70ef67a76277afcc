"""Training the networks of the book from nothing: python -m helpers.training [NAME ...]."""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from helpers import check, checkpoints, data, files, models, results
from helpers.data import Images
from helpers.models import SparseCoding
from helpers.transfer import error_rate

CHUNK = 10  # L-BFGS iterations between two looks at convergence; resuming starts at a multiple of it
SAVE_SECONDS = 15
ITERATIONS = 500  # where the sigmoid networks have levelled off


def penalty(model: nn.Module, decay: Sequence[float]) -> Tensor:
    """Weight decay: the sum over layers of lambda / 2 times the sum of squared weights; biases are free. A scalar."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return sum((rate / 2 * layer.weight.square().sum() for rate, layer in zip(decay, layers, strict=True)), torch.zeros(()))


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Glorot and Bengio's (2010) start, in place: weights uniform within sqrt(6 / (fan-in + fan-out)), biases zero."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                field = module.weight[0, 0].numel()
                limit = (6 / (field * (module.weight.shape[0] + module.weight.shape[1]))) ** 0.5
                module.weight.copy_((torch.rand(module.weight.shape, generator=generator) * 2 - 1) * limit)
                if module.bias is not None:
                    module.bias.zero_()


def lbfgs(
    model: nn.Module,
    objective: Callable[[], Tensor],
    *,
    iterations: int,
    tolerance: float = 1e-7,
    state: Path | None = None,
    label: str = "L-BFGS",
) -> int:
    """Minimise `objective` over the model's parameters by full-batch L-BFGS with a strong Wolfe line search.

    Stops after `iterations`, or when ten iterations lower the objective by less than `tolerance` times its value. With a
    `state` file the run is saved now and then, and goes on from there, to the same weights, when it is called again.
    Returns the number of iterations.
    """
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=CHUNK, max_eval=CHUNK * 3, history_size=20, line_search_fn="strong_wolfe", tolerance_grad=0.0, tolerance_change=0.0
    )
    done, value = _resume(state, model, optimizer)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = objective()
        loss.backward()
        return loss

    saved = time.monotonic()
    with tqdm(total=iterations, initial=done, desc=label, disable=None, leave=False) as progress:
        while done < iterations:
            previous, value = value, optimizer.step(closure).item()  # the value before these steps
            done += CHUNK
            progress.update(CHUNK)
            progress.set_postfix(objective=f"{value:.6f}")
            if previous - value < tolerance * value:
                break
            if state and time.monotonic() - saved > SAVE_SECONDS:
                with files.atomic(state) as temporary:
                    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "done": done, "value": value}, temporary)
                saved = time.monotonic()
    return done


def _resume(state: Path | None, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, float]:
    """Load an interrupted run; the iterations it had done and its last value."""
    if state is None or not state.exists():
        return 0, float("inf")
    saved = torch.load(state, weights_only=True, map_location=next(model.parameters()).device)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["done"], saved["value"]


def classifier(
    model: nn.Module,
    train: Images,
    decay: Sequence[float],
    *,
    iterations: int,
    tolerance: float = 1e-7,
    state: Path | None = None,
    label: str = "L-BFGS",
) -> int:
    """Train all layers on cross-entropy plus weight decay by lbfgs(); returns the number of iterations. Section 4."""
    return lbfgs(
        model,
        lambda: functional.cross_entropy(model(train.images), train.labels) + penalty(model, decay),
        iterations=iterations,
        tolerance=tolerance,
        state=state,
        label=label,
    )


def autoencoder(encoder: nn.Module, images: Tensor, settings: SparseCoding, generator: torch.Generator, label: str = "autoencoder") -> float:
    """Train `encoder`, a linear layer, in place as the first half of a sparse sigmoid autoencoder of images [N, 1, H, W]; returns the last loss.

    Minimises the reconstruction's cross-entropy plus the Kullback-Leibler divergence of each unit's mean activation in a
    batch from the wanted sparsity, plus the encoder's weight decay (A. Ng, 2011). Section 4: "a classifier trained on a sparse autoencoder".
    """
    pixels = images.flatten(1)
    decoder = nn.Linear(encoder(pixels[:1]).shape[1], pixels.shape[1]).to(pixels.device)
    initialise(decoder, generator)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
    steps = settings.epochs * -(-len(pixels) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.rate, total_steps=steps)
    loss = torch.zeros(())
    for rows in _batches(len(pixels), settings.batch, settings.epochs, generator, label):
        batch = pixels[rows]
        hidden = torch.sigmoid(encoder(batch))
        reconstruction = functional.binary_cross_entropy_with_logits(decoder(hidden), batch, reduction="sum") / len(batch)
        sparsity = settings.weight * _divergence(settings.sparsity, hidden.mean(dim=0)).sum()
        loss = reconstruction + sparsity + penalty(encoder, [settings.decay])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return float(loss.detach())


def _divergence(wanted: float, activation: Tensor) -> Tensor:
    """Kullback-Leibler divergence between Bernoulli variables of means `wanted` and `activation` [...]."""
    found = activation.clamp(1e-6, 1 - 1e-6)
    return wanted * (wanted / found).log() + (1 - wanted) * ((1 - wanted) / (1 - found)).log()


def _batches(count: int, size: int, epochs: int, generator: torch.Generator, label: str) -> Iterator[Tensor]:
    """Row numbers of random batches, epoch after epoch, under a progress bar."""
    for _ in tqdm(range(epochs), desc=label, unit="epoch", disable=None, leave=False):
        yield from torch.randperm(count, generator=generator).split(size)


def convnet(model: nn.Module, train: Images, generator: torch.Generator, *, epochs: int = 6, batch: int = 100, rate: float = 3e-3) -> None:
    """Train `model` in place on cross-entropy by Adam with a one-cycle schedule, in random batches."""
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * -(-len(train) // batch))
    for rows in _batches(len(train), batch, epochs, generator, "ConvNet"):
        optimizer.zero_grad()
        functional.cross_entropy(model(train.images[rows]), train.labels[rows]).backward()
        optimizer.step()
        schedule.step()


def train(name: str, *, dataset: str = "mnist", device: torch.device | str = "cpu", state: Path | None = None) -> tuple[nn.Sequential, int]:
    """Train the network `name` from nothing to its specification; returns it and the number of L-BFGS iterations.

    With a `state` file an interrupted run of L-BFGS is taken up again. Raises ValueError for an unknown name.
    """
    specification = models.specification(name)
    generator = torch.Generator().manual_seed(specification.seed)
    model = models.build(name)
    initialise(model, generator)
    model.to(device)
    images = data.training_set(dataset, specification.part).to(device)
    if specification.method == "Adam":
        convnet(model, images, generator)
        return model, 0
    if specification.coding:
        flatten, hidden, sigmoid, logits = model
        autoencoder(hidden, images.images, specification.coding, generator, f"{name}, autoencoder")
        with torch.no_grad():
            images = Images(sigmoid(hidden(flatten(images.images))), images.labels)
        return model, classifier(logits, images, specification.decay, iterations=2 * ITERATIONS, state=state, label=f"{name}, softmax")
    return model, classifier(model, images, specification.decay, iterations=ITERATIONS, state=state, label=name)


def error_rates(model: nn.Module, dataset: str, part: str, device: torch.device | str) -> dict[str, float]:
    """Fraction of its own training images, and of the test images, that the model misclassifies."""
    sets = {"train": data.training_set(dataset, part), "test": data.load(dataset, "test")}
    return {split: error_rate(model, *images.to(device)) for split, images in sets.items()}


def main(arguments: list[str] | None = None) -> int:
    """Train networks and write their checkpoints; those that are there and fit their specification are left alone."""
    parser = argparse.ArgumentParser(prog="python -m helpers.training", description="Train the networks of the book from nothing.")
    parser.add_argument("names", nargs="*", help="all of them where none is named")
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--folder", type=Path, help="where the checkpoints go, instead of where models.load looks for them")
    parser.add_argument("--force", action="store_true", help="train those that are there, too; goes on where an interrupted run left off")
    options = parser.parse_intermixed_args(arguments)
    try:
        check.choice("dataset", options.dataset, data.DATASETS)
        device = check.device(options.device)
        for name in options.names:
            check.choice("model", name, models.NAMES)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    names = options.names or models.NAMES
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
        for _ in pool.map(make, reversed(names)):  # the small ones, which come first in the book, last: no core waits long for another
            pass
    return 0


def _marker(name: str, dataset: str, folder: Path | None) -> Path:
    """An empty file that says: train this network although it has a checkpoint. It outlives an interrupted run."""
    return checkpoints.path(name, dataset, folder).with_suffix(".retrain")


def _make(name: str, *, dataset: str, device: torch.device, folder: Path | None) -> None:
    """Train one network and write its checkpoint, unless it is there already; on the CPU in one thread, for the same weights on any number of cores."""
    specification, file, marker = models.specification(name), checkpoints.path(name, dataset, folder), _marker(name, dataset, folder)
    state = file.with_suffix(".partial.pt")
    if not marker.exists():
        try:
            checkpoints.read(name, dataset, specification, folder)
        except OSError:
            pass
        else:
            print(f"{name}: there already")
            return
    started, threads = time.monotonic(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model, iterations = train(name, dataset=dataset, device=device, state=state)
    finally:
        torch.set_num_threads(threads)
    errors = error_rates(model, dataset, specification.part, device)
    metadata = {
        "specification": asdict(specification),
        "data": {"dataset": dataset, "sha256": data.checksum(dataset)},
        "iterations": iterations,
        "seconds": round(time.monotonic() - started, 1),
        "error": errors,
        "environment": results.environment(device),
    }
    checkpoints.write(name, model.state_dict(), metadata, file)
    state.unlink(missing_ok=True)
    marker.unlink(missing_ok=True)
    print(f"{name}: train error {errors['train']:.2%}, test error {errors['test']:.2%}, {iterations} iterations, {metadata['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
