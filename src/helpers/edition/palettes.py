"""Pictures with two palettes: one for a light page, one for a dark page.

A figure is drawn on nothing. Composed on a light page it is stored as it is seen there, so that it
can be read wherever a notebook is shown; a second palette, in a text chunk of the PNG, has the
colours that the same pixels take on a dark page.
"""

import base64
import io

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sklearn.cluster import BisectingKMeans

from helpers.report.figures import DARK, PAPER

CHUNK = "dark palette"  # of the PNG, base 64
SIZE = 256  # colours of a palette
SAMPLE = 20_000  # pairs of colours that the palettes are fitted to
WHITE = "#FFFFFF"  # of a light page
ROUNDING = 2  # by which a colour is off that was drawn with little opacity


def indexed(png: bytes) -> bytes:
    """A picture with a palette, and a second one for a dark page where it is drawn on nothing.

    Parameters
    ----------
    png : bytes
        Any PNG.

    Returns
    -------
    bytes
        A PNG of at most 256 colours without transparency: the picture on a light page. The one
        that came where that is smaller and holds no transparency.
    """
    rgba = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
    light = _composed(rgba, WHITE)
    if (rgba[..., 3] == 255).all():
        return min(png, paired(light, None), key=len)
    return paired(light, _composed(_recoloured(rgba), DARK[PAPER]))


def paired(light: np.ndarray, dark: np.ndarray | None) -> bytes:
    """Store a picture as it is seen on a light page and on a dark one.

    Parameters
    ----------
    light : ndarray
        Red, green and blue, uint8 [h, w, 3].
    dark : ndarray or None
        The same picture on a dark page; None where it is seen there as on a light one.

    Returns
    -------
    bytes
        A PNG of at most 256 colours, with a second palette where there is a dark picture.
    """
    pairs = np.concatenate([light, light if dark is None else dark], axis=2)
    palette, index = _quantised(pairs.reshape(-1, 6))
    made = Image.fromarray(index.reshape(light.shape[:2]).astype(np.uint8), mode="P")
    made.putpalette(palette[:, :3].tobytes())
    notes = PngInfo()
    if dark is not None:
        notes.add_text(CHUNK, base64.b64encode(palette[:, 3:].tobytes()).decode(), zip=True)
    content = io.BytesIO()
    made.save(content, "PNG", optimize=True, pnginfo=notes)
    return content.getvalue()


def dark(png: bytes) -> bytes | None:
    """The picture as it is seen on a dark page.

    Parameters
    ----------
    png : bytes
        A PNG that `indexed` made, or any other.

    Returns
    -------
    bytes or None
        A PNG; nothing where the picture has no second palette.
    """
    picture = Image.open(io.BytesIO(png))
    palette = getattr(picture, "text", {}).get(CHUNK)
    if palette is None:
        return None
    picture.putpalette(base64.b64decode(palette))
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()


def _rgb(colour: str) -> np.ndarray:
    """Red, green and blue of "#RRGGBB", [3]."""
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.uint8)


def _composed(rgba: np.ndarray, ground: str) -> np.ndarray:
    """A picture [h, w, 4] on a ground of one colour, [h, w, 3]."""
    opacity = rgba[..., 3:] / 255
    return np.rint(opacity * rgba[..., :3] + (1 - opacity) * _rgb(ground)).astype(np.uint8)


def _recoloured(rgba: np.ndarray) -> np.ndarray:
    """A picture [h, w, 4] whose letters, axes and lines have the colours of a dark page."""
    made = rgba.copy()
    for light, on_dark in DARK.items():
        off = np.abs(rgba[..., :3].astype(int) - _rgb(light)).max(axis=2)
        # What is not opaque was drawn on nothing, and is a little off for its rounding.
        made[off <= np.where(rgba[..., 3] < 255, ROUNDING, 0), :3] = _rgb(on_dark)
    return made


def _quantised(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most SIZE of the pairs of colours [n, 6], and which of them each pair becomes, [n]."""
    colours, index, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    index = index.reshape(-1)
    if len(colours) <= SIZE:
        return colours, index
    # Areas matter less than that every colour is there: a thin line must not lose its own.
    weights = np.sqrt(counts)
    chosen = np.argsort(-counts, kind="stable")[:SAMPLE]
    clusters = BisectingKMeans(SIZE, random_state=0, bisecting_strategy="biggest_inertia")
    clusters.fit(colours[chosen].astype(float), sample_weight=weights[chosen])
    palette = np.rint(clusters.cluster_centers_).astype(np.uint8)
    return palette, clusters.predict(colours.astype(float))[index]
