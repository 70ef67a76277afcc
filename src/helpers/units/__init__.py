"""Units and other directions of a layer: section 3 of Szegedy et al. (2014)."""

from helpers.units.bases import FITTED, KINDS, directions
from helpers.units.maximisers import (
    activations,
    coherence,
    features,
    live,
    nearest_images,
    random_images,
    scaled,
    top_images,
)

__all__ = [
    "FITTED",
    "KINDS",
    "activations",
    "coherence",
    "directions",
    "features",
    "live",
    "nearest_images",
    "random_images",
    "scaled",
    "top_images",
]
