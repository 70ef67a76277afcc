"""Figures for the chapters: each function returns a matplotlib figure and shows nothing."""

from helpers.report.figures.base import (
    COLORS,
    DARK,
    INK,
    MUTED,
    PAPER,
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
)
from helpers.report.figures.models import (
    ArchitectureRow,
    architectures,
    definitions,
    errors_beside_paper,
    learning_curves,
)
from helpers.report.figures.natural import (
    by_target,
    norms_by_depth,
    ostrich_benchmark,
    photographs,
    tallies,
)
from helpers.report.figures.noise import (
    dot_panels,
    error_curves,
    noise_law,
    relatives,
    same_distance,
    spread_thin,
)
from helpers.report.figures.search import (
    adversarial,
    distortions,
    line_search,
    penalty_path,
    pockets,
)
from helpers.report.figures.slices import (
    slice_panels,
)
from helpers.report.figures.software import (
    convergence,
    optimality,
    search_benchmark,
    spectral_benchmark,
)
from helpers.report.figures.statistics import (
    coverage,
    margins,
    resampled,
    square_and_add,
    steps,
)
from helpers.report.figures.summary import (
    all_cells,
)
from helpers.report.figures.training import repetitions
from helpers.report.figures.transfer import (
    answers_to,
    discs,
    dumbbells,
    ended_curves,
    foretold,
    spike,
    start_and_kin,
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
    ranking,
)

__all__ = [
    "COLORS",
    "DARK",
    "INK",
    "MUTED",
    "PAPER",
    "ArchitectureRow",
    "adversarial",
    "against_strength",
    "all_cells",
    "answers_to",
    "architectures",
    "block_diagonal",
    "brackets",
    "by_target",
    "clouds",
    "convergence",
    "coverage",
    "curve_panels",
    "definitions",
    "discs",
    "distortions",
    "dot_panels",
    "dumbbells",
    "ended_curves",
    "error_curves",
    "errors_beside_paper",
    "explained",
    "foretold",
    "frequency_maps",
    "growth",
    "image_grid",
    "interval_rows",
    "learning_curves",
    "line_search",
    "margins",
    "matrix",
    "noise_law",
    "norms_beside_paper",
    "norms_by_depth",
    "optimality",
    "ostrich_benchmark",
    "penalty_path",
    "photographs",
    "pockets",
    "radii",
    "ranking",
    "relatives",
    "repetitions",
    "resampled",
    "same_distance",
    "search_benchmark",
    "slice_panels",
    "sorted_curves",
    "spectra",
    "spectral_benchmark",
    "spike",
    "spread_thin",
    "square_and_add",
    "start_and_kin",
    "steps",
    "strips",
    "subplots",
    "tallies",
    "use_style",
    "verdict_map",
]
