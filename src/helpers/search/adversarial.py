"""What searches return: the images of a whole search, and the points of one of its parts."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Adversarial:
    """The images that a search found, one for each original.

    Attributes
    ----------
    images : Tensor
        Images [N, C, H, W] in [0, 1]; the original itself where `success` is False.
    targets : Tensor
        The classes searched for, int64 [N].
    success : Tensor
        Whether the image is classified as its target, bool [N].
    l2 : Tensor
        The Euclidean length of the change, float64 [N]; inf without success.
    distortion : Tensor
        The root mean square of the change per pixel, l2 / sqrt(CHW), float64 [N].
    evaluations : Tensor
        The images that went through the network on this image's behalf, with or without a
        gradient, int64 [N].
    """

    images: Tensor
    targets: Tensor
    success: Tensor
    l2: Tensor
    distortion: Tensor
    evaluations: Tensor

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Nearest:
    """Where the search of b images ended, by its own arithmetic: the nearest success of each."""

    x: Tensor  # [b, n], in the box; something else in it where there is no success
    success: Tensor  # bool [b]
    evaluations: Tensor  # int64 [b]


def collect(
    originals: Tensor, found: Tensor, targets: Tensor, success: Tensor, evaluations: Tensor
) -> Adversarial:
    """An Adversarial from the images `found` where `success`, the originals elsewhere."""
    images = torch.where(success[:, None, None, None], found, originals)
    length = (images.double() - originals.double()).flatten(1).norm(dim=1)
    l2 = torch.where(success, length, torch.inf)
    pixels = originals[0].numel() if len(originals) else 1
    return Adversarial(images, targets, success, l2, l2 / pixels**0.5, evaluations)


def lead(logits: Tensor, targets: Tensor) -> Tensor:
    """The target's logit minus the largest other one, [b]: positive where it is the prediction."""
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


def best_of_each(owner: Tensor, l2: Tensor) -> Tensor:
    """The row of each owner's shortest change, [N]; its first one where several are as short.

    owner: int64 [p], in ascending order from 0 to N - 1, each at least once. l2: [p].
    """
    shortest_first = l2.argsort(stable=True)
    # Sorted by owner again, the rows of an owner stand together, still the shortest first.
    order = shortest_first[owner[shortest_first].argsort(stable=True)]
    begins = owner.diff(prepend=owner.new_full((1,), -1)) > 0
    return order[begins]


def random_targets(
    labels: Tensor, classes: int, generator: torch.Generator | None = None
) -> Tensor:
    """A class other than the label for each image, uniform over the other classes, int64 [N]."""
    if classes < 2:
        raise ValueError(f"classes: need at least 2, got {classes}")
    shift = torch.randint(1, classes, labels.shape, generator=generator).to(labels.device)
    return (labels + shift) % classes
