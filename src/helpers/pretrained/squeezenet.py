"""SqueezeNet 1.1: eight `fire` modules, and no fully connected layer.

Iandola et al. (2016), SqueezeNet: AlexNet-level accuracy with 50x fewer parameters.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from helpers import places
from helpers.pretrained import weights

ASSET = places.ASSETS / "squeezenet" / "squeezenet.safetensors"
ASSET_SHA256 = "7558d6a7eb2c83fbe02d8df0f654d5916e5bbbdb87aa29a334d1f522fa80d1f2"

# It was trained on pixels of 0 to 255, less ImageNet's mean in each channel.
MEAN, DEVIATION = (123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255)
# By the number of a fire module: its inputs, the channels that it squeezes them to, and those that
# each of its two branches expands these to.
FIRES = {
    2: (64, 16, 64),
    3: (128, 16, 64),
    4: (128, 32, 128),
    5: (256, 32, 128),
    6: (256, 48, 192),
    7: (384, 48, 192),
    8: (384, 64, 256),
    9: (512, 64, 256),
}


class Fire(nn.Module):
    """Few channels, then many: a 1 x 1 convolution, then a 1 x 1 and a 3 x 3 side by side."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Take features [N, inputs, H, W] to [N, 2 expanded, H, W]."""
        few = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(few), self.expand3x3(few)], dim=1).relu()


def network() -> nn.Sequential:
    """The network with its weights: normalisation, conv1, ..., fire9, conv10, pool10, flatten.

    The original has a rectifier after conv10, before the mean over all places. It is left out: a
    class that loses everywhere then had the logit 0 with the gradient 0, so that nothing would lead
    to it. The rectifier changes few answers, as the largest logit is hardly ever one that it cuts.
    """
    found = weights.read(ASSET, ASSET_SHA256)
    model = weights.filled(_build, weights.normalisation(MEAN, DEVIATION), found)
    # A third faster on a CPU, whose convolutions take the channels of a pixel together. (The
    # depthwise convolutions of EfficientNet-Lite0 become slower in float64.)
    return model.to(memory_format=torch.channels_last)


def _build() -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        normalisation=nn.Identity(),
        conv1=nn.Conv2d(3, 64, 3, stride=2),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(3, 2),
    )
    for number, sizes in FIRES.items():
        layers[f"fire{number}"] = Fire(*sizes)
        if number in (3, 5):
            layers[f"pool{number}"] = nn.MaxPool2d(3, 2)
    layers["conv10"] = nn.Conv2d(512, 1000, 1)
    layers["pool10"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    return nn.Sequential(layers)
