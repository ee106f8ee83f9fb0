"""Ordinal regression: the contract, the equation as a slow loop, missing labels and thresholds."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgauge.losses import OrdinalRegressionLoss
from tests.contracts import TermContract

THRESHOLDS = [-1.0, 0.25, 1.5]


class TestBinary(TermContract):
    def make(self) -> nn.Module:
        return OrdinalRegressionLoss(THRESHOLDS)


class TestCorn(TermContract):
    def make(self) -> nn.Module:
        return OrdinalRegressionLoss(THRESHOLDS, kind="corn")


def draw(n: int, t: int) -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(0)
    logits = torch.randn(n, t, len(THRESHOLDS), generator=made, dtype=torch.float64)
    return logits, 2 * torch.randn(n, t, generator=made, dtype=torch.float64)


def slow_loop(logits: np.ndarray, label: np.ndarray, kind: str) -> tuple[float, np.ndarray]:
    """Loss and gradient, task by task."""
    total, count, gradient = 0.0, 0, np.zeros_like(logits)
    for k, threshold in enumerate(THRESHOLDS):
        for i in range(len(label)):
            for t in range(label.shape[1]):
                asked = not math.isnan(label[i, t])
                if kind == "corn" and k > 0:
                    asked = asked and label[i, t] > THRESHOLDS[k - 1]
                if asked:
                    chance, answer = 1 / (1 + math.exp(-logits[i, t, k])), float(label[i, t] > threshold)
                    total -= math.log(chance if answer else 1 - chance)
                    gradient[i, t, k] = chance - answer
                    count += 1
    return total / count, gradient / count


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("kind", ["binary", "corn"])
def test_equals_a_slow_loop(kind: Any, missing: bool) -> None:
    logits, label = draw(14, 2)
    if missing:
        label[3, 1] = label[5] = math.nan
        logits[5] = math.nan
    value, gradient = slow_loop(logits.numpy(), label.numpy(), kind)
    logits.requires_grad_()
    loss = OrdinalRegressionLoss(THRESHOLDS, kind)(logits, label)
    loss.backward()
    assert loss.item() == pytest.approx(value, rel=1e-12)
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), gradient, rtol=1e-9, atol=1e-15)


def test_binary_equals_torch() -> None:
    logits, label = draw(9, 1)
    answer = (label > torch.tensor([THRESHOLDS], dtype=torch.float64))[:, None, :].double()
    expected = nn.functional.binary_cross_entropy_with_logits(logits, answer)
    torch.testing.assert_close(OrdinalRegressionLoss(THRESHOLDS)(logits, label), expected, rtol=1e-12, atol=0)


def test_a_label_on_a_threshold_is_not_above_it() -> None:
    logits = torch.full((1, 1, 1), 3.0)
    on, above = (OrdinalRegressionLoss([0.7])(logits, torch.tensor([[label]])) for label in (0.7, 0.71))
    assert on.item() == pytest.approx(math.log(1 + math.exp(3.0)), rel=1e-6)
    assert above.item() == pytest.approx(math.log(1 + math.exp(-3.0)), rel=1e-6)


def test_logits_without_end_have_a_gradient() -> None:
    logits = torch.tensor([[[1e4, -1e4, 1e4]]], requires_grad=True)
    loss = OrdinalRegressionLoss(THRESHOLDS)(logits, torch.tensor([[-5.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(2e4 / 3, rel=1e-6)
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.tensor([[[1.0, 0.0, 1.0]]]) / 3)


@pytest.mark.parametrize("kind", ["binary", "corn"])
@pytest.mark.parametrize("rows", [0, 3])
def test_no_label_is_zero_with_a_gradient(rows: int, kind: Any) -> None:
    logits = torch.ones(rows, 1, 3, requires_grad=True)
    loss = OrdinalRegressionLoss(THRESHOLDS, kind)(logits, torch.full((rows, 1), math.nan))
    loss.backward()
    assert loss == 0
    assert logits.grad is not None
    assert logits.grad.eq(0).all()


def test_labels_far_from_zero() -> None:
    logits, label = draw(9, 1)
    far = OrdinalRegressionLoss([1e9 + 0.5, 1e9 + 1.5, 1e9 + 2.5])
    near = OrdinalRegressionLoss([0.5, 1.5, 2.5])
    assert torch.equal(far(logits, label.round() + 1e9), near(logits, label.round()))


@pytest.mark.parametrize("shape", [(4, 1, 2), (4, 2, 3), (3, 1, 3), (4, 3)])
def test_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^logits must be float of shape \(4, 1, 3\), got torch.float32 of \("):
        OrdinalRegressionLoss(THRESHOLDS)(torch.zeros(shape), torch.zeros(4, 1))


@pytest.mark.parametrize("thresholds", [[], [1.0, 1.0], [2.0, 1.0], [math.nan], [0.0, math.inf]])
def test_refuses_thresholds_that_do_not_rise(thresholds: list[float]) -> None:
    with pytest.raises(ValueError, match="^thresholds must be finite, rising and at least one, got "):
        OrdinalRegressionLoss(thresholds)


def test_refuses_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match="^kind must be one of binary, corn, got coral$"):
        OrdinalRegressionLoss([0.5], kind="coral")  # type: ignore[arg-type]  # the mistake
