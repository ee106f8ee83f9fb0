"""Balanced MSE: the contract, the golden number, the equation as a slow loop, and batches that say nothing."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from medgauge.losses import BalancedMSELoss
from tests.contracts import TermContract

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "balanced_mse.json").read_text())


class TestBalancedMSELoss(TermContract):
    def make(self) -> nn.Module:
        return BalancedMSELoss(noise=0.8)

    @pytest.mark.parametrize("missing", [False, True])
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_gradient_is_the_numerical_one(self, seed: int, missing: bool) -> None:
        """The factor 2 s^2 is a constant by definition: it is divided out, and put back as a number."""
        term = self.make().double()
        given = self.given(self.step(6, seed=seed, missing=missing))
        factor = 2 * 0.8**2

        def value(prediction: Tensor, log_noise: Tensor) -> Tensor:
            inputs = {"prediction": prediction, "label": given["label"]}
            loss: Tensor = functional_call(copy.deepcopy(term), {"log_noise": log_noise}, kwargs=inputs)
            return loss / (2 * torch.exp(2 * log_noise).detach()) * factor

        assert torch.autograd.gradcheck(value, (given["prediction"], *term.parameters()))


def slow_loop(prediction: np.ndarray, label: np.ndarray, noise: float) -> tuple[float, np.ndarray, float]:
    """Loss, gradient for the prediction, and gradient for log s, with the factor 2 s^2 held."""
    n, total, gradient, by_noise = len(label), 0.0, np.zeros_like(prediction), 0.0
    for i in range(n):
        logits = np.array([-((prediction[i] - label[j]) ** 2).sum() / (2 * noise**2) for j in range(n)])
        log_sum = logits.max() + math.log(np.exp(logits - logits.max()).sum())
        chance = np.exp(logits - log_sum)
        total += log_sum - logits[i]
        for j in range(n):
            miss = chance[j] - (i == j)
            gradient[i] += miss * -(prediction[i] - label[j]) / noise**2
            by_noise += miss * -2 * logits[j]
    factor = 2 * noise**2 / n
    return factor * total, factor * gradient, factor * by_noise


def draw(n: int, t: int, seed: int = 0) -> Tensor:
    return torch.randn(n, t, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_golden_number(dtype: torch.dtype) -> None:
    prediction, label = (torch.tensor(GOLDEN[name], dtype=dtype) for name in ("prediction", "label"))
    assert BalancedMSELoss(noise=GOLDEN["noise"])(prediction, label).item() == pytest.approx(GOLDEN["loss"], abs=5e-7)


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("noise", [0.3, 1.0, 4.0])
def test_equals_a_slow_loop(noise: float, targets: int) -> None:
    prediction, label = 2 * draw(11, targets), draw(11, targets, 1)
    value, gradient, by_noise = slow_loop(prediction.numpy(), label.numpy(), noise)
    prediction.requires_grad_()
    term = BalancedMSELoss(noise=noise).double()
    loss = term(prediction, label)
    loss.backward()
    assert loss.item() == pytest.approx(value, rel=1e-6)  # log(noise) was rounded to float32
    assert prediction.grad is not None
    np.testing.assert_allclose(prediction.grad.numpy(), gradient, rtol=1e-5, atol=1e-6)
    assert term.log_noise.grad is not None
    assert term.log_noise.grad.item() == pytest.approx(by_noise, rel=1e-5)


def test_a_rare_label_pulls_harder_than_a_frequent_one() -> None:
    """Nine zeros and a one, all predicted as 0.5: MSE pulls each row alike, here the rare one is pulled five times as hard."""
    label = torch.tensor([[0.0]] * 9 + [[1.0]], dtype=torch.float64)
    prediction = torch.full((10, 1), 0.5, dtype=torch.float64, requires_grad=True)
    BalancedMSELoss(noise=1.0).double()(prediction, label).backward()
    assert prediction.grad is not None
    balanced = -prediction.grad[-1] / prediction.grad[0]
    prediction.grad = None
    (prediction - label).square().mean().backward()
    plain = -prediction.grad[-1] / prediction.grad[0]  # type: ignore[index]  # backward has run
    assert plain == 1
    assert balanced > 5


@pytest.mark.parametrize("offset", [0.0, 1e9])
@pytest.mark.parametrize("rows", [1, 2, 16])
def test_equal_labels_have_a_defined_value_and_no_gradient(rows: int, offset: float) -> None:
    prediction = (draw(rows, 2) + offset).requires_grad_()
    label = torch.tensor([[0.3, -2.7]], dtype=torch.float64).expand(rows, 2) + offset
    term = BalancedMSELoss(noise=2.0).double()
    loss = term(prediction, label)
    loss.backward()
    assert loss.item() == pytest.approx(2 * 4 * math.log(rows), rel=1e-6)
    assert prediction.grad is not None
    assert prediction.grad.eq(0).all()
    assert term.log_noise.grad == 0
    assert term.log()["equal_labels"] == 1


def test_the_log_tells_the_noise_and_whether_labels_differ() -> None:
    term = BalancedMSELoss(noise=0.5)
    assert term.log() == {}
    term(draw(6, 1), draw(6, 1, 1))
    assert {name: round(value.item(), 6) for name, value in term.log().items()} == {"noise": 0.5, "equal_labels": 0}
    assert not any(value.requires_grad for value in term.log().values())


def test_noise_learns_and_stays_positive() -> None:
    label = draw(64, 1)
    prediction = label + 0.2 * draw(64, 1, 1)
    term = BalancedMSELoss(noise=3.0).double()
    optimiser = torch.optim.SGD(term.parameters(), lr=0.3)
    for _ in range(300):
        optimiser.zero_grad()
        term(prediction, label).backward()
        optimiser.step()
    assert 0 < term.log()["noise"] < 0.5
    assert set(term.state_dict()) == {"log_noise"}


def test_far_predictions_and_far_labels_stay_exact() -> None:
    label = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    prediction = torch.tensor([[1e6], [0.0], [2.0]], dtype=torch.float64)
    value, *_ = slow_loop(prediction.numpy(), label.numpy(), 1.0)
    assert BalancedMSELoss()(prediction, label).item() == pytest.approx(value, rel=1e-9)
    assert BalancedMSELoss()(prediction.float(), label.float()).item() == pytest.approx(value, rel=1e-6)
    shifted = BalancedMSELoss()(prediction + 1e9, label + 1e9)
    assert shifted.item() == pytest.approx(value, rel=1e-12)


def test_rows_with_a_missing_label_are_left_out() -> None:
    prediction, label = draw(10, 2), draw(10, 2, 1)
    kept = torch.ones(10, dtype=torch.bool)
    kept[[0, 7]] = False
    label[0, 0] = label[7] = math.nan
    prediction[7] = math.nan
    prediction.requires_grad_()
    loss = BalancedMSELoss()(prediction, label)
    loss.backward()
    torch.testing.assert_close(loss, BalancedMSELoss()(prediction[kept], label[kept]), rtol=1e-12, atol=0)
    assert prediction.grad is not None
    assert prediction.grad[~kept].eq(0).all()
    assert prediction.grad[kept].ne(0).all()


def test_no_row_is_zero_with_a_gradient() -> None:
    prediction = torch.zeros(0, 1, requires_grad=True)
    loss = BalancedMSELoss()(prediction, torch.zeros(0, 1))
    loss.backward()
    assert loss == 0


def test_a_column_and_a_vector_are_not_broadcast() -> None:
    with pytest.raises(ValueError, match="label must be a 2-D float tensor"):
        BalancedMSELoss()(torch.zeros(4, 1), torch.zeros(4))
    with pytest.raises(ValueError, match="shapes must be equal"):
        BalancedMSELoss()(torch.zeros(4, 2), torch.zeros(4, 1))


def test_refuses_settings_out_of_range() -> None:
    with pytest.raises(ValueError, match="^kind must be bmc, got gai$"):
        BalancedMSELoss(kind="gai")  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ValueError, match=r"^noise must be > 0 and finite, got 0.0$"):
        BalancedMSELoss(noise=0.0)
    with pytest.raises(ValueError, match=r"^noise must be > 0 and finite, got nan$"):
        BalancedMSELoss(noise=math.nan)
