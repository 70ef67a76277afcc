"""Attacks side by side by AttackBench's measure: python benchmarks/optimality.py.

An attack's optimality on a network is the shortest change that any of the attacks found for an
image, over the attack's own, averaged over the images; 0 where it found nothing (Cinà et al.,
AttackBench, arXiv 2404.19460). An attack may take 2,000 passes an image, forward and backward, on
average; settings that take more are left out. One counter around the network counts them for all.

All attacks see the same test images, on which no setting was chosen, in one batch and one thread,
and each is judged here by what it returns: an image counts if it lies in [0, 1] and the network
misclassifies it. Seconds are the processor's. The networks are those of Table 1, two convolutional
ones, and three that benchmarks/networks.py trains.

Writes results/benchmarks/optimality.json after every attack; a run that was cut off goes on from
there.
"""

import argparse
import json
import logging
import math
import sys
import time
import types
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

# adv-lib imports visdom for its plots alone, and visdom is hard to install.
sys.modules.setdefault("visdom", types.ModuleType("visdom"))

import adv_lib.attacks as adv  # noqa: E402
import foolbox  # noqa: E402
import networks  # noqa: E402
import torchattacks  # noqa: E402
from search import Attack, Counter, judged, of_foolbox, of_torchattacks, ours  # noqa: E402

from helpers import data, files, machine, places  # noqa: E402
from helpers.report import results  # noqa: E402

OUTPUT = places.BENCHMARKS / "optimality.json"
FIRST, COUNT = 5000, 48  # the first test image, and how many correctly classified ones from there
BUDGET = 2000  # passes an image
WARM_UP = 4  # images of the first call, which is not timed
NETWORKS = (
    "FC10(1e-4)",
    "FC10(1e-2)",
    "FC10(1)",
    "FC100-100-10",
    "FC200-200-10",
    "AE400-10",
    "ConvNet",
    "ConvNet/norm 0.01",
    *networks.RECIPES,
)


def of_adv(attack: Any, **options: object) -> Attack:
    """An attack of adv-lib; some change their images in place, or leave the box by rounding."""
    return lambda network, images, labels: (
        attack(network, images.clone(), labels, **options).detach().clamp(0, 1)
    )


def attacks() -> dict[tuple[str, str], Attack]:
    """Every attack, by library and setting; ours come first.

    Distances are compared, so none rounds its images to 256 grey levels. Where several libraries
    have an attack, it is the quickest one's. FMN is foolbox's: adv-lib's finds nothing in l2. C&W
    needs several times as many passes.
    """
    bounded = foolbox.attacks
    return {
        ("ours", "best"): ours(targets="nearest"),
        ("ours", "fast"): ours(targets="nearest", effort="fast"),
        ("adv-lib", "ALMA, 100 steps"): of_adv(adv.alma, num_steps=100),
        ("adv-lib", "ALMA, 1000 steps"): of_adv(adv.alma, num_steps=1000),
        ("adv-lib", "DDN, 100 steps"): of_adv(adv.ddn, steps=100, levels=None),
        ("adv-lib", "DDN, 1000 steps"): of_adv(adv.ddn, steps=1000, levels=None),
        ("adv-lib", "PDGD, 1000 steps"): of_adv(adv.pdgd, num_steps=1000),
        ("adv-lib", "FAB, 100 steps"): of_adv(adv.fab, norm=2, n_iter=100),
        ("adv-lib", "SuperDeepFool"): of_adv(adv.sdf),
        ("adv-lib", "trust region"): of_adv(adv.tr, iter=200, adaptive=True),
        ("foolbox", "DeepFool, overshoot 1e-4"): of_foolbox(
            bounded.L2DeepFoolAttack(overshoot=1e-4)
        ),
        ("foolbox", "FMN, 100 steps"): of_foolbox(bounded.L2FMNAttack(steps=100)),
        ("foolbox", "FMN, 1000 steps"): of_foolbox(bounded.L2FMNAttack(steps=1000)),
        ("torchattacks", "DeepFool"): of_torchattacks(torchattacks.DeepFool),
    }


def sample(network: nn.Module, count: int) -> tuple[Tensor, Tensor]:
    """The first test images from FIRST on that the network classifies correctly; their labels."""
    test = data.mnist("test")[FIRST : FIRST + 2 * count + 50]
    images, labels = test[network(test.images).argmax(dim=1) == test.labels][:count]
    return images, labels


def measure(name: str, attack: Attack, count: int) -> dict[str, Any]:
    """Run an attack once for the warm-up and once for the clock."""
    plain, counted = networks.load(name), networks.load(name)
    images, labels = sample(plain, count)
    torch.manual_seed(0)
    attack(plain, images[:WARM_UP], labels[:WARM_UP])
    counter = Counter(counted)
    torch.manual_seed(0)
    started = time.process_time()
    found = attack(counted, images, labels)
    seconds = time.process_time() - started
    lengths = judged(plain, images, found, labels)
    good = lengths[lengths.isfinite()]
    return {
        "n": len(images),
        "seconds": seconds,
        "success": len(good) / len(images),
        "mean_l2": good.mean().item() if len(good) else None,
        "median_l2": good.median().item() if len(good) else None,
        "forward": counter.forward / len(images),
        "backward": counter.backward / len(images),
        "lengths": [length if math.isfinite(length) else None for length in lengths.tolist()],
    }


def with_optimality(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records in order, with each one's optimality, and its mean length over our best one's."""
    order = list(attacks())
    records = sorted(
        records,
        key=lambda record: (
            NETWORKS.index(record["network"]),
            order.index((record["library"], record["method"])),
        ),
    )
    rated = []
    for name in dict.fromkeys(record["network"] for record in records):
        rows = [record for record in records if record["network"] == name]
        lengths = torch.tensor(
            [[math.inf if one is None else one for one in row["lengths"]] for row in rows]
        ).double()
        shortest = lengths.amin(dim=0)
        for row, own in zip(rows, lengths, strict=True):
            both = own.isfinite() & lengths[0].isfinite()
            ratio = (own[both].mean() / lengths[0][both].mean()).item() if both.any() else None
            within = row["forward"] + row["backward"] <= BUDGET
            share = (shortest / own).nan_to_num(0.0).mean().item()
            rated.append({**row, "optimality": share, "ratio": ratio, "within": within})
    return rated


def report(found: dict[str, Any]) -> None:
    """One line on the terminal."""
    time_taken = f"{1000 * found['seconds'] / found['n']:8.1f} ms"
    passes = f"{found['forward']:6.0f} + {found['backward']:6.0f} passes"
    mean = f"mean {found['mean_l2']:.4f}" if found["mean_l2"] else "nothing found"
    name = f"{found['network']:30} {found['library']}, {found['method']}"
    print(f"{name:70}{time_taken} {passes} {found['success']:.0%} {mean}", flush=True)


def main() -> int:
    """Measure attack by attack, and write the file after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=COUNT, help="for every network")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--again", action="store_true", help="measure all of them again")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    kept = results.read(options.output)["records"] if options.output.exists() else []
    records = [] if options.again else kept
    versions = {"foolbox": foolbox.__version__, "torchattacks": torchattacks.__version__}
    environment = {**machine.environment(), **versions, "adv-lib": "0.2.8", "threads": "1"}
    for name in options.networks:
        for (library, method), attack in attacks().items():
            key = {"task": "optimality", "network": name, "library": library, "method": method}
            if any(key.items() <= record.items() for record in records):
                continue
            records.append({**key, **measure(name, attack, options.images)})
            report(records[-1])
            content = {"environment": environment, "records": with_optimality(records)}
            text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            files.write_text(options.output, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
