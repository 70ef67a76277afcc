"""Perturbations that were not searched for: Gaussian noise, amplification, and directions taken from other perturbations."""

import math

import torch
from torch import Tensor, nn

from helpers import check, transfer

KINDS = ("noise", "shuffled", "signs", "reversed", "borrowed")
BISECTIONS = 50  # enough to halve any bracket down to float64's precision


def gaussian(
    images: Tensor,
    stddev: float,
    generator: torch.Generator,
    clip: bool = True,  # noqa: FBT001, FBT002
) -> Tensor:
    """Images [N, C, H, W] in [0, 1] plus Gaussian noise of standard deviation `stddev` in every pixel, cut off at [0, 1] if `clip`.

    Without the clip the noise's distortion is `stddev`; with it, less. Raises ValueError for images out of range, a negative or
    infinite stddev. The last rows of Tables 2 and 4 of Szegedy et al. (2014), which do not say whether they clip.
    """
    check.images(images)
    _amount("stddev", stddev)
    return _box(images + stddev * _normal(images, generator), clip=clip)


def amplify(
    originals: Tensor,
    distorted: Tensor,
    distortion: float,
    clip: bool = True,  # noqa: FBT001, FBT002
) -> Tensor:
    """The perturbations of `distorted` lengthened, or shortened, to a root mean square of `distortion` per pixel.

    originals, distorted: [N, C, H, W] in [0, 1]. Returns x + distortion sqrt(m) (x' - x) / |x' - x|, m = CHW, cut off at [0, 1]
    if `clip`, which takes some of the distortion back. Raises ValueError for shapes that differ, values out of range, and a
    distorted image that is its original, which has no direction. Section 4.2 of Szegedy et al. (2014) prints it without sqrt(m).
    """
    check.images(originals, "originals")
    check.images(distorted, "distorted")
    _same_shape("distorted", distorted, originals)
    _amount("distortion", distortion)
    change = distorted - originals
    length = _length(change)
    _directed("distorted", length)
    return _box(
        originals + distortion * _pixels(originals) ** 0.5 * change / length[:, None, None, None],
        clip=clip,
    )


def distortion(originals: Tensor, distorted: Tensor) -> Tensor:
    """The root mean square per pixel of each change, [N]; images [N, C, H, W], those distorted also outside [0, 1]."""
    _same_shape("distorted", distorted, originals)
    return _length(distorted - originals).div(_pixels(originals) ** 0.5)


def directions(kind: str, changes: Tensor, generator: torch.Generator) -> Tensor:
    """A direction for each perturbation in `changes`, [N, C, H, W], that shares some of its properties and not the search.

    "noise": Gaussian. "shuffled": the perturbation with its pixels in random order. "signs": with random signs.
    "reversed": its opposite. "borrowed": the perturbation of the image before it, the last one's for the first.
    Raises ValueError for another kind.
    """
    check.choice("kind", kind, KINDS)
    if kind == "noise":
        return _normal(changes, generator)
    if kind == "shuffled":
        order = (
            torch.rand(changes.flatten(1).shape, generator=generator, device=generator.device)
            .argsort(dim=1)
            .to(changes.device)
        )
        return changes.flatten(1).gather(1, order).reshape(changes.shape)
    if kind == "signs":
        return changes * _normal(changes, generator).sign()
    return -changes if kind == "reversed" else changes.roll(1, dims=0)


def aligned(changes: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Orthonormal directions, [N, count, C, H, W], all at one angle to each perturbation in `changes`, [N, C, H, W].

    Their inner product with the perturbation is its length over sqrt(count), the most that `count` orthogonal unit vectors can all
    have; otherwise they are random. Gradient aligned adversarial subspaces of Tramer et al. (2017), lemma 1.
    Raises ValueError for a perturbation that is zero, and for more directions than pixels, or fewer than 1.
    """
    if not 1 <= count <= _pixels(changes):
        raise ValueError(f"count: need 1 to {_pixels(changes)} directions, got {count}")
    _directed("changes", _length(changes))
    first = changes.flatten(1)[:, :, None]
    others = _normal(first.expand(-1, -1, count - 1), generator)
    basis, triangle = torch.linalg.qr(
        torch.cat([first, others], dim=2)
    )  # its first column is the perturbation's, up to the sign
    basis[:, :, 0] *= triangle[:, :1, 0].sign()
    even = torch.full((count,), count**-0.5, dtype=basis.dtype, device=basis.device)
    mirror = even.clone()
    mirror[0] -= 1  # the reflection that takes the first unit vector to `even`
    turned = basis - 2 * (basis @ mirror)[:, :, None] * mirror / mirror.square().sum().clamp(
        min=torch.finfo(basis.dtype).tiny
    )
    return turned.mT.reshape(len(changes), count, *changes.shape[1:])


def at_length(images: Tensor, directions: Tensor, l2: Tensor) -> Tensor:
    """Each image moved along its direction, cut off at [0, 1], until it has moved by exactly l2.

    images, directions: [N, C, H, W], images in [0, 1]. l2: [N], Euclidean lengths; 0 leaves an image where it is. What the cut
    takes away is made up for: the direction is followed further, by bisection. Raises ValueError for lengths that are negative,
    infinite, or longer than the way to the corner of the box that the direction points to.
    """
    check.images(images)
    _same_shape("directions", directions, images)
    if l2.shape != (len(images),) or not (l2.isfinite() & (l2 >= 0)).all():
        raise ValueError(
            f"l2: need {len(images)} finite lengths, at least 0, got shape {list(l2.shape)}"
        )
    x, step, wanted = images.double(), directions.double(), l2.double()
    corner = torch.where(step == 0, x, (step > 0).double())
    if (beyond := _length(corner - x) < wanted).any():
        raise ValueError(
            f"l2: need lengths that the box allows, got {wanted[beyond].max().item():.4g} where it ends at {_length(corner - x)[beyond].min().item():.4g}"
        )
    low = torch.zeros_like(wanted)
    high = (
        wanted / step.abs().flatten(1).masked_fill(step.flatten(1) == 0, torch.inf).amin(dim=1)
    ).clamp(min=1)  # every pixel that moves has moved by l2, or is cut off
    for _ in range(2 * BISECTIONS):
        middle = (low + high) / 2
        short = _length((x + middle[:, None, None, None] * step).clamp(0, 1) - x) < wanted
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    moved = (x + high[:, None, None, None] * step).clamp(0, 1)
    return torch.where((wanted > 0)[:, None, None, None], moved, x).to(images.dtype)


def crossing(
    model: nn.Module, images: Tensor, directions: Tensor, *, limit: float, steps: int = 20
) -> Tensor:
    """How far along its direction each image goes before the model's answer changes, [N]; inf if it has not at length `limit`.

    images, directions: [N, C, H, W]; no box. By bisection: exact, to limit / 2^steps, where the answer changes once at most, as
    for linear classifiers; otherwise one of the lengths at which it changes. Raises ValueError for a direction that is zero.
    """
    check.images(images)
    _same_shape("directions", directions, images)
    _directed("directions", _length(directions))
    unit = directions / _length(directions)[:, None, None, None].to(directions.dtype)
    before = transfer.answers(model, images)

    def changed(length: Tensor) -> Tensor:
        return transfer.answers(model, images + length[:, None, None, None] * unit) != before

    low, high = images.new_zeros(len(images)), images.new_full((len(images),), limit)
    reached = changed(high)
    for _ in range(steps):
        middle = (low + high) / 2
        beyond = changed(middle)
        low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
    return torch.where(reached, high, torch.inf)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal values of a tensor's shape, dtype and device, the same on every device for a CPU generator."""
    return torch.randn(
        like.shape, generator=generator, device=generator.device, dtype=like.dtype
    ).to(like.device)


def _box(images: Tensor, *, clip: bool) -> Tensor:
    return images.clamp(0, 1) if clip else images


def _length(changes: Tensor) -> Tensor:
    """Euclidean lengths, [N]."""
    return changes.flatten(1).square().sum(dim=1).sqrt()


def _pixels(images: Tensor) -> int:
    """CHW."""
    return math.prod(images.shape[1:])


def _amount(argument: str, value: float) -> None:
    if not 0 <= value < math.inf:  # NaN fails, too
        raise ValueError(f"{argument}: need a finite number, at least 0, got {value}")


def _same_shape(argument: str, value: Tensor, images: Tensor) -> None:
    if value.shape != images.shape:
        raise ValueError(
            f"{argument}: need the images' shape {list(images.shape)}, got {list(value.shape)}"
        )


def _directed(argument: str, lengths: Tensor) -> None:
    if (zero := (lengths == 0).nonzero().flatten()).numel():
        raise ValueError(
            f"{argument}: need changes other than zero, got {zero.numel()} that are zero, the first in row {zero[0].item()}"
        )
