"""Split conformal intervals around whatever a predictor says."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medgauge.core.checks import check_same_shape
from medgauge.core.seeding import derive_seed


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
        quantile: half the width for each target, in original units; infinite where groups are too few for the level.
        groups: number of calibration groups with the target's label.
    """

    level: float
    quantile: tuple[float, ...]
    groups: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"level must be in (0, 1), got {self.level}")
        if len(self.quantile) != len(self.groups):
            raise ValueError(
                f"quantile and groups must be of equal length, got {len(self.quantile)} and {len(self.groups)}"
            )

    @classmethod
    def fit(
        cls, value: Float[Tensor, "n t"], label: Float[Tensor, "n t"], group: Sequence[str], *, level: float, seed: int
    ) -> "SplitConformal":
        """Calibrate on values and labels in original units; cases without a label or value (NaN) are left out first.

        - Raises: ValueError if shapes differ or level is not in (0, 1).
        """
        check_same_shape(value=value, label=label)
        if len(group) != len(value):
            raise ValueError(f"group must name the group of each of the {len(value)} cases, got {len(group)} names")
        if not 0 < level < 1:
            raise ValueError(f"level must be in (0, 1), got {level}")
        residual = (value.double() - label.double()).abs().cpu()
        drawn = [_one_a_group(column, group, seed, place) for place, column in enumerate(residual.unbind(dim=1))]
        return cls(level, tuple(_quantile(scores, level) for scores in drawn), tuple(len(scores) for scores in drawn))

    def interval(self, value: Float[Tensor, "n t"]) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t"]]:
        """Lower and upper ends in original units, float64."""
        if value.ndim != 2 or value.shape[1] != len(self.quantile):
            raise ValueError(f"value must have shape (n, {len(self.quantile)}), got {tuple(value.shape)}")
        half = torch.tensor(self.quantile, dtype=torch.float64, device=value.device)
        return value.double() - half, value.double() + half

    @property
    def needed(self) -> int:
        """The number of groups from which on the interval is finite."""
        return math.ceil(round(self.level / (1 - self.level), 9))

    def note(self, target: int) -> str:
        """What must be said beside the intervals of a target."""
        count = self.groups[target]
        if count < self.needed:
            return (
                f"The calibration split has {count} groups with this label, and a {100 * self.level:g} % interval "
                f"needs {self.needed}: the interval is infinite."
            )
        return (
            f"{100 * self.level:g} % interval from {count} calibration groups, one case each: it holds on average for "
            "cases like the calibration cases, not for another site."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; an infinite quantile is None."""
        return {
            "level": self.level,
            "quantile": [None if math.isinf(half) else half for half in self.quantile],
            "groups": list(self.groups),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "SplitConformal":
        """The inverse of ``to_dict``."""
        quantile = tuple(math.inf if half is None else float(half) for half in saved["quantile"])
        return cls(float(saved["level"]), quantile, tuple(int(count) for count in saved["groups"]))


def coverage(
    lower: Float[Tensor, "n t"],
    upper: Float[Tensor, "n t"],
    label: Float[Tensor, "n t"],
    where: Bool[Tensor, "n t"] | None = None,
) -> Float[Tensor, " t"]:
    """Share of the labels inside their intervals, ends included, for each target; the level is what it should be.

    Missing labels and values are left out, and cases outside ``where`` (a region); NaN where none is left.

    >>> low, high = torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [1.0]])
    >>> coverage(low, high, torch.tensor([[1.0], [2.0]]))
    tensor([0.5000], dtype=torch.float64)
    """
    check_same_shape(lower=lower, upper=upper, label=label)
    seen = ~(lower + label).isnan()
    return _share(((lower <= label) & (label <= upper)).double(), seen if where is None else seen & where)


def mean_width(
    lower: Float[Tensor, "n t"], upper: Float[Tensor, "n t"], where: Bool[Tensor, "n t"] | None = None
) -> Float[Tensor, " t"]:
    """Mean width of the intervals of each target, in label units; smaller is better at equal coverage.

    Missing values are left out, and cases outside ``where``; an infinite interval makes it infinite; NaN where none
    is left.
    """
    check_same_shape(lower=lower, upper=upper)
    width = upper.double() - lower.double()
    return _share(width, ~width.isnan() if where is None else ~width.isnan() & where)


def _share(number: Tensor, seen: Tensor) -> Tensor:
    return torch.where(seen, number, torch.zeros_like(number)).sum(0) / seen.sum(0)


def _one_a_group(residual: Tensor, group: Sequence[str], seed: int, target: int) -> list[float]:
    """The residual of one drawn case of each group, sorted."""
    members: dict[str, list[float]] = {}
    for name, score in zip(group, residual.tolist(), strict=True):
        if not math.isnan(score):
            members.setdefault(str(name), []).append(score)
    draws = {name: derive_seed(seed, "conformal", target, name) for name in members}
    return sorted(sorted(scores)[draws[name] % len(scores)] for name, scores in members.items())


def _quantile(scores: Sequence[float], level: float) -> float:
    """The ceil((g + 1) level)-th smallest of g sorted scores; infinite if there are fewer."""
    rank = math.ceil(round((len(scores) + 1) * level, 9))  # rounded: 0.55 * 100 is 55.00000000000001
    return scores[rank - 1] if rank <= len(scores) else math.inf
