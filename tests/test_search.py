"""The adversarial search.

Successes that last, the exact minimum on linear nets, SciPy's results elsewhere, and bad input.
"""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from helpers import data, exact, models, search
from helpers.search import adversarial, minimum, minimum_distortion, projection
from helpers.search.adversarial import Adversarial

CLASSES, SIDE, COUNT = 5, 6, 24


def linear_network(seed: int = 0) -> nn.Sequential:
    return network(seed, nn.Linear(SIDE * SIDE, CLASSES))


def deep_network(seed: int = 0) -> nn.Sequential:
    return network(
        seed,
        nn.Linear(SIDE * SIDE, 20),
        nn.Sigmoid(),
        nn.Linear(20, 20),
        nn.Sigmoid(),
        nn.Linear(20, CLASSES),
    )


def network(seed: int, *layers: nn.Module) -> nn.Sequential:
    """The layers on flat images, with random weights, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), *layers)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(
                torch.randn(parameter.shape, generator=generator) * (3 / parameter.shape[-1] ** 0.5)
            )
    return model.eval().requires_grad_(False)


def pictures(count: int = COUNT, seed: int = 0) -> Tensor:
    """Images [count, 1, 6, 6], many of whose pixels are 0 or 1."""
    return (
        torch.rand(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) * 3 - 1
    ).clamp(0, 1)


def targeted(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """The predictions as labels, and targets that some image is classified as."""
    labels = model(images).argmax(dim=1)
    return labels, labels.roll(1)


def check_result(model: nn.Module, images: Tensor, found: Adversarial) -> None:
    """All that is promised of a result, whatever the search."""
    assert found.images.shape == images.shape
    assert found.images.dtype == images.dtype
    assert ((found.images >= 0) & (found.images <= 1)).all()
    change = (found.images.double() - images.double()).flatten(1)
    torch.testing.assert_close(found.l2[found.success], change.norm(dim=1)[found.success])
    torch.testing.assert_close(
        found.distortion[found.success], change.square().mean(dim=1).sqrt()[found.success]
    )
    assert found.l2[~found.success].isinf().all()
    assert (change[~found.success] == 0).all()
    assert (model(found.images).argmax(dim=1) == found.targets)[found.success].all()
    assert (found.evaluations > 0).all()


@pytest.mark.parametrize("refine", [False, True])
@pytest.mark.parametrize("build", [linear_network, deep_network])
def test_successes_last_alone_in_float64_and_on_disk(
    build: type, refine: bool, tmp_path: Path
) -> None:
    model, images = build(), pictures()
    labels, targets = targeted(model, images)
    found = minimum_distortion(model, images, labels, targets=targets, refine=refine)
    check_result(model, images, found)
    assert found.success.float().mean() >= 0.9
    torch.save(found.images, tmp_path / "images.pt")
    loaded = torch.load(tmp_path / "images.pt")
    alone = torch.cat([model(image[None]) for image in loaded])
    double = build().double()(loaded.double())
    for logits in (alone, double, model(loaded.repeat(7, 1, 1, 1))[: len(loaded)]):
        assert (logits.argmax(dim=1) == targets)[found.success].all()


@pytest.mark.parametrize("seed", range(3))
def test_refinement_meets_the_exact_minimum_on_linear_networks(seed: int) -> None:
    model, images = linear_network(seed), pictures(seed=seed)
    labels, targets = targeted(model, images)
    found = minimum_distortion(model, images, labels, targets=targets)
    optimum = exact.minimum_distortion(model[1].weight, model[1].bias, images, targets)
    assert torch.equal(found.success, optimum.success)
    torch.testing.assert_close(found.l2, optimum.l2, rtol=1e-4, atol=1e-5)


def test_penalty_alone_is_longer_than_the_exact_minimum_but_not_by_much() -> None:
    model, images = linear_network(), pictures()
    labels, targets = targeted(model, images)
    found = minimum_distortion(model, images, labels, targets=targets, refine=False)
    optimum = exact.minimum_distortion(model[1].weight, model[1].bias, images, targets)
    ratio = (found.l2 / optimum.l2)[found.success & (optimum.l2 > 0)]
    assert (ratio >= 1 - 1e-6).all()
    assert 1 < ratio.median() < 1.1


def test_it_finds_what_scipy_finds_image_by_image() -> None:
    model, images = deep_network(), pictures(8)
    labels, targets = targeted(model, images)
    reference = search.by_scipy(model, images, labels, targets=targets)
    check_result(model, images, reference)
    penalty = minimum_distortion(model, images, labels, targets=targets, refine=False)
    refined = minimum_distortion(model, images, labels, targets=targets)
    assert (penalty.success >= reference.success).all()
    both = reference.success
    assert penalty.l2[both].mean() <= 1.1 * reference.l2[both].mean()
    assert refined.l2[both].mean() <= reference.l2[both].mean()
    assert (refined.l2 <= penalty.l2 * 1.02).all()


def test_refinement_does_not_lose_to_the_penalty_method_where_the_boundary_has_kinks() -> None:
    model, images = (
        network(
            0,
            nn.Linear(SIDE * SIDE, 20),
            nn.ReLU(),
            nn.Linear(20, 20),
            nn.ReLU(),
            nn.Linear(20, CLASSES),
        ),
        pictures(),
    )
    labels, targets = targeted(model, images)
    penalty = minimum_distortion(model, images, labels, targets=targets, refine=False)
    refined = minimum_distortion(model, images, labels, targets=targets)
    check_result(model, images, refined)
    both = penalty.success & refined.success
    assert both.float().mean() >= 0.9
    assert refined.l2[both].mean() <= penalty.l2[both].mean()


def test_nearest_loses_nothing_to_a_search_of_every_class() -> None:
    model, images = deep_network(), pictures(12)
    labels = model(images).argmax(dim=1)
    nearest = minimum_distortion(model, images, labels, targets="nearest")
    check_result(model, images, nearest)
    assert (nearest.targets != labels).all()
    every = torch.stack(
        [
            minimum_distortion(model, images, labels, targets=(labels + shift) % CLASSES).l2
            for shift in range(1, CLASSES)
        ]
    )
    torch.testing.assert_close(nearest.l2.mean(), every.amin(dim=0).mean(), rtol=1e-2, atol=0.0)


@pytest.mark.parametrize("effort", search.EFFORTS)
def test_every_effort_meets_the_exact_nearest_on_linear_networks(effort: str) -> None:
    model, images = linear_network(), pictures()
    labels = model(images).argmax(dim=1)
    found = minimum_distortion(model, images, labels, targets="nearest", effort=effort)
    check_result(model, images, found)
    optimum = exact.minimum_distortion(model[1].weight, model[1].bias, images, found.targets)
    torch.testing.assert_close(found.l2, optimum.l2, rtol=1e-4, atol=1e-5)


def test_more_effort_finds_nearer_images() -> None:
    model, images = deep_network(), pictures()
    labels = model(images).argmax(dim=1)
    fast, best = (
        minimum_distortion(model, images, labels, targets="nearest", effort=effort)
        for effort in ("fast", "best")
    )
    assert (fast.evaluations < best.evaluations).all()
    assert best.l2.mean() <= fast.l2.mean()


def test_nearest_on_mnist_is_exact_for_a_linear_net() -> None:
    model = models.load("FC10(1e-4)")
    sample = data.mnist("train")[:200]
    images, labels = sample[model(sample.images).argmax(dim=1) == sample.labels][:32]
    nearest = minimum_distortion(model, images, labels, targets="nearest")
    layer = model.logits
    every = torch.stack(
        [
            exact.minimum_distortion(layer.weight, layer.bias, images, (labels + shift) % 10).l2
            for shift in range(1, 10)
        ]
    )
    torch.testing.assert_close(nearest.l2, every.amin(dim=0), rtol=1e-3, atol=1e-5)


def test_mnist_network_all_succeed_with_random_targets() -> None:
    model, (images, labels) = models.load("FC100-100-10"), data.mnist("train")[:32]
    found = minimum_distortion(model, images, labels, generator=torch.Generator().manual_seed(0))
    check_result(model, images, found)
    assert found.success.all()
    assert (found.targets != labels).all()
    assert 0.04 < found.distortion.mean() < 0.08


def test_batch_size_does_not_change_the_result() -> None:
    model, images = deep_network(), pictures()
    labels, targets = targeted(model, images)
    whole = minimum_distortion(model, images, labels, targets=targets)
    parts = minimum_distortion(model, images, labels, targets=targets, batch_size=7)
    torch.testing.assert_close(whole.l2, parts.l2, rtol=1e-2, atol=1e-4)
    assert torch.equal(whole.success, parts.success)


def test_float64_works_too() -> None:
    model, images = deep_network().double(), pictures().double()
    labels, targets = targeted(model, images)
    found = minimum_distortion(model, images, labels, targets=targets)
    check_result(model, images, found)
    assert found.success.float().mean() >= 0.9


def test_random_targets_are_uniform_over_the_other_classes_and_seeded() -> None:
    labels = torch.arange(5).repeat(2000)
    targets = search.random_targets(labels, 5, torch.Generator().manual_seed(0))
    counts = torch.zeros(5, 5).index_put((labels, targets), torch.ones(()), accumulate=True)
    assert (counts.diagonal() == 0).all()
    others = counts[~torch.eye(5, dtype=torch.bool)]
    assert ((others - 500).abs() < 100).all()
    assert torch.equal(targets, search.random_targets(labels, 5, torch.Generator().manual_seed(0)))
    with pytest.raises(ValueError, match="classes"):
        search.random_targets(labels, 1)
    with pytest.raises(ValueError, match=r"labels: need class numbers in \[0, 2\]"):
        search.random_targets(labels, 3)
    with pytest.raises(ValueError, match="labels: need an int64 tensor"):
        search.random_targets(labels / 2, 5)


@pytest.mark.parametrize("refine", [False, True])
def test_a_target_that_is_the_prediction_already_is_the_image_itself(refine: bool) -> None:
    model, images = deep_network(), pictures()
    labels, _ = targeted(model, images)
    for stated in (labels, labels.roll(1)):  # right and misclassified images
        found = minimum_distortion(model, images, stated, targets=labels, refine=refine)
        assert found.success.all()
        assert (found.l2 == 0).all()
        assert torch.equal(found.images, images)


def test_a_misclassified_image_is_its_own_nearest_mistake() -> None:
    model, images = deep_network(), pictures()
    predictions = model(images).argmax(dim=1)
    found = minimum_distortion(model, images, (predictions + 1) % CLASSES, targets="nearest")
    assert torch.equal(found.targets, predictions)
    assert (found.l2 == 0).all()


@pytest.mark.parametrize("refine", [False, True])
def test_a_class_that_never_wins_is_no_success(refine: bool) -> None:
    model, images = linear_network(), pictures()
    model[1].bias[2] = -1000.0
    labels = model(images).argmax(dim=1)
    found = minimum_distortion(
        model, images, labels, targets=torch.full((COUNT,), 2), refine=refine
    )
    check_result(model, images, found)
    assert not found.success.any()


@pytest.mark.parametrize("targets", ["random", "nearest"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_logits_are_no_success_and_no_hang(value: float, targets: str) -> None:
    model = linear_network()
    model[1].weight.zero_()
    model[1].bias.fill_(value)
    found = minimum_distortion(
        model, pictures(), torch.zeros(COUNT, dtype=torch.int64), targets=targets
    )
    check_result(model, pictures(), found)
    assert not found.success.any()


def test_two_classes() -> None:
    model, images = network(0, nn.Linear(SIDE * SIDE, 2)), pictures()
    found = minimum_distortion(model, images, model(images).argmax(dim=1), targets="nearest")
    check_result(model, images, found)
    assert (found.targets == 1 - model(images).argmax(dim=1)).all()


@pytest.mark.parametrize("targets", ["random", "nearest"])
def test_an_empty_batch_has_an_empty_result(targets: str) -> None:
    found = minimum_distortion(
        deep_network(), pictures(0), torch.zeros(0, dtype=torch.int64), targets=targets
    )
    assert len(found) == len(found.images) == len(found.l2) == 0


@given(st.lists(st.lists(st.sampled_from([0.5, 1.0, 2.0, torch.inf]), min_size=1), min_size=1))
def test_the_best_of_each_owner_is_its_first_shortest(lengths: list[list[float]]) -> None:
    owner = torch.tensor([row for row, values in enumerate(lengths) for _ in values])
    l2 = torch.tensor([value for values in lengths for value in values])
    starts = [sum(len(values) for values in lengths[:row]) for row in range(len(lengths))]
    expected = [
        start + values.index(min(values)) for start, values in zip(starts, lengths, strict=True)
    ]
    assert adversarial.best_of_each(owner, l2).tolist() == expected


def test_a_projection_changes_nothing_that_it_is_given() -> None:
    generator = torch.Generator().manual_seed(0)
    origins = torch.rand(20, 12, generator=generator, dtype=torch.float64)
    jacobian = torch.randn(20, 4, 12, generator=generator, dtype=torch.float64)
    logits = torch.randn(20, 4, generator=generator, dtype=torch.float64)
    targets = logits.argmin(dim=1)
    guess = projection.project(origins, jacobian, logits, targets).multipliers + 0.1
    arguments = (origins, jacobian, logits, targets, guess)
    copies = [part.clone() for part in arguments]
    again = projection.project(origins, jacobian, logits, targets, multipliers=guess)
    assert again.solved.any()
    assert all(torch.equal(part, copy) for part, copy in zip(arguments, copies, strict=True))


class Noisy(nn.Module):
    """A layer that adds noise in evaluation mode too."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x)


class Pair(nn.Module):
    """A layer that returns its input and something else."""

    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        return x, 1


class Detached(nn.Module):
    """A layer that hides its input from autograd."""

    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


class Rounded(nn.Module):
    """A layer that keeps of its input only which entry is the largest."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.one_hot(x.argmax(dim=1), CLASSES)


def with_grad(model: nn.Module) -> nn.Module:
    return model.requires_grad_()


def made_in_inference_mode() -> nn.Module:
    with torch.inference_mode():
        return deep_network()


class Broken(nn.Module):
    """A layer that returns NaN."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.nan


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"images": torch.zeros(COUNT, 1, SIDE, SIDE, dtype=torch.uint8)},
            "images: need a floating-point",
        ),
        ({"images": torch.full((COUNT, 1, SIDE, SIDE), 1.5)}, r"images: need values in \[0, 1\]"),
        ({"images": torch.full((COUNT, 1, SIDE, SIDE), torch.nan)}, "images: need values"),
        ({"images": torch.zeros(COUNT, SIDE * SIDE)}, "images: need shape"),
        (
            {"images": torch.zeros(COUNT, 1, SIDE, SIDE, dtype=torch.float64)},
            "model: need the images' dtype",
        ),
        ({"model": deep_network().to("meta")}, "model: need the images' device"),
        ({"labels": torch.zeros(COUNT)}, "labels: need an int64"),
        ({"labels": torch.full((COUNT,), CLASSES)}, "labels: need class numbers"),
        ({"labels": torch.zeros(3, dtype=torch.int64)}, "labels: need shape"),
        ({"targets": torch.full((COUNT,), CLASSES)}, "targets: need class numbers"),
        ({"targets": torch.full((COUNT,), -1)}, "targets: need class numbers"),
        ({"targets": torch.zeros(3, dtype=torch.int64)}, "targets: need shape"),
        ({"targets": "far"}, "unknown targets 'far'"),
        *(
            (
                {"images": pictures().to(dtype), "model": deep_network().to(dtype)},
                f"images: need float32 or float64, got {dtype}",
            )
            for dtype in (torch.float16, torch.bfloat16)
        ),
        (
            {"images": pictures()[..., :5]},
            r"images: need a size that fits the model, got \[1, 6, 5",
        ),
        ({"images": pictures().expand(-1, 3, -1, -1)}, "images: need a size that fits the model"),
        ({"labels": torch.zeros(COUNT, dtype=torch.int64, device="meta")}, "labels: need the im"),
        ({"targets": torch.zeros(COUNT, dtype=torch.int64, device="meta")}, "targets: need the im"),
        ({"model": deep_network().train()}, "model: need evaluation mode"),
        ({"model": nn.Sequential(linear_network(), Noisy()).eval()}, "model: need the same logits"),
        ({"model": nn.Sequential(linear_network(), Broken()).eval()}, "model: need finite logits"),
        ({"model": nn.Flatten(0).eval()}, "model: need logits of shape"),
        ({"model": nn.Sequential(linear_network(), Pair()).eval()}, "model: need logits.* tuple"),
        ({"model": nn.Sequential(Detached(), linear_network()).eval()}, "autograd can diff"),
        (
            {"model": nn.Sequential(Detached(), with_grad(linear_network())).eval()},
            "model: need logits that autograd can differentiate",
        ),
        ({"model": nn.Sequential(linear_network(), Rounded()).eval()}, "autograd can diff"),
        ({"model": made_in_inference_mode()}, r"model: .* made outside torch.inference_mode\(\)"),
    ],
)
@pytest.mark.parametrize("run", [minimum_distortion, search.by_scipy])
def test_bad_input_is_named(
    run: Callable[..., Adversarial], changes: dict[str, object], named: str
) -> None:
    arguments = {
        "model": deep_network(),
        "images": pictures(),
        "labels": torch.zeros(COUNT, dtype=torch.int64),
        **changes,
    }
    with pytest.raises(ValueError, match=named):
        run(**arguments)


@pytest.mark.parametrize(
    ("run", "options", "named"),
    [
        (minimum_distortion, {"batch_size": 0}, "batch_size: need an integer of at least 1"),
        (minimum_distortion, {"batch_size": 2.5}, "batch_size: need an integer of at least 1"),
        (minimum_distortion, {"constraints": 0}, "constraints: need an integer of at least 1"),
        (minimum_distortion, {"effort": "none"}, "unknown effort 'none': choose one of fast, best"),
        (minimum_distortion, {"effort": "fast", "refine": False}, "need refine=True for 'fast'"),
        (search.by_scipy, {"steps": 0}, "steps: need an integer of at least 1"),
        (search.by_scipy, {"targets": "nearest"}, "targets: need"),
    ],
)
def test_bad_options_are_named(
    run: Callable[..., Adversarial], options: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        run(deep_network(), pictures(), torch.zeros(COUNT, dtype=torch.int64), **options)


@pytest.mark.parametrize("refine", [False, True])
def test_images_that_need_gradients_leave_no_graph_on_the_result(refine: bool) -> None:
    model, images = deep_network(), pictures(6)
    labels, targets = targeted(model, images)
    tracked = images.clone().requires_grad_()
    for given_targets in (targets, "nearest"):
        expected, found = (
            minimum_distortion(model, x, labels, targets=given_targets, refine=refine)
            for x in (images, tracked)
        )
        for field in dataclasses.fields(Adversarial):
            value = getattr(found, field.name)
            assert not value.requires_grad
            assert torch.equal(value, getattr(expected, field.name))
    assert not minimum_distortion(model, tracked[:0], labels[:0]).l2.requires_grad
    assert not search.by_scipy(model, tracked[:2], labels[:2], targets=targets[:2]).l2.requires_grad


@pytest.mark.parametrize("refine", [False, True])
def test_inference_mode_changes_nothing(refine: bool) -> None:
    model, images = deep_network(), pictures(6)
    labels, targets = targeted(model, images)
    expected = minimum_distortion(model, images, labels, targets=targets, refine=refine)
    with torch.inference_mode():
        made = [part.clone() for part in (images, labels, targets)]
        inside = minimum_distortion(model, images, labels, targets=targets, refine=refine)
        by_scipy = search.by_scipy(model, images[:2], labels[:2], targets=targets[:2])
    assert all(part.is_inference() for part in made)
    outside = minimum_distortion(model, *made[:2], targets=made[2], refine=refine)
    for found in (inside, outside):
        assert torch.equal(found.images, expected.images)
        assert torch.equal(found.evaluations, expected.evaluations)
        assert not found.images.is_inference()
    nearest = minimum_distortion(model, images, made[1], targets="nearest", refine=refine)
    assert nearest.success.any()
    reference = search.by_scipy(model, images[:2], labels[:2], targets=targets[:2])
    assert torch.equal(by_scipy.images, reference.images)


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
@pytest.mark.parametrize("targets", ["given", "nearest"])
def test_few_constraints_meet_the_exact_minimum_whatever_the_number_of_classes(
    classes: int, targets: str
) -> None:
    model, images = network(0, nn.Linear(SIDE * SIDE, classes)), pictures()
    labels, others = targeted(model, images)
    asked = others if targets == "given" else targets
    found = minimum_distortion(model, images, labels, targets=asked)
    check_result(model, images, found)
    optimum = exact.minimum_distortion(model[1].weight, model[1].bias, images, found.targets)
    known = optimum.success
    assert known.float().mean() > 0.8
    assert found.success[known].all()
    torch.testing.assert_close(found.l2[known], optimum.l2[known], rtol=1e-3, atol=1e-5)


def test_success_is_decided_by_all_classes_however_few_a_projection_knows() -> None:
    model, images = network(0, nn.Linear(SIDE * SIDE, 1000)), pictures()
    labels, targets = targeted(model, images)
    one = minimum_distortion(model, images, labels, targets=targets, constraints=1)
    check_result(model, images, one)
    assert one.success.all()
    ten = minimum_distortion(model, images, labels, targets=targets, constraints=10)
    assert (ten.l2 <= one.l2 * (1 + 1e-4)).all()
    assert ten.l2.mean() < one.l2.mean()


class Padded(nn.Module):
    """A network's logits, and those of many more classes that are far below; counts gradients."""

    def __init__(self, network: nn.Module, extra: int) -> None:
        super().__init__()
        self.network, self.extra = network, extra
        self.backward = 0
        self.eval()

    def __deepcopy__(self, memo: dict[int, object]) -> "Padded":
        return Padded(copy.deepcopy(self.network, memo), self.extra)

    def forward(self, x: Tensor) -> Tensor:
        logits = self.network(x)
        if logits.requires_grad:
            logits.register_hook(self._count)
        far = logits.new_full((len(x), self.extra), -50.0)
        return torch.cat([logits, far], dim=1)

    def _count(self, gradient: Tensor) -> None:
        self.backward += len(gradient)


@pytest.mark.parametrize("targets", ["given", "nearest"])
def test_classes_out_of_reach_change_nothing_and_cost_no_gradient(targets: str) -> None:
    model, images = deep_network(), pictures(8)
    labels, others = targeted(model, images)
    asked = others if targets == "given" else targets
    few, many = Padded(model, 0), Padded(model, 995)
    expected, found = (
        minimum_distortion(padded, images, labels, targets=asked, constraints=CLASSES - 1)
        for padded in (few, many)
    )
    # The lead that is needed is in units of the largest logit, which is one of the new ones.
    torch.testing.assert_close(found.l2, expected.l2, rtol=1e-2, atol=1e-3)
    assert torch.equal(found.targets, expected.targets)
    assert many.backward <= 1.5 * few.backward


def test_rivals_are_the_pairs_near_the_best_of_their_image() -> None:
    owner = torch.tensor([0, 0, 2, 2, 2, 3])  # of four images one has no pair here
    l2 = torch.tensor([1.0, 1.04, 3.0, 2.0, 2.2, torch.inf])
    assert minimum._rivals(owner, l2, 1.05).tolist() == [0, 1, 3, 5]
    assert minimum._rivals(owner, l2, 1.0).tolist() == [0, 3, 5]
    assert minimum._rivals(owner, l2, torch.inf).tolist() == list(range(6))
    # An image that is its own answer is searched no further.
    assert minimum._rivals(owner, l2 * torch.tensor([0, 1, 1, 1, 1, 1]), 1.2).tolist() == [3, 4, 5]


def test_an_image_ends_alike_alone_and_among_others_on_a_rough_network() -> None:
    model, sample = models.load("ConvNet"), data.mnist("test")[:6]
    for effort in search.EFFORTS:
        whole, alone = (
            minimum_distortion(model, *part, targets="nearest", effort=effort)
            for part in (sample, sample[2:3])
        )
        # Convolutions round differently in batches of another size, and kinks magnify that.
        torch.testing.assert_close(alone.l2, whole.l2[2:3], rtol=2e-2, atol=0.0)
