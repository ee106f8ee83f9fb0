"""Binary cross-entropy: the contract, the equation as a slow loop, torch's, and weights of present findings."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from medgauge.losses import BinaryCrossEntropyLoss
from tests.losses.findings import FindingTermContract, draw, entry_loop, with_missing


class TestBinaryCrossEntropy(FindingTermContract):
    def make(self) -> nn.Module:
        return BinaryCrossEntropyLoss()


class TestWithWeights(FindingTermContract):
    def make(self) -> nn.Module:
        return BinaryCrossEntropyLoss([7.0, 0.5])


@pytest.mark.parametrize("weights", [None, [3.0, 0.25, 1.0]])
def test_equals_a_slow_loop(weights: list[float] | None) -> None:
    logits, label, weight = draw(9, 3)
    label = with_missing(label)

    def cost(logit: float, present: bool, column: int) -> float:
        chance = 1 / (1 + math.exp(-logit))
        return -(weights or [1.0] * 3)[column] * math.log(chance) if present else -math.log(1 - chance)

    loss = BinaryCrossEntropyLoss(weights or "none")(logits, label, weight)
    assert loss.item() == pytest.approx(entry_loop(cost, logits, label, weight), rel=1e-12)


def test_equals_torch() -> None:
    logits, label, _ = draw(9, 3)
    expected = nn.functional.binary_cross_entropy_with_logits(logits[:, :, 0], label)
    torch.testing.assert_close(BinaryCrossEntropyLoss()(logits, label), expected, rtol=1e-12, atol=0)


def test_auto_weighs_both_states_of_a_finding_the_same_in_sum() -> None:
    training = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, math.nan, 1.0], [0.0, 0.0, math.nan]])
    told = BinaryCrossEntropyLoss("auto")
    told.fit_labels(training)
    logits, label, weight = draw(9, 3)
    given = BinaryCrossEntropyLoss([3.0, 1.0, 1.0])  # never or always there: 1
    assert told(logits, label, weight) == given(logits, label, weight)


def test_auto_needs_the_training_labels() -> None:
    logits, label, _ = draw(9, 3)
    with pytest.raises(ValueError, match=r"^positive_weight auto needs the training labels first \(fit_labels\)$"):
        BinaryCrossEntropyLoss("auto")(logits, label)
    with pytest.raises(ValueError, match=r"^positive_weight must be one a finding, got 2 for 3 findings$"):
        BinaryCrossEntropyLoss([1.0, 2.0])(logits, label)


@pytest.mark.parametrize("weights", ["all", [0.0, 1.0], [math.inf]])
def test_refuses_weights_that_are_none(weights: Any) -> None:
    with pytest.raises(ValueError, match=r"^positive_weight must be "):
        BinaryCrossEntropyLoss(weights)
