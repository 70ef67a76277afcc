"""The operator norm of a layer, by several methods: python benchmarks/spectral.py.

All run on the same layers and machine, in float64 and in one thread. For every layer:

- spectral.operator_norm;
- plain power iteration on the layer and its adjoint, after 60 and 1000 steps, and once it is as
  near as operator_norm promises and as operator_norm came;
- a dense SVD of the layer's matrix, where that fits;
- the norm of the same kernels on a periodic grid, which is what methods based on the Fourier
  transform give, as an estimate of the zero-padded layer's.

The reference is the dense SVD where it fits. Elsewhere it is ARPACK's value on the layer and its
adjoint to its last digit, with the residual of its eigenpair. Seconds are the processor's, which
other processes on the machine disturb less than the clock's; of runs under ten seconds, the least
of three. Writes results/benchmarks/spectral.json.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn

from helpers import files, machine, models, places, pretrained, spectral
from helpers.report import results
from helpers.spectral import operators

OUTPUT = places.BENCHMARKS / "spectral.json"
STEPS = (60, 1000)  # of plain power iteration
ENTRIES = 3e7  # of a matrix that fits
REPEATS, SHORT = 3, 10.0  # runs below so many seconds are repeated
SHAPES = {
    "conv1": (3, 224, 224),
    "conv2": (64, 27, 27),
    "conv3": (192, 13, 13),
    "conv4": (384, 13, 13),
    "conv5": (256, 13, 13),
}


@dataclass(frozen=True)
class Case:
    """A layer and the shape of one input to it."""

    name: str
    layer: nn.Linear | nn.Conv2d
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Measurement:
    """One method on one layer.

    Parameters
    ----------
    layer, weight, input : str
        The layer's name, and the shapes of its weight and of its input.
    method : str
        What found the norm.
    steps : int, optional
        Of power iteration.
    seconds : float
        Of the processor.
    value : float
        The norm.
    error : float
        Relative to the reference, with its sign.
    reference : str
        What found that.
    residual : float
        Of the reference's eigenpair, relative; 0 for a dense SVD.
    reached : bool
        False where power iteration was stopped before it was as near as wanted.
    """

    layer: str
    weight: str
    input: str
    method: str
    steps: int | None
    seconds: float
    value: float
    error: float
    reference: str
    residual: float
    reached: bool = True


def cases() -> list[Case]:
    """AlexNet's convolutions at 224 x 224, one of the largest in use, and this book's layers."""
    alexnet, convnet = pretrained.load("alexnet"), models.load("ConvNet")
    wide = nn.Conv2d(512, 512, 3, padding=1, bias=False)
    with torch.no_grad():
        wide.weight.copy_(
            torch.randn(wide.weight.shape, generator=torch.Generator().manual_seed(0))
            / math.sqrt(512 * 9)
        )
    found = [
        Case(f"AlexNet {name}", alexnet.get_submodule(name), shape)
        for name, shape in SHAPES.items()
    ]
    found += [Case("512 random 3 x 3", wide, (512, 14, 14))]
    found += [
        Case("ConvNet conv1", convnet.conv1, (1, 28, 28)),
        Case("ConvNet conv2", convnet.conv2, (16, 14, 14)),
    ]
    for name in ("FC100-100-10", "AE400-10"):
        found.append(Case(f"{name} hidden1", models.load(name).hidden1, (784,)))
    return found


class Operator:
    """The layer's linear part in float64, and its Gram operator by automatic differentiation."""

    def __init__(self, case: Case) -> None:
        self.linear, self.shape = operators._linear_part(case.layer), (1, *case.shape)

    def gram(self, vector: Tensor) -> Tensor:
        """W^T W x."""
        point = vector.reshape(self.shape).requires_grad_()
        image = self.linear(point)
        return torch.autograd.grad(image, point, image.detach())[0]

    def matrix(self) -> Tensor:
        """The matrix of the layer's map, one column for each input."""
        basis = torch.eye(math.prod(self.shape), dtype=torch.float64).view(-1, *self.shape[1:])
        with torch.no_grad():
            return self.linear(basis).flatten(1).T


def timed(run: Callable[[], float]) -> tuple[float, float]:
    """A result and its seconds of processor time: the least of three runs where one is short."""
    best, value, runs = math.inf, math.nan, 0
    while runs == 0 or (runs < REPEATS and best < SHORT):
        started = time.process_time()
        value = run()
        best, runs = min(best, time.process_time() - started), runs + 1
    return value, best


def dense(case: Case) -> float:
    """The largest of all singular values of the layer's matrix."""
    return float(torch.linalg.svdvals(Operator(case).matrix())[0])


def arpack(case: Case) -> tuple[float, float]:
    """The norm to ARPACK's last digit, and the relative residual of its eigenpair.

    It is the root of the Gram operator's largest eigenvalue.
    """
    operator, size = Operator(case), math.prod(case.shape)

    def apply(vector: np.ndarray) -> np.ndarray:
        return operator.gram(torch.from_numpy(np.ascontiguousarray(vector))).flatten().numpy()

    start = np.random.default_rng(1).standard_normal(size)
    values, vectors = eigsh(
        LinearOperator((size, size), matvec=apply, dtype=np.float64),
        k=1,
        ncv=min(80, size),
        tol=0,
        v0=start,
    )
    residual = float(np.linalg.norm(apply(vectors[:, 0]) - values[0] * vectors[:, 0]) / values[0])
    return math.sqrt(values[0]), residual


def fourier(case: Case) -> float:
    """The norm of the layer's kernels on a periodic grid.

    Of the input's size, or the next multiple of the stride.
    """
    layer = case.layer
    grid = [
        step * -(-size // step) for size, step in zip(case.shape[1:], layer.stride, strict=True)
    ]
    return spectral.fourier_norm(layer.weight, grid, layer.stride)


def power(
    case: Case, reference: float, wanted: dict[str, float], limit: float
) -> dict[str, tuple[int, float, float, bool]]:
    """Plain power iteration from a random start, at STEPS and at the `wanted` relative errors.

    By name: the steps, the seconds, the value, and whether it got there. One run; it ends when the
    last of these is reached, or after `limit` seconds beyond its thousandth step.
    """
    operator, step, value, seconds, deadline = Operator(case), 0, 0.0, 0.0, math.inf
    found: dict[str, tuple[int, float, float, bool]] = {}
    generator = torch.Generator().manual_seed(2)
    vector = torch.randn(operator.shape, generator=generator, dtype=torch.float64)
    started = time.process_time()
    while seconds < deadline and (step < STEPS[-1] or len(found) < len(STEPS) + len(wanted)):
        vector = operator.gram(vector / vector.norm())
        step, value = step + 1, math.sqrt(vector.norm().item())
        seconds = time.process_time() - started
        if step in STEPS:
            found[f"power iteration, {step} steps"] = (step, seconds, value, True)
        if step == STEPS[-1]:
            deadline = seconds + limit
        error = 1 - value / reference
        found |= {
            name: (step, seconds, value, True)
            for name, size in wanted.items()
            if name not in found and error <= size
        }
    missing = {name: (step, seconds, value, False) for name in wanted if name not in found}
    return found | missing


def measure(case: Case, limit: float) -> list[Measurement]:
    """Every method on one layer."""
    image = Operator(case).linear(torch.zeros(1, *case.shape, dtype=torch.float64))
    fits = math.prod(case.shape) * image.numel() <= ENTRIES
    if fits:
        reference, seconds = timed(lambda: dense(case))
        source, residual = "dense SVD", 0.0
    else:
        (reference, residual), source, seconds = arpack(case), "ARPACK", math.nan
    weight, shape = ("x".join(map(str, size)) for size in (case.layer.weight.shape, case.shape))

    def row(
        method: str, value: float, seconds: float, steps: int | None = None, *, reached: bool = True
    ) -> Measurement:
        found = Measurement(
            case.name,
            weight,
            shape,
            method,
            steps,
            seconds,
            value,
            value / reference - 1,
            source,
            residual,
            reached,
        )
        report(found)
        return found

    value, own = timed(lambda: spectral.operator_norm(case.layer, case.shape))
    rows = [row("operator_norm", value, own)]
    if fits:
        rows.append(row("dense SVD", reference, seconds))
    if isinstance(case.layer, nn.Conv2d):
        rows.append(row("Fourier, periodic grid", *timed(lambda: fourier(case))))
    nearest = max(abs(value / reference - 1), 1e-12)  # below that, rounding decides
    wanted = {
        "power iteration, to 1e-6": operators.TOLERANCE,
        "power iteration, as near as ours": nearest,
    }
    rows += [
        row(name, value, seconds, steps, reached=reached)
        for name, (steps, seconds, value, reached) in power(case, reference, wanted, limit).items()
    ]
    return rows


def report(found: Measurement) -> None:
    """One line on the terminal."""
    steps = f", {found.steps} steps" if found.steps else ""
    short = "" if found.reached else " (not reached)"
    value = f"{found.value:.9f} error {found.error:+.1e} {found.seconds:8.3f} s"
    print(f"{found.layer:22} {found.method:34}{value}{steps}{short}", flush=True)


def main() -> int:
    """Measure layer by layer, and write the file after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--layers", nargs="+", help="names, or beginnings of names; the others keep their numbers"
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=120.0,
        help="seconds that power iteration may go on after its 1000 steps",
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    every = cases()
    order = [case.name for case in every]
    for case in every:
        if options.layers and not case.name.startswith(tuple(options.layers)):
            continue
        found = [asdict(measurement) for measurement in measure(case, options.limit)]
        kept = results.read(options.output)["records"] if options.output.exists() else []
        records = sorted(
            [*found, *(record for record in kept if record["layer"] != case.name)],
            key=lambda record: order.index(record["layer"]),
        )
        content = {"environment": {**machine.environment(), "threads": "1"}, "records": records}
        files.write_text(
            options.output,
            json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        )
    print(f"written: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
