"""AlexNet: its five convolutions are shipped, its other layers used where the user has them."""

import io
from collections import OrderedDict
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers import files, places
from helpers.pretrained import weights

ASSET = places.ASSETS / "alexnet" / "alexnet.safetensors"
ASSET_SHA256 = "89b6c95aede42fd51cda113910223642072ab94b17f437f474aabfaecdf965ce"
# torchvision's AlexNet_Weights.IMAGENET1K_V1; the last digits of the name begin its SHA-256.
OFFICIAL = "alexnet-owt-7be5be79.pth"

# Mean and standard deviation of ImageNet's pixels, by channel, in [0, 1]: the weights were trained
# on pixels that are normalised by them.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# Our names of torchvision's layers.
CONVOLUTIONS = {
    "features.0": "conv1",
    "features.3": "conv2",
    "features.6": "conv3",
    "features.8": "conv4",
    "features.10": "conv5",
}
DENSE = {"classifier.1": "fc1", "classifier.4": "fc2", "classifier.6": "fc3"}


def network(*, download: bool = False) -> nn.Sequential:
    """All eight layers where the official weights are at hand, else the five convolutions.

    Its layers are normalisation, conv1, relu1, pool1, ..., conv5, relu5, pool5, then flatten, fc1,
    relu6, fc2, relu7, fc3. Where only the convolutions are there, a line is printed that says so.
    """
    found = _official(download=download)
    if found is None:
        print(
            "AlexNet: its five convolutions only; "
            "load('alexnet', download=True) fetches all eight layers (233 MB)",
            flush=True,
        )
        found = weights.read(ASSET, ASSET_SHA256)
    build = partial(_build, dense="fc1.weight" in found)
    return weights.filled(build, weights.normalisation(MEAN, DEVIATION), found)


def _build(*, dense: bool) -> nn.Sequential:
    """The convolutions and, where `dense`, the classifier without its dropout."""
    # First a place for the normalisation, whose numbers the weights' file does not hold.
    layers: OrderedDict[str, nn.Module] = OrderedDict(normalisation=nn.Identity())
    shapes = (
        (3, 64, 11, 4, 2),
        (64, 192, 5, 1, 2),
        (192, 384, 3, 1, 1),
        (384, 256, 3, 1, 1),
        (256, 256, 3, 1, 1),
    )
    for number, (inputs, outputs, kernel, stride, padding) in enumerate(shapes, start=1):
        layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        layers[f"relu{number}"] = nn.ReLU()
        if number in (1, 2, 5):
            layers[f"pool{number}"] = nn.MaxPool2d(3, 2)
    if dense:
        units = {"flatten": nn.Flatten(), "fc1": nn.Linear(9216, 4096), "relu6": nn.ReLU()}
        layers.update(units, fc2=nn.Linear(4096, 4096), relu7=nn.ReLU(), fc3=nn.Linear(4096, 1000))
    return nn.Sequential(layers)


def _official(*, download: bool) -> dict[str, Tensor] | None:
    """All eight layers' weights, from torch hub's cache; None where it lacks them.

    Where it lacks them and `download` allows it, they are fetched first.
    """
    file = Path(torch.hub.get_dir()) / "checkpoints" / OFFICIAL
    if not file.exists():
        if not download:
            return None
        _fetch(file)
    content = file.read_bytes()
    # The bytes that are checked are those that are read: the file is not opened twice.
    if not files.sha256(content).startswith(file.stem.rpartition("-")[2]):
        raise OSError(
            f"{file} is damaged (its SHA-256 is wrong); "
            "delete it and call load('alexnet', download=True)"
        )
    found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return {
        f"{ours}.{part}": found[f"{theirs}.{part}"]
        for theirs, ours in (CONVOLUTIONS | DENSE).items()
        for part in ("weight", "bias")
    }


def _fetch(file: Path) -> None:
    """Download the official weights to where torch hub looks for them."""
    from torchvision.models import AlexNet_Weights  # slow to import, and only a download needs it

    try:
        torch.hub.load_state_dict_from_url(
            AlexNet_Weights.IMAGENET1K_V1.url,
            model_dir=str(file.parent),
            progress=False,
            check_hash=True,
        )
    except (OSError, RuntimeError) as error:
        raise ConnectionError(
            f"AlexNet's weights could not be downloaded to {file} ({error}); "
            "without them there are five convolutions"
        ) from error
