"""Asymmetric loss: absent findings fade sooner than present ones, and the easiest are dropped."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_number
from medgauge.functional.finding_entries import FindingEntries


class AsymmetricLoss(nn.Module):
    """Weighted mean of -(1 - p)^gamma_pos log p where a finding is present, -q^gamma_neg log(1 - q) where it is absent.

    p is the probability of the finding and q = max(0, p - clip).

    - Shape: logits (n, t, 1), label (n, t) of 0 and 1 (or between, of mixed labels), weight (n,) >= 0 -> (), in nats.
      Missing labels (NaN) take no part. None there: 0, with a gradient.
    - Raises: ValueError for settings out of range, negative weights or none above 0, and for any difference of shape.
    - Source: Ridnik et al., ICCV 2021 (arXiv 2009.14119), asymmetric focusing and probability shifting; the defaults are
      those of their code. An entry is what timm's ``AsymmetricLossMultiLabel`` gives.
    - Departs: the mean over entries (their code takes the sum); logarithms of the logit itself, without a least probability;
      the exponent of a mixed label is not mixed: each state is taken with its own, by its share.

    Args:
        gamma_neg: exponent of the focus of absent findings, >= 0.
        gamma_pos: exponent of the focus of present findings, >= 0.
        clip: probability up to which an absent finding costs nothing, in [0, 1).
    """

    reads: ClassVar[str] = "finding"

    def __init__(self, gamma_neg: float = 4.0, gamma_pos: float = 1.0, clip: float = 0.05) -> None:
        super().__init__()
        check_number("gamma_neg", gamma_neg, least=0)
        check_number("gamma_pos", gamma_pos, least=0)
        check_number("clip", clip, least=0, below=1)
        self.gamma_neg = gamma_neg
        self.gamma_pos = gamma_pos
        self.clip = clip

    def forward(
        self,
        logits: Float[Tensor, "n t 1"],
        label: Float[Tensor, "n t"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        entries = FindingEntries.of(logits, label, weight)
        with torch.autocast(logits.device.type, enabled=False):
            logit = entries.logit
            of_present = _power((-logit).sigmoid(), self.gamma_pos) * nn.functional.logsigmoid(logit)
            shifted = (logit.sigmoid() - self.clip).clamp(min=0)
            safe = torch.log1p(-shifted) if self.clip else nn.functional.logsigmoid(-logit)
            of_absent = _power(shifted, self.gamma_neg) * safe
            return -entries.mean(entries.label * of_present + (1 - entries.label) * of_absent)


def _power(base: Tensor, exponent: float) -> Tensor:
    """A power whose slope is finite at a base of 0."""
    return base.clamp(min=torch.finfo(base.dtype).tiny).pow(exponent)
