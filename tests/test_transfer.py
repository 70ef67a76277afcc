import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from helpers import comparison, intervals, transfer


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
    estimate: Any = transfer.estimates({"brightest": Brightest()}, {"made": images}, labels).iat[
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
