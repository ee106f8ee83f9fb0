"""Macro figures of findings, beside loops over columns and draws."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from medgauge.core.beside import BESIDE
from medgauge.metrics.bootstrap import group_times
from medgauge.metrics.catalogue import FINDING
from medgauge.metrics.finding_macros import findings_block

NAMES = ["a", "b", "c"]
REGION = {"a": "many", "b": "few", "c": "few"}


def cases() -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    draw = torch.Generator().manual_seed(0)
    label = (torch.rand(90, 3, generator=draw) < torch.tensor([0.5, 0.3, 0.05])).double()
    value = (0.6 * label + 0.4 * torch.rand(90, 3, generator=draw)).clamp(0.01, 0.99)
    label[::4, 1] = torch.nan
    return value, label, [f"p{row // 3:02d}" for row in range(90)]


def test_means_are_over_the_columns_with_enough_positives_which_are_named() -> None:
    value, label, group = cases()
    found = findings_block(FINDING, value, value, label, group, NAMES, REGION, seed=None)
    assert found["columns"] == ["a", "b"]
    assert found["few_positives"] == {"c": int((label[:, 2] == 1).sum())}
    known = ~label[:, 1].isnan()
    each = [roc_auc_score(label[:, 0], value[:, 0]), roc_auc_score(label[known, 1], value[known, 1])]
    part = found["figures"]["roc_auc"]  # type: ignore[index]
    assert part["macro"]["value"] == pytest.approx(np.mean(each))
    assert part["macro"]["columns"] == ["a", "b"]
    assert part["macro"]["left_out"] == ["c"]
    assert part["macro"]["ci95"] == "not computed"
    assert part["by_frequency"]["few"] == {"value": pytest.approx(each[1]), "columns": ["b"], "left_out": ["c"]}
    assert part["by_frequency"]["medium"]["columns"] == []


def test_intervals_draw_the_same_groups_for_all_columns() -> None:
    value, label, group = cases()
    found = findings_block(FINDING, value, value, label, group, NAMES, REGION, seed=3)["figures"]["brier"]  # type: ignore[index]
    (times,) = group_times(30, 1000, 3)
    code = torch.arange(90) // 3
    drawn = []
    for draw in range(1000):
        often = times[code, draw].double()
        parts = []
        for at in (0, 1):
            there = ~label[:, at].isnan()
            miss = (value[there, at] - label[there, at]).square()
            parts.append(float((miss * often[there]).sum() / often[there].sum()))
        drawn.append(np.mean(parts))
    assert found["macro"]["ci95"] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), rel=1e-6)


def test_a_finding_that_one_group_alone_has_or_lacks_is_in_no_mean() -> None:
    value, label, _ = cases()
    label[:, 1] = torch.arange(90) < 40
    absent = ["p" if row < 40 else "q" for row in range(90)]
    alone: Any = findings_block(FINDING, value, value, label, absent, NAMES, REGION, seed=None)
    assert alone["columns"] == ["a"]
    assert alone["few_positives"] == {"b": 40, "c": int((label[:, 2] == 1).sum())}
    apart = [f"{name}{row % 2}" for row, name in enumerate(absent)]
    assert findings_block(FINDING, value, value, label, apart, NAMES, REGION, seed=None)["columns"] == ["a", "b"]


def test_few_groups_have_no_interval() -> None:
    value, label, _ = cases()
    found = findings_block(FINDING, value, value, label, ["p"] * 90, NAMES, REGION, seed=0)
    assert found["figures"]["roc_auc"]["macro"]["ci95"] == "too few groups"  # type: ignore[index]
    assert "findings" in BESIDE


def test_order_is_that_before_calibration() -> None:
    value, label, group = cases()
    flat: Any = findings_block(FINDING, torch.full_like(value, 0.5), value, label, group, NAMES, REGION, seed=None)
    plain: Any = findings_block(FINDING, value, value, label, group, NAMES, REGION, seed=None)
    assert flat["figures"]["roc_auc"]["macro"] == plain["figures"]["roc_auc"]["macro"]
    assert flat["figures"]["log_loss"] != plain["figures"]["log_loss"]
    assert flat["ranking_precision"] == plain["ranking_precision"]
