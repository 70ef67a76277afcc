"""Minimum-norm attacks side by side: python benchmarks/search.py.

All run on the same networks, images and machine. Four comparisons are made in one run: the nearest
adversarial image by every method; random targets against SciPy's L-BFGS-B image by image; the exact
solver against Clarabel image by image; and how time and memory grow with the number of images.

Every image that a method returns is judged here, not by the method: it counts if it lies in [0, 1]
and the network misclassifies it. Peers get their defaults and the settings that suit them best.
Writes results/benchmarks/search.json.
"""

import argparse
import json
import logging
import multiprocessing
import resource
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import clarabel
import foolbox
import numpy as np
import torch
import torchattacks
from scipy import sparse
from torch import Tensor, nn

from helpers import data, exact, files, machine, models, places, search, threads
from helpers.report import results
from helpers.search import adversarial

# Correctly classified training images for each.
NETWORKS = {"FC10(1e-4)": 256, "FC10(1)": 256, "FC100-100-10": 256, "ConvNet": 64}
SCIPY_IMAGES = 16
TASKS = ("growth", "exact", "random", "nearest")
WARM_UP = 4  # images of the first call, which is not timed
OUTPUT = places.BENCHMARKS / "search.json"

# From a network, images and their labels to adversarial images.
Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Measurement:
    """One method on one network.

    Parameters
    ----------
    task : str
        One of `TASKS`.
    network, library, method : str
        What was attacked, and by what.
    n : int
        Images.
    seconds : float
        By the clock.
    success : float
        The share of the images for which an adversarial image was found.
    mean_l2, median_l2 : float, optional
        Over these.
    forward : float
        Images through the network, for each image attacked.
    backward : float
        Of them, how often a gradient was taken.
    ratio : float, optional
        The mean length over that of our search ("best") on the same images.
    gigabytes : float, optional
        Peak memory of the process.
    """

    task: str
    network: str
    library: str
    method: str
    n: int
    seconds: float
    success: float
    mean_l2: float | None
    median_l2: float | None
    forward: float
    backward: float
    ratio: float | None = None
    gigabytes: float | None = None


def of_foolbox(attack: foolbox.attacks.base.MinimizationAttack) -> Attack:
    """A minimum-norm attack of foolbox."""

    def run(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        model = foolbox.PyTorchModel(network, bounds=(0, 1))
        _, clipped, _ = attack(model, images, labels, epsilons=None)
        return clipped

    return run


def of_torchattacks(kind: type[torchattacks.attack.Attack], **options: object) -> Attack:
    """An attack of torchattacks."""
    return lambda network, images, labels: kind(network, **options)(images, labels)


def ours(**options: object) -> Attack:
    """Our search."""
    return lambda network, images, labels: (
        search.minimum_distortion(network, images, labels, **options).images
    )  # type: ignore[arg-type]


def peers() -> dict[tuple[str, str], Attack]:
    """Every attack that looks for the nearest image, by library and setting; ours come first."""
    attacks = foolbox.attacks
    ddn = attacks.DDNAttack(steps=100)
    return {
        ("ours", "best"): ours(targets="nearest"),
        ("ours", "fast"): ours(targets="nearest", effort="fast"),
        ("foolbox", "DeepFool"): of_foolbox(attacks.L2DeepFoolAttack()),
        ("foolbox", "DeepFool, overshoot 1e-4"): of_foolbox(
            attacks.L2DeepFoolAttack(overshoot=1e-4)
        ),
        ("foolbox", "DDN, 100 steps"): of_foolbox(ddn),
        ("foolbox", "DDN, 1000 steps"): of_foolbox(attacks.DDNAttack(steps=1000)),
        ("foolbox", "FMN, 100 steps"): of_foolbox(attacks.L2FMNAttack()),
        ("foolbox", "FMN, 1000 steps"): of_foolbox(attacks.L2FMNAttack(steps=1000)),
        ("foolbox", "C&W, 9 x 1000"): of_foolbox(attacks.L2CarliniWagnerAttack(steps=1000)),
        ("foolbox", "Brendel-Bethge, from DDN"): of_foolbox(
            attacks.L2BrendelBethgeAttack(ddn, steps=300)
        ),
        ("torchattacks", "DeepFool"): of_torchattacks(torchattacks.DeepFool),
        ("torchattacks", "C&W, 1000 steps"): of_torchattacks(torchattacks.CW, steps=1000),
        ("torchattacks", "FAB, 10 steps"): of_torchattacks(torchattacks.FAB, norm="L2", eps=100.0),
        ("torchattacks", "FAB, 100 steps"): of_torchattacks(
            torchattacks.FAB, norm="L2", eps=100.0, steps=100
        ),
    }


def sample(network: nn.Module, count: int) -> tuple[Tensor, Tensor]:
    """The first training images that the network classifies correctly, and their labels."""
    train = data.mnist("train")[: 3 * count + 100]
    images, labels = train[network(train.images).argmax(dim=1) == train.labels][:count]
    return images, labels


class Counter:
    """How many images went through a network (and its copies), forward and backward."""

    def __init__(self, network: nn.Module) -> None:
        self.forward = self.backward = 0
        network.register_forward_hook(self._see)

    def __deepcopy__(self, memo: object) -> "Counter":
        return self

    def _see(self, _: nn.Module, __: object, logits: Tensor) -> None:
        self.forward += len(logits)
        if logits.requires_grad:
            logits.register_hook(self._see_gradient)

    def _see_gradient(self, gradient: Tensor) -> None:
        self.backward += len(gradient)


def judged(network: nn.Module, images: Tensor, found: Tensor, labels: Tensor) -> Tensor:
    """The length of each change, [n] float64; inf where the result is no adversarial image."""
    found = found.detach()
    in_box = ((found >= 0) & (found <= 1)).flatten(1).all(dim=1)
    fools = network(found).argmax(dim=1) != labels
    lengths = (found.double() - images.double()).flatten(1).norm(dim=1)
    return torch.where(in_box & fools, lengths, torch.inf)


def measure(
    task: str, name: str, method: tuple[str, str], attack: Attack, problem: tuple[Tensor, Tensor]
) -> tuple[Measurement, Tensor]:
    """Run an attack once for the warm-up and once for the clock; the lengths too."""
    images, labels = problem
    network = models.load(name)
    torch.manual_seed(0)
    attack(network, images[:WARM_UP], labels[:WARM_UP])
    counted = models.load(name)
    counter = Counter(counted)
    torch.manual_seed(0)
    started = time.perf_counter()
    found = attack(counted, images, labels)
    seconds = time.perf_counter() - started
    lengths = judged(network, images, found, labels)
    good = lengths.isfinite()
    middle = (
        (lengths[good].mean().item(), lengths[good].median().item()) if good.any() else (None, None)
    )
    passes = counter.forward / len(images), counter.backward / len(images)
    return Measurement(
        task, name, *method, len(images), seconds, good.double().mean().item(), *middle, *passes
    ), lengths


def against(measurement: Measurement, lengths: Tensor, best: Tensor) -> Measurement:
    """The measurement with its ratio to our lengths, over the images where both succeed."""
    both = lengths.isfinite() & best.isfinite()
    ratio = (lengths[both].mean() / best[both].mean()).item() if both.any() else None
    return Measurement(**{**asdict(measurement), "ratio": ratio})


def nearest(name: str, count: int) -> list[Measurement]:
    """Every method, untargeted."""
    problem, found, best = sample(models.load(name), count), [], torch.empty(0)
    for method, attack in peers().items():
        measurement, lengths = measure("nearest", name, method, attack, problem)
        best = best if len(best) else lengths
        found.append(against(measurement, lengths, best))
        report(found[-1])
    return found


def in_one_thread(*arguments: object, **options: object) -> adversarial.Adversarial:
    """SciPy's search in one thread: image by image, a second one costs more than it brings."""
    with threads.one():
        return search.by_scipy(*arguments, **options)  # type: ignore[arg-type]


def random_targets(name: str, count: int) -> list[Measurement]:
    """Our search with random targets against SciPy's L-BFGS-B."""
    images, labels = sample(models.load(name), count)
    targets = search.random_targets(labels, models.CLASSES, torch.Generator().manual_seed(0))

    def to_targets(run: Callable[..., adversarial.Adversarial], **options: object) -> Attack:
        return lambda network, x, y: run(network, x, y, targets=targets[: len(x)], **options).images

    methods = {
        ("ours", "best"): to_targets(search.minimum_distortion),
        ("ours", "fast"): to_targets(search.minimum_distortion, effort="fast"),
        ("ours", "the paper's penalty method"): to_targets(search.minimum_distortion, refine=False),
        ("SciPy", "L-BFGS-B, image by image"): to_targets(in_one_thread),
    }
    found, best = [], torch.empty(0)
    for method, attack in methods.items():
        few = SCIPY_IMAGES if method[0] == "SciPy" else count
        measurement, lengths = measure("random", name, method, attack, (images[:few], labels[:few]))
        best = best if len(best) else lengths
        found.append(against(measurement, lengths, best[:few]))
        report(found[-1])
    return found


def clarabel_one(slopes: np.ndarray, needed: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The shortest r with slopes @ r >= needed and x + r in the box, by interior points."""
    identity = sparse.identity(len(x), format="csc")
    constraints = sparse.vstack([sparse.csc_matrix(-slopes), identity, -identity], format="csc")
    bounds = np.concatenate([-needed, 1 - x, x])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cone = [clarabel.NonnegativeConeT(len(bounds))]
    return np.array(
        clarabel.DefaultSolver(identity, np.zeros(len(x)), constraints, bounds, cone, settings)
        .solve()
        .x
    )


def exact_minimum(name: str, count: int) -> list[Measurement]:
    """The exact minimum with random targets: ours, and Clarabel image by image."""
    network = models.load(name)
    images, labels = sample(network, count)
    targets = search.random_targets(labels, models.CLASSES, torch.Generator().manual_seed(0))
    weight, bias = network.logits.weight.double(), network.logits.bias.double()
    started = time.perf_counter()
    optimum = exact.minimum_distortion(weight, bias, images, targets)
    seconds = time.perf_counter() - started
    flat = images.flatten(1).double()
    logits = flat @ weight.T + bias
    others = torch.tensor(
        [[k for k in range(models.CLASSES) if k != target] for target in targets.tolist()]
    )
    started, lengths = time.perf_counter(), []
    for x, z, target, rest in zip(flat, logits, targets, others, strict=True):
        step = clarabel_one(
            (weight[target] - weight[rest]).numpy(), (z[rest] - z[target]).numpy(), x.numpy()
        )
        lengths.append(np.linalg.norm(step))
    theirs = torch.tensor(np.array(lengths)), time.perf_counter() - started
    found = []
    for method, (length, time_taken) in {
        ("ours", "exact"): (optimum.l2, seconds),
        ("Clarabel", "interior point, image by image"): theirs,
    }.items():
        middle = (
            length.mean().item(),
            length.median().item(),
            0.0,
            0.0,
            (length.mean() / optimum.l2.mean()).item(),
        )
        found.append(Measurement("exact", name, *method, count, time_taken, 1.0, *middle))
        report(found[-1])
    return found


def growth(count: int, effort: str) -> Measurement:
    """A search for `count` images of FC100-100-10, alone in a process, whose peak memory counts."""
    network, train = models.load("FC100-100-10"), data.mnist("train")[:count]
    search.minimum_distortion(network, *train[:WARM_UP], targets="nearest", effort=effort)
    started = time.perf_counter()
    found = search.minimum_distortion(network, *train, targets="nearest", effort=effort)
    seconds = time.perf_counter() - started
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    middle = found.l2[found.success].mean().item(), found.l2[found.success].median().item()
    succeeded, evaluations = (
        found.success.double().mean().item(),
        found.evaluations.double().mean().item(),
    )
    return Measurement(
        "growth",
        "FC100-100-10",
        "ours",
        effort,
        count,
        seconds,
        succeeded,
        *middle,
        evaluations,
        0.0,
        gigabytes=gigabytes,
    )


def report(found: Measurement) -> None:
    """One line on the terminal."""
    length = (
        f"mean {found.mean_l2:.4f} median {found.median_l2:.4f}"
        if found.mean_l2
        else "nothing found"
    )
    ratio = f" ratio {found.ratio:.3f}" if found.ratio else ""
    memory = f" {found.gigabytes:.2f} GB" if found.gigabytes else ""
    name = f"{found.task:8} {found.network:12} {found.library}, {found.method}, {found.n}"
    print(
        f"{name}: {found.seconds:.2f} s, success {found.success:.1%}, {length}{ratio}{memory}",
        flush=True,
    )


def main() -> int:
    """Run everything and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", type=int, help="for every network, instead of 256 (ConvNet: 64)"
    )
    parser.add_argument(
        "--tasks", nargs="+", choices=TASKS, default=TASKS, help="the others keep their numbers"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument(
        "--largest",
        type=int,
        default=60_000,
        help="images in the largest search of the growth comparison",
    )
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    networks = {name: options.images or count for name, count in NETWORKS.items()}
    found: list[Measurement] = []
    if "growth" in options.tasks:
        for count, effort in ((512, "best"), (4096, "best"), (options.largest, "fast")):
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                found.append(pool.submit(growth, count, effort).result())
            report(found[-1])
    for task, run in {"exact": exact_minimum, "random": random_targets, "nearest": nearest}.items():
        for name, count in networks.items() if task in options.tasks else ():
            if task != "exact" or models.specification(name).hidden == ():
                found += run(name, count)
    versions = {
        "foolbox": foolbox.__version__,
        "torchattacks": torchattacks.__version__,
        "threads": str(torch.get_num_threads()),
    }
    kept = results.read(options.output)["records"] if options.output.exists() else []
    records = [record for record in kept if record["task"] not in options.tasks] + [
        asdict(measurement) for measurement in found
    ]
    content = {"environment": {**machine.environment(), **versions}, "records": records}
    files.write_text(
        options.output, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )
    print(f"written: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
