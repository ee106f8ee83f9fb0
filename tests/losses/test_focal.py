"""Focal loss: the contract, the equation as a slow loop, and torchvision's."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from medgauge.losses import BinaryCrossEntropyLoss, FocalLoss
from tests.losses.findings import FindingTermContract, draw, entry_loop, gradient_of, with_missing
from tests.timm_guard import ensure_timm


class TestFocal(FindingTermContract):
    def make(self) -> nn.Module:
        return FocalLoss()


class TestFocalWithARoot(FindingTermContract):
    """An exponent below 1, whose slope at 0 has no end."""

    def make(self) -> nn.Module:
        return FocalLoss(gamma=0.5, alpha=0.7)


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.5, 0.9), (0.0, 0.5)])
def test_equals_a_slow_loop(gamma: float, alpha: float) -> None:
    logits, label, weight = draw(9, 3)
    label = with_missing(label)

    def cost(logit: float, present: bool, column: int) -> float:
        chance = 1 / (1 + math.exp(-logit if present else logit))
        return -(alpha if present else 1 - alpha) * (1 - chance) ** gamma * math.log(chance)

    loss = FocalLoss(gamma, alpha)(logits, label, weight)
    assert loss.item() == pytest.approx(entry_loop(cost, logits, label, weight), rel=1e-12)


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (1.5, 0.6)])
@pytest.mark.parametrize("mixed", [False, True])
def test_equals_torchvision_on_whole_labels(mixed: bool, gamma: float, alpha: float) -> None:
    ensure_timm()  # torchvision can then be imported
    from torchvision.ops import sigmoid_focal_loss

    logits, label, _ = draw(9, 3)
    label = 0.7 * label + 0.1 if mixed else label

    class Theirs(nn.Module):
        def forward(self, logits: Any, label: Any) -> Any:
            return sigmoid_focal_loss(logits[:, :, 0], label, alpha=alpha, gamma=gamma, reduction="mean")

    ours, theirs = FocalLoss(gamma, alpha), Theirs()
    torch.testing.assert_close(ours(logits, label), theirs(logits, label), rtol=1e-12, atol=0)
    torch.testing.assert_close(
        gradient_of(ours, logits, label), gradient_of(theirs, logits, label), rtol=1e-9, atol=1e-14
    )


def test_without_focus_it_is_half_the_cross_entropy() -> None:
    logits, label, weight = draw(9, 3)
    found = FocalLoss(gamma=0.0, alpha=0.5)(logits, label, weight)
    torch.testing.assert_close(2 * found, BinaryCrossEntropyLoss()(logits, label, weight), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("setting", "value"), [("gamma", -1.0), ("alpha", 1.5), ("alpha", -1.0)])
def test_refuses_settings_out_of_range(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{setting} must be "):
        FocalLoss(**{setting: value})
