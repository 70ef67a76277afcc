"""The picker's picture and its text: what it shows is what it was given."""

import base64
import io

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image
from torch import Tensor

from helpers import data
from helpers.report import picker


def strips() -> tuple[list[Tensor], list[str], list[Tensor]]:
    images, labels = data.mnist("test")[:40]
    return list(images.split(10)), ["unit", "random", "random", "unit"], list(labels.split(10))


def test_the_picture_holds_the_strips_row_by_row() -> None:
    images, kinds, labels = strips()
    soup = BeautifulSoup(picker.picker(images, kinds, labels)._repr_html_(), "html.parser")
    source = str(soup.img["src"])
    assert source.startswith("data:image/png;base64,")
    sheet = Image.open(io.BytesIO(base64.b64decode(source.split(",")[1])))
    assert sheet.size == (280, 4 * 28)
    pixels = np.asarray(sheet.convert("L"), dtype=float) / 255
    assert (
        np.abs(pixels[28:56, 84:112] - images[1][3, 0].numpy()).max()
        <= 0.5 / (picker.GREYS - 1) + 0.01
    )
    assert len(source) < 15_000


def test_the_text_has_kinds_labels_and_answers() -> None:
    soup = BeautifulSoup(picker.picker(*strips())._repr_html_(), "html.parser")
    assert soup.div["data-kinds"] == "unit random random unit"
    assert soup.div["data-labels"].split(";")[1] == ",".join(
        map(str, data.mnist("test").labels[10:20].tolist())
    )
    assert soup.details.p.get_text() == "Units are in rows 1, 4, counted from the top."
    assert len(str(soup.img["alt"])) >= 20
    assert not soup.find("script")


def test_it_is_a_sentence_where_there_is_no_html() -> None:
    assert (
        repr(picker.picker(*strips()))
        == "4 strips of images, 2 of them of units; a game in the rendered book"
    )


def test_picker_refuses() -> None:
    images, kinds, labels = strips()
    with pytest.raises(ValueError, match="strips: need images of one shape, one kind"):
        picker.picker(images, kinds[:3], labels)
    with pytest.raises(ValueError, match="strips: need images of one shape"):
        picker.picker([images[0], images[1][:5]], kinds[:2], labels[:2])
    with pytest.raises(ValueError, match="unknown kind 'pca'"):
        picker.picker(images, ["pca", *kinds[1:]], labels)
    with pytest.raises(ValueError, match="labels: need shape"):
        picker.picker(images, kinds, [torch.zeros(3, dtype=torch.int64), *labels[1:]])
