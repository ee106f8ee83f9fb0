"""Label ranking: present findings of an image score above its absent ones."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_number
from medgauge.functional.finding_entries import FindingEntries, share_mean


class LabelRankingLoss(nn.Module):
    """Mean over images of the sum of max(0, margin + s_absent - s_present) over pairs of a present and an absent finding.

    - Shape: logits (n, t, 1), label (n, t) of 0 and 1 (a pair of mixed labels counts by the product of its shares), weight
      (n,) >= 0 -> (), in logits. Findings whose label is missing (NaN) are in no pair; images without a label are left out,
      those without a pair count as 0. No label: 0, with a gradient.
    - Raises: ValueError for a margin that is not >= 0, negative weights or none above 0, and for any difference of shape.
    - Source: Hayat, Lashen, Shamout, MLHC 2021 (CXR-ML-GZSL, arXiv 2107.06563), the ranking term.
    - Departs: scores are logits, not cosines, hence another margin (theirs: 0.2). It sets the order of an image's findings and no
      level of probability, so that what the head says needs a calibrator, or another reader.

    Args:
        margin: gap of logits beyond which a pair costs nothing, >= 0.
    """

    reads: ClassVar[str] = "finding"

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        check_number("margin", margin, least=0)
        self.margin = margin

    def forward(
        self,
        logits: Float[Tensor, "n t 1"],
        label: Float[Tensor, "n t"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch; memory n t^2."""
        entries = FindingEntries.of(logits, label, weight)
        with torch.autocast(logits.device.type, enabled=False):
            seen = (~label.isnan()).to(entries.label.dtype)
            pair = entries.label[:, :, None] * (seen - entries.label)[:, None, :]
            lacking = (self.margin + entries.logit[:, None, :] - entries.logit[:, :, None]).clamp(min=0)
            return share_mean((pair * lacking).sum((1, 2)), entries.share.amax(1))
