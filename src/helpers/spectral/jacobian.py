"""The Jacobian of a network's logits: its norm at images, and the image at which it is largest. Lower bounds of the Lipschitz constant."""

import copy

import torch
from torch import Tensor, nn

from helpers import check, gram, lbfgsb
from helpers.lbfgsb import Minimum

BATCH = 64  # images at a time
ASIDE = 1e-9  # how far a pixel is moved, at most


def lower_bound(model: nn.Module, images: Tensor) -> float:
    """Lower bound of the Lipschitz constant: the largest of `jacobian_norms`."""
    return jacobian_norms(model, images).max().item()


@torch.inference_mode(mode=False)
def jacobian_norms(model: nn.Module, images: Tensor) -> Tensor:
    """Spectral norm of the logits' Jacobian at each image, float64 [N], in logits per unit of l2.

    At the image with every pixel moved by up to 1e-9, within [0, 1]: where pooled pixels tie, as on an even background, what autograd gives
    for the image itself need not be a Jacobian of any image near it, and bounds nothing.
    model: in eval mode; images to logits [N, K]. images: [N, C, H, W] in [0, 1], at least one. Computed in float64, K backward
    passes each. Raises ValueError for bad images or a model in training mode.
    """
    exact = _exact(model, images)
    return torch.cat(
        [gram.norms(jacobians(exact, batch)) for batch in torch.split(_beside(images), BATCH)]
    )


@torch.inference_mode(mode=False)
def jacobians(model: nn.Module, images: Tensor, *, differentiable: bool = False) -> Tensor:
    """The logits' Jacobian at each image, [N, K, pixels], by K backward passes. model: images [N, C, H, W] to logits [N, K]."""
    with torch.enable_grad():
        images = images if differentiable else images.detach().clone().requires_grad_()
        logits = model(images)
        if not logits.requires_grad:
            raise ValueError(
                "model: need logits that autograd can differentiate, got none that are"
            )
        rows = [
            torch.autograd.grad(
                column.sum(), images, retain_graph=True, create_graph=differentiable
            )[0].flatten(1)
            for column in logits.unbind(dim=1)
        ]
    return torch.stack(rows, dim=1)


@torch.inference_mode(mode=False)
def steepest(
    model: nn.Module, images: Tensor, *, starts: int = 16, iterations: int = 60
) -> Minimum:
    """Images of [0, 1] at which the Jacobian's norm is locally largest, searched from the `starts` images where it is largest.

    Arguments and errors: as for `jacobian_norms`. Returns lbfgsb's Minimum of minus the norm, float64: x [S, pixels], value [S]. The gradient is that of a
    singular value, by a second backward pass: it is zero for a network with ReLU alone, whose Jacobian is piecewise constant, and the search stays.
    """
    check.count("starts", starts)
    check.count("iterations", iterations)
    exact, shape = _exact(model, images), images.shape[1:]
    order = jacobian_norms(model, images).argsort(descending=True)[:starts]

    def descend(x: Tensor, _rows: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            norms = gram.norms(jacobians(exact, x.view(-1, *shape), differentiable=True))
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
    """The images in float64, each pixel moved by up to ASIDE towards the middle of [0, 1], by another length each."""
    lengths = torch.rand(
        images.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).to(images.device)
    return images.detach().double() + ASIDE * lengths * torch.where(images < 0.5, 1.0, -1.0)


def _exact(model: nn.Module, images: Tensor) -> nn.Module:
    """The model in float64, once it and the images are checked."""
    check.images(images)
    if len(images) == 0:
        raise ValueError("images: need at least one, got none")
    check.evaluation(model)
    exact = copy.deepcopy(model).double().requires_grad_(requires_grad=False)
    check.logits(exact, images[:1].detach().double())
    return exact
