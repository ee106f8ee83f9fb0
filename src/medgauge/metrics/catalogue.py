"""Every figure by kind of label: its function, its name in words, and how it is to be read."""

from collections.abc import Iterable, Mapping

from medgauge.core.figure import Figure
from medgauge.metrics.agreement import (
    calibration_intercept,
    calibration_slope,
    concordance_correlation,
    pearson,
    quadratic_kappa,
    spearman,
)
from medgauge.metrics.classes import (
    balanced_accuracy,
    case_class_log_loss,
    class_log_loss,
    drawn_balanced_accuracy,
    drawn_class_log_loss,
    drawn_error_rate,
    drawn_macro_auc,
    error_rate,
    is_wrong,
    macro_auc,
)
from medgauge.metrics.error import absolute_error, bias, geometric_mean_error, mae, r2, rmse, signed_error
from medgauge.metrics.findings import (
    average_precision,
    brier,
    case_brier,
    case_log_loss,
    drawn_average_precision,
    drawn_brier,
    drawn_log_loss,
    drawn_roc_auc,
    log_loss,
    roc_auc,
)
from medgauge.metrics.grades import accuracy, is_grade, is_within_one, within_one
from medgauge.metrics.macro import LEAST_POSITIVES

MAE = Figure(
    "mae",
    mae,
    "mean absolute error",
    "0 is perfect",
    unit="label",
    headline=True,
    in_strata=True,
    each=absolute_error,
)
RMSE = Figure("rmse", rmse, "root mean squared error", "0 is perfect", unit="label", headline=True)
BIAS = Figure(
    "bias",
    bias,
    "bias",
    "mean of predicted − true",
    unit="signed",
    headline=True,
    in_strata=True,
    each=signed_error,
)
GEOMETRIC = Figure(
    "geometric_mean_error", geometric_mean_error, "geometric mean error", "0 is perfect", unit="label", in_strata=True
)
R2 = Figure("r2", r2, "R²", "1 is perfect, 0 the mean label", best=1.0, lower_is_better=False, headline=True)
SPEARMAN = Figure("spearman", spearman, "Spearman correlation", "1 is perfect", best=1.0, lower_is_better=False)
PEARSON = Figure("pearson", pearson, "Pearson correlation", "1 is perfect", best=1.0, lower_is_better=False)
CONCORDANCE = Figure(
    "concordance_correlation",
    concordance_correlation,
    "concordance correlation",
    "1 is perfect",
    best=1.0,
    lower_is_better=False,
)
SLOPE = Figure("calibration_slope", calibration_slope, "calibration slope", "1 is perfect", best=1.0)
INTERCEPT = Figure(
    "calibration_intercept", calibration_intercept, "calibration intercept", "0 is perfect", unit="signed"
)
KAPPA = Figure(
    "quadratic_kappa",
    quadratic_kappa,
    "quadratic kappa",
    "1 is perfect",
    best=1.0,
    lower_is_better=False,
    headline=True,
)
ACCURACY = Figure(
    "accuracy",
    accuracy,
    "accuracy",
    "share of exact grades, 1 is perfect",
    best=1.0,
    lower_is_better=False,
    headline=True,
    in_strata=True,
    each=is_grade,
)
WITHIN_ONE = Figure(
    "within_one",
    within_one,
    "within one grade",
    "share at most one grade away, 1 is perfect",
    best=1.0,
    lower_is_better=False,
    headline=True,
    in_strata=True,
    each=is_within_one,
)
LOG_LOSS = Figure(
    "log_loss",
    log_loss,
    "log loss",
    "0 is perfect, 0.69 a toss",
    headline=True,
    in_strata=True,
    each=case_log_loss,
    drawn=drawn_log_loss,
    least=LEAST_POSITIVES,
)
AUC = Figure(
    "roc_auc",
    roc_auc,
    "ROC-AUC",
    "1 is perfect, 0.5 knows nothing",
    best=1.0,
    lower_is_better=False,
    headline=True,
    drawn=drawn_roc_auc,
    ranks=True,
    folded=True,
)
PRECISION = Figure(
    "average_precision",
    average_precision,
    "average precision",
    "1 is perfect, the share of present cases knows nothing",
    best=1.0,
    lower_is_better=False,
    headline=True,
    drawn=drawn_average_precision,
    ranks=True,
    folded=True,
)
BRIER = Figure(
    "brier", brier, "Brier score", "0 is perfect", headline=True, in_strata=True, each=case_brier, drawn=drawn_brier
)
ERROR_RATE = Figure(
    "error_rate",
    error_rate,
    "error rate",
    "share of wrong classes, 0 is perfect",
    headline=True,
    in_strata=True,
    each=is_wrong,
    drawn=drawn_error_rate,
)
BALANCED = Figure(
    "balanced_accuracy",
    balanced_accuracy,
    "balanced accuracy",
    "mean share found of each class, 1 is perfect",
    best=1.0,
    lower_is_better=False,
    headline=True,
    drawn=drawn_balanced_accuracy,
)
MACRO_AUC = Figure(
    "macro_auc",
    macro_auc,
    "macro ROC-AUC",
    "each class against all others, 1 is perfect, 0.5 knows nothing",
    best=1.0,
    lower_is_better=False,
    headline=True,
    drawn=drawn_macro_auc,
    chances=True,
    folded=True,
)
CLASS_LOG_LOSS = Figure(
    "log_loss",
    class_log_loss,
    "log loss",
    "0 is perfect",
    headline=True,
    in_strata=True,
    each=case_class_log_loss,
    drawn=drawn_class_log_loss,
    chances=True,
)


def named(figures: Iterable[Figure]) -> dict[str, Figure]:
    """Figures by their names."""
    return {figure.name: figure for figure in figures}


NUMBER: Mapping[str, Figure] = named([MAE, RMSE, BIAS, GEOMETRIC, R2, PEARSON, SPEARMAN, CONCORDANCE, SLOPE, INTERCEPT])
GRADE: Mapping[str, Figure] = named([MAE, KAPPA, ACCURACY, WITHIN_ONE, BIAS, SPEARMAN])
FINDING: Mapping[str, Figure] = named([LOG_LOSS, AUC, PRECISION, BRIER])
CLASS: Mapping[str, Figure] = named([CLASS_LOG_LOSS, BALANCED, ERROR_RATE, MACRO_AUC])
FIGURES: Mapping[str, Mapping[str, Figure]] = {"number": NUMBER, "grade": GRADE, "finding": FINDING, "class": CLASS}
"""The figures of each kind of label, as tables show them, the one that baselines are judged by first."""
