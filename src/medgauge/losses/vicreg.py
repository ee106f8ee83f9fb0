"""VICReg: two views of a case agree, every output varies over the batch, and no two outputs vary together."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_number, check_rows, check_same_shape, check_weight

TINY = 1e-4
"""Added to variances under the root, as the paper does."""


class VICRegLoss(nn.Module):
    """invariance * s(Z, Z') + variance * (v(Z) + v(Z')) / 2 + covariance * (c(Z) + c(Z')).

    s: weighted mean over rows and outputs of the squared difference; v: mean over outputs of max(0, 1 - standard deviation
    over the batch); c: sum of the squared covariances of different outputs, divided by their number p. It needs no large
    batch and no predictor.

    - Shape: projection and twin (n, p), weight (n,) >= 0 -> (). Weights count in s alone. One row: it varies over nothing,
      and v is 1 - 0.01.
    - Raises: ValueError for a negative factor, shapes that differ, negative weights or none above 0.
    - Source: Bardes, Ponce and LeCun, ICLR 2022 (arXiv 2105.04906), Eq. 1 to 6.
    - Departs: s is divided by p too, and v is the mean of both views, so that the paper's factors do not depend on p.
      Weights are ours.

    Args:
        invariance: factor of s.
        variance: factor of v.
        covariance: factor of c.
    """

    def __init__(self, invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0) -> None:
        super().__init__()
        given = {"invariance": invariance, "variance": variance, "covariance": covariance}
        for name, factor in given.items():
            check_number(name, factor, least=0)
        self.invariance, self.variance, self.covariance = given.values()

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
            first, second = (rows.float() if rows.dtype.itemsize < 4 else rows for rows in (projection, twin))
            apart = (first - second).square().mean(dim=1)
            share = torch.ones_like(apart) if weight is None else weight.to(apart.dtype)
            total = share.sum()
            agree = (share * apart).sum() / torch.where(total > 0, total, 1.0)
            (wide, mixed), (other_wide, other_mixed) = _spread(first), _spread(second)
            return (
                self.invariance * agree
                + self.variance * (wide + other_wide) / 2
                + self.covariance * (mixed + other_mixed)
            )


def _spread(rows: Tensor) -> tuple[Tensor, Tensor]:
    """What a batch (n, p) lacks of a standard deviation of 1, and its squared covariances over p."""
    count, outputs = max(len(rows) - 1, 1), max(rows.shape[1], 1)
    centred = rows - rows.sum(dim=0) / max(len(rows), 1)
    variance = centred.square().sum(dim=0) / count
    covariance = centred.T @ centred / count
    aside = covariance.square().sum() - covariance.diagonal().square().sum()
    return (1 - (variance + TINY).sqrt()).clamp(min=0).sum() / outputs, aside / outputs
