"""Networks trained on ImageNet, with inputs in [0, 1]: AlexNet, SqueezeNet and EfficientNet-Lite0.

Of AlexNet the five convolutions are shipped, its other layers used where the user has them. The
other two are shipped whole.
"""

from helpers.pretrained.classes import CLASSES
from helpers.pretrained.networks import NAMES, load

__all__ = ["CLASSES", "NAMES", "load"]
