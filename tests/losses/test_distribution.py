"""Regression as a distribution: the contract, a slow loop with SciPy, and what equal logits cost."""

import math

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import nn

from medgauge.core.batch import Step
from medgauge.losses import DistributionLoss
from medgauge.models.heads import DistributionHead
from tests.contracts import TermContract, make_step


class TestDistribution(TermContract):
    tolerance = 1e-6

    def make(self) -> nn.Module:
        return DistributionLoss(low=-3, high=3, bins=3, width=0.5)


def test_equal_logits_cost_the_logarithm_of_the_number_of_bins() -> None:
    for bins in (40, 7):
        loss = DistributionLoss(bins=bins)
        assert loss(torch.zeros(5, 2, bins), torch.randn(5, 2)).item() == pytest.approx(math.log(bins), rel=1e-6)


def test_equals_a_slow_loop_with_scipy() -> None:
    draw = np.random.default_rng(0)
    logits, label = draw.normal(size=(6, 2, 40)), draw.normal(size=(6, 2))
    label[3, 1] = np.nan
    weight, edges = draw.random(6), np.linspace(-4, 4, 41)
    total = parts = 0.0
    for row in range(6):
        for target in range(2):
            if np.isnan(label[row, target]):
                continue
            mass = np.diff(stats.norm(label[row, target], 0.75 * 0.2).cdf(edges))
            cost = -(mass / mass.sum() * special.log_softmax(logits[row, target])).sum()
            total, parts = total + weight[row] * cost, parts + weight[row]
    found = DistributionLoss()(*map(torch.from_numpy, (logits, label, weight)))
    assert found.item() == pytest.approx(total / parts, rel=1e-9)


def test_logits_of_other_bins_are_refused() -> None:
    step: Step = make_step(4)
    with pytest.raises(ValueError, match=r"logits must be float of shape \(4, 2, 40\)"):
        DistributionLoss()(step.logits, step.label)
    with pytest.raises(ValueError, match=r"width must be in \[0.01, 1000\]"):
        DistributionLoss(width=0)
    with pytest.raises(ValueError, match=r"bins must be in \[2, 1000\]"):
        DistributionLoss(bins=10**7)


def test_a_label_five_standard_deviations_off_teaches_the_outermost_bin_and_no_more() -> None:
    head, loss = DistributionHead(1, 1), DistributionLoss()
    optimiser = torch.optim.Adam(head.parameters(), 0.3)
    for _ in range(200):
        optimiser.zero_grad()
        loss(head(torch.ones(1, 1))[1], torch.tensor([[5.0]])).backward()
        optimiser.step()
    assert head(torch.ones(1, 1))[0].item() == pytest.approx(3.9, abs=0.02)  # the middle of the bin from 3.8 to 4


def test_a_head_of_the_same_bins_learns_the_label() -> None:
    torch.manual_seed(0)
    embedding = torch.randn(64, 3)
    label = embedding[:, :1] * 0.8
    head, loss = DistributionHead(3, 1), DistributionLoss()
    optimiser = torch.optim.Adam(head.parameters(), 0.1)
    for _ in range(150):
        optimiser.zero_grad()
        loss(head(embedding)[1], label).backward()
        optimiser.step()
    value, logits = head(embedding)
    assert logits.shape == (64, 1, 40)
    assert (value - label).abs().mean() < 0.1
    assert head.describe() == {"name": "distribution", "low": -4.0, "high": 4.0, "bins": 40}
