"""Features as the embedding: standardised, nothing is learned by gradients."""

from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.functional.kernel_ridge import FARTHEST, Columns
from medgauge.models.heads import widened
from medgauge.models.necks import check_covariates


class StandardisedNeck(nn.Module):
    """Features and covariates, standardised by the training cases and clipped at 8 standard deviations.

    A column that is constant in training becomes 0.

    - Shape: features (n, f), covariates (n, q) or None if q = 0 -> embedding (n, f + q), never narrower than float32.
    - Raises: InputError if covariates are missing or their number differs.

    Args:
        features: number f of features.
        covariates: number q of covariates; may be 0.
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, features: int, covariates: int) -> None:
        super().__init__()
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
            return ((self._joined(features, covariates) - self.mean) * self.factor).clamp(-FARTHEST, FARTHEST)

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build this neck again."""
        return {"name": "standardised"}

    def _joined(self, features: Tensor, covariates: Tensor | None) -> Tensor:
        check_covariates(self.covariates, features, covariates)
        wide = widened(features)
        return wide if covariates is None else torch.cat([wide, covariates.to(wide.dtype)], 1)
