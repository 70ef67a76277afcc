"""The search for the largest radius at which a margin is still proved, for a batch of images."""

import torch
from torch import Tensor

EDGE = 0.05  # of a bracket, at each end: no radius is tried there
LEAST_POWER = 0.1  # at which a margin is taken to fall


class Brackets:
    """For each image: between which radii its certified radius lies, and the radius to try next.

    A secant search in logarithms. The fraction of the original's margin that is lost grows like a
    power of the radius and is 1 at the root, so two tries give the power, and the power gives the
    root. Beside it `proved`, the largest radius with a positive margin, and `failed`, the smallest
    one without, close in on the root from both sides.
    """

    def __init__(
        self, margin: Tensor, radius: Tensor, *, power: float, farthest: float, tolerance: float
    ) -> None:
        """Brackets without a try yet, for a batch of b images.

        margin: [b], at the images themselves. radius: [b], the first to try. power: at which the
        margin is expected to fall, until there are two tries. farthest: the largest radius that
        makes sense. tolerance: the width of a bracket that is narrow enough, relative to `failed`.
        """
        self.margin, self.farthest, self.tolerance = margin, farthest, tolerance
        self.proved = torch.zeros_like(margin)
        self.failed = torch.full_like(margin, torch.inf)
        self.proposed = radius.clamp(max=farthest)
        self.power = torch.full_like(margin, power)
        self._last = torch.full_like(margin, torch.nan)  # the radius that was tried last
        self._lost = torch.full_like(margin, torch.nan)  # log of the fraction lost there

    def undecided(self) -> Tensor:
        """The rows of the images whose bracket is still too wide, int64 [r]."""
        wide = self.proved < (1 - self.tolerance) * self.failed
        # A misclassified image has the radius 0, and no image is beyond the farthest radius.
        return ((self.margin > 0) & wide & (self.proved < self.farthest)).nonzero()[:, 0]

    def narrow(self, rows: Tensor, margin: Tensor) -> None:
        """Take in the margins [r] proved for `rows` [r] at the proposed radii; propose the next."""
        radius, holds = self.proposed[rows], margin > 0
        self.proved[rows] = torch.where(holds, radius, self.proved[rows])
        self.failed[rows] = torch.where(holds, self.failed[rows], radius)
        self._learn(rows, radius, margin)
        self.proposed = self._next()

    def _learn(self, rows: Tensor, radius: Tensor, margin: Tensor) -> None:
        """The power at which the margin falls, from this try and the one before."""
        # Rounding can leave a margin above the original's: nothing is lost, and there is no log.
        lost = (1 - margin / self.margin[rows]).clamp(min=torch.finfo(margin.dtype).eps).log()
        secant = (lost - self._lost[rows]) / (radius / self._last[rows]).log()
        # The first try has no secant (NaN); a flat or falling one would send the next try far off.
        sound = (secant > LEAST_POWER) & secant.isfinite()
        self.power[rows] = torch.where(sound, secant, self.power[rows])
        self._last[rows], self._lost[rows] = radius, lost

    def _next(self) -> Tensor:
        """The next radius to try, [b]: a little beyond the estimated root.

        Beyond as seen from the nearer end of the bracket. The try then most likely falls on the
        root's other side and moves the farther end, so that the bracket closes from both.
        """
        root = self._last * (-self._lost / self.power).exp()
        step = self.tolerance / 3
        beyond = torch.where(root - self.proved < self.failed - root, 1 + step, 1 - step)
        # Off the ends by a share of the bracket, so that even a try on the wrong side narrows it.
        edge = torch.where(self.failed.isfinite(), EDGE * (self.failed - self.proved), 0.0)
        least, most = self.proved + edge, (self.failed - edge).clamp(max=self.farthest)
        return torch.minimum(torch.maximum(root * beyond, least), most)
