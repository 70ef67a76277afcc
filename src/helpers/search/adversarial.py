"""What every adversarial search returns."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


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


def collect(
    originals: Tensor, found: Tensor, targets: Tensor, success: Tensor, evaluations: Tensor
) -> Adversarial:
    """An Adversarial from the images `found` where `success`, the originals elsewhere."""
    images = torch.where(success[:, None, None, None], found, originals)
    l2 = torch.where(
        success, (images.double() - originals.double()).flatten(1).norm(dim=1), torch.inf
    )
    pixels = originals[0].numel() if len(originals) else 1
    return Adversarial(images, targets, success, l2, l2 / pixels**0.5, evaluations)


def lead(logits: Tensor, targets: Tensor) -> Tensor:
    """The target's logit minus the largest other one, [b]: positive where the target is the prediction."""
    others = logits.scatter(1, targets[:, None], -torch.inf).amax(dim=1)
    return logits.gather(1, targets[:, None])[:, 0] - others


def join(parts: list[Adversarial]) -> Adversarial:
    """Several results as one."""
    return Adversarial(
        *(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Adversarial))
    )


def take(result: Adversarial, rows: Tensor) -> Adversarial:
    """The rows that an index tensor names."""
    return Adversarial(*(getattr(result, field.name)[rows] for field in fields(Adversarial)))


def replace(result: Adversarial, rows: Tensor, other: Adversarial) -> Adversarial:
    """The result with the rows that an index tensor names taken from another."""
    return Adversarial(
        *(
            getattr(result, field.name).index_copy(0, rows, getattr(other, field.name))
            for field in fields(Adversarial)
        )
    )


def random_targets(
    labels: Tensor, classes: int, generator: torch.Generator | None = None
) -> Tensor:
    """A class other than the label for each image, uniform over the other classes, int64 [N]."""
    if classes < 2:
        raise ValueError(f"classes: need at least 2, got {classes}")
    shift = torch.randint(1, classes, labels.shape, generator=generator).to(labels.device)
    return (labels + shift) % classes
