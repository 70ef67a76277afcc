"""The scripts of the live page: decoded by other means, they are the networks and the digits."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from helpers import data, models, places, units
from helpers.edition import live_parts
from helpers.report import live

NAMES = (*models.TABLE1, "ConvNet")
SCRIPTS = places.ROOT / "book" / "_extra" / "live"
OTHERS = slice(500, 1500)  # test images that the margin was not measured on


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    live.write(folder, models.load_all(NAMES), data.mnist("test")[:500])
    return folder


def handed_over(path: Path) -> tuple[list[str], dict]:
    """The strings before the value that a script hands over, and the value."""
    before, braced = path.read_text(encoding="utf-8").split("{", 1)
    return re.findall(r'"(.*?)"', before), json.loads("{" + braced.rsplit("}", 1)[0] + "}")


def numbers(text: str, kind: str) -> Tensor:
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), kind).astype(np.float64))


def logits(layers: list[dict], x: Tensor) -> Tensor:
    """The logits of a network that is described for the page, in float64."""
    for layer in layers:
        if "weight" in layer:
            weight = numbers(layer["weight"], "<i2" if "scale" in layer else "<f4")
            weight = weight.view(layer["outputs"], layer["inputs"], -1)
            if "scale" in layer:
                weight = weight * numbers(layer["scale"], "<f4")[:, None, None]
            bias = numbers(layer["bias"], "<f4")
        match layer["kind"]:
            case "linear":
                x = x.flatten(1) @ weight[:, :, 0].T + bias
            case "convolution":
                assert x.shape[2:] == (layer["size"], layer["size"])
                x = functional.conv2d(x, weight.unflatten(2, (5, 5)), bias, padding=2)
            case "pool":
                assert x.shape[1:] == (layer["channels"], layer["size"], layer["size"])
                x = functional.max_pool2d(x, 2)
            case "sigmoid":
                x = x.sigmoid()
            case "relu":
                x = x.relu()
    return x


@pytest.mark.parametrize("name", NAMES)
def test_a_network_in_16_bits_is_the_network_within_a_margin_that_the_search_keeps(
    written: Path, name: str
) -> None:
    found = [handed_over(path) for path in (written / "networks").glob("*.js")]
    (described,) = [value for names, value in found if names == [name]]
    network, images = models.load(name), data.mnist("test").images[OTHERS]
    noise = torch.rand(200, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for x in (images, (images[:200] + 0.3 * (noise - 0.5)).clamp(0, 1)):
        error = (logits(described["layers"], x.double()) - network(x)).abs().max().item()
        assert error <= 1e-3
        assert 2 * error < described["margin"]
    assert described["margin"] < 4e-3


def test_networks_and_digits_are_two_megabytes_and_a_half_at_most(written: Path) -> None:
    assert len(list((written / "networks").iterdir())) == len(NAMES)
    assert sum(path.stat().st_size for path in written.rglob("*.js")) <= 2.5e6


def test_the_digits_are_two_of_each_class_that_all_networks_get_right(written: Path) -> None:
    _, digits = handed_over(written / "digits.js")
    assert digits["labels"] == [label for label in range(10) for _ in range(2)]
    assert list(digits["networks"]) == list(NAMES)
    assert digits["networks"]["FC10(1)"] == "linear, strong decay"
    pixels = numbers(digits["pixels"], "u1").float().div(255).view(20, 1, 28, 28)
    test = data.mnist("test")
    for image, label in zip(pixels, digits["labels"], strict=True):
        same = (test.images == image).flatten(1).all(dim=1)
        assert test.labels[same].tolist() == [label]
    for name in NAMES:
        assert models.load(name)(pixels).argmax(dim=1).tolist() == digits["labels"]


def test_radii_are_rounded_down_in_the_script(tmp_path: Path) -> None:
    radii = {"one": torch.tensor([0.99999, 0.0], dtype=torch.float64), "two": torch.tensor([2.5])}
    live.write_radii(tmp_path, radii)
    _, told = handed_over(tmp_path / "radii.js")
    assert told == {"one": [0.9999, 0.0], "two": [2.5]}


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf")])
def test_radii_that_are_no_lengths_are_refused(tmp_path: Path, wrong: float) -> None:
    with pytest.raises(ValueError, match="radii: need finite lengths of 0 or more"):
        live.write_radii(tmp_path, {"one": torch.tensor([wrong])})
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def hidden() -> Tensor:
    """The layer of the chapter on units, for the whole test set."""
    return units.features(models.load("ConvNet"), "relu3", data.mnist("test").images)


def test_in_8_bits_nearly_the_same_images_maximise_a_unit_or_a_direction(hidden: Tensor) -> None:
    hidden = hidden[:, units.live(hidden, 10)]
    whole, scale = live.in_8_bits(hidden)
    assert ((whole * scale - hidden).abs() <= 0.501 * scale).all()
    generator = torch.Generator().manual_seed(0)
    for kind in ("unit", "random"):
        chosen = units.directions(kind, hidden.shape[1], 100, generator)
        exact = units.top_images(hidden, chosen, 10).tolist()
        rounded = units.top_images(whole * scale, chosen, 10).tolist()
        shared = [len({*one} & {*other}) for one, other in zip(exact, rounded, strict=True)]
        assert np.mean(shared) >= 9.5
        assert min(shared) >= 7


def test_the_script_and_the_sheet_are_the_layer_and_the_images(
    tmp_path: Path, hidden: Tensor
) -> None:
    test, number = data.mnist("test"), torch.tensor([3, 90])
    live.write_features(tmp_path, hidden[:250, number], number, test[:250])
    _, told = handed_over(tmp_path / "features.js")
    assert told["units"] == [3, 90]
    assert told["labels"] == test.labels[:250].tolist()
    scale = numbers(told["scales"], "<f4")
    values = numbers(told["values"], "u1").view(2, 250).T
    assert ((values * scale - hidden[:250, number]).abs() <= 0.501 * scale).all()
    with Image.open(tmp_path / "test-images.png") as sheet:
        pixels = torch.from_numpy(np.array(sheet.convert("L"))) / 255
    assert pixels.shape == (3 * 28, 100 * 28)
    for place in (0, 99, 100, 249):
        row, column = divmod(place, 100)
        seen = pixels[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
        assert (seen - test.images[place, 0]).abs().max() <= 0.5 / 15 + 1e-6


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_activations_that_8_bits_cannot_hold_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="features: need finite activations of 0 or more"):
        live.in_8_bits(torch.tensor([[1.0, wrong]]))


def test_a_layer_that_does_not_fit_its_images_is_refused(tmp_path: Path) -> None:
    images = data.mnist("test")[:3]
    with pytest.raises(ValueError, match=r"features: need shape \[3, 2\], .* got \[4, 2\]"):
        live.write_features(tmp_path, torch.ones(4, 2), torch.arange(2), images)
    assert list(tmp_path.iterdir()) == []


def test_a_weight_is_off_by_half_a_step_at_most() -> None:
    weight = torch.randn(5, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    weight[2] = 0
    whole, scale = live.in_16_bits(weight)
    assert whole.abs().amax(dim=1).tolist() == [32767, 32767, 0, 32767, 32767]
    assert torch.equal(whole, whole.round())
    error = (whole * scale[:, None] - weight.flatten(1)).abs()
    assert (error <= 0.501 * scale[:, None]).all()


def test_describing_leaves_the_network_as_it_was() -> None:
    network, before = models.load("FC100-100-10"), models.load("FC100-100-10").state_dict()
    live.described(network, data.mnist("test").images[:5])
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize(
    "layer",
    [
        nn.Tanh(),
        nn.Conv2d(1, 1, 5, stride=2, padding=2),
        nn.Conv2d(1, 1, 3, padding=1),
        nn.MaxPool2d(3),
    ],
)
def test_a_layer_that_the_page_cannot_compute_is_refused(layer: nn.Module) -> None:
    with pytest.raises(ValueError, match="network: the page has no such layer as"):
        live.described(nn.Sequential(layer), torch.zeros(1, 1, 28, 28))


def test_too_few_digits_are_refused(tmp_path: Path) -> None:
    networks = models.load_all(("FC10(1)",))
    with pytest.raises(
        ValueError, match="digits: need 2 of each class that all networks get right"
    ):
        live.write(tmp_path, networks, data.mnist("test")[:5])
    assert list(tmp_path.iterdir()) == []


def test_every_script_is_loaded_by_the_introduction_or_a_chapter() -> None:
    book = places.ROOT / "book"
    intro = (book / "intro.md").read_text(encoding="utf-8")
    loaded = re.findall(r'<script defer src="live/(.+?).js"></script>', intro)
    shared = [name for name in loaded if name in live_parts.SHARED]
    assert shared == list(live_parts.SHARED)  # in this order
    chapters = [path.read_text(encoding="utf-8") for path in book.glob("*.ipynb")]
    parts = {part for text in chapters for part in re.findall(r":::\{live\} (\w+)", text)}
    scripts = {path.stem for path in SCRIPTS.glob("*.js")}
    assert scripts | {"digits"} == set(loaded) | parts  # the digits are written with the networks
