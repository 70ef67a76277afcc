"""Singular values of small matrices, from the smaller of their two Gram matrices."""

import torch
from torch import Tensor


def smaller(matrices: Tensor) -> Tensor:
    """The smaller of A A^H and A^H A for each matrix A [..., D, C], real or complex.

    Both have the same eigenvalues but for zeros, and the roots of these are A's singular values.
    Where one side is short this is much faster than a singular value decomposition. It gives the
    largest value to all digits and the small ones to half of them.
    """
    rows, columns = matrices.shape[-2:]
    return matrices @ matrices.mH if rows <= columns else matrices.mH @ matrices


def norms(matrices: Tensor) -> Tensor:
    """The operator norm, the largest singular value, of each matrix [..., D, C]: real [...]."""
    largest: Tensor = torch.linalg.eigvalsh(smaller(matrices))[..., -1]
    # Rounding can leave a matrix of zeros a negative eigenvalue, whose root would be NaN.
    return largest.clamp(min=0).sqrt()
