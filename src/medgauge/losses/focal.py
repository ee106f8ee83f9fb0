"""Focal loss: entries that are answered well count less."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_number
from medgauge.functional.finding_entries import FindingEntries


class FocalLoss(nn.Module):
    """Weighted mean of a (1 - p)^gamma times the binary cross-entropy, p the probability of the true state.

    a is ``alpha`` for present and 1 - ``alpha`` for absent findings.

    - Shape: logits (n, t, 1), label (n, t) of 0 and 1 (or between, of mixed labels), weight (n,) >= 0 -> (), in nats times
      a. Missing labels (NaN) take no part. None there: 0, with a gradient.
    - Raises: ValueError for settings out of range, negative weights or none above 0, and for any difference of shape.
    - Source: Lin et al., ICCV 2017 (arXiv 1708.02002), Eq. 5. An entry is what torchvision's ``sigmoid_focal_loss`` gives.
    - Departs: the mean over entries (the paper divides the sum by the number of boxes with an object).

    Args:
        gamma: exponent of the focus, >= 0; 0 is the cross-entropy, weighted.
        alpha: weight of present findings, in [0, 1]; 0.5 weighs both alike, and halves the value.
    """

    reads: ClassVar[str] = "finding"

    def __init__(self, gamma: float = 2.0, alpha: float = 0.25) -> None:
        super().__init__()
        check_number("gamma", gamma, least=0)
        check_number("alpha", alpha, least=0, most=1)
        self.gamma = gamma
        self.alpha = alpha

    def forward(
        self,
        logits: Float[Tensor, "n t 1"],
        label: Float[Tensor, "n t"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        entries = FindingEntries.of(logits, label, weight)
        with torch.autocast(logits.device.type, enabled=False):
            logit, present = entries.logit, entries.label
            absent = 1 - present
            surprise = nn.functional.binary_cross_entropy_with_logits(logit, present, reduction="none")
            missed = logit.sigmoid() * absent + (-logit).sigmoid() * present  # 1 - p, also where p rounds to 1
            focus = missed.clamp(min=torch.finfo(missed.dtype).tiny).pow(self.gamma)
            return entries.mean((self.alpha * present + (1 - self.alpha) * absent) * focus * surprise)
