"""Functions that bring the probability of a finding to the share of cases in which it is present."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from medgauge.core.checks import check_choice
from medgauge.core.forms import NUMBER, NUMBERS, Group, Leaf, check_form, one_of
from medgauge.core.seeding import derive_seed
from medgauge.metrics.findings import LEAST_CHANCE, case_log_loss

Kind = Literal["logistic", "beta", "isotonic", "rate", "none"]
Column = Float64[np.ndarray, " n"]
CHOICES: tuple[Kind, ...] = ("none", "logistic", "beta", "isotonic")
"""What is chosen among, the simplest first."""
SIMPLE: tuple[Kind, ...] = ("none", "logistic")
"""Of these the smaller loss is enough."""
MANY_GROUPS = 50
"""Groups of the rarer state from which on beta and isotonic are tried too."""
LEAST_GROUPS = 10
"""Groups of the rarer state below which a probability is the base rate."""
FOLDS = 5
_STEPS, _ENOUGH = 50, 1e-10
_PROBABILITY = Leaf("a number in [0, 1]", lambda value: NUMBER.holds(value) and value is not None and 0 <= value <= 1)
_KNOTS = Leaf(
    "rising probabilities, and as many calibrated ones that never fall",
    lambda value: (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(part, list) and all(map(_PROBABILITY.holds, part)) for part in value)
        and len(value[0]) == len(value[1])
        and all(one < other for one, other in pairwise(value[0]))
        and all(one <= other for one, other in pairwise(value[1]))
    ),
)


@dataclass(frozen=True)
class Calibrator:
    """A function of a probability that never falls.

    ``logistic`` and ``beta``: logit q = a log p - b log(1 - p) + c with a, b >= 0, and a = b for logistic; ``isotonic``:
    straight lines between knots, constant beyond; ``rate``: one probability for all; ``none``: as it came. Probabilities
    count as at least 1/1000 and at most 999/1000 where their logarithm is taken.

    - Source: logistic: Platt 1999, on the logit of the probability; beta: Kull, Silva Filho, Flach, AISTATS 2017, with all
      three parameters; isotonic: Zadrozny and Elkan, KDD 2002.

    Attributes:
        kind: which of them.
        numbers: a, b and c; the rate alone; else nothing.
        knots: probabilities (rising) and calibrated ones, of isotonic.
    """

    kind: Kind
    numbers: tuple[float, ...] = ()
    knots: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, get_args(Kind))
        wanted = {"logistic": 3, "beta": 3, "rate": 1}.get(self.kind, 0)
        if len(self.numbers) != wanted or bool(self.knots[0]) != (self.kind == "isotonic"):
            raise ValueError(f"a {self.kind} calibrator has {wanted} numbers, got {self.numbers} and {self.knots}")
        if wanted == 3 and min(self.numbers[:2]) < 0:
            raise ValueError(f"a and b must be >= 0, got {self.numbers}")

    @classmethod
    def fit(cls, value: Column, label: Column, *, kind: Kind) -> "Calibrator":
        """Fit to probabilities and labels 0 and 1 of cases; every case counts the same.

        - Departs: labels are smoothed as by Platt, to (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), for beta too, so that a and b are
          finite; a negative a or b is set to 0 and the rest fitted again (Kull et al. do so). Isotonic probabilities are
          kept 1 / (n + 2) from 0 and 1. The rate is that of n cases and one more that is half present.
        - Raises: ValueError without cases.
        """
        if not len(value):
            raise ValueError("value must hold at least one case")
        if kind == "rate":
            return cls(kind, (float((label.sum() + 0.5) / (len(label) + 1)),))
        if kind == "isotonic":
            return cls(kind, knots=_isotonic(value, label))
        return cls(kind, _curve(value, label, together=kind == "logistic")) if kind != "none" else cls(kind)

    def apply(self, value: Column) -> Column:
        """Calibrated probabilities; NaN stays NaN."""
        if self.kind == "none":
            return value
        if self.kind == "rate":
            return np.where(np.isnan(value), np.nan, self.numbers[0])
        if self.kind == "isotonic":
            return np.where(np.isnan(value), np.nan, np.interp(value, *self.knots))
        a, b, c = self.numbers
        below, above = _logs(value)
        return np.asarray(1 / (1 + np.exp(-(a * below + b * above + c))))

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {"kind": self.kind, "numbers": list(self.numbers), "knots": [list(part) for part in self.knots]}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Calibrator":
        """The inverse of ``to_dict``."""
        check_form("", saved, SAVED)
        first, second = saved["knots"]
        return cls(saved["kind"], tuple(map(float, saved["numbers"])), (tuple(first), tuple(second)))


SAVED = Group({"kind": one_of(*get_args(Kind)), "numbers": NUMBERS, "knots": _KNOTS})
"""What ``to_dict`` gives."""


@dataclass(frozen=True)
class Choice:
    """A calibrator, the groups with and without the finding that it rests on, and the log losses that chose it.

    ``losses`` are those of cases whose fifth of the groups was left out; with too few groups there are none.
    """

    calibrator: Calibrator
    present_groups: int
    absent_groups: int
    losses: Mapping[str, float]

    @property
    def rarer(self) -> int:
        """Groups of the rarer state."""
        return min(self.present_groups, self.absent_groups)


def choose(value: Column, label: Column, group: Sequence[str], *, seed: int) -> Choice:
    """The calibrator chosen by its log loss on cases whose fifth of the groups was left out, fitted on all cases.

    Of the probability as it came and logistic, the smaller loss; beta or isotonic where its loss is smaller than that one's
    by more than one standard error of the difference, by groups: with few cases the smallest of four is often so by chance.
    A group counts for each state that one of its cases has. With fewer than 50
    groups of the rarer state it is that or logistic; with fewer than 10 one rate for all cases, and too where it would give
    all of them one probability; without cases the probability as it came. Equal losses: the simpler one.

    Args:
        value: probabilities of labelled cases.
        label: 0 or 1.
        group: of each case.
        seed: of the fifths.
    """
    names = np.array([str(name) for name in group], dtype=object)
    counts = [len(set(names[label == state])) for state in (1, 0)]
    if not len(value):
        return Choice(Calibrator("none"), 0, 0, {})
    kinds: tuple[Kind, ...] = CHOICES
    if min(counts) < MANY_GROUPS:
        kinds = ("none", "logistic") if min(counts) >= LEAST_GROUPS else ("rate",)
    losses = _losses(value, label, _folds(names, label, seed), kinds) if len(kinds) > 1 else {}
    found = Calibrator.fit(value, label, kind=_chosen(losses, names) if losses else kinds[0])
    if np.ptp(found.apply(value)) == 0:
        found = Calibrator.fit(value, label, kind="rate")
    return Choice(found, counts[0], counts[1], {kind: float(loss.mean()) for kind, loss in losses.items()})


def _chosen(losses: Mapping[Kind, Column], group: "np.ndarray[Any, Any]") -> Kind:
    """The better of the simple kinds, or the best of those that are better than it by more than one standard error."""
    mean = {kind: float(loss.mean()) for kind, loss in losses.items()}
    simple = min((kind for kind in SIMPLE if kind in mean), key=mean.__getitem__)
    richer = [kind for kind in mean if kind not in SIMPLE and _surely_above(losses[simple] - losses[kind], group)]
    return min(richer, key=mean.__getitem__, default=simple)


def _surely_above(difference: Column, group: "np.ndarray[Any, Any]") -> bool:
    """Whether the mean is above 0 by more than its standard error, from the sums of the groups about their share of it."""
    _, code = np.unique(group, return_inverse=True)
    mean = difference.mean()
    apart = np.bincount(code, weights=difference - mean)
    error = np.sqrt((apart**2).sum() * len(apart) / (len(apart) - 1)) / len(difference)
    return bool(mean > error)


def _losses(value: Column, label: Column, fold: Int64[np.ndarray, " n"], kinds: Sequence[Kind]) -> dict[Kind, Column]:
    """Log loss of each case by each kind that was not fitted on it."""
    found: dict[Kind, Column] = {}
    for kind in kinds:
        said = np.empty_like(value)
        for one in range(FOLDS):
            out = fold == one
            said[out] = Calibrator.fit(value[~out], label[~out], kind=kind).apply(value[out])
        found[kind] = case_log_loss(torch.from_numpy(said), torch.from_numpy(label)).numpy()
    return found


def _folds(group: "np.ndarray[Any, Any]", label: Column, seed: int) -> Int64[np.ndarray, " n"]:
    """A fifth for each group, those with the finding spread over all fifths by themselves."""
    present = set(group[label == 1])
    order = sorted(set(group), key=lambda name: (name in present, derive_seed(seed, "calibrators", name)))
    fold = {name: place % FOLDS for place, name in enumerate(order)}
    return np.array([fold[name] for name in group], dtype=np.int64)


def _logs(value: Column) -> tuple[Column, Column]:
    """log p and -log(1 - p)."""
    kept = np.clip(value, LEAST_CHANCE, 1 - LEAST_CHANCE)
    return np.log(kept), -np.log1p(-kept)


def _isotonic(value: Column, label: Column) -> tuple[tuple[float, ...], tuple[float, ...]]:
    from sklearn.isotonic import IsotonicRegression

    edge = 1 / (len(label) + 2)
    found = IsotonicRegression(y_min=edge, y_max=1 - edge).fit(value, label)
    return tuple(found.X_thresholds_.tolist()), tuple(found.y_thresholds_.tolist())


def _curve(value: Column, label: Column, *, together: bool) -> tuple[float, float, float]:
    """a, b and c of the smallest log loss; ``together``: a = b."""
    present = label.sum()
    smooth = np.where(label == 1, (present + 1) / (present + 2), 1 / (len(label) - present + 2))
    below, above = _logs(value)
    if together:
        slope, c = _newton(np.stack([below + above], 1), smooth, np.array([True]))
        return slope, slope, c
    features, free = np.stack([below, above], 1), np.array([True, True])
    a, b, c = _newton(features, smooth, free)
    while min(a, b) < 0:
        free &= np.array([a, b]) > min(a, b)
        a, b, c = _newton(features, smooth, free)
    return a, b, c


def _newton(features: Float64[np.ndarray, "n q"], target: Column, free: Bool[np.ndarray, " q"]) -> tuple[float, ...]:
    """Slopes (0 where not free) and intercept of a logistic regression on soft targets; one slope is never negative.

    A penalty of 1e-6 on the squared distance from slopes of 1 and an intercept of 0 decides where all features are equal.
    """
    design = np.column_stack([features, np.ones(len(target))])[:, [*free, True]]
    start = np.array([1.0] * int(free.sum()) + [0.0])
    theta = start.copy()

    def loss(at: Column) -> float:
        score = design @ at
        return float((np.logaddexp(0, score) - target * score).sum() + 0.5e-6 * ((at - start) ** 2).sum())

    now = loss(theta)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ theta, -500, 500)))
        slope = design.T @ (chance - target) + 1e-6 * (theta - start)
        bend = (design * (chance * (1 - chance))[:, None]).T @ design + 1e-6 * np.eye(len(theta))
        step, size = np.linalg.solve(bend, slope), 1.0
        while (then := loss(theta - size * step)) > now and size > 1e-8:
            size /= 2
        if not then < now - _ENOUGH * max(1.0, abs(now)):
            break
        theta, now = theta - size * step, then
    found = np.zeros(len(free) + 1)
    found[[*free, True]] = theta
    if len(free) == 1 and found[0] < 0:  # the order is not turned round: the share of present cases for all
        return _newton(features, target, np.array([False]))
    return tuple(found.tolist())
