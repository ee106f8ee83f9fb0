"""Values read off the representation space: by the head, by neighbours, with their evidence."""

from medgauge.core.evidence import Evidence, Reading, Support
from medgauge.inference.difficulty import KernelDifficulty
from medgauge.inference.far import FAR_WORDS, far_threshold, is_far
from medgauge.inference.head import HeadPredictor
from medgauge.inference.index import ExactIndex, Exclusion, Neighbourhoods
from medgauge.inference.kernel_ridge import KernelPredictor
from medgauge.inference.logistic import LogisticPredictor
from medgauge.inference.neighbours import NeighbourPredictor
from medgauge.inference.radius import RadiusCurve, radius_grid
from medgauge.inference.vote import NeighbourVote, vote

__all__ = [
    "FAR_WORDS",
    "Evidence",
    "ExactIndex",
    "Exclusion",
    "HeadPredictor",
    "KernelDifficulty",
    "KernelPredictor",
    "LogisticPredictor",
    "NeighbourPredictor",
    "NeighbourVote",
    "Neighbourhoods",
    "RadiusCurve",
    "Reading",
    "Support",
    "far_threshold",
    "is_far",
    "radius_grid",
    "vote",
]
