"""Label-distribution-aware margins: rare states of a finding are kept farther from the boundary."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_number
from medgauge.functional.class_counts import effective_number_weights, label_counts
from medgauge.functional.finding_entries import FindingEntries, share_mean


class LDAMLoss(nn.Module):
    """Weighted mean of the binary cross-entropy of each finding, whose logit is moved against the true state by a margin.

    A state (a finding present, or absent) with n training cases has the margin C n^(-1/4), C such that the largest of all
    states is ``max_margin``. Once the share ``deferred`` of the training is done, the two states of a finding are weighted by one over the
    effective number of their training cases (beta = 0.9999), with mean 1. The training labels are told by
    :meth:`fit_labels`, before any batch.

    - Shape: logits (n, t, 1), label (n, t) of 0 and 1 (or between, of mixed labels), weight (n,) >= 0, progress () -> (),
      in nats. Missing labels (NaN) take no part. None there: 0, with a gradient.
    - Raises: ValueError for settings out of range, without the training labels or with those of other findings, negative
      weights or none above 0, and for any difference of shape.
    - Source: Cao et al., NeurIPS 2019 (arXiv 1906.07413), the margins and the deferred re-weighting.
    - Departs: the paper has one problem of several classes; here each finding is a problem of two, and C is one for all, so
      that rarer findings have larger margins. Logits are not cosines, hence a scale of 1 (theirs: 30). Their re-weighting
      begins at epoch 160 of 200.

    Args:
        max_margin: of the rarest state, >= 0, in logits.
        scale: what the moved logits are multiplied by, > 0.
        deferred: share of the training after which states are re-weighted, in [0, 1].
    """

    reads: ClassVar[str] = "finding"
    margin: Tensor
    state_weight: Tensor

    def __init__(self, max_margin: float = 0.5, scale: float = 1.0, deferred: float = 0.8) -> None:
        super().__init__()
        check_number("max_margin", max_margin, least=0)
        check_number("scale", scale, above=0)
        check_number("deferred", deferred, least=0, most=1)
        self.max_margin = max_margin
        self.scale = scale
        self.deferred = deferred
        for name in ("margin", "state_weight"):
            self.register_buffer(name, torch.zeros(2, 0, dtype=torch.float64), persistent=False)

    def fit_labels(self, label: Float[Tensor, "n t"]) -> None:
        """Take margins and weights (2, t) of present and absent from the training labels; 0 for a state without cases."""
        count = torch.stack(label_counts(label))
        rarity = torch.where(count > 0, count.clamp(min=1).pow(-0.25), 0.0)
        largest = rarity.max() if rarity.numel() else 1.0
        weights = [effective_number_weights(states) for states in count.T]
        device = self.margin.device
        self.margin = (self.max_margin * rarity / largest).to(device)
        self.state_weight = torch.stack(weights, dim=1).to(device)

    def forward(
        self,
        logits: Float[Tensor, "n t 1"],
        label: Float[Tensor, "n t"],
        weight: Float[Tensor, " n"] | None = None,
        progress: Float[Tensor, ""] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch; without ``progress`` states are not re-weighted."""
        entries = FindingEntries.of(logits, label, weight)
        if self.margin.shape[1] != label.shape[1]:
            known = self.margin.shape[1]
            raise ValueError(
                f"training labels must be told first (fit_labels), with as many findings as label, got {known} for {label.shape[1]}"
            )
        with torch.autocast(logits.device.type, enabled=False):
            present, kind = entries.label, entries.logit.dtype
            margin, states = self.margin.to(kind), self.state_weight.to(kind)
            moved = self.scale * (entries.logit - present * margin[0] + (1 - present) * margin[1])
            surprise = nn.functional.binary_cross_entropy_with_logits(moved, present, reduction="none")
            if progress is None:
                return entries.mean(surprise)
            begun = (progress >= self.deferred).to(kind)
            share = 1 + begun * (present * states[0] + (1 - present) * states[1] - 1)
            return share_mean(surprise, entries.share * share)
