"""The Jacobian of a network's logits: its norm at images, and the image at which it is largest.

Each norm is a lower bound of the network's Lipschitz constant.
"""

import copy

import torch
from torch import Tensor, nn

from helpers import check, gram, lbfgsb
from helpers.lbfgsb import Minimum

BATCH = 64  # images at a time
ASIDE = 1e-9  # how far a pixel is moved, at most


def lower_bound(model: nn.Module, images: Tensor) -> float:
    """Lower bound of the Lipschitz constant: the largest of `jacobian_norms`.

    Parameters
    ----------
    model, images
        As for `jacobian_norms`.

    Returns
    -------
    float
        The bound, in logits per unit of l2.

    Raises
    ------
    ValueError
        As `jacobian_norms`.

    Examples
    --------
    >>> linear = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False)).eval()
    >>> linear[1].weight.data = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    >>> round(lower_bound(linear, torch.rand(5, 1, 1, 2)), 6)
    5.0
    """
    return jacobian_norms(model, images).max().item()


@torch.inference_mode(mode=False)
def jacobian_norms(model: nn.Module, images: Tensor) -> Tensor:
    """Spectral norm of the logits' Jacobian at each image, in logits per unit of l2.

    It is taken at the image with every pixel moved by up to 1e-9, within [0, 1]: where pooled
    pixels tie, as on an even background, what autograd gives for the image itself need not be a
    Jacobian of any image near it, and bounds nothing.

    Parameters
    ----------
    model : nn.Module
        Images to logits [N, K], in eval mode.
    images : Tensor
        [N, C, H, W] in [0, 1], at least one.

    Returns
    -------
    Tensor
        float64 [N]. Computed in float64, whatever the types of model and images, by K backward
        passes for each batch.

    Raises
    ------
    ValueError
        For images out of range or of a size that the model does not take, and for a model in
        training mode, one whose output is not finite logits [N, K], or one that autograd cannot
        differentiate.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False), nn.Sigmoid()).eval()
    >>> model[1].weight.data = torch.tensor([[4.0, 0.0], [0.0, 4.0]])
    >>> jacobian_norms(model, torch.zeros(1, 1, 1, 2)).tolist()  # the sigmoid's slope is 1 / 4
    [1.0]
    """
    exact = _exact(model, images)
    batches = torch.split(_beside(images), BATCH)
    return torch.cat([gram.norms(jacobians(exact, batch)) for batch in batches])


@torch.inference_mode(mode=False)
def jacobians(model: nn.Module, images: Tensor, *, differentiable: bool = False) -> Tensor:
    """The logits' Jacobian at each image, by K backward passes.

    Parameters
    ----------
    model : nn.Module
        Images to logits [N, K].
    images : Tensor
        [N, C, H, W], of the model's type and on its device.
    differentiable : bool
        Whether the result has a graph back to `images`, which then need a gradient.

    Returns
    -------
    Tensor
        [N, K, C * H * W], of the images' type.

    Raises
    ------
    ValueError
        For a model that autograd cannot differentiate.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False))
    >>> model[1].weight.data = torch.tensor([[3.0, 4.0]])
    >>> jacobians(model, torch.zeros(1, 1, 1, 2)).tolist()
    [[[3.0, 4.0]]]
    """
    return linearisation(model, images, differentiable=differentiable)[1]


@torch.inference_mode(mode=False)
def linearisation(
    model: nn.Module,
    images: Tensor,
    *,
    classes: Tensor | None = None,
    differentiable: bool = False,
) -> tuple[Tensor, Tensor]:
    """The logits at each image, with the Jacobian that `jacobians` returns.

    Parameters
    ----------
    model, images, differentiable
        As for `jacobians`.
    classes : Tensor, optional
        Which logits of each image are taken, int64 [N, k], by k backward passes; all K where it is
        left out.

    Returns
    -------
    logits : Tensor
        [N, K] or [N, k], of the images' type; without a graph, unless `differentiable`.
    jacobian : Tensor
        [N, K, C * H * W] or [N, k, C * H * W], of the images' type.

    Raises
    ------
    ValueError
        As `jacobians`.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False))
    >>> model[1].weight.data = torch.tensor([[3.0, 4.0]])
    >>> logits, slopes = linearisation(model, torch.ones(1, 1, 1, 2))
    >>> logits.tolist(), slopes.tolist()
    ([[7.0]], [[[3.0, 4.0]]])
    """
    with torch.enable_grad():
        # A clone, because autograd cannot use a tensor that was made in inference mode.
        images = images if differentiable else images.detach().clone().requires_grad_()
        logits = model(images)
        if not logits.requires_grad:
            raise ValueError(
                "model: need logits that autograd can differentiate, got none that are"
            )
        if classes is not None:
            logits = logits.gather(1, classes)
        # An image's logits depend on that image alone, so the gradient of a logit's sum over the
        # batch holds its gradient at every image.
        rows = [
            torch.autograd.grad(
                column.sum(), images, retain_graph=True, create_graph=differentiable
            )[0].flatten(1)
            for column in logits.unbind(dim=1)
        ]
    return logits if differentiable else logits.detach(), torch.stack(rows, dim=1)


@torch.inference_mode(mode=False)
def steepest(
    model: nn.Module, images: Tensor, *, starts: int = 16, iterations: int = 60
) -> Minimum:
    """Images of [0, 1] at which the Jacobian's norm is locally largest.

    Searched by L-BFGS-B from the images where it is largest. The gradient is that of a singular
    value, by a second backward pass: it is zero for a network with ReLU alone, whose Jacobian is
    piecewise constant, and the search stays where it starts.

    Parameters
    ----------
    model, images
        As for `jacobian_norms`.
    starts : int
        How many images to start from, at least 1.
    iterations : int
        Of L-BFGS-B from each start, at most.

    Returns
    -------
    Minimum
        Of minus the norm, in float64: the images `x` [S, C * H * W] and `value` [S]. S is `starts`,
        or the number of images where that is smaller.

    Raises
    ------
    ValueError
        As `jacobian_norms`, and for numbers below 1.

    Examples
    --------
    A unit s(4 x - 2) is steepest where its input is zero, at x = 1/2, with the slope 4 / 4:

    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(1, 1), nn.Sigmoid()).eval()
    >>> model[1].weight.data, model[1].bias.data = torch.tensor([[4.0]]), torch.tensor([-2.0])
    >>> found = steepest(model, torch.tensor([0.2]).view(1, 1, 1, 1))
    >>> round(found.x.item(), 3), round(-found.value.item(), 6)
    (0.5, 1.0)
    """
    check.count("starts", starts)
    check.count("iterations", iterations)
    exact, shape = _exact(model, images), images.shape[1:]
    order = jacobian_norms(model, images).argsort(descending=True)[:starts]

    def descend(x: Tensor, _rows: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            norms = gram.norms(jacobians(exact, x.view(-1, *shape), differentiable=True))
            # Of a network that is linear in the images the Jacobian does not depend on them.
            slopes = (
                torch.autograd.grad(norms.sum(), x, allow_unused=True)[0]
                if norms.requires_grad
                else None
            )
        return -norms.detach(), torch.zeros_like(x) if slopes is None else -slopes

    return lbfgsb.minimize(
        descend,
        _beside(images)[order].flatten(1),
        0.0,
        1.0,
        max_iterations=iterations,
        tolerance=1e-4,
    )


def _beside(images: Tensor) -> Tensor:
    """The images in float64, each pixel moved by up to ASIDE towards the middle of [0, 1].

    By another length each, so that no two pixels tie; the lengths are the same in every call.
    """
    generator = torch.Generator().manual_seed(0)
    lengths = torch.rand(images.shape, dtype=torch.float64, generator=generator)
    inwards = torch.where(images < 0.5, 1.0, -1.0)
    return images.detach().double() + ASIDE * lengths.to(images.device) * inwards


def _exact(model: nn.Module, images: Tensor) -> nn.Module:
    """The model in float64, once it and the images are checked."""
    check.images(images)
    if len(images) == 0:
        raise ValueError("images: need at least one, got none")
    check.evaluation(model)
    exact = copy.deepcopy(model).double().requires_grad_(requires_grad=False)
    check.logits(exact, images[:1].detach().double())
    return exact
