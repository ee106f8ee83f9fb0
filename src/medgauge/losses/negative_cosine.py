"""Negative cosine between what is predicted for one view of a case and the representation of its other view."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_choice, check_rows, check_same_shape, check_weight
from medgauge.functional.directions import unit_rows

Reduction = Literal["weights", "mean"]


class NegativeCosineLoss(nn.Module):
    """Weighted mean of -cos(projection, twin) over the rows of a batch.

    Equation 2, both directions of a case, is this loss on stacked rows: projections of views 1 and 2 beside twins of views
    2 and 1, 2n rows, with the weights repeated.

    - Shape: projection and twin (n, p), weight (n,) >= 0 -> (), from -1 (equal directions) to 1. A row of zeros has no
      direction: cosine 0, gradient 0.
    - Raises: ValueError for an unknown reduction, shapes that differ, negative weights or none above 0.
    - Source: Li et al., MICCAI 2021 (arXiv 2103.04167), Eq. 1 and 2; SimSiam (Chen and He, CVPR 2021).
    - Departs: nothing in the equation. The paper does not say how weighted rows are reduced. The stop-gradient is the
      model's: the gradient flows into both inputs, so hand over ``twin.detach()``, as ``models.siamese`` does.

    Args:
        reduction: ``weights`` divides by the sum of weights, ``mean`` by the number of rows.
    """

    def __init__(self, reduction: Reduction = "weights") -> None:
        super().__init__()
        check_choice("reduction", reduction, get_args(Reduction))
        self.reduction = reduction

    def forward(
        self,
        projection: Float[Tensor, "n p"],
        twin: Float[Tensor, "n p"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_same_shape(projection=projection, twin=twin)
        check_rows(projection=projection, weight=weight)
        check_weight(weight)
        with torch.autocast(projection.device.type, enabled=False):
            cosine = (unit_rows(projection) * unit_rows(twin)).sum(dim=1)
            share = torch.ones_like(cosine) if weight is None else weight.to(cosine.dtype)
            whole = share.sum() if self.reduction == "weights" else share.new_full((), max(len(share), 1))
            return -(share * cosine).sum() / torch.where(whole > 0, whole, 1.0)
