"""Negative cosine: the contract, SciPy's cosines, both reductions, rows of zeros, and equation 2 on stacked rows."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine
from torch import Tensor, nn

from medgauge.losses.negative_cosine import NegativeCosineLoss
from tests.contracts import TermContract


class TestNegativeCosine(TermContract):
    def make(self) -> nn.Module:
        return NegativeCosineLoss()


class TestPlainMean(TermContract):
    def make(self) -> nn.Module:
        return NegativeCosineLoss("mean")


def draw(n: int = 9, p: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    made = torch.Generator().manual_seed(0)
    projection, twin = (torch.randn(n, p, generator=made, dtype=torch.float64) for _ in range(2))
    return projection, twin, torch.rand(n, generator=made, dtype=torch.float64)


def test_equals_scipys_cosines() -> None:
    projection, twin, weight = draw()
    each = np.array([cosine(*pair) - 1 for pair in zip(projection.numpy(), twin.numpy(), strict=True)])
    assert NegativeCosineLoss()(projection, twin).item() == pytest.approx(each.mean(), rel=1e-12)
    expected = np.average(each, weights=weight.numpy())
    assert NegativeCosineLoss()(projection, twin, weight).item() == pytest.approx(expected, rel=1e-12)
    expected = (each * weight.numpy()).mean()
    assert NegativeCosineLoss("mean")(projection, twin, weight).item() == pytest.approx(expected, rel=1e-12)


def test_golden_rows() -> None:
    """Cosines 1, 0 and -0.6; weights 1, 1.5 and 3."""
    projection = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 4.0]])
    twin = torch.tensor([[5.0, 0.0], [7.0, 0.0], [-1.0, 0.0]])
    weight = torch.tensor([1.0, 1.5, 3.0])
    assert NegativeCosineLoss()(projection, twin).item() == pytest.approx(-0.4 / 3)
    assert NegativeCosineLoss()(projection, twin, weight).item() == pytest.approx(0.8 / 5.5)
    assert NegativeCosineLoss("mean")(projection, twin, weight).item() == pytest.approx(0.8 / 3)


def test_lengths_do_not_matter() -> None:
    projection, twin, weight = draw()
    scaled = NegativeCosineLoss()(1e-5 * projection, 1e5 * twin, weight)
    torch.testing.assert_close(scaled, NegativeCosineLoss()(projection, twin, weight))


def test_stacked_directions_are_the_mean_of_both() -> None:
    (first, second, weight), (other, twin, _) = draw(), [value.flip(1) for value in draw()[:2]] + [None]
    loss = NegativeCosineLoss()
    stacked = loss(torch.cat([first, other]), torch.cat([second, twin]), weight.repeat(2))
    torch.testing.assert_close(stacked, (loss(first, second, weight) + loss(other, twin, weight)) / 2)


def test_a_row_of_zeros_has_no_direction() -> None:
    projection = torch.tensor([[0.0, 0.0], [1.0, 1.0]], requires_grad=True)
    value = NegativeCosineLoss()(projection, torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    value.backward()
    assert value.item() == pytest.approx(-0.5)
    assert projection.grad is not None
    assert projection.grad[0].tolist() == [0.0, 0.0]


def test_wrong_settings_and_weights_are_refused() -> None:
    projection, twin, weight = draw()
    with pytest.raises(ValueError, match="^reduction must be one of weights, mean, got sum$"):
        NegativeCosineLoss("sum")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="weight must be finite, >= 0"):
        NegativeCosineLoss()(projection, twin, -weight)
