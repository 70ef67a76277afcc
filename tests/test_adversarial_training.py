from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers import data, models, search
from helpers.data import Images
from helpers.models import Recipe, adversarial_training, minimise, training
from helpers.models.adversarial_training import Places

DECAY = (1e-3, 1e-3, 1e-4)


@pytest.fixture(scope="module")
def few() -> Images:
    return data.mnist("train")[:300]


def network(seed: int = 0) -> nn.Sequential:
    model = models.build("FC100-100-10")
    training.initialise(model, torch.Generator().manual_seed(seed))
    return model


def places(recipe: Recipe, model: nn.Sequential | None = None) -> Places:
    return Places(model or network(), recipe, torch.Generator().manual_seed(0))


def trained(
    recipe: Recipe, images: Images, seed: int = 0, decay: tuple[float, ...] = DECAY
) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    model = network(seed)
    adversarial_training.train(model, images, decay, recipe, generator)
    return model


def weights(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_without_a_recipe_it_is_adam_on_the_loss_and_the_printed_penalty(few: Images) -> None:
    model, generator = network(), torch.Generator().manual_seed(3)

    def objective(rows: Tensor) -> Tensor:
        loss = functional.cross_entropy(model(few.images[rows]), few.labels[rows])
        return loss + training.penalty(model, DECAY)

    minimise.adam(
        [*model.parameters()], objective, 300, batch=50, epochs=3, rate=4e-3, generator=generator
    )
    other = network()
    recipe = Recipe(epochs=3, batch=50, rate=4e-3)
    adversarial_training.train(other, few, DECAY, recipe, torch.Generator().manual_seed(3))
    torch.testing.assert_close(weights(other), weights(model), rtol=1e-4, atol=1e-5)


RECIPES = [
    Recipe((1.0, 0.3, 0.5)),
    Recipe((1.0, 0.0, 0.0), "sign"),
    Recipe((1.0, 0.3, 0.0), "noise"),
    Recipe((1.0, 1.0, 1.0), "nearest", pool=40, renewed=10),
    Recipe(dropout=(0.1, 0.2, 0.3)),
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_seed_gives_the_same_numbers_twice_and_another_gives_others(
    recipe: Recipe, few: Images
) -> None:
    recipe = replace(recipe, epochs=2, batch=20)
    first = trained(recipe, few[:60])
    assert torch.equal(weights(first), weights(trained(recipe, few[:60])))
    assert not torch.allclose(weights(first), weights(trained(recipe, few[:60], seed=1)), atol=0.1)
    # None of the images that were handed in has been touched.
    assert torch.equal(few.images, data.mnist("train").images[:300])
    assert not few.images.requires_grad


def test_a_step_follows_the_gradient_by_finite_differences_where_the_box_leaves_it_free() -> None:
    generator = torch.Generator().manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2)).double()
    points = torch.rand(5, 1, 2, 2, generator=generator, dtype=torch.float64) * 0.6 + 0.2
    points[:, :, 0, 0] = 0.0
    labels = torch.tensor([0, 1, 0, 1, 1])
    found = places(Recipe((0.01, 0.0)), model).perturb(0, points, labels)

    def loss(flat: np.ndarray, row: int) -> float:
        logits = model(torch.from_numpy(flat).view(1, 1, 2, 2)).detach().numpy()[0]
        return float(np.log(np.exp(logits).sum()) - logits[labels[row]])

    for row in range(5):
        flat = points[row].flatten().numpy()
        slope = np.array(
            [
                (loss(flat + 1e-5 * unit, row) - loss(flat - 1e-5 * unit, row)) / 2e-5
                for unit in np.eye(4)
            ]
        )
        slope[0] = max(slope[0], 0.0)  # a pixel of 0 can only be raised
        expected = flat + 0.01 * slope / np.linalg.norm(slope)
        np.testing.assert_allclose(found[row].flatten().numpy(), expected, atol=1e-8)


@pytest.mark.parametrize("direction", ["gradient", "noise", "sign"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_step_has_the_length_of_the_recipe_and_stays_in_the_box(
    direction: str, place: int, few: Images
) -> None:
    lengths = tuple(0.05 * (place == other) for other in range(3))
    network_places = places(Recipe(lengths, direction))
    points = few.images
    for part in network_places.parts[:place]:
        points = part(points).detach()
    inner = points.clamp(0.4, 0.6)  # far from the box's sides
    moved = network_places.perturb(place, inner, few.labels)
    torch.testing.assert_close((moved - inner).flatten(1).norm(dim=1), torch.full((300,), 0.05))
    if direction == "sign":
        size = inner[0].numel()
        torch.testing.assert_close((moved - inner).abs(), torch.full(inner.shape, 0.05 / size**0.5))
    at_the_side = network_places.perturb(place, points.round(), few.labels)
    assert at_the_side.min() >= 0
    assert at_the_side.max() <= 1


def test_the_loss_is_the_mean_over_the_batch_itself_and_its_examples(few: Images) -> None:
    model = network()
    found = places(Recipe((1.0, 0.0, 0.5)), model)
    loss = found.loss(few, {})
    first = found.perturb(0, few.images, few.labels)
    second = model[:5](few.images).detach()
    second = found.perturb(2, second, few.labels)
    expected = [
        functional.cross_entropy(logits, few.labels)
        for logits in (model(few.images), model(first), model.logits(second))
    ]
    torch.testing.assert_close(loss, torch.stack(expected).mean())


def test_examples_of_a_layer_train_the_layers_above_it_alone(few: Images) -> None:
    model = network()
    places(Recipe((0.0, 0.5, 0.0)), model).loss(few, {}).backward()
    clean = network()
    functional.cross_entropy(clean(few.images), few.labels).backward()
    below, above = model.hidden1.weight.grad, model.hidden2.weight.grad
    # The mean of two losses of which the other says nothing of the layer below.
    torch.testing.assert_close(below, clean.hidden1.weight.grad / 2)
    assert not torch.allclose(above, clean.hidden2.weight.grad / 2, rtol=0.05)


def test_a_pool_has_adversarial_examples_for_every_place_with_their_labels(few: Images) -> None:
    model = trained(Recipe(epochs=20, batch=50), few)
    network_places = places(Recipe((1.0, 1.0, 1.0), "nearest", pool=90, renewed=60), model)
    pools = network_places.renewed({}, few)
    assert [*pools] == [0, 1, 2]
    for place, pool in pools.items():
        assert len(pool) == 60
        predicted = network_places.above[place](pool.images).argmax(dim=1)
        assert (predicted != pool.labels).float().mean() >= 0.95  # rounding may take one back
        assert sorted(pool.labels.tolist()) == sorted(pools[0].labels.tolist())


def test_a_pool_has_the_nearest_examples_and_a_factor_goes_beyond(few: Images) -> None:
    model = trained(Recipe(epochs=20, batch=50), few).eval()
    found = search.minimum_distortion(model, *few[:20], targets="nearest", effort="fast")
    for factor in (1.0, 1.5):
        moved = places(Recipe((factor, 0.0, 0.0), "nearest"), model).perturb(0, *few[:20])
        expected = (few.images[:20] + factor * (found.images - few.images[:20])).clamp(0, 1)
        torch.testing.assert_close(moved, expected)
    assert model.training is False


def test_a_pool_grows_and_then_a_random_part_of_it_is_renewed(few: Images) -> None:
    network_places = places(Recipe((0.5, 0.5, 0.0), "gradient", pool=60, renewed=20))
    pools: dict[int, Images] = {}
    for size in (20, 40, 60, 60, 60):
        before, pools = pools, network_places.renewed(pools, few)
        assert {place: len(pool) for place, pool in pools.items()} == {0: size, 1: size}
    for place, pool in pools.items():
        rows = {row.numpy().tobytes() for row in before[place].images}
        old = sum(row.numpy().tobytes() in rows for row in pool.images)
        # Of the same network and perhaps the same image: a new one may equal an old one.
        assert 40 <= old <= 50


def test_a_batch_from_a_pool_has_different_examples() -> None:
    network_places = places(Recipe((0.5, 0.0, 0.0), pool=60, renewed=20))
    pool = Images(torch.arange(60.0).view(60, 1, 1, 1), torch.arange(60))
    drawn = network_places.drawn(pool, 50)
    assert len(set(drawn.labels.tolist())) == 50
    assert torch.equal(drawn.images.flatten().long(), drawn.labels)
    assert len(network_places.drawn(pool, 100)) == 60
    assert len(network_places.drawn(pool, 0)) == 1


def test_examples_of_a_pool_count_as_much_as_images(few: Images) -> None:
    model = network()
    found = places(Recipe((0.5, 0.0, 0.0), pool=60, renewed=20), model)
    drawn = Images(1 - few.images[:30], few.labels[:30])
    mixed = torch.cat([few.images, drawn.images]), torch.cat([few.labels, drawn.labels])
    expected = functional.cross_entropy(model(mixed[0]), mixed[1])
    torch.testing.assert_close(found.loss(few, {0: drawn}), expected)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    network_places = places(Recipe(dropout=(0.2, 0.0, 0.5)))
    ones = torch.ones(1_000, 100)
    for share in (0.2, 0.5):
        dropped = network_places._dropped(ones, share)
        assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.01)
        assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    assert network_places._dropped(ones, 0.0) is ones


def test_training_on_examples_of_the_input_moves_the_boundary_away(few: Images) -> None:
    def distance(recipe: Recipe) -> float:
        model = trained(replace(recipe, epochs=100, batch=50), few, decay=(0.0, 0.0, 0.0)).eval()
        found = search.minimum_distortion(model, *few[:50], targets="nearest", effort="fast")
        return found.l2.mean().item()

    assert distance(Recipe((2.0, 0.0, 0.0))) > 1.2 * distance(Recipe())


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (Recipe((1.0,) * 4), "lengths: need at most 3"),
        (Recipe((-1.0, 0.0, 0.0)), "lengths: .* none below 0"),
        (Recipe((float("nan"), 0.0, 0.0)), "lengths"),
        (Recipe(dropout=(0.5,)), "dropout: need none, or 3 shares"),
        (Recipe(dropout=(0.5, 1.0, 0.0)), "dropout"),
        (Recipe((1.0,), "downhill"), "unknown direction 'downhill'"),
        (Recipe((1.0,), pool=5, renewed=6), "renewed: need 1 to 5"),
        (Recipe((1.0,), pool=5), "renewed: need 1 to 5"),
        (Recipe(epochs=0), "epochs: need an integer of at least 1"),
        (Recipe(batch=0), "batch: need an integer of at least 1"),
    ],
)
def test_a_recipe_that_does_not_suit_the_network_is_refused(
    recipe: Recipe, told: str, few: Images
) -> None:
    with pytest.raises(ValueError, match=told):
        trained(recipe, few)


def test_the_decay_needs_a_number_for_each_layer(few: Images) -> None:
    with pytest.raises(ValueError, match="decay: need one number for each linear layer, 3, got 1"):
        adversarial_training.train(network(), few, [0.1], Recipe(), torch.Generator())
