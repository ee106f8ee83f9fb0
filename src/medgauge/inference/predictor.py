"""The one interface of whatever reads a value: the head, the neighbours."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Gallery, LabelCoding
from medgauge.inference.evidence import Reading


class Predictor(Protocol):
    """Fitted on the gallery, tuned on the validation cases if it has something to tune, then asked for values.

    ``validation_mae`` is the MAE on the validation cases in original units, mean over the targets; ``validation_score``
    the same with each target's MAE divided by the standard deviation of its gallery labels, so that targets of
    different units count alike: the predictor with the smallest is the best on validation. Both NaN without validation.
    """

    validation_mae: float
    validation_score: float

    def fit(self, gallery: Gallery, validation: Gallery | None = None) -> Self:
        """Keep what is needed of the gallery (training cases); tune and score on ``validation``."""

    def predict(
        self,
        embedding: Float[Tensor, "q d"],
        prediction: Float[Tensor, "q t"] | None = None,
        *,
        times: Float[Tensor, " q"] | None = None,
        group: Sequence[str] | None = None,
    ) -> Reading:
        """Values in original units; ``prediction`` is the head's output in normalised label units.

        ``times`` as in ``Gallery``; ``group`` names the groups that may not be their own evidence (None: none is known
        to the gallery, as for cases from elsewhere).
        """

    def to_dict(self) -> dict[str, object]:
        """What was tuned and scored, as plain JSON values (NaN is None)."""


class Identity:
    """The label coding that leaves labels as they are, but for the factor ``times``."""

    def encode(self, label: Tensor, times: Tensor | None = None) -> Tensor:
        """Label over ``times``."""
        return label if times is None else label / times[:, None]

    def decode(self, value: Tensor, times: Tensor | None = None) -> Tensor:
        """Value times ``times``."""
        return value if times is None else value * times[:, None]


class Errors(NamedTuple):
    """Mean absolute errors over the targets: plain, and in standard deviations of the gallery's labels."""

    mae: Float[Tensor, "..."]
    score: Float[Tensor, "..."]


def mean_errors(total: Float[Tensor, "... t"], count: Float[Tensor, " t"], spread: Float[Tensor, " t"]) -> Errors:
    """From sums of absolute errors, their counts and the spread of each target; targets without any are left out."""
    mae = total / count
    return Errors(mae.nanmean(-1), (mae / spread).nanmean(-1))


def label_spread(label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Standard deviation of each target's observed labels; 1 where they are all equal."""
    spread = (label - label.nanmean(0)).square().nanmean(0).sqrt()
    return torch.where(spread > 0, spread, torch.ones_like(spread))


def coding_or_identity(coding: LabelCoding | None) -> LabelCoding:
    """The coding given, or the one that changes nothing."""
    return Identity() if coding is None else coding


def plain(number: float) -> float | None:
    """A number for JSON: None for NaN."""
    return None if number != number else number
