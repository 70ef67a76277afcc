"""The architectures of the networks: fully connected ones with sigmoids, and a convolutional one."""

from collections import OrderedDict

from torch import nn

from helpers.models.specifications import specification

PIXELS, CLASSES = 28 * 28, 10


def build(name: str) -> nn.Sequential:
    """The network `name`, untrained: images [N, 1, 28, 28] in [0, 1] to logits [N, 10].

    Its layers have names, in order: hidden1, sigmoid1, ..., logits; or for the ConvNet conv1, relu1, pool1, ..., logits.
    A name is an architecture, then, after a slash, what sets its training apart: networks that differ in that alone are built alike.
    Raises ValueError for a name that is not in SPECIFICATIONS. Architectures: Tables 1 and 3 of Szegedy et al. (2014).
    """
    hidden = specification(name).hidden
    return _convnet(*hidden) if name.partition("/")[0] == "ConvNet" else _perceptron(hidden)


def _perceptron(hidden: tuple[int, ...]) -> nn.Sequential:
    """Fully connected layers with sigmoids between them; without hidden layers, a softmax regression."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    inputs = PIXELS
    for number, units in enumerate(hidden, start=1):
        layers[f"hidden{number}"] = nn.Linear(inputs, units)
        layers[f"sigmoid{number}"] = nn.Sigmoid()
        inputs = units
    layers["logits"] = nn.Linear(inputs, CLASSES)
    return nn.Sequential(layers)


def _convnet(first: int, second: int, units: int) -> nn.Sequential:
    """Two convolutions of 5 x 5 with ReLU and max pooling, one hidden layer with ReLU, the logits."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, first, 5, padding=2),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(first, second, 5, padding=2),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            hidden1=nn.Linear(second * 7 * 7, units),
            relu3=nn.ReLU(),
            logits=nn.Linear(units, CLASSES),
        )
    )
