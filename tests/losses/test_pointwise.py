"""Pointwise losses: the contract, NumPy's and PyTorch's numbers, missing labels, and no broadcast."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgauge.losses import PointwiseLoss
from tests.contracts import TermContract


class TestL1(TermContract):
    def make(self) -> nn.Module:
        return PointwiseLoss("l1")


class TestMSE(TermContract):
    def make(self) -> nn.Module:
        return PointwiseLoss("mse")


class TestHuber(TermContract):
    def make(self) -> nn.Module:
        return PointwiseLoss("huber")


def draw(n: int = 12, t: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    made = torch.Generator().manual_seed(0)
    prediction, label = (2 * torch.randn(n, t, generator=made, dtype=torch.float64) for _ in range(2))
    return prediction, label, torch.rand(n, generator=made, dtype=torch.float64)


def test_equals_numpys_weighted_averages() -> None:
    prediction, label, weight = draw()
    error, each = (prediction - label).numpy(), weight[:, None].expand(-1, 2).numpy()
    expected = np.average(np.abs(error), weights=each)
    assert PointwiseLoss("l1")(prediction, label, weight).item() == pytest.approx(expected, rel=1e-12)
    expected = np.average(error**2, weights=each)
    assert PointwiseLoss("mse")(prediction, label, weight).item() == pytest.approx(expected, rel=1e-12)


def test_huber_equals_torch() -> None:
    prediction, label, _ = draw()
    torch.testing.assert_close(PointwiseLoss("huber")(prediction, label), nn.functional.huber_loss(prediction, label))


@pytest.mark.parametrize(("kind", "expected"), [("l1", (1 * 3 + 2 * 0.5 + 2 * 0) / 5), ("mse", (9 + 2 * 0.25) / 5)])
def test_missing_labels_count_for_nothing(kind: str, expected: float) -> None:
    prediction = torch.tensor([[3.0, 7.0], [1.5, 1.0]], requires_grad=True)
    label = torch.tensor([[0.0, float("nan")], [1.0, 1.0]])
    loss = PointwiseLoss(kind)(prediction, label, torch.tensor([1.0, 2.0]))  # type: ignore[arg-type]  # from parametrize
    loss.backward()
    assert loss.item() == pytest.approx(expected)
    assert prediction.grad is not None
    assert prediction.grad[0, 1] == 0


def test_all_missing_is_zero_with_a_gradient() -> None:
    prediction = torch.ones(3, 1, requires_grad=True)
    loss = PointwiseLoss()(prediction, torch.full((3, 1), float("nan")))
    loss.backward()
    assert loss == 0
    assert prediction.grad is not None
    assert prediction.grad.eq(0).all()


def test_a_weight_of_zero_costs_nothing() -> None:
    prediction, label, weight = draw()
    weight[3:] = 0
    one, other = (PointwiseLoss()(prediction[:rows], label[:rows], weight[:rows]) for rows in (3, len(weight)))
    torch.testing.assert_close(one, other, rtol=1e-12, atol=0)  # the zeros may change the order of the sum


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan")])
def test_weights_all_zero_or_negative_are_refused(factor: float) -> None:
    prediction, label, weight = draw()
    with pytest.raises(ValueError, match="weight must be finite, >= 0 and not all 0"):
        PointwiseLoss()(prediction, label, factor * weight)


def test_a_heavier_case_pulls_more() -> None:
    prediction, label = torch.zeros(2, 1, requires_grad=True), torch.tensor([[1.0], [2.0]])
    PointwiseLoss("l1")(prediction, label, torch.tensor([3.0, 1.0])).backward()
    assert prediction.grad is not None
    assert prediction.grad.flatten().tolist() == [-0.75, -0.25]


def test_a_column_and_a_vector_are_not_broadcast() -> None:
    with pytest.raises(ValueError, match="label must be a 2-D float tensor"):
        PointwiseLoss()(torch.zeros(4, 1), torch.zeros(4))
    with pytest.raises(ValueError, match="shapes must be equal"):
        PointwiseLoss()(torch.zeros(4, 2), torch.zeros(4, 1))
    with pytest.raises(ValueError, match="weight must be a 1-D float tensor"):
        PointwiseLoss()(torch.zeros(4, 1), torch.zeros(4, 1), torch.ones(4, 1))


def test_refuses_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match="^kind must be one of l1, mse, huber, got l2$"):
        PointwiseLoss("l2")  # type: ignore[arg-type]  # the mistake
