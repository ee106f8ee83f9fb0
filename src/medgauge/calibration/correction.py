"""Regression to the mean: corrections that are functions of the prediction, and the age gap, which is not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from medgauge.calibration.scores import check_targets
from medgauge.core.checks import check_same_shape
from medgauge.core.forms import COUNT, NUMBER, NUMBERS, Group, Leaf, Listed, check_form, one_of
from medgauge.core.seeding import derive_seed
from medgauge.metrics import MIN_GROUPS

Kind = Literal["linear", "isotonic"]
Column = Float64[np.ndarray, " n"]
Line = tuple[float, float]
Knots = tuple[tuple[float, ...], tuple[float, ...]]
FOLDS = 10
_LINE = Leaf("an intercept and a slope", lambda value: NUMBERS.holds(value) and len(value) == 2)
_GAP_LINE = Leaf(
    "an intercept and a slope, or null for each",
    lambda value: isinstance(value, list) and len(value) == 2 and all(map(NUMBER.holds, value)),
)
_KNOTS = Leaf(
    "rising predictions, and as many corrected values",
    lambda value: (
        isinstance(value, list)
        and len(value) == 2
        and all(map(NUMBERS.holds, value))
        and len(value[0]) == len(value[1])
        and all(one < other for one, other in pairwise(value[0]))
    ),
)
SAVED = Group(
    {"kind": one_of("linear", "isotonic"), "groups": Listed(COUNT), "line": Listed(_LINE), "knots": Listed(_KNOTS)}
)
"""What ``to_dict`` of a correction gives."""
SAVED_GAP = Group({"groups": Listed(COUNT), "line": Listed(_GAP_LINE)})
"""What ``to_dict`` of an age-gap line gives."""


@dataclass(frozen=True)
class PredictionCorrection:
    """A function of the prediction alone that brings it nearer to the mean label of cases with such a prediction.

    ``linear`` is intercept + slope x prediction by weighted least squares; ``isotonic`` the best function that never
    falls, constant beyond the first and last knot. Each group weighs the same, however many cases it has. A target
    with fewer than 20 groups, or with equal predictions, is left as it is, and ``note`` says so. It knows nothing of the
    true label of the case it corrects, so its values may enter MAE, R2 and coverage.

    - Raises: ValueError from ``fit`` if shapes differ or the kind is unknown.

    Attributes:
        kind: linear or isotonic.
        groups: number of groups with the target's label.
        line: intercept and slope of each target; (0, 1) where nothing is changed or knots are used.
        knots: of isotonic: predictions (rising) and corrected values of each target; empty where nothing is changed.
    """

    kind: Kind
    groups: tuple[int, ...]
    line: tuple[Line, ...]
    knots: tuple[Knots, ...]

    @classmethod
    def fit(
        cls, prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"], group: Sequence[str], *, kind: Kind
    ) -> "PredictionCorrection":
        """Fit on cases that selected nothing (calibration, or out-of-fold); missing labels are left out."""
        return cls._fit(prediction, label, group, kind, least=MIN_GROUPS)

    @classmethod
    def cross_fit(
        cls,
        prediction: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        group: Sequence[str],
        *,
        kind: Kind,
        seed: int,
    ) -> tuple["PredictionCorrection", Float[Tensor, "n t"]]:
        """The correction fitted on all cases, and each case's value corrected by a fit without its tenth of the groups.

        The values serve the intervals: residuals of cases that the correction was fitted on would be too small. As the
        fits differ a little, the level of intervals from them is not guaranteed exactly.
        """
        whole = cls.fit(prediction, label, group, kind=kind)
        names = sorted(set(group), key=lambda name: derive_seed(seed, "correction", name))
        fold = {name: place % FOLDS for place, name in enumerate(names)}
        of = torch.tensor([fold[name] for name in group], dtype=torch.int64)
        corrected = prediction.double().clone()
        for one in range(min(FOLDS, len(names))):
            rows = torch.nonzero(of != one).flatten()
            others = [group[row] for row in rows.tolist()]
            part = cls._fit(prediction[rows], label[rows], others, kind, least=2)
            corrected[of == one] = part.apply(prediction[of == one])
        same = torch.tensor([whole.identity(target) for target in range(len(whole.groups))])
        return whole, torch.where(same, prediction.double(), corrected)

    @classmethod
    def _fit(
        cls, prediction: Tensor, label: Tensor, group: Sequence[str], kind: Kind, least: int
    ) -> "PredictionCorrection":
        check_same_shape(prediction=prediction, label=label)
        if kind not in ("linear", "isotonic"):
            raise ValueError(f"kind must be linear or isotonic, got {kind!r}")
        counts, lines, knots = [], [], []
        for target in range(label.shape[1]):
            value, truth, weight, count = _observed(prediction[:, target], label[:, target], group)
            enough = count >= least and float(np.ptp(value)) > 0
            counts.append(count)
            lines.append(_line(value, truth, weight) if enough and kind == "linear" else (0.0, 1.0))
            knots.append(_knots(value, truth, weight) if enough and kind == "isotonic" else ((), ()))
        return cls(kind, tuple(counts), tuple(lines), tuple(knots))

    def apply(self, prediction: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
        """Corrected predictions, float64."""
        check_targets(prediction, len(self.groups))
        columns = []
        for column, (intercept, slope), (places, values) in zip(
            prediction.double().unbind(1), self.line, self.knots, strict=True
        ):
            plain = column.cpu().numpy()
            moved = np.interp(plain, places, values) if places else intercept + slope * plain
            columns.append(torch.from_numpy(np.asarray(moved, dtype=np.float64)).to(column.device))
        return torch.stack(columns, dim=1)

    def identity(self, target: int) -> bool:
        """Whether a target's predictions are left as they are."""
        return self.line[target] == (0.0, 1.0) and not self.knots[target][0]

    def note(self, target: int) -> str:
        """What was done to a target's predictions, in a sentence."""
        if self.groups[target] < MIN_GROUPS:
            return (
                f"No {self.kind} correction: it needs {MIN_GROUPS} calibration groups with this label, "
                f"there are {self.groups[target]}."
            )
        if self.identity(target):
            return f"No {self.kind} correction: it changes nothing, or the predictions are all equal."
        words = f"Values are corrected by a function of the prediction ({self.kind}), from {self.groups[target]} calibration groups"
        intercept, slope = self.line[target]
        return f"{words}: {intercept:.4g} + {slope:.4g} x prediction." if self.kind == "linear" else f"{words}."

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": self.kind,
            "groups": list(self.groups),
            "line": [list(line) for line in self.line],
            "knots": [[list(part) for part in knots] for knots in self.knots],
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "PredictionCorrection":
        """The inverse of ``to_dict``."""
        check_form("", saved, SAVED)
        lines = tuple((float(intercept), float(slope)) for intercept, slope in saved["line"])
        knots = tuple((tuple(map(float, places)), tuple(map(float, values))) for places, values in saved["knots"])
        return cls(saved["kind"], tuple(int(count) for count in saved["groups"]), lines, knots)


@dataclass(frozen=True)
class AgeGapLine:
    """The line of prediction - label on the TRUE label, which :func:`delta_corrected` takes off an age gap.

    Attributes:
        groups: number of groups with the target's label; below 20 intercept and slope are NaN.
        line: intercept and slope of each target.
    """

    groups: tuple[int, ...]
    line: tuple[Line, ...]

    @classmethod
    def fit(cls, prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"], group: Sequence[str]) -> "AgeGapLine":
        """Fit on cases that selected nothing (calibration, or out-of-fold); each group weighs the same.

        - Raises: ValueError if shapes differ.
        """
        check_same_shape(prediction=prediction, label=label)
        counts, lines = [], []
        for target in range(label.shape[1]):
            value, truth, weight, count = _observed(prediction[:, target], label[:, target], group)
            enough = count >= MIN_GROUPS and float(np.ptp(truth)) > 0
            counts.append(count)
            lines.append(_line(truth, value - truth, weight) if enough else (math.nan, math.nan))
        return cls(tuple(counts), tuple(lines))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; NaN is None."""
        return {
            "groups": list(self.groups),
            "line": [[None if math.isnan(part) else part for part in line] for line in self.line],
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "AgeGapLine":
        """The inverse of ``to_dict``."""
        check_form("", saved, SAVED_GAP)
        lines = [tuple(math.nan if part is None else float(part) for part in line) for line in saved["line"]]
        return cls(tuple(int(count) for count in saved["groups"]), tuple((line[0], line[1]) for line in lines))


def delta_corrected(
    prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"], line: AgeGapLine
) -> Float[Tensor, "n t"]:
    """The age gap prediction - label with its trend over the TRUE label taken off, in label units.

    NEVER for MAE, R2, correlation or coverage: it uses the true label of the very case, so label + delta is near the
    label whatever the model says (a constant prediction has a gap of 0 everywhere). It serves only to compare gaps
    between people of different ages. NaN where the label is missing or the line had fewer than 20 groups.

    - Raises: ValueError if shapes differ.
    - Source: Beheshti et al., NeuroImage: Clinical 24 (2019): the gap regressed on age.
    """
    check_same_shape(prediction=prediction, label=label)
    check_targets(prediction, len(line.line))
    intercept, slope = torch.tensor(line.line, dtype=torch.float64, device=prediction.device).reshape(-1, 2).unbind(1)
    return prediction.double() - label.double() - (intercept + slope * label.double())


def _observed(value: Tensor, label: Tensor, group: Sequence[str]) -> tuple[Column, Column, Column, int]:
    """Values, labels and weights of the observed cases of one target, and the number of groups: each weighs 1."""
    rows = torch.nonzero(~(value + label).isnan()).flatten().cpu()
    _, of, sizes = np.unique([str(group[row]) for row in rows.tolist()], return_inverse=True, return_counts=True)
    seen = (part.detach().cpu().double()[rows].numpy() for part in (value, label))
    return *seen, 1.0 / sizes[of.reshape(-1)], len(sizes)  # type: ignore[return-value]  # two columns


def _line(place: Column, height: Column, weight: Column) -> Line:
    """Intercept and slope of the weighted least-squares line."""
    share = weight / weight.sum()
    middle, level = float(share @ place), float(share @ height)
    gap = place - middle
    slope = float((share * gap) @ (height - level)) / float((share * gap) @ gap)
    return level - slope * middle, slope


def _knots(place: Column, height: Column, weight: Column) -> Knots:
    """The isotonic fit, as places and values between which it is linear."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip").fit(place, height, sample_weight=weight)
    return tuple(map(float, fitted.X_thresholds_)), tuple(map(float, fitted.y_thresholds_))
