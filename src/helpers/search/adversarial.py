"""What searches return: the images of a whole search, and the points of one of its parts."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from helpers import check


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

    Examples
    --------
    >>> originals, found = torch.zeros(2, 1, 1, 4), torch.full((2, 1, 1, 4), 0.5)
    >>> success = torch.tensor([True, False])
    >>> result = collect(originals, found, torch.tensor([3, 8]), success, torch.tensor([9, 9]))
    >>> len(result), result.l2, result.distortion
    (2, tensor([1., inf], dtype=torch.float64), tensor([0.5000,    inf], dtype=torch.float64))
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


def ordinary(value: Tensor) -> Tensor:
    """The values without their graph, in a tensor that may take part in gradients.

    One that was made in torch.inference_mode() may not; its copy may.
    """
    return value.detach().clone() if value.is_inference() else value.detach()


def check_problem(
    model: nn.Module, images: Tensor, labels: Tensor, targets: Tensor | str
) -> int | None:
    """The number of classes of a search's arguments, once they are in order; none without images.

    Raises ValueError where they are not.
    """
    check.images(images)
    check.full_precision(images)
    check.same_device(images, labels=labels, targets=targets)
    classes = None
    if len(images):
        classes = check.model(model, images)
        check.differentiable(model, images)
    check.labels(labels, len(images), classes)
    check.targets(targets, len(images), classes)
    return classes


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
    """Draw a class other than the label for each image, uniform over the other classes.

    Parameters
    ----------
    labels : Tensor
        The images' classes, int64 [N].
    classes : int
        How many classes there are, at least 2.
    generator : torch.Generator, optional
        Of the draw; torch's own where there is none. A CPU generator gives the same on every
        device.

    Returns
    -------
    Tensor
        Classes, int64 [N].

    Raises
    ------
    ValueError
        For fewer than 2 classes, and for labels that are none of them.

    Examples
    --------
    >>> random_targets(torch.tensor([0, 1, 1]), classes=2)
    tensor([1, 0, 0])
    """
    if classes < 2:
        raise ValueError(f"classes: need at least 2, got {classes}")
    check.labels(labels, len(labels), classes)
    device = generator.device if generator else torch.device("cpu")
    shift = torch.randint(1, classes, labels.shape, generator=generator, device=device)
    return (labels + shift.to(labels.device)) % classes
