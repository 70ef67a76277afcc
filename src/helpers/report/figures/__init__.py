"""Figures for the chapters: each function returns a matplotlib figure and shows nothing."""

from helpers.report.figures.base import (
    COLORS,
    DARK,
    INK,
    MUTED,
    PAPER,
    against_paper,
    image_grid,
    matrix,
    sorted_curves,
    subplots,
    use_style,
)
from helpers.report.figures.lipschitz import (
    against_strength,
    brackets,
    growth,
    radii,
    spectra,
    spectral_benchmark,
)
from helpers.report.figures.noise import (
    dot_panels,
    error_curves,
    noise_law,
    relatives,
    same_distance,
    spread_thin,
)
from helpers.report.figures.search import adversarial, benchmark, line_search
from helpers.report.figures.summary import all_cells
from helpers.report.figures.transfer import (
    answers_to,
    discs,
    dumbbells,
    ended_curves,
    foretold,
    spike,
    start_and_kin,
)
from helpers.report.figures.units import curve_panels, interval_rows

__all__ = [
    "COLORS",
    "DARK",
    "INK",
    "MUTED",
    "PAPER",
    "adversarial",
    "against_paper",
    "against_strength",
    "all_cells",
    "answers_to",
    "benchmark",
    "brackets",
    "curve_panels",
    "discs",
    "dot_panels",
    "dumbbells",
    "ended_curves",
    "error_curves",
    "foretold",
    "growth",
    "image_grid",
    "interval_rows",
    "line_search",
    "matrix",
    "noise_law",
    "radii",
    "relatives",
    "same_distance",
    "sorted_curves",
    "spectra",
    "spectral_benchmark",
    "spike",
    "spread_thin",
    "start_and_kin",
    "subplots",
    "use_style",
]
