import pytest
import torch

from helpers import check


def test_a_device_that_is_not_here_is_answered_with_those_that_are() -> None:
    for name in ("cuda:99", "gpu", "mps:7"):
        with pytest.raises(
            ValueError, match=f"unknown device '{name}': this machine has auto, cpu"
        ):
            check.device(name)


def test_auto_is_a_device_of_this_machine() -> None:
    assert check.device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            torch.zeros(2, 1, 4, 4, dtype=torch.uint8),
            "need a floating-point tensor, got torch.uint8",
        ),
        ([[0.5]], "need a floating-point tensor, got list"),
        (torch.zeros(1, 4, 4), r"need shape \[N, C, H, W\], got \[1, 4, 4\]"),
        (torch.full((1, 1, 2, 2), 1.01), r"need values in \[0, 1\], got \[1.01, 1.01\]"),
        (torch.full((1, 1, 2, 2), -0.5), r"need values in \[0, 1\]"),
        (torch.tensor([0.0, float("nan")]).view(1, 1, 1, 2), r"need values in \[0, 1\], got \[nan"),
        (torch.tensor([0.0, float("inf")]).view(1, 1, 1, 2), r"need values in \[0, 1\]"),
    ],
)
def test_bad_images_are_refused_by_name(images: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=f"originals: {message}"):
        check.images(images, "originals")


def test_good_images_pass() -> None:
    check.images(torch.rand(3, 1, 4, 4))
    check.images(torch.rand(0, 1, 4, 4))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0.0, 1.0]), "need an int64 tensor, got torch.float32"),
        (torch.tensor([0, 1, 2]), r"need shape \[2\], one for each image, got \[3\]"),
        (torch.tensor([0, 10]), r"need class numbers in \[0, 9\], got 0 to 10"),
        (torch.tensor([-1, 1]), r"need class numbers in \[0, 9\], got -1 to 1"),
    ],
)
def test_bad_labels_are_refused_by_name(labels: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=f"labels: {message}"):
        check.labels(labels, 2, 10)
