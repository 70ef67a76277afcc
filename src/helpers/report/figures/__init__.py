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
from helpers.report.figures.noise import answered, error_curves, noise_law
from helpers.report.figures.search import adversarial, benchmark, line_search
from helpers.report.figures.summary import all_cells
from helpers.report.figures.training import repetitions
from helpers.report.figures.transfer import agreement, matrix_against_paper, pair_matrix, spike
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
    "agreement",
    "all_cells",
    "answered",
    "benchmark",
    "brackets",
    "curve_panels",
    "error_curves",
    "growth",
    "image_grid",
    "interval_rows",
    "line_search",
    "matrix",
    "matrix_against_paper",
    "noise_law",
    "pair_matrix",
    "radii",
    "repetitions",
    "sorted_curves",
    "spectra",
    "spectral_benchmark",
    "spike",
    "subplots",
    "use_style",
]
