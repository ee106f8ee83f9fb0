"""What is said of findings: the probability as it was read, and whether it is above a half."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch

from medgauge.calibration.scores import check_level
from medgauge.core.checks import check_same_shape
from medgauge.core.forms import CHANCE, Group, check_form
from medgauge.core.task import Asked, Observed, Stated, Strata

THRESHOLD = 0.5


@dataclass(frozen=True)
class FindingProbabilities:
    """Probabilities as they were read; a finding is called present from one half on.

    Attributes:
        level: chance of the intervals of other kinds; nothing here rests on it.
    """

    key: ClassVar[str] = "calibration"
    extent: ClassVar[str] = "share_positive"
    level: float

    def __post_init__(self) -> None:
        check_level(self.level)

    @classmethod
    def fit(cls, observed: Observed, strata: Strata, settings: Asked, *, seed: int, cross: bool) -> Self:
        """Nothing is fitted."""
        return cls(settings.level)

    def apply(self, observed: Observed) -> Stated:
        """``value`` as it is, ``positive`` (n, t), and ``covered`` (n, t), whether that is the label."""
        check_same_shape(value=observed.value, label=observed.label)
        value, label = observed.value.detach().cpu().double(), observed.label.detach().cpu()
        positive = value >= THRESHOLD
        return {"value": value, "positive": positive, "covered": (positive == (label == 1)) & ~label.isnan()}

    def columns(self, target: str) -> list[str]:
        """Whether the finding is called present."""
        return [f"positive_{target}"]

    def cells(self, stated: Stated, target: int) -> list[list[object]]:
        """1 or 0; empty where no probability was read."""
        said = stated["positive"][:, target].int().tolist()
        missing = stated["value"][:, target].isnan().tolist()
        return [["" if absent else one] for one, absent in zip(said, missing, strict=True)]

    def figures(
        self, stated: Stated, observed: Observed, strata: Strata, target: int, *, seed: int
    ) -> dict[str, object]:
        """``calibration``: the threshold, and the share of the labelled cases that is called present."""
        known = ~observed.label[:, target].isnan()
        share = float(stated["positive"][known, target].double().mean()) if bool(known.any()) else torch.nan
        return {
            "calibration": {
                "level": self.level,
                "threshold": THRESHOLD,
                "share_positive": share,
                "note": self.note(target),
            }
        }

    def note(self, target: int) -> str:
        """What must be said beside it."""
        return "Probabilities are as they were read, and a finding is called present from one half on."

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {"level": self.level}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""
        check_form("", saved, Group({"level": CHANCE}))
        return cls(float(saved["level"]))
