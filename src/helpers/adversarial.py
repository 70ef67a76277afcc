"""What every adversarial search returns, and the checks that every search makes at the door."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from helpers import check


@dataclass(frozen=True)
class Adversarial:
    """The images that a search found, one for each original.

    images: [N, C, H, W] in [0, 1]; the original itself where success is False. targets: int64 [N], the classes searched for.
    success: bool [N], whether the image is classified as its target. l2: [N], the Euclidean length of the change, inf without
    success. distortion: [N], the root mean square of the change per pixel, l2 / sqrt(CHW). evaluations: int64 [N], the images
    that went through the network on this image's behalf, with or without a gradient.
    """

    images: Tensor
    targets: Tensor
    success: Tensor
    l2: Tensor
    distortion: Tensor
    evaluations: Tensor

    def __len__(self) -> int:
        return len(self.targets)


def collect(originals: Tensor, found: Tensor, targets: Tensor, success: Tensor, evaluations: Tensor) -> Adversarial:
    """An Adversarial from the images `found` where `success`, the originals elsewhere."""
    images = torch.where(success[:, None, None, None], found, originals)
    l2 = torch.where(success, (images.double() - originals.double()).flatten(1).norm(dim=1), torch.inf)
    pixels = originals[0].numel() if len(originals) else 1
    return Adversarial(images, targets, success, l2, l2 / pixels**0.5, evaluations)


def lead(logits: Tensor, targets: Tensor) -> Tensor:
    """The target's logit minus the largest other one, [b]: positive where the target is the prediction."""
    others = logits.scatter(1, targets[:, None], -torch.inf).amax(dim=1)
    return logits.gather(1, targets[:, None])[:, 0] - others


def model(network: nn.Module, images: Tensor) -> int:
    """The number of classes of a network that can be searched on these images: images [N, C, H, W] to finite logits [N, K].

    Raises ValueError when the network is in training mode, on another device or of another dtype than the images, returns
    another shape, other logits in a second call, or NaN or infinite logits.
    """
    if any(module.training for module in network.modules()):
        raise ValueError("model: need evaluation mode, got a model in training mode; call model.eval()")
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.device != images.device:
            raise ValueError(f"model: need the images' device {images.device}, got {tensor.device}")
        if tensor.is_floating_point() and tensor.dtype != images.dtype:
            raise ValueError(f"model: need the images' dtype {images.dtype}, got {tensor.dtype}")
    with torch.no_grad():
        logits, again = network(images[:64]), network(images[:64])
    if logits.ndim != 2 or len(logits) != len(images[:64]) or logits.shape[1] < 2:
        raise ValueError(f"model: need logits of shape [N, K] with K at least 2, got {list(logits.shape)}")
    if not logits.isfinite().all():
        raise ValueError("model: need finite logits, got NaN or infinity")
    if not torch.equal(logits, again):
        raise ValueError("model: need the same logits for the same images, got others in a second call (a random layer?)")
    return logits.shape[1]


def targets(value: Tensor | str, count: int, classes: int | None) -> None:
    """Raise ValueError unless `value` is "random", "nearest" or an int64 tensor [count] in [0, classes)."""
    if isinstance(value, str):
        check.choice("targets", value, ("random", "nearest"))
    else:
        check.labels(value, count, classes, argument="targets")


def device(images: Tensor, **others: Tensor | str) -> None:
    """Raise ValueError unless the tensors are on the images' device."""
    for argument, value in others.items():
        if isinstance(value, Tensor) and value.device != images.device:
            raise ValueError(f"{argument}: need the images' device {images.device}, got {value.device}")


def join(parts: list[Adversarial]) -> Adversarial:
    """Several results as one."""
    return Adversarial(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Adversarial)))


def take(result: Adversarial, rows: Tensor) -> Adversarial:
    """The rows that an index tensor names."""
    return Adversarial(*(getattr(result, field.name)[rows] for field in fields(Adversarial)))


def replace(result: Adversarial, rows: Tensor, other: Adversarial) -> Adversarial:
    """The result with the rows that an index tensor names taken from another."""
    return Adversarial(*(getattr(result, field.name).index_copy(0, rows, getattr(other, field.name)) for field in fields(Adversarial)))
