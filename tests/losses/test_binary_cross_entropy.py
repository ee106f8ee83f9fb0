"""Binary cross-entropy: the contract, the equation as a slow loop, missing labels."""

import math

import pytest
import torch
from torch import Tensor, nn

from medgauge.core.batch import Step
from medgauge.losses import BinaryCrossEntropyLoss
from tests.contracts import TermContract, make_step


class TestBinaryCrossEntropy(TermContract):
    def make(self) -> nn.Module:
        return BinaryCrossEntropyLoss()

    def step(self, rows: int, *, seed: int = 0, dtype: torch.dtype = torch.float64, missing: bool = True) -> Step:
        made = make_step(rows, seed=seed, dtype=dtype, missing=missing)
        label = torch.where(made.label.isnan(), made.label, (made.label > 0).to(dtype))
        assert made.logits is not None
        return Step(**{**vars(made), "label": label, "logits": made.logits[:, :, :1]})


def test_equals_a_slow_loop() -> None:
    draw = torch.Generator().manual_seed(0)
    logits: Tensor = torch.randn(9, 3, 1, generator=draw, dtype=torch.float64)
    label = (torch.rand(9, 3, generator=draw) < 0.4).double()
    label[2, 1] = label[5] = math.nan
    total, count = 0.0, 0
    for row in range(9):
        for column in range(3):
            if not math.isnan(label[row, column]):
                chance = 1 / (1 + math.exp(-logits[row, column, 0]))
                total -= math.log(chance if label[row, column] == 1 else 1 - chance)
                count += 1
    assert float(BinaryCrossEntropyLoss()(logits, label)) == pytest.approx(total / count)
    with pytest.raises(ValueError, match=r"logits must be float of shape \(9, 3, 1\)"):
        BinaryCrossEntropyLoss()(logits[:, :2], label)
