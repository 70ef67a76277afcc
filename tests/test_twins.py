"""Noise twins against their definition, and their comparison against SciPy's test done by hand."""

import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from helpers import twins
from helpers.search.adversarial import collect


def made(originals: Tensor, found: Tensor, success: list[bool]) -> twins.Adversarial:
    ones = torch.ones(len(originals), dtype=torch.int64)
    return collect(originals, found, ones, torch.tensor(success), ones)


@pytest.mark.parametrize("box", [True, False])
def test_a_twin_is_as_far_away_as_its_adversarial_image(
    generator: torch.Generator, box: bool
) -> None:
    originals = torch.rand(4, 1, 5, 5, generator=generator)
    found = (originals + 0.2 * torch.randn(originals.shape, generator=generator)).clamp(0, 1)
    adversarial = made(originals, found, [True, True, True, False])
    moved = twins.twin(originals, adversarial, torch.Generator().manual_seed(1), box=box)
    lengths = (moved.double() - originals.double()).flatten(1).norm(dim=1)
    assert lengths[:3].tolist() == pytest.approx(adversarial.l2[:3].tolist(), rel=1e-5)
    assert lengths[3] == 0
    assert not box or ((moved >= 0).all() and (moved <= 1).all())
    again = twins.twin(originals, adversarial, torch.Generator().manual_seed(1), box=box)
    assert torch.equal(moved, again)


class Bright(nn.Module):
    """Class 1 where an image's mean is above a threshold, else class 0."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, images: Tensor) -> Tensor:
        over = images.flatten(1).mean(dim=1) - self.threshold
        return torch.stack([-over, over], dim=1)


def test_the_excess_is_the_difference_of_errors_with_a_corrected_paired_test() -> None:
    originals = torch.full((12, 1, 4, 4), 0.4)
    labels = torch.zeros(12, dtype=torch.int64)
    brighter = originals + torch.linspace(0.05, 0.3, 12).view(-1, 1, 1, 1)
    adversarial = {"own": made(originals, brighter, [True] * 12)}
    networks = {"own": Bright(0.42), "near": Bright(0.5), "far": Bright(0.9)}
    found = twins.beyond_noise(networks, adversarial, originals, labels, seed=0)
    assert set(found) == {("own", "near"), ("own", "far")}
    wrong = int((brighter.flatten(1).mean(dim=1) > 0.5).sum())
    # Noise moves the mean of 16 pixels by a quarter of its distortion: it crosses 0.5 nowhere.
    noisy = twins.twin(originals, adversarial["own"], torch.Generator().manual_seed(0))
    crossed = int((noisy.flatten(1).mean(dim=1) > 0.5).sum())
    near = found["own", "near"]
    assert near.points == pytest.approx(100 * (wrong - crossed) / 12)
    p = stats.binomtest(wrong - crossed, wrong - crossed, alternative="greater").pvalue
    assert near.p == pytest.approx(2 * p)  # Holm: the smaller of two
    assert near.significant
    assert (found["own", "far"].points, found["own", "far"].p) == (0.0, 1.0)
