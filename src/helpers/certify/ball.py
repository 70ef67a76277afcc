"""Linear functions over a ball of images cut with the box [0, 1]."""

from dataclasses import dataclass

import torch
from torch import Tensor

ITERATIONS = 12  # of greatest(), for the least value
FASTER = 1e3  # by which an iteration of greatest() may lengthen a step at most


@dataclass(frozen=True)
class Ball:
    """All images of [0, 1] no farther than `radius` [b] from `images` [b, C, H, W]."""

    images: Tensor
    radius: Tensor

    def least(self, coefficients: Tensor, constant: Tensor) -> Tensor:
        """A lower bound of <coefficients [b, s, ...], x> + constant [b, s] over the ball, [b, s].

        It is the least value, to about 1e-6 of what the ball changes.
        """
        pixels, coefficients = self.images.flatten(1), coefficients.flatten(2)
        value = constant + torch.einsum("bsi,bi->bs", coefficients, pixels)
        # The least of <a, r> is minus the greatest of <-a, r>.
        return value - greatest(
            -coefficients, -pixels, 1 - pixels, self.radius, iterations=ITERATIONS
        )

    def below(self, coefficients: Tensor, constant: Tensor) -> Tensor:
        """A quick bound below `least`, by Cauchy and Schwarz.

        Without the pixels that a bound of theirs keeps from moving the wrong way.
        """
        pixels, coefficients = self.images.flatten(1), coefficients.flatten(2)
        value = constant + torch.einsum("bsi,bi->bs", coefficients, pixels)
        falls, rises = ((room > 0).to(pixels)[:, None] for room in (pixels, 1 - pixels))
        # The function falls with a pixel of positive coefficient only where the pixel can fall.
        movable = coefficients * torch.where(coefficients > 0, falls, rises)
        return value - self.radius[:, None] * movable.norm(dim=2)


def greatest(
    coefficients: Tensor, low: Tensor, high: Tensor, radius: Tensor, *, iterations: int
) -> Tensor:
    """An upper bound of <a, r> over low <= r <= high, |r| <= radius, for coefficients a.

    a: [b, s, n], low <= 0 <= high: [b, n], radius: [b]; the result [b, s].

    By duality: r = clip(scale a) maximises <a, r> - |r|^2 / (2 scale), and for any scale > 0 the
    bound <a, r> + (radius^2 - |r|^2) / (2 scale) holds. It is the maximum itself where
    |r| = radius, to which each iteration brings the scale nearer.
    """
    low, high, radius = low[:, None], high[:, None], radius[:, None]
    tiny = torch.finfo(coefficients.dtype).tiny ** 0.5
    # Start where |r| would be the radius if no pixel that can move met its bound. Clipping only
    # shortens r, so this scale is too small, and the iteration rises from it to the right one.
    movable = torch.where(coefficients > 0, high > 0, low < 0)
    scale = radius / (coefficients * movable).norm(dim=2).clamp(min=tiny)
    for _ in range(iterations):
        wanted = coefficients * scale[..., None]
        step = torch.maximum(torch.minimum(wanted, high), low)
        # Pixels at their bounds stay there as the scale grows. What they leave of the squared
        # radius belongs to the free ones, whose length grows like the scale.
        free = (step * (step == wanted)).square().sum(dim=2)
        rest = radius.square() - step.square().sum(dim=2) + free
        scale = scale * (rest.clamp(min=0) / free.clamp(min=tiny)).sqrt().clamp(min=1, max=FASTER)
    step = torch.maximum(torch.minimum(coefficients * scale[..., None], high), low)
    slack = radius.square() - step.square().sum(dim=2)
    return (coefficients * step).sum(dim=2) + slack / (2 * scale.clamp(min=tiny))
