"""The usual losses of one case at a time."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_choice, check_rows, check_same_shape, check_weight

Kind = Literal["l1", "mse", "huber"]


class PointwiseLoss(nn.Module):
    """Weighted mean of |e|, e^2 or Huber's penalty, e = prediction - label, over the labels that are there.

    - Shape: prediction and label (n, t), weight (n,) >= 0 -> (), in normalised label units (squared for ``mse``).
      The mean is sum(w l) / sum(w) over the labels that are there (not NaN). None there: 0, with a gradient.
    - Raises: ValueError for an unknown kind, negative weights or none above 0, and any difference of shape: (n, 1) and
      (n,) are never broadcast.
    - Source: least absolute, least squares and Huber (1964) regression.
    - Departs: nothing.

    Args:
        kind: ``l1``, ``mse`` or ``huber`` (squared up to 1 normalised label unit, e^2 / 2; then linear, |e| - 1/2).
    """

    def __init__(self, kind: Kind = "l1") -> None:
        super().__init__()
        check_choice("kind", kind, get_args(Kind))
        self.kind = kind

    def forward(
        self,
        prediction: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_same_shape(prediction=prediction, label=label)
        check_rows(prediction=prediction, weight=weight)
        check_weight(weight)
        seen = ~torch.isnan(label)
        wide = prediction.float() if prediction.dtype.itemsize < 4 else prediction
        penalty = self._penalty(torch.where(seen, wide - label, 0.0).to(wide.dtype))
        share = seen.to(wide.dtype) if weight is None else seen * weight.to(wide.dtype)[:, None]
        total = share.sum()
        return (share * penalty).sum() / torch.where(total > 0, total, 1.0)

    def _penalty(self, error: Tensor) -> Tensor:
        if self.kind == "l1":
            return error.abs()
        if self.kind == "mse":
            return error.square()
        return torch.where(error.abs() < 1, error.square() / 2, error.abs() - 0.5)
