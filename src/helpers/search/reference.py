"""The paper's search image by image with SciPy's L-BFGS-B.

It is slow, and an independent reference for the batched one.
"""

import math

import numpy as np
import torch
from scipy import optimize
from torch import Tensor, nn
from torch.nn import functional

from helpers import check
from helpers.search import adversarial
from helpers.search.adversarial import Adversarial, check_problem, ordinary, random_targets

FIRST = 0.1  # the first c
FACTOR = 10.0  # by which it grows or shrinks until it has been bracketed


@torch.inference_mode(mode=False)
def by_scipy(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    targets: str | Tensor = "random",
    generator: torch.Generator | None = None,
    steps: int = 10,
) -> Adversarial:
    """Find near images that the model classifies as their targets, with SciPy's L-BFGS-B.

    It is the paper's search, image by image: slow, and an independent reference for
    `minimum_distortion`.

    Parameters
    ----------
    model : nn.Module
        Images to logits [N, K], in evaluation mode, of the images' dtype and on their device.
    images : Tensor
        Images [N, C, H, W] in [0, 1], float32 or float64.
    labels : Tensor
        Their classes, int64 [N].
    targets : str or Tensor
        Classes, int64 [N], or "random" for a class other than the label, drawn with `generator`.
    generator : torch.Generator, optional
        Of random targets; torch's own where there is none.
    steps : int
        Values of c that are tried, at least 1.

    Returns
    -------
    Adversarial
        One image for each, with its distance.

    Raises
    ------
    ValueError
        As `minimum_distortion` does, and for the targets "nearest".

    References
    ----------
    D(x, l) in section 4.1 of Szegedy et al. (2014), Intriguing properties of neural networks.

    Examples
    --------
    A model that says 1 where the left pixel is lighter than the right one:

    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False)).eval()
    >>> _ = model[1].weight.data.copy_(torch.tensor([[-1.0, 1.0], [1.0, -1.0]]))
    >>> images = torch.tensor([0.2, 0.6]).view(1, 1, 1, 2)
    >>> found = by_scipy(model, images, torch.tensor([0]), targets=torch.tensor([1]))
    >>> found.success, round(found.l2.item(), 1)  # the boundary is 0.283 away
    (tensor([True]), 0.3)
    """
    check.count("steps", steps)
    classes = check_problem(model, images, labels, targets)
    if isinstance(targets, str) and targets == "nearest":
        raise ValueError('targets: need "random" or int64 [N] here, got "nearest"')
    if isinstance(targets, str):
        targets = random_targets(labels, classes or 2, generator)
    images, targets = ordinary(images), ordinary(targets)
    found, success = images.clone(), torch.zeros_like(targets, dtype=torch.bool)
    evaluations = torch.zeros_like(targets)
    for row, (image, target) in enumerate(zip(images, targets.tolist(), strict=True)):
        nearest, evaluations[row] = _one_by_scipy(model, image, target, steps)
        if nearest is not None:
            found[row], success[row] = nearest, True
    return adversarial.collect(images, found, targets, success, evaluations)


def _one_by_scipy(
    model: nn.Module, image: Tensor, target: int, steps: int
) -> tuple[Tensor | None, int]:
    """The nearest success of an image, if there is one, and the evaluations.

    The largest c that succeeds is searched for, by geometric bisection.
    """
    origin = _array(image)
    best, evaluations = None, 0
    low, high, c = 0.0, math.inf, FIRST
    wanted = torch.tensor([target], device=image.device)

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        """c|r| + cross-entropy(x + r, target) and its gradient."""
        with torch.enable_grad():
            point = torch.from_numpy(x).to(image).reshape(1, *image.shape).requires_grad_()
            loss = functional.cross_entropy(model(point), wanted)
            (slope,) = torch.autograd.grad(loss, point)
        length = float(np.linalg.norm(x - origin))
        # |r| has no gradient at r = 0; zero is one of its subgradients there.
        slope_of_length = c * (x - origin) / max(length, 1e-12)
        return float(loss.item() + c * length), _array(slope) + slope_of_length

    for _ in range(steps):
        # A run from the nearest success so far is short.
        start = origin if best is None else _array(best)
        result = optimize.minimize(
            objective, start, jac=True, method="L-BFGS-B", bounds=[(0, 1)] * len(origin)
        )
        evaluations += result.nfev + 1
        point = torch.from_numpy(result.x).to(image).reshape(image.shape)
        with torch.no_grad():
            succeeded = model(point[None]).argmax().item() == target
        if succeeded and (best is None or (point - image).norm() < (best - image).norm()):
            best = point
        # More weight on |r| gives a shorter r, as long as it still succeeds.
        low, high = (c, high) if succeeded else (low, c)
        if low > 0 and high < math.inf:
            c = math.sqrt(low * high)
        else:
            c *= FACTOR if succeeded else 1 / FACTOR
    return best, evaluations


def _array(image: Tensor) -> np.ndarray:
    """An image's pixels for SciPy, float64 [n]."""
    return image.flatten().double().cpu().numpy()
