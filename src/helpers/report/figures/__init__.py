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
    block_diagonal,
    brackets,
    frequency_maps,
    growth,
    norms_beside_paper,
    radii,
    spectra,
    spectral_benchmark,
)
from helpers.report.figures.noise import answered, error_curves, noise_law
from helpers.report.figures.search import adversarial, benchmark, line_search
from helpers.report.figures.slices import slice_panels
from helpers.report.figures.summary import all_cells
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
    "block_diagonal",
    "brackets",
    "curve_panels",
    "error_curves",
    "frequency_maps",
    "growth",
    "image_grid",
    "interval_rows",
    "line_search",
    "matrix",
    "matrix_against_paper",
    "noise_law",
    "norms_beside_paper",
    "pair_matrix",
    "radii",
    "slice_panels",
    "sorted_curves",
    "spectra",
    "spectral_benchmark",
    "spike",
    "subplots",
    "use_style",
]
