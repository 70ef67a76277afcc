"""Networks that the benchmark of the search trains itself, of kinds that the book does not ship.

A perceptron with rectifiers, a residual network with batch norm, and the ConvNet trained on
adversarial images. Each is trained once from a fixed seed and kept below `_build`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers import data, models, places

KEPT = places.ROOT / "_build" / "benchmarks"
BATCH, RATE = 100, 1e-3  # of Adam, whose rate falls to zero in a half cosine
RADIUS, ASCENTS = 1.5, 5  # of adversarial training: the l2 ball and the steps within it

# From a network, images and labels to the images that it is trained on.
Change = Callable[[nn.Module, Tensor, Tensor], Tensor]


class Residual(nn.Module):
    """Two convolutions with batch norm, added to their input."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.outer = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Images [N, inputs, H, W] to [N, outputs, H / stride, W / stride]."""
        return functional.relu(self.inner(x) + self.outer(x))


def perceptron() -> nn.Sequential:
    """784-200-200-10 with rectifiers."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 200),
        nn.ReLU(),
        nn.Linear(200, 200),
        nn.ReLU(),
        nn.Linear(200, 10),
    )


def residual() -> nn.Sequential:
    """A convolution, three residual blocks, a mean over the image, logits."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Residual(16, 16, 1),
        Residual(16, 32, 2),
        Residual(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def as_they_are(_: nn.Module, images: Tensor, __: Tensor) -> Tensor:
    """Ordinary training: the images themselves."""
    return images


def ascended(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Images within RADIUS on which the loss is large, by projected gradient ascent."""
    change = torch.zeros_like(images)
    for _ in range(ASCENTS):
        point = (images + change).requires_grad_()
        loss = functional.cross_entropy(network(point), labels, reduction="sum")
        (slope,) = torch.autograd.grad(loss, point)
        steepness = slope.flatten(1).norm(dim=1).clamp(min=1e-12)
        change = change + slope * (RADIUS / 2 / steepness)[:, None, None, None]
        length = change.flatten(1).norm(dim=1).clamp(min=RADIUS)
        change = change * (RADIUS / length)[:, None, None, None]
        change = (images + change).clamp(0, 1) - images
    return images + change


def batches(epochs: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The training images in a random order of a fixed seed, `epochs` times."""
    train, generator = data.mnist("train"), torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for rows in torch.randperm(len(train.images), generator=generator).split(BATCH):
            yield train.images[rows], train.labels[rows]


def trained(network: nn.Module, epochs: int, change: Change = as_they_are) -> nn.Module:
    """The network after so many epochs of Adam on changed images."""
    steps = epochs * len(data.mnist("train").images) // BATCH
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    network.train()
    for images, labels in batches(epochs):
        changed = change(network, images, labels)
        loss = functional.cross_entropy(network(changed), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network


# How each is built, and how it is trained, by its name.
RECIPES: dict[str, tuple[Callable[[], nn.Module], int, Change]] = {
    "rectifier perceptron": (perceptron, 4, as_they_are),
    "residual network": (residual, 2, as_they_are),
    "ConvNet, adversarially trained": (lambda: models.build("ConvNet"), 2, ascended),
}


def load(name: str, folder: Path = KEPT) -> nn.Module:
    """A network of the book, or one of RECIPES, in evaluation mode; trained where it is not yet."""
    if name not in RECIPES:
        return models.load(name)
    build, epochs, change = RECIPES[name]
    torch.manual_seed(0)
    network = build()
    kept = folder / f"{name}.pt"
    if kept.exists():
        network.load_state_dict(torch.load(kept, weights_only=True))
    else:
        trained(network, epochs, change)
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), kept)
    return network.eval().requires_grad_(requires_grad=False)
