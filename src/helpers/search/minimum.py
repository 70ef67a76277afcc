"""The adversarial search D(x, l): the shortest change within [0, 1] that makes a network say l.

Section 4.1 of Szegedy et al. (2014).
"""

import copy
import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import check
from helpers.search import adversarial, penalty, refine, walk
from helpers.search.adversarial import (
    Adversarial,
    Nearest,
    best_of_each,
    check_problem,
    ordinary,
    random_targets,
)

# The lead that a success keeps, in units of the dtype's epsilon times the image's largest logit:
# networks here err by 6 at most.
ROUNDING = 16
STEPS, ITERATIONS = 10, 25  # of the paper's method: values of c, L-BFGS steps for each
REFINEMENTS = 6  # of what it finds where walks have found nothing
ROWS, PIXELS = 512, 512 * 784  # searches at a time, and pixels of them all, at most


@dataclass(frozen=True)
class Stage:
    """A walk to the target's region, and a refinement of the nearer of what it and others found."""

    steps: int
    stride: float = 1.0
    noise: float = 0.0
    refinements: int = 0
    # Of an image's targets only those take part that are within this factor of the best so far.
    rival: float = math.inf


@dataclass(frozen=True)
class Plan:
    """What a search does for an image."""

    candidates: int  # "nearest" compares so many targets, the first to first order,
    reach: float  # as far as they are within so many times the distance of the first one
    scout: Stage | None  # all of these, first; a search for one target needs none
    stages: tuple[Stage, ...]  # one after the other


@dataclass(frozen=True)
class Effort:
    """How much a refined search does, by how much a gradient says about its neighbourhood.

    Where it says much, a short walk ends near a minimum, and linearisations find it. Where it says
    little, they find the nearest kink; there the walk goes on longer, along smoothed gradients, and
    targets are compared by what was found, as the first order ranks them badly.
    """

    smooth: Plan
    rough: Plan


EFFORTS = {
    "fast": Effort(
        smooth=Plan(1, 1.0, None, (Stage(40, refinements=1),)),
        rough=Plan(3, 1.5, Stage(8, stride=2.0), (Stage(40, stride=2.0, noise=1.0, rival=1.0),)),
    ),
    "best": Effort(
        smooth=Plan(4, 1.5, Stage(40, refinements=1), (Stage(100, refinements=6, rival=1.05),)),
        rough=Plan(
            9,
            4.0,
            Stage(12, stride=2.0),
            (
                Stage(200, stride=2.0, noise=2.0, rival=1.1),
                Stage(200, stride=2.0, noise=1.0, refinements=1, rival=1.03),
            ),
        ),
    ),
}
PENALTY = Plan(4, 1.5, None, ())  # the paper's method alone


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
        Of the refined search: "fast" or "best", which looks longer and at more targets. How an
        image is searched depends on how much its gradient says about its neighbourhood: where much,
        as in fully connected networks, by a short walk and linearisations; where little, as with
        convolutions and pooling, by long walks along smoothed gradients.
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
    size = max(1, min(ROWS, PIXELS // images[0].numel()))
    if isinstance(targets, Tensor):
        size = batch_size or size
        batches = zip(images.split(size), ordinary(targets).split(size), strict=True)
        return adversarial.join([search.given(*batch) for batch in batches])
    size = batch_size or max(1, size // PENALTY.candidates)  # each is searched several times
    batches = zip(images.split(size), labels.split(size), strict=True)
    return adversarial.join([search.nearest(*batch) for batch in batches])


@dataclass(frozen=True)
class _Pairs:
    """Images and their targets, those of an image together."""

    owner: Tensor  # int64 [p], the image that each pair belongs to, in ascending order
    images: Tensor  # [p, C, H, W]
    targets: Tensor  # int64 [p]
    margin: Tensor  # float64 [p], the lead that a success needs

    def take(self, rows: Tensor) -> "_Pairs":
        """The pairs that an index or a boolean mask names."""
        return _Pairs(self.owner[rows], self.images[rows], self.targets[rows], self.margin[rows])


@dataclass(frozen=True)
class _Search:
    """A network and how to search it."""

    model: nn.Module
    exact: nn.Module  # its float64 copy, which decides what is a success
    constraints: int  # how many of the highest logits its projections know
    effort: Effort | None  # none for the penalty method alone

    @property
    def plans(self) -> tuple[Plan, Plan]:
        """What is done for images of a smooth neighbourhood, and for those of a rough one."""
        return (self.effort.smooth, self.effort.rough) if self.effort else (PENALTY, PENALTY)

    def given(self, images: Tensor, targets: Tensor) -> Adversarial:
        """The search for one target for each image."""
        rows = torch.arange(len(images), device=images.device)
        found = self._all(
            *self._pairs(rows, images, targets), self._rough(images, targets), scouted=False
        )
        return dataclasses.replace(found, evaluations=found.evaluations + self._probes)

    def nearest(self, images: Tensor, labels: Tensor) -> Adversarial:
        """The best target of each image, among those that are near to first order."""
        candidates = refine.candidates(
            self.model,
            images,
            labels,
            most=max(plan.candidates for plan in self.plans),
            reach=max(plan.reach for plan in self.plans),
            constraints=self.constraints,
        )
        # An image's first target decides how it is searched, and so which others are, too.
        rough = self._rough(images, candidates.targets[candidates.place == 0])
        keep = torch.zeros_like(candidates.owner, dtype=torch.bool)
        for plan, chosen in zip(self.plans, (~rough, rough), strict=True):
            few = (candidates.place < plan.candidates) & (candidates.farther <= plan.reach)
            keep |= chosen[candidates.owner] & few
        owner, targets = candidates.owner[keep], candidates.targets[keep]
        result = self._all(*self._pairs(owner, images, targets), rough[owner], scouted=True)
        evaluations = torch.full_like(labels, candidates.evaluations + self._probes)
        evaluations = evaluations.scatter_add(0, owner, result.evaluations)
        best = adversarial.take(result, best_of_each(owner, result.l2))
        return dataclasses.replace(best, evaluations=evaluations)

    def _pairs(self, owner: Tensor, images: Tensor, targets: Tensor) -> tuple[_Pairs, Adversarial]:
        """Images with their targets, and the images themselves as results."""
        with torch.no_grad():
            logits = self.exact(images.double())
        scale = logits.abs().amax(dim=1).clamp(min=1e-30)
        margin = ROUNDING * torch.finfo(images.dtype).eps * scale
        pairs = _Pairs(owner, images[owner], targets, margin[owner])
        success = adversarial.lead(logits[owner], targets) >= pairs.margin
        once = torch.ones_like(targets)
        return pairs, adversarial.collect(pairs.images, pairs.images, targets, success, once)

    def _all(
        self, pairs: _Pairs, result: Adversarial, rough: Tensor, *, scouted: bool
    ) -> Adversarial:
        """The search for each pair, by the plan that suits its image: rough, bool [p]."""
        if not self.effort:
            return self._rescued(pairs, result, refinements=0)
        for plan, chosen in zip(self.plans, (~rough, rough), strict=True):
            rows = chosen.nonzero()[:, 0]
            stages = (plan.scout, *plan.stages) if scouted and plan.scout else plan.stages
            found = self._planned(pairs.take(rows), adversarial.take(result, rows), stages)
            result = adversarial.replace(result, rows, found)
        return result

    def _rough(self, images: Tensor, targets: Tensor) -> Tensor:
        """Whether gradients say little about each image's neighbourhood, bool [b]."""
        if not self.effort:
            return torch.zeros_like(targets, dtype=torch.bool)
        return walk.rough(self.model, images, targets)

    @property
    def _probes(self) -> int:
        """Evaluations of the network that tell the rough from the smooth."""
        return walk.PROBES if self.effort else 0

    def _planned(
        self, pairs: _Pairs, result: Adversarial, stages: tuple[Stage, ...]
    ) -> Adversarial:
        """The result after the stages, and after the penalty method where they find nothing."""
        for number, stage in enumerate(stages):
            rows = _rivals(pairs.owner, result.l2, stage.rival)
            again = self._walked(
                pairs.take(rows), adversarial.take(result, rows), stage, seed=number
            )
            result = adversarial.replace(result, rows, again)
        return self._rescued(pairs, result, refinements=REFINEMENTS)

    def _walked(self, pairs: _Pairs, result: Adversarial, stage: Stage, seed: int) -> Adversarial:
        """The result after one more stage."""
        if not len(pairs.owner):
            return result
        found = walk.walk(
            self.model,
            pairs.images,
            pairs.targets,
            self._aimed(pairs),
            steps=stage.steps,
            stride=stage.stride,
            noise=stage.noise,
            seed=seed,
        )
        return self._refined(pairs, _nearer(result, self._judged(pairs, found)), stage.refinements)

    def _rescued(self, pairs: _Pairs, result: Adversarial, refinements: int) -> Adversarial:
        """The result with the penalty method's for images without a success."""
        rows = _shortest(pairs.owner, result.l2).isinf().nonzero()[:, 0]
        if not len(rows):
            return result
        lost = pairs.take(rows)
        found = penalty.search(
            self.model,
            lost.images,
            lost.targets,
            self._aimed(lost),
            steps=STEPS,
            iterations=ITERATIONS,
        )
        again = _nearer(adversarial.take(result, rows), self._judged(lost, found))
        return adversarial.replace(result, rows, self._refined(lost, again, refinements))

    def _aimed(self, pairs: _Pairs) -> Tensor:
        """Twice the margin, [p]: what leads by it in the images' dtype leads by once in float64."""
        return 2 * pairs.margin.to(pairs.images.dtype)

    def _judged(self, pairs: _Pairs, found: Nearest) -> Adversarial:
        """What a part of the search found, where that is a success in float64."""
        images = found.x.reshape(pairs.images.shape)
        success = self._lead(images, pairs.targets) >= pairs.margin
        return adversarial.collect(
            pairs.images, images, pairs.targets, success, found.evaluations + 1
        )

    def _refined(self, pairs: _Pairs, result: Adversarial, steps: int) -> Adversarial:
        """The result with its successes refined, in float64, and rounded to the images' dtype."""
        rows = (result.success & (result.l2 > 0)).nonzero()[:, 0]
        if not len(rows) or not steps:
            return result
        pairs, start = pairs.take(rows), adversarial.take(result, rows)
        refined = refine.refine(
            self.exact,
            pairs.images.double(),
            start.images.double().flatten(1),
            pairs.targets,
            pairs.margin,
            gradients=self.model,
            steps=steps,
            constraints=self.constraints,
        )
        rounded = refined.x.to(pairs.images.dtype).reshape(pairs.images.shape)
        # Those that rounding spoils stay as they were.
        holds = self._lead(rounded, pairs.targets) >= pairs.margin
        found = torch.where(holds[:, None, None, None], rounded, start.images)
        evaluations = start.evaluations + refined.evaluations
        better = adversarial.collect(
            pairs.images, found, pairs.targets, torch.ones_like(holds), evaluations
        )
        return adversarial.replace(result, rows, better)

    def _lead(self, images: Tensor, targets: Tensor) -> Tensor:
        """The targets' lead in float64, [p]."""
        with torch.no_grad():
            return adversarial.lead(self.exact(images.double()), targets)


def _shortest(owner: Tensor, l2: Tensor) -> Tensor:
    """The shortest length of each pair's owner, [p]."""
    owners = int(owner.max()) + 1 if len(owner) else 0
    return l2.new_full((owners,), torch.inf).scatter_reduce(0, owner, l2, "amin")[owner]


def _rivals(owner: Tensor, l2: Tensor, factor: float) -> Tensor:
    """The rows of pairs that are within a factor of the best of their owner, int64 [r].

    Where an image is its own answer, there is nothing to be found.
    """
    shortest = _shortest(owner, l2)
    return ((shortest > 0) & (l2 <= factor * shortest)).nonzero()[:, 0]


def _nearer(first: Adversarial, second: Adversarial) -> Adversarial:
    """The nearer of two results for the same images and targets, with the evaluations of both."""
    rows = (second.l2 < first.l2).nonzero()[:, 0]
    best = adversarial.replace(first, rows, adversarial.take(second, rows))
    return dataclasses.replace(best, evaluations=first.evaluations + second.evaluations)
