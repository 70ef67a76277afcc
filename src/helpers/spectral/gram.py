"""Singular values of small matrices by the eigenvalues of the smaller of their two Gram matrices."""

import torch
from torch import Tensor


def gram(matrices: Tensor) -> Tensor:
    """The smaller of A A^H and A^H A, for each matrix A [..., D, C]: they have the same eigenvalues but for zeros.

    Their roots are A's singular values. This is much faster than a singular value decomposition where one side is short, and
    gives half the digits of small values, but all digits of the largest one.
    """
    rows, columns = matrices.shape[-2:]
    return matrices @ matrices.mH if rows <= columns else matrices.mH @ matrices


def norms(matrices: Tensor) -> Tensor:
    """The largest singular value of each matrix [..., D, C], its operator norm: real [...]."""
    largest: Tensor = torch.linalg.eigvalsh(gram(matrices))[..., -1]
    # Rounding can leave a matrix of zeros a negative eigenvalue, whose root would be NaN.
    return largest.clamp(min=0).sqrt()
