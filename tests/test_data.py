import gzip
import hashlib
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from helpers import data, places


def test_mnist_matches_torchvisions_reader(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in (places.ASSETS / "mnist").glob("*.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    for split in data.SPLITS:
        theirs = datasets.MNIST(str(tmp_path), train=split == "train", download=False)
        ours = data.mnist(split)
        assert torch.equal((ours.images[:, 0] * 255).round().byte(), theirs.data)
        assert torch.equal(ours.labels, theirs.targets)


@pytest.mark.parametrize(("split", "count"), [("train", 60_000), ("test", 10_000)])
def test_mnist_has_the_documented_form(split: str, count: int) -> None:
    images, labels = data.mnist(split)
    assert images.shape == (count, 1, 28, 28)
    assert images.dtype == torch.float32
    assert images.min() == 0
    assert images.max() == 1
    assert labels.dtype == torch.int64
    assert torch.equal(labels.unique(), torch.arange(10))


def test_embedded_files_are_the_originals_without_a_timestamp() -> None:
    for name, expected in data.MNIST_SHA256.items():
        content = (places.ASSETS / "mnist" / f"{name}.gz").read_bytes()
        assert hashlib.sha256(gzip.decompress(content)).hexdigest() == expected
        assert struct.unpack("<I", content[4:8]) == (0,)


def test_halves_are_disjoint_and_cover_the_training_set() -> None:
    images, _ = data.mnist("train")
    seen = torch.cat([half.images for half in data.halves()])
    assert [len(half) for half in data.halves()] == [30_000, 30_000]

    def rows(batch: torch.Tensor) -> list[bytes]:
        return sorted(
            row.tobytes() for row in np.asarray((batch * 255).byte()).reshape(len(batch), -1)
        )

    assert rows(seen) == rows(images)


def test_halves_are_the_same_each_time() -> None:
    assert torch.equal(data.halves()[0].labels, data.halves()[0].labels)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "not gzip", "other content"])
def test_a_damaged_file_is_named_with_the_way_to_restore_it(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "mnist"
    shutil.copytree(places.ASSETS / "mnist", folder)
    path = folder / "t10k-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[len(content) // 2] ^= 255
    elif damage == "not gzip":
        content = bytearray(b"<html>not found</html>")
    else:
        content = bytearray(gzip.compress(b"\0" * 7_840_016))
    path.write_bytes(content)
    with pytest.raises(
        OSError,
        match=r"t10k-images-idx3-ubyte\.gz is damaged.*"
        r"git checkout -- src/helpers/assets/mnist/t10k-images",
    ):
        data._mnist("test", folder)


def test_a_missing_file_is_named_with_the_way_to_restore_it(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError,
        match=r"train-images-idx3-ubyte\.gz is missing; restore it with: git checkout",
    ):
        data._mnist("train", tmp_path / "mnist")


def test_unknown_names_are_answered_with_those_that_exist() -> None:
    with pytest.raises(
        ValueError, match="unknown dataset 'cifar': choose one of mnist, fashion-mnist, kmnist"
    ):
        data.load("cifar", "train")
    with pytest.raises(ValueError, match="unknown split 'validation': choose one of train, test"):
        data.mnist("validation")


def test_another_set_without_a_network_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path))
    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", refuse)
    with pytest.raises(
        ConnectionError, match=r"fashion-mnist could not be downloaded.*unreachable.*mnist"
    ):
        data.load("fashion-mnist", "test")
    assert "downloading" in capsys.readouterr().out


def test_another_set_is_read_where_it_was_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path))
    raw = tmp_path / "datasets" / "KMNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    for prefix in ("train", "t10k"):
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 2051, 3, 28, 28) + pixels.tobytes()
        )
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 2049, 3) + bytes([7, 0, 9])
        )
    images, labels = data.load("kmnist", "train")
    np.testing.assert_allclose(images[:, 0].numpy(), pixels / 255, rtol=1e-6)
    assert images.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert labels.tolist() == [7, 0, 9]
    expected = hashlib.sha256(pixels.tobytes() + bytes([7, 0, 9])).hexdigest()
    images.fill_(0.5)
    labels.fill_(1)
    assert data.checksum("kmnist") == expected
    again = data.load("kmnist", "train")
    np.testing.assert_allclose(again.images[:, 0].numpy(), pixels / 255, rtol=1e-6)
    assert again.labels.tolist() == [7, 0, 9]


def test_whoever_writes_into_his_images_changes_nobody_elses() -> None:
    first, second = data.mnist("test"), data.mnist("test")
    images, labels = second.images.clone(), second.labels.clone()
    first.images.zero_()
    first.labels.numpy()[:] = 0
    for others in (second, data.mnist("test")):
        assert torch.equal(others.images, images)
        assert torch.equal(others.labels, labels)


def test_every_pixel_is_its_byte_over_255_to_the_last_bit() -> None:
    pixels = data.mnist("test").images
    assert torch.equal(pixels.unique(), torch.arange(256, dtype=torch.float32) / 255)


def test_a_sample_has_no_image_twice_and_follows_its_generator() -> None:
    numbered = data.Images(torch.arange(50.0).view(50, 1, 1, 1), torch.arange(50))
    first = data.sample(numbered, 20, torch.Generator().manual_seed(1))
    again = data.sample(numbered, 20, torch.Generator().manual_seed(1))
    assert len(set(first.labels.tolist())) == 20
    assert torch.equal(first.labels, again.labels)
    assert torch.equal(first.images.flatten().long(), first.labels)
    assert len(data.sample(numbered, 99, torch.Generator())) == 50


def test_a_sample_may_be_empty_and_not_of_a_negative_size() -> None:
    numbered = data.Images(torch.zeros(5, 1, 1, 1), torch.arange(5))
    assert len(data.sample(numbered, 0, torch.Generator())) == 0
    with pytest.raises(ValueError, match="count: need at least 0, got -1"):
        data.sample(numbered, -1, torch.Generator())
