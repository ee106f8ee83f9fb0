"""Figures of findings: predictions are probabilities, labels 1 (present), 0 (absent) or missing (NaN, left out).

A figure that orders or counts cases has no value where all labels of a column are equal: NaN. Each is also given with
every case counted a number of times, for many draws at once, which is what a bootstrap needs. Those that order cases take
the fold of each case too, where different models read different folds: only cases of one fold are ordered then.
"""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.metrics.fold_ranks import over_folds, pairs, presents, within_folds
from medgauge.metrics.masking import over_targets

LEAST_CHANCE = 1 / 1000
"""What a probability of the true state counts at least, so that one case cannot rule a mean."""


def check_findings(label: Tensor, user: str) -> None:
    """Raise ValueError unless every label that is there is 0 or 1."""
    known = label[~torch.isnan(label)]
    if not bool(((known == 0) | (known == 1)).all()):
        raise ValueError(f"label must be 0, 1 or missing for {user}, got others")


def case_log_loss(prediction: Float[Tensor, "*m n"], label: Float[Tensor, " n"]) -> Float[Tensor, "*m n"]:
    """-log of the probability of each case's true state, at most log 1000; NaN where the label is missing.

    ``log_loss`` is its mean.
    """
    true = torch.where(label == 1, prediction, 1 - prediction).clamp(min=LEAST_CHANCE)
    return -true.log().masked_fill(torch.isnan(label), torch.nan)


def case_brier(prediction: Float[Tensor, "*m n"], label: Float[Tensor, " n"]) -> Float[Tensor, "*m n"]:
    """Squared difference of probability and label of each case; NaN where the label is missing. ``brier`` is its mean."""
    return (prediction - label).square()


def log_loss(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Mean of -log max(probability of the true state, 1/1000), for each target; 0 is perfect, log 2 a toss.

    >>> log_loss(torch.tensor([[0.5], [1.0]]), torch.tensor([[1.0], [1.0]]))
    tensor([0.3466], dtype=torch.float64)
    """
    check_findings(label, "log_loss")
    return over_targets(lambda guess, truth: case_log_loss(guess[:, 0], truth[:, 0]).mean(), prediction, label)


def brier(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Mean squared difference of probability and label of each target (Brier score); 0 is perfect, 1/4 a toss.

    >>> brier(torch.tensor([[0.5], [1.0]]), torch.tensor([[1.0], [1.0]]))
    tensor([0.1250], dtype=torch.float64)
    """
    check_findings(label, "brier")
    return over_targets(lambda guess, truth: case_brier(guess[:, 0], truth[:, 0]).mean(), prediction, label)


def roc_auc(
    prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"], fold: Int[Tensor, " n"] | None = None
) -> Float[Tensor, " t"]:
    """Area under the ROC curve of each target: the chance that a present case is above an absent one, ties half.

    1 is perfect, 1/2 knows nothing; NaN where all labels are equal. With ``fold`` both are of one fold: all such pairs count
    the same.

    >>> roc_auc(torch.tensor([[0.1], [0.4], [0.4], [0.8]]), torch.tensor([[0.0], [1.0], [0.0], [1.0]]))
    tensor([0.8750], dtype=torch.float64)
    """
    check_findings(label, "roc_auc")
    return _ordering(drawn_roc_auc, prediction, label, fold)


def average_precision(
    prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"], fold: Int[Tensor, " n"] | None = None
) -> Float[Tensor, " t"]:
    """Average precision of each target: the mean over the present cases of the precision at their probability.

    1 is perfect, the share of present cases knows nothing; NaN where all labels are equal. Cases of equal probability are
    found together, and nothing is interpolated. With ``fold`` the precision is that among the cases of one fold, and folds
    without present or without absent cases are left out.

    >>> average_precision(torch.tensor([[0.1], [0.4], [0.8]]), torch.tensor([[0.0], [1.0], [0.0]]))
    tensor([0.5000], dtype=torch.float64)
    """
    check_findings(label, "average_precision")
    return _ordering(drawn_average_precision, prediction, label, fold)


def drawn_log_loss(
    prediction: Float[Tensor, " n"], label: Float[Tensor, " n"], times: Float[Tensor, "n b"]
) -> Float[Tensor, " b"]:
    """``log_loss`` of one target with each case counted as often as each draw says; every label is there."""
    return drawn_mean(case_log_loss(prediction, label), times)


def drawn_brier(
    prediction: Float[Tensor, " n"], label: Float[Tensor, " n"], times: Float[Tensor, "n b"]
) -> Float[Tensor, " b"]:
    """``brier`` of one target with each case counted as often as each draw says; every label is there."""
    return drawn_mean(case_brier(prediction, label), times)


def drawn_roc_auc(
    prediction: Float[Tensor, " n"],
    label: Float[Tensor, " n"],
    times: Float[Tensor, "n b"],
    fold: Int[Tensor, " n"] | None = None,
) -> Float[Tensor, " b"]:
    """``roc_auc`` of one target with each case counted as often as each draw says; every label is there.

    NaN in draws whose cases are all present or all absent.
    """
    if fold is not None:
        return over_folds(drawn_roc_auc, pairs, prediction, label, times, fold)
    present, between, tied = _counts(prediction, label, times)
    below = between[:-1].cumsum(0) + tied.cumsum(0) - tied / 2
    whole = present.sum(0) * (between.sum(0) + tied.sum(0))
    return (present * below).sum(0) / whole.masked_fill(whole == 0, torch.nan)


def drawn_average_precision(
    prediction: Float[Tensor, " n"],
    label: Float[Tensor, " n"],
    times: Float[Tensor, "n b"],
    fold: Int[Tensor, " n"] | None = None,
) -> Float[Tensor, " b"]:
    """``average_precision`` of one target with each case counted as often as each draw says; every label is there.

    NaN in draws whose cases are all present or all absent.
    """
    if fold is not None:
        return over_folds(drawn_average_precision, presents, prediction, label, times, fold)
    present, between, tied = _counts(-prediction, label, times)
    found, false = present.cumsum(0), between[:-1].cumsum(0) + tied.cumsum(0)
    precision = found / (found + false).clamp(min=1)
    none = (between.sum(0) + tied.sum(0) == 0) | (found[-1:].sum(0) == 0)
    return (present * precision).sum(0) / present.sum(0).masked_fill(none, torch.nan)


def drawn_mean(each: Float[Tensor, " n"], times: Float[Tensor, "n b"]) -> Float[Tensor, " b"]:
    """The mean of one number a case with each case counted as often as each draw says."""
    times = times.double()
    return (each.double() @ times) / times.sum(0)


def _counts(score: Tensor, label: Tensor, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How often cases are drawn, by the u different scores of the present cases, rising.

    Present ones of each score (u, b); absent ones below each score and above the one before it, then above all
    (u + 1, b); absent ones of the same score (u, b).
    """
    present = label == 1
    scores, place = torch.unique(score[present], return_inverse=True)
    others = score[~present].contiguous()
    gap = torch.searchsorted(scores, others) + torch.searchsorted(scores, others, right=True)  # odd where tied
    absent = _summed(times[~present], gap, 2 * len(scores) + 1)
    return _summed(times[present], place, len(scores)), absent[::2], absent[1::2]


def _summed(times: Float[Tensor, "n b"], place: Int[Tensor, " n"], size: int) -> Float[Tensor, "s b"]:
    """Rows of the same place in sum; counts are exact in float32 up to 16 million cases."""
    return times.new_zeros(size, times.shape[1]).index_add_(0, place, times).double()


def _ordering(
    drawn: Callable[..., Tensor], prediction: Tensor, label: Tensor, fold: Int[Tensor, " n"] | None
) -> Float[Tensor, " t"]:
    """A figure of every target that orders cases, or those of one fold."""
    if fold is None:
        return over_targets(_once(drawn), prediction, label)
    return within_folds(
        lambda guess, truth, own: over_targets(_once(partial(drawn, fold=own)), guess, truth), prediction, label, fold
    )


def _once(drawn: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The figure of one target's observed rows (m, 1), each counted once."""
    return lambda guess, truth: drawn(guess[:, 0], truth[:, 0], torch.ones(len(truth), 1, dtype=torch.float64))
