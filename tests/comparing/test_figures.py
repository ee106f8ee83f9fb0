"""Figures of a comparison of findings: drawn by patient, paired, and computed anew on each draw."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
import torch

from medgauge.comparing.figures import figures
from medgauge.comparing.judged import Judged
from medgauge.comparing.macros import macro_block
from medgauge.metrics.comparison import holm


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


def several(*, fold: bool = False) -> Judged:
    """Four findings: frequent, medium, rare, and one of too few training cases; two methods, three seeds."""
    chance = torch.Generator().manual_seed(3)
    count, names = 120, ["a", "b", "c", "d"]
    label = (torch.rand(count, 4, generator=chance) < torch.tensor([0.5, 0.3, 0.2, 0.1])).double()
    label[::7, 1] = torch.nan
    noise = torch.randn(2, 3, count, 4, generator=chance, dtype=torch.float64)
    seen = torch.tensor([0.5, 1.0], dtype=torch.float64)[:, None, None, None] * label.nan_to_num() + noise
    trained = dict(zip(names, (150, 60, 12, 9), strict=True))
    blocks: dict[str, Any] = {
        name: {"kind": "finding", "predictor": "head", "training": {"present": present}}
        for name, present in trained.items()
    }
    run: dict[str, Any] = {"test": blocks | {"space": {}}}
    value = seen.sigmoid()
    made = Judged(
        [f"p{row // 2}" for row in range(count)],
        names,
        label,
        [["many"] * 4] * count,
        value,
        {name: [run] * 3 for name in ("bce", "metric")},
        "bce",
    )
    if not fold:
        return made
    parts = torch.stack([torch.arange(count) // 2 % 3, torch.arange(count) // 4 % 3])
    return replace(made, value=torch.stack([value, value + parts[1][:, None]], 1), fold=parts)


def auc_by_fold(label: torch.Tensor, value: torch.Tensor, fold: torch.Tensor) -> float:
    """Over the pairs of a present and an absent case of one fold."""
    right = whole = 0.0
    for one in torch.nonzero(label == 1).flatten().tolist():
        for other in torch.nonzero((label == 0) & (fold == fold[one])).flatten().tolist():
            whole += 1
            right += 1.0 if value[one] > value[other] else 0.5 if value[one] == value[other] else 0.0
    return right / whole


def test_means_over_findings_are_of_columns_with_ten_training_cases_which_are_named() -> None:
    one = several()
    found = figures(one, draws=50)["findings"]
    assert found["region"] == {"a": "many", "b": "medium", "c": "few", "d": "few"}
    part = found["figures"]["roc_auc"]
    assert (part["columns"], part["left_out"]) == (["a", "b", "c"], ["d"])
    assert [part["parts"][name]["columns"] for name in ("many", "medium", "few")] == [["a"], ["b"], ["c"]]
    for at, name in enumerate(("bce", "metric")):
        each = [
            [
                sklearn.metrics.roc_auc_score(one.label[known, place], one.value[at, seed][known, place])
                for place, known in enumerate((~one.label[:, :3].isnan()).T)
            ]
            for seed in range(3)
        ]
        block = part["parts"]["all"]["methods"][name]
        assert block["mean"] == pytest.approx(np.mean(each))
        assert block["sd"] == pytest.approx(np.std(np.mean(each, axis=1), ddof=1))
        assert block["ci95"][0] < block["mean"] < block["ci95"][1]
        assert part["parts"]["few"]["methods"][name]["mean"] == pytest.approx(np.mean(each, axis=0)[2])
    means = {name: block["mean"] for name, block in part["parts"]["all"]["methods"].items()}
    other = part["parts"]["all"]["methods"]["metric"]
    assert other["difference"] == pytest.approx(means["metric"] - means["bce"])
    assert other["difference_ci95"][0] < other["difference"] < other["difference_ci95"][1]
    assert other["p"] == other["p_holm"] < 0.2
    tested = [part["parts"][name]["methods"]["metric"] for name in ("many", "medium", "few")]
    assert [block["p_holm"] for block in tested] == holm([block["p"] for block in tested])
    assert 0 < min(block["p"] for block in tested) < min(block["p_holm"] for block in tested)
    assert "difference" not in part["parts"]["all"]["methods"]["bce"]
    assert list(found["figures"]) == ["roc_auc", "average_precision", "log_loss"]
    assert found == macro_block(one, draws=2_000, seed=0)


def test_the_draws_of_a_mean_are_those_of_its_columns() -> None:
    one = several()
    whole = figures(one, draws=50)
    alone = whole["findings"]["figures"]["roc_auc"]["parts"]["many"]["methods"]
    assert alone["metric"]["ci95"] == pytest.approx(whole["a"]["methods"]["metric"]["roc_auc"]["ci95"])
    gap = whole["a"]["methods"]["metric"]["roc_auc"]["difference_ci95"]
    assert alone["metric"]["difference_ci95"] == pytest.approx(gap)


def test_out_of_fold_the_cases_of_one_fold_are_ordered() -> None:
    one = several(fold=True)
    assert one.fold is not None
    found = figures(one, draws=50)
    aucs = [
        [auc_by_fold(one.label[:, 0], one.value[1, cut, seed, :, 0], one.fold[cut]) for seed in range(3)]
        for cut in range(2)
    ]
    block = found["a"]["methods"]["metric"]["roc_auc"]
    assert block["mean"] == pytest.approx(np.mean(aucs))
    assert block["ci95"][0] < np.mean(aucs) < block["ci95"][1]
    few = found["findings"]["figures"]["roc_auc"]["parts"]["many"]["methods"]["metric"]
    assert (few["mean"], few["ci95"]) == (pytest.approx(np.mean(aucs)), pytest.approx(block["ci95"]))
    together = figures(replace(one, fold=None), draws=50)["a"]["methods"]["metric"]["roc_auc"]
    assert together["mean"] < np.mean(aucs) - 0.02  # as if the folds' values were of one model


def test_without_several_findings_or_groups_there_are_no_means() -> None:
    assert "findings" not in figures(judged(), draws=20)
    one = several()
    one = replace(one, group=[f"p{row % 5}" for row in range(len(one.group))])
    block = figures(one, draws=20)["findings"]["figures"]["log_loss"]["parts"]["all"]["methods"]["metric"]
    assert block["ci95"] == block["difference_ci95"] == "too few groups"
    assert np.isnan(block["p_holm"])
    assert block["difference"] is not None


def test_a_finding_that_no_judged_case_has_is_in_no_mean_of_an_order() -> None:
    one = several()
    one.label[:, 1] = 0
    found = figures(one, draws=20)["findings"]["figures"]
    assert found["roc_auc"]["columns"] == ["a", "c"]
    assert found["log_loss"]["columns"] == ["a", "b", "c"]
    assert found["roc_auc"]["parts"]["medium"]["methods"]["metric"]["mean"] is None
