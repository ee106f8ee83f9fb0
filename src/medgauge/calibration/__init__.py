"""What calibration cases serve: intervals and sets that hold, corrections, and how well they cover."""

from medgauge.calibration.class_sets import ClassSets
from medgauge.calibration.conformal import SplitConformal
from medgauge.calibration.correction import AgeGapLine, PredictionCorrection, delta_corrected
from medgauge.calibration.covering import binomial_interval, coverage, mean_width
from medgauge.calibration.cross_fitted import CrossFitted
from medgauge.calibration.grade_sets import GradeSets
from medgauge.calibration.label_conditional import LabelConditionalConformal
from medgauge.calibration.partition import LabelPartition
from medgauge.calibration.scores import Hull

__all__ = [
    "AgeGapLine",
    "ClassSets",
    "CrossFitted",
    "GradeSets",
    "Hull",
    "LabelConditionalConformal",
    "LabelPartition",
    "PredictionCorrection",
    "SplitConformal",
    "binomial_interval",
    "coverage",
    "delta_corrected",
    "mean_width",
]
