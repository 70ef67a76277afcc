"""A walk to the boundary whose direction and length are decoupled, for a whole batch.

It gives a good start for a refinement on smooth networks, and the minimum itself on rough ones.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers.search.adversarial import Nearest, lead

# The part of the first strides from which on they are so short that noise no longer helps.
QUIET = 0.3
LAST = 0.01  # the last stride, as a part of the distance to first order
# By how much the length of the change grows before a success and shrinks after one: e-fold in the
# course of a short walk, and never by less than the second number.
COURSE, RESIZE = 1.2, 0.05
PROBES = 2  # evaluations of `rough`
SMOOTH = 0.98  # the cosine between a gradient and that beside it, below which a network is rough


def walk(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    margin: Tensor,
    *,
    steps: int,
    stride: float = 1.0,
    noise: float = 0.0,
    seed: int = 0,
) -> Nearest:
    """The nearest success among `steps` points that follow the gradient of the target's lead.

    images: [b, C, H, W] in [0, 1]; returned where no point is a success. targets: int64 [b].
    margin: [b], by how much the target's logit must lead to be a success.
    At every step the change turns along the gradient, by strides that fall from `stride` to LAST in
    a half cosine; then it is rescaled to a length of its own and clipped to the box. Rony et al.
    (2019), with three changes: lengths are in units of the distance to the boundary to first order,
    so that no scale is built in; the lead takes the place of cross-entropy; and gradients may be
    taken at noisy points.

    Rectifiers and pooling make the lead piecewise linear. Of many small pieces, the gradient of the
    one that holds a point says little about its neighbours, and a walk that believes it ends in the
    nearest kink. The mean gradient of a neighbourhood is that of the lead smoothed over it
    (randomised smoothing, Duchi et al. 2012); one noisy point a step is an estimate of it, which
    the steps average. So the gradient is taken beside the present point, `noise` times the first
    order's distance away, and ever nearer as the strides fall. What is a success the present point
    itself decides. The noise is drawn from `seed` and is the same for all images, so that what is
    found for one does not depend on the others of its batch.
    """
    origins = images.flatten(1)
    change, best = torch.zeros_like(origins), origins.clone()
    shortest = torch.full_like(margin, torch.inf)
    unit = radius = torch.zeros_like(margin)
    evaluations = steps
    generator = torch.Generator().manual_seed(seed)

    def leads(logits: Tensor) -> Tensor:
        return lead(logits, targets)

    resize = max(RESIZE, COURSE / steps)
    for step in range(steps):
        remaining = (1 + math.cos(math.pi * step / steps)) / 2
        point = origins + change
        if step and noise and remaining > QUIET:
            with torch.no_grad():
                value = leads(model(point.reshape(images.shape)))
            beside = _beside(point, noise * remaining * unit, generator)
            _, slope = _slope(model, beside.reshape(images.shape), leads)
            evaluations += 1
        else:
            logits, slope = _slope(model, point.reshape(images.shape), leads)
            value = leads(logits)
        steepness = slope.norm(dim=1).clamp(min=torch.finfo(slope.dtype).tiny)
        if not step:
            # To first order the boundary is so far away; no farther than the box is wide.
            unit = radius = ((margin - value) / steepness).clamp(
                min=1e-6, max=origins.shape[1] ** 0.5
            )
        success, length = value >= margin, change.norm(dim=1)
        nearer = success & (length < shortest)
        best[nearer], shortest[nearer] = point[nearer], length[nearer]
        # The length shrinks after a success and grows otherwise. Beyond the nearest success there
        # is nothing to be found.
        radius = (radius * torch.where(success, 1 - resize, 1 + resize)).minimum(shortest)
        # Long strides find the side of the boundary, short ones its nearest point.
        length_of_stride = (LAST + (stride - LAST) * remaining) * unit
        change = change + slope * (length_of_stride / steepness)[:, None]
        change = change * (radius / change.norm(dim=1).clamp(min=1e-12))[:, None]
        change = (origins + change).clamp(0, 1) - origins
    return Nearest(best, shortest.isfinite(), torch.full_like(targets, evaluations))


def rough(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """Whether gradients at images say little about their neighbourhoods, bool [b].

    Compared are the gradients of the target's logit minus the prediction's: at the image, and at a
    noisy image, as far away as the boundary is to first order. PROBES evaluations.
    """
    origins, rows = images.flatten(1), torch.arange(len(images), device=images.device)
    logits, slope = _slope(model, images, lambda y: y[rows, targets] - y.amax(dim=1))
    predicted = logits.argmax(dim=1)

    def gained(logits: Tensor) -> Tensor:
        return logits[rows, targets] - logits[rows, predicted]

    steepness = slope.norm(dim=1)
    distance = (-gained(logits) / steepness).nan_to_num(0.0).clamp(max=origins.shape[1] ** 0.5)
    beside = _beside(origins, distance, torch.Generator().manual_seed(0))
    _, other = _slope(model, beside.reshape(images.shape), gained)
    # Without a gradient there is nothing to compare.
    return (steepness > 0) & (functional.cosine_similarity(slope, other, dim=1) < SMOOTH)


def _beside(points: Tensor, distance: Tensor, generator: torch.Generator) -> Tensor:
    """Noisy points [b, n] in the box, about so far [b] from points; one draw for all of them."""
    pixels = points.shape[1]
    noise = torch.randn(pixels, generator=generator, dtype=points.dtype).to(points.device)
    return (points + (distance / pixels**0.5)[:, None] * noise).clamp(0, 1)


def _slope(
    model: nn.Module, images: Tensor, function: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """The logits, [b, K], and the gradient of a function of them, [b, n]."""
    with torch.enable_grad():
        point = images.detach().requires_grad_()
        logits = model(point)
        (gradient,) = torch.autograd.grad(function(logits).sum(), point)
    return logits.detach(), gradient.flatten(1)
