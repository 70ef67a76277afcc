"""Checks at the door.

Each raises a ValueError that names the argument, what was got and what is needed.
"""

import numbers
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

SAMPLE = 64  # images on which a network is tried


def choice(argument: str, value: object, choices: Iterable[str]) -> None:
    """Refuse a value that is none of the choices.

    Parameters
    ----------
    argument : str
        The argument's name, for the message.
    value : object
        What was given.
    choices : iterable of str
        What may be given.

    Raises
    ------
    ValueError
        With the choices.

    Examples
    --------
    >>> choice("kind", "signs", ("noise", "signs"))
    >>> choice("kind", "rotated", ("noise", "signs"))
    Traceback (most recent call last):
    ValueError: unknown kind 'rotated': choose one of noise, signs
    """
    names = list(choices)
    if value not in names:
        raise ValueError(f"unknown {argument} {value!r}: choose one of {', '.join(names)}")


def device(name: str) -> torch.device:
    """Find a torch device by its name.

    Parameters
    ----------
    name : str
        As torch has it; "auto" is the GPU where there is one, else the CPU.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        When the device is unknown or not on this machine.

    Examples
    --------
    >>> device("cpu")
    device(type='cpu')
    """
    available = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
    if name == "auto":
        return torch.device(available[-1])
    try:
        found = torch.device(name)
    except (RuntimeError, TypeError):
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
    """Refuse anything but a batch of images in [0, 1].

    Parameters
    ----------
    value : Tensor
        Should be floating-point, [N, C, H, W], finite and in [0, 1]; N may be 0.
    argument : str
        The argument's name, for the message.

    Raises
    ------
    ValueError
        For another type, shape or range.

    Examples
    --------
    >>> images(torch.rand(5, 1, 28, 28))
    >>> images(torch.full((5, 1, 28, 28), 255.0))
    Traceback (most recent call last):
    ValueError: images: need values in [0, 1], got [255, 255]
    """
    _shaped(value, argument)
    if value.numel() == 0:
        return
    low, high = (bound.item() for bound in value.aminmax())
    if not (low >= 0 and high <= 1):  # NaN fails both comparisons
        raise ValueError(f"{argument}: need values in [0, 1], got [{low:.4g}, {high:.4g}]")


def labels(value: Tensor, count: int, classes: int | None = None, argument: str = "labels") -> None:
    """Refuse anything but a class for each image.

    Parameters
    ----------
    value : Tensor
        Should be int64 [count], with values in [0, classes).
    count : int
        How many images there are.
    classes : int, optional
        How many classes there are; where it is not known, only negative values are refused.
    argument : str
        The argument's name, for the message.

    Raises
    ------
    ValueError
        For another type, shape or range.

    Examples
    --------
    >>> labels(torch.tensor([0, 9]), count=2, classes=10)
    >>> labels(torch.tensor([1, 10]), count=2, classes=10)
    Traceback (most recent call last):
    ValueError: labels: need class numbers in [0, 9], got 1 to 10
    """
    if not isinstance(value, Tensor) or value.dtype != torch.int64:
        raise ValueError(f"{argument}: need an int64 tensor, got {_type(value)}")
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
    """Refuse a network that does not classify these images, always in the same way.

    Parameters
    ----------
    network : nn.Module
        Should take images [N, C, H, W] to finite logits [N, K], K at least 2, the same in a second
        call, in evaluation mode, of the images' dtype and on their device.
    images : Tensor
        Images [N, C, H, W], of which the first 64 are tried.

    Returns
    -------
    int
        The number of classes, K.

    Raises
    ------
    ValueError
        For a network that does not.

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Dropout())
    >>> model(network.eval(), torch.rand(5, 1, 2, 2))
    3
    >>> model(network.train(), torch.rand(5, 1, 2, 2))
    Traceback (most recent call last):
    ValueError: model: need evaluation mode, got a model in training mode; call model.eval()
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
    found, again = (_logits(network, images[:SAMPLE]) for _ in range(2))
    if found.shape[1] < 2:
        raise ValueError(
            f"model: need logits of shape [N, K] with K at least 2, got {list(found.shape)}"
        )
    if not torch.equal(found, again):
        raise ValueError(
            "model: need the same logits for the same images, "
            "got others in a second call (a random layer?)"
        )
    return found.shape[1]


def targets(value: Tensor | str, count: int, classes: int | None) -> None:
    """Refuse anything but the targets of a search.

    Parameters
    ----------
    value : Tensor or str
        Should be "random", "nearest" or int64 [count] in [0, classes).
    count : int
        How many images there are.
    classes : int, optional
        How many classes there are, where it is known.

    Raises
    ------
    ValueError
        For another word, type, shape or range.

    Examples
    --------
    >>> targets("nearest", count=2, classes=10)
    >>> targets("farthest", count=2, classes=10)
    Traceback (most recent call last):
    ValueError: unknown targets 'farthest': choose one of random, nearest
    """
    if isinstance(value, str):
        choice("targets", value, ("random", "nearest"))
    else:
        labels(value, count, classes, argument="targets")


def same_device(images: Tensor, **others: object) -> None:
    """Refuse tensors that are on another device than the images.

    Parameters
    ----------
    images : Tensor
        The images.
    **others : object
        What else was given, by the argument's name; what is no tensor is on every device.

    Raises
    ------
    ValueError
        For the first one that is elsewhere.

    Examples
    --------
    >>> same_device(torch.rand(1), labels=torch.zeros(1), targets="random")
    >>> same_device(torch.rand(1), labels=torch.zeros(1, device="meta"))
    Traceback (most recent call last):
    ValueError: labels: need the images' device cpu, got meta
    """
    for argument, value in others.items():
        if isinstance(value, Tensor) and value.device != images.device:
            raise ValueError(
                f"{argument}: need the images' device {images.device}, got {value.device}"
            )


def seed(value: int) -> None:
    """Refuse a seed that some generator does not take.

    Parameters
    ----------
    value : int
        Should be a whole number in [0, 2**32).

    Raises
    ------
    ValueError
        For another one.

    Examples
    --------
    >>> seed(0)
    >>> seed(-1)
    Traceback (most recent call last):
    ValueError: seed: need a whole number in [0, 4294967296), got -1
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError(f"seed: need a whole number in [0, {2**32}), got {value!r}")


def count(argument: str, value: object) -> None:
    """Refuse anything but an integer of at least 1.

    Parameters
    ----------
    argument : str
        The argument's name, for the message.
    value : object
        Should be an integer of at least 1.

    Raises
    ------
    ValueError
        For anything else.

    Examples
    --------
    >>> count("batch_size", 16)
    >>> count("batch_size", 0)
    Traceback (most recent call last):
    ValueError: batch_size: need an integer of at least 1, got 0
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"{argument}: need an integer of at least 1, got {value!r}")


def shape(value: Sequence[int], argument: str = "input_shape") -> None:
    """Refuse anything but the shape of one input.

    Parameters
    ----------
    value : sequence of int
        Should be one or more positive integers.
    argument : str
        The argument's name, for the message.

    Raises
    ------
    ValueError
        For anything else.

    Examples
    --------
    >>> shape((1, 28, 28))
    >>> shape((1, 28, 0))
    Traceback (most recent call last):
    ValueError: input_shape: need positive integers, got (1, 28, 0)
    """
    if not value or not all(isinstance(size, int) and size > 0 for size in value):
        raise ValueError(f"{argument}: need positive integers, got {tuple(value)}")


def indices(value: Tensor, total: int, argument: str) -> None:
    """Refuse anything but indices of so many things.

    Parameters
    ----------
    value : Tensor
        Should be int64, of any shape, with values in [0, total).
    total : int
        How many things there are.
    argument : str
        The argument's name, for the message.

    Raises
    ------
    ValueError
        For another type or range.

    Examples
    --------
    >>> indices(torch.tensor([[0, 1], [2, 0]]), total=3, argument="rows")
    >>> indices(torch.tensor([3]), total=3, argument="rows")
    Traceback (most recent call last):
    ValueError: rows: need values in [0, 2], got 3 to 3
    """
    if not isinstance(value, Tensor) or value.dtype != torch.int64:
        raise ValueError(f"{argument}: need an int64 tensor, got {_type(value)}")
    if value.numel() and not (value.min() >= 0 and value.max() < total):
        low, high = (int(bound) for bound in value.aminmax())
        raise ValueError(f"{argument}: need values in [0, {total - 1}], got {low} to {high}")


def matrix(value: Tensor, argument: str, sizes: str = "[N, d]") -> None:
    """Refuse anything but a matrix of finite numbers.

    Parameters
    ----------
    value : Tensor
        Should be floating-point, of two dimensions, and finite.
    argument : str
        The argument's name, for the message.
    sizes : str
        What its dimensions are called, for the message.

    Raises
    ------
    ValueError
        For another type or shape, and for NaN or infinity.

    Examples
    --------
    >>> matrix(torch.rand(5, 2), "features")
    >>> matrix(torch.rand(5), "features")
    Traceback (most recent call last):
    ValueError: features: need shape [N, d], got [5]
    """
    _shaped(value, argument, sizes)
    if not value.isfinite().all():
        raise ValueError(f"{argument}: need finite values, got some that are not")


def evaluation(network: nn.Module) -> None:
    """Refuse a module in training mode that computes something else in it.

    Parameters
    ----------
    network : nn.Module
        Any network.

    Raises
    ------
    ValueError
        For a network with such modules, which are named.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    >>> evaluation(network.eval())
    >>> evaluation(network.train())
    Traceback (most recent call last):
    ValueError: model: need eval mode, got Dropout in training mode; call model.eval()
    """
    training = {
        type(module).__name__
        for module in network.modules()
        if module.training and _changes(module)
    }
    if training:
        names = ", ".join(sorted(training))
        raise ValueError(f"model: need eval mode, got {names} in training mode; call model.eval()")


def output(network: nn.Module, images: Tensor, argument: str = "images", most: int = 1) -> object:
    """Find what a network makes of the first of some images.

    Parameters
    ----------
    network : nn.Module
        Any network.
    images : Tensor
        Its inputs, [N, ...].
    argument : str
        The name of the argument that says which inputs, for the message.
    most : int
        How many of them are tried.

    Returns
    -------
    object
        Whatever the network returns.

    Raises
    ------
    ValueError
        Where the network fails: naming the model where that is on another device or of another
        dtype than the images, else `argument`.

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    >>> output(network, torch.rand(5, 1, 2, 2)).shape
    torch.Size([1, 3])
    >>> output(network, torch.rand(5, 1, 2, 3))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: images: need a size that fits the model, got [1, 2, 3] (...)
    """
    try:
        with torch.no_grad():
            return network(images[:most])
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
    """Refuse a network that does not take the first image to finite logits.

    Parameters
    ----------
    network : nn.Module
        Should take images [N, C, H, W] to finite logits [N, K].
    images : Tensor
        Images [N, C, H, W].

    Returns
    -------
    int
        The number of logits, K.

    Raises
    ------
    ValueError
        Where it returns something else, and as `output` does.

    Examples
    --------
    >>> logits(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.rand(5, 1, 2, 2))
    3
    >>> logits(nn.Flatten(0), torch.rand(5, 1, 2, 2))
    Traceback (most recent call last):
    ValueError: model: need logits of shape [N, K], got [4]
    """
    return _logits(network, images[:1]).shape[1]


def batch(value: Tensor, argument: str) -> None:
    """Refuse anything but a batch of changes: of images' shape, finite, in whatever range.

    Parameters
    ----------
    value : Tensor
        Should be floating-point, [N, C, H, W] and finite; N may be 0.
    argument : str
        The argument's name, for the message.

    Raises
    ------
    ValueError
        For another type or shape, and for NaN or infinity.

    Examples
    --------
    >>> batch(torch.full((5, 1, 28, 28), -3.0), "changes")
    >>> batch(torch.full((5, 1, 28, 28), torch.inf), "changes")
    Traceback (most recent call last):
    ValueError: changes: need finite values, got some that are not
    """
    _shaped(value, argument)
    if not value.isfinite().all():
        raise ValueError(f"{argument}: need finite values, got some that are not")


def full_precision(value: Tensor, argument: str = "images") -> None:
    """Refuse half precision, in which a minimum is not to be found.

    Parameters
    ----------
    value : Tensor
        Should be float32 or float64.
    argument : str
        The argument's name, for the message.

    Raises
    ------
    ValueError
        For another type.

    Examples
    --------
    >>> full_precision(torch.rand(2))
    >>> full_precision(torch.rand(2).half())
    Traceback (most recent call last):
    ValueError: images: need float32 or float64, got torch.float16
    """
    if value.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"{argument}: need float32 or float64, got {value.dtype}")


def differentiable(network: nn.Module, images: Tensor) -> None:
    """Refuse a network whose logits have no gradient that autograd can find.

    Parameters
    ----------
    network : nn.Module
        Should take images [N, C, H, W] to logits [N, K].
    images : Tensor
        Images [N, C, H, W], of which the first is tried.

    Raises
    ------
    ValueError
        For a network that detaches its images or rounds them to classes, for one whose parameters
        were made in torch.inference_mode(), and within that mode.

    Examples
    --------
    >>> class Detached(nn.Linear):
    ...     def forward(self, x):
    ...         return super().forward(x.detach())
    >>> differentiable(nn.Linear(2, 2), torch.rand(1, 1, 1, 2))
    >>> differentiable(Detached(2, 2), torch.rand(1, 1, 1, 2))
    Traceback (most recent call last):
    ValueError: model: need logits that autograd can differentiate, got none that are
    """
    if any(tensor.is_inference() for tensor in (*network.parameters(), *network.buffers())):
        raise ValueError(
            "model: need parameters that were made outside torch.inference_mode(), "
            "got some that were made in it"
        )
    with torch.enable_grad():
        point = images[:1].detach().clone().requires_grad_()
        found = network(point)
        slope = None
        if found.requires_grad:
            # A network may detach the images and yet have parameters that need gradients.
            (slope,) = torch.autograd.grad(found.sum(), point, allow_unused=True)
    if slope is None:
        raise ValueError("model: need logits that autograd can differentiate, got none that are")


def _shaped(value: Tensor, argument: str, sizes: str = "[N, C, H, W]") -> None:
    """Raise ValueError unless `value` is a floating tensor with dimensions of these names."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise ValueError(f"{argument}: need a floating-point tensor, got {_type(value)}")
    if value.ndim != sizes.count(",") + 1:
        raise ValueError(f"{argument}: need shape {sizes}, got {list(value.shape)}")


def _type(value: object) -> object:
    """What was got in the place of a tensor of another type."""
    return value.dtype if isinstance(value, Tensor) else type(value).__name__


def _logits(network: nn.Module, images: Tensor) -> Tensor:
    """The network's logits, [N, K], once they are in order."""
    found = output(network, images, most=len(images))
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(images):
        got = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"model: need logits of shape [N, K], got {got}")
    if not found.isfinite().all():
        raise ValueError("model: need finite logits, got NaN or infinity")
    return found


def _changes(module: nn.Module) -> bool:
    """Whether a module computes something else in training mode: drops units, or uses the batch."""
    if isinstance(module, nn.modules.instancenorm._InstanceNorm):
        return module.track_running_stats
    if isinstance(module, nn.RNNBase | nn.MultiheadAttention):
        return module.dropout > 0
    drops = isinstance(module, nn.modules.dropout._DropoutNd | nn.RReLU)
    return drops or isinstance(module, nn.modules.batchnorm._BatchNorm)
