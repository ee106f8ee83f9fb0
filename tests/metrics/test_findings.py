"""Figures of findings beside scikit-learn, with ties, missing labels and weights; and columns of one value."""

from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics
import torch
from torch import Tensor

from medgauge import metrics
from medgauge.metrics import findings
from medgauge.metrics.masking import Metric

NAN = float("nan")
Outside = Callable[..., float]


def outside_log_loss(label: np.ndarray, guess: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
    loss = [-np.log(max(p if y else 1 - p, 1e-3)) for y, p in zip(label, guess, strict=True)]
    return float(np.average(loss, weights=sample_weight))


OUTSIDE: list[tuple[Metric, Callable[[Tensor, Tensor, Tensor], Tensor], Outside]] = [
    (metrics.log_loss, findings.drawn_log_loss, outside_log_loss),
    (metrics.brier, findings.drawn_brier, sklearn.metrics.brier_score_loss),
    (metrics.roc_auc, findings.drawn_roc_auc, sklearn.metrics.roc_auc_score),
    (metrics.average_precision, findings.drawn_average_precision, sklearn.metrics.average_precision_score),
]
every = pytest.mark.parametrize(("metric", "drawn", "outside"), OUTSIDE, ids=[one[0].__name__ for one in OUTSIDE])


def cases(rows: int = 300) -> tuple[Tensor, Tensor]:
    """Two columns, rare and common; probabilities with many ties, 0 and 1 among them."""
    chance = torch.Generator().manual_seed(0)
    share = torch.tensor([0.1, 0.6], dtype=torch.float64)
    label = (torch.rand(rows, 2, generator=chance, dtype=torch.float64) < share).double()
    noise = torch.rand(rows, 2, generator=chance, dtype=torch.float64)
    return (0.3 * label + 0.7 * noise).mul(20).round() / 20, label


@every
def test_equals_scikit_learn_with_ties(metric: Metric, drawn: object, outside: Outside) -> None:
    prediction, label = cases()
    wanted = [outside(label[:, j].numpy(), prediction[:, j].numpy()) for j in range(2)]
    np.testing.assert_allclose(metric(prediction, label).numpy(), wanted, rtol=1e-12)


@every
def test_missing_labels_are_left_out_of_their_column_only(metric: Metric, drawn: object, outside: Outside) -> None:
    prediction, label = cases()
    holes = label.clone()
    holes[::3, 0] = NAN
    kept = ~holes[:, 0].isnan()
    wanted = outside(label[kept, 0].numpy(), prediction[kept, 0].numpy())
    np.testing.assert_allclose(metric(prediction, holes)[0].numpy(), wanted, rtol=1e-12)
    assert metric(prediction, holes)[1] == metric(prediction, label)[1]
    holes[:] = NAN
    assert metric(prediction, holes).isnan().all()
    prediction[0, 0] = NAN
    assert metric(prediction, label).isnan().tolist() == [True, False]


@every
def test_drawn_cases_count_as_often_as_they_are_drawn(
    metric: Metric, drawn: Callable[[Tensor, Tensor, Tensor], Tensor], outside: Outside
) -> None:
    prediction, label = (one[:, 0] for one in cases())
    times = torch.randint(0, 4, (len(label), 20), generator=torch.Generator().manual_seed(1)).float()
    found = drawn(prediction, label, times)
    weighted = [outside(label.numpy(), prediction.numpy(), sample_weight=one.numpy()) for one in times.unbind(1)]
    np.testing.assert_allclose(found.numpy(), weighted, rtol=1e-12)
    rows = [torch.repeat_interleave(one.long()) for one in times.unbind(1)]
    repeated = [float(metric(prediction[row][:, None], label[row][:, None])) for row in rows]
    np.testing.assert_allclose(found.numpy(), repeated, rtol=1e-12)


@pytest.mark.parametrize("figure", [findings.drawn_roc_auc, findings.drawn_average_precision])
def test_a_draw_without_present_or_without_absent_cases_is_nan(figure: Callable[..., Tensor]) -> None:
    prediction, label = torch.tensor([0.2, 0.7, 0.4]), torch.tensor([0.0, 1.0, 0.0])
    times = torch.tensor([[1.0, 0.0, 2.0], [1.0, 3.0, 0.0], [1.0, 0.0, 1.0]])
    assert figure(prediction, label, times).isnan().tolist() == [False, True, True]


def test_columns_of_one_value_have_no_order_and_still_a_loss() -> None:
    prediction = torch.tensor([[0.5, 0.5], [0.25, 0.25]])
    label = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert metrics.roc_auc(prediction, label).isnan().all()
    assert metrics.average_precision(prediction, label).isnan().all()
    np.testing.assert_allclose(metrics.log_loss(prediction, label), -np.log([[0.5, 0.25], [0.5, 0.75]]).mean(1))
    np.testing.assert_allclose(metrics.brier(prediction, label), [(0.25 + 0.5625) / 2, (0.25 + 0.0625) / 2])


def test_a_sure_right_answer_costs_nothing_and_a_sure_wrong_one_log_1000() -> None:
    each = findings.case_log_loss(torch.tensor([1.0, 0.0, 0.0, 0.3]), torch.tensor([1.0, 0.0, 1.0, NAN]))
    np.testing.assert_allclose(each, [0.0, 0.0, np.log(1000), NAN], rtol=1e-6)
    assert metrics.roc_auc(torch.tensor([[0.1], [0.9]]), torch.tensor([[0.0], [1.0]])).item() == 1
    assert metrics.average_precision(torch.tensor([[0.1], [0.9]]), torch.tensor([[0.0], [1.0]])).item() == 1


@every
def test_another_label_than_0_and_1_is_refused(metric: Metric, drawn: object, outside: Outside) -> None:
    with pytest.raises(ValueError, match="label must be 0, 1 or missing"):
        metric(torch.rand(2, 1), torch.tensor([[0.0], [-1.0]]))
