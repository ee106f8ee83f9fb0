"""Figures that order the cases of one fold alone, beside loops over pairs and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor

from medgauge.metrics.catalogue import AUC, BRIER, FINDING, MACRO_AUC, PRECISION
from medgauge.metrics.finding_macros import findings_block
from medgauge.metrics.findings import average_precision, drawn_average_precision, drawn_roc_auc, roc_auc
from medgauge.metrics.fold_ranks import over_folds, pairs


def cases(rows: int = 120) -> tuple[Tensor, Tensor, Tensor]:
    """Values with ties, labels of which some are missing, folds of which the last has no present case."""
    chance = torch.Generator().manual_seed(0)
    fold = torch.randint(0, 4, (rows,), generator=chance)
    label = (torch.rand(rows, generator=chance, dtype=torch.float64) < 0.3).double()
    label[fold == 3] = 0.0
    value = (0.2 * label + torch.rand(rows, generator=chance, dtype=torch.float64) + fold / 3).mul(10).round() / 10
    label[::9] = torch.nan
    return value, label, fold


def pair_by_pair(value: Tensor, label: Tensor, fold: Tensor, times: Tensor) -> float:
    right = whole = 0.0
    for one in range(len(label)):
        for other in range(len(label)):
            if label[one] == 1 and label[other] == 0 and fold[one] == fold[other]:
                often = float(times[one] * times[other])
                whole += often
                right += often * (1.0 if value[one] > value[other] else 0.5 if value[one] == value[other] else 0.0)
    return right / whole


def fold_by_fold(value: Tensor, label: Tensor, fold: Tensor, times: Tensor) -> float:
    found, present = 0.0, 0.0
    for own in range(3):
        rows = (fold == own) & ~label.isnan() & (times > 0)
        count = float((times * label)[rows].sum())
        if 0 < count < float(times[rows].sum()):
            found += count * average_precision_score(label[rows], value[rows], sample_weight=times[rows])
            present += count
    return found / present


def test_every_pair_of_a_fold_counts_once_in_a_roc_auc() -> None:
    value, label, fold = cases()
    once = torch.ones(len(label), dtype=torch.float64)
    wanted = pair_by_pair(value, label, fold, once)
    found = roc_auc(value[:, None], label[:, None], fold)
    assert found.tolist() == pytest.approx([wanted])
    assert abs(float(roc_auc(value[:, None], label[:, None])) - wanted) > 0.02  # ordered together it is another figure


def test_every_present_case_counts_once_in_an_average_precision() -> None:
    value, label, fold = cases()
    wanted = fold_by_fold(value, label, fold, torch.ones(len(label), dtype=torch.float64))
    assert average_precision(value[:, None], label[:, None], fold).tolist() == pytest.approx([wanted])


def test_draws_count_cases_as_often_as_they_are_drawn() -> None:
    value, label, fold = (part[~cases()[1].isnan()] for part in cases())
    times = torch.randint(0, 3, (len(label), 6), generator=torch.Generator().manual_seed(1)).float()
    for drawn, loop in ((drawn_roc_auc, pair_by_pair), (drawn_average_precision, fold_by_fold)):
        wanted = [loop(value, label, fold, often.double()) for often in times.unbind(1)]
        np.testing.assert_allclose(drawn(value, label, times, fold).numpy(), wanted, rtol=1e-12)


def test_rates_that_know_nothing_have_one_half() -> None:
    fold = torch.arange(60) % 3
    label = ((torch.arange(60) < 6) & (fold == 0) | (torch.arange(60) < 30) & (fold == 1)).double()[:, None]
    rate = torch.stack([label[fold != own].mean() for own in range(3)])[fold][:, None]  # of the other folds
    assert float(roc_auc(rate, label)) < 0.3
    assert roc_auc(rate, label, fold).tolist() == [0.5]


def test_one_fold_is_all_cases_and_none_that_can_be_ordered_is_nan() -> None:
    value, label, fold = cases()
    one = torch.zeros_like(fold)
    for figure in (AUC, PRECISION):
        torch.testing.assert_close(
            figure.of(value[:, None], label[:, None], one), figure.of(value[:, None], label[:, None])
        )
        apart = figure.of(value[:, None], label[:, None], torch.arange(len(fold)))
        assert apart.isnan().all()
    known = ~label.isnan()
    assert (
        over_folds(
            drawn_roc_auc,
            pairs,
            value[known],
            label[known],
            torch.ones(int(known.sum()), 1),
            torch.arange(int(known.sum())),
        )
        .isnan()
        .all()
    )


def test_a_figure_knows_whether_it_orders_cases() -> None:
    value, label, fold = cases()
    assert BRIER.within(fold) is BRIER
    assert AUC.within(None) is AUC
    torch.testing.assert_close(
        AUC.within(fold).of(value[:, None], label[:, None]), roc_auc(value[:, None], label[:, None], fold)
    )


def test_classes_are_ordered_within_folds_too() -> None:
    value, label, fold = cases()
    chances = torch.stack([1 - value / 3, value / 3], 1)[:, None]
    wanted = roc_auc(value[:, None], label[:, None], fold)
    torch.testing.assert_close(MACRO_AUC.of(chances, label[:, None], fold), wanted)


def test_means_over_findings_and_their_intervals_order_within_folds() -> None:
    value, label, fold = cases()
    other = label.roll(1)
    values, labels = torch.stack([value, 1 - value], 1), torch.stack([label, other], 1)
    group, region = [str(row // 2) for row in range(len(label))], {"a": "many", "b": "few"}
    parts = (labels, group, ["a", "b"], region)
    found = findings_block(FINDING, values, values, *parts, seed=0, fold=fold)["figures"]["roc_auc"]  # type: ignore[index]
    wanted = roc_auc(values, labels, fold)
    assert found["macro"]["value"] == pytest.approx(float(wanted.mean()))
    assert found["macro"]["ci95"][0] < float(wanted.mean()) < found["macro"]["ci95"][1]
    assert found["by_frequency"]["few"]["value"] == pytest.approx(float(wanted[1]))
    pooled = findings_block(FINDING, values, values, *parts, seed=0)["figures"]["roc_auc"]  # type: ignore[index]
    assert pooled["macro"]["ci95"] != found["macro"]["ci95"]
