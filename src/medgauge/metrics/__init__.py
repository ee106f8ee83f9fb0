"""Functions of whole splits: errors, agreement, label regions, the space, intervals by group, and baselines.

A metric takes (prediction (n, t), label (n, t)) and gives a float64 tensor (t,). Missing labels (NaN) are left out of
each target; a target without any observed label is NaN, and so is one with a NaN prediction where a label is observed.
"""

from medgauge.metrics.agreement import (
    calibration_intercept,
    calibration_slope,
    concordance_correlation,
    pearson,
    quadratic_kappa,
    spearman,
)
from medgauge.metrics.baselines import CovariateBaseline, covariate_baseline, median_baseline, skill
from medgauge.metrics.bootstrap import MIN_GROUPS, TOO_FEW_GROUPS, bootstrap_interval, drawn_interval, enough_of_both
from medgauge.metrics.error import bias, geometric_mean_error, mae, r2, rmse
from medgauge.metrics.findings import average_precision, brier, log_loss, roc_auc
from medgauge.metrics.grades import accuracy, confusion, within_one
from medgauge.metrics.interval_score import interval_score
from medgauge.metrics.masking import Metric
from medgauge.metrics.neighbourhood import neighbour_difference
from medgauge.metrics.regions import REGION_NAMES, LabelRegions, by_region, published_regions, region_codes
from medgauge.metrics.residual import ResidualVariance, choose_neighbours, residual_variance

__all__ = [
    "MIN_GROUPS",
    "REGION_NAMES",
    "TOO_FEW_GROUPS",
    "CovariateBaseline",
    "LabelRegions",
    "Metric",
    "ResidualVariance",
    "accuracy",
    "average_precision",
    "bias",
    "bootstrap_interval",
    "brier",
    "by_region",
    "calibration_intercept",
    "calibration_slope",
    "choose_neighbours",
    "concordance_correlation",
    "confusion",
    "covariate_baseline",
    "drawn_interval",
    "enough_of_both",
    "geometric_mean_error",
    "interval_score",
    "log_loss",
    "mae",
    "median_baseline",
    "neighbour_difference",
    "pearson",
    "published_regions",
    "quadratic_kappa",
    "r2",
    "region_codes",
    "residual_variance",
    "rmse",
    "roc_auc",
    "skill",
    "spearman",
    "within_one",
]
