"""Directions: units, random ones, rotations, and bases fitted to planted features."""

import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from helpers import units
from helpers.units import bases as module


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sparse_code() -> tuple[Tensor, Tensor]:
    """Features [1500, 20], and the basis of whose rows they are sums of few, with positive weights.

    The basis [20, 20] is random and orthonormal.
    """
    basis = units.directions("rotation", 20, 20, seeded(7))
    weights = torch.rand(1_500, 20, generator=seeded(8)) * (
        torch.rand(1_500, 20, generator=seeded(9)) < 0.1
    )
    return weights @ basis + 3, basis


@pytest.mark.parametrize("kind", units.KINDS)
def test_directions_have_unit_length_and_repeat(kind: str) -> None:
    layer = sparse_code()[0]
    found = units.directions(kind, 20, 12, seeded(), layer)
    assert found.shape == (12, 20)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(12))
    assert torch.equal(found, units.directions(kind, 20, 12, seeded(), layer))


@pytest.mark.parametrize("kind", ["ica", "dictionary"])
def test_fitted_bases_find_the_planted_one_with_its_signs(kind: str) -> None:
    layer, basis = sparse_code()
    cosines = units.directions(kind, 20, 20, seeded(), layer) @ basis.T
    found = (cosines > 0.95).any(dim=0).sum()
    assert (
        found == 20 if kind == "ica" else found >= 18
    )  # the dictionary's objective has more than one minimum


@pytest.mark.parametrize("kind", ["pca", "rotation", "unit"])
def test_other_bases_do_not_find_it(kind: str) -> None:
    layer, basis = sparse_code()
    assert (units.directions(kind, 20, 20, seeded(), layer) @ basis.T).amax(dim=1).median() < 0.9


@pytest.mark.parametrize(("kind", "limit"), [("ica", "ITERATIONS"), ("dictionary", "EPOCHS")])
def test_a_fit_that_was_cut_short_warns(
    kind: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 1)
    with pytest.warns(ConvergenceWarning):
        units.directions(kind, 20, 20, seeded(), sparse_code()[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["pca", "ica", "dictionary"])
def test_fitted_bases_are_the_same_in_any_number_of_threads(kind: str) -> None:
    noise = torch.randn(
        1_000, 300, generator=seeded(1)
    )  # without components: where the fit ends up, its last bits decide
    before, found = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(units.directions(kind, 300, 30, seeded(), noise))
    torch.set_num_threads(before)
    assert torch.equal(*found)


def test_units_are_different_basis_vectors_in_order() -> None:
    found = units.directions("unit", 50, 20, seeded())
    assert found.sum(dim=1).tolist() == [1.0] * 20
    numbers = found.argmax(dim=1).tolist()
    assert numbers == sorted(set(numbers))
    assert torch.equal(units.directions("unit", 50, 50, seeded()), torch.eye(50))


@pytest.mark.parametrize("dimension", [1, 2, 100, 400])
def test_a_whole_rotation_is_orthogonal(dimension: int) -> None:
    basis = units.directions("rotation", dimension, dimension, seeded())
    assert (basis @ basis.T - torch.eye(dimension)).abs().max() < 1e-5


def test_rotations_favour_no_orthant() -> None:
    """Without its sign fix, QR gives a basis whose first vector points the same way too often."""
    first = torch.stack(
        [units.directions("rotation", 3, 1, seeded(seed))[0] for seed in range(300)]
    )
    assert first.mean(dim=0).abs().max() < 0.15


def test_positive_directions_are_absolute_values_of_random_ones() -> None:
    assert torch.equal(
        units.directions("positive", 30, 50, seeded()),
        units.directions("random", 30, 50, seeded()).abs(),
    )


def test_positive_directions_crowd_around_the_diagonal() -> None:
    """Their pairwise cosine is near E|g|^2 = 2 / pi, that of random directions near 0."""
    for kind, expected in {"positive": 2 / torch.pi, "random": 0}.items():
        found = units.directions(kind, 400, 100, seeded())
        cosines = (found @ found.T).triu(diagonal=1).sum() / (100 * 99 / 2)
        assert abs(cosines - expected) < 0.02


def test_sparse_directions_have_few_positive_parts_of_any_unit() -> None:
    found = units.directions("sparse", 20, 2_000, seeded())
    assert (found >= 0).all()
    assert ((found > 0).sum(dim=1) == module.MIXED).all()
    shares = (found > 0).double().mean(dim=0)
    assert (shares - module.MIXED / 20).abs().max() < 0.05  # five standard deviations
    assert torch.equal(
        (units.directions("sparse", module.MIXED, 7, seeded()) > 0).sum(dim=1),
        torch.full((7,), module.MIXED),
    )
    with pytest.raises(
        ValueError,
        match=f"dimension: need at least {module.MIXED} .* 'sparse', got {module.MIXED - 1}",
    ):
        units.directions("sparse", module.MIXED - 1, 3, seeded())


def test_principal_components_find_the_axes_of_an_ellipsoid() -> None:
    basis = units.directions("rotation", 5, 5, seeded())
    points = (
        torch.randn(20_000, 5, generator=seeded(1))
        * torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0])
        @ basis
        + 7
    )
    cosines = (units.directions("pca", 5, 3, seeded(), points) * basis[:3]).sum(dim=1)
    assert cosines.abs().min() > 0.99


def test_few_of_many_principal_components_are_the_first() -> None:
    matrix = torch.randn(1_100, 1_100, generator=seeded(), dtype=torch.float64)
    matrix = matrix @ matrix.T
    few, more = (
        module._leading_eigenvectors(matrix, 3),
        module._leading_eigenvectors(matrix, 200)[:3],
    )
    torch.testing.assert_close((few * more).sum(dim=1).abs(), torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize(
    ("kind", "count", "layer", "message"),
    [
        (
            "nmf",
            3,
            None,
            "unknown kind 'nmf': choose one of unit, random, .*, pca, ica, dictionary",
        ),
        ("unit", 9, None, "count: need 1 to 8 directions of kind 'unit'"),
        ("rotation", 9, None, "count: need 1 to 8"),
        ("random", 0, None, "count"),
        ("positive", 0, None, "count: need 1 to 8"),
        ("pca", 3, None, r"features: directions of kind 'pca' need features \[N, 8\].*got none"),
        ("ica", 3, None, "features: directions of kind 'ica'"),
        ("pca", 3, torch.zeros(5, 7), r"got \[5, 7\]"),
        ("pca", 3, torch.full((5, 8), torch.nan), "features: need finite values"),
        ("ica", 3, torch.ones(5, 8, dtype=torch.int64), "features: need a floating-point tensor"),
    ],
)
def test_directions_refuse(kind: str, count: int, layer: Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        units.directions(kind, 8, count, seeded(), layer)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", units.FITTED)
def test_features_with_gradients_in_half_precision_or_inference_mode_are_taken(kind: str) -> None:
    layer = sparse_code()[0]
    expected = units.directions(kind, 20, 4, seeded(), layer)
    found = units.directions(kind, 20, 4, seeded(), layer.clone().requires_grad_())
    assert torch.equal(found, expected)
    assert not found.requires_grad
    with torch.inference_mode():
        assert torch.equal(units.directions(kind, 20, 4, seeded(), layer.clone()), expected)
    half = units.directions(kind, 20, 4, seeded(), layer.half())
    assert torch.equal(half, units.directions(kind, 20, 4, seeded(), layer.half().float()))
