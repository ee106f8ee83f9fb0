"""Conformal sets that hold within each label region, and the intervals around them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medgauge.calibration.merging import check_merged, merge_regions, merged_names
from medgauge.calibration.partition import LabelPartition
from medgauge.calibration.scores import (
    CROSS_WORDS,
    SCALED_WORDS,
    Hull,
    check_level,
    check_targets,
    groups_by_region,
    groups_needed,
    known_scale,
    one_a_group,
    ranked_score,
    residual_scores,
    too_few,
)
from medgauge.core.checks import check_same_shape
from medgauge.core.forms import CHANCE, COUNT, FLAG, NUMBER, NUMBERS, TEXT, Form, Group, Listed, check_form
from medgauge.metrics import LabelRegions

ENTRIES = 1 << 18  # of one chunk of cases x pieces
_PARTS: dict[str, Form] = {"starts": NUMBERS, "codes": Listed(COUNT), "names": Listed(TEXT), "quantile": Listed(NUMBER)}
_PARTS |= {name: Listed(COUNT) for name in ("groups", "merged", "merged_groups")}
SAVED = Group({"level": CHANCE, "cross": FLAG, "scaled": FLAG, "targets": Listed(Group(_PARTS))})
"""What ``to_dict`` gives."""


@dataclass(frozen=True)
class LabelConditionalConformal:
    """Sets {y : |value - y| <= q(region of y)}, with one quantile for each region of the TRUE label.

    Calibration residuals are sorted into the regions by their true labels, and in each region one case a group is
    drawn: with g groups there, q is the ceil((g + 1) level)-th smallest of g residuals. A case of a new group is
    covered with at least the chance ``level`` in every region, rare ones too, if within the region it is like the
    calibration cases. It does not hold for another site. Fit it on cases that selected nothing.

    A region with too few groups for a finite quantile is merged with its neighbour (``merge_regions``, by group counts
    alone): both then have one quantile, and the promise is one for both together. Where all groups together are too few the
    quantile is infinite, and so is every set.

    The set can be in pieces, since another width rules in each region; ``hull`` is the smallest interval around it and
    covers at least as much. The value itself is always in its set, so only a missing value has an empty one.

    - Source: label-conditional conformal prediction (Vovk, ACML 2012), with absolute residuals and label regions.
    - Departs: one case a group in each (merged) region, drawn by a hash of seed, target and group.

    Attributes:
        level: chance of coverage, in (0, 1).
        partition: the pieces of the label line for each target.
        quantile: for each target and region, in original units (of scaled scores: in multiples of each case's scale);
            infinite where groups are too few for the level.
        groups: for each target and region, the number of calibration groups with such a label.
        merged: for each target and region, the place of the merged region that it is part of.
        merged_groups: for each target and merged region, the number of its calibration groups.
        cross: the residuals came from several fits (folds, a correction), so that the level is not guaranteed exactly.
        scaled: residuals are divided by a scale of each case, which training cases alone gave; quantiles are multiples of it.
    """

    kind: ClassVar[str] = "label_conditional"
    level: float
    partition: tuple[LabelPartition, ...]
    quantile: tuple[tuple[float, ...], ...]
    groups: tuple[tuple[int, ...], ...]
    merged: tuple[tuple[int, ...], ...]
    merged_groups: tuple[tuple[int, ...], ...]
    cross: bool = False
    scaled: bool = False

    def __post_init__(self) -> None:
        check_level(self.level)
        counted = zip(self.partition, self.quantile, self.groups, self.merged, self.merged_groups, strict=True)
        for part, quantile, groups, merged, together in counted:
            check_merged(len(part.names), groups, merged, len(together))
            if len(quantile) != len(part.names):
                raise ValueError(f"quantile must have one entry for each of the {len(part.names)} regions")
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
        scale: Float[Tensor, "n t"] | None = None,
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
            scale: the size of error that is expected of each case, > 0; None: all are alike.
        """
        check_level(level)
        residual = residual_scores(value, label, group, scale)
        if len(regions) != label.shape[1]:
            raise ValueError(f"regions must be one a target, got {len(regions)} for {label.shape[1]} targets")
        partition = tuple(
            part if isinstance(part, LabelPartition) else LabelPartition.of_regions(part) for part in regions
        )
        quantile, groups, merged, merged_groups = [], [], [], []
        for target, part in enumerate(partition):
            code = part.of(label[:, target]).masked_fill(residual[:, target].isnan(), -1)
            own = groups_by_region(code, group, len(part.names))
            place = merge_regions(own, groups_needed(level))
            joined = torch.tensor([*place, -1])[code]
            scores = [residual[:, target].masked_fill(joined != one, math.nan) for one in range(max(place) + 1)]
            drawn = [one_a_group(score, group, seed, target) for score in scores]
            quantile.append(tuple(ranked_score(drawn[one], level) for one in place))
            groups.append(tuple(map(len, own)))
            merged.append(place)
            merged_groups.append(tuple(map(len, drawn)))
        counted = (tuple(groups), tuple(merged), tuple(merged_groups))
        return cls(level, partition, tuple(quantile), *counted, cross=cross, scaled=scale is not None)

    def hull(self, value: Float[Tensor, "n t"], scale: Float[Tensor, "n t"] | None = None) -> Hull:
        """The smallest interval around each set, of how many pieces the set is, and how much of the hull is not in it."""
        check_targets(value, len(self.partition))
        width, columns = known_scale(value, scale, scaled=self.scaled), []
        for target, part in enumerate(self.partition):
            first, last = (end.to(value.device) for end in part.bounds)
            half = torch.tensor([self.quantile[target][code] for code in part.codes], dtype=torch.float64)
            step = max(1, ENTRIES // len(first))
            some, scales = (torch.split(part[:, target], step) for part in (value.double(), width))
            halves = [half.to(value.device) * part[:, None] for part in scales]
            parts = [_hull(part, first, last, wide) for part, wide in zip(some, halves, strict=True)]
            columns.append([torch.cat(of) for of in zip(*parts, strict=True)])
        return Hull(*(torch.stack(of, dim=1) for of in zip(*columns, strict=True)))

    def interval(
        self, value: Float[Tensor, "n t"], scale: Float[Tensor, "n t"] | None = None
    ) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t"]]:
        """Lower and upper ends of the hull in original units, float64."""
        hull = self.hull(value, scale)
        return hull.lower, hull.upper

    def contains(
        self, value: Float[Tensor, "n t"], label: Float[Tensor, "n t"], scale: Float[Tensor, "n t"] | None = None
    ) -> Bool[Tensor, "n t"]:
        """Whether each label is in the set of its value; False where one is missing."""
        check_same_shape(value=value, label=label)
        check_targets(value, len(self.partition))
        width, found = known_scale(value, scale, scaled=self.scaled).cpu(), []
        for target, part in enumerate(self.partition):
            one, other = value[:, target].double().cpu(), label[:, target].double().cpu()
            half = torch.tensor([*self.quantile[target], math.nan], dtype=torch.float64)[part.of(other)]
            half = half * width[:, target]
            found.append((one - half <= other) & (other <= one + half))
        return torch.stack(found, dim=1).to(value.device)

    @property
    def needed(self) -> int:
        """The number of groups from which on the quantile of a region is finite."""
        return groups_needed(self.level)

    def counts(self, target: int) -> dict[str, dict[str, object]]:
        """For each region the number of its calibration groups and, where it is merged, what it is part of."""
        names, together = self.partition[target].names, merged_names(self.partition[target].names, self.merged[target])
        found: dict[str, dict[str, object]] = {}
        for name, count, place in zip(names, self.groups[target], self.merged[target], strict=True):
            found[name] = {"calibration_groups": count}
            if together[place] != name:
                found[name] |= {"merged": together[place], "merged_groups": self.merged_groups[target][place]}
        return found

    def note(self, target: int) -> str:
        """What must be said beside the intervals of a target."""
        held = self.merged_groups[target]
        if min(held) < self.needed:
            return too_few(self.level, sum(held))
        names, merged = self.partition[target].names, self.merged[target]
        together = merged_names(names, merged)
        found = ", ".join(f"{count} {name}" for count, name in zip(held, together, strict=True))
        text = (
            f"{100 * self.level:g} % label-conditional interval from calibration groups by label region ({found}), one case "
            "each: it holds within each of these regions for cases like the calibration cases, not for another site."
        )
        counts = self.groups[target]
        short = [
            f"{names[one]} has {count}"
            for one, count in enumerate(counts)
            if count < self.needed and names[one] not in together
        ]
        if short:
            text += (
                f" A region by itself needs {self.needed} groups: {' and '.join(short)}, so that it is merged with its "
                "neighbour and the level is promised for both together."
            )
        return text + (SCALED_WORDS if self.scaled else "") + (CROSS_WORDS if self.cross else "")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; an infinite quantile is None."""
        return {
            "kind": self.kind,
            "level": self.level,
            "cross": self.cross,
            "scaled": self.scaled,
            "targets": [
                {
                    "starts": list(part.starts),
                    "codes": list(part.codes),
                    "names": list(part.names),
                    "quantile": [None if math.isinf(half) else half for half in quantile],
                    "groups": list(groups),
                    "merged": list(merged),
                    "merged_groups": list(merged_groups),
                }
                for part, quantile, groups, merged, merged_groups in zip(
                    self.partition, self.quantile, self.groups, self.merged, self.merged_groups, strict=True
                )
            ],
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "LabelConditionalConformal":
        """The inverse of ``to_dict``."""
        check_form("", saved, SAVED)
        targets = saved["targets"]

        def counts(name: str) -> tuple[tuple[int, ...], ...]:
            return tuple(tuple(map(int, of[name])) for of in targets)

        return cls(
            float(saved["level"]),
            tuple(LabelPartition(tuple(of["starts"]), tuple(of["codes"]), tuple(of["names"])) for of in targets),
            tuple(tuple(math.inf if half is None else float(half) for half in of["quantile"]) for of in targets),
            counts("groups"),
            counts("merged"),
            counts("merged_groups"),
            bool(saved["cross"]),
            bool(saved["scaled"]),
        )


def _hull(
    value: Float[Tensor, " n"], first: Float[Tensor, " p"], last: Float[Tensor, " p"], half: Float[Tensor, "n p"]
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
