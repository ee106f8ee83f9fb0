"""Figures of classes beside scikit-learn, with missing labels, ties, and classes that nobody has."""

import numpy as np
import pytest
import sklearn.metrics
import torch
from torch import Tensor

from medgauge.metrics.classes import balanced_accuracy, case_class_log_loss, class_log_loss, error_rate, macro_auc

NAN = float("nan")


def cases(rows: int = 200) -> tuple[Tensor, Tensor, Tensor]:
    """Places of the likeliest class (n, 1), chances (n, 1, 4) with ties, labels (n, 1)."""
    chance = torch.Generator().manual_seed(0)
    label = torch.multinomial(torch.tensor([0.6, 0.25, 0.1, 0.05]), rows, replacement=True, generator=chance)
    score = torch.rand(rows, 4, generator=chance, dtype=torch.float64).mul(5).round() + 1
    score[torch.arange(rows), label] += 2
    probability = (score / score.sum(1, keepdim=True))[:, None]
    return probability.argmax(2).double(), probability, label[:, None].double()


def test_equals_scikit_learn() -> None:
    value, probability, label = cases()
    p, y, c = value[:, 0].numpy(), label[:, 0].numpy(), probability[:, 0].numpy()
    assert error_rate(value, label).item() == pytest.approx(1 - sklearn.metrics.accuracy_score(y, p), rel=1e-12)
    assert balanced_accuracy(value, label).item() == pytest.approx(sklearn.metrics.balanced_accuracy_score(y, p))
    outside = sklearn.metrics.roc_auc_score(y, c, multi_class="ovr", average="macro")
    assert macro_auc(probability, label).item() == pytest.approx(outside, rel=1e-12)
    assert class_log_loss(probability, label).item() == pytest.approx(sklearn.metrics.log_loss(y, c), rel=1e-12)


def test_missing_labels_and_absent_classes_are_left_out() -> None:
    value, probability, label = cases()
    label[label == 3] = NAN
    value[value == 3] = 0
    kept = ~label[:, 0].isnan()
    p, y, c = value[kept, 0].numpy(), label[kept, 0].numpy(), probability[kept, 0].numpy()
    assert balanced_accuracy(value, label).item() == pytest.approx(sklearn.metrics.balanced_accuracy_score(y, p))
    each = [sklearn.metrics.roc_auc_score(y == place, c[:, place]) for place in range(3)]
    assert macro_auc(probability, label).item() == pytest.approx(np.mean(each), rel=1e-12)
    assert error_rate(value, label).item() == pytest.approx(np.mean(p != y))
    assert case_class_log_loss(probability[:, 0], label[:, 0]).isnan().tolist() == (~kept).tolist()


def test_one_class_no_label_and_no_chance_have_no_figure() -> None:
    value, probability, label = cases()
    assert balanced_accuracy(value, torch.ones_like(label)).isnan().all()
    assert macro_auc(probability, torch.ones_like(label)).isnan().all()
    for figure in (macro_auc, class_log_loss):
        assert figure(probability, label * NAN).isnan().all()
        assert figure(torch.full((len(label), 1, 1), NAN), label).isnan().all()
    assert error_rate(value, label * NAN).isnan().all()


def test_a_sure_wrong_class_costs_log_1000() -> None:
    sure = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]]])
    assert class_log_loss(sure, torch.tensor([[0.0], [1.0]])).item() == pytest.approx(np.log(1000) / 2)


def test_what_does_not_fit_raises() -> None:
    _, probability, label = cases()
    with pytest.raises(ValueError, match="a place among the 4 classes"):
        class_log_loss(probability, label + 1)
    with pytest.raises(ValueError, match="whole numbers"):
        macro_auc(probability, label + 0.5)
    with pytest.raises(ValueError, match="same cases and targets"):
        macro_auc(probability[:, 0], label)
