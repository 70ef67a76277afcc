"""Photographs for the networks trained on ImageNet: 224 x 224 pixels, freely licensed, credited.

They are shipped with the package; a folder of the user's own takes their place where $IMAGES names
one. `table` says of each what it shows, by whom it is, under which licence, and where it is from.
"""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps
from torch import Tensor

from helpers import files, places, pretrained
from helpers.data import Images

FOLDER = places.ASSETS / "photographs"
TABLE = "photographs.csv"
TABLE_SHA256 = "1eb038099ca262b96f3cd6ea3e642508a8c983ebaeaa3c725ed854332f2e18f7"
JUDGES = ("squeezenet", "efficientnet-lite0")  # the networks that must be right
SIDE = 224
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
UNKNOWN = -1  # the label of a picture for which ImageNet has no class, or not the networks


def table() -> pd.DataFrame:
    """What is shipped: a line for each photograph, in the order of `pool`.

    Returns
    -------
    DataFrame
        By the photograph's file: label, the name of the class that a person and both networks give
        it, or empty; ground, "white" for what is cut out or stands before a white ground, else
        "scene"; author; licence; source; package, from which it was taken; part, which square of
        the original; sha256, of the file.

    Raises
    ------
    FileNotFoundError, OSError
        Where the table is missing or damaged; it is named with the way to restore it.

    Examples
    --------
    >>> table().loc["erase-red_panda.webp", ["label", "author", "licence"]].tolist()
    ['lesser panda', 'Mathias Appel', 'CC0 1.0']
    """
    content = _checked(TABLE, TABLE_SHA256)
    return pd.read_csv(io.BytesIO(content), index_col="file", keep_default_na=False)


def pool() -> Images:
    """All photographs that are shipped: what Figures 3 and 4 rank.

    Returns
    -------
    Images
        [N, 3, 224, 224]; a label is -1 where both networks and a person do not agree on one.

    Raises
    ------
    FileNotFoundError, OSError
        Where a file is missing or damaged; it is named with the way to restore it.

    Examples
    --------
    >>> images, labels = pool()
    >>> images.shape[1:], len(images) == len(table())
    (torch.Size([3, 224, 224]), True)
    """
    return _shipped(table())


def photographs(*, ground: str = "scene") -> Images:
    """Photographs that both networks classify as a person does: what Figure 5 changes.

    How they were chosen makes both networks right on all of them; that says nothing of how often
    they are right. Where $IMAGES names a folder, its pictures are taken instead, the middle square
    of each, those on which both networks agree, with their answer for a label.

    Parameters
    ----------
    ground : {"scene", "white"}, optional
        Those of whole scenes, or those cut out on white, which are easier to tell apart. Of the
        user's own all are taken.

    Returns
    -------
    Images
        [N, 3, 224, 224] with labels of `pretrained.CLASSES`.

    Raises
    ------
    FileNotFoundError, OSError
        Where a file is missing or damaged; it is named with the way to restore it.
    ValueError
        For a folder in which there is nothing to take.

    Examples
    --------
    >>> images, labels = photographs(ground="white")
    >>> sorted({pretrained.CLASSES[label] for label in labels})
    ['hammer', 'rule', 'scale']
    """
    if folder := places.images():
        return _agreed(_own(folder), folder)
    rows = table()
    return _shipped(rows[(rows["label"] != "") & (rows["ground"] == ground)])


def _shipped(rows: pd.DataFrame) -> Images:
    """The photographs of these lines of the table."""
    contents = [_checked(str(name), sha256) for name, sha256 in rows["sha256"].items()]
    numbers = {name: number for number, name in reversed(list(enumerate(pretrained.CLASSES)))}
    labels = [numbers.get(label, UNKNOWN) for label in rows["label"]]
    return Images(_stacked([Image.open(io.BytesIO(each)) for each in contents]), _int(labels))


def _checked(name: str, sha256: str) -> bytes:
    """A shipped file's content, once its checksum is right."""
    path = FOLDER / name
    restore = f"restore it with: git checkout -- src/helpers/assets/{FOLDER.name}/{name}"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; {restore}")
    content = path.read_bytes()
    if files.sha256(content) != sha256:
        raise OSError(f"{path} is damaged (its SHA-256 is wrong); {restore}")
    return content


def _own(folder: Path) -> Tensor:
    """The middle squares of all pictures in a folder, in the order of their names."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ValueError(f"IMAGES: need pictures ({', '.join(SUFFIXES)}), got none in {folder}")
    # A camera stores how it was held beside the pixels.
    opened = [Image.open(io.BytesIO(path.read_bytes())) for path in found]
    return _stacked([ImageOps.exif_transpose(picture) for picture in opened])


def _agreed(images: Tensor, folder: Path) -> Images:
    """Those images on which both networks agree, with their answers."""
    networks = [pretrained.load(name) for name in JUDGES]
    with torch.inference_mode():
        first, second = (
            [network(image[None]).argmax() for image in images] for network in networks
        )
    answers, agreed = torch.stack(first), torch.stack(first) == torch.stack(second)
    if not agreed.any():
        raise ValueError(f"IMAGES: the networks agree on none of the pictures in {folder}")
    return Images(images[agreed], answers[agreed])


def _stacked(pictures: list[Image.Image]) -> Tensor:
    """Pictures as images [N, 3, 224, 224] in [0, 1]."""
    squares = [ImageOps.fit(picture.convert("RGB"), (SIDE, SIDE)) for picture in pictures]
    pixels = np.stack([np.asarray(square) for square in squares])
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2) / np.float32(255))


def _int(values: list[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.int64)
