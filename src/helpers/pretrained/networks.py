"""The networks by name."""

from collections.abc import Callable

import torch
from torch import nn

from helpers import check
from helpers.pretrained import alexnet, efficientnet, squeezenet

SHIPPED: dict[str, Callable[[], nn.Sequential]] = {
    "squeezenet": squeezenet.network,
    "efficientnet-lite0": efficientnet.network,
}
NAMES = ("alexnet", *SHIPPED)


def load(name: str, device: torch.device | str = "cpu", *, download: bool = False) -> nn.Sequential:
    """A network trained on ImageNet, in evaluation mode, gradients off.

    Parameters
    ----------
    name : {"alexnet", "squeezenet", "efficientnet-lite0"}
        Which network.
    device : torch.device or str, optional
        Where it is put.
    download : bool, optional
        Whether torchvision's official weights of AlexNet, 233 MB, may be fetched into torch hub's
        cache.

    Returns
    -------
    nn.Sequential
        Takes images [N, 3, 224, 224] in [0, 1] to logits [N, 1000] of `CLASSES`, in float32. Its
        layers have names, the first is the normalisation. Of AlexNet, all eight layers where the
        official weights are at hand; else the five convolutions, which are shipped, with features
        [N, 256, 6, 6], and a line is printed that says so.

    Raises
    ------
    ValueError
        For an unknown name.
    FileNotFoundError, OSError
        Where a file is missing or damaged; it is named with the way to restore it.
    ConnectionError
        Where the download fails.

    References
    ----------
    A. Krizhevsky (2014), One weird trick for parallelizing convolutional neural networks, whose
    kernels, 64-192-384-256-256, torchvision's variant has. Krizhevsky et al. (2012) have
    96-256-384-384-256. Iandola et al. (2016), SqueezeNet, in its version 1.1. Tan and Le (2019),
    EfficientNet; its Lite variants came in 2020.

    Examples
    --------
    >>> network = load("squeezenet")
    >>> images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    >>> network(images).shape
    torch.Size([2, 1000])
    >>> network.get_submodule("conv1")
    Conv2d(3, 64, kernel_size=(3, 3), stride=(2, 2))
    """
    check.choice("name", name, NAMES)
    model = SHIPPED[name]() if name in SHIPPED else alexnet.network(download=download)
    return model.to(device).eval().requires_grad_(requires_grad=False)
