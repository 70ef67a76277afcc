"""The package on a second device: the CPU's results to the bit, and nothing that mixes devices."""

import copy
import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pretend_device import DEVICE, OnDevice
from torch import Tensor, nn
from torch.nn import functional

from helpers import (
    certify,
    comparison,
    data,
    exact,
    files,
    intervals,
    lbfgsb,
    models,
    perturb,
    pretrained,
    search,
    spectral,
    transfer,
    twins,
    units,
)
from helpers.data import Images
from helpers.models import checkpoints, training
from helpers.models.norm_penalty import NormPenalty
from helpers.search import projection
from helpers.spectral import jacobian, lipsdp
from helpers.units import ablation, strokes, survey

SIDE, CLASSES, COUNT = 8, 4, 8
SHAPE = (1, SIDE, SIDE)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=seeded(seed))


def network(*layers: nn.Module, shape: tuple[int, ...], device: str) -> nn.Sequential:
    """The layers with random weights, biases that centre their outputs, in evaluation mode."""
    model, generator = nn.Sequential(*layers), seeded()
    x = torch.rand(50, *shape, generator=generator)
    with torch.no_grad():
        for layer in model.eval():
            for parameter in layer.parameters():
                fan_in = max(parameter[0].numel(), 1)
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 3 / fan_in**0.5)
            if isinstance(layer, nn.Linear | nn.Conv2d):
                layer.bias -= layer(x).transpose(0, 1).flatten(1).mean(dim=1)
            x = layer(x)
    return model.requires_grad_(requires_grad=False).to(device)


def perceptron(device: str) -> nn.Sequential:
    layers = nn.Linear(SIDE**2, 6), nn.Sigmoid(), nn.Linear(6, CLASSES)
    return network(nn.Flatten(), *layers, shape=SHAPE, device=device)


def convnet(device: str) -> nn.Sequential:
    convolution = nn.Conv2d(1, 2, 3, padding=1)
    layers = nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 16, CLASSES)
    return network(convolution, *layers, shape=SHAPE, device=device)


NETWORKS = [perceptron, convnet]


def pictures(device: str, count: int = COUNT, seed: int = 1) -> Tensor:
    """Images [count, 1, 8, 8], many of whose pixels are 0 or 1."""
    values = torch.rand(count, 1, SIDE, SIDE, generator=seeded(seed)) * 2 - 0.5
    return values.clamp(0, 1).to(device)


def labelled(build: Callable[[str], nn.Module], device: str) -> tuple[nn.Module, Tensor, Tensor]:
    """A network, images and their labels: what it answers, but for one image."""
    model, images = build(device), pictures(device)
    labels = model(images).argmax(dim=1)
    labels[0] = (labels[0] + 1) % CLASSES
    return model, images, labels


def parts(value: Any) -> list[Any]:
    """The tensors and numbers of a result, in order."""
    if dataclasses.is_dataclass(value):
        return parts([getattr(value, field.name) for field in dataclasses.fields(value)])
    if isinstance(value, dict):
        return parts(list(value.values()))
    if isinstance(value, list | tuple):
        return [part for item in value for part in parts(item)]
    if isinstance(value, nn.Module):
        return parts(list(value.state_dict().values()))
    return parts(value.to_dict("list")) if isinstance(value, pd.DataFrame) else [value]


def check_same(function: Callable[[str], Any]) -> list[Any]:
    """Assert that it returns on the device what it returns on the CPU, tensors on the device."""
    expected, found = parts(function("cpu")), parts(function(DEVICE))
    assert len(found) == len(expected) > 0
    for here, there in zip(expected, found, strict=True):
        if isinstance(here, Tensor):
            assert isinstance(there, OnDevice)
            assert there.dtype == here.dtype
            there = there.detach().cpu()
            assert torch.equal(there.nan_to_num(7), here.detach().nan_to_num(7))
        else:
            assert type(there) is type(here)
            assert there == here or (here != here and there != there)
    return expected


# The device itself: it computes what the CPU computes ...


def gradients(model: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """Of a loss, by the images and all weights; of the images' gradient's length, by weights."""
    point = images.clone().requires_grad_()
    model = copy.deepcopy(model).requires_grad_()
    loss = functional.cross_entropy(model(point), torch.zeros_like(images[:, 0, 0, 0]).long())
    first = torch.autograd.grad(loss, [point, *model.parameters()], create_graph=True)
    return *first, *torch.autograd.grad(first[0].norm(), list(model.parameters())[:1])


@pytest.mark.parametrize("build", NETWORKS)
def test_gradients_pass_through(build: Callable[[str], nn.Module]) -> None:
    check_same(lambda device: gradients(build(device), pictures(device)))


def in_place(x: Tensor) -> list[Tensor]:
    """Views that are written through, masks and lists of rows."""
    x = x.clone()
    x.T[1] *= x[0, 0]
    x.view(-1)[3:6].zero_()
    x[x > 1] = 0.5
    x[:, [0, 2]] += 1
    x[x[:, 0] > 0] = x[x[:, 0] > 0] * 2
    x[torch.tensor([0, 1])] -= torch.tensor(3.0)
    x[1:3, 1].clamp_(max=0)
    return [x, x.T, x[:, ::2], x.diagonal()]


def rearranged(x: Tensor) -> list[Tensor]:
    first, second = x.split(2)
    order = x.argsort(dim=1, stable=True)
    return [
        torch.cat([first, second], dim=1),
        torch.stack([second, first]),
        torch.where(x > 0, x, 0.0),
        x.gather(1, order),
        torch.zeros_like(x).scatter(1, order[:, :1], x[:, :1]),
        x.new_zeros(4).scatter_reduce(0, order[:, 0], x[:, 0], "amin"),
        x.clone().index_copy(0, order[0, :2], first),
        functional.one_hot(order[:, 0], 4),
        (x > 0).nonzero(),
        torch.arange(4, device=x.device).expand(2, -1),
        torch.as_tensor([1.0, 2.0], device=x.device),
        *x.topk(2, dim=1),
    ]


def decomposed(x: Tensor) -> list[Tensor]:
    square = x @ x.T + torch.eye(4, dtype=x.dtype, device=x.device)
    factor = torch.linalg.cholesky(square)
    return [
        factor,
        torch.linalg.solve_triangular(factor, x, upper=False),
        torch.linalg.solve(square, x),
        torch.linalg.eigvalsh(square),
        torch.linalg.svdvals(x),
        *torch.linalg.qr(x),
        torch.polar(torch.ones_like(x), x).abs(),
    ]


def convolved(x: Tensor) -> list[Tensor]:
    seen: list[Tensor] = []
    x, layer = (
        x[None, None].requires_grad_(),
        network(nn.Conv2d(1, 3, 3), shape=(1, 4, 4), device=str(x.device)),
    )
    layer[0].register_forward_hook(lambda *call: seen.append(call[2]))
    pooled, places = functional.max_pool2d(layer(x), 2, return_indices=True)
    (slope,) = torch.autograd.grad(pooled.square().sum(), x)
    back = nn.grad.conv2d_input(x.shape, layer[0].weight, seen[0])
    return [pooled, places, slope, back, *seen]


@pytest.mark.parametrize("function", [in_place, rearranged, decomposed, convolved])
def test_operators_give_what_they_give_on_the_cpu(function: Callable[[Tensor], Any]) -> None:
    check_same(lambda device: function(normal(4, 4).to(device)))


def test_numbers_leave_the_device_and_modules_come_to_it() -> None:
    x = torch.tensor([1.5, 2.5]).to(DEVICE)
    assert x.device == torch.device(DEVICE)
    assert (x.tolist(), x[0].item(), float(x.sum()), int(x[1])) == ([1.5, 2.5], 1.5, 4.0, 2)
    assert f"{x[0]:.2f} {x.cpu().numpy()[1]}" == "1.50 2.5"
    assert type(x.cpu()) is Tensor
    layer = copy.deepcopy(nn.Linear(2, 1).to(DEVICE))
    assert [parameter.device.type for parameter in layer.parameters()] == ["pretend", "pretend"]
    assert layer(x).requires_grad


# ... and refuses what CUDA refuses.

MIXED = "Expected all tensors to be on the same device"
GENERATOR = "Expected a .* device type for generator but found 'cpu'"
INDICES = "indices should be either on cpu or on the same device"
FAULTS: list[tuple[Callable[[Tensor, Tensor], Any], type[Exception], str]] = [
    (lambda x, y: torch.ones(3) + x, RuntimeError, MIXED),
    (lambda x, y: x - y, RuntimeError, MIXED),
    (lambda x, y: y.mul_(x), RuntimeError, MIXED),
    (lambda x, y: y.sum().add_(x.sum()), RuntimeError, MIXED),
    (lambda x, y: y + x.sum(), RuntimeError, MIXED),
    (lambda x, y: x @ y, RuntimeError, MIXED),
    (lambda x, y: torch.cat([x, y]), RuntimeError, MIXED),
    (lambda x, y: torch.stack([x, y]), RuntimeError, MIXED),
    (lambda x, y: torch.where(y > 0, x, 0.0), RuntimeError, MIXED),
    (lambda x, y: torch.where(x > 0, x, y), RuntimeError, MIXED),
    (lambda x, y: x.clamp(y.min(), y.max()), RuntimeError, MIXED),
    (lambda x, y: torch.equal(x, y), RuntimeError, MIXED),
    (lambda x, y: x.gather(0, y.argsort()), RuntimeError, MIXED),
    (lambda x, y: x.index_copy(0, y.argsort(), x), RuntimeError, MIXED),
    (lambda x, y: x.masked_fill(y > 0, 0.0), RuntimeError, MIXED),
    (lambda x, y: x.__setitem__(x > 0, y), RuntimeError, MIXED),
    (lambda x, y: y.__setitem__(y.argsort(), x), RuntimeError, MIXED),
    (lambda x, y: y[x > 0], RuntimeError, INDICES),
    (lambda x, y: y[x.argsort()], RuntimeError, INDICES),
    (lambda x, y: nn.Linear(3, 2)(x), RuntimeError, MIXED),
    (lambda x, y: functional.cross_entropy(x[None], torch.tensor([0])), RuntimeError, MIXED),
    (lambda x, y: torch.rand(3, generator=seeded(), device=x.device), RuntimeError, GENERATOR),
    (lambda x, y: torch.randperm(3, generator=seeded(), device=x.device), RuntimeError, GENERATOR),
    (lambda x, y: x.normal_(generator=seeded()), RuntimeError, GENERATOR),
    (lambda x, y: x.numpy(), TypeError, "can't convert .* to numpy"),
    (lambda x, y: np.asarray(x), TypeError, "can't convert .* to numpy"),
    (lambda x, y: np.sqrt([x[0], x[1]]), TypeError, "can't convert .* to numpy"),
]


@pytest.mark.parametrize(("fault", "error", "message"), FAULTS)
def test_what_cuda_refuses_is_refused(
    fault: Callable[[Tensor, Tensor], Any], error: type[Exception], message: str
) -> None:
    values = torch.tensor([2.0, 0.0, 1.0])
    with pytest.raises(error, match=message):
        fault(values.to(DEVICE), values)


def test_numbers_of_the_cpu_may_meet_tensors_of_the_device() -> None:
    x, number = torch.tensor([2.0, 0.0]).to(DEVICE), torch.tensor(3.0)
    assert (x + number).tolist() == (number + x).tolist() == [5.0, 3.0]
    assert torch.where(x > 0, x, number).tolist() == [2.0, 3.0]
    assert x[torch.tensor([1])].tolist() == x[torch.tensor([False, True])].tolist() == [0.0]
    assert x.masked_fill(x > 0, number).tolist() == [3.0, 0.0]
    x[x > 0] = number
    assert x.tolist() == [3.0, 0.0]
    here = torch.zeros(2)
    here[:] = x
    assert here.tolist() == [3.0, 0.0]


def test_what_is_drawn_on_the_device_is_not_what_the_cpu_draws() -> None:
    torch.manual_seed(0)
    drawn = torch.rand(3, device=DEVICE).cpu()
    here = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(3), here)
    assert not torch.equal(drawn, here)


# The package on it.


WAYS = [
    {"targets": "random"},
    {"targets": "random", "effort": "fast", "batch_size": 6},
    {"targets": "nearest"},
    {"targets": "nearest", "effort": "fast"},
    {"targets": "given"},
]
PENALTY_ALONE = [{"targets": way, "refine": False} for way in ("random", "nearest")]


@pytest.mark.parametrize(
    ("build", "options"),
    [*itertools.product(NETWORKS, WAYS), *((perceptron, way) for way in PENALTY_ALONE)],
)
def test_search(build: Callable[[str], nn.Module], options: dict[str, Any]) -> None:
    def run(device: str) -> search.Adversarial:
        model, images, labels = labelled(build, device)
        given = {"targets": (labels + 1) % CLASSES} if options["targets"] == "given" else {}
        return search.minimum_distortion(
            model, images, labels, generator=seeded(2), **options | given
        )

    check_same(run)


@pytest.mark.parametrize("targets", ["random", "given"])
def test_the_reference_search(targets: str) -> None:
    def run(device: str) -> search.Adversarial:
        model, images, labels = labelled(perceptron, device)
        wanted = (labels[:3] + 1) % CLASSES if targets == "given" else targets
        return search.by_scipy(
            model, images[:3], labels[:3], targets=wanted, generator=seeded(2), steps=4
        )

    check_same(run)


@pytest.mark.parametrize("find", [search.minimum_distortion, search.by_scipy])
def test_what_lies_on_the_other_device_is_named(find: Callable[..., Any]) -> None:
    model, images, labels = labelled(perceptron, DEVICE)
    with pytest.raises(ValueError, match=f"labels: need the images' device {DEVICE}, got cpu"):
        find(model, images, labels.cpu())
    with pytest.raises(ValueError, match=f"targets: need the images' device {DEVICE}, got cpu"):
        find(model, images, labels, targets=labels.cpu())
    with pytest.raises(ValueError, match=f"model: need the images' device cpu, got {DEVICE}"):
        find(model, images.cpu(), labels.cpu())


@pytest.mark.parametrize("margin", [0.0, 0.1, "tensor"])
def test_the_exact_minimum(margin: float | str) -> None:
    def run(device: str) -> exact.Exact:
        images = pictures(device)
        weight, bias = normal(CLASSES, SIDE**2).to(device), normal(CLASSES, seed=1).to(device)
        targets = torch.arange(COUNT, device=device) % CLASSES
        least = torch.linspace(0, 1, COUNT, device=device) if margin == "tensor" else margin
        return exact.minimum_distortion(weight, bias, images, targets, margin=least)

    check_same(run)


def test_projection_with_one_margin_for_all() -> None:
    def run(device: str) -> projection.Projection:
        jacobian, origins = normal(CLASSES, SIDE**2).to(device), pictures(device).flatten(1)
        targets = torch.arange(COUNT, device=device) % CLASSES
        return projection.project(origins, jacobian, origins @ jacobian.T, targets, margin=0.1)

    check_same(run)


@pytest.mark.parametrize("bounds", ["numbers", "tensors"])
def test_lbfgsb(bounds: str) -> None:
    def run(device: str) -> lbfgsb.Minimum:
        centre, scale = normal(5, 6).to(device), normal(5, 6, seed=1).abs().to(device)

        def fun(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
            move = x - centre[rows]
            return (scale[rows] * move**4).sum(dim=1), 4 * scale[rows] * move**3

        low, high = (-0.5, 0.5) if bounds == "numbers" else (centre - 1, centre + 0.1)
        return lbfgsb.minimize(fun, torch.zeros_like(centre), low, high, history=3)

    check_same(run)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: perturb.gaussian(x, 0.3, seeded()),
        lambda x, y: perturb.amplify(x, y, 0.2),
        lambda x, y: perturb.distortion(x, y),
        *(
            lambda x, y, kind=kind: perturb.directions(kind, y - x, seeded())
            for kind in perturb.KINDS
        ),
        lambda x, y: perturb.aligned(y - x, 3, seeded()),
        lambda x, y: perturb.at_length(x, y - x, (y - x).flatten(1).norm(dim=1) / 2),
        lambda x, y: perturb.crossing(perceptron(x.device.type), x, y - x, limit=20.0),
    ],
)
def test_perturbations(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    check_same(lambda device: function(pictures(device), pictures(device, seed=2)))


def test_transfer() -> None:
    def run(device: str) -> list[Any]:
        model, images, labels = labelled(perceptron, device)
        nets = {"first": model, "second": convnet(device)}
        sets = {"clean": images, "noisy": perturb.gaussian(images, 0.5, seeded())}
        return [
            transfer.answers(model, images, batch_size=5),
            transfer.answers(model, images[:0]),
            transfer.errors(model, images, labels),
            transfer.error_rate(model, images, labels),
            transfer.error_matrix(nets, sets, labels),
            transfer.estimates(nets, sets, labels),
        ]

    check_same(run)


@pytest.mark.parametrize("box", [True, False])
def test_noise_twins(box: bool) -> None:
    def run(device: str) -> list[Any]:
        model, images, labels = labelled(perceptron, device)
        nets = {"first": model, "second": convnet(device)}
        made = {
            name: search.minimum_distortion(net, images, labels, effort="fast", generator=seeded())
            for name, net in nets.items()
        }
        twin = twins.twin(images, made["first"], seeded(), box=box)
        return [twin, twins.beyond_noise(nets, made, images, labels, seed=0, box=box)]

    check_same(run)


@pytest.mark.parametrize("spatial", ["flatten", "mean"])
def test_features(spatial: str) -> None:
    check_same(
        lambda device: units.features(
            convnet(device), "0", pictures(device), spatial=spatial, batch_size=5
        )
    )


@pytest.mark.parametrize("kind", units.FITTED)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_directions_fitted_to_features(kind: str) -> None:
    def run(device: str) -> Tensor:
        features = units.features(perceptron(device), "2", pictures(device, 200))
        return units.directions(kind, 6, 3, seeded(), features)

    check_same(run)


def test_many_units_few_components() -> None:
    check_same(
        lambda device: units.directions("pca", 1_001, 2, seeded(), normal(20, 1_001).to(device))
    )


@pytest.mark.parametrize("kind", [kind for kind in units.KINDS if kind not in units.FITTED])
@pytest.mark.parametrize("two_sided", [False, True])
def test_top_images(kind: str, two_sided: bool) -> None:
    def run(device: str) -> list[Tensor]:
        features = units.features(perceptron(device), "2", pictures(device))
        features = (features * 4).round() / 4  # with equals, whose order is settled apart
        directions = units.directions(kind, 6, 3, seeded())
        return [
            units.top_images(features, directions, 4, two_sided=two_sided),
            units.live(features, 3),
        ]

    check_same(run)


@pytest.mark.parametrize("home", ["cpu", "there"])
def test_coherence(home: str) -> None:
    """Also of sets that are drawn at random, on the generator's device."""

    def run(device: str) -> list[Any]:
        images = pictures(device, 30)
        points, labels = images.flatten(1), torch.arange(30, device=device) % CLASSES
        nearest = units.nearest_images(points, torch.tensor([3, 5], device=device), 4)
        random = units.random_images(30, 5, 4, seeded())
        top = random if home == "cpu" else random.to(device)
        found = units.coherence(top, labels, {"pixels": points})
        return [nearest, units.coherence(nearest, labels, {"pixels": points}), found]

    check_same(run)


def test_the_scale_of_the_survey() -> None:
    def run(device: str) -> list[Any]:
        images, top = pictures(device, 30), torch.tensor([[0, 4, 8], [1, 2, 3]])
        labels, judges = torch.arange(30, device=device) % CLASSES, {"net": images.flatten(1)}
        scale = survey.Scale(images, labels, judges, sets=5, generator=seeded(), k=3)
        return [scale.floor, scale.ceiling, scale.score("net", top.to(device))]

    check_same(run)


@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("mean", [False, True])
def test_ablation(build: Callable[[str], nn.Sequential], mean: bool) -> None:
    def run(device: str) -> list[Any]:
        model, images, labels = labelled(build, device)
        reference = images[:5] if mean else None
        layer = "0" if build is convnet else "2"
        features = units.features(model, layer, images, spatial="mean").relu()
        return [
            ablation.damage(model, layer, images, labels, reference=reference, batch_size=5),
            ablation.selectivity(features, labels),
        ]

    check_same(run)


def test_strokes() -> None:
    def run(device: str) -> list[pd.DataFrame]:
        images = pictures(device)
        properties = strokes.properties(images)
        top = torch.arange(COUNT, device=device).reshape(2, -1)
        return [properties, strokes.narrowing(top, properties)]

    check_same(run)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(6, 5), (6,)),
        (nn.Conv2d(2, 3, 3, padding=1, stride=2), (2, 5, 5)),
        (nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular", groups=2), (2, 6, 6)),
        (nn.Conv1d(2, 3, 3, padding=1, padding_mode="circular"), (2, 6)),
        (nn.ConvTranspose2d(2, 3, 3, stride=2), (2, 4, 4)),
        (nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)).eval(), (2, 5, 5)),
    ],
    ids=str,
)
def test_operator_norms(layer: nn.Module, shape: tuple[int, ...]) -> None:
    layers = [*layer] if isinstance(layer, nn.Sequential) else [layer]
    check_same(
        lambda device: spectral.operator_norm(network(*layers, shape=shape, device=device), shape)
    )


def test_norms_of_kernels() -> None:
    def run(device: str) -> list[Any]:
        weight = normal(3, 2, 3, 4).to(device)
        printed = [
            spectral.fourier_norm_as_printed(weight, 8, 2, variant=variant)
            for variant in ("factor", "exponent", "printed", "support")
        ]
        return [
            spectral.fourier_norm(weight, (6, 8), 2),
            *printed,
            spectral.torus_norm(weight),
            spectral.torus_norm(weight, (2, 1)),
        ]

    check_same(run)


@pytest.mark.parametrize("build", NETWORKS)
def test_lipschitz_bounds(build: Callable[[str], nn.Module]) -> None:

    def run(device: str) -> list[Any]:
        model, images = build(device), pictures(device)
        return [
            spectral.layer_table(model, SHAPE),
            spectral.upper_bound(model, SHAPE),
            spectral.lower_bound(model, images),
            spectral.jacobian_norms(model, images),
            jacobian.steepest(model, images, starts=3, iterations=10),
        ]

    check_same(run)


def test_lipsdp() -> None:
    def run(device: str) -> list[float]:
        model = perceptron(device)
        bound = lipsdp.upper_bound(model, SHAPE, iterations=5)
        return [bound.value, lipsdp.certificate(model, SHAPE, bound)]

    check_same(run)


@pytest.mark.parametrize("build", NETWORKS)
def test_certified_radii(build: Callable[[str], nn.Module]) -> None:
    check_same(lambda device: certify.certified_radius(*labelled(build, device), tolerance=0.05))


def test_statistics() -> None:
    def run(device: str) -> list[Any]:
        images, other = pictures(device, 40), pictures(device, 40, seed=2)
        wrong, wrong_too = (x.flatten(1).mean(dim=1) > 0.5 for x in (images, other))
        return [
            intervals.proportion(wrong),
            intervals.mean(images.flatten(1).norm(dim=1), resamples=50, seed=0),
            comparison.paired(wrong, wrong_too),
        ]

    check_same(run)


def test_images_and_networks_are_put_on_the_device() -> None:
    check_same(lambda device: Images(pictures("cpu"), torch.arange(COUNT)).to(device)[2:5])
    check_same(
        lambda device: data.sample(
            Images(pictures(device), torch.arange(COUNT)).to(device), 3, seeded()
        )
    )
    check_same(lambda device: models.load("FC10(1)", device))
    check_same(lambda device: pretrained.load("alexnet", device))
    images = torch.rand(2, 1, 28, 28, generator=seeded())
    check_same(lambda device: models.load("FC100-100-10", device)(images.to(device)))


def test_checkpoints_of_networks_on_the_device_are_those_of_the_cpu(tmp_path: Path) -> None:
    def run(device: str) -> list[Any]:
        weights = models.build("FC10(1)").state_dict()
        weights = {name: normal(*value.shape).to(device) for name, value in weights.items()}
        file = tmp_path / f"{device.partition(':')[0]}.safetensors"
        checkpoints.write("FC10(1)", weights, {}, file)
        return [files.sha256(file.read_bytes()), checkpoints.digest(weights)]

    check_same(run)


@pytest.mark.parametrize("method", ["L-BFGS", "Adam", "autoencoder"])
def test_training(method: str) -> None:
    def run(device: str) -> Any:
        build = convnet if method == "Adam" else perceptron
        model = build("cpu").train().requires_grad_()
        training.initialise(model, seeded())
        model.to(device)
        train = Images(pictures("cpu"), torch.arange(COUNT) % CLASSES).to(device)
        if method == "autoencoder":
            settings = models.SparseCoding(batch=5, epochs=2)
            return [training.autoencoder(model[1], train.images, settings, seeded()), model]
        penalty = NormPenalty(model, train.images[:1], 0.01)
        if method == "Adam":
            training.convnet(model, train, seeded(), epochs=2, batch=5, norm_penalty=penalty)
            return [penalty.norms(), model]
        done = training.classifier(model, train, [0.1, 0.1], iterations=20, norm_penalty=penalty)
        return [done, penalty.norms(), model]

    check_same(run)
