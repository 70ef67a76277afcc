import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import natural, pretrained
from helpers.edition import dependencies

FREE = ["public domain", "CC0 1.0", "CC BY 2.0", "CC BY 3.0", "CC BY 4.0", "CC BY-SA 4.0"]


@pytest.fixture(autouse=True)
def shipped_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever folder the user's environment names, the shipped pictures are tested."""
    monkeypatch.delenv("IMAGES", raising=False)


def unlicensed(folder: Path) -> list[str]:
    """The pictures in a folder that its table does not credit, with a free licence."""
    rows = natural.table()
    credited = rows[
        rows["licence"].isin(FREE)
        & (rows["author"].str.len() > 1)
        & rows["source"].str.match(r"https?://\S+$")
        & (rows["package"] != "")
    ]
    return sorted({path.name for path in folder.iterdir()} - set(credited.index) - {natural.TABLE})


def test_every_picture_has_author_licence_and_source() -> None:
    assert unlicensed(natural.FOLDER) == []


def test_a_picture_without_a_licence_is_found(tmp_path: Path) -> None:
    for path in natural.FOLDER.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "found-on-the-web.webp").write_bytes(b"")
    assert unlicensed(tmp_path) == ["found-on-the-web.webp"]


def test_the_pictures_are_small() -> None:
    paths = list(natural.FOLDER.iterdir())
    assert sum(path.stat().st_size for path in paths) < 8e6
    assert natural.table().index.is_unique
    for path in natural.FOLDER.glob("*.webp"):
        assert Image.open(io.BytesIO(path.read_bytes())).size == (natural.SIDE, natural.SIDE)


def test_no_photograph_comes_twice() -> None:
    small = torch.nn.functional.avg_pool2d(natural.pool().images, 8).flatten(1)
    alike = torch.corrcoef(small).fill_diagonal_(0)
    assert alike.max() < 0.98  # copies of other sizes have 0.999


def test_both_networks_give_the_labels_to_the_pictures_as_they_are_shipped() -> None:
    images, labels = natural.pool()
    known = labels >= 0
    assert known.sum() >= 64
    for name in natural.JUDGES:
        network = pretrained.load(name)
        with torch.inference_mode():
            answers = torch.cat([network(part).argmax(dim=1) for part in images[known].split(16)])
        assert torch.equal(answers, labels[known])


def test_photographs_are_apart_from_what_is_cut_out() -> None:
    scenes, cut_out = (natural.photographs(ground=ground) for ground in ("scene", "white"))
    assert len(scenes) >= 64
    assert len(scenes) + len(cut_out) == int((natural.pool().labels >= 0).sum())
    edges = cut_out.images[:, :, [0, -1]][..., [0, -1]].amin(dim=1)
    # Of what is cut out nearly all corners are white.
    assert (edges > 0.9).float().mean() > 0.7
    assert scenes.images.dtype == torch.float32
    assert (scenes.images.amin() >= 0) & (scenes.images.amax() <= 1)


def test_a_damaged_or_missing_picture_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in natural.FOLDER.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.setattr(natural, "FOLDER", tmp_path)
    panda = tmp_path / "erase-red_panda.webp"
    panda.unlink()
    with pytest.raises(FileNotFoundError, match=r"red_panda.webp is missing.*git checkout"):
        natural.pool()
    panda.write_bytes(b"no picture")
    with pytest.raises(OSError, match=r"red_panda.webp is damaged.*git checkout"):
        natural.pool()
    (tmp_path / natural.TABLE).unlink()
    with pytest.raises(FileNotFoundError, match=r"photographs.csv is missing"):
        natural.table()


def test_the_users_own_pictures_take_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = natural.photographs()
    for number, image in enumerate(images[:2]):
        pixels = (255 * image.permute(1, 2, 0)).round().byte().numpy()
        wide = np.pad(pixels, ((0, 0), (30, 30), (0, 0)))  # the middle square is the photograph
        Image.fromarray(wide).save(tmp_path / f"{number}.PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    monkeypatch.setenv("IMAGES", str(tmp_path))
    own = natural.photographs()
    assert torch.equal(own.labels, labels[:2])
    torch.testing.assert_close(own.images, images[:2])


def test_a_picture_is_turned_as_its_camera_was_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, label = natural.photographs()[:1]
    pixels = (255 * image[0].permute(1, 2, 0)).round().byte().numpy()
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(pixels[::-1, ::-1]).save(tmp_path / "turned.png", exif=exif)
    monkeypatch.setenv("IMAGES", str(tmp_path))
    own = natural.photographs()
    torch.testing.assert_close(own.images, image)
    assert torch.equal(own.labels, label)


def test_a_folder_without_pictures_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGES", str(tmp_path))
    with pytest.raises(ValueError, match=r"IMAGES: need pictures \(.jpg.*got none"):
        natural.photographs()
    monkeypatch.setenv("IMAGES", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"IMAGES: need a folder of pictures, got .*nowhere"):
        natural.photographs()


def test_a_chapter_depends_on_the_users_own_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = dependencies.of("from helpers import natural\nnatural.pool()")
    (tmp_path / "mine.jpg").write_bytes(b"a picture")
    assert tmp_path / "mine.jpg" not in needs.assets("mnist")
    monkeypatch.setenv("IMAGES", str(tmp_path))
    assert tmp_path / "mine.jpg" in needs.assets("mnist")
    assert natural.FOLDER / natural.TABLE in needs.assets("mnist")
    other = dependencies.of("from helpers import data\ndata.mnist('test')")
    assert tmp_path / "mine.jpg" not in other.assets("mnist")
