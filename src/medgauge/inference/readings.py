"""What was read off cases of one task: values, what is said with certainty, evidence."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medgauge.core.evidence import Evidence
from medgauge.core.figure import Figure
from medgauge.core.task import Observed, Stated
from medgauge.functional.classes import likeliest
from medgauge.inference.similarity import PrototypeSimilarity


def asked_by(
    figure: Figure, value: Float[Tensor, "n t *k"], target: int
) -> Float[Tensor, "n 1"] | Float[Tensor, "n 1 k"]:
    """What a figure of one target is computed from: numbers, or of chances the likeliest class or these themselves.

    A figure of chances of what are no chances has NaN.
    """
    own = value[:, target : target + 1].double()
    if figure.chances:
        return own if own.ndim == 3 else torch.full((len(own), 1, 1), torch.nan, dtype=torch.float64)
    return likeliest(own) if own.ndim == 3 else own


@dataclass(frozen=True)
class Readings:
    """What was read off n cases, all in original label units.

    - Shape: observed: value (n, t) of the predictor of record as it is, label (NaN = missing), group, probability;
      stated: what a certainty says of them, ``value`` (n, t) corrected where the recipe asks; by_predictor: (n, t) each,
      never corrected; nearest (n,): distance to the nearest training case; far (n,): ``FAR_WORDS`` of ``inference.far``;
      evidence: rows and weights of training cases; supported (n, t): the value that these make, that of record where it
      rests on them, else the neighbours'; fits (k, n, t): the uncorrected values of each of several fits, None of one; similarity: to the
      prototypes of findings, None without.
    """

    observed: Observed
    stated: Stated
    by_predictor: dict[str, Float[Tensor, "n t"]]
    nearest: Float[Tensor, " n"]
    far: Bool[Tensor, " n"]
    evidence: Evidence
    supported: Float[Tensor, "n t"]
    fits: Float[Tensor, "k n t"] | None = None
    similarity: PrototypeSimilarity | None = None

    def __len__(self) -> int:
        return len(self.nearest)

    @property
    def value(self) -> Float[Tensor, "n t"]:
        """The value of record, corrected where the recipe asks."""
        return self.stated["value"]

    def of_figure(self, figure: Figure, target: int) -> Float[Tensor, "n 1"] | Float[Tensor, "n 1 k"]:
        """What a figure of one target is computed from: values of record, these before a calibration, or chances.

        NaN where chances are missing.
        """
        return asked_by(figure, self.observed.value if figure.ranks else self.value, target)

    @property
    def spread(self) -> Float[Tensor, "n t"] | None:
        """Standard deviation (k - 1) of the values of several fits, NaN of fewer than two; None of one fit."""
        if self.fits is None:
            return None
        count = (~self.fits.isnan()).sum(0)
        square = (self.fits - self.fits.nanmean(0)).square().nansum(0) / (count - 1)
        return square.masked_fill(count < 2, torch.nan).sqrt()
