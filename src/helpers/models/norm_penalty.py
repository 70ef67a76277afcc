"""The penalty on each layer's operator norm that some networks are trained with."""

import torch
from torch import Tensor, nn
from torch.nn import functional, grad

from helpers import gram

START = 50  # power iterations on each convolution before the first penalty


class NormPenalty:
    """Half the strength times the sum over layers of the squared operator norm.

    Calling it gives that, differentiable in the weights.

    A Linear's norm is exact: the root of the largest eigenvalue of its smaller Gram matrix. A
    Conv2d's is that of the layer as torch applies it, at its own input size and with zero padding:
    ||W v|| for a unit vector v that is kept between calls, and that each call first moves by one
    power iteration. So it follows weights that move slowly, as in training, and is never above the
    norm. A convolution's largest singular values are close together, a wave's and the shifted
    wave's, and v may be any mixture of theirs.

    Parameters
    ----------
    model : nn.Module
        The network; its Linear and Conv2d layers are penalised.
    image : Tensor
        Any input [1, C, H, W], for the sizes of the layers' inputs.
    strength : float
        At least 0.
    seed : int, optional
        Of the first vectors.

    Raises
    ------
    ValueError
        For a convolution that pads with anything but zeros.

    References
    ----------
    Szegedy et al. (2014), section 4.3, suggest to penalise each layer's upper Lipschitz bound. Y.
    Yoshida and T. Miyato (2017), Spectral norm regularization, for the vector that is kept.

    Examples
    --------
    >>> layer = nn.Linear(2, 2, bias=False)
    >>> with torch.no_grad():
    ...     _ = layer.weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 1.0]]))
    >>> penalty = NormPenalty(layer, torch.zeros(1, 2), strength=0.5)
    >>> f"{penalty().item():.2f}"
    '2.25'
    """

    def __init__(self, model: nn.Module, image: Tensor, strength: float, *, seed: int = 0) -> None:
        self.strength = strength
        self.linear = {
            name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)
        }
        self.convolutions = {
            name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)
        }
        for name, layer in self.convolutions.items():
            if layer.padding_mode != "zeros":
                raise ValueError(
                    "model: need convolutions that pad with zeros, "
                    f"got {layer.padding_mode} in {name}"
                )
        generator = torch.Generator().manual_seed(seed)
        self.vectors = {
            name: torch.randn(shape, generator=generator).to(image)
            for name, shape in _input_shapes(model, self.convolutions, image).items()
        }
        # A random vector is far from the leading one: the first penalty needs more than one step.
        for _ in range(START):
            self._follow()

    def __call__(self) -> Tensor:
        """The penalty, a scalar; each convolution's vector is moved first."""
        self._follow()
        return self.strength / 2 * sum(self._squares().values(), torch.zeros(()))

    def norms(self) -> dict[str, float]:
        """The operator norm of each layer, by its name, as the penalty sees it."""
        with torch.no_grad():
            return {name: square.sqrt().item() for name, square in self._squares().items()}

    def _squares(self) -> dict[str, Tensor]:
        """The squared norm of each layer."""
        dense = {
            name: torch.linalg.eigvalsh(gram.smaller(layer.weight))[-1]
            for name, layer in self.linear.items()
        }
        # The vector is held fixed: at the leading one, that is the gradient of the norm itself.
        return dense | {
            name: _convolve(layer, self.vectors[name]).square().sum()
            for name, layer in self.convolutions.items()
        }

    def _follow(self) -> None:
        """One power iteration on each convolution: v becomes W^T W v, of length one."""
        with torch.no_grad():
            for name, layer in self.convolutions.items():
                vector, weight = self.vectors[name], layer.weight
                options = layer.stride, layer.padding, layer.dilation, layer.groups
                # The adjoint of a convolution is its gradient with respect to its input.
                image = grad.conv2d_input(vector.shape, weight, _convolve(layer, vector), *options)
                self.vectors[name] = functional.normalize(image.flatten(), dim=0).view_as(vector)


def _convolve(layer: nn.Conv2d, vector: Tensor) -> Tensor:
    """The layer without its bias."""
    return functional.conv2d(
        vector, layer.weight, None, layer.stride, layer.padding, layer.dilation, layer.groups
    )


def _input_shapes(
    model: nn.Module, layers: dict[str, nn.Conv2d], image: Tensor
) -> dict[str, torch.Size]:
    """The shape of each layer's input when the model gets `image`."""
    shapes: dict[str, torch.Size] = {}
    hooks = [
        layer.register_forward_hook(
            lambda _, inputs, __, name=name: shapes.update({name: inputs[0].shape})
        )
        for name, layer in layers.items()
    ]
    with torch.no_grad():
        model(image)
    for hook in hooks:
        hook.remove()
    return shapes
