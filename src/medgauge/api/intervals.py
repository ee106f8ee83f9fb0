"""What the calibration cases serve: intervals, the correction, the age gap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from medgauge.inference import (
    AgeGapLine,
    Hull,
    LabelConditionalConformal,
    PredictionCorrection,
    SplitConformal,
)
from medgauge.metrics import LabelRegions
from medgauge.recipes.schema import PredictionSettings

Conformal = LabelConditionalConformal | SplitConformal
BESIDE = {"label_conditional": "plain", "split": "label_conditional"}
"""What the interval beside the one of record is called in files, by the kind of the one of record."""


@dataclass(frozen=True)
class Calibrated:
    """What was fitted on calibration cases: the interval of record, the one beside it, correction and age-gap line.

    The correction is fitted on all calibration cases, and the intervals on values that a correction without each case's
    tenth of the groups gives (``PredictionCorrection.cross_fit``): two halves would leave too few groups in region few.
    """

    record: Conformal
    beside: Conformal
    correction: PredictionCorrection | None = None
    age_gap: AgeGapLine | None = None

    @classmethod
    def fit(
        cls,
        value: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        group: Sequence[str],
        regions: Sequence[LabelRegions],
        settings: PredictionSettings,
        *,
        seed: int,
        cross: bool = False,
    ) -> "Calibrated":
        """Fit on values of the predictor of record; ``cross`` says that they are out-of-fold values of several fits."""
        correction = None
        if settings.correction != "none":
            correction, value = PredictionCorrection.cross_fit(value, label, group, kind=settings.correction, seed=seed)
            cross = cross or not all(correction.identity(target) for target in range(label.shape[1]))
        split = SplitConformal.fit(value, label, group, level=settings.level, seed=seed, cross=cross)
        conditional = LabelConditionalConformal.fit(
            value, label, group, regions, level=settings.level, seed=seed, cross=cross
        )
        age_gap = AgeGapLine.fit(value, label, group) if settings.age_gap else None
        record, beside = (split, conditional) if settings.interval == "split" else (conditional, split)
        return cls(record, beside, correction, age_gap)

    @property
    def beside_name(self) -> str:
        """What the interval beside the one of record is called in files."""
        return BESIDE[self.record.kind]

    def corrected(self, value: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
        """Values of the predictor of record after the correction, if there is one."""
        return value if self.correction is None else self.correction.apply(value)

    def pieces(self, record: Hull, beside: Hull) -> Int[Tensor, "n t"]:
        """Of how many pieces the label-conditional sets are, whichever interval is of record."""
        return (record if isinstance(self.record, LabelConditionalConformal) else beside).pieces

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "interval": self.record.to_dict(),
            "beside": self.beside.to_dict(),
            "correction": None if self.correction is None else self.correction.to_dict(),
            "age_gap": None if self.age_gap is None else self.age_gap.to_dict(),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Calibrated":
        """The inverse of ``to_dict``; further keys are left alone."""
        correction, age_gap = saved["correction"], saved["age_gap"]
        return cls(
            _conformal(saved["interval"]),
            _conformal(saved["beside"]),
            None if correction is None else PredictionCorrection.from_dict(correction),
            None if age_gap is None else AgeGapLine.from_dict(age_gap),
        )


def _conformal(saved: Mapping[str, Any]) -> Conformal:
    kinds: dict[str, type[Conformal]] = {one.kind: one for one in (LabelConditionalConformal, SplitConformal)}
    return kinds[saved["kind"]].from_dict(saved)
