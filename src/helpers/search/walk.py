"""A walk to the boundary whose direction and length are decoupled, for a whole batch.

It gives a good start for a refinement, on any network.
"""

import math

import torch
from torch import Tensor, nn

from helpers.search.adversarial import Nearest, lead

RESIZE = 0.05  # by which the length of the change grows before a success and shrinks after one
LAST = 0.01  # the last stride, as a part of the first


def walk(
    model: nn.Module, images: Tensor, targets: Tensor, margin: Tensor, *, steps: int
) -> Nearest:
    """The nearest success among `steps` points that follow the gradient of the target's lead.

    images: [b, C, H, W] in [0, 1]; returned where no point is a success. targets: int64 [b].
    margin: [b], by how much the target's logit must lead to be a success.
    At every step the change turns along the gradient, by strides that fall to LAST in a half
    cosine; then it is rescaled to a length of its own and clipped to the box. Rony et al. (2019),
    with two changes: lengths are in units of the distance to the boundary to first order, so that
    no scale is built in, and the lead takes the place of cross-entropy.
    """
    origins = images.flatten(1)
    change, best = torch.zeros_like(origins), origins.clone()
    shortest = torch.full_like(margin, torch.inf)
    unit = radius = torch.zeros_like(margin)
    for step in range(steps):
        value, slope = _lead(model, (origins + change).reshape(images.shape), targets)
        steepness = slope.norm(dim=1).clamp(min=torch.finfo(slope.dtype).tiny)
        if not step:
            # To first order the boundary is so far away; no farther than the box is wide.
            unit = radius = ((margin - value) / steepness).clamp(
                min=1e-6, max=origins.shape[1] ** 0.5
            )
        success, length = value >= margin, change.norm(dim=1)
        nearer = success & (length < shortest)
        best[nearer], shortest[nearer] = (origins + change)[nearer], length[nearer]
        # The length shrinks after a success and grows otherwise. Beyond the nearest success there
        # is nothing to be found.
        radius = (radius * torch.where(success, 1 - RESIZE, 1 + RESIZE)).minimum(shortest)
        # Long strides find the side of the boundary, short ones its nearest point.
        stride = LAST + (1 - LAST) * (1 + math.cos(math.pi * step / steps)) / 2
        change = change + slope * (stride * unit / steepness)[:, None]
        change = change * (radius / change.norm(dim=1).clamp(min=1e-12))[:, None]
        change = (origins + change).clamp(0, 1) - origins
    return Nearest(best, shortest.isfinite(), torch.full_like(targets, steps))


def _lead(model: nn.Module, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The targets' lead [b] and its gradient [b, n]."""
    with torch.enable_grad():
        point = images.detach().requires_grad_()
        value = lead(model(point), targets)
        (gradient,) = torch.autograd.grad(value.sum(), point)
    return value.detach(), gradient.flatten(1)
