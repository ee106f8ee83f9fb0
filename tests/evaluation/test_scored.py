"""Cases that were read: their figures, whole and with groups as cases."""

from statistics import fmean

import pytest
import torch

from medgauge.evaluation.scored import judge
from tests.evaluation.small import scored
from tests.inference.small import drawn, number_reader

LABEL, MISS, GROUP = [10.0, 12.0, 20.0, 30.0], [1.0, -3.0, 2.0, 4.0], ["a", "a", "b", "c"]


def test_a_group_is_the_mean_of_its_cases() -> None:
    baselines = {"median": torch.tensor([[0.0], [4.0], [1.0], [1.0]]).double()}
    of = scored(LABEL, MISS, GROUP, subgroups={"sex": ["F", "M", "M", "F"]}, baselines=baselines)
    groups = of.by_group()
    assert groups.sizes == [2, 1, 1]
    assert groups.cases.group == ["a", "b", "c"]
    assert groups.readings.value.flatten().tolist() == [10.0, 22.0, 34.0]
    assert groups.cases.label.flatten().tolist() == [11.0, 20.0, 30.0]
    assert groups.baselines["median"].flatten().tolist() == [2.0, 1.0, 1.0]
    assert groups.subgroups == {"sex": ["(several)", "M", "F"]}
    assert groups.code is not None
    assert groups.code.tolist() == [0, 0, 1, 2]


def test_blocks_hold_cases_and_groups() -> None:
    of = scored(LABEL, MISS, GROUP, subgroups={"sex": ["F", "M", "M", "F"]})
    (block,) = of.blocks(seed=None, by_group=True).values()
    assert block["mae"] == pytest.approx(fmean([1, 3, 2, 4]))
    groups = block["by_group_mean"]
    assert isinstance(groups, dict)
    assert groups["mae"] == pytest.approx(fmean([1, 2, 4]))
    assert groups["labels_within_groups"] == {"differ": 1, "largest_range": 2.0}
    subgroups = block["subgroups"]
    assert isinstance(subgroups, dict)
    assert {name: part["n"] for name, part in subgroups["sex"].items()} == {"F": 2, "M": 2}
    (plain,) = scored(LABEL, MISS, GROUP).blocks(seed=None).values()
    assert {"subgroups", "by_group_mean"}.isdisjoint(plain)


def test_true_groups_stand_in_place_of_those_made_unlike_the_gallerys() -> None:
    reader, cases = number_reader(), drawn(3, 5)
    of = judge(reader, [cases], baselines={}, sorts={}, subgroups={}, group=["x", "y", "y"])
    assert list(of.readings.observed.group) == list(of.cases.group) == ["x", "y", "y"]
    assert of.by_group().sizes == [1, 2]
    assert of.task is reader.task
