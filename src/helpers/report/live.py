"""What the live pictures need: networks, digits and more, as scripts that a page loads.

A page that is opened from the disk may fetch nothing but scripts and pictures. So numbers come as
base64 in scripts, each of which hands one thing over to book/_extra/live/api.js.
"""

import base64
import copy
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from helpers import check, files, transfer
from helpers.data import Images
from helpers.report.words import in_words

# Layers of up to so many weights stay in 32 bits: they are small, and the last one's errors count
# most, as it has the largest weights.
EXACT = 16_384
STEPS = 2**15 - 1  # of a weight in 16 bits, on either side of zero
# The margin of the page's search, in units of the largest error of a logit that was measured: a
# lead is off by two such errors at most, and images that were not measured may have larger ones.
COVER = 4.0
COLUMNS = 100  # of the sheet of test images
EACH = 2  # digits of each class that the page offers


def write(folder: Path, networks: Mapping[str, nn.Sequential], digits: Images) -> None:
    """Write networks and digits as scripts: `networks/<name>.js` and `digits.js`.

    Parameters
    ----------
    folder : Path
        Of the live page's scripts.
    networks : mapping
        Trained networks on the CPU by name, as `models.load_all` gives them.
    digits : Images
        Test images [N, 1, 28, 28] in [0, 1] with labels 0 to 9. The page offers the first two of
        each class that all networks get right; on all of them the error of 16 bits is measured.

    Raises
    ------
    ValueError
        For a layer that the page cannot compute, and where all networks together get fewer than two
        digits of a class right.

    Examples
    --------
    >>> import tempfile
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).requires_grad_(False)
    >>> network[1].weight.copy_(torch.eye(10, 784)).shape  # pixel k says that it is a k
    torch.Size([10, 784])
    >>> labels = torch.arange(10).repeat(2)
    >>> digits = Images(torch.eye(10, 784)[labels].view(20, 1, 28, 28), labels)
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write(Path(name), {"a linear one": network}, digits)
    ...     [str(path.relative_to(name)) for path in sorted(Path(name).rglob("*.js"))]
    ['digits.js', 'networks/a_linear_one.js']
    """
    check.images(digits.images, "digits")
    check.labels(digits.labels, len(digits), 10)
    chosen = offered(networks, digits)
    for name, network in networks.items():
        _write_script(
            folder / "networks" / _file_name(name),
            f"intriguing.receive({json.dumps(name)}, %s);",
            described(network, digits.images),
        )
    pixels = chosen.images.mul(255).round().to(torch.uint8)
    words = {name: in_words(name) or name for name in networks}
    shown = {"labels": chosen.labels.tolist(), "pixels": _base64(pixels), "networks": words}
    _write_script(folder / "digits.js", "intriguing.digits = %s;", shown)


def described(network: nn.Sequential, images: Tensor) -> dict[str, Any]:
    """Describe a network for the page: its layers, and the lead that a success of the search keeps.

    Parameters
    ----------
    network : nn.Sequential
        Of the layers that `models.build` uses, on the CPU.
    images : Tensor
        On which the error of 16 bits is measured, [N, 1, 28, 28] in [0, 1], N at least 1.

    Returns
    -------
    dict
        "layers", a list of one dictionary a layer with its "kind" and sizes, weights as base64; and
        "margin", of a lead in logits.

    Raises
    ------
    ValueError
        For a layer that the page cannot compute.

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    >>> (layer,) = described(network, torch.zeros(1, 1, 28, 28))["layers"]
    >>> layer["kind"], layer["inputs"], layer["outputs"]
    ('linear', 784, 10)
    """
    layers: list[dict[str, Any]] = []
    in_page = copy.deepcopy(network)  # with the weights that the page will have
    fed = images[:1]
    with torch.no_grad():
        for layer in in_page:
            layers += _described_layer(layer, fed)
            fed = layer(fed)
            if isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.numel() > EXACT:
                whole, scale = in_16_bits(layer.weight)
                layer.weight.copy_((whole * scale[:, None]).view_as(layer.weight))
        doubled: nn.Module = copy.deepcopy(network).double()
        logits = doubled(images.double())
        error = (in_page.double()(images.double()) - logits).abs().amax()
    # Networks in Python compute in 32 bits, and are off by some units in the last place themselves.
    rounding = 16 * torch.finfo(torch.float32).eps * logits.abs().amax()
    return {"layers": layers, "margin": (COVER * error + rounding).item()}


def write_radii(folder: Path, radii: Mapping[str, Tensor]) -> None:
    r"""Write the certified radii of the digits that the page offers as a script, `radii.js`.

    Parameters
    ----------
    folder : Path
        Of the live page's scripts.
    radii : mapping
        By the network's name: a radius (l2) for each digit, [N], 0 or more, as
        `certify.certified_radius` gives them.

    Raises
    ------
    ValueError
        For radii that are negative or not finite.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_radii(Path(name), {"a linear one": torch.tensor([0.56789, 0.0])})
    ...     (Path(name) / "radii.js").read_text()
    'intriguing.radii = {"a linear one":[0.5678,0.0]};\n'
    """
    for name, values in radii.items():
        if not ((values >= 0) & values.isfinite()).all():
            raise ValueError(f"radii: need finite lengths of 0 or more, got others for {name!r}")
    # Rounded down: what is proved of a ball is proved of a smaller one.
    rounded = {
        name: [math.floor(1e4 * value) / 1e4 for value in values.tolist()]
        for name, values in radii.items()
    }
    _write_script(folder / "radii.js", "intriguing.radii = %s;", rounded)


def write_features(folder: Path, features: Tensor, units: Tensor, images: Images) -> None:
    """Write a layer's activations in 8 bits and the images that they belong to.

    The script `features.js` has the activations, `test-images.png` the images in 16 greys, on a
    sheet of 100 columns, row by row: a script may not read the pixels of a picture from the disk,
    but it may show them.

    Parameters
    ----------
    folder : Path
        Of the live page's scripts.
    features : Tensor
        Activations [N, d], 0 or more.
    units : Tensor
        The number of each unit in its layer, int64 [d].
    images : Images
        [N, 1, 28, 28] in [0, 1], with labels 0 to 9.

    Raises
    ------
    ValueError
        For activations that are negative or not finite, and for numbers that do not fit.

    Examples
    --------
    >>> import tempfile
    >>> images = Images(torch.zeros(3, 1, 28, 28), torch.tensor([7, 2, 1]))
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_features(Path(name), torch.rand(3, 2), torch.tensor([0, 5]), images)
    ...     sorted(path.name for path in Path(name).iterdir())
    ['features.js', 'test-images.png']
    """
    check.images(images.images)
    check.labels(images.labels, len(images), 10)
    if features.shape != (len(images), len(units)):
        raise ValueError(
            f"features: need shape [{len(images)}, {len(units)}], one row an image and one column "
            f"a unit, got {list(features.shape)}"
        )
    whole, scale = in_8_bits(features)
    layer = {
        "units": units.tolist(),
        "scales": _base64(scale.float()),
        "values": _base64(whole.T),
        "labels": images.labels.tolist(),
    }
    _write_script(folder / "features.js", "intriguing.features = %s;", layer)
    _sheet(images.images).save(folder / "test-images.png", optimize=True, bits=4)


def in_8_bits(features: Tensor) -> tuple[Tensor, Tensor]:
    """Round activations to whole multiples of a scale, one for each unit.

    A unit's largest activation becomes 255 of them.

    Parameters
    ----------
    features : Tensor
        [N, d], 0 or more.

    Returns
    -------
    whole : Tensor
        The multiples, uint8 [N, d].
    scale : Tensor
        Of each unit, [d].

    Raises
    ------
    ValueError
        For activations that are negative or not finite.

    Examples
    --------
    >>> whole, scale = in_8_bits(torch.tensor([[0.0, 0.3], [0.0, 2.0]]))
    >>> whole.tolist(), [round(value * 255, 6) for value in scale.tolist()]
    ([[0, 38], [0, 255]], [0.0, 2.0])
    """
    if not (features.isfinite() & (features >= 0)).all():
        raise ValueError("features: need finite activations of 0 or more, got others")
    scale = features.amax(dim=0) / 255
    # A unit that is always off has no scale: any number divides it.
    return (features / scale.where(scale > 0, 1.0)).round().to(torch.uint8), scale


def in_16_bits(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights to whole multiples of a scale, one for each row.

    A row's largest weight becomes 32,767 of them, so that none is off by more than 1/65,534 of it.

    Parameters
    ----------
    weight : Tensor
        [K, ...], one row for each output.

    Returns
    -------
    whole : Tensor
        The multiples, float [K, n], whole numbers from -32,767 to 32,767.
    scale : Tensor
        Of each row, [K].

    Examples
    --------
    >>> whole, scale = in_16_bits(torch.tensor([[0.5, -1.0], [0.0, 0.0]]))
    >>> whole.tolist(), [round(value * STEPS, 6) for value in scale.tolist()]
    ([[16384.0, -32767.0], [0.0, 0.0]], [1.0, 0.0])
    """
    rows = weight.flatten(1)
    scale = rows.abs().amax(dim=1) / STEPS
    # A row of zeros has no scale: any number divides it.
    return (rows / scale.where(scale > 0, 1.0)[:, None]).round(), scale


def _described_layer(layer: nn.Module, fed: Tensor) -> list[dict[str, Any]]:
    """A layer that is fed [1, ...] as the page reads it, in a list; empty where it does nothing."""
    size = fed.shape[-1]
    match layer:
        case nn.Flatten():
            return []
        case nn.Sigmoid():
            return [{"kind": "sigmoid"}]
        case nn.ReLU():
            return [{"kind": "relu"}]
        case nn.Linear():
            sizes = {"inputs": layer.in_features, "outputs": layer.out_features}
            return [{"kind": "linear", **sizes, **_weights(layer)}]
        case nn.MaxPool2d(kernel_size=2, stride=2, padding=0):
            return [{"kind": "pool", "channels": fed.shape[1], "size": size}]
        case nn.Conv2d(
            kernel_size=(5, 5), padding=(2, 2), padding_mode="zeros", stride=(1, 1), dilation=(1, 1)
        ) if layer.groups == 1:
            sizes = {"inputs": layer.in_channels, "outputs": layer.out_channels, "size": size}
            return [{"kind": "convolution", **sizes, **_weights(layer)}]
    raise ValueError(f"network: the page has no such layer as {layer}")


def _weights(layer: nn.Linear | nn.Conv2d) -> dict[str, str]:
    """The numbers of a layer as base64, those of a large one as multiples of a scale."""
    assert layer.bias is not None
    numbers = {"bias": _base64(layer.bias)}
    if layer.weight.numel() <= EXACT:
        return numbers | {"weight": _base64(layer.weight)}
    whole, scale = in_16_bits(layer.weight)
    return numbers | {"weight": _base64(whole.to(torch.int16)), "scale": _base64(scale)}


def offered(networks: Mapping[str, nn.Sequential], digits: Images) -> Images:
    """The digits that the page offers: the first of each class that all networks get right.

    Parameters
    ----------
    networks : mapping
        Networks by name.
    digits : Images
        Test images [N, 1, 28, 28] in [0, 1] with labels 0 to 9.

    Returns
    -------
    Images
        Two of each class, in the order of the classes.

    Raises
    ------
    ValueError
        Where all networks together get fewer than two digits of a class right.

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(10, 10, bias=False)).requires_grad_(False)
    >>> network[1].weight.copy_(torch.eye(10)).shape  # pixel k says that it is a k
    torch.Size([10, 10])
    >>> labels = torch.arange(10).repeat(3)
    >>> digits = Images(torch.eye(10)[labels].view(30, 1, 2, 5), labels)
    >>> offered({"a linear one": network}, digits).labels.tolist()[:6]
    [0, 0, 1, 1, 2, 2]
    """
    right = torch.ones_like(digits.labels, dtype=torch.bool)
    for network in networks.values():
        right &= transfer.answers(network, digits.images) == digits.labels
    rows: list[Tensor] = []
    for label in range(10):
        found = (right & (digits.labels == label)).nonzero()[:, 0]
        if len(found) < EACH:
            raise ValueError(
                f"digits: need {EACH} of each class that all networks get right, "
                f"got {len(found)} of class {label}"
            )
        rows.append(found[:EACH])
    return digits[torch.cat(rows)]


def _sheet(images: Tensor) -> Image.Image:
    """Images [N, 1, 28, 28] side by side, 100 in a row, in 16 greys."""
    rows = -(-len(images) // COLUMNS)
    sheet = torch.zeros(rows * COLUMNS, 28, 28, dtype=torch.uint8)
    sheet[: len(images)] = images[:, 0].mul(15).round().to(torch.uint8)
    pixels = sheet.view(rows, COLUMNS, 28, 28).transpose(1, 2).reshape(rows * 28, COLUMNS * 28)
    picture = Image.fromarray(pixels.numpy(), mode="P")
    picture.putpalette([17 * grey for grey in range(16) for _ in "rgb"])
    return picture


def _base64(numbers: Tensor) -> str:
    """The bytes of a tensor, the lowest of each number first, as every browser reads them."""
    values = numbers.detach().cpu().contiguous().numpy()
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def _file_name(network: str) -> str:
    """The file that api.js loads for a network: its name, an underscore for what URLs escape."""
    return re.sub(r"[^\w.-]+", "_", network).strip("_") + ".js"


def _write_script(path: Path, statement: str, value: object) -> None:
    """A script of one statement, with a value in the place of its %s."""
    files.write_text(path, statement % json.dumps(value, separators=(",", ":")) + "\n")
