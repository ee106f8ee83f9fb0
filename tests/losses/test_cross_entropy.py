"""Cross-entropy: the contract, the equation as a slow loop, class weights, missing labels."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgauge.core.batch import Step
from medgauge.losses import CrossEntropyLoss
from tests.contracts import TermContract, make_step

COUNTS = [6.0, 0.0, 2.0]


def places(rows: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 3, (rows, 2), generator=torch.Generator().manual_seed(seed)).double()


class TestCrossEntropyLoss(TermContract):
    distance = 0.0

    def make(self) -> nn.Module:
        return CrossEntropyLoss()

    def step(self, rows: int, *, seed: int = 0, dtype: torch.dtype = torch.float64, missing: bool = True) -> Step:
        step = make_step(rows, seed=seed, dtype=dtype, missing=missing)
        return replace(step, label=places(rows, seed).to(dtype) + 0 * step.label)


class TestWithWeights(TestCrossEntropyLoss):
    def make(self) -> nn.Module:
        return CrossEntropyLoss([5, 1, 2])


def slow_loop(logits: np.ndarray, label: np.ndarray, weights: list[float]) -> float:
    total = share = 0.0
    for i in range(len(label)):
        for t in range(label.shape[1]):
            if not math.isnan(label[i, t]):
                own = weights[int(label[i, t])]
                whole = sum(math.exp(one) for one in logits[i, t])
                total -= own * math.log(math.exp(logits[i, t, int(label[i, t])]) / whole)
                share += own
    return total / share


@pytest.mark.parametrize(("counts", "weights"), [(None, [1.0] * 3), (COUNTS, [8 / 12, 0.0, 2.0])])
def test_equals_a_slow_loop(counts: list[float] | None, weights: list[float]) -> None:
    logits = torch.randn(14, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    label = places(14)
    label[3, 1] = label[5] = math.nan
    expected = slow_loop(logits.numpy(), label.numpy(), weights)
    logits[5] = math.nan
    assert CrossEntropyLoss(counts)(logits, label).item() == pytest.approx(expected, rel=1e-12)


def test_equals_torch() -> None:
    logits, label = torch.randn(9, 1, 3, generator=torch.Generator().manual_seed(2)), places(9)[:, :1]
    weight = torch.tensor([8 / 12, 0.0, 2.0])
    expected = nn.functional.cross_entropy(logits[:, 0], label[:, 0].long(), weight=weight)
    torch.testing.assert_close(CrossEntropyLoss(COUNTS)(logits, label.float()), expected)


def test_all_classes_weigh_the_same_in_sum() -> None:
    label = torch.tensor([0.0] * 6 + [2.0] * 2)[:, None]
    share = CrossEntropyLoss(COUNTS).weights[0, label[:, 0].long()]
    assert share[:6].sum().item() == pytest.approx(share[6:].sum().item()) == 4.0


@pytest.mark.parametrize("counts", [[], [0, 0], [1, -1], [1, math.inf]])
def test_counts_that_are_none_are_refused(counts: list[float]) -> None:
    with pytest.raises(ValueError, match="class_counts must be >= 0, one a class and not all 0"):
        CrossEntropyLoss(counts)


def test_counts_of_other_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="class_counts must be one a class, 2, got 3"):
        CrossEntropyLoss(COUNTS)(torch.zeros(1, 1, 2), torch.zeros(1, 1))


def test_logits_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="logits must be float of shape"):
        CrossEntropyLoss()(torch.zeros(2, 3), torch.zeros(2, 1))


def test_counts_of_the_training_labels_are_those_of_each_target() -> None:
    label = torch.tensor([[0, 1], [0, 1], [1, 0], [math.nan, 1]]).double()
    auto = CrossEntropyLoss("auto")
    with pytest.raises(ValueError, match="needs the training labels first"):
        auto(torch.zeros(1, 2, 3), torch.zeros(1, 2))
    auto.fit_labels(label)
    logits = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    parts = [CrossEntropyLoss(counts)(logits[:, [t]], label[:, [t]]) for t, counts in enumerate([[2, 1, 0], [1, 3, 0]])]
    shares = [3.0, 4.0]  # weights of a target sum to its number of labels
    expected = (parts[0] * shares[0] + parts[1] * shares[1]) / sum(shares)
    assert auto(logits, label).item() == pytest.approx(expected.item(), rel=1e-12)
