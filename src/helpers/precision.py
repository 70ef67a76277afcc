"""Half precision, widened: its sums of products overflow, and many of them tie."""

import torch
from torch import Tensor


def wide(values: Tensor) -> Tensor:
    """The values in single precision at least; what is in single or double precision stays so."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
