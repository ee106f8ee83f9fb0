"""Values read off the representation space: by the head, by neighbours, with intervals and evidence."""

from medgauge.inference.conformal import SplitConformal, coverage, mean_width
from medgauge.inference.evidence import Cases, Evidence, Reading
from medgauge.inference.far import FAR_WORDS, far_threshold, is_far
from medgauge.inference.head import HeadPredictor
from medgauge.inference.index import ExactIndex, Exclusion, Neighbourhoods
from medgauge.inference.neighbours import NeighbourPredictor
from medgauge.inference.predictor import Predictor
from medgauge.inference.radius import RadiusCurve, radius_grid

__all__ = [
    "FAR_WORDS",
    "Cases",
    "Evidence",
    "ExactIndex",
    "Exclusion",
    "HeadPredictor",
    "NeighbourPredictor",
    "Neighbourhoods",
    "Predictor",
    "RadiusCurve",
    "Reading",
    "SplitConformal",
    "coverage",
    "far_threshold",
    "is_far",
    "mean_width",
    "radius_grid",
]
