"""Ordinal regression: is the label above each threshold?"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_rows
from medgauge.functional.constants import on_device
from medgauge.functional.ordinal import Kind, check_kind, check_thresholds, rank_thresholds


class OrdinalRegressionLoss(nn.Module):
    """Mean binary cross-entropy of [label > threshold] over the tasks, one a threshold.

    ``binary``: every label takes part in every task. ``corn``: a task is asked only where the label is above the
    threshold before, so that its logit is a conditional one; the sum over all tasks is divided by the number of
    answers, so that a task with many cases counts more.

    - Shape: logits (n, t, k), label (n, t) -> (), in nats. Missing labels take no part. None there: 0, with a gradient.
    - Raises: ValueError for an unknown kind, thresholds that do not rise, and for any difference of shape.
    - Source: ``binary``: the ordinal regression baseline of Chao et al., MICCAI 2022; ``corn``: Shi, Cao, Raschka 2023
      (arXiv 2111.08851). Both from a short form.
    - Departs: the mean over cases and thresholds of ``binary`` (the text does not say mean or sum). A label on a
      threshold is not above it.

    Args:
        thresholds: k rising numbers, in normalised label units (``label_scaling: none``: in label units); ``ranks``: labels
            are ranks 0, 1, 2 … (those of grades are), with a threshold between each two.
        kind: ``binary`` or ``corn``; the same as the head's.
    """

    def __init__(self, thresholds: Sequence[float] | Literal["ranks"] = "ranks", kind: Kind = "binary") -> None:
        super().__init__()
        if isinstance(thresholds, str) and thresholds != "ranks":
            raise ValueError(f"thresholds must be rising numbers or ranks, got {thresholds}")
        self.thresholds = "ranks" if isinstance(thresholds, str) else check_thresholds(thresholds)
        self.kind = check_kind(kind)

    def forward(self, logits: Float[Tensor, "n t k"], label: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_rows(label=label)
        count = logits.shape[-1] if isinstance(self.thresholds, str) else len(self.thresholds)
        expected = (*label.shape, count)
        if logits.shape != expected or not logits.is_floating_point():
            raise ValueError(f"logits must be float of shape {expected}, got {logits.dtype} of {tuple(logits.shape)}")
        wide = logits.float() if logits.dtype.itemsize < 4 else logits
        thresholds = rank_thresholds(count) if isinstance(self.thresholds, str) else self.thresholds
        above = label[:, :, None] > on_device(thresholds, label)
        asked = (~label.isnan())[:, :, None].expand_as(above)
        if self.kind == "corn":
            asked = asked & torch.cat([torch.ones_like(above[:, :, :1]), above[:, :, :-1]], dim=2)
        with torch.autocast(wide.device.type, enabled=False):
            given, answer = torch.where(asked, wide, 0.0), above.to(wide.dtype)
            surprise = nn.functional.binary_cross_entropy_with_logits(given, answer, reduction="none")
            return (asked * surprise).sum() / asked.sum().clamp(min=1)
