"""The adversarial search D(x, l): the shortest change within [0, 1] that makes a network say l (Szegedy et al. 2014, section 4.1)."""

import copy

import torch
from torch import Tensor, nn

from helpers import adversarial, check, penalty, refinement
from helpers.adversarial import Adversarial, lead
from helpers.scipy_search import by_scipy, random_targets

__all__ = ["Adversarial", "by_scipy", "minimum_distortion", "random_targets"]

ROUNDING = 16  # the lead that a success keeps, in units of the dtype's epsilon times the image's largest logit: networks here err by 6 at most
PENALTY = {"steps": 8, "iterations": 20}  # the paper's method on its own: values of c, L-BFGS steps for each
START = {"steps": 4, "iterations": 10}  # and as the start of a refinement
REFINEMENTS = 6  # linearisations
CANDIDATES = 4  # targets that "nearest" searches, of all K - 1, in the order of their linearised distance
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
    search = _Search(model, copy.deepcopy(model).double(), classes, refine)
    rows = max(1, ROWS // CANDIDATES) if isinstance(targets, str) else ROWS
    parts = [
        search.nearest(images[part], labels[part]) if isinstance(targets, str) else search.given(images[part], targets[part])
        for part in torch.arange(len(images), device=images.device).split(batch_size or rows)
    ]
    return adversarial.join(parts)


class _Search:
    """A network, its float64 copy and the settings of a search."""

    def __init__(self, model: nn.Module, exact: nn.Module, classes: int, refine: bool) -> None:
        self.model, self.exact, self.classes, self.refine = model, exact, classes, refine

    def given(self, images: Tensor, targets: Tensor) -> Adversarial:
        """The search for one target for each image."""
        with torch.no_grad():
            logits = self.exact(images.double())
        margin = ROUNDING * torch.finfo(images.dtype).eps * logits.abs().amax(dim=1)
        found, success = images.clone(), lead(logits, targets) >= margin
        evaluations = torch.ones_like(targets)
        rows = (~success).nonzero()[:, 0]
        if len(rows):
            found[rows], success[rows], used = self._search(images[rows], targets[rows], margin[rows])
            evaluations[rows] += used
        return adversarial.collect(images, found, targets, success, evaluations)

    def nearest(self, images: Tensor, labels: Tensor) -> Adversarial:
        """The search for the best target of each image, among the CANDIDATES that are nearest to first order."""
        order = refinement.rank(self.model, images, labels, self.classes)[:, : min(CANDIDATES, self.classes - 1)]
        count = order.shape[1]
        result = self.given(images.repeat_interleave(count, dim=0), order.flatten())
        best = result.l2.reshape(-1, count).argmin(dim=1) + torch.arange(len(images), device=images.device) * count
        evaluations = result.evaluations.reshape(-1, count).sum(dim=1) + self.classes
        return adversarial.collect(images, result.images[best], result.targets[best], result.success[best], evaluations)

    def _search(self, images: Tensor, targets: Tensor, margin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images, successes and evaluations where the original is no answer: the penalty method, then the refinement."""
        start = penalty.search(self.model, images, targets, 2 * margin.to(images.dtype), **(START if self.refine else PENALTY))
        found, success = start.x, self._holds(start.x, images, targets, margin) & start.success
        rows = success.nonzero()[:, 0]
        if self.refine and len(rows):
            refined = refinement.refine(
                self.exact, images[rows].double(), found[rows].double(), targets[rows], margin[rows], classes=self.classes, steps=REFINEMENTS
            )
            rounded = refined.x.to(images.dtype)
            holds = self._holds(rounded, images[rows], targets[rows], margin[rows])
            found[rows[holds]] = rounded[holds]
            start.evaluations[rows] += refined.evaluations
        return found.reshape(images.shape), success, start.evaluations

    def _holds(self, x: Tensor, images: Tensor, targets: Tensor, margin: Tensor) -> Tensor:
        """Whether the float64 network gives the target the lead that a success needs, bool [b]."""
        with torch.no_grad():
            return lead(self.exact(x.double().reshape(images.shape)), targets) >= margin
