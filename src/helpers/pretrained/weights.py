"""What the three networks share: their weights from a checked file, the normalisation of pixels."""

from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from helpers import files


def read(asset: Path, sha256: str) -> dict[str, Tensor]:
    """A file's tensors by name, once its checksum is right.

    Raises FileNotFoundError or OSError, with the way to restore it, where it is missing or damaged.
    """
    restore = (
        f"restore it with: git checkout -- src/helpers/assets/{asset.parent.name}/{asset.name}"
    )
    if not asset.exists():
        raise FileNotFoundError(f"{asset} is missing; {restore}")
    content = asset.read_bytes()
    if files.sha256(content) != sha256:
        raise OSError(f"{asset} is damaged (its SHA-256 is wrong); {restore}")
    found: dict[str, Tensor] = safetensors.torch.load(content)
    return found


def filled(
    build: Callable[[], nn.Sequential], normalisation: nn.Module, weights: dict[str, Tensor]
) -> nn.Sequential:
    """The network that `build` makes, with these weights, behind its first layer.

    A half-precision weight is widened: the network computes in float32.
    """
    with torch.device("meta"):  # nothing is drawn at random only to be replaced
        model = build()
    model[0] = normalisation
    state = {name: tensor.float() for name, tensor in weights.items()}
    first = normalisation.state_dict(prefix="normalisation.")
    model.load_state_dict(first | state, assign=True)
    return model


def normalisation(mean: tuple[float, ...], deviation: tuple[float, ...]) -> nn.BatchNorm2d:
    """(x - mean) / deviation by channel, as a batch normalisation with these statistics."""
    layer = nn.BatchNorm2d(3, eps=0.0, affine=False)
    layer.running_mean, layer.running_var = torch.tensor(mean), torch.tensor(deviation) ** 2
    return layer
