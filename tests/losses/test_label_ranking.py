"""Label ranking: the contract, the equation as a slow loop, and images without a pair."""

import math

import pytest
import torch
from torch import Tensor, nn

from medgauge.losses import LabelRankingLoss
from tests.losses.findings import FindingTermContract, draw, with_missing


class TestLabelRanking(FindingTermContract):
    def make(self) -> nn.Module:
        return LabelRankingLoss()


def slow_loop(logits: Tensor, label: Tensor, margin: float, weight: Tensor) -> float:
    total = share = 0.0
    for i, row in enumerate(label.tolist()):
        present = [float(logits[i, c, 0]) for c, one in enumerate(row) if one == 1]
        absent = [float(logits[i, c, 0]) for c, one in enumerate(row) if one == 0]
        if present or absent:
            share += float(weight[i])
            total += float(weight[i]) * sum(max(0.0, margin + a - p) for p in present for a in absent)
    return total / share


@pytest.mark.parametrize("margin", [0.0, 0.2, 1.0])
def test_equals_a_slow_loop(margin: float) -> None:
    logits, label, weight = draw(9, 5)
    label = with_missing(label)
    loss = LabelRankingLoss(margin)(logits, label, weight)
    assert loss.item() == pytest.approx(slow_loop(logits, label, margin, weight), rel=1e-12)


def test_images_without_a_pair_count_as_zero() -> None:
    logits = torch.zeros(2, 2, 1, dtype=torch.float64)
    label = torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    assert LabelRankingLoss(1.0)(logits, label).item() == 0.5


def test_the_same_shift_of_all_logits_of_an_image_changes_nothing() -> None:
    logits, label, weight = draw(9, 5)
    shift = torch.arange(9.0, dtype=torch.float64)[:, None, None]
    term = LabelRankingLoss()
    torch.testing.assert_close(term(logits + shift, label, weight), term(logits, label, weight), rtol=1e-12, atol=0)


@pytest.mark.parametrize("margin", [-1.0, math.inf])
def test_refuses_a_margin_out_of_range(margin: float) -> None:
    with pytest.raises(ValueError, match="^margin must be >= 0 and finite, got "):
        LabelRankingLoss(margin)
