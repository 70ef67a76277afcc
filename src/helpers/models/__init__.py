"""The networks of Tables 1 and 3 and the ConvNet, by name: to build, or to load as trained."""

from helpers.models.architectures import CLASSES, build
from helpers.models.checkpoints import load, load_all
from helpers.models.specifications import (
    NAMES,
    PENALISED,
    RECIPES,
    REGULARISED,
    SECOND,
    SPECIFICATIONS,
    STRENGTHS,
    TABLE1,
    TABLE3,
    Recipe,
    SparseCoding,
    Specification,
    specification,
)

__all__ = [
    "CLASSES",
    "NAMES",
    "PENALISED",
    "RECIPES",
    "REGULARISED",
    "SECOND",
    "SPECIFICATIONS",
    "STRENGTHS",
    "TABLE1",
    "TABLE3",
    "Recipe",
    "SparseCoding",
    "Specification",
    "build",
    "load",
    "load_all",
    "specification",
]
