"""Trained networks, and their weights on disk: safetensors with the specification, the data's checksum and the errors as metadata."""

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


def folder(dataset: str) -> Path:
    """Where the checkpoints of a data set are: in the package for MNIST, else in the user's cache folder."""
    return (
        places.ASSETS / "checkpoints"
        if dataset == "mnist"
        else places.cache() / "checkpoints" / dataset
    )


def path(name: str, dataset: str = "mnist", where: Path | None = None) -> Path:
    """The checkpoint file of a network: "FC10(1e-4)" is in FC10_1e-4.safetensors."""
    return (where or folder(dataset)) / (re.sub(r"[^\w.-]+", "_", name).strip("_") + ".safetensors")


def retrain(name: str, dataset: str) -> str:
    """The command that trains a network anew."""
    return f'make models MODELS="{name}"' + ("" if dataset == "mnist" else f" DATASET={dataset}")


def read(
    name: str, dataset: str, specification: Specification, where: Path | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and metadata of a checkpoint whose specification is `specification`, a field that it lacks taken to be the default.

    Raises FileNotFoundError or OSError naming the file and the command that retrains it.
    """
    file, remedy = path(name, dataset, where), f"train it with: {retrain(name, dataset)}"
    if not file.exists():
        raise FileNotFoundError(f"no checkpoint of {name} for {dataset} at {file}; {remedy}")
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            metadata = json.loads(opened.metadata()["helpers"])
            weights = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise OSError(
            f"the checkpoint of {name} at {file} is damaged ({error}); {remedy}"
        ) from error
    if _digest(weights) != metadata.get("weights"):
        raise OSError(
            f"the checkpoint of {name} at {file} is damaged (its weights' checksum is wrong); {remedy}"
        )
    if changed := _changed(metadata["specification"], specification):
        raise OSError(
            f"the checkpoint of {name} at {file} was trained to another specification ({', '.join(changed)} differ); {remedy}"
        )
    return weights, metadata


def _changed(found: dict[str, Any], specification: Specification) -> list[str]:
    """The fields in which a checkpoint's specification differs. One that it lacks has come since, and had its default when it was trained."""
    defaults = {
        field.name: field.default for field in fields(specification) if field.default is not MISSING
    }
    expected, stored = json.loads(json.dumps(asdict(specification))), defaults | found
    return [
        key
        for key in expected | stored
        if key not in expected or key not in stored or stored[key] != expected[key]
    ]


def write(name: str, weights: dict[str, Tensor], metadata: dict[str, Any], file: Path) -> None:
    """Write a checkpoint atomically. `metadata` is stored as JSON, with a checksum of the weights added."""
    weights = {key: value.detach().cpu().contiguous() for key, value in weights.items()}
    content = json.dumps({"name": name, "weights": _digest(weights), **metadata}, sort_keys=True)
    with files.atomic(file) as temporary:
        safetensors.torch.save_file(weights, temporary, metadata={"helpers": content})


def _digest(weights: dict[str, Tensor]) -> str:
    return files.sha256(
        b"".join(key.encode() + weights[key].numpy().tobytes() for key in sorted(weights))
    )


def load(name: str, device: torch.device | str = "cpu", dataset: str = "mnist") -> nn.Sequential:
    """The trained network `name` on `device`, in evaluation mode, gradients off.

    Weights below the smallest normal number are zero: AE400-10 has thousands, and arithmetic on them takes ten times as long.
    Raises ValueError for an unknown name, FileNotFoundError without a checkpoint, and OSError where the checkpoint is
    damaged or was trained to another specification than the code's; each says how to train it anew.
    """
    model = build(name)
    weights, _ = read(name, dataset, specification(name))
    model.load_state_dict(
        {
            key: value.where(value.abs() >= torch.finfo(value.dtype).tiny, 0.0)
            for key, value in weights.items()
        }
    )
    return model.to(device).eval().requires_grad_(requires_grad=False)


def load_all(
    names: tuple[str, ...], device: torch.device | str = "cpu", dataset: str = "mnist"
) -> dict[str, nn.Sequential]:
    """Several trained networks by name."""
    return {name: load(name, device, dataset) for name in names}
