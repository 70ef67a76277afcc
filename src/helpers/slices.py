"""Slices: what a network answers in a plane through an image, where two directions can be seen."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import check

BATCH = 1024  # points of the plane at a time
PARALLEL = 1e-6  # a second direction with less of its length beside the first one spans no plane


@dataclass(frozen=True)
class Plane:
    """A plane through an image, with its origin there and two unit directions at a right angle.

    Attributes
    ----------
    image : Tensor
        The origin, [C, H, W] in [0, 1].
    across, upwards : Tensor
        float64 [C, H, W], each of length 1 and orthogonal to the other, so that lengths in the
        plane are lengths between images.

    Examples
    --------
    >>> image = torch.full((1, 1, 3), 0.5)
    >>> plane = through(image, torch.tensor([[[0.9, 0.5, 0.5]]]), torch.tensor([[[1.0, 2.0, 0.0]]]))
    >>> plane.across.flatten().tolist(), plane.upwards.flatten().tolist()
    ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    """

    image: Tensor
    across: Tensor
    upwards: Tensor

    def point(self, across: Tensor, upwards: Tensor) -> Tensor:
        """The points with these coordinates, which may lie outside the box.

        Parameters
        ----------
        across, upwards : Tensor
            Coordinates [N], in units of l2.

        Returns
        -------
        Tensor
            float64 [N, C, H, W].

        Examples
        --------
        >>> image = torch.full((1, 1, 2), 0.5)
        >>> plane = through(image, torch.tensor([[[0.9, 0.5]]]), torch.tensor([[[0.0, 1.0]]]))
        >>> plane.point(torch.tensor([0.25]), torch.tensor([-1.0])).flatten().tolist()
        [0.75, -0.5]
        """
        steps = (
            number.to(self.across)[:, None, None, None] * direction
            for number, direction in ((across, self.across), (upwards, self.upwards))
        )
        return self.image.double() + sum(steps, torch.zeros_like(self.across))


@dataclass(frozen=True)
class Slice:
    """What a network answers on a square grid of points of a plane, each cut to the box.

    Attributes
    ----------
    coordinates : Tensor
        float64 [n], from -reach to reach, in units of l2: the same for both directions.
    answers : Tensor
        int64 [n, n], a row for each coordinate upwards, a column for each across.
    inside : Tensor
        bool [n, n], whether the point lies in [0, 1] before it is cut.

    Examples
    --------
    >>> Slice(torch.tensor([0.0]), torch.tensor([[7]]), torch.tensor([[True]])).answers.item()
    7
    """

    coordinates: Tensor
    answers: Tensor
    inside: Tensor


def through(image: Tensor, toward: Tensor, aside: Tensor) -> Plane:
    """The plane through an image, another one, and a direction.

    Parameters
    ----------
    image : Tensor
        The origin, [C, H, W] in [0, 1].
    toward : Tensor
        Another image, [C, H, W] in [0, 1], such as an adversarial one: it lies to the right.
    aside : Tensor
        A direction, [C, H, W], such as noise. What it has along the first direction is taken off,
        and what is left points upwards.

    Returns
    -------
    Plane
        With the image at (0, 0) and the other one at (their distance, 0).

    Raises
    ------
    ValueError
        For images out of range, shapes that differ, a second image equal to the first, and a
        direction that is not finite or (nearly) parallel to the first one.

    Examples
    --------
    >>> image = torch.full((1, 2, 2), 0.5)
    >>> plane = through(image, image.clone().fill_(0.75), torch.randn(1, 2, 2))
    >>> abs(round((plane.across * plane.upwards).sum().item(), 12))
    0.0
    """
    for name, value in (("image", image), ("toward", toward), ("aside", aside)):
        (check.batch if name == "aside" else check.images)(value[None], name)
        if value.shape != image.shape:
            raise ValueError(f"{name}: need shape {list(image.shape)}, got {list(value.shape)}")
    change, direction = (toward.double() - image.double()).detach(), aside.double().detach()
    if not (length := change.norm()) > 0:
        raise ValueError("toward: need an image other than the first one, got the same")
    across = change / length
    # Twice, since the first time leaves a rest of rounding where the two are nearly parallel.
    upwards = direction
    for _ in range(2):
        upwards = upwards - (upwards * across).sum() * across
    if not upwards.norm() > PARALLEL * direction.norm():
        raise ValueError("aside: need a direction that leads away from the line to `toward`")
    return Plane(image.detach(), across, upwards / upwards.norm())


def cut(model: nn.Module, plane: Plane, *, reach: float, count: int = 101) -> Slice:
    """Ask a network at every point of a square grid in the plane, around its origin.

    A digit's background is 0 and its strokes are 1, so that nearly every direction leads out of
    the box at once. Each pixel of a point is cut to [0, 1], as that of a noisy image is. The image
    itself lies in the box, which is convex: so the cut takes no point farther from it, and a circle
    in the plane still holds what is no farther than its radius.

    Parameters
    ----------
    model : nn.Module
        Images to logits [N, K], in evaluation mode, of the image's dtype and on its device.
    plane : Plane
        Where it is asked.
    reach : float
        Half the side of the square, above 0, in units of l2.
    count : int
        Points along a side, at least 1; an odd number has the image itself among them.

    Returns
    -------
    Slice
        The answers, and which points lie in the box.

    Raises
    ------
    ValueError
        For a model that does not take the image or returns logits that are not finite, and for a
        reach or a count that is not positive.

    Examples
    --------
    The model says 1 where the right pixel is lighter than the left one:

    >>> image = torch.tensor([[[0.6, 0.4]]])
    >>> plane = through(image, torch.tensor([[[0.4, 0.4]]]), torch.tensor([[[0.0, 1.0]]]))
    >>> cut(nn.Flatten().eval(), plane, reach=0.3, count=3).answers
    tensor([[0, 0, 0],
            [0, 0, 1],
            [0, 1, 1]])
    """
    if not 0 < reach < math.inf:  # NaN is refused, too
        raise ValueError(f"reach: need a finite length above 0, got {reach}")
    check.count("count", count)
    check.model(model, plane.image[None])
    # Counted from the middle, so that the image itself has the coordinate 0 exactly.
    numbers = torch.arange(count, dtype=torch.float64) - (count - 1) / 2
    coordinates = numbers * (2 * reach / max(count - 1, 1))
    grid = torch.meshgrid(coordinates, coordinates, indexing="ij")
    parts = list(_ask(model, plane, across=grid[1].flatten(), upwards=grid[0].flatten()))
    answers, inside = (
        torch.cat(part).view(count, count).cpu() for part in zip(*parts, strict=True)
    )
    return Slice(coordinates, answers, inside)


def _ask(
    model: nn.Module, plane: Plane, *, across: Tensor, upwards: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """The answers at the points, cut to the box, and whether they lie in it, batch by batch."""
    for some, others in zip(across.split(BATCH), upwards.split(BATCH), strict=True):
        points = plane.point(some.to(plane.image.device), others.to(plane.image.device))
        with torch.inference_mode():
            logits = model(points.clamp(0, 1).to(plane.image.dtype))
        if not logits.isfinite().all():
            raise ValueError("model: need finite logits, got NaN or infinity in the plane")
        inside = ((points >= 0) & (points <= 1)).flatten(1).all(dim=1)
        yield logits.argmax(dim=1), inside
