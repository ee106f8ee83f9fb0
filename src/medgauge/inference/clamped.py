"""Chances of findings by predictors of numbers: values kept between 0 and 1."""

from typing import Self

from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.core.task import Error, Predictor
from medgauge.inference.predictor import values_of


class ClampedPredictor:
    """Another predictor's values, clamped to [0, 1]: a weighted sum of 0 and 1 with weights below 0 may lie beyond.

    - Shape: as ``core.task.Predictor``; the evidence is that of the value before it is clamped.

    Args:
        inner: reads labels that are 0 or 1.
    """

    def __init__(self, inner: Predictor) -> None:
        self.inner = inner

    @property
    def validation(self) -> Float[Tensor, " t"]:
        """Mean validation error of each finding."""
        return self.inner.validation

    @property
    def tuned(self) -> dict[str, float]:
        """What was tuned of the other predictor."""
        return self.inner.tuned

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Fit the other predictor."""
        self.inner.fit(gallery, validation, error)
        return self

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """Restore the other predictor."""
        self.inner.restore(gallery, tuned)
        return self

    def values(self, cases: Cases) -> Float[Tensor, "q t"]:
        """The chance of each finding, without evidence."""
        return values_of(self.inner, cases).clamp(0, 1)

    def read(self, cases: Cases) -> Reading:
        """The chance of each finding."""
        reading = self.inner.read(cases)
        return reading._replace(value=reading.value.clamp(0, 1))
