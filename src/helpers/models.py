"""The networks of Tables 1 and 3 and the ConvNet: their specifications, and loading them with trained weights."""

from collections import OrderedDict
from dataclasses import dataclass, replace

import torch
from torch import nn

from helpers import check, checkpoints

PIXELS, CLASSES = 28 * 28, 10


@dataclass(frozen=True)
class SparseCoding:
    """How the autoencoder of AE400-10 is trained: not stated in the paper, chosen by the error on training images held back."""

    sparsity: float = 0.1  # wanted mean activation of a hidden unit
    weight: float = 2.0  # of the divergence from it, beside the reconstruction's cross-entropy summed over pixels
    decay: float = 0.02  # lambda of the encoder's weight decay, lambda / 2 times its sum of squared weights
    epochs: int = 20
    batch: int = 250
    rate: float = 8e-3  # Adam's, at the peak of a one-cycle schedule


@dataclass(frozen=True)
class Specification:
    """All that decides a network's weights, next to the data: change any of it and the checkpoint must be retrained."""

    hidden: tuple[int, ...]  # units of each hidden layer
    decay: tuple[float, ...]  # lambda of each layer that L-BFGS trains: its penalty is lambda / 2 times its sum of squared weights
    part: str = "train"  # the training images: "train", "P1" or "P2"
    method: str = "L-BFGS"  # "L-BFGS", "sparse autoencoder" or "Adam"
    seed: int = 0
    coding: SparseCoding | None = None
    norm_penalty: float = 0.0  # strength of the penalty on each layer's operator norm: half of it times the sum of their squares


SPECIFICATIONS = {
    "FC10(1e-4)": Specification(hidden=(), decay=(1e-4,)),
    "FC10(1e-2)": Specification(hidden=(), decay=(1e-2,)),
    "FC10(1)": Specification(hidden=(), decay=(1.0,)),
    "FC100-100-10": Specification(hidden=(100, 100), decay=(1e-5, 1e-5, 1e-6)),
    "FC200-200-10": Specification(hidden=(200, 200), decay=(1e-5, 1e-5, 1e-6)),
    "AE400-10": Specification(hidden=(400,), decay=(1e-6,), method="sparse autoencoder", coding=SparseCoding()),
    "FC100-100-10/P1": Specification(hidden=(100, 100), decay=(1e-5, 1e-5, 1e-6), part="P1"),
    "FC123-456-10/P1": Specification(hidden=(123, 456), decay=(1e-5, 1e-5, 1e-6), part="P1"),
    "FC100-100-10/P2": Specification(hidden=(100, 100), decay=(1e-5, 1e-5, 1e-6), part="P2", seed=1),
    "ConvNet": Specification(hidden=(16, 32, 128), decay=(), method="Adam"),
}
NAMES = tuple(SPECIFICATIONS)
TABLE1, TABLE3 = NAMES[:6], NAMES[6:9]  # the networks of the paper's Tables 1 and 2, and of Tables 3 and 4

# Two more kinds, for comparisons: FC100-100-10 from another start, and networks that are trained with a growing penalty on each layer's operator norm.
SECOND = "FC100-100-10/seed 1"
STRENGTHS = {"FC100-100-10": (1e-4, 1e-3, 1e-2), "ConvNet": (1e-3, 1e-2, 1e-1)}
PENALISED = {base: tuple(f"{base}/norm {strength:g}" for strength in strengths) for base, strengths in STRENGTHS.items()}
SPECIFICATIONS[SECOND] = replace(SPECIFICATIONS["FC100-100-10"], seed=1)
for base, strengths in STRENGTHS.items():
    SPECIFICATIONS |= {name: replace(SPECIFICATIONS[base], norm_penalty=strength) for name, strength in zip(PENALISED[base], strengths, strict=True)}


def specification(name: str) -> Specification:
    """The specification of a network. Raises ValueError for a name that is not in SPECIFICATIONS."""
    check.choice("model", name, SPECIFICATIONS)
    return SPECIFICATIONS[name]


def build(name: str) -> nn.Sequential:
    """The network `name`, untrained: images [N, 1, 28, 28] in [0, 1] to logits [N, 10].

    Its layers have names, in order: hidden1, sigmoid1, ..., logits; or for the ConvNet conv1, relu1, pool1, ..., logits.
    A name is an architecture, then, after a slash, what sets its training apart: networks that differ in that alone are built alike.
    Raises ValueError for a name that is not in SPECIFICATIONS. Architectures: Tables 1 and 3 of Szegedy et al. (2014).
    """
    hidden = specification(name).hidden
    return _convnet(*hidden) if name.partition("/")[0] == "ConvNet" else _perceptron(hidden)


def load(name: str, device: torch.device | str = "cpu", dataset: str = "mnist") -> nn.Sequential:
    """The trained network `name` on `device`, in evaluation mode, gradients off.

    Weights below the smallest normal number are zero: AE400-10 has thousands, and arithmetic on them takes ten times as long.
    Raises ValueError for an unknown name, FileNotFoundError without a checkpoint, and OSError where the checkpoint is
    damaged or was trained to another specification than the code's; each says how to train it anew.
    """
    model = build(name)
    weights, _ = checkpoints.read(name, dataset, specification(name))
    model.load_state_dict({key: value.where(value.abs() >= torch.finfo(value.dtype).tiny, 0.0) for key, value in weights.items()})
    return model.to(device).eval().requires_grad_(requires_grad=False)


def load_all(names: tuple[str, ...], device: torch.device | str = "cpu", dataset: str = "mnist") -> dict[str, nn.Sequential]:
    """Several trained networks by name."""
    return {name: load(name, device, dataset) for name in names}


def _perceptron(hidden: tuple[int, ...]) -> nn.Sequential:
    """Fully connected layers with sigmoids between them; without hidden layers, a softmax regression."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    inputs = PIXELS
    for number, units in enumerate(hidden, start=1):
        layers[f"hidden{number}"] = nn.Linear(inputs, units)
        layers[f"sigmoid{number}"] = nn.Sigmoid()
        inputs = units
    layers["logits"] = nn.Linear(inputs, CLASSES)
    return nn.Sequential(layers)


def _convnet(first: int, second: int, units: int) -> nn.Sequential:
    """Two convolutions of 5 x 5 with ReLU and max pooling, one hidden layer with ReLU, the logits."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, first, 5, padding=2),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(first, second, 5, padding=2),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            hidden1=nn.Linear(second * 7 * 7, units),
            relu3=nn.ReLU(),
            logits=nn.Linear(units, CLASSES),
        )
    )
