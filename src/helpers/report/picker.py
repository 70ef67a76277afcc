"""A game for the rendered page: which strips maximise a unit, and which a random direction?"""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from helpers import check

GREYS = 16  # of the picture: enough for a digit, and half the bytes of 256


@dataclass(frozen=True)
class Picker:
    """Strips of images as one picture, of which a reader is to tell what each maximises.

    In a page that loads picker.js it is a game: one strip at a time, in random order, to be told
    unit or random direction. Without the script it is the whole picture, with the answers folded
    away below.

    Parameters
    ----------
    png : bytes
        The picture, one strip a row.
    kinds : sequence of {"unit", "random"}
        What each strip maximises.
    labels : sequence of sequence of int
        The classes of the images of each strip.
    """

    png: bytes
    kinds: Sequence[str]
    labels: Sequence[Sequence[int]]

    def __repr__(self) -> str:
        count, units = len(self.kinds), list(self.kinds).count("unit")
        return f"{count} strips of images, {units} of them of units; a game in the rendered book"

    def _repr_html_(self) -> str:
        """What a notebook and the rendered book show."""
        count, columns = len(self.kinds), len(self.labels[0])
        answers = ", ".join(
            str(number) for number, kind in enumerate(self.kinds, start=1) if kind == "unit"
        )
        kinds = html.escape(" ".join(self.kinds))
        strips = ";".join(",".join(map(str, row)) for row in self.labels)
        described = f"{count} rows of {columns} images each; the answers are below the picture"
        source = "data:image/png;base64," + base64.b64encode(self.png).decode()
        return (
            f'<div class="picker" data-kinds="{kinds}" data-labels="{strips}">\n'
            f"<p>{count} strips, one a row. Some show what maximises a unit, "
            "the others what maximises a random direction. Which are which?</p>\n"
            f'<img src="{source}" alt="{described}" width="{28 * columns}">\n'
            "<details><summary>Answers</summary>"
            f"<p>Units are in rows {answers}, counted from the top.</p></details>\n"
            "</div>"
        )


def picker(strips: Sequence[Tensor], kinds: Sequence[str], labels: Sequence[Tensor]) -> Picker:
    """Make the game from strips of images.

    Parameters
    ----------
    strips : sequence of Tensor
        Images [k, 1, H, W] in [0, 1], all of one shape.
    kinds : sequence of {"unit", "random"}
        What each strip maximises.
    labels : sequence of Tensor
        The classes of each strip's images, int64 [k].

    Returns
    -------
    Picker
        What a notebook and the rendered page show.

    Raises
    ------
    ValueError
        For strips of different shapes, another kind, or labels that are not one for each image.

    Examples
    --------
    >>> strip, classes = torch.zeros(2, 1, 4, 4), torch.tensor([3, 5])
    >>> picker([strip, strip], ["unit", "random"], [classes, classes])
    2 strips of images, 1 of them of units; a game in the rendered book
    """
    shapes = {tuple(strip.shape) for strip in strips}
    if len(shapes) != 1 or not len(strips) == len(kinds) == len(labels):
        raise ValueError(
            "strips: need images of one shape, one kind and one row of labels for each, "
            f"got {len(strips)}, {len(kinds)}, {len(labels)}"
        )
    for strip, kind, row in zip(strips, kinds, labels, strict=True):
        check.images(strip, "strips")
        check.choice("kind", kind, ("unit", "random"))
        check.labels(row, len(strip))
    rows = [strip[:, 0].transpose(0, 1).flatten(1) for strip in strips]  # of (H, k W) each
    return Picker(_png(torch.cat(rows)), tuple(kinds), tuple(tuple(row.tolist()) for row in labels))


def _png(sheet: Tensor) -> bytes:
    """A sheet [H, W] in [0, 1] as a PNG of few greys."""
    greys = (sheet * (GREYS - 1)).round().byte().cpu().numpy()
    picture = Image.fromarray(greys, mode="P")
    picture.putpalette([round(255 * grey / (GREYS - 1)) for grey in range(GREYS) for _ in range(3)])
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True, bits=4)
    return content.getvalue()
