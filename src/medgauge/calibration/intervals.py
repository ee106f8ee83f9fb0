"""What calibration cases serve of a number: intervals, the correction, the age gap."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from medgauge.calibration.conformal import SplitConformal
from medgauge.calibration.correction import AgeGapLine, PredictionCorrection, delta_corrected
from medgauge.calibration.covering import by_chance
from medgauge.calibration.cross_fitted import CrossFitted
from medgauge.calibration.label_conditional import LabelConditionalConformal
from medgauge.calibration.widths import interval_block
from medgauge.core.asked import Asked
from medgauge.core.cells import cell
from medgauge.core.forms import ANYTHING, Group, check_form, one_of
from medgauge.core.task import Observed, Stated, Strata
from medgauge.functional.regions import Regions
from medgauge.metrics import bias, calibration_slope, mae

Conformal = LabelConditionalConformal | SplitConformal
BESIDE = {"label_conditional": "plain", "split": "label_conditional"}
"""What the interval beside the one of record is called in files, by the kind of the one of record."""


@dataclass(frozen=True)
class Intervals:
    """What was fitted on calibration cases: the interval of record, the one beside it, correction and age-gap line.

    The correction is fitted on all calibration cases, and the intervals on values that a correction without each case's
    tenth of the groups gives (``PredictionCorrection.cross_fit``): two halves would leave too few groups in region few.

    ``crossed`` takes the place of ``record`` where several fits say their values of a case, none of which has seen it. An
    out-of-fold case was seen by all fits but one, so it has the interval of record.
    """

    key: ClassVar[str] = "interval"
    extent: ClassVar[str] = "width"
    record: Conformal
    beside: Conformal
    correction: PredictionCorrection | None = None
    age_gap: AgeGapLine | None = None
    crossed: CrossFitted | None = None

    @classmethod
    def fit(
        cls, observed: Observed, strata: Regions, settings: Asked, *, seed: int, cross: bool = False
    ) -> "Intervals":
        """Fit on values of the predictor of record; ``cross`` says that they are out-of-fold values of several fits."""
        value, label, group = observed.value.double(), observed.label.double(), list(observed.group)
        correction = None
        if settings.correction != "none":
            correction, value = PredictionCorrection.cross_fit(value, label, group, kind=settings.correction, seed=seed)
            cross = cross or not all(correction.identity(target) for target in range(label.shape[1]))
        level = settings.level
        split = SplitConformal.fit(value, label, group, level=level, seed=seed, cross=cross, scale=observed.scale)
        conditional = LabelConditionalConformal.fit(
            value, label, group, strata.parts, level=level, seed=seed, cross=cross, scale=observed.scale
        )
        age_gap = AgeGapLine.fit(value, label, group) if settings.age_gap else None
        record, beside = (split, conditional) if settings.interval == "split" else (conditional, split)
        crossed = None
        if settings.interval == "cross" and observed.fold is not None:
            crossed = CrossFitted.fit(
                value, label, group, observed.fold, conditional.partition, observed.scale, level=level, seed=seed
            )
        return cls(record, beside, correction, age_gap, crossed)

    def apply(self, observed: Observed) -> Stated:
        """Values after the correction, the intervals around them, and whether these hold of the labels.

        - Shape: value, lower, upper, pieces, excess of the interval of record and the same with ``beside_`` before them;
          covered, in_set, beside_covered, beside_in_set: bool; delta_corrected where an age gap was asked for; crossed, where
          lower and upper are cross-fitted: in one piece, and how much of them is in no set is not known; (n, t) each.
        """
        raw, label = observed.value.double(), observed.label.double()
        value = raw if self.correction is None else self.correction.apply(raw)
        said = {"value": value}
        for before, conformal in (("", self.record), ("beside_", self.beside)):
            hull = conformal.hull(value, observed.scale)
            said |= {f"{before}{name}": part for name, part in hull._asdict().items()}
            said[f"{before}covered"] = (hull.lower <= label) & (label <= hull.upper)
            said[f"{before}in_set"] = conformal.contains(value, label, observed.scale)
        if self.crossed is not None and observed.fits is not None:
            lower, upper = self.crossed.interval(observed.fits, value, observed.fit_scales)
            said |= {"lower": lower, "upper": upper, "pieces": (~lower.isnan()).long()}
            said |= {"excess": torch.full_like(lower, math.nan), "covered": (lower <= label) & (label <= upper)}
            said["in_set"] = self.crossed.contains(observed.fits, label, observed.fit_scales)
            said["crossed"] = torch.ones_like(said["in_set"])
        if self.age_gap is not None:
            said["delta_corrected"] = delta_corrected(value, label, self.age_gap)
        return said

    def columns(self, name: str, target: int) -> list[str]:
        """Ends of both intervals, the pieces of the label-conditional set, the gap."""
        ends = [f"lower_{name}", f"upper_{name}", f"pieces_{name}"]
        ends += [f"{BESIDE[self.record.kind]}_{end}_{name}" for end in ("lower", "upper")]
        return ends + [f"delta_corrected_{name}"] * (self.age_gap is not None)

    def cells(self, stated: Stated, target: int) -> list[list[object]]:
        """A row a case."""
        in_pieces = "pieces" if isinstance(self.record, LabelConditionalConformal) else "beside_pieces"
        names = ["lower", "upper", in_pieces, "beside_lower", "beside_upper"]
        names += ["delta_corrected"] * (self.age_gap is not None)
        columns = [stated[name][:, target].tolist() for name in names]
        return [[part if isinstance(part, int) else cell(part) for part in row] for row in zip(*columns, strict=True)]

    def figures(
        self, stated: Stated, observed: Observed, strata: Strata, target: int, *, seed: int
    ) -> dict[str, object]:
        """The blocks ``interval`` and the one beside it, and what stands beside a corrected value."""
        both: list[tuple[str, str, Conformal]] = [
            (self.key, "", self.record),
            (f"{BESIDE[self.record.kind]}_interval", "beside_", self.beside),
        ]
        groups = next(one.groups[target] for _, _, one in both if isinstance(one, SplitConformal))
        found: dict[str, Any] = {}
        for name, before, conformal in both:
            said = {part.removeprefix(before): tensor for part, tensor in stated.items() if part.startswith(before)}
            head = {
                "kind": conformal.kind,
                "level": conformal.level,
                "scaled": conformal.scaled,
                "note": conformal.note(target),
            }
            head["groups_needed"] = conformal.needed
            block = interval_block(said, observed, strata, target, seed=seed)
            if isinstance(conformal, LabelConditionalConformal):
                for region, counts in conformal.counts(target).items():
                    block["by_region"][region] |= counts
            if not conformal.cross:
                _add_chance(block, conformal, groups)
            found[name] = {**head, **block, "n_groups": groups}
        if self.crossed is not None:
            self._cross_words(found, crossed="crossed" in stated, target=target)
        return {**self._corrected(observed, target), **found}

    def _cross_words(self, found: dict[str, Any], *, crossed: bool, target: int) -> None:
        """Say in the block of record that its interval is cross-fitted, or what new cases have in its place."""
        assert self.crossed is not None  # noqa: S101 - for the type checker
        if crossed:
            found[self.key] |= {"kind": self.crossed.kind, "note": self.crossed.note(target)}
        else:
            found[self.key]["new_cases"] = self.crossed.note(target)

    def _corrected(self, observed: Observed, target: int) -> dict[str, object]:
        """The correction with the figures without it, and the line of the age gap; nothing without either."""
        found: dict[str, object] = {}
        if self.correction is not None:
            raw, label = (part[:, target : target + 1].double() for part in (observed.value, observed.label))
            intercept, slope = self.correction.line[target]
            words = {
                "kind": self.correction.kind,
                "groups": self.correction.groups[target],
                "note": self.correction.note(target),
            }
            line = {"intercept": intercept, "slope": slope} if self.correction.kind == "linear" else {}
            found["correction"] = words | line
            found["uncorrected"] = {
                figure.__name__: float(figure(raw, label)[0]) for figure in (mae, bias, calibration_slope)
            }
        if self.age_gap is not None:
            intercept, slope = self.age_gap.line[target]
            found["age_gap"] = {"groups": self.age_gap.groups[target], "intercept": intercept, "slope": slope}
        return found

    def note(self, target: int) -> str:
        """What the interval of record promises."""
        return self.record.note(target) if self.crossed is None else self.crossed.note(target)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {
            "level": self.record.level,
            "interval": self.record.to_dict(),
            "beside": self.beside.to_dict(),
            "correction": None if self.correction is None else self.correction.to_dict(),
            "age_gap": None if self.age_gap is None else self.age_gap.to_dict(),
            "crossed": None if self.crossed is None else self.crossed.to_dict(),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Intervals":
        """The inverse of ``to_dict``."""
        check_form(
            "", saved, Group(dict.fromkeys(("interval", "beside", "correction", "age_gap", "crossed?"), ANYTHING))
        )
        correction, age_gap, crossed = saved["correction"], saved["age_gap"], saved.get("crossed")
        return cls(
            _conformal(saved["interval"]),
            _conformal(saved["beside"]),
            None if correction is None else PredictionCorrection.from_dict(correction),
            None if age_gap is None else AgeGapLine.from_dict(age_gap),
            None if crossed is None else CrossFitted.from_dict(crossed),
        )


def _add_chance(block: dict[str, Any], conformal: Conformal, groups: int) -> None:
    """Add between which shares such sets cover by chance, whole and of each region with a quantile of its own."""
    parts = {"all": (groups, block["drawn"])}
    if isinstance(conformal, LabelConditionalConformal):
        parts = {}
        for name, region in block["by_region"].items():
            together = str(region.get("merged", name))
            own = region.get("merged_groups", region["calibration_groups"])
            parts[together] = (own, parts.get(together, (own, 0))[1] + region["drawn"])
        for name in block["by_region"].keys() & parts.keys():
            block["by_region"][name]["by_chance95"] = list(by_chance(conformal.level, [parts[name]]))
    block["by_chance95"] = list(by_chance(conformal.level, list(parts.values())))


def _conformal(saved: Mapping[str, Any]) -> Conformal:
    check_form("", saved, Group({"kind": one_of(*BESIDE)}))
    kinds: dict[str, type[Conformal]] = {one.kind: one for one in (LabelConditionalConformal, SplitConformal)}
    return kinds[saved["kind"]].from_dict(saved)
