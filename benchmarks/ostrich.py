"""Photographs turned into ostriches, side by side with foolbox: python benchmarks/ostrich.py.

Figure 5 of Szegedy et al. (2014) on the ImageNet networks of the book: each attack gets the same
photographs and the target "ostrich, Struthio camelus", in one thread, a few photographs at a time.
Every image is judged here, not by the attack: it counts if it lies in [0, 1] and the network calls
it an ostrich. Seconds are the processor's.

Writes results/benchmarks/ostrich.json after every few photographs; a run that was cut off goes on
from there.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import foolbox
import torch
from search import Counter
from torch import Tensor, nn

from helpers import files, machine, natural, places, pretrained, search
from helpers.report import results

OUTPUT = places.BENCHMARKS / "ostrich.json"
NETWORKS = ("squeezenet", "efficientnet-lite0")
OSTRICH = 9  # of pretrained.CLASSES
COUNT = 64
TOGETHER = 8  # photographs that an attack gets at once

# From a network, images, labels and targets to adversarial images.
Targeted = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]


def ours(effort: str) -> Targeted:
    """Our search."""
    return lambda network, images, labels, targets: (
        search.minimum_distortion(network, images, labels, targets=targets, effort=effort).images
    )


def decoupled(steps: int) -> Targeted:
    """Decoupled direction and norm (Rony et al. 2019), foolbox's."""

    def run(network: nn.Module, images: Tensor, _: Tensor, targets: Tensor) -> Tensor:
        model = foolbox.PyTorchModel(network, bounds=(0, 1))
        wanted = foolbox.criteria.TargetedMisclassification(targets)
        _, clipped, _ = foolbox.attacks.DDNAttack(steps=steps)(model, images, wanted, epsilons=None)
        return clipped

    return run


ATTACKS: dict[tuple[str, str], Targeted] = {
    ("ours", "fast"): ours("fast"),
    ("ours", "best"): ours("best"),
    ("foolbox", "DDN, 100 steps"): decoupled(100),
    ("foolbox", "DDN, 1000 steps"): decoupled(1000),
}


def lengths(network: nn.Module, images: Tensor, found: Tensor, targets: Tensor) -> Tensor:
    """The length of each change, float64 [N]; inf where the result is no adversarial image."""
    found = found.detach()
    in_box = ((found >= 0) & (found <= 1)).flatten(1).all(dim=1)
    fooled = network(found).argmax(dim=1) == targets
    change = (found.double() - images.double()).flatten(1).norm(dim=1)
    return torch.where(in_box & fooled, change, torch.inf)


def measure(record: dict[str, Any], network: str, attack: Targeted, rows: slice) -> None:
    """Run an attack on some photographs, and add what it took and found to its record."""
    plain, counted = pretrained.load(network), pretrained.load(network)
    counter = Counter(counted)
    images, labels = natural.photographs()[rows]
    targets = torch.full_like(labels, OSTRICH)
    torch.manual_seed(0)
    started = time.process_time()
    found = attack(counted, images, labels, targets)
    record["seconds"] += time.process_time() - started
    record["forward"] += counter.forward
    record["backward"] += counter.backward
    each = lengths(plain, images, found, targets)
    scale = math.sqrt(images[0].numel())
    record["distortions"] += [
        length / scale if math.isfinite(length) else None for length in each.tolist()
    ]


def main() -> int:
    """Measure a few photographs at a time, and write the file after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=COUNT)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--again", action="store_true", help="measure all of them again")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    resumed = options.output.exists() and not options.again
    records = results.read(options.output)["records"] if resumed else []
    environment = {
        **machine.environment(),
        "foolbox": foolbox.__version__,
        "threads": "1",
    }
    for network in options.networks:
        for (library, method), attack in ATTACKS.items():
            key = {"network": network, "library": library, "method": method}
            record = next((each for each in records if key.items() <= each.items()), None)
            if record is None:
                record = {**key, "seconds": 0.0, "forward": 0, "backward": 0, "distortions": []}
                records.append(record)
            while (done := len(record["distortions"])) < options.images:
                rows = slice(done, min(done + TOGETHER, options.images))
                measure(record, network, attack, rows)
                text = json.dumps({"environment": environment, "records": records}, indent=1)
                files.write_text(options.output, text + "\n")
                good = [each for each in record["distortions"] if each is not None]
                count = len(record["distortions"])
                print(
                    f"{network}, {library}, {method}: {len(good)} of {count}, "
                    f"mean {sum(good) / max(len(good), 1):.6f}, "
                    f"{record['seconds'] / count:.1f} s each",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
