"""Strokes of a drawn image: how thick, how slanted, how many loops.

And whether some images agree in them. Thickness and slant as D. C. Castro et al. (2019) measure
them, "Morpho-MNIST".
"""

import numpy as np
import pandas as pd
import torch
from scipy import ndimage
from skimage import measure, morphology
from torch import Tensor
from torch.nn import functional

from helpers import check

SCALE = 2  # each pixel becomes SCALE x SCALE before the image is made black and white
INK = 0.5  # from this grey value on a pixel is part of the stroke


def properties(images: Tensor) -> pd.DataFrame:
    """Thickness, slant and number of loops of the strokes of each image.

    Parameters
    ----------
    images : Tensor
        [N, 1, H, W] in [0, 1], light strokes on a dark ground.

    Returns
    -------
    DataFrame
        A row for each image. Columns: thickness, in pixels; slant, in degrees, positive to the
        right; loops, the number of holes in the stroke of at least one pixel's area. Of an image
        without ink all three are 0.

    Raises
    ------
    ValueError
        For images out of range or with another number of channels.

    References
    ----------
    Castro et al. (2019), "Morpho-MNIST: Quantitative Assessment and Diagnostics".

    Examples
    --------
    A ring of 7 x 7 pixels, two pixels thick:

    >>> image = torch.zeros(1, 1, 9, 9)
    >>> image[..., 1:8, 1:8] = 1
    >>> image[..., 3:6, 3:6] = 0
    >>> found = properties(image)
    >>> found["loops"].item(), abs(found["slant"].item()) < 1e-6
    (1.0, True)
    """
    check.images(images)
    if images.shape[1] != 1:
        raise ValueError(f"images: need one channel, got {images.shape[1]}")
    # Made larger before it is cut into black and white, so that half a pixel's width counts.
    ink = functional.interpolate(images, scale_factor=SCALE, mode="bilinear")[:, 0] >= INK
    strokes = [_cut_out(stroke) for stroke in ink.cpu().numpy()]
    columns = {
        "thickness": map(_thickness, strokes),
        "slant": _slants(images[:, 0].double()).tolist(),
        "loops": map(_loops, strokes),
    }
    return pd.DataFrame({name: list(values) for name, values in columns.items()}, dtype=float)


def _cut_out(ink: np.ndarray) -> np.ndarray:
    """The part of the picture that has ink, with one pixel of ground around it."""
    found = ndimage.find_objects(ink.astype(int))
    return np.pad(ink[found[0]] if found else ink[:0, :0], 1)


def _thickness(ink: np.ndarray) -> float:
    """Twice the mean distance of the stroke's skeleton from its edge, in the image's own pixels."""
    skeleton = morphology.skeletonize(ink)
    return (
        float(2 * ndimage.distance_transform_edt(ink)[skeleton].mean() / SCALE)
        if skeleton.any()
        else 0.0
    )


def _slants(images: Tensor) -> Tensor:
    """The angle whose shear makes rows and columns of an image's ink uncorrelated.

    In degrees, [N]; of images [N, H, W].
    """
    rows, columns = (
        torch.arange(size, device=images.device, dtype=images.dtype) for size in images.shape[1:]
    )
    # Distances from the ink's centre of mass, by which its second moments are central.
    ink = images.sum(dim=(1, 2)).clamp_min(torch.finfo(images.dtype).tiny)
    down = rows[:, None] - ((images.sum(dim=2) @ rows) / ink)[:, None, None]  # (N, H, 1)
    right = columns - ((images.sum(dim=1) @ columns) / ink)[:, None, None]  # (N, 1, W)
    return torch.rad2deg(
        torch.atan2(-(images * down * right).sum(dim=(1, 2)), (images * down**2).sum(dim=(1, 2)))
    )


def _loops(ink: np.ndarray) -> int:
    """Holes in the stroke: parts of the ground that it shuts off from the outside.

    Neighbours are by sides on the ground, and by corners, too, in the stroke.
    """
    parts = measure.label(~ink, connectivity=1)
    areas = np.bincount(parts.flat, minlength=2)
    # Part 0 is the stroke, and part 1, which has the first pixel, the outside.
    return int((areas[2:] >= SCALE**2).sum())


def narrowing(top: Tensor, properties: pd.DataFrame) -> pd.DataFrame:
    """By how much the variance of each property falls within the images of each row.

    It is 1 - variance within / variance over all images: 1 where the k images have equal values,
    about 0 for images at random, negative where they vary more. A property that is the same for all
    images gives 0.

    Parameters
    ----------
    top : Tensor
        int64 [count, k], k at least 2: numbers of images.
    properties : DataFrame
        A row for each image, a column for each property.

    Returns
    -------
    DataFrame
        A row for each of `top`'s, with the properties' columns.

    Raises
    ------
    ValueError
        For fewer than two images a row, or numbers that are no images.

    Examples
    --------
    >>> frame = pd.DataFrame({"slant": [-1.0, -1.0, 1.0, 1.0]})
    >>> narrowing(torch.tensor([[0, 1], [0, 2]]), frame)["slant"].round(3).tolist()
    [1.0, -0.5]
    """
    if top.ndim != 2 or top.shape[1] < 2:
        raise ValueError(f"top: need shape [count, k] with k > 1, got {list(top.shape)}")
    check.indices(top, len(properties), "top")
    values = properties.to_numpy()
    whole = values.var(axis=0, ddof=1)
    within = values[top.cpu().numpy()].var(axis=1, ddof=1)  # (count, properties)
    return pd.DataFrame(
        1 - np.divide(within, whole, out=np.ones_like(within), where=whole > 0),
        columns=properties.columns,
    )
