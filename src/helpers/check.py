"""Checks at the door: each raises a ValueError that names the argument, what was got and what is needed."""

from collections.abc import Iterable

import torch
from torch import Tensor


def choice(argument: str, value: object, choices: Iterable[str]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    names = list(choices)
    if value not in names:
        raise ValueError(f"unknown {argument} {value!r}: choose one of {', '.join(names)}")


def device(name: str) -> torch.device:
    """The torch device called `name`; "auto" is the GPU where there is one, else the CPU.

    Raises ValueError when the device is unknown or not on this machine.
    """
    available = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
    if name == "auto":
        return torch.device(available[-1])
    try:
        found = torch.device(name)
    except RuntimeError:
        found = None
    if found is None or found.type not in available or (found.index or 0) >= max(1, torch.cuda.device_count()):
        raise ValueError(f"unknown device {name!r}: this machine has {', '.join(['auto', *available])}")
    return found


def images(value: Tensor, argument: str = "images") -> None:
    """Raise ValueError unless `value` is a floating tensor [N, C, H, W], finite and in [0, 1]."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        got = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{argument}: need a floating-point tensor, got {got}")
    if value.ndim != 4:
        raise ValueError(f"{argument}: need shape [N, C, H, W], got {list(value.shape)}")
    if value.numel() == 0:
        return
    low, high = (bound.item() for bound in value.aminmax())
    if not (low >= 0 and high <= 1):  # NaN fails both comparisons
        raise ValueError(f"{argument}: need values in [0, 1], got [{low:.4g}, {high:.4g}]")


def labels(value: Tensor, count: int, classes: int | None = None, argument: str = "labels") -> None:
    """Raise ValueError unless `value` is an int64 tensor [count] with values in [0, classes)."""
    if not isinstance(value, Tensor) or value.dtype != torch.int64:
        got = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{argument}: need an int64 tensor, got {got}")
    if value.shape != (count,):
        raise ValueError(f"{argument}: need shape [{count}], one for each image, got {list(value.shape)}")
    if count and (value.min() < 0 or (classes is not None and value.max() >= classes)):
        upper = "" if classes is None else f" in [0, {classes - 1}]"
        raise ValueError(f"{argument}: need class numbers{upper}, got {int(value.min())} to {int(value.max())}")
