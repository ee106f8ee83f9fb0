"""Features as the embedding: standardised, nothing is learned by gradients."""

from collections.abc import Sequence
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.functional.kernel_ridge import FARTHEST, Columns
from medgauge.models.heads import widened
from medgauge.models.necks import check_covariates


def block_weights(blocks: Sequence[int]) -> Float[Tensor, " f"]:
    """What standardised columns of each block are multiplied by, so that the squares of every block have the same sum.

    1 / sqrt(columns of the block), times one factor for all that leaves the mean square 1: of a single block all are 1.

    >>> block_weights([1, 4])
    tensor([1.5811, 0.7906, 0.7906, 0.7906, 0.7906])
    """
    width = sum(blocks)
    parts = [torch.full((size,), (width / (len(blocks) * size)) ** 0.5) for size in blocks]
    return torch.cat(parts) if parts else torch.ones(0)


class StandardisedNeck(nn.Module):
    """Features and covariates, standardised by the training cases and clipped at 8 standard deviations.

    A column that is constant in training becomes 0. Features of several blocks are then weighted by :func:`block_weights`, so
    that many columns do not drown few.

    - Shape: features (n, f), covariates (n, q) or None if q = 0 -> embedding (n, f + q), never narrower than float32.
    - Raises: InputError if covariates are missing or their number differs.

    Args:
        features: number f of features.
        covariates: number q of covariates; may be 0.
        blocks: columns of each block, f in all; empty: one block.
    """

    mean: Tensor
    factor: Tensor
    weight: Tensor

    def __init__(self, features: int, covariates: int, *, blocks: Sequence[int] = ()) -> None:
        super().__init__()
        if blocks and sum(blocks) != features:
            raise ValueError(f"blocks must have {features} columns in all, got {list(blocks)}")
        self.blocks = list(blocks)
        own = block_weights(blocks or [features])
        self.register_buffer("weight", torch.cat([own, torch.ones(covariates)]), persistent=False)
        self.covariates, self.embedding = covariates, features + covariates
        self.register_buffer("mean", torch.zeros(self.embedding))
        self.register_buffer("factor", torch.ones(self.embedding))

    def fit_features(self, features: Float[Tensor, "n f"], covariates: Float[Tensor, "n q"] | None = None) -> Self:
        """Take mean and standard deviation of each column from the training cases."""
        columns = Columns.fit(self._joined(features, covariates))
        self.mean.copy_(columns.mean)
        self.factor.copy_(1 / columns.deviation)
        return self

    def forward(
        self, features: Float[Tensor, "n f"], covariates: Float[Tensor, "n q"] | None = None
    ) -> Float[Tensor, "n d"]:
        """Return the embedding."""
        with torch.autocast(features.device.type, enabled=False):
            found = ((self._joined(features, covariates) - self.mean) * self.factor).clamp(-FARTHEST, FARTHEST)
            return found * self.weight if self.blocks else found

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build this neck again."""
        return {"name": "standardised", **({"blocks": self.blocks} if self.blocks else {})}

    def _joined(self, features: Tensor, covariates: Tensor | None) -> Tensor:
        check_covariates(self.covariates, features, covariates)
        wide = widened(features)
        return wide if covariates is None else torch.cat([wide, covariates.to(wide.dtype)], 1)
