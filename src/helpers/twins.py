"""Noise twins: beside each adversarial image its original under noise, at exactly its distance."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import comparison, perturb, transfer
from helpers.search import Adversarial

SIGNIFICANT = 0.05  # of all comparisons of a table together


@dataclass(frozen=True)
class Excess:
    """How much more often than its noise twins the images made for one network fool another.

    Parameters
    ----------
    error, twin_error : float
        Of the other network in percent, on the images that were made and on their noise twins.
    points : float
        The difference of the two errors, in percentage points.
    p : float
        McNemar's one-sided p-value that it is none, corrected by Holm for all pairs of the table.
    """

    error: float
    twin_error: float
    points: float
    p: float

    @property
    def significant(self) -> bool:
        """Whether the adversarial images fool it more often, at 5 % for all pairs together."""
        return self.p < SIGNIFICANT


def twin(
    originals: Tensor, adversarial: Adversarial, generator: torch.Generator, *, box: bool = True
) -> Tensor:
    """Move each original along Gaussian noise to the distance of its adversarial image.

    Parameters
    ----------
    originals : Tensor
        Images [N, C, H, W] in [0, 1].
    adversarial : Adversarial
        What the search found for them; where it found nothing, the twin is the original.
    generator : torch.Generator
        Of the noise: one direction for each image, the same for the same generator.
    box : bool
        Whether the twin stays in [0, 1], what is cut off being made up for by going further.

    Returns
    -------
    Tensor
        Images [N, C, H, W], in [0, 1] if `box`.

    Raises
    ------
    ValueError
        For images out of range.

    Examples
    --------
    >>> x, one = torch.full((1, 1, 2, 2), 0.5), torch.ones(1)
    >>> made = Adversarial(x + 0.25, one.long(), one.bool(), 0.5 * one, 0.25 * one, one.long())
    >>> round((twin(x, made, torch.Generator().manual_seed(0)) - x).norm().item(), 4)
    0.5
    """
    direction = perturb.directions("noise", originals, generator)
    length = torch.where(adversarial.success, adversarial.l2, 0.0)
    if box:
        return perturb.at_length(originals, direction, length)
    unit = direction / direction.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return (originals + length.view(-1, 1, 1, 1) * unit).to(originals.dtype)


def beyond_noise(
    networks: Mapping[str, nn.Module],
    made_for: Mapping[str, Adversarial],
    originals: Tensor,
    labels: Tensor,
    *,
    seed: int,
    box: bool = True,
) -> dict[tuple[str, str], Excess]:
    """Compare, pair by pair, what adversarial images and their noise twins do to other networks.

    Parameters
    ----------
    networks : mapping
        The networks that are fed, by name.
    made_for : mapping
        What the search found for some of them, by name, on the same originals.
    originals : Tensor
        Images [N, C, H, W] in [0, 1].
    labels : Tensor
        Their classes, int64 [N].
    seed : int
        Of the noise: the same directions for every network that images are made for.
    box : bool
        As for `twin`.

    Returns
    -------
    dict
        An `Excess` by (made for, fed to), for pairs of different networks.

    Raises
    ------
    ValueError
        For originals out of range.

    Examples
    --------
    The classes are told apart by one pixel of two, and only the adversarial images change that one.

    >>> class Pixel(nn.Module):
    ...     def forward(self, x):
    ...         over = x.flatten(1)[:, 0] - 0.5999
    ...         return torch.stack([-over, over], dim=1)
    >>> x, one = torch.full((8, 1, 1, 2), 0.4), torch.ones(8)
    >>> moved = x + torch.tensor([0.2, 0.0])
    >>> made = Adversarial(moved, one.long(), one.bool(), 0.2 * one, 0.2 * one, one.long())
    >>> found = beyond_noise({"a": Pixel(), "b": Pixel()}, {"a": made}, x, 0 * one.long(), seed=0)
    >>> list(found), found["a", "b"].points, found["a", "b"].significant
    ([('a', 'b')], 100.0, True)
    """
    errors: dict[tuple[str, str], tuple[float, float, float]] = {}
    p_values: dict[tuple[str, str], float] = {}
    for maker, made in made_for.items():
        noisy = twin(originals, made, torch.Generator().manual_seed(seed), box=box)
        for fed, network in networks.items():
            if fed == maker:
                continue
            wrong = transfer.answers(network, made.images) != labels
            wrong_noise = transfer.answers(network, noisy) != labels
            # Both sets come from the same originals, so the test is the paired one.
            p_values[maker, fed] = comparison.paired(wrong, wrong_noise)
            error, twin_error = wrong.float().mean(), wrong_noise.float().mean()
            rise = error - twin_error
            errors[maker, fed] = 100 * error.item(), 100 * twin_error.item(), 100 * rise.item()
    corrected = comparison.holm(list(p_values.values()))
    return {pair: Excess(*errors[pair], p) for pair, p in zip(p_values, corrected, strict=True)}
