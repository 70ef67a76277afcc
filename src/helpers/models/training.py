"""How the networks of the book are trained: their starting weights, what is minimised, and by which method."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers import data, models
from helpers.data import Images
from helpers.models import SparseCoding, Specification, minimise
from helpers.models.norm_penalty import NormPenalty

ITERATIONS = 500  # where the sigmoid networks have levelled off


@dataclass(frozen=True)
class Trained:
    """A trained network, the L-BFGS iterations it took, and the operator norms as its penalty saw them last (none without one)."""

    model: nn.Sequential
    iterations: int = 0
    norms: dict[str, float] | None = None


def penalty(model: nn.Module, decay: Sequence[float]) -> Tensor:
    """Weight decay: the sum over layers of lambda / 2 times the sum of squared weights; biases are free. A scalar."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return sum(
        (rate / 2 * layer.weight.square().sum() for rate, layer in zip(decay, layers, strict=True)),
        torch.zeros(()),
    )


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Glorot and Bengio's (2010) start, in place: weights uniform within sqrt(6 / (fan-in + fan-out)), biases zero."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                field = module.weight[0, 0].numel()
                limit = (6 / (field * (module.weight.shape[0] + module.weight.shape[1]))) ** 0.5
                module.weight.copy_(
                    (torch.rand(module.weight.shape, generator=generator) * 2 - 1) * limit
                )
                if module.bias is not None:
                    module.bias.zero_()


def classifier(
    model: nn.Module,
    train: Images,
    decay: Sequence[float],
    *,
    iterations: int,
    tolerance: float = 1e-7,
    norm_penalty: NormPenalty | None = None,
    state: Path | None = None,
    label: str = "L-BFGS",
) -> int:
    """Train all layers on cross-entropy plus weight decay, and a penalty on the norms if given, by full-batch L-BFGS; returns the number of iterations.

    Section 4 of Szegedy et al. (2014).
    """

    def objective() -> Tensor:
        loss = functional.cross_entropy(model(train.images), train.labels) + penalty(model, decay)
        return loss + norm_penalty() if norm_penalty else loss

    return minimise.lbfgs(
        model, objective, iterations=iterations, tolerance=tolerance, state=state, label=label
    )


def convnet(
    model: nn.Module,
    train: Images,
    generator: torch.Generator,
    *,
    epochs: int = 6,
    batch: int = 100,
    rate: float = 3e-3,
    norm_penalty: NormPenalty | None = None,
    label: str = "ConvNet",
) -> None:
    """Train `model` in place on cross-entropy, plus a penalty on the norms if given, by Adam in random batches."""

    def objective(rows: Tensor) -> Tensor:
        loss = functional.cross_entropy(model(train.images[rows]), train.labels[rows])
        return loss + norm_penalty() if norm_penalty else loss

    minimise.adam(
        [*model.parameters()],
        objective,
        len(train),
        batch=batch,
        epochs=epochs,
        rate=rate,
        generator=generator,
        label=label,
    )


def autoencoder(
    encoder: nn.Module,
    images: Tensor,
    settings: SparseCoding,
    generator: torch.Generator,
    label: str = "autoencoder",
) -> float:
    """Train `encoder`, a linear layer, in place as the first half of a sparse sigmoid autoencoder of images [N, 1, H, W]; returns the last loss.

    Minimises the reconstruction's cross-entropy plus the Kullback-Leibler divergence of each unit's mean activation in a
    batch from the wanted sparsity, plus the encoder's weight decay (A. Ng, 2011). Section 4: "a classifier trained on a sparse autoencoder".
    """
    pixels = images.flatten(1)
    decoder = nn.Linear(encoder(pixels[:1]).shape[1], pixels.shape[1]).to(pixels.device)
    initialise(decoder, generator)

    def objective(rows: Tensor) -> Tensor:
        batch = pixels[rows]
        hidden = torch.sigmoid(encoder(batch))
        reconstruction = functional.binary_cross_entropy_with_logits(
            decoder(hidden), batch, reduction="sum"
        ) / len(batch)
        sparsity = settings.weight * _divergence(settings.sparsity, hidden.mean(dim=0)).sum()
        return reconstruction + sparsity + penalty(encoder, [settings.decay])

    parameters = [*encoder.parameters(), *decoder.parameters()]
    schedule = {"batch": settings.batch, "epochs": settings.epochs}
    return minimise.adam(
        parameters,
        objective,
        len(pixels),
        **schedule,
        rate=settings.rate,
        generator=generator,
        label=label,
    )


def _divergence(wanted: float, activation: Tensor) -> Tensor:
    """Kullback-Leibler divergence between Bernoulli variables of means `wanted` and `activation` [...]."""
    found = activation.clamp(1e-6, 1 - 1e-6)
    return wanted * (wanted / found).log() + (1 - wanted) * ((1 - wanted) / (1 - found)).log()


def train(
    name: str,
    *,
    dataset: str = "mnist",
    images: Images | None = None,
    seed: int | None = None,
    device: torch.device | str = "cpu",
    state: Path | None = None,
) -> Trained:
    """Train the network `name` from nothing to its specification.

    images: to train on, instead of its part of the data set. seed: of the starting weights and the batches, instead of the specification's:
    another run of the same training. With a `state` file an interrupted run of L-BFGS is taken up again. Raises ValueError for an unknown name.
    """
    specification = models.specification(name)
    generator = torch.Generator().manual_seed(specification.seed if seed is None else seed)
    model = models.build(name)
    initialise(model, generator)
    model.to(device)
    images = (data.training_set(dataset, specification.part) if images is None else images).to(
        device
    )
    norm_penalty = (
        NormPenalty(model, images.images[:1], specification.norm_penalty)
        if specification.norm_penalty
        else None
    )
    iterations = 0
    if specification.method == "Adam":
        convnet(model, images, generator, norm_penalty=norm_penalty, label=name)
    elif specification.coding:
        iterations = _on_a_code(model, images, specification, generator, state, name)
    else:
        iterations = classifier(
            model,
            images,
            specification.decay,
            iterations=ITERATIONS,
            norm_penalty=norm_penalty,
            state=state,
            label=name,
        )
    return Trained(model, iterations, norm_penalty.norms() if norm_penalty else None)


def _on_a_code(
    model: nn.Sequential,
    images: Images,
    specification: Specification,
    generator: torch.Generator,
    state: Path | None,
    name: str,
) -> int:
    """Train the hidden layer as an autoencoder's, then a softmax on its code; returns the number of L-BFGS iterations."""
    flatten, hidden, sigmoid, logits = model
    autoencoder(
        hidden,
        images.images,
        specification.coding or SparseCoding(),
        generator,
        f"{name}, autoencoder",
    )
    with torch.no_grad():
        codes = Images(sigmoid(hidden(flatten(images.images))), images.labels)
    return classifier(
        logits,
        codes,
        specification.decay,
        iterations=2 * ITERATIONS,
        state=state,
        label=f"{name}, softmax",
    )
