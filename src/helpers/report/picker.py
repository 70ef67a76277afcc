"""A game for the rendered page: which strip of images maximises a unit, and which a random direction?"""

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
    """Strips of images as one picture, each with its kind, "unit" or "random", and the labels of its images.

    In a page that loads picker.js it is a game: one strip at a time, in random order, to be told unit or random direction.
    Without the script it is the whole picture, with the answers folded away below.
    """

    png: bytes
    kinds: Sequence[str]
    labels: Sequence[Sequence[int]]

    def __repr__(self) -> str:
        return f"{len(self.kinds)} strips of images, {list(self.kinds).count('unit')} of them of units; a game in the rendered book"

    def _repr_html_(self) -> str:
        """What a notebook and the rendered book show."""
        count, columns = len(self.kinds), len(self.labels[0])
        answers = ", ".join(
            str(number) for number, kind in enumerate(self.kinds, start=1) if kind == "unit"
        )
        strips = ";".join(",".join(map(str, row)) for row in self.labels)
        described = f"{count} rows of {columns} images each; the answers are below the picture"
        source = "data:image/png;base64," + base64.b64encode(self.png).decode()
        return (
            f'<div class="picker" data-kinds="{html.escape(" ".join(self.kinds))}" data-labels="{strips}">\n'
            f"<p>{count} strips, one a row. Some show what maximises a unit, the others what maximises a random direction. Which are which?</p>\n"
            f'<img src="{source}" alt="{described}" width="{28 * columns}">\n'
            f"<details><summary>Answers</summary><p>Units are in rows {answers}, counted from the top.</p></details>\n"
            "</div>"
        )


def picker(strips: Sequence[Tensor], kinds: Sequence[str], labels: Sequence[Tensor]) -> Picker:
    """The game from strips of images [k, 1, H, W] in [0, 1], one for each of `kinds`, with the labels [k] of their images.

    Raises ValueError for strips of different shapes, another kind, labels not one for each image.
    """
    if (
        not strips
        or len({tuple(strip.shape) for strip in strips}) != 1
        or not len(strips) == len(kinds) == len(labels)
    ):
        raise ValueError(
            f"strips: need images of one shape, one kind and one row of labels for each, got {len(strips)}, {len(kinds)}, {len(labels)}"
        )
    for strip, kind, row in zip(strips, kinds, labels, strict=True):
        check.images(strip, "strips")
        check.choice("kind", kind, ("unit", "random"))
        check.labels(row, len(strip))
    sheet = torch.stack([strip[:, 0].transpose(0, 1).flatten(1) for strip in strips]).flatten(
        0, 1
    )  # (count H, k W)
    greys = (sheet * (GREYS - 1)).round().byte().cpu().numpy()
    picture = Image.fromarray(greys, mode="P")
    picture.putpalette([round(255 * grey / (GREYS - 1)) for grey in range(GREYS) for _ in range(3)])
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True, bits=4)
    return Picker(content.getvalue(), tuple(kinds), tuple(tuple(row.tolist()) for row in labels))
