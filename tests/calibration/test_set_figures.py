"""Figures of sets: beside a slow loop, and of a split without labels."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

from medgauge.calibration.set_figures import set_figures
from tests.calibration.graded import LEVELS, drawn, fitted, seen, strata

NAN = math.nan


def test_figures_equal_a_slow_loop() -> None:
    observed, of = drawn(np.random.default_rng(1), [30, 12, 6], pair=True), strata(list(LEVELS))
    label = observed.label.clone()
    label[:3, 0], label[-1, 0] = NAN, 2.0
    observed = replace(observed, label=label)
    sets = fitted()
    stated = sets.apply(observed)
    found = sets.figures(stated, observed, of, 0, seed=0)
    block, counts = found["set"], found["confusion"]
    assert isinstance(block, dict)
    rows = [row for row in range(96) if not math.isnan(float(label[row, 0]))]
    inside = stated["set"][:, 0]
    assert block["kind"] == "label_conditional_set"
    assert block["level"] == 0.9
    assert block["note"] == sets.note(0)
    assert block["n_groups"] == 60
    assert block["n"] == 93
    assert block["off_levels"] == 1
    assert block["coverage"] == pytest.approx(sum(bool(stated["covered"][row, 0]) for row in rows) / 93)
    assert block["size"] == pytest.approx(sum(int(inside[row].sum()) for row in rows) / 93)
    assert block["share_whole"] == pytest.approx(sum(bool(inside[row].all()) for row in rows) / 93)
    assert block["share_empty"] == pytest.approx(sum(not inside[row].any() for row in rows) / 93)
    assert block["drawn"] == len({observed.group[row] for row in rows})
    ends = scipy.stats.binomtest(block["drawn_covered"], block["drawn"]).proportion_ci(method="exact")
    assert block["coverage_ci95"] == pytest.approx([ends.low, ends.high])
    region = of.of(label)[:, 0].tolist()
    for code, name in enumerate(("many", "medium", "few")):
        part = [row for row in rows if region[row] == code]
        assert block["by_region"][name]["n"] == len(part)
        if part:
            covered = sum(bool(stated["covered"][row, 0]) for row in part)
            assert block["by_region"][name]["coverage"] == pytest.approx(covered / len(part))
    assert list(block["by_grade"]) == ["0", "1", "3"]
    for place, (word, group) in enumerate(zip(("0", "1", "3"), (40, 20, 3), strict=True)):
        part = [row for row in rows if float(label[row, 0]) == LEVELS[place]]
        one = block["by_grade"][word]
        assert one["n"] == len(part)
        assert one["coverage"] == pytest.approx(sum(bool(inside[row, place]) for row in part) / len(part))
        assert one["size"] == pytest.approx(sum(int(inside[row].sum()) for row in part) / len(part))
        assert one["drawn"] == len({observed.group[row] for row in part})
        assert one["calibration_groups"] == group
    assert isinstance(counts, dict)
    assert counts["levels"] == [0.0, 1.0, 3.0]
    assert sum(map(sum, counts["counts"])) == 92
    json.dumps(found)


def test_figures_of_a_split_without_labels() -> None:
    observed = seen([NAN, NAN], [[1.0, 0.0, 0.0]] * 2)
    block = fitted().figures(fitted().apply(observed), observed, strata(list(LEVELS)), 0, seed=0)["set"]
    assert isinstance(block, dict)
    assert block["n"] == 0
    assert math.isnan(block["coverage"])
    assert block["by_grade"]["3"]["drawn"] == 0


def test_sizes_and_coverage_counted_by_hand() -> None:
    observed = seen([0.0, 1.0, 3.0, 2.0, NAN], [[1.0, 0.0, 0.0]] * 5, ["a", "a", "b", "c", "d"])
    inside = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1]]).bool()[:, None]
    covered = torch.tensor([True, True, False, False, False])[:, None]
    stated = {"set": inside, "covered": covered}
    found = set_figures(stated, observed, strata(list(LEVELS)), LEVELS, 0, seed=0)
    assert (found["n"], found["off_levels"]) == (4, 1)
    assert found["coverage"] == pytest.approx(2 / 4)
    assert found["size"] == pytest.approx((1 + 2 + 0 + 3) / 4)
    assert (found["share_whole"], found["share_empty"]) == (0.25, 0.25)
    assert (found["drawn"], found["drawn_covered"]) == (3, 1)
    assert {word: part["size"] for word, part in found["by_grade"].items()} == {"0": 1, "1": 2, "3": 0}
