"""The encoder of cases whose features are columns of a table: nothing is learned in it by gradients."""

from collections.abc import Sequence
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.functional.kernel_ridge import FARTHEST, Columns
from medgauge.models.standardised import block_weights

TABLE = "table"


class TableColumns(nn.Module):
    """Features as they are, or standardised by the training cases, clipped at 8 standard deviations and weighted by block.

    Layers that are trained on columns of different units need them scaled; a neck that standardises does not.

    - Shape: features (n, f) -> the same.

    Args:
        blocks: columns of each block, f in all (:func:`medgauge.models.standardised.block_weights`).
        scaled: whether they are standardised.
    """

    mean: Tensor
    factor: Tensor
    weight: Tensor

    def __init__(self, blocks: Sequence[int], *, scaled: bool) -> None:
        super().__init__()
        self.scaled = scaled
        if scaled:
            self.register_buffer("mean", torch.zeros(sum(blocks)))
            self.register_buffer("factor", torch.ones(sum(blocks)))
            self.register_buffer("weight", block_weights(blocks), persistent=False)

    def fit_features(self, features: Float[Tensor, "n f"]) -> Self:
        """Take mean and standard deviation of each column from the training cases; a constant one becomes 0."""
        if self.scaled:
            columns = Columns.fit(features)
            self.mean.copy_(columns.mean)
            self.factor.copy_(1 / columns.deviation)
        return self

    def forward(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n f"]:
        """Return the columns."""
        if not self.scaled:
            return features
        return ((features - self.mean) * self.factor).clamp(-FARTHEST, FARTHEST) * self.weight
