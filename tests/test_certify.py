import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import certify, data, exact, models, search
from helpers.certify import enclosure, radius
from helpers.certify.ball import Ball
from helpers.certify.brackets import Brackets
from helpers.certify.enclosure import Affine, Network

AFFINE = [
    nn.Linear(7, 5),
    nn.Conv2d(2, 3, 3, stride=2, padding=1),
    nn.Conv2d(4, 4, 2, groups=2, dilation=2, bias=False),
]


def perceptron(seed, activation=nn.Sigmoid, scale=3.0):
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(36, 12),
        activation(),
        nn.Linear(12, 9),
        activation(),
        nn.Linear(9, 4),
    )
    return planted(model, generator, scale)


def convolutional(seed):
    generator = torch.Generator().manual_seed(seed)
    modules = (
        nn.Conv2d(1, 3, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 2, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4, 6),
        nn.ReLU(),
        nn.Linear(6, 4),
    )
    return planted(nn.Sequential(*modules), generator, 2.0)


def planted(model, generator, scale):
    for module in model:
        if hasattr(module, "weight"):
            fan = module.weight[0].numel()
            module.weight.data = (
                scale * torch.randn(module.weight.shape, generator=generator) / fan**0.5
            )
            module.bias.data = torch.randn(module.bias.shape, generator=generator) / 2
    return model.eval().requires_grad_(requires_grad=False)


def images(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, 1, 6, 6, generator=generator) * 2 - 0.5).clamp(0, 1)


def inside(ball, count, generator):
    """Random images of the ball, many on its surface, all in the box."""
    steps = torch.randn(count, *ball.images.shape, generator=generator, dtype=torch.float64)
    steps *= (ball.radius / steps.flatten(2).norm(dim=2))[..., None, None, None]
    return (ball.images + steps).clamp(0, 1)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    radius=st.floats(1e-3, 2.0),
    make=st.sampled_from([perceptron, convolutional, lambda seed: perceptron(seed, nn.ReLU)]),
)
def test_no_image_of_the_ball_is_below_the_margins(seed, radius, make):
    model, originals = make(seed), images(4, seed)
    labels = model(originals).argmax(dim=1)
    ball = Ball(originals.double(), torch.full((4,), radius, dtype=torch.float64))
    bound = enclosure.margins(Network.of(model, (1, 6, 6)), ball, labels)
    logits = model.double()(
        inside(ball, 300, torch.Generator().manual_seed(seed)).flatten(0, 1)
    ).view(300, 4, 4)
    lead = logits.gather(2, labels.expand(300, 4)[..., None]) - logits
    others = torch.arange(4) != labels[:, None]
    assert (lead[:, others].view(300, 4, 3) >= bound - 1e-9).all()


@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_a_ball_without_extent_has_the_logits_own_margins(make):
    model, originals = make(3), images(5, 3)
    labels = model(originals).argmax(dim=1)
    bound = enclosure.margins(
        Network.of(model, (1, 6, 6)),
        Ball(originals.double(), torch.full((5,), 1e-9).double()),
        labels,
    )
    logits = model.double()(originals.double())
    lead = (logits.gather(1, labels[:, None]) - logits)[torch.arange(4) != labels[:, None]].view(
        5, 3
    )
    assert torch.allclose(bound, lead, atol=1e-6)


@pytest.mark.parametrize("module", AFFINE)
def test_an_affine_map_is_pulled_back_by_its_adjoint(module):
    shape = (7,) if isinstance(module, nn.Linear) else (module.in_channels, 6, 5)
    affine = Affine.of(module.double(), shape)
    x = torch.rand(2, *shape, dtype=torch.float64)
    assert torch.allclose(affine(x), module(x))
    coefficients = torch.randn(2, 3, *affine.output, dtype=torch.float64)
    pulled, constant = affine.pull(coefficients, torch.ones(2, 3).double())
    wanted = torch.einsum("bsi,bi->bs", coefficients.flatten(2), module(x).flatten(1)) + 1
    assert torch.allclose(
        torch.einsum("bsi,bi->bs", pulled.flatten(2), x.flatten(1)) + constant, wanted
    )


@pytest.mark.parametrize("module", AFFINE)
def test_an_affine_map_stretches_nothing_by_more_than_its_norm(module):
    shape = (7,) if isinstance(module, nn.Linear) else (module.in_channels, 6, 5)
    affine = Affine.of(module.double(), shape)
    matrix = (
        module(torch.eye(torch.Size(shape).numel()).double().view(-1, *shape))
        - module(torch.zeros(1, *shape).double())
    ).flatten(1)
    largest = torch.linalg.matrix_norm(matrix.detach(), 2).item()
    assert largest <= affine.norm * (1 + 1e-12)
    assert affine.norm <= (1 + 1e-12 if isinstance(module, nn.Linear) else 1.5) * largest


def test_the_radius_of_a_linear_network_is_the_exact_distance():
    model = models.load("FC10(1)")
    originals, labels = data.sample(
        data.load("mnist", "test"), 12, torch.Generator().manual_seed(0)
    )
    found = certify.certified_radius(model, originals, labels, tolerance=1e-6)
    weight, bias = model.logits.weight, model.logits.bias
    targets = torch.stack(
        [torch.tensor([k for k in range(10) if k != label]) for label in labels.tolist()]
    )
    distances = torch.stack(
        [exact.minimum_distortion(weight, bias, originals, targets[:, k]).l2 for k in range(9)]
    ).amin(dim=0)
    right = model(originals).argmax(dim=1) == labels
    assert right.any()
    assert (~right).any()
    assert torch.allclose(found.radius[right], distances[right], rtol=2e-6)
    assert (found.radius[right] <= distances[right] * (1 + 1e-7)).all()
    assert (found.radius[~right] == 0).all()


@pytest.mark.parametrize("name", ["FC10(1e-4)", "FC100-100-10", "AE400-10", "ConvNet"])
def test_no_bracket_is_inverted(name):
    model = models.load(name)
    originals, labels = data.sample(
        data.load("mnist", "test"), 3 if name == "ConvNet" else 12, torch.Generator().manual_seed(5)
    )
    certified = certify.certified_radius(model, originals, labels, tolerance=0.1)
    found = search.minimum_distortion(model, originals, labels, targets="nearest")
    assert (certified.radius <= found.l2).all()
    assert (certified.radius > 0).sum() >= len(labels) - 2


def test_a_constant_network_is_certified_on_the_whole_box():
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3)).requires_grad_(requires_grad=False).eval()
    model[1].weight.zero_()
    model[1].bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    assert certify.certified_radius(model, images(2, 0), torch.tensor([0, 1])).radius.tolist() == [
        6.0,
        0.0,
    ]


def test_the_tolerance_bounds_what_is_given_away():
    model, originals = perceptron(1), images(6, 1)
    labels = model(originals).argmax(dim=1)
    coarse, fine = (
        certify.certified_radius(model, originals, labels, tolerance=tolerance).radius
        for tolerance in (0.1, 1e-6)
    )
    assert (coarse >= 0.9 * fine - 1e-12).all()
    assert (coarse <= fine * (1 + 1e-6)).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_a_radius_holds_and_one_beyond_the_tolerance_does_not(make, seed):
    model, originals = make(seed), images(6, seed)
    labels = model(originals).argmax(dim=1)
    network, radius = (
        Network.of(model, (1, 6, 6)),
        certify.certified_radius(model, originals, labels, tolerance=1e-3).radius,
    )
    proved = radius > 0
    ball, labels = Ball(originals.double()[proved], radius[proved]), labels[proved]
    assert proved.any()
    assert (enclosure.margins(network, ball, labels) > 0).all()
    beyond = enclosure.margins(network, Ball(ball.images, ball.radius * (1 + 2e-3)), labels).amin(
        dim=1
    )
    assert ((beyond <= 0) | (ball.radius == 6)).all()


def test_what_the_images_before_teach_changes_no_radius_by_more_than_the_tolerance(monkeypatch):
    model, originals = convolutional(4), images(16, 4)
    labels = model(originals).argmax(dim=1)
    together = certify.certified_radius(model, originals, labels, tolerance=1e-3).radius
    monkeypatch.setattr(enclosure, "MEMORY", 1)
    one_by_one = certify.certified_radius(model, originals, labels, tolerance=1e-3)
    assert torch.allclose(together, one_by_one.radius, rtol=1e-3)
    first, rest = one_by_one.evaluations.double().tensor_split([radius.LESSONS])
    assert rest.mean() < first.mean()


def test_the_chain_with_pooling_first_is_the_same_network():
    model, originals = convolutional(2), images(5, 2).double()
    network = Network.of(model, (1, 6, 6))
    values = originals
    for step, shape in zip(network.steps, network.shapes, strict=False):
        values = step(values.reshape(-1, *shape))
    assert [type(step) for step in network.steps[:3]] == [Affine, nn.MaxPool2d, nn.ReLU]
    assert torch.allclose(network.last(values.flatten(1)), model.double()(originals))


def test_two_poolings_in_a_row_and_weights_with_gradients_are_taken():
    modules = (
        nn.Conv2d(1, 3, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.MaxPool2d(3),
        nn.Flatten(),
        nn.Linear(3, 3),
    )
    model, originals = (
        planted(nn.Sequential(*modules), torch.Generator().manual_seed(0), 2.0),
        images(3, 0),
    )
    labels = model(originals).argmax(dim=1)
    frozen = certify.certified_radius(model, originals, labels).radius
    free = certify.certified_radius(
        model.requires_grad_(requires_grad=True), originals, labels
    ).radius
    assert torch.equal(frozen, free)
    assert not free.requires_grad
    assert (frozen > 0).all()


@settings(max_examples=60, deadline=None)
@given(
    root=st.floats(1e-3, 5.0),
    power=st.floats(0.5, 3.0),
    guess=st.floats(1e-3, 20.0),
    tolerance=st.sampled_from([0.1, 1e-2, 1e-4]),
)
def test_brackets_close_in_on_the_root_of_a_power(root, power, guess, tolerance):
    """Where the fraction lost is a power of the radius, two tries tell where it is 1."""
    margin = torch.tensor([2.0, -1.0, 0.5]).double()
    brackets = Brackets(
        margin,
        torch.full_like(margin, guess),
        power=1.5,
        farthest=6.0,
        tolerance=tolerance,
    )
    tries = 0
    while len(rows := brackets.undecided()):
        radius = brackets.proposed[rows]
        assert ((brackets.proved[rows] < radius) & (radius < brackets.failed[rows])).all()
        brackets.narrow(rows, margin[rows] * (1 - (radius / root) ** power))
        tries += 1
    assert tries <= 12
    assert brackets.proved[1] == 0
    for row in (0, 2):
        assert (1 - tolerance) * root <= brackets.proved[row] <= root
        assert brackets.failed[row] >= root


@settings(max_examples=60, deadline=None)
@given(
    root=st.floats(1e-2, 5.9),
    seed=st.integers(0, 10**6),
    heights=st.floats(1e-6, 1e6),
)
def test_brackets_hold_the_root_whatever_the_margins_are(root, seed, heights):
    """Margins that say no more than on which side of the root a radius lies."""
    generator = torch.Generator().manual_seed(seed)
    margin = torch.ones(1).double()
    brackets = Brackets(margin, margin, power=1.5, farthest=6.0, tolerance=1e-2)
    for _ in range(20):
        rows = brackets.undecided()
        if not len(rows):
            break
        assert brackets.proved < brackets.proposed < brackets.failed
        height = heights * torch.rand(1, generator=generator, dtype=torch.float64) + 1e-9
        brackets.narrow(rows, torch.where(brackets.proposed < root, height, -height))
        assert brackets.proved <= root <= brackets.failed


def test_a_margin_that_never_fails_is_proved_up_to_the_farthest_radius():
    margin = torch.ones(1).double()
    brackets = Brackets(margin, margin, power=1.5, farthest=6.0, tolerance=1e-2)
    while len(rows := brackets.undecided()):
        brackets.narrow(rows, margin[rows])
    assert brackets.proved.item() == 6.0


def test_images_with_gradients_leave_no_graph_on_the_radius():
    model, originals = perceptron(1), images(3, 1)
    labels = model(originals).argmax(dim=1)
    expected = certify.certified_radius(model, originals, labels)
    found = certify.certified_radius(model, originals.clone().requires_grad_(), labels)
    assert not found.radius.requires_grad
    assert torch.equal(found.radius, expected.radius)


@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_under_inference_mode_the_radii_are_the_same(make):
    model, originals = make(1), images(3, 1)
    labels = model(originals).argmax(dim=1)
    expected = certify.certified_radius(model, originals, labels)
    with torch.inference_mode():
        found = certify.certified_radius(copy.deepcopy(model), originals.clone(), labels.clone())
    assert torch.equal(found.radius, expected.radius)
    assert torch.equal(found.evaluations, expected.evaluations)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_has_the_radii_of_its_weights(dtype):
    half, originals = perceptron(1).to(dtype), images(3, 1).to(dtype)
    labels = half(originals).argmax(dim=1)
    found = certify.certified_radius(half, originals, labels)
    expected = certify.certified_radius(copy.deepcopy(half).double(), originals.double(), labels)
    assert torch.equal(found.radius, expected.radius)


class Pair(nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    ("model", "shape", "message"),
    [
        (perceptron(0), (2, 1, 6, 7), r"images: need a size that fits.*got \[1, 6, 7\]"),
        (convolutional(0), (2, 3, 6, 6), r"images: need a size that fits.*got \[3, 6, 6\]"),
        (perceptron(0).double(), (2, 1, 6, 6), "model: need the images' dtype torch.float32"),
        (nn.Sequential(*perceptron(0), Pair()), (2, 1, 6, 6), "model: need logits.*got tuple"),
    ],
)
def test_what_does_not_fit_is_named(model, shape, message):
    with pytest.raises(ValueError, match=message):
        certify.certified_radius(
            model.eval(), torch.zeros(shape), torch.zeros(2, dtype=torch.int64)
        )


def test_a_model_in_training_mode_is_refused_and_left_as_it_is():
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.BatchNorm1d(4), nn.Linear(4, 4))
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match="model: need evaluation mode"):
        certify.certified_radius(model, images(2, 0), torch.zeros(2, dtype=torch.int64))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_bracket_that_stays_open_is_told(monkeypatch):
    monkeypatch.setattr(radius, "ROUNDS", 1)
    with pytest.warns(UserWarning, match="1 radii were tried"):
        certify.certified_radius(
            perceptron(0), images(2, 0), perceptron(0)(images(2, 0)).argmax(dim=1)
        )


def test_no_images_have_no_radii():
    assert certify.certified_radius(
        perceptron(0), images(0, 0), torch.zeros(0, dtype=torch.int64)
    ).radius.shape == (0,)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.Sigmoid()), "need Linear last"),
        (nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.Tanh(), nn.Linear(4, 4)), "Tanh"),
        (
            nn.Sequential(
                nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(72, 4),
            ),
            "reflect",
        ),
        (
            nn.Sequential(
                nn.Conv2d(1, 2, 3, padding="same"), nn.ReLU(), nn.Flatten(), nn.Linear(72, 4)
            ),
            "same",
        ),
    ],
)
def test_a_network_without_certificate_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        certify.certified_radius(
            model.eval().requires_grad_(requires_grad=False),
            images(2, 0),
            torch.zeros(2, dtype=torch.int64),
        )


@pytest.mark.parametrize("tolerance", [0.0, 1.0, -1.0, float("nan")])
def test_a_tolerance_outside_its_range_is_refused(tolerance):
    with pytest.raises(ValueError, match="tolerance"):
        certify.certified_radius(
            perceptron(0), images(1, 0), torch.zeros(1, dtype=torch.int64), tolerance=tolerance
        )
