"""Asymmetric loss: the contract, the equation as a slow loop, and timm's."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from medgauge.losses import AsymmetricLoss, BinaryCrossEntropyLoss
from tests.losses.findings import FindingTermContract, draw, entry_loop, gradient_of, with_missing
from tests.timm_guard import ensure_timm


class TestAsymmetric(FindingTermContract):
    def make(self) -> nn.Module:
        return AsymmetricLoss()


class TestWithoutClip(FindingTermContract):
    def make(self) -> nn.Module:
        return AsymmetricLoss(gamma_neg=0.5, gamma_pos=0.5, clip=0.0)


@pytest.mark.parametrize(("neg", "pos", "clip"), [(4.0, 1.0, 0.05), (2.0, 0.0, 0.3), (0.5, 0.5, 0.0)])
def test_equals_a_slow_loop(neg: float, pos: float, clip: float) -> None:
    logits, label, weight = draw(9, 3)
    label = with_missing(label)

    def cost(logit: float, present: bool, column: int) -> float:
        chance = 1 / (1 + math.exp(-logit))
        if present:
            return -((1 - chance) ** pos) * math.log(chance)
        shifted = max(chance - clip, 0.0)
        return -(shifted**neg) * math.log(1 - shifted)

    loss = AsymmetricLoss(neg, pos, clip)(logits, label, weight)
    assert loss.item() == pytest.approx(entry_loop(cost, logits, label, weight), rel=1e-12)


@pytest.mark.parametrize(("neg", "pos", "clip"), [(4.0, 1.0, 0.05), (3.0, 0.0, 0.1), (2.0, 1.0, 0.0)])
def test_equals_timm_on_whole_labels(neg: float, pos: float, clip: float) -> None:
    """One case at a time, since its sum over cases became a mean between versions; it computes in float32."""
    ensure_timm()
    from timm.loss import AsymmetricLossMultiLabel

    logits, label, _ = draw(9, 3)
    ours, judge = AsymmetricLoss(neg, pos, clip), AsymmetricLossMultiLabel(neg, pos, clip)

    class Theirs(nn.Module):
        def forward(self, logits: Any, label: Any) -> Any:
            sums = [judge(logits[i : i + 1, :, 0], label[i : i + 1]) for i in range(len(label))]
            return torch.stack(sums).sum() / label.numel()

    theirs = Theirs()
    found = ours(logits, label)
    torch.testing.assert_close(found, theirs(logits, label).double(), rtol=1e-5, atol=0)
    torch.testing.assert_close(
        gradient_of(ours, logits, label), gradient_of(theirs, logits, label), rtol=1e-4, atol=1e-7
    )


def test_without_focus_and_clip_it_is_the_cross_entropy() -> None:
    logits, label, weight = draw(9, 3)
    found = AsymmetricLoss(0.0, 0.0, 0.0)(logits, label, weight)
    torch.testing.assert_close(found, BinaryCrossEntropyLoss()(logits, label, weight), rtol=1e-12, atol=0)


def test_absent_findings_below_the_clip_cost_nothing() -> None:
    logits = torch.full((1, 1, 1), math.log(0.04 / 0.96), requires_grad=True)
    loss = AsymmetricLoss(clip=0.05)(logits, torch.zeros(1, 1))
    loss.backward()
    assert loss == 0
    assert logits.grad is not None
    assert logits.grad.eq(0).all()


@pytest.mark.parametrize(("setting", "value"), [("gamma_neg", -1.0), ("gamma_pos", -1.0), ("clip", 1.0)])
def test_refuses_settings_out_of_range(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{setting} must be "):
        AsymmetricLoss(**{setting: value})
