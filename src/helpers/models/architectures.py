"""The architectures of the networks: fully connected with sigmoids, and a convolutional one."""

from collections import OrderedDict

from torch import nn

from helpers.models.specifications import specification

PIXELS, CLASSES = 28 * 28, 10


def build(name: str) -> nn.Sequential:
    """Build a network, untrained, with PyTorch's own starting weights.

    Parameters
    ----------
    name : str
        One of `models.SPECIFICATIONS`: an architecture, then, after a slash, what sets its training
        apart. Networks that differ in that alone are built alike.

    Returns
    -------
    nn.Sequential
        Maps images [N, 1, 28, 28] in [0, 1] to logits [N, 10]. Its layers have names, in order:
        flatten, hidden1, sigmoid1, ..., logits; or, for the ConvNet, conv1, relu1, pool1, ...,
        logits.

    Raises
    ------
    ValueError
        For a name that is not in SPECIFICATIONS.

    References
    ----------
    Szegedy et al. (2014), Tables 1 and 3. The ConvNet is ours: the paper's only one is AlexNet.

    Examples
    --------
    >>> [layer for layer, _ in build("FC100-100-10").named_children()]
    ['flatten', 'hidden1', 'sigmoid1', 'hidden2', 'sigmoid2', 'logits']
    """
    hidden = specification(name).hidden
    return _convnet(*hidden) if name.partition("/")[0] == "ConvNet" else _perceptron(hidden)


def _perceptron(hidden: tuple[int, ...]) -> nn.Sequential:
    """Fully connected layers with sigmoids between; without hidden ones, a softmax regression."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    inputs = PIXELS
    for number, units in enumerate(hidden, start=1):
        layers[f"hidden{number}"] = nn.Linear(inputs, units)
        layers[f"sigmoid{number}"] = nn.Sigmoid()
        inputs = units
    # The last layer ends at logits: the softmax is part of the loss.
    layers["logits"] = nn.Linear(inputs, CLASSES)
    return nn.Sequential(layers)


def _convnet(first: int, second: int, units: int) -> nn.Sequential:
    """Two convolutions of 5 x 5 with ReLU and max pooling, one hidden layer with ReLU, logits."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, first, 5, padding=2),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(first, second, 5, padding=2),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            # Two poolings halve 28 x 28 pixels to 7 x 7.
            hidden1=nn.Linear(second * 7 * 7, units),
            relu3=nn.ReLU(),
            logits=nn.Linear(units, CLASSES),
        )
    )
