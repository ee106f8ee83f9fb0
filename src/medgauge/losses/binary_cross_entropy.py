"""Binary cross-entropy of findings."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_choice, check_number
from medgauge.functional.class_counts import label_counts
from medgauge.functional.finding_entries import FindingEntries


class BinaryCrossEntropyLoss(nn.Module):
    """Weighted mean of the binary cross-entropy of the logit of each finding, over the labels that are there.

    - Shape: logits (n, t, 1), label (n, t) of 0 and 1 (or between, of mixed labels), weight (n,) >= 0 -> (), in nats.
      Missing labels (NaN) take no part. None there: 0, with a gradient.
    - Raises: ValueError for weights of findings that are not > 0 or not one a finding, ``auto`` before :meth:`fit_labels`,
      negative case weights or none above 0, and for any difference of shape.
    - Source: logistic regression; with several findings one problem each. Weights of present findings: as widely used for
      chest X-rays (CheXNet, arXiv 1711.05225, Eq. 1 up to a factor a finding).
    - Departs: nothing.

    Args:
        positive_weight: how much a present finding weighs beside an absent one: ``none``: the same; ``auto``: absent over
            present training cases of that finding, so that both weigh the same in sum; or a number a finding, > 0.
    """

    reads: ClassVar[str] = "finding"
    present_weight: Tensor

    def __init__(self, positive_weight: Sequence[float] | Literal["none", "auto"] = "none") -> None:
        super().__init__()
        self.positive_weight = positive_weight
        given: Sequence[float] = []
        if isinstance(positive_weight, str):
            check_choice("positive_weight", positive_weight, ("none", "auto"))
        else:
            given = list(positive_weight)
            for one in given:
                check_number("positive_weight", one, above=0)
        self.register_buffer("present_weight", torch.tensor(given, dtype=torch.float64), persistent=False)

    def fit_labels(self, label: Float[Tensor, "n t"]) -> None:
        """Take the weights from the training labels, where they are ``auto``; 1 for a finding that is never or always there."""
        if self.positive_weight == "auto":
            present, absent = label_counts(label)
            there = (present > 0) & (absent > 0)
            self.present_weight = torch.where(there, absent / present, 1.0).to(self.present_weight.device)

    def forward(
        self,
        logits: Float[Tensor, "n t 1"],
        label: Float[Tensor, "n t"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        entries = FindingEntries.of(logits, label, weight)
        with torch.autocast(logits.device.type, enabled=False):
            surprise = nn.functional.binary_cross_entropy_with_logits(
                entries.logit,
                entries.label,
                pos_weight=self._weights(label.shape[1], entries.logit.dtype),
                reduction="none",
            )
            return entries.mean(surprise)

    def _weights(self, findings: int, kind: torch.dtype) -> Float[Tensor, " t"] | None:
        if self.positive_weight == "none":
            return None
        if self.positive_weight == "auto" and not len(self.present_weight):
            raise ValueError("positive_weight auto needs the training labels first (fit_labels)")
        if len(self.present_weight) != findings:
            raise ValueError(
                f"positive_weight must be one a finding, got {len(self.present_weight)} for {findings} findings"
            )
        return self.present_weight.to(kind)
