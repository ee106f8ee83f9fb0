"""Regression metric loss: distances in the embedding become differences of labels."""

from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from medgauge.core.checks import check_number, check_rows, observed_rows
from medgauge.functional.distances import pair_distances


class RMLoss(nn.Module):
    """Weighted mean of | |f_i - f_j| - |y_i - y_j| | over the hard pairs of a batch.

    A pair weighs exp(-|y_i - y_j|^2 / (2 sigma^2)) + alpha, and is hard when its weighted gap exceeds a moving mean of
    the weighted gaps, the buffer ``threshold``. Batches in training mode move it, before they are masked; in
    evaluation it stays (before any training batch, the batch's own mean serves).

    - Shape: embedding (n, d), already multiplied by the learned scale, label (n, t) -> (), in normalised label units.
      Rows with a missing label are left out. No hard pair, one row or none: 0, with a gradient.
    - Raises: ValueError for settings out of range, if rows differ or an input is not a 2-D float tensor.
    - Source: Chao et al., MICCAI 2022 (arXiv 2207.05231), Eq. 2 to 4; as in their code, means and sums run over all
      n^2 ordered pairs, with the zero gap of a row to itself.
    - Departs: labels may be vectors; nothing is added to the sum of weights; the threshold is saved with the model;
      a batch without pairs or with a gap that is not finite leaves the threshold alone. The gap's slope where both
      distances agree or the rows coincide is 0.

    Args:
        sigma: size of the neighbourhood, > 0, in normalised label units; infinity weighs all pairs alike. 0.5 is the
            paper's; recipes name their own.
        alpha: least weight of a pair, >= 0.
        momentum: share of the old threshold in the new one, in [0, 1].
        mining: whether easy pairs are left out (Eq. 3); without, the loss is that of Eq. 2.
    """

    threshold: Tensor
    initialised: Tensor

    ACTS_BESIDE: ClassVar = {"momentum": ({"mining": (True,)},)}

    def __init__(self, sigma: float = 0.5, alpha: float = 0.1, momentum: float = 0.9, mining: bool = True) -> None:
        super().__init__()
        check_number("sigma", sigma, above=0, infinite=True)
        check_number("alpha", alpha, least=0)
        check_number("momentum", momentum, least=0, most=1)
        self.sigma = sigma
        self.alpha = alpha
        self.momentum = momentum
        self.mining = mining
        self.register_buffer("threshold", torch.zeros(()))
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool))

    def forward(self, embedding: Float[Tensor, "n d"], label: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
        """Return the loss of one batch, and move the threshold when training."""
        check_rows(embedding=embedding, label=label)
        kept = observed_rows(label)
        distance = pair_distances(torch.where(kept[:, None], embedding, 0.0))
        difference = pair_distances(label.detach()).to(distance.dtype)
        missing = difference.isnan()  # pairs of which a label is missing
        difference.masked_fill_(missing, 0.0)
        weight = torch.exp(-(difference / self.sigma).square() / 2) + self.alpha
        weight.masked_fill_(missing, 0.0)
        gap = (distance - difference).abs()
        rows = kept.sum(dtype=distance.dtype)
        if self.mining:
            weight = weight * self._hard(weight * gap.detach(), rows)
        itself = 0.0 if self.mining else rows * (1 + self.alpha)  # a row's pair with itself is never hard
        total = 2 * weight.sum() + itself
        return 2 * (weight * gap).sum() / torch.where(total > 0, total, 1.0)

    @torch.no_grad()
    def _hard(self, weighted: Float[Tensor, " p"], rows: Float[Tensor, ""]) -> Bool[Tensor, " p"]:
        """Which pairs exceed the threshold, after a training batch moved it."""
        mean = 2 * weighted.sum() / rows.clamp(min=1).square()
        if self.training:
            useful = (rows > 1) & mean.isfinite()
            moved = self.momentum * self.threshold + (1 - self.momentum) * mean
            moved = torch.where(self.initialised, moved, mean)
            self.threshold.copy_(torch.where(useful, moved, self.threshold))
            self.initialised.logical_or_(useful)
        return weighted > torch.where(self.initialised, self.threshold, mean)
