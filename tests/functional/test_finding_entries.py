"""Entries of findings, with missing labels out of the way."""

import math

import pytest
import torch

from medgauge.functional.finding_entries import FindingEntries, share_mean


def test_missing_labels_have_no_share() -> None:
    logits = torch.tensor([[[1.0], [math.inf]], [[3.0], [4.0]]], dtype=torch.float16)
    label = torch.tensor([[1.0, math.nan], [0.0, 1.0]])
    entries = FindingEntries.of(logits, label, torch.tensor([2.0, 0.5]))
    assert entries.logit.tolist() == [[1.0, 0.0], [3.0, 4.0]]
    assert entries.label.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert entries.share.tolist() == [[2.0, 0.0], [0.5, 0.5]]
    assert {part.dtype for part in entries} == {torch.float32}
    assert entries.mean(torch.tensor([[1.0, 9.0], [4.0, 6.0]])).item() == pytest.approx((2 + 2 + 3) / 3)


def test_no_share_is_zero_with_a_gradient() -> None:
    values = torch.ones(3, requires_grad=True)
    loss = share_mean(values, torch.zeros(3))
    loss.backward()
    assert loss == 0
    assert values.grad is not None
    assert values.grad.eq(0).all()


@pytest.mark.parametrize("shape", [(4, 2), (4, 2, 2), (3, 2, 1)])
def test_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^logits must be float of shape \(4, 2, 1\), got torch.float32 of \("):
        FindingEntries.of(torch.zeros(shape), torch.zeros(4, 2))


@pytest.mark.parametrize("weight", [[-1.0, 1.0], [0.0, 0.0]])
def test_refuses_weights_that_are_none(weight: list[float]) -> None:
    with pytest.raises(ValueError, match=r"^weight must be finite, >= 0 and not all 0, got values from "):
        FindingEntries.of(torch.zeros(2, 1, 1), torch.zeros(2, 1), torch.tensor(weight))
