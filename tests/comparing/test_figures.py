"""Figures of a comparison of findings: drawn by patient, paired, and computed anew on each draw."""

from dataclasses import replace
from typing import Any

import pytest
import sklearn.metrics
import torch

from medgauge.comparing.figures import Judged, figures


def judged(seed: int = 0, *, groups: int = 100, better: float = 0.6) -> Judged:
    """Two methods read twice the cases of each group; the second sees ``better`` more of what is there."""
    chance = torch.Generator().manual_seed(seed)
    count = 2 * groups
    label = (torch.rand(count, generator=chance) < 0.25).double()
    noise = torch.randn(count, generator=chance, dtype=torch.float64)
    own = 0.2 * torch.randn(2, 3, count, generator=chance, dtype=torch.float64)
    seen = torch.tensor([1.0, 1.0 + better], dtype=torch.float64)[:, None, None] * label + noise + own - 1.5
    run: dict[str, Any] = {"test": {"mass": {"kind": "finding", "predictor": "head"}, "space": {}}}
    return Judged(
        [f"p{row // 2}" for row in range(count)],
        ["mass"],
        label[:, None],
        [["many"] if one == 0 else ["few"] for one in label.tolist()],
        seen.sigmoid()[..., None],
        {name: [run] * 3 for name in ("bce", "metric")},
        "bce",
    )


def test_the_difference_of_two_aucs_is_paired_by_patient() -> None:
    one = judged()
    block = figures(one, draws=400)["mass"]
    assert (block["kind"], block["figure"]) == ("finding", "log_loss")
    first, second = (block["methods"][name]["roc_auc"] for name in ("bce", "metric"))
    outside = [sklearn.metrics.roc_auc_score(one.label[:, 0], one.value[1, seed, :, 0]) for seed in range(3)]
    assert second["mean"] == pytest.approx(sum(outside) / 3)
    low, high = second["difference_ci95"]
    assert low < second["mean"] - first["mean"] < high
    assert high - low < 0.8 * (first["ci95"][1] - first["ci95"][0])
    assert "quadratic_kappa" not in block["methods"]["metric"]


def test_an_auc_of_few_present_groups_has_no_interval() -> None:
    one = judged(groups=40)
    one.label[:] = 0
    one.label[0:18:2] = 1
    found = figures(one, draws=50)["mass"]["methods"]["metric"]
    assert found["roc_auc"]["ci95"] == found["roc_auc"]["difference_ci95"] == "too few groups"
    assert found["roc_auc"]["mean"] is not None
    assert found["brier"]["ci95"][0] < found["brier"]["ci95"][1]
    one.label[18] = 1
    found = figures(one, draws=50)["mass"]["methods"]["metric"]["roc_auc"]
    assert 0 <= found["ci95"][0] < found["ci95"][1] <= 1


def test_draws_in_which_no_method_has_a_figure_are_left_out() -> None:
    one = judged(groups=40)
    run: dict[str, Any] = {"test": {"mass": {"kind": "grade", "predictor": "head"}, "space": {}}}
    one = replace(one, entries={name: [run] * 3 for name in one.entries}, label=torch.zeros_like(one.label))
    one.label[:2] = 1
    one.value[:] = one.label  # a kappa of 1, and none where the two cases of the first group are not drawn
    assert figures(one, draws=200)["mass"]["methods"]["metric"]["quadratic_kappa"]["ci95"] == [1, 1]
