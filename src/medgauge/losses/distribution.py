"""Regression as a distribution over bins."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_number, check_rows, check_weight
from medgauge.functional.distribution import bin_masses, check_bins


class DistributionLoss(nn.Module):
    """Weighted mean of the cross-entropy between the label as a distribution over bins and the softmax of the logits.

    The label's distribution is the mass of a normal around it in each bin, renormalised over the bins. It goes with
    :class:`medgauge.models.heads.DistributionHead` of the same bins, whose value is the mean of the distribution.

    - Shape: logits (n, t, bins), label (n, t), weight (n,) >= 0 -> (), in nats; equal logits give ln(bins). Missing labels
      take no part. None there: 0, with a gradient.
    - Raises: ValueError for ends that do not rise, fewer than 2 or more than 1000 bins, a width outside 0.01 to 1000, negative
      weights, and any difference of shape.
    - Source: label distribution learning with a normal, as in DLDL (Gao et al., IEEE TIP 2017, arXiv 1611.01731, Eq. 1 to 4)
      and DLDL-v2 (IJCAI 2018), whose gain over a scalar head Paplham and Franc (CVPR 2024) confirm.
    - Departs: a bin has the mass of the normal inside it, not its density at the bin's centre; no second term on the mean
      (a recipe may add an L1 term). A label beyond the bins (four standard deviations off, by default) has its mass in the
      outermost one, so that the head learns the middle of that bin (3.9) and can say no more; fit notes how many labels
      that are.

    Args:
        low: lower end of the first bin, in normalised label units (standard deviations, under label_scaling zscore).
        high: upper end of the last bin.
        bins: number of bins of equal width.
        width: standard deviation of the normal, in bins.
    """

    def __init__(self, low: float = -4, high: float = 4, bins: int = 40, width: float = 0.75) -> None:
        super().__init__()
        check_bins(low, high, bins)
        check_number("width", width, least=0.01, most=1000)
        self.low, self.high, self.bins, self.width = float(low), float(high), int(bins), float(width)

    def forward(
        self,
        logits: Float[Tensor, "n t k"],
        label: Float[Tensor, "n t"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_rows(label=label, weight=weight)
        check_weight(weight)
        expected = (*label.shape, self.bins)
        if logits.shape != expected or not logits.is_floating_point():
            raise ValueError(f"logits must be float of shape {expected}, got {logits.dtype} of {tuple(logits.shape)}")
        with torch.autocast(logits.device.type, enabled=False):
            wide = logits.float() if logits.dtype.itemsize < 4 else logits
            seen = ~torch.isnan(label)
            known = torch.where(seen, label, 0.0).to(wide.dtype)
            target = bin_masses(known, self.low, self.high, self.bins, self.width * (self.high - self.low) / self.bins)
            surprise = -(target * torch.log_softmax(wide, dim=-1)).sum(-1)
            share = seen.to(wide.dtype) if weight is None else seen * weight.to(wide.dtype)[:, None]
            total = share.sum()
            return (share * surprise).sum() / torch.where(total > 0, total, 1.0)
