"""Perturbations that were not searched for.

Gaussian noise, amplification, and directions taken from other perturbations.
"""

import math

import torch
from torch import Tensor, nn

from helpers import check, transfer
from helpers.precision import wide

KINDS = ("noise", "shuffled", "signs", "reversed", "borrowed")


def gaussian(
    images: Tensor,
    stddev: float,
    generator: torch.Generator,
    clip: bool = True,  # noqa: FBT001, FBT002
) -> Tensor:
    """Add Gaussian noise to images.

    Without the clip the noise's distortion is `stddev`; with it, less. These are the last rows of
    Tables 2 and 4 of Szegedy et al. (2014), which do not say whether they clip.

    Parameters
    ----------
    images : Tensor
        Images [N, C, H, W] in [0, 1].
    stddev : float
        The noise's standard deviation in every pixel, at least 0.
    generator : torch.Generator
        Of the noise: a CPU generator gives the same on every device.
    clip : bool
        Whether the result is cut off at [0, 1].

    Returns
    -------
    Tensor
        Images [N, C, H, W], in [0, 1] if `clip`.

    Raises
    ------
    ValueError
        For images out of range and a negative or infinite stddev.

    Examples
    --------
    >>> images = torch.full((1, 1, 100, 100), 0.5)
    >>> noisy = gaussian(images, 0.1, torch.Generator().manual_seed(0), clip=False)
    >>> round((noisy - images).std().item(), 2)
    0.1
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
    """Lengthen, or shorten, perturbations to one distortion.

    The result is ``x + distortion sqrt(m) (x' - x) / |x' - x|``, where m = CHW. Section 4.2 of
    Szegedy et al. (2014) prints it without ``sqrt(m)``.

    Parameters
    ----------
    originals : Tensor
        Images x, [N, C, H, W] in [0, 1].
    distorted : Tensor
        The same, perturbed: images x', [N, C, H, W] in [0, 1].
    distortion : float
        The root mean square of the new perturbations per pixel, at least 0.
    clip : bool
        Whether the result is cut off at [0, 1], which takes some of the distortion back.

    Returns
    -------
    Tensor
        Images [N, C, H, W], in [0, 1] if `clip`.

    Raises
    ------
    ValueError
        For shapes that differ, values out of range, and a distorted image that is its original,
        which has no direction.

    Examples
    --------
    >>> originals = torch.full((1, 1, 1, 2), 0.5)
    >>> distorted = torch.tensor([0.6, 0.4]).view(1, 1, 1, 2)
    >>> amplify(originals, distorted, 0.25).flatten()
    tensor([0.7500, 0.2500])
    """
    check.images(originals, "originals")
    _alike("distorted", distorted, originals)
    check.images(distorted, "distorted")
    _amount("distortion", distortion)
    change = _change(originals, distorted)
    length = _length(change)
    _directed("distorted", length)
    factor = distortion * _pixels(originals) ** 0.5
    moved = originals + factor * change / length[:, None, None, None]
    return _box(moved.to(torch.result_type(originals, distorted)), clip=clip)


def distortion(originals: Tensor, distorted: Tensor) -> Tensor:
    """Measure the root mean square per pixel of each change.

    Parameters
    ----------
    originals : Tensor
        Images [N, C, H, W].
    distorted : Tensor
        The same, perturbed: [N, C, H, W], also outside [0, 1].

    Returns
    -------
    Tensor
        One distortion for each image, [N], float32 or float64.

    Raises
    ------
    ValueError
        For shapes that differ, and values that are not finite floating-point numbers.

    Examples
    --------
    >>> originals = torch.zeros(2, 1, 2, 2)
    >>> distorted = originals.clone()
    >>> distorted[0] = 0.5
    >>> distorted[1, 0, 0, 0] = 1.0
    >>> distortion(originals, distorted)
    tensor([0.5000, 0.5000])
    """
    check.batch(originals, "originals")
    _alike("distorted", distorted, originals)
    return _length(_change(originals, distorted)).div(_pixels(originals) ** 0.5)


def directions(kind: str, changes: Tensor, generator: torch.Generator) -> Tensor:
    """Make a direction of each perturbation that shares some of its properties and not the search.

    Parameters
    ----------
    kind : str
        "noise": Gaussian. "shuffled": the perturbation with its pixels in random order. "signs":
        with random signs. "reversed": its opposite. "borrowed": the perturbation of the image
        before it, the last one's for the first.
    changes : Tensor
        The perturbations, [N, C, H, W].
    generator : torch.Generator
        Of the noise, the order and the signs: a CPU generator gives the same on every device.

    Returns
    -------
    Tensor
        The directions, [N, C, H, W], of no particular length.

    Raises
    ------
    ValueError
        For another kind, and changes that are not finite floating-point numbers.

    Examples
    --------
    >>> changes = torch.tensor([[1.0, -2.0], [3.0, 4.0]]).view(2, 1, 1, 2)
    >>> directions("borrowed", changes, torch.Generator()).flatten(1)
    tensor([[ 3.,  4.],
            [ 1., -2.]])
    >>> directions("shuffled", changes, torch.Generator()).flatten(1).sort(dim=1).values
    tensor([[-2.,  1.],
            [ 3.,  4.]])
    """
    check.choice("kind", kind, KINDS)
    check.batch(changes, "changes")
    if kind == "noise":
        return _normal(changes, generator)
    if kind == "shuffled":
        # Sorting random numbers gives each image an order of its own.
        numbers = torch.rand(changes.flatten(1).shape, generator=generator, device=generator.device)
        order = numbers.argsort(dim=1).to(changes.device)
        return changes.flatten(1).gather(1, order).reshape(changes.shape)
    if kind == "signs":
        return changes * _normal(changes, generator).sign()
    return -changes if kind == "reversed" else changes.roll(1, dims=0)


def aligned(changes: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw orthonormal directions that are all at one angle to each perturbation.

    Their inner product with the perturbation is its length over sqrt(count), the most that `count`
    orthogonal unit vectors can all have; otherwise they are random. Gradient aligned adversarial
    subspaces of Tramer et al. (2017), lemma 1.

    Parameters
    ----------
    changes : Tensor
        The perturbations, [N, C, H, W], none of them zero.
    count : int
        How many directions for each, from 1 to CHW.
    generator : torch.Generator
        Of the random part: a CPU generator gives the same on every device.

    Returns
    -------
    Tensor
        The directions, [N, count, C, H, W].

    Raises
    ------
    ValueError
        For a perturbation that is zero or not finite, and for more directions than pixels, or fewer
        than 1.

    Examples
    --------
    >>> change = torch.tensor([3.0, 4.0]).view(1, 1, 1, 2)
    >>> basis = aligned(change, 2, torch.Generator().manual_seed(0)).flatten(2)[0]
    >>> torch.allclose(basis @ basis.T, torch.eye(2), atol=1e-6)
    True
    >>> basis @ change.flatten()
    tensor([3.5355, 3.5355])
    """
    check.batch(changes, "changes")
    if count not in range(1, _pixels(changes) + 1):
        raise ValueError(f"count: need 1 to {_pixels(changes)} directions, got {count}")
    _directed("changes", _length(changes))
    first = wide(changes).flatten(1)[:, :, None]
    others = _normal(first.expand(-1, -1, count - 1), generator)
    # A basis whose first column is the perturbation's direction, up to its sign.
    basis, triangle = torch.linalg.qr(torch.cat([first, others], dim=2))
    basis[:, :, 0] *= triangle[:, :1, 0].sign()
    # The reflection of that basis that takes its first unit vector to the one with equal entries:
    # it leaves the columns orthonormal, and all of them at one angle to the perturbation.
    mirror = torch.full((count,), count**-0.5, dtype=basis.dtype, device=basis.device)
    mirror[0] -= 1
    # With one direction there is nothing to reflect: the mirror is zero.
    square = mirror.square().sum().clamp(min=torch.finfo(basis.dtype).tiny)
    turned = basis - 2 * (basis @ mirror)[:, :, None] * mirror / square
    return turned.mT.reshape(len(changes), count, *changes.shape[1:]).to(changes.dtype)


def at_length(images: Tensor, directions: Tensor, l2: Tensor) -> Tensor:
    """Move each image along its direction, within [0, 1], until it has moved by exactly l2.

    What the cut at [0, 1] takes away is made up for: the direction is followed further, by
    bisection in float64.

    Parameters
    ----------
    images : Tensor
        Images [N, C, H, W] in [0, 1].
    directions : Tensor
        The directions, [N, C, H, W], of any length.
    l2 : Tensor
        Euclidean lengths, [N]; 0 leaves an image where it is.

    Returns
    -------
    Tensor
        Images [N, C, H, W] in [0, 1], of the images' dtype.

    Raises
    ------
    ValueError
        For images out of range, directions that are not finite, and lengths that are negative,
        infinite, or longer than the way to the corner of the box that the direction points to.

    Examples
    --------
    The second pixel reaches the box's side; the first goes further in its place.

    >>> images = torch.tensor([0.0, 0.75]).view(1, 1, 1, 2)
    >>> moved = at_length(images, torch.ones(1, 1, 1, 2), torch.tensor([0.65]))
    >>> moved.flatten()
    tensor([0.6000, 1.0000])
    """
    check.images(images)
    _alike("directions", directions, images)
    _lengths("l2", l2, images)
    x, step, wanted = images.double(), directions.double(), l2.double()
    # The corner of the box is where the direction leads to, followed far enough.
    corner = torch.where(step == 0, x, (step > 0).double())
    if (beyond := _length(corner - x) < wanted).any():
        raise ValueError(
            f"l2: need lengths that the box allows, got {wanted[beyond].max().item():.4g} "
            f"where it ends at {_length(corner - x)[beyond].min().item():.4g}"
        )

    def moved(scale: Tensor) -> Tensor:
        return (x + scale[:, None, None, None] * step).clamp(0, 1)

    # Far enough is where every pixel that moves has moved by l2, or is cut off.
    slowest = step.abs().flatten(1).masked_fill(step.flatten(1) == 0, torch.inf).amin(dim=1)
    low = torch.zeros_like(wanted)
    high = (wanted / slowest).clamp(min=1, max=torch.finfo(wanted.dtype).max)
    middle = (low + high) / 2
    while ((low < middle) & (middle < high) & (wanted > 0)).any():  # as far as float64 can halve
        short = _length(moved(middle) - x) < wanted
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
        middle = (low + high) / 2
    return torch.where((wanted > 0)[:, None, None, None], moved(high), x).to(images.dtype)


def crossing(
    model: nn.Module, images: Tensor, directions: Tensor, *, limit: float, steps: int = 20
) -> Tensor:
    """Measure how far along its direction each image goes before the model's answer changes.

    By bisection: exact, to limit / 2^steps, where the answer changes once at most, as for linear
    classifiers; otherwise one of the lengths at which it changes. There is no box.

    Parameters
    ----------
    model : nn.Module
        Images to logits [N, K], in evaluation mode, of the images' dtype and on their device.
    images : Tensor
        Images [N, C, H, W] in [0, 1].
    directions : Tensor
        The directions, [N, C, H, W], of any length but zero.
    limit : float
        The length at which the search ends, above 0.
    steps : int
        How often the bracket is halved, at least 1.

    Returns
    -------
    Tensor
        Euclidean lengths, [N]; inf where the answer at length `limit` is that of the image.

    Raises
    ------
    ValueError
        For images out of range, a direction that is zero or not finite, a limit that is not a
        finite length, no steps, and a model that is in training mode, random, or returns NaN.

    Examples
    --------
    The model says 1 where the left pixel is lighter than the right one:

    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False)).eval()
    >>> _ = model[1].weight.data.copy_(torch.tensor([[-1.0, 1.0], [1.0, -1.0]]))
    >>> images = torch.tensor([0.25, 0.75]).view(1, 1, 1, 2).expand(2, -1, -1, -1)
    >>> directions = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).view(2, 1, 1, 2)
    >>> crossing(model, images, directions, limit=2.0)
    tensor([0.5000,    inf])
    """
    check.images(images)
    _alike("directions", directions, images)
    _directed("directions", _length(directions))
    if not 0 < limit < math.inf:  # NaN fails, too
        raise ValueError(f"limit: need a finite length above 0, got {limit}")
    check.count("steps", steps)
    if len(images):
        check.model(model, images)
    unit = wide(directions) / _length(directions)[:, None, None, None]
    before = transfer.answers(model, images)

    def changed(length: Tensor) -> Tensor:
        moved = (images + length[:, None, None, None] * unit).to(images.dtype)
        return transfer.answers(model, moved) != before

    low = torch.zeros(len(images), dtype=wide(images).dtype, device=images.device)
    high = torch.full_like(low, limit)
    reached = changed(high)
    for _ in range(steps):
        middle = (low + high) / 2
        beyond = changed(middle)
        low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
    return torch.where(reached, high, torch.inf)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal values of a tensor's shape, dtype and device.

    They are the same on every device for a CPU generator.
    """
    values = torch.randn(like.shape, generator=generator, device=generator.device, dtype=like.dtype)
    return values.to(like.device)


def _box(images: Tensor, *, clip: bool) -> Tensor:
    """The images, cut off at [0, 1] if `clip`."""
    return images.clamp(0, 1) if clip else images


def _change(originals: Tensor, distorted: Tensor) -> Tensor:
    """The perturbations, in float32 at least."""
    return wide(distorted) - wide(originals)


def _length(changes: Tensor) -> Tensor:
    """Euclidean lengths, [N], in float32 at least."""
    return wide(changes).flatten(1).square().sum(dim=1).sqrt()


def _pixels(images: Tensor) -> int:
    """CHW."""
    return math.prod(images.shape[1:])


def _amount(argument: str, value: float) -> None:
    """Raise ValueError unless `value` is a finite number, at least 0."""
    if not 0 <= value < math.inf:  # NaN fails, too
        raise ValueError(f"{argument}: need a finite number, at least 0, got {value}")


def _lengths(argument: str, value: Tensor, images: Tensor) -> None:
    """Raise ValueError unless `value` is a finite length for each image, on the images' device."""
    if not isinstance(value, Tensor) or value.shape != (len(images),):
        got = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{argument}: need a tensor of {len(images)} lengths, got {got}")
    check.same_device(images, **{argument: value})
    if (wrong := ~(value.isfinite() & (value >= 0))).any():
        raise ValueError(
            f"{argument}: need finite lengths, at least 0, got {value[wrong][0].item()}"
        )


def _alike(argument: str, value: Tensor, images: Tensor) -> None:
    """Raise ValueError unless `value` is finite, of the images' shape and on their device."""
    check.same_device(images, **{argument: value})
    check.batch(value, argument)
    if value.shape != images.shape:
        raise ValueError(
            f"{argument}: need the images' shape {list(images.shape)}, got {list(value.shape)}"
        )


def _directed(argument: str, lengths: Tensor) -> None:
    """Raise ValueError for lengths that are zero, or so large that they overflow."""
    if not lengths.isfinite().all():
        raise ValueError(f"{argument}: need changes of finite length, got some that overflow")
    if (zero := (lengths == 0).nonzero().flatten()).numel():
        raise ValueError(
            f"{argument}: need changes other than zero, got {zero.numel()} that are zero, "
            f"the first in row {zero[0].item()}"
        )
