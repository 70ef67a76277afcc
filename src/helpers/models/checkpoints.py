"""Trained networks, and their weights on disk.

A checkpoint is a safetensors file with the weights; its metadata, JSON, hold the specification that
the network was trained to, the checksum of the data, the errors, and the weights' own checksum.
"""

import json
import re
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from helpers import files, places
from helpers.models.architectures import build
from helpers.models.specifications import Specification, specification
from helpers.models.state import differing

# What reading raises where a file is cut short, or holds something else than its name says.
_MALFORMED = (
    AttributeError,
    KeyError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    safetensors.SafetensorError,
)


def load(name: str, device: torch.device | str = "cpu", dataset: str = "mnist") -> nn.Sequential:
    """A trained network, in evaluation mode, gradients off.

    Weights below the smallest normal number are zero: AE400-10 has thousands, and arithmetic on
    them takes ten times as long.

    Parameters
    ----------
    name : str
        One of `models.SPECIFICATIONS`.
    device : torch.device or str, optional
        Where it is put.
    dataset : str, optional
        What it was trained on, one of `data.DATASETS`.

    Returns
    -------
    nn.Sequential
        Maps images [N, 1, 28, 28] in [0, 1] to logits [N, 10]; see `build` for its layers' names.

    Raises
    ------
    ValueError
        For an unknown name.
    FileNotFoundError
        Where there is no checkpoint.
    OSError
        Where the checkpoint is damaged, holds NaN or infinite weights, or was trained to another
        specification than the code's. The message names the file and how to train it anew.

    Examples
    --------
    >>> model = load("FC10(1)")
    >>> model(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    model = build(name)
    weights, _ = read(name, dataset, specification(name))
    normal = {
        key: value.where(value.abs() >= torch.finfo(value.dtype).tiny, 0.0)
        for key, value in weights.items()
    }
    model.load_state_dict(normal)
    return model.to(device).eval().requires_grad_(requires_grad=False)


def load_all(
    names: tuple[str, ...], device: torch.device | str = "cpu", dataset: str = "mnist"
) -> dict[str, nn.Sequential]:
    """Several trained networks.

    Parameters
    ----------
    names : tuple of str
        Of `models.SPECIFICATIONS`, such as `models.TABLE1`.
    device, dataset : optional
        As in `load`.

    Returns
    -------
    dict
        Each network by its name, in the order of `names`.

    Raises
    ------
    ValueError, FileNotFoundError, OSError
        As `load` does, for the first network that has a reason.

    Examples
    --------
    >>> [*load_all(("FC10(1)", "FC10(1e-2)"))]
    ['FC10(1)', 'FC10(1e-2)']
    """
    return {name: load(name, device, dataset) for name in names}


def path(name: str, dataset: str = "mnist", where: Path | None = None) -> Path:
    """The checkpoint file of a network, whether it is there or not.

    Parameters
    ----------
    name : str
        Of the network.
    dataset : str, optional
        What it is trained on.
    where : Path, optional
        The folder, instead of `folder(dataset)`.

    Returns
    -------
    Path
        The name in it is the network's, with an underscore for what a file's had better not hold.

    Examples
    --------
    >>> path("FC10(1e-4)").name, path("FC100-100-10/seed 1").name
    ('FC10_1e-4.safetensors', 'FC100-100-10_seed_1.safetensors')
    """
    return (where or folder(dataset)) / (re.sub(r"[^\w.-]+", "_", name).strip("_") + ".safetensors")


def folder(dataset: str) -> Path:
    """Where the checkpoints of a data set are.

    Parameters
    ----------
    dataset : str
        One of `data.DATASETS`.

    Returns
    -------
    Path
        In the package for MNIST, else in the user's cache folder.

    Examples
    --------
    >>> folder("mnist").relative_to(places.PACKAGE).as_posix()
    'assets/checkpoints'
    """
    if dataset == "mnist":
        return places.ASSETS / "checkpoints"
    return places.cache() / "checkpoints" / dataset


def retrain(name: str, dataset: str) -> str:
    """The command that trains a network anew, as a shell takes it.

    Parameters
    ----------
    name : str
        Of the network; it may hold parentheses, slashes and spaces.
    dataset : str
        One of `data.DATASETS`.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> print(retrain("ConvNet/norm 0.1", "kmnist"))
    make models MODELS="ConvNet/norm 0.1" DATASET=kmnist
    """
    return f'make models MODELS="{name}"' + ("" if dataset == "mnist" else f" DATASET={dataset}")


def read(
    name: str, dataset: str, specification: Specification, where: Path | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights and the metadata of a checkpoint, once all of it is as it should be.

    Parameters
    ----------
    name : str
        Of the network.
    dataset : str
        What it was trained on.
    specification : Specification
        What it must have been trained to. A field that the checkpoint lacks has come since, and had
        its default then.
    where : Path, optional
        The folder, instead of `folder(dataset)`.

    Returns
    -------
    weights : dict
        Tensors by the names that the network's `state_dict` has.
    metadata : dict
        At least "name", "specification" and "weights", the weights' SHA-256; of a network that
        was trained by `python -m helpers.models` also "data", "iterations", "error", the fractions
        "train" and "test", "seconds" and "environment".

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    OSError
        Where it is damaged, malformed or another network's, holds NaN or infinite weights or such
        that do not fit the network, or was trained to another specification. Each message names
        the file and the command that retrains.

    Examples
    --------
    >>> weights, metadata = read("FC10(1)", "mnist", specification("FC10(1)"))
    >>> weights["logits.weight"].shape, metadata["data"]["dataset"]
    (torch.Size([10, 784]), 'mnist')
    """
    file, remedy = path(name, dataset, where), f"train it with: {retrain(name, dataset)}"
    if not file.exists():
        raise FileNotFoundError(f"no checkpoint of {name} for {dataset} at {file}; {remedy}")
    try:
        weights, metadata = _open(file)
    except _MALFORMED as error:
        fault = f"is damaged ({type(error).__name__}: {error})"
        raise OSError(f"the checkpoint of {name} at {file} {fault}; {remedy}") from error
    if fault := _fault(name, weights, metadata, specification):
        raise OSError(f"the checkpoint of {name} at {file} {fault}; {remedy}")
    return weights, metadata


def _open(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A checkpoint's weights and metadata; raises one of _MALFORMED where they are not ours."""
    with safetensors.safe_open(file, framework="pt") as opened:
        metadata = json.loads(opened.metadata()["helpers"])
        weights = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    # The checksum first: whatever else is wrong with the weights, this is the reason to tell.
    if digest(weights) != metadata["weights"]:
        raise ValueError("its weights' checksum is wrong")
    if not isinstance(metadata["specification"], dict):
        raise TypeError("its specification is none")
    return weights, metadata


def _fault(
    name: str, weights: dict[str, Tensor], metadata: dict[str, Any], specification: Specification
) -> str:
    """Why a whole checkpoint is not one to load for the network; empty where it is."""
    if changed := _changed(metadata["specification"], specification):
        return f"was trained to another specification ({', '.join(changed)} differ)"
    if metadata.get("name", name) != name:
        return f"is that of {metadata['name']}"
    if bad := _not_finite(weights):
        return f"holds NaN or infinite weights (in {', '.join(bad)})"
    with torch.device("meta"):  # its form alone: nothing is drawn
        form = _form(build(name).state_dict())
    if changed := differing(_form(weights), form):
        return f"does not fit the network ({', '.join(changed)} differ)"
    return ""


def _form(weights: dict[str, Tensor]) -> dict[str, list[Any]]:
    """The type and the shape of each tensor."""
    return {key: [str(value.dtype), *value.shape] for key, value in weights.items()}


def _changed(found: dict[str, Any], specification: Specification) -> list[str]:
    """The fields in which a checkpoint's specification differs."""
    # A field that the checkpoint lacks has come since, and had its default when it was trained.
    defaults = {
        field.name: field.default for field in fields(specification) if field.default is not MISSING
    }
    return differing(defaults | found, asdict(specification))


def _not_finite(weights: dict[str, Tensor]) -> list[str]:
    """The weights of which some are NaN or infinite."""
    return [key for key, value in weights.items() if not value.isfinite().all()]


def write(name: str, weights: dict[str, Tensor], metadata: dict[str, Any], file: Path) -> None:
    """Write a checkpoint atomically.

    Parameters
    ----------
    name : str
        Of the network.
    weights : dict
        Its `state_dict`, on any device.
    metadata : dict
        Of what JSON can hold, "specification" among it. The name and the weights' checksum are
        added.
    file : Path
        Where to; see `path`.

    Raises
    ------
    ValueError
        For NaN or infinite weights, which `read` would refuse.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = path("FC10(1)", where=Path(folder))
    ...     to = {"specification": asdict(specification("FC10(1)"))}
    ...     write("FC10(1)", build("FC10(1)").state_dict(), to, file)
    ...     weights, _ = read("FC10(1)", "mnist", specification("FC10(1)"), Path(folder))
    >>> [*weights]
    ['logits.bias', 'logits.weight']
    """
    weights = {key: value.detach().cpu().contiguous() for key, value in weights.items()}
    if bad := _not_finite(weights):
        raise ValueError(f"weights: need finite values, got NaN or infinity in {', '.join(bad)}")
    content = json.dumps({"name": name, "weights": digest(weights), **metadata}, sort_keys=True)
    with files.atomic(file) as temporary:
        safetensors.torch.save_file(weights, temporary, metadata={"helpers": content})


def digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 over tensors with their names, in the names' order.

    Parameters
    ----------
    tensors : dict
        Of a type that NumPy has, on any device.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> first, second = torch.zeros(2), torch.ones(2)
    >>> digest({"a": first, "b": second}) == digest({"b": second, "a": first})
    True
    >>> digest({"a": first}) == digest({"a": second})
    False
    """
    return files.sha256(
        b"".join(key.encode() + tensors[key].cpu().numpy().tobytes() for key in sorted(tensors))
    )
