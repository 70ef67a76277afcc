"""Operator norms of layers and Lipschitz bounds of networks.

Section 4.3 of Szegedy et al. (2014).
"""

from helpers.spectral.fourier import (
    Bracket,
    fourier_norm,
    fourier_norm_as_printed,
    fourier_norms,
    torus_norm,
)
from helpers.spectral.jacobian import jacobian_norms, lower_bound
from helpers.spectral.layers import layer_table, pooling_factor, upper_bound
from helpers.spectral.operators import operator_norm

__all__ = [
    "Bracket",
    "fourier_norm",
    "fourier_norm_as_printed",
    "fourier_norms",
    "jacobian_norms",
    "layer_table",
    "lower_bound",
    "operator_norm",
    "pooling_factor",
    "torus_norm",
    "upper_bound",
]
