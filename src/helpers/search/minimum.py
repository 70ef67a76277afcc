"""The adversarial search D(x, l): the shortest change within [0, 1] that makes a network say l (Szegedy et al. 2014, section 4.1)."""

import copy
import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import check
from helpers.search import adversarial, penalty, refine, walk
from helpers.search.adversarial import Adversarial, random_targets

ROUNDING = 16  # the lead that a success keeps, in units of the dtype's epsilon times the image's largest logit: networks here err by 6 at most
STEPS, ITERATIONS = 10, 25  # of the paper's method: values of c, L-BFGS steps for each
REACH = 1.5  # "nearest" searches targets that are no more than so much farther to first order than the first
SCOUT = 40  # steps of the first walk to each of these
ROWS = 512  # searches at a time


@dataclass(frozen=True)
class Effort:
    """How much a refined search does for an image."""

    walk: int  # steps of the walk to the target's region
    refinements: int  # linearisations from there
    candidates: int  # "nearest" walks to so many targets
    rival: float  # and goes on with those that are within this factor of the best


EFFORTS = {
    "fast": Effort(walk=40, refinements=1, candidates=1, rival=1.0),
    "best": Effort(walk=100, refinements=6, candidates=4, rival=1.05),
}


def minimum_distortion(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    targets: str | Tensor = "random",
    refine: bool = True,
    effort: str = "best",
    generator: torch.Generator | None = None,
    batch_size: int | None = None,
) -> Adversarial:
    """The nearest image to each image that the model classifies as its target, within [0, 1].

    images: [N, C, H, W] in [0, 1], of the model's dtype and on its device. labels: int64 [N]. targets: int64 [N], "random" for a
    class other than the label drawn with `generator`, or "nearest" for the best of all classes other than the label, of which
    only those that are nearest to first order are searched. refine: go on from the penalty method, which is all that the paper
    does, to a local minimum of the distance itself. effort: of this, "fast" (an image is refined once, for its first target only) or
    "best". batch_size: images in memory at a time.

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
    classes = check.model(model, images) if len(images) else None
    check.labels(labels, len(images), classes)
    check.targets(targets, len(images), classes)
    check.same_device(images, labels=labels, targets=targets)
    check.choice("effort", effort, tuple(EFFORTS))
    if not refine and effort != "best":
        raise ValueError(f"effort: need refine=True for {effort!r}: it says how much is refined")
    if classes is None:
        return adversarial.collect(images, images, labels.clone(), labels.bool(), labels.clone())
    if isinstance(targets, str) and targets == "random":
        targets = random_targets(labels, classes, generator)
    search = _Search(
        model, copy.deepcopy(model).double(), classes, EFFORTS[effort] if refine else None
    )
    if isinstance(targets, Tensor):
        parts = [
            search.given(*part)
            for part in zip(
                images.split(batch_size or ROWS), targets.split(batch_size or ROWS), strict=True
            )
        ]
    else:
        size = batch_size or ROWS // EFFORTS[effort].candidates
        parts = [
            search.nearest(*part)
            for part in zip(images.split(size), labels.split(size), strict=True)
        ]
    return adversarial.join(parts)


@dataclass(frozen=True)
class _Search:
    """A network, its float64 copy, which decides what is a success, and how to search; None for the penalty method alone."""

    model: nn.Module
    exact: nn.Module
    classes: int
    effort: Effort | None

    def given(self, images: Tensor, targets: Tensor) -> Adversarial:
        """The search for one target for each image."""
        if not self.effort:
            return self._start(images, targets, strides=0)
        return self._refined(
            images, self._start(images, targets, strides=self.effort.walk), self.effort.refinements
        )

    def nearest(self, images: Tensor, labels: Tensor) -> Adversarial:
        """The best target of each image, among those that are near to first order."""
        most = (self.effort or EFFORTS["best"]).candidates
        owner, targets = refine.candidates(
            self.model, images, labels, classes=self.classes, most=most, reach=REACH
        )
        images = images[owner]
        if not self.effort:
            result = self._start(images, targets, strides=0)
        elif most == 1:
            result = self.given(images, targets)
        else:
            result = self._refined(images, self._start(images, targets, strides=SCOUT), 1)
            shortest = result.l2.new_full((len(labels),), torch.inf).scatter_reduce(
                0, owner, result.l2, "amin"
            )
            rivals = (
                result.success & (result.l2 <= self.effort.rival * shortest[owner])
            ).nonzero()[:, 0]
            former, other = (
                adversarial.take(result, rivals),
                self._start(images[rivals], targets[rivals], strides=self.effort.walk),
            )
            better = self._refined(images[rivals], _nearer(former, other), self.effort.refinements)
            result = adversarial.replace(result, rivals, better)
        order = result.l2.argsort(stable=True)
        order = order[owner[order].argsort(stable=True)]  # by image, the shortest first
        first = torch.ones_like(owner, dtype=torch.bool)
        first[1:] = owner[order][1:] != owner[order][:-1]
        evaluations = torch.full_like(labels, self.classes).scatter_add(
            0, owner, result.evaluations
        )
        return dataclasses.replace(adversarial.take(result, order[first]), evaluations=evaluations)

    def _start(self, images: Tensor, targets: Tensor, *, strides: int) -> Adversarial:
        """A success of each image: by a walk of so many steps, and where that fails, or of none, by the penalty method."""
        lead, margin = self._lead(images, targets, images)
        found, success = images.clone(), lead >= margin
        evaluations = torch.ones_like(targets)
        for steps in (strides, 0) if strides else (0,):
            rows = (~success).nonzero()[:, 0]
            if len(rows):
                problem = self.model, images[rows], targets[rows], 2 * margin[rows].to(images.dtype)
                start = (
                    walk.walk(*problem, steps=steps)
                    if steps
                    else penalty.search(*problem, steps=STEPS, iterations=ITERATIONS)
                )
                found[rows] = start.x.reshape(images[rows].shape)
                success = self._lead(found, targets, images)[0] >= margin
                evaluations[rows] += start.evaluations
        return adversarial.collect(images, found, targets, success, evaluations)

    def _refined(self, images: Tensor, result: Adversarial, steps: int) -> Adversarial:
        """The result with its successes refined and rounded to the images' dtype; those that rounding spoils stay as they were."""
        rows = (result.success & (result.l2 > 0)).nonzero()[:, 0]
        if not len(rows):
            return result
        originals, targets = images[rows], result.targets[rows]
        _, margin = self._lead(originals, targets, originals)
        start = result.images[rows].double().flatten(1)
        refined = refine.refine(
            self.exact,
            originals.double(),
            start,
            targets,
            margin,
            gradients=self.model,
            classes=self.classes,
            steps=steps,
        )
        rounded = refined.x.to(images.dtype).reshape(originals.shape)
        holds = self._lead(rounded, targets, originals)[0] >= margin
        found = torch.where(holds[:, None, None, None], rounded, result.images[rows])
        evaluations = result.evaluations[rows] + refined.evaluations
        return adversarial.replace(
            result,
            rows,
            adversarial.collect(originals, found, targets, torch.ones_like(holds), evaluations),
        )

    def _lead(self, images: Tensor, targets: Tensor, originals: Tensor) -> tuple[Tensor, Tensor]:
        """The targets' lead in float64, [b], and the lead that a success needs, [b]."""
        with torch.no_grad():
            scale = self.exact(originals.double()).abs().amax(dim=1).clamp(min=1e-30)
            return adversarial.lead(self.exact(images.double()), targets), ROUNDING * torch.finfo(
                originals.dtype
            ).eps * scale


def _nearer(first: Adversarial, second: Adversarial) -> Adversarial:
    """The nearer of two results for the same images and targets, image by image, with the evaluations of both."""
    rows = (second.l2 < first.l2).nonzero()[:, 0]
    best = adversarial.replace(first, rows, adversarial.take(second, rows))
    return dataclasses.replace(best, evaluations=first.evaluations + second.evaluations)
