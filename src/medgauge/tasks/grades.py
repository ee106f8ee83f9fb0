"""Grades: ordered levels in whole numbers, such as a stage of retinopathy or of arthritis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.calibration.grade_sets import GradeSets
from medgauge.core.batch import LabelCoding
from medgauge.core.errors import InputError
from medgauge.core.figure import Figure
from medgauge.core.forms import ANY_GROUP, NUMBERS, Group, check_form
from medgauge.core.problem import Problem
from medgauge.core.task import Baseline, Certainty, Predictor, Surroundings
from medgauge.functional.grades import GradeStrata, Levels, nearest_grade
from medgauge.functional.ordinal import rank_thresholds
from medgauge.inference import NeighbourPredictor
from medgauge.inference.balanced_svm import GradeSvm
from medgauge.inference.level_head import LevelHead
from medgauge.inference.logistic import LogisticPredictor
from medgauge.inference.vote import NeighbourVote
from medgauge.metrics.baselines import CovariatesOnly, TrainingMedian
from medgauge.metrics.catalogue import GRADE
from medgauge.models.ordinal import OrdinalHead
from medgauge.models.ranks import GradeRanks
from medgauge.tasks.columns import fitted
from medgauge.tasks.problems import column_problems, equal_problems, level_problems
from medgauge.tasks.values import LineColumns, constant


@dataclass(frozen=True, eq=False)
class Grades(LineColumns):
    """Label columns that hold grades, read as their expected value, with the chance of each level of the training labels.

    Labels become ranks among these levels, and the ordinal head has a threshold between each two. The neighbours' value is
    the mean grade of their vote.

    Args:
        columns: label columns.
        head_settings: binary or corn, as the objective's ordinal term; or none.
        coding: ranks of the training levels.
        median: of the training labels, (t,).
        fitted: levels and regions of the training labels.
    """

    kind: ClassVar[str] = "grade"
    recipe: ClassVar[str] = "grade"
    regression: ClassVar[str] = "logistic"
    certainty: ClassVar[type[Certainty]] = GradeSets
    baselines: ClassVar[tuple[type[Baseline], ...]] = (TrainingMedian, CovariatesOnly)
    figures: ClassVar[Mapping[str, Figure]] = GRADE

    coding: GradeRanks = field(default_factory=GradeRanks)
    fitted: GradeStrata | None = None

    @property
    def strata(self) -> GradeStrata:
        """many, medium, few by the density of the training labels, and their levels."""
        return fitted(self.fitted)

    @property
    def levels(self) -> Levels:
        """The grades of the training labels, one sequence a target."""
        return self.strata.levels

    @property
    def logits(self) -> int:
        """Thresholds of the target with the most levels; 0 without a head."""
        return 0 if self.head_settings.name == "none" else max(map(len, self.levels)) - 1

    def problems(self, label: Float[Tensor, "n t"], ids: Sequence[str]) -> list[Problem]:
        """Missing everywhere, constant, no whole numbers, more levels than grades have, or equal to another column."""
        found = []
        for name, column in zip(self.columns, label.unbind(1), strict=True):
            found += column_problems(name, column, ids) + level_problems(name, column, ids)
        return found + equal_problems(self.columns, label)

    def fit(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> Self:
        """Levels, regions and median of the training labels."""
        strata = GradeStrata.fit(label)
        return replace(self, coding=GradeRanks().fit(strata.levels), median=constant(label), fitted=strata)

    def stratified(self, label: Float[Tensor, "n t"]) -> Self:
        """With the levels and regions of other labels."""
        return replace(self, fitted=GradeStrata.fit(label))

    def head(self, embedding: int) -> nn.Module | None:
        """An ordinal head with a threshold between each two levels.

        Raises:
            InputError: another head is asked for, or the objective's term has thresholds of its own.
        """
        wanted = self.head_settings
        if wanted.name == "none":
            return None
        if wanted.name in ("linear", "distribution"):
            raise InputError(
                f"model.head {wanted.name} reads numbers, and {self.columns[0]} is a grade; write auto or ordinal"
            )
        thresholds = rank_thresholds(self.logits)
        if not isinstance(wanted.thresholds, str) and tuple(wanted.thresholds or thresholds) != thresholds:
            raise InputError(
                f"the thresholds of a grade come from its {self.logits + 1} training levels; write thresholds: ranks in the "
                "objective's OrdinalRegressionLoss"
            )
        return OrdinalHead(embedding, len(self.columns), thresholds, wanted.ordinal)

    def surroundings(self) -> Surroundings:
        """The neighbours' vote."""
        return NeighbourVote(NeighbourPredictor(), self.levels)

    def predictors(self) -> Mapping[str, Predictor]:
        """The head, where there is one, and linear classifiers, where the recipe wants them."""
        head, found = self.head_settings, dict[str, Predictor]()
        if head.name != "none":
            found["head"] = LevelHead(self.levels, head.ordinal)
        if head.logistic:
            found["logistic"] = LogisticPredictor(self.levels, weighted=head.weighted)
        if head.svm:
            found["svm"] = GradeSvm(self.levels, weighted=head.weighted)
        return found

    def of_group(self, label: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
        """The grade nearest to a mean of grades, a half going up."""
        return nearest_grade(label).to(label.dtype)

    def aligned(self, probability: Float[Tensor, "n t k"] | None, other: Self) -> Float[Tensor, "n t k"] | None:
        """Chances of another fit's levels at the places of these, 0 where it does not know a level."""
        if probability is None:
            return None
        made = probability.new_zeros(*probability.shape[:2], max(map(len, self.levels)))
        for target, (own, theirs) in enumerate(zip(self.levels, other.levels, strict=True)):
            for place, level in enumerate(theirs):
                made[:, target, own.index(level)] = probability[:, target, place]
        return made

    def to_dict(self) -> dict[str, object]:
        """Median, levels and regions."""
        return {"median": fitted(self.median).tolist(), "strata": self.strata.to_dict()}

    def restored(self, saved: Mapping[str, Any], coding: LabelCoding) -> Self:
        """The inverse of ``to_dict``."""
        if not isinstance(coding, GradeRanks):
            raise ValueError(f"coding must be GradeRanks, got {type(coding).__name__}")
        check_form("task", saved, Group({"median": NUMBERS, "strata": ANY_GROUP}))
        median, strata = torch.tensor(saved["median"], dtype=torch.float64), GradeStrata.from_dict(saved["strata"])
        coded = [tuple(row[~row.isnan()].tolist()) for row in coding.levels]
        if not len(median) == len(strata.levels) == len(strata.regions.parts) == len(self.columns) == len(coded):
            raise ValueError(f"median, levels, regions and coding must be of {len(self.columns)} targets")
        if any(not set(own) <= set(of) for own, of in zip(coded, strata.levels, strict=True)):
            raise ValueError("levels must hold those of the coding")
        return replace(self, coding=coding, median=median, fitted=strata)

    def new_coding(self) -> GradeRanks:
        """An empty coding, whose state is loaded."""
        return GradeRanks()
