from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from helpers import data, models, transfer
from helpers.models import checkpoints


@pytest.mark.parametrize("name", models.SPECIFICATIONS)
def test_a_network_maps_images_to_logits(name: str) -> None:
    model = models.load(name)
    logits = model(torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (3, 10)
    assert not model.training
    assert not any(weights.requires_grad for weights in model.parameters())
    smallest = torch.finfo(torch.float32).tiny
    assert not any(
        ((weights != 0) & (weights.abs() < smallest)).any() for weights in model.parameters()
    )


def test_names_are_the_papers() -> None:
    assert models.TABLE1 == (
        "FC10(1e-4)",
        "FC10(1e-2)",
        "FC10(1)",
        "FC100-100-10",
        "FC200-200-10",
        "AE400-10",
    )
    assert models.TABLE3 == ("FC100-100-10/P1", "FC123-456-10/P1", "FC100-100-10/P2")


def test_the_networks_for_comparisons_are_no_chapters_ten() -> None:
    assert len(models.NAMES) == 10
    assert models.SECOND not in models.NAMES
    assert models.specification(models.SECOND) == replace(
        models.specification("FC100-100-10"), seed=1
    )
    for base, names in models.PENALISED.items():
        strengths = [models.specification(name).norm_penalty for name in names]
        assert strengths == sorted(strengths)
        assert len(names) == 3
        assert not {*names} & {*models.NAMES}
        for name, strength in zip(names, strengths, strict=True):
            assert models.specification(name) == replace(
                models.specification(base), norm_penalty=strength
            )
            assert [*models.build(name).state_dict()] == [*models.build(base).state_dict()]
    for name, recipe in models.REGULARISED.items():
        assert models.specification(name) == replace(
            models.specification("FC100-100-10"), method="Adam", recipe=models.RECIPES[recipe]
        )
    others = {models.SECOND, *sum(models.PENALISED.values(), ()), *models.REGULARISED}
    assert others == {*models.SPECIFICATIONS} - {*models.NAMES}


def test_another_start_gives_other_weights() -> None:
    first, second = models.load("FC100-100-10"), models.load(models.SECOND)
    assert not torch.allclose(first.hidden1.weight, second.hidden1.weight, atol=0.05)


def test_a_sigmoid_network_computes_what_its_name_says() -> None:
    model = models.load("FC123-456-10/P1")
    images = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    value = images.flatten(1)
    for layer in (model.hidden1, model.hidden2):
        value = 1 / (1 + torch.exp(-functional.linear(value, layer.weight, layer.bias)))
    torch.testing.assert_close(model(images), value @ model.logits.weight.T + model.logits.bias)
    assert [model.hidden1.out_features, model.hidden2.out_features] == [123, 456]


@pytest.mark.parametrize("name", models.SPECIFICATIONS)
def test_errors_are_those_in_the_checkpoint(name: str) -> None:
    model, test = models.load(name), data.mnist("test")
    _, metadata = checkpoints.read(name, "mnist", models.specification(name))
    assert transfer.error_rate(model, *test) == pytest.approx(metadata["error"]["test"], abs=2e-4)


def test_the_convnet_is_at_least_99_percent_right() -> None:
    assert transfer.error_rate(models.load("ConvNet"), *data.mnist("test")) <= 0.01


def test_an_unknown_name_is_answered_with_those_that_exist() -> None:
    for call in (models.build, models.load, models.specification):
        with pytest.raises(
            ValueError, match=r"unknown model 'FC10': choose one of FC10\(1e-4\), .*ConvNet"
        ):
            call("FC10")
