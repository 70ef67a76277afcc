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
)
from helpers.report.figures.models import (
    ArchitectureRow,
    architectures,
    definitions,
    errors_beside_paper,
    learning_curves,
)
from helpers.report.figures.noise import (
    answered,
    error_curves,
    noise_law,
)
from helpers.report.figures.search import (
    adversarial,
    distortions,
    line_search,
    penalty_path,
    pockets,
)
from helpers.report.figures.software import (
    convergence,
    search_benchmark,
    spectral_benchmark,
)
from helpers.report.figures.summary import (
    all_cells,
)
from helpers.report.figures.transfer import (
    agreement,
    matrix_against_paper,
    pair_matrix,
    spike,
)
from helpers.report.figures.units import (
    explained,
    strips,
    verdict_map,
)
from helpers.report.figures.units_measured import (
    clouds,
    curve_panels,
    interval_rows,
)

__all__ = [
    "COLORS",
    "DARK",
    "INK",
    "MUTED",
    "PAPER",
    "ArchitectureRow",
    "adversarial",
    "against_paper",
    "against_strength",
    "agreement",
    "all_cells",
    "answered",
    "architectures",
    "brackets",
    "clouds",
    "convergence",
    "curve_panels",
    "definitions",
    "distortions",
    "error_curves",
    "errors_beside_paper",
    "explained",
    "growth",
    "image_grid",
    "interval_rows",
    "learning_curves",
    "line_search",
    "matrix",
    "matrix_against_paper",
    "noise_law",
    "pair_matrix",
    "penalty_path",
    "pockets",
    "radii",
    "search_benchmark",
    "sorted_curves",
    "spectra",
    "spectral_benchmark",
    "spike",
    "strips",
    "subplots",
    "use_style",
    "verdict_map",
]
