"""The survey of hidden layers: what it looks at, what it draws, and its scale."""

import pandas as pd
import pytest
import torch
from torch import Tensor

from helpers import models, units
from helpers.models import training
from helpers.units import strokes, survey


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Forty pictures of a frame whose place and width say its class, one of four.

    Every third one is closed, a loop.
    """
    found = torch.zeros(40, 1, 28, 28)
    for number, image in enumerate(found):
        left = 2 + 4 * (number % 4)
        image[0, 4:24, left : left + 10] = 1
        image[0, 7 : 21 if number % 3 else 24, left + 2 + number % 4 : left + 7] = 0
    return (found - 0.2 * torch.rand(found.shape, generator=seeded())).clamp(0, 1)


LABELS = torch.arange(40) % 4


@pytest.fixture(scope="module")
def scale(images: Tensor) -> survey.Scale:
    judges = {"net": images.flatten(1)[:, :300]}
    return survey.Scale(images, LABELS, judges, sets=50, generator=seeded(), k=5)


def test_every_layer_of_the_survey_is_one_of_its_network() -> None:
    for network, layer in survey.LAYERS.values():
        assert layer in dict(models.build(network).named_children())
    for label, layer in survey.BEFORE.items():
        names = list(dict(models.build(survey.LAYERS[label][0]).named_children()))
        assert names.index(layer) == names.index(survey.LAYERS[label][1]) - 1
    assert {layer for place in survey.JUDGES.values() for layer in [place[0]]} <= set(
        survey.NETWORKS
    )
    assert all(network != judge for network, (judge, _) in survey.JUDGES.items())


@pytest.mark.parametrize("name", survey.NETWORKS)
def test_responses_are_the_features_of_each_layer(name: str, images: Tensor) -> None:
    network = models.build(name).eval()
    training.initialise(network, seeded())
    found = survey.responses({name: network}, images)[name]
    for label, (owner, layer) in survey.LAYERS.items():
        if owner == name:
            spatial = "mean" if label.endswith("channels") else "flatten"
            kind = survey.PRECISION[name]
            assert found[layer].dtype == kind
            expected = units.features(network, layer, images.to(kind), spatial=spatial)
            torch.testing.assert_close(found[layer], expected)
            assert label not in survey.BEFORE or survey.BEFORE[label] in found


def test_a_network_outside_the_survey_is_refused(images: Tensor) -> None:
    with pytest.raises(ValueError, match="unknown networks 'FC10"):
        survey.responses({"FC10(1)": models.build("FC10(1)")}, images)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", units.KINDS)
def test_as_many_directions_are_drawn_as_the_layer_and_the_kind_allow(kind: str) -> None:
    layer = torch.rand(60, 12, generator=seeded())
    sets = survey.SETS if kind in survey.REPEATED else 1
    for asked, got in ((7, 7), (50, 12)):
        drawn = survey.draw(kind, layer, asked, seeded(), layer)
        assert drawn.shape == (sets * got, 12)
    first = units.directions(kind, 12, 12, seeded(), layer)
    torch.testing.assert_close(survey.draw(kind, layer, 50, seeded(), layer)[:12], first)


def test_the_sets_of_a_kind_differ() -> None:
    drawn = survey.draw("rotation", torch.ones(9, 6), 6, seeded())
    assert not torch.allclose(drawn[:6], drawn[6:12])


def test_the_ends_of_the_scale_are_chance_and_neighbours(
    scale: survey.Scale, images: Tensor
) -> None:
    chance = units.random_images(40, 50, 5, seeded())
    near = units.nearest_images(images.flatten(1), chance[:, 0], 5)
    for top, end in ((chance, 0.0), (near, 1.0)):
        assert scale.score("net", top).mean().tolist() == pytest.approx([end] * 7)
    assert list(scale.score("net", near).columns) == list(survey.MEASURES)


def test_measures_are_those_of_coherence_and_of_strokes(
    scale: survey.Scale, images: Tensor
) -> None:
    top = torch.tensor([[0, 4, 8, 12, 16], [0, 1, 2, 3, 4]])
    found = scale.measure("net", top)
    spaces = {"pixels": images.flatten(1), "judge": images.flatten(1)[:, :300]}
    alike = units.coherence(top, LABELS, spaces)
    pd.testing.assert_frame_equal(found[list(alike)], alike)
    narrow = strokes.narrowing(top, strokes.properties(images))
    pd.testing.assert_frame_equal(found[list(narrow)], narrow)
    assert scale.score("net", top)["purity"].iloc[0] > scale.score("net", top)["purity"].iloc[1]


def test_a_network_without_a_judge_is_refused(scale: survey.Scale) -> None:
    with pytest.raises(ValueError, match="unknown network 'another'"):
        scale.measure("another", torch.tensor([[0, 1]]))
