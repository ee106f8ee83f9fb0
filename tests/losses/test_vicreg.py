"""VICReg: the contract, NumPy's variances and covariances, and what it keeps from collapsing."""

import numpy as np
import pytest
import torch
from torch import nn

from medgauge.losses.vicreg import VICRegLoss
from tests.contracts import TermContract


class TestVICReg(TermContract):
    def make(self) -> nn.Module:
        return VICRegLoss(covariance=1e-3)  # with 1 the gradient at rows of norm 500 is beyond float16


def test_equals_numpys_variances_and_covariances() -> None:
    draw = torch.Generator().manual_seed(0)
    first, second = (torch.randn(7, 4, generator=draw, dtype=torch.float64) * 0.6 for _ in range(2))
    weight = torch.rand(7, generator=draw, dtype=torch.float64)
    apart = np.average(((first - second) ** 2).numpy().mean(axis=1), weights=weight.numpy())
    wide = mixed = 0.0
    for rows in (first.numpy(), second.numpy()):
        wide += np.maximum(0, 1 - np.sqrt(rows.var(axis=0, ddof=1) + 1e-4)).mean() / 2
        square = np.cov(rows.T) ** 2
        mixed += sum(square[i, j] for i in range(4) for j in range(4) if i != j) / 4
    assert wide > 0
    expected = 25 * apart + 25 * wide + mixed
    assert VICRegLoss()(first, second, weight).item() == pytest.approx(expected, rel=1e-12)
    expected = 2 * apart + 3 * wide + 5 * mixed
    assert VICRegLoss(2.0, 3.0, 5.0)(first, second, weight).item() == pytest.approx(expected, rel=1e-12)


def test_equal_outputs_cost_the_variance() -> None:
    """Collapsed rows agree, and their deviation is the root of 1e-4 alone."""
    assert VICRegLoss()(torch.ones(5, 3), torch.ones(5, 3)).item() == pytest.approx(25 * 0.99)


def test_wide_outputs_that_agree_and_do_not_vary_together_cost_nothing() -> None:
    rows = 2 * torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert VICRegLoss()(rows, rows).item() == 0


def test_a_negative_factor_is_refused() -> None:
    with pytest.raises(ValueError, match="^variance must be >= 0 and finite, got -1"):
        VICRegLoss(variance=-1.0)
