"""Findings: what is present in an image or not, several beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from medgauge.calibration.finding_probabilities import FindingProbabilities
from medgauge.core.batch import Cases, LabelCoding
from medgauge.core.errors import InputError
from medgauge.core.figure import Figure
from medgauge.core.forms import ANY_GROUP, Group, check_form
from medgauge.core.problem import Problem
from medgauge.core.task import Baseline, Certainty, Predictor, Surroundings
from medgauge.functional.findings import FindingStrata
from medgauge.functional.weights import mixture_weights
from medgauge.inference import HeadPredictor, KernelPredictor, NeighbourPredictor
from medgauge.inference.balanced_svm import FindingSvm
from medgauge.inference.clamped import ClampedPredictor
from medgauge.inference.finding_logistic import FindingLogistic
from medgauge.inference.predictor import values_of
from medgauge.inference.prototypes import PrototypePredictor
from medgauge.inference.records import records_of_findings
from medgauge.inference.ridge import RidgePredictor
from medgauge.metrics.catalogue import FINDING
from medgauge.metrics.finding_baselines import FindingCovariates, TrainingRate
from medgauge.metrics.finding_macros import findings_block
from medgauge.metrics.findings import case_log_loss
from medgauge.models.findings import FindingCoding, FindingHead
from medgauge.models.prototypes import PrototypeHead
from medgauge.semantics.vectors import LabelVectors
from medgauge.tasks.columns import LabelColumns, fitted
from medgauge.tasks.problems import column_problems, copy_problems, finding_problems

PROTOTYPES = "prototypes"
NAMED = 3
"""Nearest training cases with a finding, and without it, that evidence names at least."""


@dataclass(frozen=True, eq=False)
class Findings(LabelColumns):
    """Label columns of 1 (present), 0 (absent) or nothing, read as the chance that each finding is present.

    All columns share one head. A missing label takes no part; the cases that have it count for the other columns.

    Args:
        columns: label columns.
        head_settings: auto, prototypes, or none.
        coding: labels as they are.
        fitted: how many training cases have each finding.
        vectors: of a prototype head that is to be trained, what the names of the findings mean.
    """

    kind: ClassVar[str] = "finding"
    recipe: ClassVar[str] = "finding"
    regression: ClassVar[str] = "auto"
    semantic: ClassVar[bool] = True
    states: ClassVar[bool] = True
    certainty: ClassVar[type[Certainty]] = FindingProbabilities
    baselines: ClassVar[tuple[type[Baseline], ...]] = (TrainingRate, FindingCovariates)
    figures: ClassVar[Mapping[str, Figure]] = FINDING

    coding: FindingCoding = field(default_factory=FindingCoding)
    fitted: FindingStrata | None = None
    vectors: LabelVectors | None = None

    @property
    def strata(self) -> FindingStrata:
        """absent, present; with the training cases of each."""
        return fitted(self.fitted)

    @property
    def logits(self) -> int:
        """One a finding; none without a head."""
        return 0 if self.head_settings.name == "none" else 1

    def problems(self, label: Float[Tensor, "n t"], ids: Sequence[str]) -> list[Problem]:
        """Missing everywhere, neither 0 nor 1, in no case or in all, or a copy of another."""
        found = []
        for name, column in zip(self.columns, label.unbind(1), strict=True):
            found += finding_problems(name, column, ids) + column_problems(name, column, ids)
        return found + copy_problems(self.columns, label)

    def fit(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> Self:
        """Count the training labels, and find the label vectors of a prototype head.

        Raises:
            InputError: no training case has a label of a finding; a finding has no label vector.
        """
        strata = FindingStrata.fit(label)
        for name, present, absent in zip(self.columns, strata.positives, strata.negatives, strict=True):
            if not present + absent:
                raise InputError(
                    f"the finding {name} is missing in all of the {len(label)} training cases, so nothing can be learned of it; "
                    "leave the column out, or split the cases in another way (another seed, fewer folds)"
                )
        settings = self.head_settings
        vectors = settings.naming.vectors(self.columns, label) if settings.name == PROTOTYPES else None
        return replace(self, fitted=strata, vectors=vectors)

    def stratified(self, label: Float[Tensor, "n t"]) -> Self:
        """With the counts of other labels."""
        return replace(self, fitted=FindingStrata.fit(label))

    def head(self, embedding: int) -> nn.Module | None:
        """A logit a finding: linear, or by the distance to its prototype.

        Raises:
            InputError: another head is asked for.
        """
        if self.head_settings.name == "none":
            return None
        if self.vectors is not None:
            wanted, vectors = self.head_settings.naming, self.vectors.vectors
            count, dimension = vectors.shape
            return PrototypeHead(embedding, count, dimension, wanted.hidden, wanted.similarity, vectors)
        if self.head_settings.name != "auto":
            raise InputError(
                f"model.head {self.head_settings.name} does not read findings, and {self.columns[0]} is one; write auto or "
                "prototypes"
            )
        return FindingHead(embedding, len(self.columns))

    def surroundings(self) -> Surroundings:
        """Share of the weight of training cases nearby that have the finding."""
        return NeighbourPredictor(self.coding, named=NAMED)

    def predictors(self) -> Mapping[str, Predictor]:
        """The head, where there is one (prototypes: with chances fitted), and regressions, where the recipe wants them."""
        settings, found = self.head_settings, dict[str, Predictor]()
        if settings.name == PROTOTYPES:  # the head's own order, with chances that a metric loss does not know
            found[PROTOTYPES] = PrototypePredictor()
        elif settings.name != "none":
            found["head"] = HeadPredictor(self.coding)
        if settings.kernel:
            found["kernel"] = ClampedPredictor(KernelPredictor(self.coding, weighted=settings.weighted, named=NAMED))
        if settings.logistic:
            found["logistic"] = FindingLogistic(len(self.columns), weighted=settings.weighted)
        if settings.ridge:
            found["ridge"] = ClampedPredictor(RidgePredictor(self.coding, weighted=settings.weighted))
        if settings.svm:
            found["svm"] = FindingSvm(len(self.columns), weighted=settings.weighted)
        return found

    def records(self, predictors: Mapping[str, Predictor], validation: Cases, default: str) -> tuple[str, ...]:
        """Of each finding the one that reads it better than the default, by more than one standard error; else the default.

        Chosen by the log loss of validation cases, or of training cases whose groups are left out, before any calibration.
        """
        if len(self.columns) == 1:
            return (default,)
        label = validation.label.detach().cpu().double()
        errors = {name: self.error(values_of(one, validation), label) for name, one in predictors.items()}
        return records_of_findings(errors, label, validation.group, default)

    def error(self, value: Float[Tensor, "*n t"], label: Float[Tensor, "*n t"]) -> Float[Tensor, "*n t"]:
        """-log of the chance of the true state, in nats; a value beyond 0 or 1 counts as these."""
        return case_log_loss(value.clamp(0, 1), label)

    def weigh(self, value: Float[Tensor, "c n"], label: Float[Tensor, " n"]) -> Float[Tensor, " c"]:
        """By the log loss."""
        return mixture_weights((-self.error(value, label)).exp())

    def relative(self, error: Float[Tensor, " t"], label: Float[Tensor, "n t"]) -> float:
        """Mean log losses over those of the training rates for the same labels, both in sum over the findings.

        Sums are taken first: where no case has a rare finding, the rate alone is almost without loss.
        """
        label = label.detach().cpu().double()
        blind = self.error(self.strata.rates.expand_as(label), label).nanmean(0)
        known = ~(blind.isnan() | error.isnan())
        whole = blind[known].sum()
        return float(error.double()[known].sum() / (whole if whole > 0 else 1)) if bool(known.any()) else torch.nan

    def of_group(self, label: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
        """A finding is a group's where half of its labelled cases or more have it."""
        return (label >= 0.5).to(label.dtype).masked_fill(label.isnan(), torch.nan)

    def further(self, value: Float[Tensor, "n t"], label: Float[Tensor, "n t"], target: int) -> dict[str, object]:
        """How many training cases have the finding, and how frequent that is."""
        strata = self.strata
        return {
            "training": {"present": strata.positives[target], "absent": strata.negatives[target]},
            "frequency": strata.regions[target],
        }

    def together(
        self,
        value: Float[Tensor, "n t"],
        raw: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        group: Sequence[str],
        *,
        seed: int | None,
        fold: Int[Tensor, " n"] | None = None,
    ) -> dict[str, dict[str, object]]:
        """``findings``: macro figures, where there are several."""
        if len(self.columns) < 2:
            return {}
        region = dict(zip(self.columns, self.strata.regions, strict=True))
        part = (label, group, self.columns, region)
        return {"findings": findings_block(self.figures, value, raw, *part, seed=seed, fold=fold)}

    def notes(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> list[str]:
        """Findings that no training case has, or every one, and names that are read as others of the label vectors' source."""
        alike = [
            f"{name} is {'absent' if absent else 'present'} in all training cases, so nothing is learned of it"
            for name, present, absent in zip(self.columns, self.strata.positives, self.strata.negatives, strict=True)
            if not present or not absent
        ]
        return alike + ([] if self.vectors is None else list(self.vectors.notes))

    def to_dict(self) -> dict[str, object]:
        """The counts."""
        return {"strata": self.strata.to_dict()}

    def restored(self, saved: Mapping[str, Any], coding: LabelCoding) -> Self:
        """The inverse of ``to_dict``."""
        if not isinstance(coding, FindingCoding):
            raise ValueError(f"coding must be FindingCoding, got {type(coding).__name__}")
        check_form("task", saved, Group({"strata": ANY_GROUP}))
        strata = FindingStrata.from_dict(saved["strata"])
        if len(strata.positives) != len(self.columns):
            raise ValueError(f"strata must be of {len(self.columns)} findings")
        return replace(self, coding=coding, fitted=strata)

    def new_coding(self) -> FindingCoding:
        """An empty coding: it has no state."""
        return FindingCoding()
