"""Split conformal intervals around whatever a predictor says."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medgauge.calibration.scores import (
    CROSS_WORDS,
    SCALED_WORDS,
    Hull,
    check_level,
    check_targets,
    groups_needed,
    known_scale,
    one_a_group,
    ranked_score,
    residual_scores,
    too_few,
)
from medgauge.core.checks import check_same_shape
from medgauge.core.forms import CHANCE, COUNT, FLAG, NUMBER, Group, Listed, check_form

SAVED = Group({"level": CHANCE, "cross": FLAG, "scaled": FLAG, "quantile": Listed(NUMBER), "groups": Listed(COUNT)})
"""What ``to_dict`` gives."""


@dataclass(frozen=True)
class SplitConformal:
    """Intervals value -/+ quantile, where the quantile comes from the absolute residuals of the calibration cases.

    Of each calibration group one case is drawn, so that what is counted is independent: with g groups the quantile is
    the ceil((g + 1) level)-th smallest of g residuals. A new case of a new group is covered with at least the chance
    ``level``, if it is like the calibration cases (exchangeable with them), and on average over all of them: it holds
    neither for another site nor within each part of the label range. Fit it on cases that selected nothing.

    - Source: split conformal regression; see Lei et al., J Am Stat Assoc 113 (2018), section 2.2.
    - Departs: one case a group, drawn by a hash of seed, target and group (the order of the rows does not matter).

    Attributes:
        level: chance of coverage, in (0, 1).
        quantile: half the width for each target, in original units (of scaled scores: in multiples of each case's scale);
            infinite where groups are too few for the level.
        groups: number of calibration groups with the target's label.
        cross: the residuals came from several fits (folds, a correction), so that the level is not guaranteed exactly.
        scaled: residuals are divided by a scale of each case, which training cases alone gave; the width is a multiple of it.
    """

    kind: ClassVar[str] = "split"
    level: float
    quantile: tuple[float, ...]
    groups: tuple[int, ...]
    cross: bool = False
    scaled: bool = False

    def __post_init__(self) -> None:
        check_level(self.level)
        if len(self.quantile) != len(self.groups):
            raise ValueError(
                f"quantile and groups must be of equal length, got {len(self.quantile)} and {len(self.groups)}"
            )
        if not all(half >= 0 for half in self.quantile):
            raise ValueError(f"quantile must be >= 0, got {self.quantile}")

    @classmethod
    def fit(
        cls,
        value: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        group: Sequence[str],
        *,
        level: float,
        seed: int,
        cross: bool = False,
        scale: Float[Tensor, "n t"] | None = None,
    ) -> "SplitConformal":
        """Calibrate on values and labels in original units; cases without a label or value (NaN) are left out first.

        - Raises: ValueError if shapes differ or level is not in (0, 1).
        """
        check_level(level)
        residual = residual_scores(value, label, group, scale)
        drawn = [one_a_group(column, group, seed, place) for place, column in enumerate(residual.unbind(dim=1))]
        quantile = tuple(ranked_score(scores, level) for scores in drawn)
        return cls(level, quantile, tuple(len(scores) for scores in drawn), cross, scale is not None)

    def interval(
        self, value: Float[Tensor, "n t"], scale: Float[Tensor, "n t"] | None = None
    ) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t"]]:
        """Lower and upper ends in original units, float64."""
        check_targets(value, len(self.quantile))
        half = torch.tensor(self.quantile, dtype=torch.float64, device=value.device)
        half = half * known_scale(value, scale, scaled=self.scaled)
        return value.double() - half, value.double() + half

    def hull(self, value: Float[Tensor, "n t"], scale: Float[Tensor, "n t"] | None = None) -> Hull:
        """The intervals, as sets of one piece each."""
        lower, upper = self.interval(value, scale)
        pieces = (~lower.isnan()).long()
        return Hull(lower, upper, pieces, torch.zeros_like(lower).masked_fill(pieces == 0, math.nan))

    def contains(
        self, value: Float[Tensor, "n t"], label: Float[Tensor, "n t"], scale: Float[Tensor, "n t"] | None = None
    ) -> Bool[Tensor, "n t"]:
        """Whether each label is in the interval around its value; False where one is missing."""
        check_same_shape(value=value, label=label)
        lower, upper = self.interval(value, scale)
        return (lower <= label.double()) & (label.double() <= upper)

    @property
    def needed(self) -> int:
        """The number of groups from which on the interval is finite."""
        return groups_needed(self.level)

    def note(self, target: int) -> str:
        """What must be said beside the intervals of a target."""
        count = self.groups[target]
        if count < self.needed:
            return too_few(self.level, count)
        return (
            (
                f"{100 * self.level:g} % split conformal interval from {count} calibration groups, one case each: it holds on "
                f"average for cases like the calibration cases, not for another site."
            )
            + (SCALED_WORDS if self.scaled else "")
            + (CROSS_WORDS if self.cross else "")
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; an infinite quantile is None."""
        return {
            "kind": self.kind,
            "level": self.level,
            "cross": self.cross,
            "scaled": self.scaled,
            "quantile": [None if math.isinf(half) else half for half in self.quantile],
            "groups": list(self.groups),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "SplitConformal":
        """The inverse of ``to_dict``."""
        check_form("", saved, SAVED)
        quantile = tuple(math.inf if half is None else float(half) for half in saved["quantile"])
        groups = tuple(int(count) for count in saved["groups"])
        return cls(float(saved["level"]), quantile, groups, bool(saved["cross"]), saved["scaled"])
