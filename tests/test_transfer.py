import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from helpers import comparison, intervals, models, transfer


class Constant(nn.Module):
    """Answers `answer` to every image."""

    def __init__(self, answer: int) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, images: Tensor) -> Tensor:
        return torch.eye(10)[self.answer].expand(len(images), 10)


class Brightest(nn.Module):
    """Answers the place of the brightest of an image's first ten pixels."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :10]


def pictures(answers: list[int]) -> Tensor:
    """An image for each answer that Brightest gives to it."""
    return torch.nn.functional.one_hot(torch.tensor(answers), 16).reshape(-1, 1, 4, 4).float()


LABELS = torch.tensor([0, 1, 2, 3])


def test_error_matrix_by_hand() -> None:
    models = {"brightest": Brightest(), "always 1": Constant(1)}
    matrix = transfer.error_matrix(
        models, {"right": pictures([0, 1, 2, 3]), "half wrong": pictures([0, 1, 3, 2])}, LABELS
    )
    assert matrix.to_numpy().tolist() == [[0.0, 0.75], [0.5, 0.75]]
    assert list(matrix.columns) == ["brightest", "always 1"]
    assert list(matrix.index) == ["right", "half wrong"]
    assert matrix.index.name == "made for"


def test_errors_do_not_depend_on_the_batch_size() -> None:
    images, labels = (
        torch.rand(23, 1, 4, 4, generator=torch.Generator().manual_seed(0)),
        torch.arange(23) % 10,
    )
    expected = [
        max(range(10), key=lambda k: image.flatten()[k]) != label
        for image, label in zip(images, labels, strict=True)
    ]
    for size in (1, 7, 23, 100):
        assert transfer.errors(Brightest(), images, labels, size).tolist() == expected


def test_answers_may_be_asked_outside_the_box_and_errors_may_not() -> None:
    images = 3 * pictures([5, 6]) - 1
    assert transfer.answers(Brightest(), images).tolist() == [5, 6]
    with pytest.raises(ValueError, match=r"images: need values in \[0, 1\]"):
        transfer.errors(Brightest(), images, torch.tensor([5, 6]))


@pytest.mark.parametrize(
    ("labels", "message"),
    [(LABELS[:2], "shape"), (LABELS.float(), "int64"), (LABELS - 1, "class numbers")],
)
def test_labels_that_do_not_fit_are_refused(labels: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        transfer.error_rate(Brightest(), pictures([0, 1, 2, 3]), labels)


NAN, INF = float("nan"), float("inf")


class Returns(nn.Module):
    """Its output is a function of the images, whatever that is."""

    def __init__(self, function: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor) -> object:
        return self.function(images)


def logits(images: Tensor) -> Tensor:
    return images.flatten(1)[:, :10]


def spoilt(value: float, at: int) -> Callable[[Tensor], Tensor]:
    """Logits of which one, of the image that is brightest at pixel `at`, is `value`."""

    def function(images: Tensor) -> Tensor:
        found = logits(images).clone()
        found[images.flatten(1)[:, at] == 1, 7] = value
        return found

    return function


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: (logits(x), x), "model: need a tensor of logits, got tuple"),
        (lambda x: {"logits": logits(x)}, "model: need a tensor of logits, got dict"),
        (lambda x: logits(x)[..., None], r"of shape \[2, K\] with K at least 2, got \[2, 10, 1\]"),
        (lambda x: logits(x)[:, :1], r"with K at least 2, got \[2, 1\]"),
        (lambda x: logits(x)[:, 0], r"with K at least 2, got \[2\]"),
        (lambda x: logits(x).T, r"of shape \[2, K\] with K at least 2, got \[10, 2\]"),
        (lambda x: logits(x) * NAN, "NaN or infinity for 4 of 4 images"),
        (spoilt(NAN, 3), "model: need finite logits, got NaN or infinity for 1 of 4 images"),
        (spoilt(INF, 0), "model: need finite logits, got NaN or infinity for 1 of 4 images"),
    ],
)
def test_what_is_no_logits_is_refused(function: Callable[[Tensor], object], message: str) -> None:
    for call in (transfer.errors, lambda *all_: transfer.answers(all_[0], all_[1], all_[3])):
        with pytest.raises(ValueError, match=message):
            call(Returns(function), pictures([0, 1, 2, 3]), LABELS, 2)


def test_a_class_that_is_ruled_out_by_minus_infinity_is_never_the_answer() -> None:
    assert transfer.answers(Returns(spoilt(-INF, 3)), pictures([0, 1, 2, 3])).tolist() == [
        *range(4)
    ]


def test_the_images_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def count(images: Tensor) -> Tensor:
        sizes.append(len(images))
        return logits(images)

    transfer.error_rate(Returns(count), pictures([0, 1, 2, 3] * 100), LABELS.repeat(100))
    assert sizes == [250, 150]


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_a_batch_size_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises(ValueError, match=f"batch_size: need an integer of at least 1, got {size}"):
        transfer.errors(Brightest(), pictures([0, 1, 2, 3]), LABELS, size)


@pytest.mark.parametrize(
    "layer", [nn.Dropout(0.5), nn.Dropout2d(0.5), nn.BatchNorm2d(1), nn.RReLU()]
)
def test_a_layer_that_answers_otherwise_in_training_mode_is_refused_in_it(layer: nn.Module) -> None:
    model = nn.Sequential(layer, Brightest())
    images = pictures([0, 1, 2, 3])
    with pytest.raises(ValueError, match=rf"{type(layer).__name__} in training mode; call model"):
        transfer.answers(model, images)
    assert transfer.error_rate(model.eval(), images, LABELS) == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_of_another_precision_takes_images_of_it(dtype: torch.dtype) -> None:
    images = torch.rand(50, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for name in ("FC100-100-10", "ConvNet"):
        model = models.load(name)
        single = model(images)
        # The answers that rounding the weights to eight bits can't change.
        sure = (single.topk(2, dim=1).values.diff(dim=1) < -1).flatten()
        assert sure.sum() > 10
        found = transfer.answers(model.to(dtype), images.to(dtype))
        assert found.dtype == torch.int64
        assert torch.equal(found[sure], single.argmax(dim=1)[sure])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(4, 1, 28, 28).half(), "model: need the images' dtype torch.float16, got .*32"),
        (torch.rand(4, 1, 28, 28).double(), "model: need the images' dtype torch.float64"),
        (torch.rand(4, 1, 32, 32), r"images: need a size that fits the model, got \[1, 32, 32\]"),
    ],
)
def test_images_that_do_not_fit_the_model_are_told_by_argument(
    images: Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        transfer.error_rate(models.load("FC10(1)"), images, LABELS)


def test_an_error_of_the_networks_own_stays_what_it_is() -> None:
    def fails(images: Tensor) -> Tensor:
        if len(images) > 1:
            raise RuntimeError("not today")
        return logits(images)

    with pytest.raises(RuntimeError, match="not today"):
        transfer.answers(Returns(fails), pictures([0, 1]))


def test_the_first_of_equal_logits_is_the_answer() -> None:
    images = torch.randint(0, 3, (500, 1, 4, 4), generator=torch.Generator().manual_seed(0)) / 2
    expected = [row.index(max(row)) for row in logits(images).tolist()]
    assert transfer.answers(Brightest(), images).tolist() == expected


def test_labels_elsewhere_are_refused() -> None:
    images = pictures([0, 1, 2, 3])
    for call in (transfer.errors, transfer.error):
        with pytest.raises(ValueError, match="labels: need the images' device cpu, got meta"):
            call(Brightest(), images, torch.zeros(4, dtype=torch.int64, device="meta"))


def test_without_images_there_is_no_error_rate() -> None:
    empty = torch.empty(0, 1, 4, 4), torch.empty(0, dtype=torch.int64)
    assert transfer.errors(Brightest(), *empty).shape == (0,)
    assert math.isnan(transfer.error_rate(Brightest(), *empty))


def test_answers_take_part_in_autograd_free_arithmetic() -> None:
    wrong = transfer.errors(Brightest(), pictures([0, 2]), torch.tensor([0, 1]))
    wrong[0] = True  # an inference tensor could not be changed in place
    assert wrong.tolist() == [True, True]


def test_estimates_are_percentages_with_wilsons_interval() -> None:
    images = pictures([0] * 20)
    labels = torch.tensor([0] * 17 + [1] * 3)
    estimate: Any = transfer.estimates({"brightest": Brightest()}, {"made": images}, labels).iloc[
        0, 0
    ]
    z, p, n = stats.norm.ppf(0.975), 3 / 20, 20
    centre, half = (
        (p + z**2 / (2 * n)) / (1 + z**2 / n),
        z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n),
    )
    assert estimate.n == 20
    assert [estimate.value, estimate.low, estimate.high] == pytest.approx(
        [15.0, 100 * (centre - half), 100 * (centre + half)]
    )


def test_cells_are_held_against_the_papers_but_for_the_diagonals() -> None:
    cell = intervals.proportion(torch.arange(256) < 30).scaled(100)  # 11.7 %
    names = ["A", "B/1"]
    ours = pd.DataFrame([[cell] * 2] * 3, index=["A", "B/1", "amplified B/1"], columns=names)
    printed = pd.DataFrame(
        [[100.0, 11.7], [40.0, 100.0], [11.0, 98.0]], index=ours.index, columns=names
    )
    found = transfer.against_paper(ours, printed.assign(distortion=0.1), n=256)
    assert {pair: one.agrees for pair, one in found.items()} == {
        ("A", "B/1"): True,
        ("B/1", "A"): False,
        ("amplified B/1", "A"): True,
    }
    theirs = found["B/1", "A"].theirs
    assert (theirs.value, theirs.n) == (40.0, 256)
    far = intervals.difference(cell, intervals.printed(40.0, 256))
    assert found["B/1", "A"].difference.low == pytest.approx(far.low - 0.05)  # printed as 40.0


def test_newcombes_own_example() -> None:
    """56 of 70 against 48 of 80: 0.2000, 0.0524 to 0.3339 (Newcombe 1998, Table II, method 10)."""
    found = intervals.difference(intervals.printed(80.0, 70), intervals.printed(60.0, 80))
    assert [found.value, found.low, found.high] == pytest.approx([20.00, 5.24, 33.39], abs=0.01)
    assert found.n == 70


def test_the_intervals_of_a_difference_hold_it_in_about_95_of_100_cases() -> None:
    numbers = np.random.default_rng(0)
    first, second = numbers.binomial(256, 0.10, 300), numbers.binomial(256, 0.04, 300)
    found = [
        intervals.difference(intervals.printed(a / 2.56, 256), intervals.printed(b / 2.56, 256))
        for a, b in zip(first, second, strict=True)
    ]
    assert 0.92 <= np.mean([difference.low <= 6 <= difference.high for difference in found]) <= 0.98


def test_a_printed_percentage_keeps_its_value() -> None:
    found = intervals.printed(11.7, 256)
    assert (found.value, found.n) == (11.7, 256)
    assert found.low < 100 * 30 / 256 < found.high
    assert intervals.printed(0.0, 256).low == 0
    assert intervals.printed(100.0, 256).low == pytest.approx(98.52, abs=0.01)
    assert intervals.printed(100.0, 256).high == 100
    for percent, n in [(101.0, 10), (-1.0, 10), (5.0, 0), (math.nan, 10)]:
        with pytest.raises(ValueError, match="percent"):
            intervals.printed(percent, n)


def test_mcnemar_against_the_binomial_tail() -> None:
    more = torch.tensor([True] * 9 + [False] * 2 + [True] * 30)
    fewer = torch.tensor([False] * 9 + [True] * 2 + [True] * 30)
    assert comparison.paired(more, fewer) == pytest.approx(
        sum(math.comb(11, k) for k in range(9, 12)) / 2**11
    )
    assert comparison.paired(more, more) == 1.0
    assert comparison.paired(fewer, more) > 0.9
    with pytest.raises(ValueError, match="one length"):
        comparison.paired(more, fewer[:5])


def test_holm_by_hand() -> None:
    assert comparison.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert comparison.holm([0.5, 0.9]) == [1.0, 1.0]
    assert comparison.holm([]) == []
