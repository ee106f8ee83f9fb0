"""Calibrated probabilities of findings, and from which one on a finding is called present."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.calibration import calibrators
from medgauge.calibration.calibrators import LEAST_GROUPS, MANY_GROUPS, Calibrator, Choice
from medgauge.calibration.finding_figures import finding_figures, worse_words
from medgauge.calibration.scores import check_level
from medgauge.calibration.thresholds import HALF, Rule, choose_threshold
from medgauge.core.asked import Asked
from medgauge.core.cells import cell
from medgauge.core.checks import check_number, check_same_shape
from medgauge.core.forms import CHANCE, COUNT, FLAG, NUMBER, REAL, Form, Group, Listed, Named, check_form, one_of
from medgauge.core.task import Observed, Stated, Strata
from medgauge.metrics.findings import check_findings

_PARTS: dict[str, Form] = {"calibrator": calibrators.SAVED, "present_groups": COUNT, "absent_groups": COUNT}
_PARTS |= {"losses": Named(NUMBER), "threshold": REAL}
SAVED = Group(
    {
        "level": CHANCE,
        "rule": one_of(*get_args(Rule)),
        "sensitivity": REAL,
        "cross": FLAG,
        "targets": Listed(Group(_PARTS)),
    }
)
"""What ``to_dict`` gives."""
SERVES: Mapping[str, str] = {"f1": "has the largest F1", "youden": "has the largest sensitivity + specificity"}


@dataclass(frozen=True)
class FindingProbabilities:
    """Probabilities calibrated on calibration cases, and the threshold that serves a rule best there.

    A calibrator is used where its log loss on cases left out of its fit is lower than that of the probabilities as they are,
    beta and isotonic by more than one standard error.
    With fewer than 10 calibration groups of either state there is one probability for all cases, the share of n cases with
    the finding, (k + 1/2) / (n + 1), and no threshold is chosen: so few say nothing of how sure a probability may be. So it
    is where no rising function of what was read tells calibration cases apart. What was read stands beside it
    (``uncalibrated``).

    Of cases that one fold's fit left out, calibrator and threshold are those of the other folds' cases, so that what is
    observed of them is not optimistic (``inference.pooled.LeftOut``).

    Attributes:
        level: chance of the intervals of other kinds; nothing here rests on it.
        choices: of each finding the calibrator and what it rests on.
        threshold: of each finding; one half where it has no calibrator of its own, or one probability for all cases.
        rule: what thresholds serve.
        sensitivity: what they must reach where they serve it.
        cross: the probabilities came from several fits.
    """

    key: ClassVar[str] = "calibration"
    extent: ClassVar[str] = "share_positive"
    level: float
    choices: tuple[Choice, ...]
    threshold: tuple[float, ...]
    rule: Rule = "f1"
    sensitivity: float = 0.9
    cross: bool = False

    def __post_init__(self) -> None:
        check_level(self.level)
        check_number("sensitivity", self.sensitivity, above=0, most=1)
        if len(self.choices) != len(self.threshold):
            raise ValueError(f"threshold must be one a finding, got {len(self.threshold)} for {len(self.choices)}")
        for threshold in self.threshold:
            check_number("threshold", threshold, least=0, most=1)

    @classmethod
    def fit(cls, observed: Observed, strata: Strata, settings: Asked, *, seed: int, cross: bool = False) -> Self:
        """Choose for each finding on its labelled cases; cases without a probability are left out.

        - Raises: ValueError if shapes differ or a label is not 0, 1 or missing.
        """
        check_same_shape(value=observed.value, label=observed.label)
        check_findings(observed.label, "calibration")
        value, label = (part.detach().cpu().double().numpy() for part in (observed.value, observed.label))
        names, rule, choices, thresholds = np.array(list(observed.group), dtype=object), settings.threshold, [], []
        for one, truth in zip(value.T, label.T, strict=True):
            known = ~np.isnan(truth) & ~np.isnan(one)
            made = calibrators.choose(one[known], truth[known], names[known].tolist(), seed=seed)
            said = made.calibrator.apply(one[known])
            chosen = choose_threshold(said, truth[known], rule=rule, sensitivity=settings.sensitivity)
            choices.append(made)
            thresholds.append(chosen if made.calibrator.kind != "rate" else HALF)
        return cls(settings.level, tuple(choices), tuple(thresholds), rule, settings.sensitivity, cross)

    def apply(self, observed: Observed) -> Stated:
        """``value`` (calibrated), ``uncalibrated``, ``threshold``, ``positive``, ``covered`` (it is the label), (n, t) each.

        A case without a probability is called absent, and is not covered. Where all cases have one probability the threshold
        is NaN and the likelier state is called.
        """
        check_same_shape(value=observed.value, label=observed.label)
        raw, label = observed.value.detach().cpu().double(), observed.label.detach().cpu()
        value = self._calibrated(raw)
        positive = value >= torch.tensor(self.threshold, dtype=torch.float64)
        told = [math.nan if self._rate(target) else one for target, one in enumerate(self.threshold)]
        threshold = torch.tensor(told, dtype=torch.float64).expand_as(value)
        covered = (positive == (label == 1)) & ~label.isnan() & ~value.isnan()
        return {"value": value, "uncalibrated": raw, "threshold": threshold, "positive": positive, "covered": covered}

    def _calibrated(self, raw: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
        columns = [made.calibrator.apply(one.numpy()) for made, one in zip(self.choices, raw.unbind(1), strict=True)]
        return torch.from_numpy(np.stack(columns, axis=1))

    def _rate(self, target: int) -> bool:
        """Whether all cases have one probability, so that there is no threshold."""
        return self.choices[target].calibrator.kind == "rate"

    def columns(self, name: str, target: int) -> list[str]:
        """Whether the finding is called present, and the probability before calibration."""
        return [f"positive_{name}", f"uncalibrated_{name}"]

    def cells(self, stated: Stated, target: int) -> list[list[object]]:
        """1 or 0, and a probability; empty where none was read."""
        said, raw = stated["positive"][:, target].int().tolist(), stated["uncalibrated"][:, target].tolist()
        return [["" if before != before else one, cell(before)] for one, before in zip(said, raw, strict=True)]

    def figures(
        self, stated: Stated, observed: Observed, strata: Strata, target: int, *, seed: int
    ) -> dict[str, object]:
        """``calibration``: how calibrator and threshold were chosen, and how well probabilities and decisions hold."""
        made = self.choices[target]
        head: dict[str, object] = {
            "kind": made.calibrator.kind,
            "level": self.level,
            "note": self.note(target) + worse_words(stated, observed, target, cross=self.cross),
            "present_groups": made.present_groups,
            "absent_groups": made.absent_groups,
            "losses": dict(made.losses),
            "rule": self.rule,
            "threshold": None if self._rate(target) else self.threshold[target],
            **({"rate": made.calibrator.numbers[0]} if self._rate(target) else {}),
        }
        return {self.key: head | finding_figures(stated, observed, strata, target, seed=seed)}

    def note(self, target: int) -> str:
        """What must be said beside the probabilities of a finding."""
        made, threshold = self.choices[target], self.threshold[target]
        kind, present, absent = made.calibrator.kind, made.present_groups, made.absent_groups
        if not present + absent:
            return (
                "No calibration case has a label of this finding: probabilities are as they were read, and it is called "
                "present from one half on."
            )
        groups = f"{present} calibration group{'s' * (present != 1)} with the finding and {absent} without"
        if kind == "rate":
            be = "is" if present == 1 else "are"
            one = (
                "every case is given one probability, the share of calibration cases with the finding (one more case "
                "counted half), and no threshold is chosen"
            )
            if made.rarer < LEAST_GROUPS:
                more = "" if self.cross else "; with data.folds all development cases calibrate"
                return f"There {be} {groups}, and {LEAST_GROUPS} of both are needed: {one}{more}."
            return f"The probabilities that were read do not rise with the share of cases with the finding on {groups}: {one}."
        serves = SERVES.get(self.rule, f"finds {100 * self.sensitivity:g} % of the cases with it")
        text = f"{_chosen_words(made, groups)}, and new cases are called present from {threshold:.3g} on, which {serves} there."
        more = (
            " They come from several fits; the mean of these, which new cases have, may be less sure than it could be."
        )
        return text + more * self.cross

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        targets = [
            {
                "calibrator": made.calibrator.to_dict(),
                "present_groups": made.present_groups,
                "absent_groups": made.absent_groups,
                "losses": dict(made.losses),
                "threshold": threshold,
            }
            for made, threshold in zip(self.choices, self.threshold, strict=True)
        ]
        asked = {"level": self.level, "rule": self.rule, "sensitivity": self.sensitivity, "cross": self.cross}
        return {**asked, "targets": targets}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""
        check_form("", saved, SAVED)
        choices = tuple(
            Choice(
                Calibrator.from_dict(of["calibrator"]), of["present_groups"], of["absent_groups"], dict(of["losses"])
            )
            for of in saved["targets"]
        )
        threshold = tuple(float(of["threshold"]) for of in saved["targets"])
        return cls(
            float(saved["level"]), choices, threshold, saved["rule"], float(saved["sensitivity"]), saved["cross"]
        )


def _chosen_words(made: Choice, groups: str) -> str:
    """Which calibrator was chosen, on what, and by which log losses."""
    tried = [f"{name} {loss:.3f}" for name, loss in made.losses.items() if name != "none"]
    below = f"; others need {MANY_GROUPS} groups of both" if made.rarer < MANY_GROUPS else ""
    losses = f"log loss of cases left out {made.losses['none']:.3f} as read, {', '.join(tried)}{below}"
    if any(loss < made.losses[made.calibrator.kind] for loss in made.losses.values()):
        losses += "; a richer one is taken where it is better by more than one standard error"
    if made.calibrator.kind == "none":
        return f"Probabilities are as they were read, since no calibrator was better on {groups} ({losses})"
    return f"Probabilities are calibrated ({made.calibrator.kind}) on {groups} ({losses})"
