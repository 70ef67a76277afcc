"""The paper's search image by image with SciPy's L-BFGS-B: slow, and an independent reference for the batched one."""

import numpy as np
import torch
from scipy import optimize
from torch import Tensor, nn
from torch.nn import functional

from helpers import check
from helpers.search import adversarial
from helpers.search.adversarial import Adversarial, random_targets


def by_scipy(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    targets: str | Tensor = "random",
    generator: torch.Generator | None = None,
    steps: int = 10,
) -> Adversarial:
    """The paper's search, image by image with SciPy's L-BFGS-B: slow, and an independent reference for search.minimum_distortion.

    `steps` values of c are tried. Arguments, result and errors otherwise as in search.minimum_distortion; targets: no "nearest".
    """
    check.images(images)
    classes = check.model(model, images) if len(images) else 2
    check.labels(labels, len(images), classes)
    check.targets(targets, len(images), classes)
    check.same_device(images, labels=labels, targets=targets)
    if isinstance(targets, str) and targets == "nearest":
        raise ValueError('targets: need "random" or int64 [N] here, got "nearest"')
    if isinstance(targets, str):
        targets = random_targets(labels, classes, generator)
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
    """The nearest success over a geometric bisection for the largest c that succeeds, and the evaluations."""
    origin = image.flatten().double().cpu().numpy()
    best, evaluations = None, 0
    low, high, c = 0.0, np.inf, 0.1

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        """c|r| + cross-entropy(x + r, target) and its gradient."""
        point = torch.from_numpy(x).to(image).reshape(1, *image.shape).requires_grad_()
        loss = functional.cross_entropy(model(point), torch.tensor([target], device=point.device))
        (slope,) = torch.autograd.grad(loss, point)
        length = float(np.linalg.norm(x - origin))
        return float(loss.item() + c * length), slope.flatten().double().cpu().numpy() + c * (
            x - origin
        ) / max(length, 1e-12)

    for _ in range(steps):
        start = origin if best is None else best.flatten().double().cpu().numpy()
        result = optimize.minimize(
            objective, start, jac=True, method="L-BFGS-B", bounds=[(0, 1)] * len(origin)
        )
        evaluations += result.nfev + 1
        point = torch.from_numpy(result.x).to(image).reshape(image.shape)
        with torch.no_grad():
            succeeded = model(point[None]).argmax().item() == target
        if succeeded and (best is None or (point - image).norm() < (best - image).norm()):
            best = point
        low, high = (c, high) if succeeded else (low, c)
        c = (
            float(np.sqrt(low * high))
            if low > 0 and high < np.inf
            else c * (10.0 if succeeded else 0.1)
        )
    return best, evaluations
