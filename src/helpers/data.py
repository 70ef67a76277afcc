"""Data sets: MNIST, shipped with the package, its halves P1 and P2, and torchvision's by name."""

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
    """Images and their labels.

    It has a length, unpacks into its two tensors, and takes a slice, an index tensor or a boolean
    mask in brackets.

    Parameters
    ----------
    images : Tensor
        Float32 [N, C, H, W] in [0, 1].
    labels : Tensor
        Int64 [N].

    Examples
    --------
    >>> pair = Images(torch.zeros(2, 1, 28, 28), torch.tensor([7, 3]))
    >>> images, labels = pair
    >>> len(pair), images.shape, pair[labels > 5].labels.tolist()
    (2, torch.Size([2, 1, 28, 28]), [7])
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.images, self.labels))

    def __getitem__(self, rows: slice | Tensor) -> "Images":
        """The rows that a slice, an index tensor or a boolean mask names."""
        return Images(self.images[rows], self.labels[rows])

    def to(self, device: torch.device | str) -> "Images":
        """The same on `device`."""
        return Images(self.images.to(device), self.labels.to(device))


def mnist(split: str) -> Images:
    """MNIST, from the package itself.

    Parameters
    ----------
    split : {"train", "test"}
        The 60,000 training images or the 10,000 test images.

    Returns
    -------
    Images
        [N, 1, 28, 28] with labels 0 to 9: the caller's own, in every call.

    Raises
    ------
    ValueError
        For another split.
    FileNotFoundError, OSError
        Where a file is missing, or truncated or damaged; it is named with the way to restore it.

    References
    ----------
    Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits, CC BY-SA 3.0.

    Examples
    --------
    >>> images, labels = mnist("test")
    >>> images.shape, labels[:4].tolist()
    (torch.Size([10000, 1, 28, 28]), [7, 2, 1, 0])
    """
    return load("mnist", split)


def load(dataset: str, split: str) -> Images:
    """A part of a data set.

    Parameters
    ----------
    dataset : {"mnist", "fashion-mnist", "kmnist"}
        "mnist" is shipped; the others come through torchvision, which downloads them on first use
        into `places.cache()`.
    split : {"train", "test"}
        Which part.

    Returns
    -------
    Images
        [N, 1, 28, 28] with labels 0 to 9: the caller's own, in every call.

    Raises
    ------
    ValueError
        For an unknown name.
    FileNotFoundError, OSError
        As `mnist` does.
    ConnectionError
        Where a download fails.

    Examples
    --------
    >>> len(load("mnist", "test"))
    10000
    """
    check.choice("dataset", dataset, DATASETS)
    check.choice("split", split, SPLITS)
    pixels, labels = _bytes(dataset, split)
    # Made anew in each call, so that nobody who writes into his images changes another's. Dividing
    # while converting takes half the time of copying floats, and the bytes a quarter of the memory.
    images = np.divide(pixels, np.float32(255), dtype=np.float32)
    return Images(torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64)))


def halves(dataset: str = "mnist") -> tuple[Images, Images]:
    """P1 and P2: two disjoint halves of the training set, drawn at random once and for all.

    Parameters
    ----------
    dataset : {"mnist", "fashion-mnist", "kmnist"}, optional
        The data set.

    Returns
    -------
    tuple of Images
        30,000 images each, the same in every call.

    Raises
    ------
    ValueError, FileNotFoundError, OSError, ConnectionError
        As `load` does.

    References
    ----------
    Szegedy et al. (2014), section 4.2. Which images went where is not stated there.

    Examples
    --------
    >>> first, second = halves()
    >>> len(first), len(second), first.labels[:4].tolist()
    (30000, 30000, [0, 9, 6, 6])
    """
    train = load(dataset, "train")
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(1312_6199))
    first, second = order.chunk(2)
    return train[first], train[second]


def training_set(dataset: str, part: str) -> Images:
    """The training images of a network.

    Parameters
    ----------
    dataset : {"mnist", "fashion-mnist", "kmnist"}
        The data set.
    part : {"train", "P1", "P2"}
        All of them, or one of the halves.

    Returns
    -------
    Images
        60,000 images, or 30,000.

    Raises
    ------
    ValueError, FileNotFoundError, OSError, ConnectionError
        As `load` does.

    Examples
    --------
    >>> len(training_set("mnist", "P1"))
    30000
    """
    check.choice("part", part, ("train", "P1", "P2"))
    return load(dataset, "train") if part == "train" else halves(dataset)[part == "P2"]


def sample(data: Images, count: int, generator: torch.Generator) -> Images:
    """Draw different images at random.

    Parameters
    ----------
    data : Images
        What they are drawn from.
    count : int
        How many, at least 0.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Images
        `count` of them in random order; all of them, in order, where there are no more.

    Raises
    ------
    ValueError
        For a negative count.

    Examples
    --------
    >>> numbered = Images(torch.zeros(5, 1, 1, 1), torch.arange(5))
    >>> sample(numbered, 3, torch.Generator().manual_seed(0)).labels.tolist()
    [4, 0, 1]
    """
    if count < 0:
        raise ValueError(f"count: need at least 0, got {count}")
    if count >= len(data):
        return data
    return data[torch.randperm(len(data), generator=generator)[:count]]


def checksum(dataset: str) -> str:
    """SHA-256 over a data set's training images and labels: what a checkpoint was trained on.

    Parameters
    ----------
    dataset : {"mnist", "fashion-mnist", "kmnist"}
        The data set.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ValueError, FileNotFoundError, OSError, ConnectionError
        As `load` does.

    Examples
    --------
    >>> checksum("mnist")[:16]
    'edc0d1098aa497be'
    """
    check.choice("dataset", dataset, DATASETS)
    pixels, labels = _bytes(dataset, "train")
    return files.sha256(pixels.tobytes() + labels.tobytes())


def _bytes(dataset: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [N, 1, 28, 28] and labels [N] as they are stored: uint8."""
    return _mnist(split, places.ASSETS / "mnist") if dataset == "mnist" else _other(dataset, split)


@cache
def _mnist(split: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """MNIST from the files in `folder`."""
    prefix = "train" if split == "train" else "t10k"
    pixels = _idx(folder / f"{prefix}-images-idx3-ubyte.gz", header=16)
    labels = _idx(folder / f"{prefix}-labels-idx1-ubyte.gz", header=8)
    return pixels.reshape(-1, 1, 28, 28), labels


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
def _other(dataset: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """One of torchvision's data sets, downloaded where it is not there yet."""
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
                f"{dataset} could not be downloaded into {folder} ({error}); "
                "the set that needs no network is mnist"
            ) from error
    return found.data[:, None].numpy(), found.targets.to(torch.uint8).numpy()
