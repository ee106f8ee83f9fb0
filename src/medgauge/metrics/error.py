"""Errors in label units. Missing labels (NaN) are left out of each target; none observed: NaN."""

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_number
from medgauge.metrics.masking import over_targets


def absolute_error(prediction: Float[Tensor, "*m n"], label: Float[Tensor, " n"]) -> Float[Tensor, "*m n"]:
    """Absolute error of each case, in label units; NaN where the label is missing. ``mae`` is its mean."""
    return (prediction - label).abs()


def signed_error(prediction: Float[Tensor, "*m n"], label: Float[Tensor, " n"]) -> Float[Tensor, "*m n"]:
    """Prediction minus label of each case, in label units; NaN where the label is missing. ``bias`` is its mean."""
    return prediction - label


def mae(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Mean absolute error of each target, in label units; 0 is perfect.

    >>> mae(torch.tensor([[1.0], [4.0]]), torch.tensor([[2.0], [2.0]]))
    tensor([1.5000], dtype=torch.float64)
    """
    return over_targets(lambda guess, truth: absolute_error(guess, truth).mean(), prediction, label)


def rmse(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Root of the mean squared error of each target, in label units; 0 is perfect.

    >>> rmse(torch.tensor([[1.0], [9.0]]), torch.tensor([[2.0], [2.0]]))
    tensor([5.], dtype=torch.float64)
    """
    return over_targets(lambda guess, truth: (guess - truth).square().mean().sqrt(), prediction, label)


def bias(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Mean signed error, prediction minus label, of each target, in label units; 0 is best, > 0 reads too high.

    >>> bias(torch.tensor([[1.0], [4.0]]), torch.tensor([[2.0], [2.0]]))
    tensor([0.5000], dtype=torch.float64)
    """
    return over_targets(lambda guess, truth: signed_error(guess, truth).mean(), prediction, label)


def geometric_mean_error(
    prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"], *, floor: float = 1e-6
) -> Float[Tensor, " t"]:
    """Geometric mean of the absolute errors of each target, in label units; ``floor`` is perfect.

    The errors of unrounded predictions are used. One error of exactly 0 would make the whole mean 0, so an absolute
    error below ``floor`` counts as ``floor``.

    - Raises: ValueError if ``floor`` is not > 0.
    - Source: Yang et al., ICML 2021 (error geometric mean).
    - Departs: the floor; the source has none.

    Args:
        prediction: values in label units.
        label: labels; NaN = missing.
        floor: the smallest absolute error told apart, in label units; > 0.

    >>> geometric_mean_error(torch.tensor([[1.0], [5.0]]), torch.tensor([[2.0], [2.0]]))
    tensor([1.7321], dtype=torch.float64)
    """
    check_number("floor", floor, above=0, infinite=True)
    return over_targets(
        lambda guess, truth: (guess - truth).abs().clamp(min=floor).log().mean().exp(), prediction, label
    )


def r2(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Coefficient of determination, 1 - SS_res / SS_tot, of each target; 1 is perfect, 0 is the labels' own mean.

    Labels that are all equal (one case too) have no variance to explain: NaN. A constant prediction is not special.

    >>> r2(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[1.0], [2.0], [3.0]]))
    tensor([0.5000], dtype=torch.float64)
    """
    return over_targets(_determination, prediction, label)


def _determination(guess: Float[Tensor, "n 1"], truth: Float[Tensor, "n 1"]) -> Tensor:
    if bool(truth.max() == truth.min()):
        return torch.tensor(torch.nan)
    return 1 - (guess - truth).square().sum() / (truth - truth.mean()).square().sum()
