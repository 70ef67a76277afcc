"""The adversarial search D(x, l): the shortest change within [0, 1] that makes a network say l.

Section 4.1 of Szegedy et al. (2014).
"""

import copy
import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import check
from helpers.search import adversarial, penalty, refine, walk
from helpers.search.adversarial import (
    Adversarial,
    best_of_each,
    check_problem,
    ordinary,
    random_targets,
)

# The lead that a success keeps, in units of the dtype's epsilon times the image's largest logit:
# networks here err by 6 at most.
ROUNDING = 16
STEPS, ITERATIONS = 10, 25  # of the paper's method: values of c, L-BFGS steps for each
# "nearest" searches targets that are no more than so much farther to first order than the first.
REACH = 1.5
SCOUT = 40  # steps of the first walk to each of these
ROWS, PIXELS = 512, 512 * 784  # searches at a time, and pixels of them all, at most


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


@torch.inference_mode(mode=False)
def minimum_distortion(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    targets: str | Tensor = "random",
    refine: bool = True,
    effort: str = "best",
    constraints: int = 10,
    generator: torch.Generator | None = None,
    batch_size: int | None = None,
) -> Adversarial:
    """Find the nearest image to each image that the model classifies as its target.

    It lies within [0, 1]. A success leads by 16 times the dtype's epsilon times the original's
    largest logit, evaluated in float64, so that it stays one alone, in a batch of any size and once
    saved. Where an image is classified as its target from the start, with that lead, it is its own
    answer and its distortion 0; "nearest" takes a misclassified image's own prediction so. A
    misclassified image is searched like any other: its distortion is its distance to the target,
    not to a mistake.

    Parameters
    ----------
    model : nn.Module
        Images to logits [N, K], in evaluation mode, of the images' dtype and on their device.
    images : Tensor
        Images [N, C, H, W] in [0, 1], float32 or float64; the result has no graph to them.
    labels : Tensor
        Their classes, int64 [N].
    targets : str or Tensor
        Classes, int64 [N]; "random" for a class other than the label drawn with `generator`; or
        "nearest" for the best of all classes other than the label, of which only those that are
        nearest to first order are searched.
    refine : bool
        Whether to go on from the penalty method, which is all that the paper does, to a local
        minimum of the distance itself.
    effort : str
        Of the refined search: "fast" (an image is refined once, for its first target only) or
        "best".
    constraints : int
        How many of the highest logits beside the target's a step of the refinement knows, and
        "nearest" compares, at least 1. Time and memory grow with it, and not with the number of
        classes. What is a success all classes decide.
    generator : torch.Generator, optional
        Of random targets; torch's own where there is none.
    batch_size : int, optional
        Images in memory at a time, at least 1; left out, fewer the larger they are.

    Returns
    -------
    Adversarial
        One image for each, with its distance.

    Raises
    ------
    ValueError
        For images outside [0, 1], in half precision or of a size that the model does not take,
        for labels or targets that are not classes or on another device, and for a model that is in
        training mode, on another device, random, without a gradient, or returns NaN or no logits.

    References
    ----------
    D(x, l) in section 4.1 of Szegedy et al. (2014), Intriguing properties of neural networks.

    Examples
    --------
    A model that says 1 where the left pixel is lighter than the right one. From (0.2, 0.6) the
    boundary is nearest at (0.4, 0.4):

    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False)).eval()
    >>> _ = model[1].weight.data.copy_(torch.tensor([[-1.0, 1.0], [1.0, -1.0]]))
    >>> images = torch.tensor([0.2, 0.6]).view(1, 1, 1, 2)
    >>> found = minimum_distortion(model, images, torch.tensor([0]), targets="nearest")
    >>> found.success, found.targets
    (tensor([True]), tensor([1]))
    >>> found.images.flatten(), round(found.l2.item(), 3)
    (tensor([0.4000, 0.4000]), 0.283)
    """
    if batch_size is not None:
        check.count("batch_size", batch_size)
    check.count("constraints", constraints)
    check.choice("effort", effort, tuple(EFFORTS))
    if not refine and effort != "best":
        raise ValueError(f"effort: need refine=True for {effort!r}: it says how much is refined")
    classes = check_problem(model, images, labels, targets)
    images, labels = ordinary(images), ordinary(labels)
    if classes is None:
        return adversarial.collect(images, images, labels.clone(), labels.bool(), labels.clone())
    if isinstance(targets, str) and targets == "random":
        targets = random_targets(labels, classes, generator)
    search = _Search(
        model, copy.deepcopy(model).double(), constraints, EFFORTS[effort] if refine else None
    )
    most = max(1, min(ROWS, PIXELS // images[0].numel()))
    if isinstance(targets, Tensor):
        size = batch_size or most
        batches = zip(images.split(size), ordinary(targets).split(size), strict=True)
        return adversarial.join([search.given(*batch) for batch in batches])
    # Each image is searched so many times.
    size = batch_size or max(1, most // EFFORTS[effort].candidates)
    batches = zip(images.split(size), labels.split(size), strict=True)
    return adversarial.join([search.nearest(*batch) for batch in batches])


@dataclass(frozen=True)
class _Search:
    """A network and how to search it."""

    model: nn.Module
    exact: nn.Module  # its float64 copy, which decides what is a success
    constraints: int  # how many of the highest logits its projections know
    effort: Effort | None  # none for the penalty method alone

    def given(self, images: Tensor, targets: Tensor) -> Adversarial:
        """The search for one target for each image."""
        if not self.effort:
            return self._start(images, targets, strides=0)
        start = self._start(images, targets, strides=self.effort.walk)
        return self._refined(images, start, self.effort.refinements)

    def nearest(self, images: Tensor, labels: Tensor) -> Adversarial:
        """The best target of each image, among those that are near to first order."""
        most = (self.effort or EFFORTS["best"]).candidates
        candidates = refine.candidates(
            self.model, images, labels, most=most, reach=REACH, constraints=self.constraints
        )
        owner, targets = candidates.owner, candidates.targets
        if self.effort and most > 1:
            result = self._contest(images[owner], targets, owner, self.effort)
        else:
            result = self.given(images[owner], targets)
        evaluations = torch.full_like(labels, candidates.evaluations)
        evaluations = evaluations.scatter_add(0, owner, result.evaluations)
        best = adversarial.take(result, best_of_each(owner, result.l2))
        return dataclasses.replace(best, evaluations=evaluations)

    def _contest(
        self, images: Tensor, targets: Tensor, owner: Tensor, effort: Effort
    ) -> Adversarial:
        """The search for several targets of each image; in full only for those that may be best.

        owner: int64 [p], whose candidate an image and its target are.
        """
        result = self._refined(images, self._start(images, targets, strides=SCOUT), 1)
        shortest = torch.full_like(result.l2, torch.inf)
        shortest = shortest.scatter_reduce(0, owner, result.l2, "amin")[owner]
        rival = result.success & (result.l2 <= effort.rival * shortest)
        rows = rival.nonzero()[:, 0]
        # A rival is searched again by a longer walk, and goes on from the nearer of the two.
        again = self._start(images[rows], targets[rows], strides=effort.walk)
        start = _nearer(adversarial.take(result, rows), again)
        better = self._refined(images[rows], start, effort.refinements)
        return adversarial.replace(result, rows, better)

    def _start(self, images: Tensor, targets: Tensor, *, strides: int) -> Adversarial:
        """A success of each image, by a walk of so many steps.

        Where that fails, and where there are no strides, it is the penalty method's.
        """
        lead, margin = self._lead(images, targets, images)
        found, success = images.clone(), lead >= margin
        evaluations = torch.ones_like(targets)
        for steps in (strides, 0) if strides else (0,):
            rows = (~success).nonzero()[:, 0]
            if not len(rows):
                break
            # Twice the margin: what leads by it in the images' dtype leads by once in float64.
            problem = self.model, images[rows], targets[rows], 2 * margin[rows].to(images.dtype)
            if steps:
                start = walk.walk(*problem, steps=steps)
            else:
                start = penalty.search(*problem, steps=STEPS, iterations=ITERATIONS)
            found[rows] = start.x.reshape(images[rows].shape)
            success = self._lead(found, targets, images)[0] >= margin
            evaluations[rows] += start.evaluations
        return adversarial.collect(images, found, targets, success, evaluations)

    def _refined(self, images: Tensor, result: Adversarial, steps: int) -> Adversarial:
        """The result with its successes refined, in float64, and rounded to the images' dtype."""
        rows = (result.success & (result.l2 > 0)).nonzero()[:, 0]
        if not len(rows):
            return result
        originals, targets = images[rows], result.targets[rows]
        _, margin = self._lead(originals, targets, originals)
        refined = refine.refine(
            self.exact,
            originals.double(),
            result.images[rows].double().flatten(1),
            targets,
            margin,
            gradients=self.model,
            steps=steps,
            constraints=self.constraints,
        )
        rounded = refined.x.to(images.dtype).reshape(originals.shape)
        # Those that rounding spoils stay as they were.
        holds = self._lead(rounded, targets, originals)[0] >= margin
        found = torch.where(holds[:, None, None, None], rounded, result.images[rows])
        evaluations = result.evaluations[rows] + refined.evaluations
        success = torch.ones_like(holds)
        better = adversarial.collect(originals, found, targets, success, evaluations)
        return adversarial.replace(result, rows, better)

    def _lead(self, images: Tensor, targets: Tensor, originals: Tensor) -> tuple[Tensor, Tensor]:
        """The targets' lead in float64, [b], and the lead that a success needs, [b]."""
        with torch.no_grad():
            scale = self.exact(originals.double()).abs().amax(dim=1).clamp(min=1e-30)
            margin = ROUNDING * torch.finfo(originals.dtype).eps * scale
            return adversarial.lead(self.exact(images.double()), targets), margin


def _nearer(first: Adversarial, second: Adversarial) -> Adversarial:
    """The nearer of two results for the same images and targets, with the evaluations of both."""
    rows = (second.l2 < first.l2).nonzero()[:, 0]
    best = adversarial.replace(first, rows, adversarial.take(second, rows))
    return dataclasses.replace(best, evaluations=first.evaluations + second.evaluations)
