"""The share of flagged cases, and its interval from one case a group."""

import math

import pytest
import scipy.stats
import torch

from medgauge.evaluation.alarms import far_block
from tests.evaluation.small import scored


def test_share_and_interval_are_of_one_case_a_group() -> None:
    far = torch.tensor([True, True, True, False, False, False, False, False])
    found = far_block(far, ["a", "a", "a", "b", "c", "d", "d", "e"])
    assert (found["cases"], found["flagged"]) == (8, 3)
    assert (found["drawn"], found["drawn_flagged"], found["share"]) == (5, 1, 1 / 5)
    ends = scipy.stats.binomtest(1, 5).proportion_ci(method="exact")
    assert found["ci95"] == pytest.approx([ends.low, ends.high])


def test_no_case_has_no_share() -> None:
    found = far_block(torch.zeros(0, dtype=torch.bool), [])
    assert math.isnan(float(str(found["share"])))
    assert found["cases"] == 0


def test_every_block_has_it() -> None:
    of = scored([5, 10, 15], [1, -2, 3], ["a", "b", "c"])
    block = of.blocks(seed=None)[of.task.columns[0]]
    assert block["far"] == far_block(of.readings.far, ["a", "b", "c"])
