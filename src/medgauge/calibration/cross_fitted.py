"""Cross-fitted sets of several folds' fits: every training case serves for calibration too, by the fit that left it out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.calibration.merging import check_merged, merge_regions, merged_names
from medgauge.calibration.partition import LabelPartition
from medgauge.calibration.scores import (
    SCALED_WORDS,
    check_level,
    conformal_rank,
    drawn_scores,
    groups_by_region,
    groups_needed,
    known_scale,
    residual_scores,
    too_few,
)
from medgauge.core.checks import check_same_shape
from medgauge.core.forms import CHANCE, COUNT, FLAG, NUMBER, NUMBERS, TEXT, Form, Group, Listed, check_form

_PARTS: dict[str, Form] = {"starts": NUMBERS, "codes": Listed(COUNT), "names": Listed(TEXT)}
_PARTS |= {"groups": Listed(COUNT), "merged": Listed(COUNT), "scores": Listed(Listed(Listed(NUMBER)))}
SAVED = Group({"level": CHANCE, "scaled": FLAG, "targets": Listed(Group(_PARTS))})
"""What ``to_dict`` gives."""
ENTRIES = 1 << 18  # of one chunk of cases x scores


@dataclass(frozen=True)
class CrossFitted:
    """Sets {y in region r : #{i in r : S_i < |y - v_k(i)| / s_k(i)} < level (n_r + 1)}, S_i = R_i / s_k(i)(i).

    k(i) is the fold of case i, v_k and s_k what the fit without fold k says of a case: its value, and the size of error that
    it expects (1 without a scale). R_i is the absolute residual of case i, by the fit of its own fold. In each region
    one case a group is drawn, n_r in all; regions with too few groups are merged with their neighbours as in
    :class:`medgauge.calibration.LabelConditionalConformal`. With one fold it is that class's set.

    The level is what it aims at. On average over all cases at least 2 level - 1 is guaranteed, but for a term that
    vanishes with the size of the folds; of a region by itself nothing is proved.

    - Source: CV+ (Barber, Candes, Ramdas and Tibshirani, Annals of Statistics 49 (2021), section 3), by label region.
    - Departs: one case a group and region, scaled scores, and the count is within the region of the label that is tried.

    Attributes:
        level: what is aimed at, in (0, 1).
        partition: the pieces of the label line for each target.
        merged: for each target and region, the place of the merged region that it is part of.
        groups: for each target and region, the number of groups with such a label.
        scores: for each target, merged region and fold the scores of the drawn cases, rising.
        scaled: residuals were divided by a scale, which must be given with each value.
    """

    kind: ClassVar[str] = "cross"
    level: float
    partition: tuple[LabelPartition, ...]
    merged: tuple[tuple[int, ...], ...]
    groups: tuple[tuple[int, ...], ...]
    scores: tuple[tuple[tuple[tuple[float, ...], ...], ...], ...]
    scaled: bool = False

    def __post_init__(self) -> None:
        check_level(self.level)
        folds = {len(of_region) for of_target in self.scores for of_region in of_target}
        if len(folds) != 1:
            raise ValueError("scores must be of the same number of folds in each region")
        for part, merged, groups, scores in zip(self.partition, self.merged, self.groups, self.scores, strict=True):
            check_merged(len(part.names), groups, merged, len(scores))

    @classmethod
    def fit(
        cls,
        value: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        group: Sequence[str],
        fold: Int[Tensor, " n"],
        partition: Sequence[LabelPartition],
        scale: Float[Tensor, "n t"] | None = None,
        *,
        level: float,
        seed: int,
    ) -> "CrossFitted":
        """Take the scores of cases that were each read by the fit that left them out, in original units.

        Cases without a label or value (NaN) are left out first.

        - Raises: ValueError if shapes differ, a group is in two folds, or level is not in (0, 1).

        Args:
            value: of each case, by the fit of its fold.
            label: the true ones.
            group: of each case.
            fold: of each case, from 0 on.
            partition: of each target, from the development labels.
            scale: of each case, by the fit of its fold; None: 1.
            level: what is aimed at.
            seed: of the draw of one case a group.
        """
        check_level(level)
        score = residual_scores(value, label, group, scale)
        if len(fold) != len(label) or len(partition) != label.shape[1]:
            raise ValueError("fold must be one a case, and partition one a target")
        home = dict(zip(map(str, group), fold.tolist(), strict=True))
        if any(home[str(name)] != own for name, own in zip(group, fold.tolist(), strict=True)):
            raise ValueError("a group must be in one fold")
        folds, merged, groups, scores = max(home.values(), default=0) + 1, [], [], []
        for target, part in enumerate(partition):
            code = part.of(label[:, target]).masked_fill(score[:, target].isnan(), -1)
            own = groups_by_region(code, group, len(part.names))
            place = merge_regions(own, groups_needed(level))
            joined = torch.tensor([*place, -1])[code]
            of_target = []
            for one in range(max(place) + 1):
                drawn = drawn_scores(score[:, target].masked_fill(joined != one, math.nan), group, seed, target)
                of_target.append(
                    tuple(tuple(sorted(s for name, s in drawn.items() if home[name] == k)) for k in range(folds))
                )
            merged.append(place)
            groups.append(tuple(map(len, own)))
            scores.append(tuple(of_target))
        return cls(level, tuple(partition), tuple(merged), tuple(groups), tuple(scores), scale is not None)

    @property
    def folds(self) -> int:
        """The number of fits."""
        return len(self.scores[0][0])

    def interval(
        self, values: Float[Tensor, "k n t"], value: Float[Tensor, "n t"], scale: Float[Tensor, "k n t"] | None = None
    ) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t"]]:
        """Lower and upper ends of the smallest interval that holds the set and the value, float64.

        NaN where the value or that of one fit is missing.

        Args:
            values: what the fit of each fold says of the cases.
            value: what is said of them in the end.
            scale: by the fit of each fold, where scores are scaled.
        """
        values, scale = self._checked(values, scale)
        check_same_shape(value=value, values=values[0])
        ends = [self._ends(values[:, :, target], scale[:, :, target], target) for target in range(value.shape[1])]
        lower, upper = (torch.stack(part, dim=1) for part in zip(*ends, strict=True))
        said = value.double().cpu()
        return torch.minimum(lower, said), torch.maximum(upper, said)

    def contains(
        self, values: Float[Tensor, "k n t"], label: Float[Tensor, "n t"], scale: Float[Tensor, "k n t"] | None = None
    ) -> Bool[Tensor, "n t"]:
        """Whether each label is in the set of its case; False where something is missing."""
        values, scale = self._checked(values, scale)
        check_same_shape(label=label, values=values[0])
        found = torch.zeros(label.shape, dtype=torch.bool)
        for target, part in enumerate(self.partition):
            truth = label[:, target].double().cpu()
            place = torch.tensor([*self.merged[target], -1])[part.of(truth)]
            for region in range(len(self.scores[target])):
                rows = torch.nonzero(place == region).flatten()
                for some in self._chunks(rows, target, region):
                    low, high = self._spans(values[:, some, target], scale[:, some, target], target, region)
                    found[some, target] = _outside(low, high, truth[some, None])[:, 0] < conformal_rank(
                        low.shape[1], self.level
                    )
        known = ~values.isnan().any(0) & ~label.cpu().isnan()
        return found & known

    def note(self, target: int) -> str:
        """What must be said beside the intervals of a target."""
        counts = [sum(map(len, of_region)) for of_region in self.scores[target]]
        if min(counts) < groups_needed(self.level):
            return too_few(self.level, sum(counts))
        found = ", ".join(
            f"{count} {name}"
            for count, name in zip(counts, merged_names(self.partition[target].names, self.merged[target]), strict=True)
        )
        aim, least = f"{100 * self.level:g} %", f"{100 * max(0.0, 2 * self.level - 1):g} %"
        return (
            f"{aim} cross-fitted interval from the groups of {self.folds} folds by label region ({found}), one case each: it "
            f"aims at {aim}; guaranteed on average about {least} (CV+, Barber et al. 2021), and no guarantee by region is "
            f"proved; for cases like the development cases, not for another site.{SCALED_WORDS if self.scaled else ''}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "level": self.level,
            "scaled": self.scaled,
            "targets": [
                {
                    "starts": list(part.starts),
                    "codes": list(part.codes),
                    "names": list(part.names),
                    "groups": list(groups),
                    "merged": list(merged),
                    "scores": [[list(of_fold) for of_fold in of_region] for of_region in scores],
                }
                for part, groups, merged, scores in zip(
                    self.partition, self.groups, self.merged, self.scores, strict=True
                )
            ],
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "CrossFitted":
        """The inverse of ``to_dict``."""
        check_form("", saved, SAVED)
        targets = saved["targets"]
        return cls(
            float(saved["level"]),
            tuple(LabelPartition(tuple(of["starts"]), tuple(of["codes"]), tuple(of["names"])) for of in targets),
            tuple(tuple(map(int, of["merged"])) for of in targets),
            tuple(tuple(map(int, of["groups"])) for of in targets),
            tuple(tuple(tuple(map(tuple, of_region)) for of_region in of["scores"]) for of in targets),
            bool(saved["scaled"]),
        )

    def _checked(self, values: Tensor, scale: Tensor | None) -> tuple[Tensor, Tensor]:
        """Values and scales in float64 on the CPU; a scale of 1 where scores are absolute."""
        if values.ndim != 3 or values.shape[::2] != (self.folds, len(self.partition)):
            raise ValueError(f"values must be ({self.folds}, n, {len(self.partition)}), got {tuple(values.shape)}")
        flat = None if scale is None else scale.flatten(0, 1)
        if scale is not None and scale.shape != values.shape:
            raise ValueError(f"scale must have the shape of values, got {tuple(scale.shape)}")
        known = known_scale(values.flatten(0, 1), flat, scaled=self.scaled)
        return values.double().cpu(), known.reshape(values.shape).cpu()

    def _chunks(self, rows: Int[Tensor, " m"], target: int, region: int) -> Sequence[Int[Tensor, " c"]]:
        return torch.split(rows, max(1, ENTRIES // max(1, sum(map(len, self.scores[target][region])))))

    def _spans(
        self, values: Float[Tensor, "k c"], scale: Float[Tensor, "k c"], target: int, region: int
    ) -> tuple[Float[Tensor, "c m"], Float[Tensor, "c m"]]:
        """v_k - s_k S and v_k + s_k S for all scores of a region, each sorted."""
        score = [torch.tensor(of, dtype=torch.float64) for of in self.scores[target][region]]
        reach = torch.cat([by[:, None] * of for by, of in zip(scale, score, strict=True)], dim=1)
        middle = torch.cat([v[:, None].expand(-1, len(of)) for v, of in zip(values, score, strict=True)], dim=1)
        return (middle - reach).sort(dim=1).values, (middle + reach).sort(dim=1).values

    def _ends(self, values: Tensor, scale: Tensor, target: int) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Ends of the hull of each set of one target: inf and -inf of an empty one, NaN where a value is missing."""
        part, place = self.partition[target], torch.tensor(self.merged[target])
        count = values.shape[1]
        lower, upper = torch.full((count,), math.inf).double(), torch.full((count,), -math.inf).double()
        first, last = part.bounds
        for region in range(len(self.scores[target])):
            mine = place[torch.tensor(part.codes)] == region
            for some in self._chunks(torch.arange(count), target, region):
                low, high = self._spans(values[:, some].nan_to_num(), scale[:, some], target, region)
                rank = conformal_rank(low.shape[1], self.level)
                for ends, borders, extreme, better, none in (
                    (low, first[mine], lower, torch.minimum, math.inf),
                    (high, last[mine], upper, torch.maximum, -math.inf),
                ):
                    # the set is closed: its ends are ends of spans that lie in the region, or of the region's pieces
                    tried = torch.cat([ends, borders.expand(len(some), -1)], dim=1)
                    held = _outside(low, high, tried) < rank
                    inside = place[part.of(ends.flatten())].reshape(ends.shape) == region
                    held[:, : ends.shape[1]] &= inside
                    found = tried.masked_fill(~held, none)
                    best = found.amin(1) if none > 0 else found.amax(1)
                    extreme[some] = better(extreme[some], best)
        missing = values.isnan().any(0)
        return lower.masked_fill(missing, math.nan), upper.masked_fill(missing, math.nan)


def _outside(low: Float[Tensor, "c m"], high: Float[Tensor, "c m"], place: Float[Tensor, "c p"]) -> Int[Tensor, "c p"]:
    """How many of the spans [low, high] do not hold each place; low and high are sorted, each by itself."""
    place = place.contiguous()
    above = low.shape[1] - torch.searchsorted(low, place, right=True)
    return above + torch.searchsorted(high, place)
