"""Correlation and agreement of prediction and label. Missing labels (NaN) are left out of each target; none: NaN.

These say nothing useful inside a part of the label range (a narrow range lowers every one of them);
``by_region`` refuses them.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.functional.correlations import correlation, is_constant
from medgauge.functional.grades import check_grades, nearest_grade
from medgauge.functional.ranks import midranks
from medgauge.metrics.masking import over_targets


def pearson(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Pearson's correlation of each target; 1 is perfect. NaN where prediction or label is constant (one case too).

    >>> pearson(torch.tensor([[1.0], [2.0], [6.0]]), torch.tensor([[3.0], [4.0], [8.0]]))
    tensor([1.], dtype=torch.float64)
    """
    return over_targets(correlation, prediction, label)


def spearman(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Spearman's rank correlation of each target, ties at their mean rank; 1 is perfect.

    NaN where prediction or label is constant (one case too), as in SciPy.

    >>> spearman(torch.tensor([[1.0], [2.0], [60.0]]), torch.tensor([[3.0], [4.0], [8.0]]))
    tensor([1.], dtype=torch.float64)
    """
    return over_targets(lambda guess, truth: correlation(midranks(guess), midranks(truth)), prediction, label)


def concordance_correlation(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Lin's concordance correlation coefficient of each target; 1 is perfect.

    2 cov / (var + var + (difference of the means)^2), with divisor n. Where prediction or label is constant there is
    no covariance: 0; where both are constant and equal the formula is 0/0: NaN.

    - Source: Lin, Biometrics 1989.

    >>> concordance_correlation(torch.tensor([[2.0], [3.0]]), torch.tensor([[1.0], [2.0]]))
    tensor([0.3333], dtype=torch.float64)
    """
    return over_targets(_concordance, prediction, label)


def quadratic_kappa(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Cohen's kappa with quadratic weights of each target's rounded predictions, for whole-number labels; 1 is perfect.

    Weights are by the distance of the numbers, so that levels which do not occur count too. A half is rounded up, and
    rounded predictions outside the labels' range stay where they are. This is the concordance correlation of the
    rounded values; constant on both sides and equal: NaN.

    - Raises: ValueError if a label is not a whole number.
    - Source: Cohen, Psychological Bulletin 1968.

    >>> quadratic_kappa(torch.tensor([[0.4], [0.6], [2.1]]), torch.tensor([[0.0], [1.0], [1.0]]))
    tensor([0.6667], dtype=torch.float64)
    """
    check_grades(label, "quadratic_kappa")
    return over_targets(lambda guess, truth: _concordance(nearest_grade(guess), truth), prediction, label)


def calibration_slope(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Slope of the least-squares line of LABEL on PREDICTION, for each target; 1 is best.

    Below 1 the predictions are spread too widely, above 1 too narrowly (drawn to the middle). A constant prediction
    (one case too) has no line: NaN. A constant label has slope 0.

    >>> calibration_slope(torch.tensor([[2.0], [4.0], [6.0]]), torch.tensor([[1.0], [2.0], [3.0]]))
    tensor([0.5000], dtype=torch.float64)
    """
    return over_targets(_slope, prediction, label)


def calibration_intercept(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Intercept of the least-squares line of LABEL on PREDICTION, for each target, in label units; 0 is best.

    A constant prediction (one case too) has no line: NaN.

    >>> calibration_intercept(torch.tensor([[2.0], [4.0], [6.0]]), torch.tensor([[2.0], [3.0], [4.0]]))
    tensor([1.], dtype=torch.float64)
    """
    return over_targets(
        lambda guess, truth: truth.mean() - _slope(guess, truth) * guess.mean(),
        prediction,
        label,
    )


def _centred(values: Float[Tensor, "n 1"]) -> Float[Tensor, "n 1"]:
    """Values minus their mean; exactly 0 where all are equal, whatever the rounding of the mean."""
    return (values - values.mean()).masked_fill(is_constant(values), 0.0)


def _concordance(guess: Float[Tensor, "n 1"], truth: Float[Tensor, "n 1"]) -> Tensor:
    if bool(is_constant(guess) & is_constant(truth)) and bool(guess[0] == truth[0]):
        return torch.tensor(torch.nan)
    spread, true_spread = _centred(guess), _centred(truth)
    shift = (guess - truth).mean()
    parts = spread.square().mean() + true_spread.square().mean() + shift.square()
    return 2 * (spread * true_spread).mean() / parts


def _slope(guess: Float[Tensor, "n 1"], truth: Float[Tensor, "n 1"]) -> Tensor:
    spread = _centred(guess)
    return (spread * _centred(truth)).sum() / spread.square().sum()
