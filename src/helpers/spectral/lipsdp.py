"""LipSDP: an upper bound of a fully connected network's Lipschitz constant.

It is smaller than the product of the layers' norms, because it knows that a unit has one slope for
all directions. Fazlyab et al. (2019), "Efficient and Accurate Estimation of Lipschitz Constants for
Deep Neural Networks".
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import check, gram
from helpers.spectral.chain import chain

SLOPES = {nn.Sigmoid: 0.25, nn.Tanh: 1.0, nn.ReLU: 1.0}  # the largest; the smallest is 0
# Of the smooth maximum of the eigenvalues that is minimised, one round each: the blunt ones come
# first, because a sharp one follows a single eigenvalue and hardly sees the others that are near.
SHARPNESS = (4, 16, 64)
SPARE = 1e-9  # relative, added to the bound for the rounding of its certificate


@dataclass(frozen=True)
class LipSDP:
    """An upper bound of a Lipschitz constant with what proves it.

    Attributes
    ----------
    value : float
        The bound, in logits per unit of l2.
    multipliers : tuple of Tensor
        One positive float64 vector for each hidden layer, which prove it: see `certificate`.

    Examples
    --------
    >>> LipSDP(value=2.5, multipliers=()).value
    2.5
    """

    value: float
    multipliers: tuple[Tensor, ...]


@torch.inference_mode(mode=False)
def upper_bound(model: nn.Module, input_shape: tuple[int, ...], *, iterations: int = 20) -> LipSDP:
    """Upper bound of the Lipschitz constant of a fully connected network, images to logits.

    Parameters
    ----------
    model : nn.Module
        Linear layers with Sigmoid, Tanh or ReLU between them, in eval mode.
    input_shape : tuple of int
        Of one image, without the batch.
    iterations : int
        Of L-BFGS, for each of three rounds, at least 1.

    Returns
    -------
    LipSDP
        The bound, at most the product of the layers' norms (but for SPARE), and its multipliers.
        Computed in float64 on the CPU.

    Raises
    ------
    ValueError
        For another network, or a shape that it does not take.

    Notes
    -----
    With slopes in [0, b], a change d of an activation's input and e of its output satisfy
    e' T (b d - e) >= 0 for every positive diagonal T. A quadratic form e' Q e is so at most
    b^2 d' T (2 T - Q)^-1 T d wherever 2 T > Q. In this way it is carried from the logits (Q = I)
    down to the image, where its largest eigenvalue is the squared bound. Any T proves a bound; the
    best are searched by L-BFGS, from those that prove the product of norms.

    References
    ----------
    Fazlyab et al. (2019), LipSDP-Neuron, solved here by its Schur complements.

    Examples
    --------
    One unit has a large weight before it, the other one after it. No path through the network has
    both, so its constant is 2, where the product of the norms is 4:

    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)).eval()
    >>> model[0].weight.data = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> model[2].weight.data = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> round(upper_bound(model, (2,)).value, 4)
    2.0
    """
    check.count("iterations", iterations)
    weights, slopes = _layers(model, input_shape)
    # At zero the variables prove the product of norms: no result is worse than that.
    variables = [
        torch.zeros(len(weight) + 1, dtype=torch.float64, requires_grad=True)
        for weight in weights[:-1]
    ]
    best = _prove(weights, slopes, variables)
    for sharpness in SHARPNESS if variables else ():
        optimizer = torch.optim.LBFGS(
            variables,
            max_iter=iterations,
            max_eval=2 * iterations,
            history_size=20,
            line_search_fn="strong_wolfe",
        )

        def closure(
            optimizer: torch.optim.Optimizer = optimizer, sharpness: int = sharpness
        ) -> Tensor:
            optimizer.zero_grad()
            # The logarithm, because steps should not depend on the size of the weights.
            value = _smooth_maximum(_eigenvalues(weights, slopes, variables)[0], sharpness).log()
            value.backward()
            return value

        with torch.enable_grad():
            optimizer.step(closure)
        # A smooth maximum can fall while the maximum itself rises.
        best = min(best, _prove(weights, slopes, variables), key=lambda bound: bound.value)
    return best


def certificate(model: nn.Module, input_shape: tuple[int, ...], bound: LipSDP) -> float:
    """The largest eigenvalue of the matrix that proves a bound, relative to the matrix' norm.

    The bound is proved where the matrix is negative semidefinite: where this is at most zero, but
    for rounding. The matrix is assembled whole, from the weights alone: a check that shares nothing
    with the search.

    Parameters
    ----------
    model, input_shape
        As for `upper_bound`.
    bound : LipSDP
        What `upper_bound` returned.

    Returns
    -------
    float
        In [-1, 1]; a proof has at most about 1e-12.

    Raises
    ------
    ValueError
        As `upper_bound`.

    Notes
    -----
    With x the change of the image and e_1, ..., e_n those of the hidden layers' outputs, the matrix
    is that of the quadratic form ::

        |W e_n|^2 - value^2 |x|^2 + sum of 2 e_k' T_k (b W_k e_(k-1) - e_k)

    The sum's terms are never negative, so where the form never is positive, the change of the
    logits ``|W e_n|`` is at most ``value |x|``.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 2)).eval()
    >>> model[0].weight.data = torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    >>> model[2].weight.data = torch.tensor([[1.0, 0.0], [-1.0, 2.0]])
    >>> bound = upper_bound(model, (2,))
    >>> smaller = LipSDP(bound.value / 2, bound.multipliers)
    >>> certificate(model, (2,), bound) <= 1e-12, certificate(model, (2,), smaller) <= 1e-12
    (True, False)
    """
    weights, slopes = _layers(model, input_shape)
    sizes = [weights[0].shape[1], *(len(weight) for weight in weights[:-1])]
    starts = torch.tensor([0, *sizes]).cumsum(0).tolist()
    form = torch.zeros(starts[-1], starts[-1], dtype=torch.float64)
    # The term of the image, - value^2 |x|^2.
    form[: sizes[0], : sizes[0]] = -(bound.value**2) * torch.eye(sizes[0], dtype=torch.float64)
    # Those of the hidden layers; the mixed ones are split between both triangles.
    for place, (weight, slope, multiplier) in enumerate(
        zip(weights, slopes, bound.multipliers, strict=False)
    ):
        before, here = (
            slice(starts[place], starts[place + 1]),
            slice(starts[place + 1], starts[place + 2]),
        )
        form[here, here] -= 2 * multiplier.diag()
        form[here, before] += slope * multiplier[:, None] * weight
        form[before, here] += slope * (multiplier[:, None] * weight).T
    # The term of the logits, |W e_n|^2; without hidden layers it falls on the image's.
    last = slice(starts[-2], starts[-1])
    form[last, last] += weights[-1].T @ weights[-1]
    eigenvalues = torch.linalg.eigvalsh(form)
    return (eigenvalues[-1] / eigenvalues.abs().max()).item()


def _layers(model: nn.Module, input_shape: tuple[int, ...]) -> tuple[list[Tensor], list[float]]:
    """The weights in float64 and the slope of each activation between them.

    Raises ValueError for a network of another kind.
    """
    modules = [step.module for step in chain(model, input_shape)]
    linear = [module for module in modules[::2] if isinstance(module, nn.Linear)]
    between = [module for module in modules[1::2] if type(module) in SLOPES]
    if len(linear) != len(between) + 1 or len(linear) + len(between) != len(modules):
        got = ", ".join(type(module).__name__ for module in modules)
        raise ValueError(f"model: need Linear layers with one activation between two, got {got}")
    # Clones, because autograd cannot use weights that were made in inference mode.
    weights = [module.weight.detach().clone().double().cpu() for module in linear]
    return weights, [SLOPES[type(module)] for module in between]


def _prove(weights: list[Tensor], slopes: list[float], variables: list[Tensor]) -> LipSDP:
    """The bound that the variables' multipliers prove."""
    with torch.no_grad():
        eigenvalues, multipliers = _eigenvalues(weights, slopes, variables)
    return LipSDP(eigenvalues[-1].sqrt().item() * (1 + SPARE), tuple(multipliers))


def _eigenvalues(
    weights: list[Tensor], slopes: list[float], variables: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """The eigenvalues of the form at the image, rising, and the multipliers.

    A layer's variables are the logarithms of its multipliers' proportions, and last that of how far
    2 T is beyond where it meets Q. At zero the multipliers are |Q|, all equal, which proves the
    product of the norms.
    """
    root = weights[-1].T  # Q = root root'
    multipliers: list[Tensor] = []
    for weight, slope, variable in zip(weights[-2::-1], slopes[::-1], variables[::-1], strict=True):
        # T must satisfy 2 T > Q. Of given proportions P it does from t P on, where t is half the
        # largest eigenvalue of P^-1/2 Q P^-1/2; any real variables are beyond that.
        proportions = variable[:-1].exp()
        scaled = root / proportions.sqrt()[:, None]
        least = torch.linalg.eigvalsh(gram.smaller(scaled))[-1] / 2
        multiplier = proportions * least * (1 + variable[-1].exp())
        # The Schur complement b^2 W' T (2 T - Q)^-1 T W is the next Q, one layer further down. With
        # 2 T - Q = L L' its root is (L^-1 b T W)', without an inverse.
        factor = torch.linalg.cholesky(2 * multiplier.diag() - root @ root.T)
        below = slope * multiplier[:, None] * weight
        root = torch.linalg.solve_triangular(factor, below, upper=False).T
        multipliers.insert(0, multiplier)
    return torch.linalg.eigvalsh(gram.smaller(root)).clamp(min=0), multipliers


def _smooth_maximum(values: Tensor, sharpness: int) -> Tensor:
    """The p-norm, p = sharpness, of nonnegative values: at least their maximum.

    Differentiable where several are equal, as the maximum itself is not.
    """
    top = values.max().detach()
    return top * (values / top).pow(sharpness).sum().pow(1 / sharpness)
