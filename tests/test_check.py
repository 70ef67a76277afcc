"""The checks at the door: what is in order passes, what is not is named."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from helpers import check


def test_a_device_that_is_not_here_is_answered_with_those_that_are() -> None:
    for name in ("cuda:99", "gpu", "mps:7", None):
        with pytest.raises(
            ValueError, match=f"unknown device {name!r}: this machine has auto, cpu"
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


def network() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).eval()


class Changed(nn.Module):
    """A layer whose output is made into something else."""

    def __init__(self, change: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: torch.Tensor) -> object:
        return self.change(x)


def test_a_model_in_order_has_its_number_of_classes() -> None:
    assert check.model(network(), torch.rand(2, 1, 2, 2)) == 3
    assert check.model(network().requires_grad_(False), torch.rand(100, 1, 2, 2)) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: (x, x), r"model: need logits of shape \[N, K\], got tuple"),
        (lambda x: {"logits": x}, "model: need logits of shape .* got dict"),
        (lambda x: x[:, :, None], r"model: need logits of shape .* got \[2, 3, 1\]"),
        (lambda x: x[:1], r"model: need logits of shape .* got \[1, 3\]"),
        (lambda x: x[:, :1], r"model: need logits .* with K at least 2, got \[2, 1\]"),
        (lambda x: x * torch.nan, "model: need finite logits"),
        (lambda x: x + torch.rand(()), "model: need the same logits"),
    ],
)
def test_a_model_that_does_not_classify_is_refused(
    change: Callable[[torch.Tensor], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check.model(nn.Sequential(network(), Changed(change)).eval(), torch.rand(2, 1, 2, 2))


def test_images_of_a_size_that_the_model_does_not_take_are_refused_by_name() -> None:
    for size in ((2, 1, 2, 3), (2, 1, 0, 2)):
        with pytest.raises(ValueError, match=r"images: need a size that fits the model, got \["):
            check.model(network(), torch.rand(size))


def test_a_model_without_a_gradient_is_refused() -> None:
    images = torch.rand(2, 1, 2, 2)
    check.differentiable(network(), images)
    check.differentiable(network().requires_grad_(False), images)
    for change in (torch.Tensor.detach, lambda x: x.round().long(), lambda x: x.argmax(dim=1)):
        with pytest.raises(ValueError, match="model: need logits that autograd can differentiate"):
            check.differentiable(nn.Sequential(network(), Changed(change)), images)
    # Its parameters have gradients, its images have none.
    hidden = nn.Sequential(Changed(torch.Tensor.detach), network())
    with pytest.raises(ValueError, match="model: need logits that autograd can differentiate"):
        check.differentiable(hidden, images)
    with torch.inference_mode():
        made = network()
        with pytest.raises(ValueError, match="model: need"):
            check.differentiable(network(), images)
    with pytest.raises(ValueError, match=r"made outside torch.inference_mode\(\)"):
        check.differentiable(made, images)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.zeros(1, 1, 2, 2, dtype=torch.uint8), "need a floating-point tensor"),
        (torch.zeros(2, 2), r"need shape \[N, C, H, W\]"),
        (torch.full((1, 1, 2, 2), torch.nan), "need finite values"),
        (torch.full((1, 1, 2, 2), -torch.inf), "need finite values"),
    ],
)
def test_bad_changes_are_refused_by_name(value: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=f"changes: {message}"):
        check.batch(value, "changes")


def test_good_changes_pass_in_any_range() -> None:
    check.batch(torch.full((1, 1, 2, 2), -100.0), "changes")
    check.batch(torch.rand(0, 1, 2, 2), "changes")


def test_half_precision_is_refused_by_name() -> None:
    check.full_precision(torch.rand(2, dtype=torch.float64))
    for dtype in (torch.float16, torch.bfloat16):
        with pytest.raises(ValueError, match=f"images: need float32 or float64, got {dtype}"):
            check.full_precision(torch.rand(2).to(dtype))
