"""EfficientNet-Lite0: sixteen inverted bottlenecks, bounded rectifiers, no squeeze-and-excite.

Tan and Le (2019), EfficientNet; the Lite variants, made for phones, came in 2020. Its batch
normalisations are folded into the convolutions before them.
"""

from collections import OrderedDict

from torch import Tensor, nn

from helpers import places
from helpers.pretrained import weights

ASSET = places.ASSETS / "efficientnet-lite0" / "efficientnet-lite0.safetensors"
ASSET_SHA256 = "4368c06f2f44dd648a7ed3605abd09830d3a4973e92cf52a3f11111e3225860c"

# It was trained on (x - 127) / 128, for pixels x of 0 to 255.
MEAN, DEVIATION = (127 / 255,) * 3, (128 / 255,) * 3
# Each stage: how many blocks, their kernel, the stride of the first, the factor by which they widen
# their input, the channels that come in and go out.
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


class Bottleneck(nn.Sequential):
    """Widen, filter each channel by itself, narrow; then add the input where it has that shape."""

    def __init__(self, kernel: int, stride: int, factor: int, inputs: int, outputs: int) -> None:
        wide = factor * inputs
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if factor > 1:
            layers.update(expand=nn.Conv2d(inputs, wide, 1), relu1=nn.ReLU6())
        layers.update(_convolution("depthwise", wide, wide, kernel, stride, groups=wide))
        layers.update(relu2=nn.ReLU6(), project=nn.Conv2d(wide, outputs, 1))
        super().__init__(layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Take features [N, inputs, H, W] to [N, outputs, H / stride, W / stride]."""
        found = super().forward(x)
        return x + found if self.adds else found


def network() -> nn.Sequential:
    """The network with its weights: normalisation, stem, block1, ..., block16, head, pool, fc."""
    found = weights.read(ASSET, ASSET_SHA256)
    return weights.filled(_build, weights.normalisation(MEAN, DEVIATION), found)


def _build() -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(normalisation=nn.Identity())
    layers.update(_convolution("stem", 3, 32, 3, 2), relu1=nn.ReLU6())
    number = 0
    for count, kernel, first_stride, factor, first_inputs, outputs in STAGES:
        for place in range(count):
            number += 1
            stride, inputs = (1, outputs) if place else (first_stride, first_inputs)
            layers[f"block{number}"] = Bottleneck(kernel, stride, factor, inputs, outputs)
    layers.update(head=nn.Conv2d(320, 1280, 1), relu2=nn.ReLU6(), pool=nn.AdaptiveAvgPool2d(1))
    layers.update(flatten=nn.Flatten(), fc=nn.Linear(1280, 1000))
    return nn.Sequential(layers)


def _convolution(
    name: str, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1
) -> dict[str, nn.Module]:
    """A convolution by its name, with TensorFlow's padding, which is uneven where stride is 2."""
    if stride == 1:
        layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups)
        return {name: layer}
    before, after = (kernel - 2) // 2, (kernel - 1) // 2  # for inputs of even height and width
    return {
        f"{name}_padding": nn.ZeroPad2d((before, after, before, after)),
        name: nn.Conv2d(inputs, outputs, kernel, stride, groups=groups),
    }
