"""The hidden layers that the chapters on units look at, and one scale for all of them.

On the scale ten images at random are at 0, and an image with its nine nearest neighbours is at 1.
"""

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn

from helpers import check
from helpers.units import strokes
from helpers.units.bases import POSITIVE, directions
from helpers.units.maximisers import (
    activations,
    coherence,
    nearest_images,
    random_images,
    scaled,
)

NETWORKS = ("ConvNet", "FC100-100-10", "AE400-10")
# Every hidden layer after its nonlinearity, a convolution's map after its pooling, too: the network
# and the name of the layer in it. Of a map, each entry is a unit, or else each channel.
LAYERS = {
    "conv 1": ("ConvNet", "pool1"),
    "conv 1, channels": ("ConvNet", "relu1"),
    "conv 2": ("ConvNet", "pool2"),
    "conv 2, channels": ("ConvNet", "relu2"),
    "conv hidden": ("ConvNet", "relu3"),
    "FC100 hidden 1": ("FC100-100-10", "sigmoid1"),
    "FC100 hidden 2": ("FC100-100-10", "sigmoid2"),
    "AE400 hidden": ("AE400-10", "sigmoid1"),
}
# The fully connected ones as they are before it.
BEFORE = {
    "conv hidden": "hidden1",
    "FC100 hidden 1": "hidden1",
    "FC100 hidden 2": "hidden2",
    "AE400 hidden": "hidden1",
}
# Their names in figures and sentences.
SAID = {
    "conv 1": "convolution 1",
    "conv 1, channels": "channels 1",
    "conv 2": "convolution 2",
    "conv 2, channels": "channels 2",
    "conv hidden": "ConvNet hidden",
    "FC100 hidden 1": "sigmoid hidden 1",
    "FC100 hidden 2": "sigmoid hidden 2",
    "AE400 hidden": "autoencoder code",
}
# A sigmoid of 17 or more is 1 in single precision, and hundreds of images would share the first
# place.
PRECISION = dict.fromkeys(NETWORKS, torch.float64) | {"ConvNet": torch.float32}
# The layer of another network in which the images are compared, too.
JUDGES = {
    "ConvNet": ("FC100-100-10", "sigmoid2"),
    "FC100-100-10": ("ConvNet", "relu3"),
    "AE400-10": ("ConvNet", "relu3"),
}
MEASURES = ("purity", "entropy", "pixels", "judge", "thickness", "slant", "loops")
SETS = 5  # of directions of a kind that is drawn, where there is no other limit
REPEATED = ("random", "rotation", *POSITIVE)  # those kinds


def responses(networks: Mapping[str, nn.Module], images: Tensor) -> dict[str, dict[str, Tensor]]:
    """The activations of every layer in LAYERS and BEFORE, in one pass through each network.

    Parameters
    ----------
    networks : mapping of str to nn.Module
        Any of NETWORKS by name, in eval mode. Each is turned to its PRECISION, in place.
    images : Tensor
        [N, 1, 28, 28] in [0, 1], on the networks' device.

    Returns
    -------
    dict of str to dict of str to Tensor
        [N, d] by network and layer, the value of a channel its mean over all places.

    Raises
    ------
    ValueError
        For another network, and as `units.activations` does.

    Examples
    --------
    >>> from helpers import models
    >>> networks = {"FC100-100-10": models.build("FC100-100-10").eval()}
    >>> found = responses(networks, torch.zeros(2, 1, 28, 28))
    >>> {layer: list(phi.shape) for layer, phi in found["FC100-100-10"].items()}["sigmoid1"]
    [2, 100]
    """
    found = {}
    for name, network in networks.items():
        check.choice("networks", name, NETWORKS)
        places = [place for place in LAYERS.items() if place[1][0] == name]
        wanted = {
            layer: "mean" if "channels" in label else "flatten" for label, (_, layer) in places
        }
        before = {BEFORE[label]: "flatten" for label, _ in places if label in BEFORE}
        kind = PRECISION[name]
        found[name] = activations(network.to(kind), wanted | before, images.to(kind))
    return found


def draw(
    kind: str,
    features: Tensor,
    count: int,
    generator: torch.Generator,
    training: Tensor | None = None,
) -> Tensor:
    """Directions of one kind for a layer, as many as there is something to draw.

    Parameters
    ----------
    kind : str
        One of `units.KINDS`.
    features : Tensor
        The layer's activations [N, d].
    count : int
        How many, at most d; SETS times as many of the kinds in REPEATED, of which there is no end.
    generator : torch.Generator
        Where the randomness comes from.
    training : Tensor, optional
        [M, d], what a basis is fitted to.

    Returns
    -------
    Tensor
        [count or less, d] or [SETS * count or less, d].

    Raises
    ------
    ValueError
        As `units.directions` does.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> [len(draw(kind, torch.ones(9, 6), 4, generator)) for kind in ("unit", "random")]
    [4, 20]
    """
    dimension = features.shape[1]
    sets = SETS if kind in REPEATED else 1
    found = [
        directions(kind, dimension, min(count, dimension), generator, training) for _ in range(sets)
    ]
    return torch.cat(found)


class Scale:
    """Seven measures of how alike the images of a set are, on one scale.

    Purity and entropy of their labels; likeness in pixels and in a layer of another network, the
    judge; thickness, slant and loops of their strokes. 0 is the mean over sets of images at random,
    1 that over images with their nearest neighbours in pixels, and more is more alike.

    Parameters
    ----------
    images : Tensor
        [N, 1, H, W] in [0, 1]: those that sets are made of.
    labels : Tensor
        int64 [N].
    judges : mapping of str to Tensor
        The activations [N, m] that judge the sets of a network, by that network's name.
    sets : int
        How many sets are behind either end of the scale.
    generator : torch.Generator
        That draws them.
    k : int
        Images a set, at least 2.

    Attributes
    ----------
    floor, ceiling : dict of str to DataFrame
        The measures of the sets at either end, not scaled, by the network.

    Raises
    ------
    ValueError
        For images, labels or judges that do not fit each other, and numbers out of range.

    Examples
    --------
    >>> images = torch.rand(30, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> labels, judges = torch.arange(30) % 3, {"net": images.flatten(1)}
    >>> scale = Scale(images, labels, judges, sets=20, generator=torch.Generator(), k=4)
    >>> list(scale.score("net", torch.tensor([[0, 3, 6, 9]])).columns)
    ['purity', 'entropy', 'pixels', 'judge', 'thickness', 'slant', 'loops']
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        judges: Mapping[str, Tensor],
        *,
        sets: int,
        generator: torch.Generator,
        k: int = 10,
    ) -> None:
        self._properties = strokes.properties(images)
        self._pixels, self._labels, self._judges = images.flatten(1), labels, judges
        drawn = random_images(len(images), sets, k, generator)
        near = nearest_images(self._pixels, drawn[:, 0], k)
        self.floor = {network: self.measure(network, drawn) for network in judges}
        self.ceiling = {network: self.measure(network, near) for network in judges}

    def measure(self, network: str, top: Tensor) -> pd.DataFrame:
        """The seven measures as they are.

        Parameters
        ----------
        network : str
            One that has a judge.
        top : Tensor
            int64 [count, k]: numbers of images, a row for each set.

        Returns
        -------
        DataFrame
            A row for each set, a column for each of MEASURES.

        Raises
        ------
        ValueError
            For a network without a judge, and numbers that are no images.
        """
        check.choice("network", network, tuple(self._judges))
        spaces = {"pixels": self._pixels, "judge": self._judges[network]}
        alike = coherence(top, self._labels, spaces)
        return alike.join(strokes.narrowing(top, self._properties))

    def score(self, network: str, top: Tensor) -> pd.DataFrame:
        """The seven measures on the scale; arguments, results and errors as for `measure`."""
        return scaled(self.measure(network, top), self.floor[network], self.ceiling[network])
