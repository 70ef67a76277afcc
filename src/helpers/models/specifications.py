"""The networks of Tables 1 and 3 and the ConvNet: all that decides their weights."""

from dataclasses import dataclass, replace

from helpers import check


@dataclass(frozen=True)
class SparseCoding:
    """How the autoencoder of AE400-10 is trained: not stated in the paper, chosen by the error on training images held back."""

    sparsity: float = 0.1  # wanted mean activation of a hidden unit
    weight: float = 2.0  # of the divergence from it, beside the reconstruction's cross-entropy summed over pixels
    decay: float = (
        0.02  # lambda of the encoder's weight decay, lambda / 2 times its sum of squared weights
    )
    epochs: int = 20
    batch: int = 250
    rate: float = 8e-3  # Adam's, at the peak of a one-cycle schedule


@dataclass(frozen=True)
class Specification:
    """All that decides a network's weights, next to the data: change any of it and the checkpoint must be retrained."""

    hidden: tuple[int, ...]  # units of each hidden layer
    decay: tuple[
        float, ...
    ]  # lambda of each layer that L-BFGS trains: its penalty is lambda / 2 times its sum of squared weights
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
    "AE400-10": Specification(
        hidden=(400,), decay=(1e-6,), method="sparse autoencoder", coding=SparseCoding()
    ),
    "FC100-100-10/P1": Specification(hidden=(100, 100), decay=(1e-5, 1e-5, 1e-6), part="P1"),
    "FC123-456-10/P1": Specification(hidden=(123, 456), decay=(1e-5, 1e-5, 1e-6), part="P1"),
    "FC100-100-10/P2": Specification(
        hidden=(100, 100), decay=(1e-5, 1e-5, 1e-6), part="P2", seed=1
    ),
    "ConvNet": Specification(hidden=(16, 32, 128), decay=(), method="Adam"),
}
NAMES = tuple(SPECIFICATIONS)
TABLE1, TABLE3 = (
    NAMES[:6],
    NAMES[6:9],
)  # the networks of the paper's Tables 1 and 2, and of Tables 3 and 4

# Two more kinds, for comparisons: FC100-100-10 from another start, and networks that are trained with a growing penalty on each layer's operator norm.
SECOND = "FC100-100-10/seed 1"
STRENGTHS = {"FC100-100-10": (1e-4, 1e-3, 1e-2), "ConvNet": (1e-3, 1e-2, 1e-1)}
PENALISED = {
    base: tuple(f"{base}/norm {strength:g}" for strength in strengths)
    for base, strengths in STRENGTHS.items()
}
SPECIFICATIONS[SECOND] = replace(SPECIFICATIONS["FC100-100-10"], seed=1)
for base, strengths in STRENGTHS.items():
    SPECIFICATIONS |= {
        name: replace(SPECIFICATIONS[base], norm_penalty=strength)
        for name, strength in zip(PENALISED[base], strengths, strict=True)
    }


def specification(name: str) -> Specification:
    """The specification of a network. Raises ValueError for a name that is not in SPECIFICATIONS."""
    check.choice("model", name, SPECIFICATIONS)
    return SPECIFICATIONS[name]
