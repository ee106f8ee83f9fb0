"""The figures of one target, counted by hand."""

import math
from statistics import fmean

import numpy as np
import pytest
import torch

from medgauge.evaluation.figures import count_groups, interval_of, target_block
from medgauge.evaluation.scored import Scored
from medgauge.metrics.catalogue import AUC, MAE
from tests.evaluation.small import judged, scored

NAN = float("nan")
MISS = [1.0, -2.0, 3.0, 0.5, 1.0, 9.0]
LABEL = [5.0, 10.0, 15.0, 20.0, 30.0, NAN]
GROUP = ["a", "a", "b", "c", "c", "d"]


def some() -> Scored:
    baselines = {"covariates_only": torch.tensor(LABEL).double().nan_to_num(0.0)[:, None] + 3}
    return scored(LABEL, MISS, GROUP, baselines=baselines)


def test_figures_leave_the_missing_label_out() -> None:
    block = target_block(judged(some()), 0, None)
    assert block["kind"] == "number"
    assert block["predictor"] == "head"
    assert (block["n"], block["groups"]) == (5, 3)
    assert block["mae"] == pytest.approx(fmean(map(abs, MISS[:5])))
    assert block["bias"] == pytest.approx(fmean(MISS[:5]))
    assert block["rmse"] == pytest.approx(math.sqrt(fmean(one * one for one in MISS[:5])))
    others = block["by_predictor"]
    assert isinstance(others, dict)
    assert others["head"]["mae"] == pytest.approx(fmean(map(abs, MISS[:5])))
    assert set(others) == {"head", "neighbours"}


def test_a_baseline_is_judged_by_the_first_figure() -> None:
    block = target_block(judged(some()), 0, None)
    assert block["baselines"] == {"covariates_only": {"mae": pytest.approx(3.0), "kind": "ridge"}}
    assert block["skill"] == {"covariates_only": pytest.approx(1 - 1.5 / 3)}


def test_the_parts_by_region_add_up() -> None:
    of = some()
    parts, code = target_block(judged(of), 0, None)["by_region"], of.task.strata.of(of.cases.label)[:, 0].tolist()
    assert isinstance(parts, dict)
    for place, name in enumerate(("many", "medium", "few")):
        own = [row for row in range(6) if code[row] == place]
        assert (parts[name]["n"], parts[name]["groups"]) == (len(own), len({GROUP[row] for row in own}))
        if own:
            assert parts[name]["mae"] == pytest.approx(fmean(abs(MISS[row]) for row in own))
            assert parts[name]["baselines"]["covariates_only"] == pytest.approx(3.0)
        assert "r2" not in parts[name]
    assert sum(part["n"] for part in parts.values()) == 5


def test_intervals_are_drawn_only_with_a_seed() -> None:
    without, drawn = (target_block(judged(some()), 0, seed)["ci95"] for seed in (None, 0))
    assert isinstance(without, dict)
    assert isinstance(drawn, dict)
    assert set(without) == {"mae", "rmse", "bias", "r2"}
    assert set(without.values()) == {"not computed"}
    assert drawn["mae"] == "too few groups"


def test_the_bootstrap_draws_groups() -> None:
    random = np.random.default_rng(0)
    label = torch.zeros(120, 1).double()
    value = torch.tensor(np.repeat(random.normal(2, 1, 30), 4))[:, None].abs()
    group = [f"g{row // 4}" for row in range(120)]
    low, high = interval_of(MAE, value, label, group, 0)
    size = np.abs(value.numpy().reshape(30, 4).mean(1)).std() / math.sqrt(30)
    centre = float(value.mean())
    assert low == pytest.approx(centre - 1.96 * size, abs=0.35 * size)
    assert high == pytest.approx(centre + 1.96 * size, abs=0.35 * size)
    assert interval_of(MAE, value, label * NAN, group, 0) == "too few groups"


def test_groups_are_counted_once() -> None:
    assert count_groups(["a", "b", "a", "c"], torch.tensor([True, False, True, True])) == 2


def test_an_interval_of_an_order_needs_ten_groups_of_both_states() -> None:
    chance = torch.Generator().manual_seed(0)
    label = torch.zeros(60, 1, dtype=torch.float64)
    label[:20] = 1
    value = torch.rand(60, 1, generator=chance, dtype=torch.float64) + 0.3 * label
    low, high = interval_of(AUC, value, label, [f"p{row // 2}" for row in range(60)], 0)
    assert 0 <= float(low) < float(high) <= 1
    assert interval_of(AUC, value, label, [f"p{row // 3}" for row in range(60)], 0) == "too few groups"
    assert interval_of(MAE, value, label, [f"p{row // 3}" for row in range(60)], 0) != "too few groups"
