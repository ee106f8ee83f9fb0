"""Chances of levels from an ordinal head."""

import math

import numpy as np
import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.inference.level_head import LevelHead

NAN = float("nan")


def cases(logits: list[list[list[float]]], label: list[list[float]]) -> Cases:
    names = [str(row) for row in range(len(label))]
    return Cases(torch.zeros(len(label), 1), torch.tensor(label).double(), names, names, logits=torch.tensor(logits))


def sigmoid(number: float) -> float:
    return float(1 / (1 + np.exp(-number)))


@pytest.mark.parametrize("kind", ["binary", "corn"])
def test_chances_come_from_the_thresholds_passed(kind: str) -> None:
    first, second = sigmoid(0.4), sigmoid(-1.1)
    above = [first, first * second] if kind == "corn" else [first, second]
    chance = [1 - above[0], above[0] - above[1], above[1]]
    reading = LevelHead([(0.0, 2.0, 5.0)], kind).read(cases([[[0.4, -1.1]]], [[NAN]]))  # type: ignore[arg-type]
    assert reading.probability is not None
    assert reading.evidence is None
    np.testing.assert_allclose(reading.probability[0, 0], chance, rtol=1e-6)
    assert reading.value.item() == pytest.approx(chance[1] * 2 + chance[2] * 5)


def test_levels_that_a_target_lacks_are_left_out_of_its_mean() -> None:
    reading = LevelHead([(0.0, 4.0), (0.0, 1.0, 2.0)], "binary").read(
        cases([[[0.0, math.log(1 / 3)], [0.0, 0.0]]], [[0, 0]])
    )
    assert reading.value.tolist()[0] == pytest.approx(
        [4 / 3, 1.0], rel=1e-6
    )  # a half of 0 and a quarter of 4; halves of 0 and 2
    assert reading.probability is not None
    assert reading.probability[0, 0].tolist() == pytest.approx([2 / 3, 1 / 3, 0.0], rel=1e-6)


def test_the_error_on_validation_cases_is_their_mean() -> None:
    head, far = LevelHead([(0.0, 1.0)], "binary"), 40.0
    validation = cases([[[far]], [[-far]], [[far]], [[far]]], [[1.0], [1.0], [NAN], [0.0]])
    found = head.fit(validation, validation, lambda value, label: (value - label).abs()).validation
    assert found.tolist() == pytest.approx([2 / 3])
    assert LevelHead([(0.0, 1.0)], "binary").fit(validation).validation.isnan().all()
    assert head.tuned == {}


def test_without_logits_it_says_so() -> None:
    with pytest.raises(ValueError, match="logits must be given"):
        LevelHead([(0.0, 1.0)], "binary").read(Cases(torch.zeros(1, 1), torch.zeros(1, 1), ["a"], ["a"]))
