"""Data sets: MNIST, shipped with the package, its halves P1 and P2, and torchvision's look-alikes by name."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers import check, files, places

DATASETS = ("mnist", "fashion-mnist", "kmnist")
SPLITS = ("train", "test")

# SHA-256 of the four original files, uncompressed.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclass(frozen=True)
class Images:
    """Images [N, C, H, W], float32 in [0, 1], and their labels, int64 [N]."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Tensor]:  # images, labels = data.mnist("test")
        return iter((self.images, self.labels))

    def __getitem__(self, rows: slice | Tensor) -> "Images":
        """The rows that a slice, an index tensor or a boolean mask names."""
        return Images(self.images[rows], self.labels[rows])

    def to(self, device: torch.device | str) -> "Images":
        """The same on `device`."""
        return Images(self.images.to(device), self.labels.to(device))


def mnist(split: str) -> Images:
    """MNIST's 60,000 training ("train") or 10,000 test images ("test"), [N, 1, 28, 28], from the package itself.

    Raises ValueError for another split, FileNotFoundError or OSError, each naming the file and how to restore it,
    when a file is missing, truncated or damaged. Source: LeCun, Cortes and Burges, CC BY-SA 3.0.
    """
    return load("mnist", split)


def load(dataset: str, split: str) -> Images:
    """The `split` ("train" or "test") of a data set in DATASETS.

    "mnist" is shipped; the others come through torchvision, which downloads them on first use into places.cache().
    Raises ValueError for an unknown name, ConnectionError when a download fails.
    """
    check.choice("dataset", dataset, DATASETS)
    check.choice("split", split, SPLITS)
    return (
        _mnist(split, places.ASSETS / "mnist")
        if dataset == "mnist"
        else _torchvision(dataset, split)
    )


def halves(dataset: str = "mnist") -> tuple[Images, Images]:
    """P1 and P2: two disjoint halves of the training set, 30,000 images each, drawn at random once and for all.

    Section 4.2 of Szegedy et al. (2014); which images went where is not stated there.
    """
    train = load(dataset, "train")
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(1312_6199))
    first, second = order.chunk(2)
    return train[first], train[second]


def training_set(dataset: str, part: str) -> Images:
    """The training images of a network: all of them ("train") or a half ("P1", "P2")."""
    check.choice("part", part, ("train", "P1", "P2"))
    return load(dataset, "train") if part == "train" else halves(dataset)[part == "P2"]


def sample(data: Images, count: int, generator: torch.Generator) -> Images:
    """`count` different images at random, in random order; all of them, in order, where `count` is at least len(data)."""
    if count >= len(data):
        return data
    return data[torch.randperm(len(data), generator=generator)[:count]]


def checksum(dataset: str) -> str:
    """SHA-256 over a data set's training images and labels: what a checkpoint was trained on."""
    train = load(dataset, "train")
    pixels = (train.images * 255).round().to(torch.uint8)
    return files.sha256(pixels.numpy().tobytes() + train.labels.numpy().astype(np.uint8).tobytes())


@cache
def _mnist(split: str, folder: Path) -> Images:
    prefix = "train" if split == "train" else "t10k"
    pixels = _idx(folder / f"{prefix}-images-idx3-ubyte.gz", header=16).reshape(-1, 1, 28, 28)
    labels = _idx(folder / f"{prefix}-labels-idx1-ubyte.gz", header=8)
    return Images(
        torch.from_numpy(pixels.astype(np.float32) / 255), torch.from_numpy(labels.astype(np.int64))
    )


def _idx(path: Path, header: int) -> np.ndarray:
    """The bytes of a gzip-compressed IDX file after its header, once its checksum is right."""
    restore = f"restore it with: git checkout -- {_from_repository(path)}"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; {restore}")
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise OSError(f"{path} is damaged ({error}); {restore}") from error
    if files.sha256(content) != MNIST_SHA256[path.stem]:
        raise OSError(
            f"{path} is damaged (its SHA-256 is not that of MNIST's {path.stem}); {restore}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header)


def _from_repository(path: Path) -> str:
    """The path as git names it from the repository's root."""
    return f"src/helpers/assets/{path.parent.name}/{path.name}"


@cache
def _torchvision(dataset: str, split: str) -> Images:
    from torchvision import datasets  # slow to import, and only these sets need it

    kind = {"fashion-mnist": datasets.FashionMNIST, "kmnist": datasets.KMNIST}[dataset]
    folder = places.cache() / "datasets"
    try:
        found = kind(str(folder), train=split == "train", download=False)
    except RuntimeError:
        print(f"{dataset} is not in {folder}: downloading it through torchvision", flush=True)
        try:
            found = kind(str(folder), train=split == "train", download=True)
        except (RuntimeError, OSError) as error:
            raise ConnectionError(
                f"{dataset} could not be downloaded into {folder} ({error}); the set that needs no network is mnist"
            ) from error
    return Images(found.data[:, None].float() / 255, found.targets.long())
