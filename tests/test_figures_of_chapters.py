"""What the figures of single chapters draw, and where."""

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from torch import nn

from helpers.intervals import Estimate
from helpers.report import figures
from helpers.report.figures import COLORS
from helpers.report.figures import models as of_models


def points(axis: Axes, marker: str) -> list[tuple[float, float]]:
    """Where marks of one kind stand, in the order in which they were drawn."""
    return [
        (float(x), float(y))
        for line in axis.lines
        if line.get_marker() == marker
        for x, y in line.get_xydata()
    ]


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.5, value + 0.5, 100)


def test_a_network_is_drawn_layer_by_layer_and_a_wrong_answer_is_orange() -> None:
    deep = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.Sigmoid(), nn.Linear(12, 10))
    linear = nn.Sequential(nn.Flatten(), nn.Linear(16, 10))
    for network, answer in ((deep, 3), (linear, 7)):
        nn.init.zeros_(network[-1].weight)
        nn.init.constant_(network[-1].bias, 0.0)
        network[-1].bias.data[answer] = 5.0
    rows = [
        figures.ArchitectureRow("Deep", "D", deep),
        figures.ArchitectureRow("Linear", "L", linear),
    ]
    figure = figures.architectures(torch.rand(1, 1, 4, 4), 3, rows)
    axis = figure.axes[0]
    # The image, one hidden layer, and ten templates.
    assert [picture.get_array().shape for picture in axis.images] == [(4, 4), (10, 2)] + [
        (4, 4)
    ] * 10
    highest = [max(bars, key=lambda bar: bar.get_height()) for bars in np.split(_bars(axis), 2)]
    assert [to_hex(bar.get_facecolor()).upper() for bar in highest] == [
        COLORS["blue"],
        COLORS["orange"],
    ]


def _bars(axis: Axes) -> np.ndarray:
    return np.array(axis.patches, dtype=object)


def test_units_fill_columns_of_ten_and_maps_a_mosaic() -> None:
    units = nn.Sequential(nn.Flatten(), nn.Linear(1, 12), nn.Sigmoid(), nn.Linear(12, 2))
    with torch.no_grad():
        units[1].weight.copy_(torch.arange(12.0)[:, None])
        units[1].bias.zero_()
    (picture,), _ = of_models.activations(units, torch.ones(1, 1, 1, 1))
    assert (np.diff(picture[:, 0]) > 0).all()
    assert picture[1, 1] == 1
    assert np.isnan(picture[2:, 1]).all()
    maps = nn.Sequential(nn.Conv2d(1, 10, 1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(40, 3))
    (mosaic,), logits = of_models.activations(maps, torch.rand(1, 1, 4, 4))
    # Two rows of maps of 2 x 2, eight to a row, with a line between them.
    assert mosaic.shape == (2 * 3 - 1, 8 * 3 - 1)
    assert np.isnan(mosaic[2]).all()
    assert len(logits) == 3


def test_a_learning_curve_never_rises_and_leads_to_where_the_training_ended() -> None:
    figure = figures.learning_curves({"a": [3.0, 5.0, 2.0]}, {"a": (50, 1.0)})
    curve = figure.axes[0].lines[0]
    assert list(curve.get_ydata()) == [3.0, 3.0, 2.0]
    assert points(figure.axes[0], "o") == [(50, 1.0)]


def test_errors_stand_beside_the_papers_where_it_has_one() -> None:
    ours = {name: {"train": estimate(2.0), "test": estimate(3.0)} for name in ("FC10(1)", "new")}
    paper = {"train": {"FC10(1)": 4.0}, "test": {"FC10(1)": 5.0}}
    figure = figures.errors_beside_paper(ours, paper)
    assert [points(axis, "o") for axis in figure.axes] == [
        [(2.0, 0.0), (2.0, 1.0)],
        [(3.0, 0.0), (3.0, 1.0)],
    ]
    assert [points(axis, "D") for axis in figure.axes] == [[(4.0, 1.0)], [(5.0, 1.0)]]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["new", "linear, strong decay\nFC10(1)"]


def test_each_definition_of_weight_decay_has_a_dot_on_every_line() -> None:
    found = {
        "FC10(1)": {
            "printed": {"train": estimate(1.0), "test": estimate(2.0)},
            "half": {"train": estimate(3.0), "test": estimate(4.0)},
        }
    }
    figure = figures.definitions(found, {"train": {"FC10(1)": 5.0}, "test": {"FC10(1)": 6.0}})
    assert points(figure.axes[0], "o") == [(2.0, 0.0), (4.0, 0.0), (1.0, 1.0), (3.0, 1.0)]
    assert points(figure.axes[0], "D") == [(6.0, 0.0), (5.0, 1.0)]


def test_adversarial_images_have_their_answers_above_them() -> None:
    originals = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    figure = figures.adversarial(
        originals, 1 - originals, originals, labels=[4, 7], answers=[9, 7], noise_answers=[4, 7]
    )
    told = [axis.title for axis in figure.axes if axis.get_title()]
    assert [title.get_text() for title in told] == ["“4”", "“7”", "“9”", "“7”", "“4”", "“7”"]
    assert [title.get_color() == COLORS["orange"] for title in told] == [
        False,
        False,
        True,
        False,
        False,
        False,
    ]
    np.testing.assert_allclose(figure.axes[2].images[0].get_array(), (1 - 2 * originals)[0, 0])


def test_the_line_search_marks_the_largest_c_that_succeeds() -> None:
    figure = figures.line_search([0.1, 1.0, 10.0], [3.0, 2.0, 0.0], [0.1, 1.0, 9.0], [1, 1, 0])
    for axis, values in zip(figure.axes, ([3.0, 2.0, 0.0], [0.1, 1.0, 9.0]), strict=True):
        reached, missed = [line for line in axis.lines if line.get_marker() == "o"]
        assert list(reached.get_ydata()) == values[:2]
        assert list(missed.get_ydata()) == values[2:]
        assert [line.get_xdata()[0] for line in axis.lines if line.get_linestyle() == ":"] == [1.0]


def test_every_answer_of_a_plane_is_written_within_its_region_away_from_the_path() -> None:
    x, y = np.linspace(-1, 2, 61), np.linspace(-1, 1, 41)
    answers = np.where(x < 1, 7, 3)[None].repeat(41, axis=0)
    path = np.array([[1.5, 0.0], [1.0, 0.0], [0.0, 0.0]])
    figure = figures.penalty_path(answers, x, y, path, [True, True, False])
    axis = figure.axes[0]
    written = {text.get_text(): text.get_position() for text in axis.texts}
    assert written["“7”"][0] < 1 <= written["“3”"][0]
    for answer in ("“7”", "“3”"):
        assert np.linalg.norm(path - np.array(written[answer]), axis=1).min() >= 0.25
    # The circle has the length of the last success before the target is missed.
    (circle,) = [line for line in axis.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(np.linalg.norm(circle.get_xydata(), axis=1), 1.0)


def test_each_search_has_a_dot_for_each_network_beside_the_papers() -> None:
    ours = {"a": {"one": estimate(1.0), "two": estimate(2.0)}}
    figure = figures.distortions(ours, {"a": 3.0})
    assert points(figure.axes[0], "o") == [(1.0, 0.0), (2.0, 0.0)]
    assert points(figure.axes[0], "D") == [(3.0, 0.0)]


def test_pockets_shows_what_was_counted_and_what_a_wall_would_give() -> None:
    figure = figures.pockets([0.5, 1.0], {"image": [0.0, 10.0]}, {"image": [0.0, 20.0]})
    drawn = {line.get_linestyle(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert drawn["-"] == [0.0, 10.0]
    assert drawn["--"] == [0.0, 20.0]


def test_the_search_benchmark_has_a_line_a_method_and_is_hollow_where_one_fails() -> None:
    rows = [
        ("a", "ours", "best", 1.0, 1.0),
        ("a", "foolbox", "DDN, 100 steps", 1.1, 1.0),
        ("b", "ours", "best", 1.0, 1.0),
        ("b", "torchattacks", "FAB", None, 0.0),
    ]
    frame = pd.DataFrame(rows, columns=["network", "library", "method", "ratio", "success"])
    figure = figures.search_benchmark(frame.assign(n=10, seconds=0.5))
    longer, times = figure.axes
    assert [label.get_text() for label in longer.get_yticklabels()] == [
        "FAB (torchattacks)",
        "DDN, 100 steps",
        "best (ours)",
    ]
    np.testing.assert_allclose(points(longer, "o"), [(0, 2), (10, 1), (0, 2)], atol=1e-9)
    assert points(times, "o") == [(50, 2), (50, 1), (50, 2), (50, 0)]
    hollow = [line.get_markerfacecolor() == figures.PAPER for line in times.lines]
    assert hollow == [False, False, False, True]


def test_the_spectral_benchmark_draws_all_above_the_floor_and_hollow_what_was_stopped() -> None:
    rows = [
        ("a", "operator_norm", 0.1, 0.0, True),
        ("a", "power iteration, 60 steps", 0.2, -1e-3, True),
        ("a", "power iteration, to 1e-6", 20.0, -1e-4, False),
        ("b", "dense SVD", 3.0, 1e-9, True),
    ]
    frame = pd.DataFrame(rows, columns=["layer", "method", "seconds", "error", "reached"])
    seconds, errors = figures.spectral_benchmark(frame, floor=1e-12).axes
    assert [label.get_text() for label in seconds.get_yticklabels()] == ["b", "a"]
    assert [points(axis, "*") for axis in (seconds, errors)] == [[(0.1, 1)], [(1e-12, 1)]]
    assert [points(axis, "s") for axis in (seconds, errors)] == [[(3.0, 0)], [(1e-9, 0)]]
    assert [points(axis, "o") for axis in (seconds, errors)] == [[(20.0, 1)], [(1e-4, 1)]]
    marks = [line for line in errors.lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() == figures.PAPER for line in marks] == [True]


def test_curves_of_convergence_do_not_fall_below_the_floor() -> None:
    figure = figures.convergence({"power": [0.1, -0.01], "Lanczos": [0.1, 0.0]}, floor=1e-9)
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[0.1, 0.01], [0.1, 1e-9]]
