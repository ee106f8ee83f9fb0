"""Figures of classes: labels are places among the classes, or missing (NaN, left out); values are places too.

Figures of chances take the probability of each class in place of values; a chance that is missing makes them NaN.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.functional.classes import class_log_loss as loss_of_each
from medgauge.functional.grades import check_grades
from medgauge.metrics.findings import drawn_mean, drawn_roc_auc
from medgauge.metrics.fold_ranks import within_folds
from medgauge.metrics.masking import Metric, over_targets


def is_wrong(prediction: Float[Tensor, "*m n"], label: Float[Tensor, " n"]) -> Float[Tensor, "*m n"]:
    """1 for each case whose class is another than the label, else 0; NaN where the label is missing.

    ``error_rate`` is its mean.
    """
    return (prediction != label).double().masked_fill(torch.isnan(label) | torch.isnan(prediction), torch.nan)


def error_rate(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Share of the cases of each target that are given another class than theirs; 0 is perfect.

    - Raises: ValueError if a label is not a whole number.

    >>> error_rate(torch.tensor([[0.0], [2.0], [1.0]]), torch.tensor([[0.0], [1.0], [1.0]]))
    tensor([0.3333], dtype=torch.float64)
    """
    check_grades(label, "error_rate")
    return over_targets(lambda guess, truth: is_wrong(guess[:, 0], truth[:, 0]).mean(), prediction, label)


def balanced_accuracy(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Mean over the classes among a target's labels of the share of their cases that is given the class; 1 is perfect.

    NaN where all labels are equal; always one class: 1 / their number.

    - Raises: ValueError if a label is not a whole number.

    >>> balanced_accuracy(torch.tensor([[0.0], [0.0], [1.0]]), torch.tensor([[0.0], [1.0], [1.0]]))
    tensor([0.7500], dtype=torch.float64)
    """
    check_grades(label, "balanced_accuracy")
    return over_targets(
        lambda guess, truth: drawn_balanced_accuracy(guess[:, 0], truth[:, 0], _once(truth)), prediction, label
    )


def class_log_loss(probability: Float[Tensor, "n t k"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Mean of -log max(probability of the true class, 1/1000), for each target; 0 is perfect, log k knows nothing.

    - Raises: ValueError if a label is no place among the k classes.

    >>> class_log_loss(torch.tensor([[[0.25, 0.75]], [[1.0, 0.0]]]), torch.tensor([[0.0], [0.0]])).round(decimals=4)
    tensor([0.6931], dtype=torch.float64)
    """
    return _of_chances(lambda chance, truth: case_class_log_loss(chance, truth).mean(), probability, label)


def macro_auc(
    probability: Float[Tensor, "n t k"], label: Float[Tensor, "n t"], fold: Int[Tensor, " n"] | None = None
) -> Float[Tensor, " t"]:
    """Mean over the classes among a target's labels of the ROC-AUC of each class against all others; 1/2 knows nothing.

    NaN where all labels are equal. With ``fold`` pairs of cases of one fold alone count, as in ``roc_auc``.

    - Raises: ValueError if a label is no place among the k classes.
    """
    if fold is not None:
        return within_folds(
            lambda chance, truth, own: _of_chances(
                lambda some, of: drawn_macro_auc(some, of, _once(of), own)[0], chance, truth
            ),
            probability,
            label,
            fold,
        )
    return _of_chances(lambda chance, truth: drawn_macro_auc(chance, truth, _once(truth))[0], probability, label)


def case_class_log_loss(probability: Float[Tensor, "*m n k"], label: Float[Tensor, " n"]) -> Float[Tensor, "*m n"]:
    """-log max(probability of the true class, 1/1000) of each case; NaN where the label is missing.

    ``class_log_loss`` is its mean.
    """
    return loss_of_each(probability[..., None, :], label[:, None])[..., 0]


def drawn_error_rate(
    prediction: Float[Tensor, " n"], label: Float[Tensor, " n"], times: Float[Tensor, "n b"]
) -> Float[Tensor, " b"]:
    """``error_rate`` of one target with each case counted as often as each draw says; every label is there."""
    return drawn_mean(is_wrong(prediction, label), times)


def drawn_balanced_accuracy(
    prediction: Float[Tensor, " n"], label: Float[Tensor, " n"], times: Float[Tensor, "n b"]
) -> Float[Tensor, " b"]:
    """``balanced_accuracy`` of one target with each case counted as often as each draw says; every label is there."""
    right = times * (prediction == label)[:, None]
    shares = [right[rows].sum(0).double() / times[rows].sum(0) for rows in _classes(label)]
    return _mean_of_two(shares, times)


def drawn_class_log_loss(
    probability: Float[Tensor, "n k"], label: Float[Tensor, " n"], times: Float[Tensor, "n b"]
) -> Float[Tensor, " b"]:
    """``class_log_loss`` of one target with each case counted as often as each draw says; every label is there."""
    return drawn_mean(case_class_log_loss(probability, label), times)


def drawn_macro_auc(
    probability: Float[Tensor, "n k"],
    label: Float[Tensor, " n"],
    times: Float[Tensor, "n b"],
    fold: Int[Tensor, " n"] | None = None,
) -> Float[Tensor, " b"]:
    """``macro_auc`` of one target with each case counted as often as each draw says; every label is there."""
    places = [int(label[rows][0]) for rows in _classes(label)]
    each = [drawn_roc_auc(probability[:, place], (label == place).double(), times, fold) for place in places]
    return _mean_of_two(each, times)


def _classes(label: Float[Tensor, " n"]) -> list[Tensor]:
    """The rows of each class among the labels."""
    return [label == place for place in torch.unique(label)]


def _mean_of_two(each: list[Tensor], times: Tensor) -> Float[Tensor, " b"]:
    """The mean of the classes that each draw has; NaN where it has fewer than two."""
    if not each:
        return torch.full((times.shape[1],), torch.nan, dtype=torch.float64)
    found = torch.stack(each)
    return found.nanmean(0).masked_fill((~found.isnan()).sum(0) < 2, torch.nan)


def _once(label: Tensor) -> Float[Tensor, "n 1"]:
    return torch.ones(len(label), 1, dtype=torch.float64)


def _of_chances(formula: Metric, probability: Tensor, label: Tensor) -> Float[Tensor, " t"]:
    """A figure of the chances (m, k) and labels (m,) of each target's labelled cases, in float64 on the CPU."""
    if probability.ndim != 3 or probability.shape[:2] != label.shape:
        shapes = f"{tuple(probability.shape)} and {tuple(label.shape)}"
        raise ValueError(f"probability (n, t, k) and label (n, t) must be of the same cases and targets, got {shapes}")
    check_grades(label, "figures of classes")
    probability, label = probability.detach().cpu().double(), label.detach().cpu().double()
    value = torch.full((label.shape[1],), torch.nan, dtype=torch.float64)
    for target, truth in enumerate(label.unbind(1)):
        seen = ~torch.isnan(truth)
        chance = probability[seen, target]
        if not bool(seen.any()) or torch.isnan(chance).any():
            continue
        if not 0 <= float(truth[seen].min()) <= float(truth[seen].max()) < probability.shape[2]:
            raise ValueError(f"label must be a place among the {probability.shape[2]} classes, got others")
        value[target] = formula(chance, truth[seen])
    return value
