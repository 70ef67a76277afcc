"""Networks from another start: as well trained, with other weights, the same for the same start."""

import pytest
import torch

from helpers import data, restarts, training, transfer
from helpers.data import Images


@pytest.fixture(scope="module")
def images() -> Images:
    return data.mnist("train")[:400]


@pytest.mark.parametrize("name", ["ConvNet", "FC100-100-10"])
def test_a_restart_learns_and_repeats(name: str, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "ITERATIONS", 20)
    first, same, other = (restarts.train(name, images, start) for start in (1, 1, 2))
    assert transfer.error_rate(first, *images) < 0.2
    assert not first.training
    assert not any(parameter.requires_grad for parameter in first.parameters())
    pairs = [(a, b, c) for a, b, c in zip(first.parameters(), same.parameters(), other.parameters(), strict=True) if a.ndim > 1]
    assert all(torch.equal(a, b) and not torch.equal(a, c) for a, b, c in pairs)


def test_a_restarted_autoencoder_has_a_sparse_code(images: Images) -> None:
    network = restarts.train("AE400-10", images, 1)
    with torch.no_grad():
        code = network[:3](images.images)
    assert code.mean() < 0.3
    assert code.std(dim=0).mean() > 0.05
