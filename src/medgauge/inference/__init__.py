"""Values read off the representation space: by the head, by neighbours, with intervals and evidence."""

from medgauge.inference.conformal import SplitConformal
from medgauge.inference.correction import AgeGapLine, PredictionCorrection, delta_corrected
from medgauge.inference.covering import binomial_interval, coverage, mean_width
from medgauge.inference.evidence import Cases, Evidence, Reading
from medgauge.inference.far import FAR_WORDS, far_threshold, is_far
from medgauge.inference.head import HeadPredictor
from medgauge.inference.index import ExactIndex, Exclusion, Neighbourhoods
from medgauge.inference.label_conditional import LabelConditionalConformal, cross_conformal
from medgauge.inference.neighbours import NeighbourPredictor
from medgauge.inference.partition import LabelPartition
from medgauge.inference.predictor import Predictor
from medgauge.inference.radius import RadiusCurve, radius_grid
from medgauge.inference.scores import Hull

__all__ = [
    "FAR_WORDS",
    "AgeGapLine",
    "Cases",
    "Evidence",
    "ExactIndex",
    "Exclusion",
    "HeadPredictor",
    "Hull",
    "LabelConditionalConformal",
    "LabelPartition",
    "NeighbourPredictor",
    "Neighbourhoods",
    "PredictionCorrection",
    "Predictor",
    "RadiusCurve",
    "Reading",
    "SplitConformal",
    "binomial_interval",
    "coverage",
    "cross_conformal",
    "delta_corrected",
    "far_threshold",
    "is_far",
    "mean_width",
    "radius_grid",
]
