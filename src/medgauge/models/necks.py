"""Features and covariates to the embedding."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.errors import InputError
from medgauge.models.heads import widened


class CovariateNeck(nn.Module):
    """Features beside embedded covariates, two linear layers, times the learned scale.

    Covariates are standardised with what ``fit`` saw (a covariate constant in training is only centred), and one linear
    layer takes them to ``covariate_width`` numbers: for a 0/1 covariate that is a table with two learned rows.
    The scale is a free number: nothing keeps it positive, and distances do not see its sign.

    - Shape: features (n, f), covariates (n, q) or None if q = 0 -> embedding (n, d), never narrower than float32.
    - Raises: InputError if covariates are missing or their number differs; ValueError for wrong settings.
    - Source: Chao et al., MICCAI 2022, Eq. 1 (the learned scale s) and the published bone-age code's layers
      (2,048 + 32 -> 1,000, ReLU, -> 1,000, times s).
    - Departs: any number of continuous covariates, not sex alone.

    Args:
        features: number f of features.
        covariates: number q of covariates; may be 0.
        embedding: dimension d of the embedding.
        covariate_width: numbers that the covariates become.
        hidden: width of the hidden layer; 0: as wide as the embedding.
        scale: where the learned scale starts; not 0.
        learn_scale: whether it is learned.
        dropout: share of the hidden layer dropped in training.
    """

    mean: Tensor
    spread: Tensor
    scale: Tensor

    def __init__(
        self,
        features: int,
        covariates: int,
        embedding: int,
        *,
        covariate_width: int = 32,
        hidden: int = 0,
        scale: float = 1.0,
        learn_scale: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(features, embedding, covariate_width) < 1 or min(covariates, hidden) < 0:
            sizes = f"{features}, {embedding}, {covariate_width}, {covariates}, {hidden}"
            raise ValueError(
                f"features, embedding, covariate_width >= 1 and covariates, hidden >= 0 needed, got {sizes}"
            )
        if scale == 0:
            raise ValueError("scale must not be 0")
        self.covariates, self.embedding = covariates, embedding
        self.settings = {
            "embedding": embedding,
            "covariate_width": covariate_width,
            "hidden": hidden,
            "scale": scale,
            "learn_scale": learn_scale,
            "dropout": dropout,
        }
        self.embed = nn.Linear(covariates, covariate_width) if covariates else None
        self.first = nn.Linear(features + (covariate_width if covariates else 0), hidden or embedding)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(hidden or embedding, embedding)
        self.scale = nn.Parameter(torch.tensor(float(scale)), requires_grad=learn_scale)
        self.register_buffer("mean", torch.zeros(covariates))
        self.register_buffer("spread", torch.ones(covariates))

    def fit(self, covariates: Float[Tensor, "n q"]) -> "CovariateNeck":
        """Take mean and standard deviation from the covariates of the training cases."""
        values = covariates.double()
        if values.ndim != 2 or values.shape[1] != self.covariates or not bool(torch.isfinite(values).all()):
            raise ValueError(f"covariates must be finite, of shape (n, {self.covariates}), got {tuple(values.shape)}")
        constant = values.amax(dim=0) == values.amin(dim=0)
        spread = values.std(dim=0, correction=0)
        self.mean.copy_(values.mean(dim=0))
        self.spread.copy_(torch.where(constant | (spread == 0), torch.ones_like(spread), spread))
        return self

    def forward(
        self, features: Float[Tensor, "n f"], covariates: Float[Tensor, "n q"] | None = None
    ) -> Float[Tensor, "n d"]:
        """Return the embedding."""
        check_covariates(self.covariates, features, covariates)
        with torch.autocast(features.device.type, enabled=False):
            joined = features.to(self.first.weight.dtype)
            if self.embed is not None and covariates is not None:
                numbers = (covariates - self.mean) / self.spread
                joined = torch.cat([joined, self.embed(numbers.to(joined.dtype))], dim=1)
            hidden = self.dropout(torch.relu(self.first(joined)))
            return widened(self.second(hidden) * self.scale)

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build this neck again."""
        return {"name": "covariate", **self.settings}


def check_covariates(wanted: int, features: Tensor, covariates: Tensor | None) -> None:
    """Raise InputError for another number of covariates than are wanted, ValueError for another shape than (n, wanted)."""
    given = 0 if covariates is None else covariates.shape[-1]
    if given != wanted:
        raise InputError(
            f"the model reads {_counted(wanted, 'covariate')}, and {given or 'none'} came with the image; "
            "give the covariate columns that the model was trained with."
        )
    if covariates is not None and covariates.shape != (features.shape[0], wanted):
        raise ValueError(f"covariates must have shape ({features.shape[0]}, {wanted}), got {tuple(covariates.shape)}")


def _counted(count: int, noun: str) -> str:
    """``1 covariate``, ``2 covariates``, ``no covariates``."""
    return f"{count or 'no'} {noun}" + ("" if count == 1 else "s")
