"""How the book's networks are trained: starting weights, what is minimised, and by which method."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers import data, models
from helpers.data import Images
from helpers.models import SparseCoding, Specification, adversarial_training, checkpoints, minimise
from helpers.models.norm_penalty import NormPenalty
from helpers.models.state import State

ITERATIONS = 500  # where the sigmoid networks have levelled off
EPOCHS = 6  # of the ConvNet


@dataclass(frozen=True)
class Trained:
    """A trained network and how its training ended.

    Parameters
    ----------
    model : nn.Sequential
        The network.
    iterations : int
        Of L-BFGS; 0 for another method.
    norms : dict or None
        Each layer's operator norm as the penalty on the norms saw it last; None without a penalty.

    Examples
    --------
    >>> Trained(nn.Sequential(), iterations=10).norms is None
    True
    """

    model: nn.Sequential
    iterations: int = 0
    norms: dict[str, float] | None = None


def train(
    name: str,
    *,
    dataset: str = "mnist",
    images: Images | None = None,
    seed: int | None = None,
    device: torch.device | str = "cpu",
    state: Path | None = None,
) -> Trained:
    """Train a network from nothing to its specification.

    Parameters
    ----------
    name : str
        Of the network, one of `models.SPECIFICATIONS`.
    dataset : str, optional
        One of `data.DATASETS`.
    images : Images, optional
        To train on, instead of the network's part of the data set.
    seed : int, optional
        Of the starting weights and the batches, instead of the specification's: another run of the
        same training.
    device : torch.device or str, optional
        Where it is trained.
    state : Path, optional
        A file in which an unfinished run of L-BFGS is kept, and from which it is taken up again. A
        file that is damaged, or was left by a training of another specification, seed, set of
        images, kind of device or version of torch, is deleted with a line that says so.

    Returns
    -------
    Trained
        The network, on `device`, with its number of iterations.

    Raises
    ------
    ValueError
        For an unknown name or data set.

    References
    ----------
    Szegedy et al. (2014), section 4, for the objective and L-BFGS; X. Glorot and Y. Bengio (2010)
    for the start.

    Examples
    --------
    >>> few = data.mnist("test")[:20]
    >>> trained = train("FC10(1)", images=few)
    >>> bool((trained.model(few.images).argmax(dim=1) == few.labels).float().mean() > 0.9)
    True
    """
    specification = models.specification(name)
    seed = specification.seed if seed is None else seed
    generator = torch.Generator().manual_seed(seed)
    # The start is drawn on the CPU: it is the same on every device.
    model = models.build(name)
    initialise(model, generator)
    model.to(device)
    if images is None:
        images = data.training_set(dataset, specification.part)
    images = images.to(device)
    norm_penalty = (
        NormPenalty(model, images.images[:1], specification.norm_penalty)
        if specification.norm_penalty
        else None
    )
    unfinished = State(state, _run(specification, seed, images)) if state else None
    iterations = 0
    if specification.recipe:
        adversarial_training.train(
            model, images, specification.decay, specification.recipe, generator, label=name
        )
    elif specification.method == "Adam":
        convnet(model, images, generator, norm_penalty=norm_penalty, label=name)
    elif specification.coding:
        iterations = _on_a_code(model, images, specification, generator, unfinished, name)
    else:
        iterations = classifier(
            model,
            images,
            specification.decay,
            iterations=ITERATIONS,
            norm_penalty=norm_penalty,
            state=unfinished,
            label=name,
        )
    return Trained(model, iterations, norm_penalty.norms() if norm_penalty else None)


def _run(specification: Specification, seed: int, images: Images) -> dict[str, object]:
    """All that decides the weights that a training ends at."""
    return asdict(specification) | {
        "seed": seed,
        "images": checkpoints.digest({"images": images.images, "labels": images.labels}),
        "iterations": ITERATIONS,
        "device": images.images.device.type,
        "torch": torch.__version__,
    }


def _on_a_code(
    model: nn.Sequential,
    images: Images,
    specification: Specification,
    generator: torch.Generator,
    state: State | None,
    name: str,
) -> int:
    """Train the hidden layer as an autoencoder's, then a softmax on its code; the iterations."""
    flatten, hidden, sigmoid, logits = model
    autoencoder(
        hidden,
        images.images,
        specification.coding or SparseCoding(),
        generator,
        f"{name}, autoencoder",
    )
    # The code is computed once: the encoder is not trained any further.
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


def classifier(
    model: nn.Module,
    train: Images,
    decay: Sequence[float],
    *,
    iterations: int,
    tolerance: float = 1e-7,
    norm_penalty: NormPenalty | None = None,
    state: State | None = None,
    label: str = "L-BFGS",
) -> int:
    """Train all layers in place on cross-entropy plus weight decay, by full-batch L-BFGS.

    Parameters
    ----------
    model : nn.Module
        Maps the images to logits [N, K].
    train : Images
        The images, or the codes that stand for them, and their labels.
    decay : sequence of float
        Lambda of each linear layer, as in `penalty`.
    iterations, tolerance, state, label : optional but for the first
        As in `minimise.lbfgs`.
    norm_penalty : NormPenalty, optional
        Added to the objective where it is given.

    Returns
    -------
    int
        The number of iterations.

    Raises
    ------
    ValueError
        Where `decay` has not one number for each linear layer.

    References
    ----------
    Szegedy et al. (2014), section 4.

    Examples
    --------
    >>> points = Images(torch.tensor([[-1.0], [-2.0], [1.0]]), torch.tensor([0, 0, 1]))
    >>> model = nn.Linear(1, 2)
    >>> done = classifier(model, points, [1e-3], iterations=50)
    >>> model(points.images).argmax(dim=1).tolist()
    [0, 0, 1]
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
    epochs: int = EPOCHS,
    batch: int = 100,
    rate: float = 3e-3,
    norm_penalty: NormPenalty | None = None,
    label: str = "ConvNet",
) -> None:
    """Train a network in place on cross-entropy, by Adam in random batches.

    Parameters
    ----------
    model : nn.Module
        Maps the images to logits [N, K].
    train : Images
        The images and their labels.
    generator : torch.Generator
        Decides the batches.
    epochs, batch, rate, label : optional
        As in `minimise.adam`; the defaults are those of the book's ConvNet.
    norm_penalty : NormPenalty, optional
        Added to the objective where it is given.

    Examples
    --------
    >>> points = Images(torch.tensor([[-1.0], [-2.0], [1.0]]), torch.tensor([0, 0, 1]))
    >>> model = nn.Linear(1, 2)
    >>> convnet(model, points, torch.Generator().manual_seed(0), epochs=60, rate=0.3)
    >>> model(points.images).argmax(dim=1).tolist()
    [0, 0, 1]
    """

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
    """Train a linear layer in place as the first half of a sparse sigmoid autoencoder.

    What is minimised, by Adam in random batches, is the reconstruction's cross-entropy, plus the
    Kullback-Leibler divergence of each unit's mean activation in a batch from the wanted sparsity,
    plus the encoder's weight decay.

    Parameters
    ----------
    encoder : nn.Module
        Maps flat images [N, d] to what a sigmoid makes the code [N, units].
    images : Tensor
        [N, C, H, W] in [0, 1], with C H W = d.
    settings : SparseCoding
        The weights of the three terms and the schedule.
    generator : torch.Generator
        Decides the decoder's starting weights and the batches.
    label : str, optional
        Of the progress bar.

    Returns
    -------
    float
        The loss of the last batch.

    References
    ----------
    A. Ng (2011), Sparse autoencoder, CS294A lecture notes. Szegedy et al. (2014), section 4: "a
    classifier trained on a sparse autoencoder".

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> images = torch.rand(8, 1, 2, 2, generator=generator)
    >>> settings = SparseCoding(epochs=2, batch=4)
    >>> autoencoder(nn.Linear(4, 3), images, settings, generator) > 0
    True
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

    return minimise.adam(
        [*encoder.parameters(), *decoder.parameters()],
        objective,
        len(pixels),
        batch=settings.batch,
        epochs=settings.epochs,
        rate=settings.rate,
        generator=generator,
        label=label,
    )


def _divergence(wanted: float, activation: Tensor) -> Tensor:
    """Kullback-Leibler divergence of Bernoulli variables: means `wanted` and `activation` [...]."""
    # A unit that is off, or on, throughout a batch would make a logarithm infinite.
    found = activation.clamp(1e-6, 1 - 1e-6)
    return wanted * (wanted / found).log() + (1 - wanted) * ((1 - wanted) / (1 - found)).log()


def penalty(model: nn.Module, decay: Sequence[float]) -> Tensor:
    """Weight decay: the sum over layers of lambda / 2 times the sum of squared weights.

    Biases are free.

    Parameters
    ----------
    model : nn.Module
        Its linear layers are penalised.
    decay : sequence of float
        Lambda of each of them, in their order.

    Returns
    -------
    Tensor
        A scalar, differentiable in the weights.

    Raises
    ------
    ValueError
        Where `decay` has not one number for each linear layer.

    References
    ----------
    Szegedy et al. (2014), section 4, which prints lambda times the sum over k for a layer of k
    units. The errors in its Table 1 fit half the sum better: see the chapter on the networks.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> _ = nn.init.constant_(layer.weight, 3.0)
    >>> penalty(layer, [0.5]).item()
    4.5
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if len(decay) != len(layers):
        raise ValueError(
            f"decay: need one number for each linear layer, {len(layers)}, got {len(decay)}"
        )
    return sum(
        (rate / 2 * layer.weight.square().sum() for rate, layer in zip(decay, layers, strict=True)),
        torch.zeros(()),
    )


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Draw a network's starting weights, in place.

    Weights are uniform within sqrt(6 / (fan-in + fan-out)) of zero, biases are zero.

    Parameters
    ----------
    model : nn.Module
        Its linear layers and two-dimensional convolutions are drawn, in their order.
    generator : torch.Generator
        On the CPU.

    References
    ----------
    X. Glorot and Y. Bengio (2010), equation 16.

    Examples
    --------
    >>> layer = nn.Linear(4, 2)
    >>> initialise(layer, torch.Generator().manual_seed(0))
    >>> bool(layer.weight.abs().max() <= 1), layer.bias.tolist()
    (True, [0.0, 0.0])
    """
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                # Each unit of a convolution has a whole field of weights for each channel.
                field = module.weight[0, 0].numel()
                limit = (6 / (field * (module.weight.shape[0] + module.weight.shape[1]))) ** 0.5
                module.weight.copy_(
                    (torch.rand(module.weight.shape, generator=generator) * 2 - 1) * limit
                )
                if module.bias is not None:
                    module.bias.zero_()
