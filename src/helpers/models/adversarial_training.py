"""Training on adversarial examples of the images and of the outputs of each hidden layer.

Section 4 of Szegedy et al. (2014). For comparison: dropout, noise, and weight decay alone.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from helpers import check, search
from helpers.data import Images
from helpers.models.specifications import Recipe

DIRECTIONS = ("gradient", "sign", "noise", "nearest")
SLOPES = DIRECTIONS[:2]  # those that follow the gradient
CHUNK = 1_000  # examples of a pool that are made at a time


def train(
    model: nn.Sequential,
    images: Images,
    decay: Sequence[float],
    recipe: Recipe,
    generator: torch.Generator,
    *,
    label: str = "Adam",
) -> None:
    """Train a network in place on images and on perturbed examples, by Adam in random batches.

    The mean loss over the images of a batch and the examples that go with them is minimised.

    Parameters
    ----------
    model : nn.Sequential
        Linear layers with sigmoids between, on [N, C, H, W].
    images : Images
        To train on, on the model's device.
    decay : sequence of float
        Lambda of each linear layer: its penalty is lambda / 2 times its sum of squared weights.
    recipe : Recipe
        What is seen beside the images.
    generator : torch.Generator
        Decides the batches, the pools, the noise and what is dropped; on the CPU.
    label : str, optional
        Of the progress bar.

    Raises
    ------
    ValueError
        Where the decay has not one number for each linear layer, or the recipe has more lengths or
        shares than the network has places, a length below 0, a share outside [0, 1), another
        direction, or renews more than its pool.

    References
    ----------
    Szegedy et al. (2014), section 4; Goodfellow, Shlens and Szegedy (2015) for one step along the
    gradient; Srivastava et al. (2014) for dropout; Smith and Topin (2019) for the schedule.

    Examples
    --------
    >>> points = Images(torch.tensor([0.1, 0.2, 0.9]).view(3, 1, 1, 1), torch.tensor([0, 0, 1]))
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    >>> recipe = Recipe(lengths=(0.1,), epochs=60, batch=3, rate=0.5)
    >>> train(model, points, [0.0], recipe, torch.Generator().manual_seed(0))
    >>> model(points.images).argmax(dim=1).tolist()
    [0, 0, 1]
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    _check(recipe, len(layers), len(decay))
    network = Places(model, recipe, generator)
    # In Adam's own form the gradient of lambda / 2 times the squared weights costs nothing.
    weights = [*model.parameters()]
    groups: list[dict[str, Any]] = [
        {"params": [layer.weight], "weight_decay": rate}
        for layer, rate in zip(layers, decay, strict=True)
    ]
    biases = {"params": [layer.bias for layer in layers if layer.bias is not None]}
    optimizer = torch.optim.Adam([*groups, biases], fused=True)
    batches = -(-len(images) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=recipe.epochs * batches
    )
    pools: dict[int, Images] = {}
    for _ in tqdm(range(recipe.epochs), desc=label, unit="epoch", disable=None, leave=False):
        if recipe.pool:
            pools = network.renewed(pools, images)
        for rows in torch.randperm(len(images), generator=generator).split(recipe.batch):
            # Of a pool come as many as if it were mixed into the images.
            drawn = {
                place: network.drawn(pool, round(len(rows) * len(pool) / len(images)))
                for place, pool in pools.items()
            }
            loss = network.loss(images[rows], drawn)
            optimizer.zero_grad()
            loss.backward(inputs=weights)
            optimizer.step()
            schedule.step()


@dataclass(frozen=True)
class Places:
    """A network seen from its places: its input and the outputs of its hidden layers.

    Parameters
    ----------
    model : nn.Sequential
        Linear layers with sigmoids between, on [N, C, H, W].
    recipe : Recipe
        What is perturbed there, and how.
    generator : torch.Generator
        Decides all that is random; on the CPU.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2))
    >>> places = Places(model, Recipe(lengths=(0.0, 0.5)), torch.Generator())
    >>> len(places.parts), places.perturbed
    (2, [1])
    """

    model: nn.Sequential
    recipe: Recipe
    generator: torch.Generator

    @cached_property
    def parts(self) -> list[nn.Sequential]:
        """The network, cut behind each sigmoid: the k-th part begins at the k-th place."""
        ends = [n for n, module in enumerate(self.model, start=1) if isinstance(module, nn.Sigmoid)]
        return [
            self.model[start:end]
            for start, end in zip([0, *ends], [*ends, len(self.model)], strict=True)
        ]

    @cached_property
    def perturbed(self) -> list[int]:
        """The places at which examples are perturbed."""
        return [place for place, length in enumerate(self.recipe.lengths) if length > 0]

    def loss(self, batch: Images, drawn: dict[int, Images]) -> Tensor:
        """The mean loss on a batch and on perturbed examples.

        Parameters
        ----------
        batch : Images
            The images themselves.
        drawn : dict of int to Images
            Perturbed examples at each place, from the pools; where there are none they are made of
            the batch.

        Returns
        -------
        Tensor
            A scalar, differentiable in the weights.
        """
        outputs = self._outputs(batch.images)
        loss = functional.cross_entropy(outputs[-1], batch.labels)
        total, count = len(batch) * loss, len(batch)
        # One pass back through the network gives the slopes at all places.
        slopes = {} if drawn else self._slopes(loss, outputs)
        for place in self.perturbed:
            if drawn:
                examples, labels = drawn[place]
            else:
                # The layers below are left alone: an example counts as given where it is made.
                origins, labels = outputs[place].detach(), batch.labels
                examples = self.perturb(place, origins, labels, slopes.get(place))
            logits = self.above[place](examples)
            total = total + functional.cross_entropy(logits, labels, reduction="sum")
            count += len(labels)
        return total / count

    @cached_property
    def above(self) -> list[nn.Sequential]:
        """The network from each place on: of the numbers there, in any shape, to logits."""
        return [
            nn.Sequential(nn.Flatten(), *self.parts[place:]) for place in range(len(self.parts))
        ]

    def perturb(
        self, place: int, points: Tensor, labels: Tensor, slopes: Tensor | None = None
    ) -> Tensor:
        """Move points by the recipe's length at a place, within [0, 1].

        Parameters
        ----------
        place : int
            Where they are.
        points : Tensor
            [N, ...] in [0, 1]: images, or outputs of a hidden layer.
        labels : Tensor
            Their classes, int64 [N].
        slopes : Tensor, optional
            The gradient of their loss, [N, ...], where it is known already.

        Returns
        -------
        Tensor
            Of the same shape, without a graph.
        """
        length = self.recipe.lengths[place]
        if self.recipe.direction == "nearest":
            # The search takes images: a hidden layer's outputs are one row of pixels.
            pictures = points.reshape(len(points), 1, 1, -1)
            network = copy.deepcopy(self.above[place]).eval()
            found = search.minimum_distortion(
                network, pictures, labels, targets="nearest", effort="fast"
            )
            step = (found.images - pictures).reshape(points.shape)
        else:
            step = self._direction(place, points, labels, slopes)
        return (points + length * step).clamp(0, 1)

    def renewed(self, pools: dict[int, Images], images: Images) -> dict[int, Images]:
        """Add new examples to each pool, by the network as it is, in place of random old ones.

        Parameters
        ----------
        pools : dict of int to Images
            The perturbed examples at each place so far; empty at first.
        images : Images
            From which new ones are made.

        Returns
        -------
        dict of int to Images
            Pools that have grown by what the recipe renews, up to its size.
        """
        count = min(self.recipe.renewed, len(images))
        chosen = images[self._draw(len(images))[:count]]
        points = chosen.images
        made = {}
        with torch.no_grad():
            for place, part in enumerate(self.parts):
                if place in self.perturbed:
                    made[place] = Images(self._all(place, points, chosen.labels), chosen.labels)
                points = part(points)
        if not pools:
            return made
        # Which go is drawn at random, as in the paper: they need not be the oldest.
        size = len(next(iter(pools.values())))
        kept = self._draw(size)[: self.recipe.pool - count]
        return {
            place: Images(
                torch.cat([pool.images[kept], made[place].images]),
                torch.cat([pool.labels[kept], made[place].labels]),
            )
            for place, pool in pools.items()
        }

    def drawn(self, pool: Images, count: int) -> Images:
        """Draw so many different examples from a pool, at least one."""
        return pool[self._draw(len(pool))[: max(count, 1)]]

    def _outputs(self, images: Tensor) -> list[Tensor]:
        """What the network has at each place, and its logits."""
        sloped = 0 in self.perturbed and self.recipe.direction in SLOPES
        outputs = [images.detach().requires_grad_(sloped)]
        shares = self.recipe.dropout or (0.0,) * len(self.parts)
        for part, share in zip(self.parts, shares, strict=True):
            outputs.append(part(self._dropped(outputs[-1], share)))
        return outputs

    def _dropped(self, values: Tensor, share: float) -> Tensor:
        """The values, each zero with the probability `share`, the others enlarged to make up."""
        if not share:
            return values
        kept = torch.rand(values.shape, generator=self.generator).to(values.device) >= share
        return values * kept / (1 - share)

    def _direction(
        self, place: int, points: Tensor, labels: Tensor, slopes: Tensor | None
    ) -> Tensor:
        """A direction of length 1 for each point, [N, ...]."""
        size = points[0].numel()
        if self.recipe.direction == "noise":
            wanted = torch.randn(points.shape, generator=self.generator).to(points.device)
        elif slopes is not None:
            wanted = slopes
        else:
            wanted = self._slope(place, points, labels)
        if self.recipe.direction == "sign":
            return wanted.sign() / size**0.5
        # Half of an image's pixels are 0 and cannot be lowered: the length is that of the others.
        # (Rounded up, the room above or below is 1 where there is any, within [0, 1].)
        rises, falls = wanted.clamp(min=0), wanted.clamp(max=0)
        wanted = rises * (1 - points).ceil() + falls * points.ceil()
        flat = wanted.reshape(len(points), size)
        return functional.normalize(flat, dim=1, eps=1e-30).reshape(points.shape)

    def _slopes(self, loss: Tensor, outputs: list[Tensor]) -> dict[int, Tensor]:
        """The gradient of a batch's loss at each place where it is followed."""
        if self.recipe.direction not in SLOPES or not self.perturbed:
            return {}
        points = [outputs[place] for place in self.perturbed]
        slopes = torch.autograd.grad(loss, points, retain_graph=True)
        return dict(zip(self.perturbed, slopes, strict=True))

    def _slope(self, place: int, points: Tensor, labels: Tensor) -> Tensor:
        """The gradient of each point's loss, [N, ...]."""
        with torch.enable_grad():
            points = points.detach().requires_grad_()
            loss = functional.cross_entropy(self.above[place](points), labels, reduction="sum")
            (slope,) = torch.autograd.grad(loss, points)
        return slope

    def _all(self, place: int, points: Tensor, labels: Tensor) -> Tensor:
        """Move many points, some at a time."""
        parts = zip(points.split(CHUNK), labels.split(CHUNK), strict=True)
        return torch.cat([self.perturb(place, *part) for part in parts])

    def _draw(self, count: int) -> Tensor:
        """The numbers below `count` in random order."""
        return torch.randperm(count, generator=self.generator)


def _check(recipe: Recipe, layers: int, rates: int) -> None:
    """Refuse a recipe, or a decay, that does not suit a network of so many linear layers."""
    if rates != layers:
        raise ValueError(f"decay: need one number for each linear layer, {layers}, got {rates}")
    check.choice("direction", recipe.direction, DIRECTIONS)
    for name in ("epochs", "batch"):
        check.count(name, getattr(recipe, name))
    if len(recipe.lengths) > layers or not all(length >= 0 for length in recipe.lengths):
        raise ValueError(
            f"lengths: need at most {layers}, one for each place, none below 0, "
            f"got {recipe.lengths}"
        )
    shares = recipe.dropout
    if len(shares) not in (0, layers) or not all(0 <= share < 1 for share in shares):
        raise ValueError(
            f"dropout: need none, or {layers} shares in [0, 1), one for each place, got {shares}"
        )
    if recipe.pool and not 1 <= recipe.renewed <= recipe.pool:
        raise ValueError(
            f"renewed: need 1 to {recipe.pool}, the size of the pool, got {recipe.renewed}"
        )
