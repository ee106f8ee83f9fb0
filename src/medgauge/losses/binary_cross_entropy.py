"""Binary cross-entropy of findings."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_rows


class BinaryCrossEntropyLoss(nn.Module):
    """Mean binary cross-entropy of the logit of each finding, over the labels that are there.

    - Shape: logits (n, t, 1), label (n, t), 0 or 1 -> (), in nats. Missing labels (NaN) take no part. None there: 0, with a
      gradient.
    - Raises: ValueError for any difference of shape.
    - Source: logistic regression; with several findings one problem each.
    - Departs: nothing.
    """

    def forward(self, logits: Float[Tensor, "n t 1"], label: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_rows(label=label)
        expected = (*label.shape, 1)
        if logits.shape != expected or not logits.is_floating_point():
            raise ValueError(f"logits must be float of shape {expected}, got {logits.dtype} of {tuple(logits.shape)}")
        seen = ~label.isnan()
        wide = (logits.float() if logits.dtype.itemsize < 4 else logits)[:, :, 0]
        with torch.autocast(wide.device.type, enabled=False):
            given, answer = torch.where(seen, wide, 0.0), torch.where(seen, label, 0.0).to(wide.dtype)
            surprise = nn.functional.binary_cross_entropy_with_logits(given, answer, reduction="none")
            return (seen * surprise).sum() / seen.sum().clamp(min=1)
