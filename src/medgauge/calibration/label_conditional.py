"""Conformal sets that hold within each label region, and the intervals around them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medgauge.calibration.partition import LabelPartition
from medgauge.calibration.scores import (
    CROSS_WORDS,
    Hull,
    absolute_residual,
    check_level,
    check_targets,
    groups_needed,
    one_a_group,
    ranked_score,
)
from medgauge.core.checks import check_same_shape
from medgauge.core.forms import CHANCE, COUNT, FLAG, NUMBER, NUMBERS, TEXT, Form, Group, Listed, check_form
from medgauge.metrics import LabelRegions

ENTRIES = 1 << 18  # of one chunk of cases x pieces
_PARTS: dict[str, Form] = {"starts": NUMBERS, "codes": Listed(COUNT), "names": Listed(TEXT), "quantile": Listed(NUMBER)}
SAVED = Group({"level": CHANCE, "cross": FLAG, "targets": Listed(Group({**_PARTS, "groups": Listed(COUNT)}))})
"""What ``to_dict`` gives."""


@dataclass(frozen=True)
class LabelConditionalConformal:
    """Sets {y : |value - y| <= q(region of y)}, with one quantile for each region of the TRUE label.

    Calibration residuals are sorted into the regions by their true labels, and in each region one case a group is
    drawn: with g groups there, q is the ceil((g + 1) level)-th smallest of g residuals. A case of a new group is
    covered with at least the chance ``level`` in every region, rare ones too, if within the region it is like the
    calibration cases. It does not hold for another site. Fit it on cases that selected nothing.

    The set can be in pieces, since another width rules in each region; ``hull`` is the smallest interval around it and
    covers at least as much. The value itself is always in its set, so only a missing value has an empty one. A region
    with too few groups for the level has an infinite quantile: all of it is in every set, and as region few has no end
    on either side, the hull is then the whole line.

    - Source: label-conditional conformal prediction (Vovk, ACML 2012), with absolute residuals and label regions.
    - Departs: one case a group in each region, drawn by a hash of seed, target and group.

    Attributes:
        level: chance of coverage, in (0, 1).
        partition: the pieces of the label line for each target.
        quantile: for each target and region, in original units; infinite where groups are too few for the level.
        groups: for each target and region, the number of calibration groups with such a label.
        cross: the residuals came from several fits (folds, a correction), so that the level is not guaranteed exactly.
    """

    kind: ClassVar[str] = "label_conditional"
    level: float
    partition: tuple[LabelPartition, ...]
    quantile: tuple[tuple[float, ...], ...]
    groups: tuple[tuple[int, ...], ...]
    cross: bool = False

    def __post_init__(self) -> None:
        check_level(self.level)
        sizes = [(len(part.names), len(part.names)) for part in self.partition]
        if [(len(q), len(g)) for q, g in zip(self.quantile, self.groups, strict=False)] != sizes:
            raise ValueError("quantile and groups must have one entry for each target and region")
        if not all(half >= 0 for of in self.quantile for half in of):
            raise ValueError(f"quantile must be >= 0, got {self.quantile}")

    @classmethod
    def fit(
        cls,
        value: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        group: Sequence[str],
        regions: Sequence[LabelRegions | LabelPartition],
        *,
        level: float,
        seed: int,
        cross: bool = False,
    ) -> "LabelConditionalConformal":
        """Calibrate on values and labels in original units; cases without a label or value (NaN) are left out first.

        - Raises: ValueError if shapes differ, regions are not one a target or level is not in (0, 1).

        Args:
            value: what the predictor says of the calibration cases.
            label: their true labels.
            group: the group of each case.
            regions: of each target, from the training labels.
            level: chance of coverage.
            seed: of the draw of one case a group.
            cross: the values came from several fits.
        """
        check_level(level)
        residual = absolute_residual(value, label, group)
        if len(regions) != label.shape[1]:
            raise ValueError(f"regions must be one a target, got {len(regions)} for {label.shape[1]} targets")
        partition = tuple(
            part if isinstance(part, LabelPartition) else LabelPartition.of_regions(part) for part in regions
        )
        drawn = []
        for target, part in enumerate(partition):
            code = part.of(label[:, target])
            scores = [residual[:, target].masked_fill(code != one, math.nan) for one in range(len(part.names))]
            drawn.append([one_a_group(score, group, seed, target) for score in scores])
        quantile = tuple(tuple(ranked_score(scores, level) for scores in of) for of in drawn)
        return cls(level, partition, quantile, tuple(tuple(len(scores) for scores in of) for of in drawn), cross)

    def hull(self, value: Float[Tensor, "n t"]) -> Hull:
        """The smallest interval around each set, of how many pieces the set is, and how much of the hull is not in it."""
        check_targets(value, len(self.partition))
        columns = []
        for target, part in enumerate(self.partition):
            first, last = (end.to(value.device) for end in part.bounds)
            half = torch.tensor([self.quantile[target][code] for code in part.codes], dtype=torch.float64)
            chunks = torch.split(value[:, target].double(), max(1, ENTRIES // len(first)))
            parts = [_hull(some, first, last, half.to(value.device)) for some in chunks]
            columns.append([torch.cat(of) for of in zip(*parts, strict=True)])
        return Hull(*(torch.stack(of, dim=1) for of in zip(*columns, strict=True)))

    def interval(self, value: Float[Tensor, "n t"]) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t"]]:
        """Lower and upper ends of the hull in original units, float64."""
        hull = self.hull(value)
        return hull.lower, hull.upper

    def contains(self, value: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Bool[Tensor, "n t"]:
        """Whether each label is in the set of its value; False where one is missing."""
        check_same_shape(value=value, label=label)
        check_targets(value, len(self.partition))
        found = []
        for target, part in enumerate(self.partition):
            one, other = value[:, target].double().cpu(), label[:, target].double().cpu()
            half = torch.tensor([*self.quantile[target], math.nan], dtype=torch.float64)[part.of(other)]
            found.append((one - half <= other) & (other <= one + half))
        return torch.stack(found, dim=1).to(value.device)

    @property
    def needed(self) -> int:
        """The number of groups from which on a region's quantile is finite."""
        return groups_needed(self.level)

    def note(self, target: int) -> str:
        """What must be said beside the intervals of a target."""
        names, counts = self.partition[target].names, self.groups[target]
        level = f"{100 * self.level:g} %"
        short = [f"{name} has {count}" for name, count in zip(names, counts, strict=True) if count < self.needed]
        found = ", ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True))
        if short:
            text = (
                f"A {level} interval needs {self.needed} calibration groups in each label region, and region "
                f"{', region '.join(short)}: it is infinite there"
            )
            open_ended = {names[self.partition[target].codes[place]] for place in (0, -1)}
            endless = open_ended & {one.partition(" ")[0] for one in short}
            text += ", and so is every interval around a set." if endless else "."
        else:
            text = (
                f"{level} label-conditional interval from calibration groups by label region ({found}), one case each: it "
                "holds within each region for cases like the calibration cases, not for another site."
            )
        return text + (CROSS_WORDS if self.cross else "")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; an infinite quantile is None."""
        return {
            "kind": self.kind,
            "level": self.level,
            "cross": self.cross,
            "targets": [
                {
                    "starts": list(part.starts),
                    "codes": list(part.codes),
                    "names": list(part.names),
                    "quantile": [None if math.isinf(half) else half for half in quantile],
                    "groups": list(groups),
                }
                for part, quantile, groups in zip(self.partition, self.quantile, self.groups, strict=True)
            ],
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "LabelConditionalConformal":
        """The inverse of ``to_dict``."""
        check_form("", saved, SAVED)
        targets = saved["targets"]
        return cls(
            float(saved["level"]),
            tuple(LabelPartition(tuple(of["starts"]), tuple(of["codes"]), tuple(of["names"])) for of in targets),
            tuple(tuple(math.inf if half is None else float(half) for half in of["quantile"]) for of in targets),
            tuple(tuple(int(count) for count in of["groups"]) for of in targets),
            bool(saved["cross"]),
        )


def _hull(
    value: Float[Tensor, " n"], first: Float[Tensor, " p"], last: Float[Tensor, " p"], half: Float[Tensor, " p"]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Lower and upper end, number of pieces and excess for the sets of some values of one target."""
    low = torch.maximum(first, value[:, None] - half)
    high = torch.minimum(last, value[:, None] + half)
    there = low <= high
    lower = low.masked_fill(~there, math.inf).amin(1)
    upper = high.masked_fill(~there, -math.inf).amax(1)
    touching = there[:, :-1] & there[:, 1:] & (high[:, :-1] == last[:-1]) & (low[:, 1:] == first[1:])
    pieces = there.sum(1) - touching.sum(1)
    width = upper - lower
    inside = (high - low).masked_fill(~there, 0.0).sum(1)
    excess = torch.where((pieces > 1) & width.isfinite(), (1 - inside / width).clamp(min=0.0), torch.zeros_like(width))
    empty = pieces == 0
    nothing = torch.full_like(lower, math.nan)
    return (
        torch.where(empty, nothing, lower),
        torch.where(empty, nothing, upper),
        pieces,
        torch.where(empty, nothing, excess),
    )
