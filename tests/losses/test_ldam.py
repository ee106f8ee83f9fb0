"""Margins by label distribution: the contract, torch's cross-entropy of two classes, and re-weighting that waits."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medgauge.losses import BinaryCrossEntropyLoss, LDAMLoss
from tests.losses.findings import FindingTermContract, draw, with_missing

TRAINING = torch.tensor([[1.0, 1.0]] * 3 + [[0.0, 1.0]] * 40 + [[0.0, 0.0]] * 57)
COUNTS = {0: (97, 3), 1: (57, 43)}  # absent, present


def told(**settings: float) -> LDAMLoss:
    term = LDAMLoss(**settings)
    term.fit_labels(TRAINING)
    return term


class TestLDAM(FindingTermContract):
    def make(self) -> nn.Module:
        return told()


class TestReweighted(FindingTermContract):
    """The contract's step is at a quarter of the training."""

    def make(self) -> nn.Module:
        return told(deferred=0.2)


@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("progress", [None, 0.79, 0.8])
def test_equals_the_cross_entropy_of_two_classes(progress: float | None, scale: float) -> None:
    """Logits 0 and z of absent and present, the true one less its margin, weights as ``cross_entropy`` takes them."""
    logits, label, _ = draw(12, 2)
    label = with_missing(label)
    most = 3**-0.25  # of the rarest state
    total = share = 0.0
    for c, counts in COUNTS.items():
        margin = [0.5 * count**-0.25 / most for count in counts]
        number = [(1 - 0.9999) / (1 - 0.9999**count) for count in counts]
        weights = [2 * one / sum(number) if progress == 0.8 else 1.0 for one in number]
        for i in range(12):
            if math.isnan(label[i, c]):
                continue
            true = int(label[i, c])
            both = torch.tensor([0.0, float(logits[i, c, 0])], dtype=torch.float64)
            both[true] -= margin[true]
            cost = nn.functional.cross_entropy(scale * both[None], torch.tensor([true]))
            total += weights[true] * float(cost)
            share += weights[true]
    given: dict[str, Tensor] = {} if progress is None else {"progress": torch.tensor(progress, dtype=torch.float64)}
    loss = told(scale=scale)(logits, label, **given)
    assert loss.item() == pytest.approx(total / share, rel=1e-12)


def test_without_margin_it_is_the_cross_entropy() -> None:
    logits, label, weight = draw(9, 2)
    found = told(max_margin=0.0)(logits, label, weight)
    torch.testing.assert_close(found, BinaryCrossEntropyLoss()(logits, label, weight), rtol=1e-12, atol=0)


def test_needs_the_training_labels_of_the_same_findings() -> None:
    logits, label, _ = draw(9, 3)
    for term, known in ((LDAMLoss(), 0), (told(), 2)):
        with pytest.raises(ValueError, match=rf"^training labels must be told first .*, got {known} for 3$"):
            term(logits, label)


def test_findings_without_a_state_are_finite() -> None:
    term = LDAMLoss(deferred=0.0)
    term.fit_labels(torch.tensor([[0.0, 1.0, math.nan], [0.0, 1.0, math.nan]]))
    logits, label, _ = draw(9, 3)
    assert term(logits, label, None, torch.tensor(1.0)).isfinite()


@pytest.mark.parametrize(("setting", "value"), [("max_margin", -1.0), ("scale", 0.0), ("deferred", 1.5)])
def test_refuses_settings_out_of_range(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{setting} must be "):
        LDAMLoss(**{setting: value})
