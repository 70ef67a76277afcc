"""Checks at the door: each raises a ValueError that names the argument, what was got and what is needed."""

import numbers
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn


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
    if (
        found is None
        or found.type not in available
        or (found.index or 0) >= max(1, torch.cuda.device_count())
    ):
        raise ValueError(
            f"unknown device {name!r}: this machine has {', '.join(['auto', *available])}"
        )
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
        raise ValueError(
            f"{argument}: need shape [{count}], one for each image, got {list(value.shape)}"
        )
    if count and (value.min() < 0 or (classes is not None and value.max() >= classes)):
        upper = "" if classes is None else f" in [0, {classes - 1}]"
        raise ValueError(
            f"{argument}: need class numbers{upper}, got {int(value.min())} to {int(value.max())}"
        )


def model(network: nn.Module, images: Tensor) -> int:
    """The number of classes of a network that can be searched on these images: images [N, C, H, W] to finite logits [N, K].

    Raises ValueError when the network is in training mode, on another device or of another dtype than the images, returns
    another shape, other logits in a second call, or NaN or infinite logits.
    """
    if any(module.training for module in network.modules()):
        raise ValueError(
            "model: need evaluation mode, got a model in training mode; call model.eval()"
        )
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.device != images.device:
            raise ValueError(f"model: need the images' device {images.device}, got {tensor.device}")
        if tensor.is_floating_point() and tensor.dtype != images.dtype:
            raise ValueError(f"model: need the images' dtype {images.dtype}, got {tensor.dtype}")
    with torch.no_grad():
        logits, again = network(images[:64]), network(images[:64])
    if logits.ndim != 2 or len(logits) != len(images[:64]) or logits.shape[1] < 2:
        raise ValueError(
            f"model: need logits of shape [N, K] with K at least 2, got {list(logits.shape)}"
        )
    if not logits.isfinite().all():
        raise ValueError("model: need finite logits, got NaN or infinity")
    if not torch.equal(logits, again):
        raise ValueError(
            "model: need the same logits for the same images, got others in a second call (a random layer?)"
        )
    return logits.shape[1]


def targets(value: Tensor | str, count: int, classes: int | None) -> None:
    """Raise ValueError unless `value` is "random", "nearest" or an int64 tensor [count] in [0, classes)."""
    if isinstance(value, str):
        choice("targets", value, ("random", "nearest"))
    else:
        labels(value, count, classes, argument="targets")


def same_device(images: Tensor, **others: Tensor | str) -> None:
    """Raise ValueError unless the tensors are on the images' device."""
    for argument, value in others.items():
        if isinstance(value, Tensor) and value.device != images.device:
            raise ValueError(
                f"{argument}: need the images' device {images.device}, got {value.device}"
            )


def seed(value: int) -> None:
    """Raise ValueError unless `value` is a whole number that every generator takes: [0, 2**32)."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError(f"seed: need a whole number in [0, {2**32}), got {value!r}")


def count(argument: str, value: object) -> None:
    """Raise ValueError unless `value` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"{argument}: need an integer of at least 1, got {value!r}")


def shape(value: Sequence[int], argument: str = "input_shape") -> None:
    """Raise ValueError unless `value` is the shape of one input: one or more positive integers."""
    if not value or not all(isinstance(size, int) and size > 0 for size in value):
        raise ValueError(f"{argument}: need positive integers, got {tuple(value)}")


def indices(value: Tensor, total: int, argument: str) -> None:
    """Raise ValueError unless `value` is an int64 tensor with values in [0, total)."""
    if not isinstance(value, Tensor) or value.dtype != torch.int64:
        got = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{argument}: need an int64 tensor, got {got}")
    if value.numel() and not (value.min() >= 0 and value.max() < total):
        low, high = (int(bound) for bound in value.aminmax())
        raise ValueError(f"{argument}: need values in [0, {total - 1}], got {low} to {high}")


def matrix(value: Tensor, argument: str, sizes: str = "[N, d]") -> None:
    """Raise ValueError unless `value` is a floating matrix of finite values, of the named shape."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        got = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{argument}: need a floating-point tensor, got {got}")
    if value.ndim != 2:
        raise ValueError(f"{argument}: need shape {sizes}, got {list(value.shape)}")
    if not value.isfinite().all():
        raise ValueError(f"{argument}: need finite values, got some that are not")


def evaluation(network: nn.Module) -> None:
    """Raise ValueError for a module in training mode that computes something else in it."""
    training = {
        type(module).__name__
        for module in network.modules()
        if module.training and _changes(module)
    }
    if training:
        names = ", ".join(sorted(training))
        raise ValueError(f"model: need eval mode, got {names} in training mode; call model.eval()")


def _changes(module: nn.Module) -> bool:
    """Whether a module computes something else in training mode: drops units, or uses the batch."""
    if isinstance(module, nn.modules.instancenorm._InstanceNorm):
        return module.track_running_stats
    if isinstance(module, nn.RNNBase | nn.MultiheadAttention):
        return module.dropout > 0
    drops = isinstance(module, nn.modules.dropout._DropoutNd | nn.RReLU)
    return drops or isinstance(module, nn.modules.batchnorm._BatchNorm)


def output(network: nn.Module, images: Tensor, argument: str = "images") -> object:
    """What a network makes of the first of some images.

    Raises ValueError where it fails on it: naming the model where that is on another device or of
    another dtype than the images, else `argument`.
    """
    try:
        with torch.no_grad():
            return network(images[:1])
    except (torch.OutOfMemoryError, torch.AcceleratorError):
        raise  # of the machine, not of the argument
    except RuntimeError as error:
        for tensor in (*network.parameters(), *network.buffers()):
            for name in ("device", "dtype") if tensor.is_floating_point() else ("device",):
                need, got = getattr(images, name), getattr(tensor, name)
                if got != need:
                    message = f"model: need the images' {name} {need}, got {got}"
                    raise ValueError(message) from error
        got = list(images.shape[1:])
        message = f"{argument}: need a size that fits the model, got {got} ({error})"
        raise ValueError(message) from error


def logits(network: nn.Module, images: Tensor) -> int:
    """The number K of a network's logits, once it takes images [N, C, H, W] to finite ones [N, K].

    Raises ValueError where it returns something else, and as output() does.
    """
    found = output(network, images)
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(images[:1]):
        got = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"model: need logits of shape [N, K], got {got}")
    if not found.isfinite().all():
        raise ValueError("model: need finite logits, got NaN or infinity")
    return found.shape[1]
