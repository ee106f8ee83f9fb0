"""Subgroups, and labels within groups."""

from dataclasses import replace
from statistics import fmean

import pytest
import scipy.stats
import torch

from medgauge.core.batch import Cases
from medgauge.evaluation.groups import SEVERAL, common, label_ranges, subgroup_blocks
from tests.evaluation.small import judged, scored

NAN = float("nan")


def test_each_value_of_a_column_has_the_figures_of_its_cases() -> None:
    of = scored([5, 10, 15, 20, NAN], [1, -2, 3, 0.5, 1], ["a", "b", "c", "c", "d"])
    covered = torch.tensor([[True], [False], [True], [True], [True]])
    of = replace(of, readings=replace(of.readings, stated={**of.readings.stated, "covered": covered}))
    found = subgroup_blocks(judged(of), 0, ["M", "F", "M", "M", "F"], None)
    assert list(found) == ["F", "M"]
    women, men = found["F"], found["M"]
    assert isinstance(men, dict)
    assert isinstance(women, dict)
    assert (men["n"], men["groups"], women["n"], women["groups"]) == (3, 2, 1, 1)
    assert men["mae"] == pytest.approx(fmean([1, 3, 0.5]))
    assert women["bias"] == pytest.approx(-2)
    assert (men["coverage"], women["coverage"]) == (1.0, 0.0)
    ends = scipy.stats.binomtest(2, 2).proportion_ci(method="exact")  # one case a group
    assert men["ci95"]["coverage"] == pytest.approx([ends.low, ends.high])
    assert men["ci95"]["mae"] == "not computed"


def test_labels_within_groups() -> None:
    label = torch.tensor([[1.0], [4.0], [2.0], [2.0], [NAN], [7.0], [NAN]])
    cases = Cases(torch.zeros(7, 1), label, ["x"] * 7, ["a", "a", "b", "b", "c", "c", "d"])
    assert label_ranges(cases, 0) == {"differ": 1, "largest_range": 3.0}


def test_a_group_has_the_value_that_its_cases_share() -> None:
    assert common(["F", "F", "M", "F"], torch.tensor([1, 1, 0, 0]), 2) == [SEVERAL, "F"]
