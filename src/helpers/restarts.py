"""The networks of the book trained again from another random start: what one training run cannot tell."""

import torch
from torch import nn

from helpers import models, training
from helpers.data import Images


def train(name: str, images: Images, start: int) -> nn.Sequential:
    """The network `name` trained on `images`, on their device, from starting weights (and batches) that the seed `start` decides.

    Of AE400-10 the autoencoder is trained and the softmax on its code is not: for looking at the hidden layer. Returned in evaluation mode,
    gradients off. Raises ValueError for an unknown name.
    """
    wanted, generator = models.specification(name), torch.Generator().manual_seed(start)
    model = models.build(name)
    training.initialise(model, generator)
    model.to(images.images.device)
    if wanted.method == "Adam":
        training.convnet(model, images, generator)
    elif wanted.coding:
        training.autoencoder(model.get_submodule("hidden1"), images.images, wanted.coding, generator)
    else:
        training.classifier(model, images, wanted.decay, iterations=training.ITERATIONS)
    return model.eval().requires_grad_(requires_grad=False)
