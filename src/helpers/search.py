"""The adversarial search D(x, l): the shortest change within [0, 1] that makes a network say l (Szegedy et al. 2014, section 4.1)."""

import copy
import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import adversarial, check, penalty, refinement
from helpers.adversarial import Adversarial
from helpers.scipy_search import by_scipy, random_targets

__all__ = ["Adversarial", "by_scipy", "minimum_distortion", "random_targets"]

ROUNDING = 16  # the lead that a success keeps, in units of the dtype's epsilon times the image's largest logit: networks here err by 6 at most
PENALTY = {"steps": 10, "iterations": 25}  # the paper's method on its own: values of c, L-BFGS steps for each
START = {"steps": 2, "iterations": 5}  # as the start of a refinement, where that is enough for a success
REFINEMENTS = 6  # linearisations
CANDIDATES, REACH = 3, 1.5  # "nearest" searches so many targets, if no more than so much farther to first order than the first
RIVAL = 1.03  # and goes on refining those that are within this factor of the best after one linearisation
DOUBT = 1.25  # by which the length of an image that its linearisation led astray may be too long, at that point
ROWS = 512  # searches at a time


def minimum_distortion(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    targets: str | Tensor = "random",
    refine: bool = True,
    generator: torch.Generator | None = None,
    batch_size: int | None = None,
) -> Adversarial:
    """The nearest image to each image that the model classifies as its target, within [0, 1].

    images: [N, C, H, W] in [0, 1], of the model's dtype and on its device. labels: int64 [N]. targets: int64 [N], "random" for a
    class other than the label drawn with `generator`, or "nearest" for the best of all classes other than the label, of which
    only those that are nearest to first order are searched. refine: go on from the penalty method, which is all that the paper
    does, to a local minimum of the distance itself. batch_size: images in memory at a time.

    A success leads by 16 times the dtype's epsilon times the original's largest logit, evaluated in float64, so that it stays one
    alone, in a batch of any size and once saved. Where an image is classified as its target from the start, with that lead, it is
    its own answer and its distortion 0; "nearest" takes a misclassified image's own prediction so. A misclassified image is
    searched like any other: its distortion is its distance to the target, not to a mistake.
    Raises ValueError for images outside [0, 1], labels or targets that are not classes, and a model that is in training mode, on
    another device, random, or returns NaN. Source: D(x, l) in section 4.1 of Szegedy et al. (2014).
    """
    check.images(images)
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size: need at least 1, got {batch_size}")
    classes = adversarial.model(model, images) if len(images) else None
    check.labels(labels, len(images), classes)
    adversarial.targets(targets, len(images), classes)
    adversarial.device(images, labels=labels, targets=targets)
    if classes is None:
        return adversarial.collect(images, images, labels.clone(), labels.bool(), labels.clone())
    if isinstance(targets, str) and targets == "random":
        targets = random_targets(labels, classes, generator)
    search = _Search(model, copy.deepcopy(model).double(), classes, refine=refine)
    if isinstance(targets, Tensor):
        parts = [search.given(*part) for part in zip(images.split(batch_size or ROWS), targets.split(batch_size or ROWS), strict=True)]
    else:
        size = batch_size or ROWS // CANDIDATES
        parts = [search.nearest(*part) for part in zip(images.split(size), labels.split(size), strict=True)]
    return adversarial.join(parts)


@dataclass(frozen=True)
class _Search:
    """A network, its float64 copy, which decides what is a success, and whether to refine."""

    model: nn.Module
    exact: nn.Module
    classes: int
    refine: bool

    def given(self, images: Tensor, targets: Tensor) -> Adversarial:
        """The search for one target for each image."""
        if not self.refine:
            return self._start(images, targets, PENALTY)
        result, astray = self._refined(images, self._start(images, targets, START, PENALTY), REFINEMENTS)
        return self._again(images, result, astray)

    def nearest(self, images: Tensor, labels: Tensor) -> Adversarial:
        """The best target of each image, among those that are near to first order."""
        owner, targets = refinement.candidates(self.model, images, labels, classes=self.classes, most=CANDIDATES, reach=REACH)
        images = images[owner]
        if self.refine:
            result, astray = self._refined(images, self._start(images, targets, START, PENALTY), 1)
            length = torch.where(astray, result.l2 / DOUBT, result.l2)
            shortest = length.new_full((len(labels),), torch.inf).scatter_reduce(0, owner, length, "amin")
            rivals = (result.success & (length <= RIVAL * shortest[owner])).nonzero()[:, 0]
            better, _ = self._refined(images[rivals], adversarial.take(result, rivals), REFINEMENTS - 1)
            result = adversarial.replace(result, rivals, self._again(images[rivals], better, astray[rivals]))
        else:
            result = self._start(images, targets, PENALTY)
        order = result.l2.argsort(stable=True)
        order = order[owner[order].argsort(stable=True)]  # by image, the shortest first
        first = torch.ones_like(owner, dtype=torch.bool)
        first[1:] = owner[order][1:] != owner[order][:-1]
        evaluations = torch.full_like(labels, self.classes).scatter_add(0, owner, result.evaluations)
        return dataclasses.replace(adversarial.take(result, order[first]), evaluations=evaluations)

    def _start(self, images: Tensor, targets: Tensor, *efforts: dict[str, int]) -> Adversarial:
        """The penalty method, with more effort where less was not enough for a success."""
        lead, margin = self._lead(images, targets, images)
        found, success = images.clone(), lead >= margin
        evaluations = torch.ones_like(targets)
        for effort in efforts:
            rows = (~success).nonzero()[:, 0]
            if len(rows):
                start = penalty.search(self.model, images[rows], targets[rows], 2 * margin[rows].to(images.dtype), **effort)
                found[rows] = start.x.reshape(images[rows].shape)
                success = self._lead(found, targets, images)[0] >= margin
                evaluations[rows] += start.evaluations
        return adversarial.collect(images, found, targets, success, evaluations)

    def _again(self, images: Tensor, result: Adversarial, astray: Tensor) -> Adversarial:
        """The result, or that of a more thorough start, for images whose first linearisation led astray."""
        rows = astray.nonzero()[:, 0]
        if not len(rows):
            return result
        former = adversarial.take(result, rows)
        other, _ = self._refined(images[rows], self._start(images[rows], former.targets, PENALTY), REFINEMENTS)
        evaluations = former.evaluations + other.evaluations
        nearer = (other.l2 < former.l2).nonzero()[:, 0]
        best = adversarial.replace(former, nearer, adversarial.take(other, nearer))
        return adversarial.replace(result, rows, dataclasses.replace(best, evaluations=evaluations))

    def _refined(self, images: Tensor, result: Adversarial, steps: int) -> tuple[Adversarial, Tensor]:
        """The result with its successes refined, rounded to the images' dtype, and which the first linearisation led astray.

        Those that rounding spoils stay as they were.
        """
        astray = torch.zeros_like(result.success)
        rows = (result.success & (result.l2 > 0)).nonzero()[:, 0]
        if not len(rows):
            return result, astray
        originals, targets = images[rows], result.targets[rows]
        _, margin = self._lead(originals, targets, originals)
        start = result.images[rows].double().flatten(1)
        refined = refinement.refine(self.exact, originals.double(), start, targets, margin, classes=self.classes, steps=steps)
        rounded = refined.x.to(images.dtype).reshape(originals.shape)
        holds = self._lead(rounded, targets, originals)[0] >= margin
        found = torch.where(holds[:, None, None, None], rounded, result.images[rows])
        evaluations = result.evaluations[rows] + refined.evaluations
        better = adversarial.collect(originals, found, targets, torch.ones_like(holds), evaluations)
        astray[rows] = refined.astray
        return adversarial.replace(result, rows, better), astray

    def _lead(self, images: Tensor, targets: Tensor, originals: Tensor) -> tuple[Tensor, Tensor]:
        """The targets' lead in float64, [b], and the lead that a success needs, [b]."""
        with torch.no_grad():
            scale = self.exact(originals.double()).abs().amax(dim=1).clamp(min=1e-30)
            return adversarial.lead(self.exact(images.double()), targets), ROUNDING * torch.finfo(originals.dtype).eps * scale
