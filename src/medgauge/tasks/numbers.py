"""Numbers: an age, a length, a score on a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.calibration.intervals import Intervals
from medgauge.core.batch import LabelCoding
from medgauge.core.difficulty import Difficulty
from medgauge.core.figure import Figure
from medgauge.core.forms import ANY_GROUP, NUMBERS, Group, check_form
from medgauge.core.problem import Problem
from medgauge.core.task import Baseline, Certainty, Predictor, Surroundings
from medgauge.functional.regions import Regions
from medgauge.inference import HeadPredictor, KernelDifficulty, KernelPredictor, NeighbourPredictor
from medgauge.inference.ridge import RidgePredictor
from medgauge.metrics.baselines import CovariatesOnly, TrainingMedian
from medgauge.metrics.catalogue import NUMBER
from medgauge.models import LabelScaling
from medgauge.models.heads import DistributionHead, LinearHead
from medgauge.models.ordinal import OrdinalHead
from medgauge.models.scaling import ScalingKind
from medgauge.tasks.columns import fitted
from medgauge.tasks.problems import column_problems, equal_problems, negative_problems
from medgauge.tasks.settings import HeadSettings
from medgauge.tasks.values import LineColumns, constant

TRANSFORMED = ("mae", "rmse", "r2", "bias")


@dataclass(frozen=True, eq=False)
class Numbers(LineColumns):
    """Label columns that hold numbers, read by a linear head (or an ordinal or a distribution one, by their terms).

    Args:
        columns: label columns.
        head_settings: which head, and what it takes from the objective's term.
        scaling: of the labels.
        coding: the fitted scaling.
        median: of the training labels, (t,).
        regions: of the training labels.
    """

    kind: ClassVar[str] = "number"
    recipe: ClassVar[str] = "default"
    regression: ClassVar[str] = "kernel"
    divides: ClassVar[bool] = True
    certainty: ClassVar[type[Certainty]] = Intervals
    baselines: ClassVar[tuple[type[Baseline], ...]] = (TrainingMedian, CovariatesOnly)
    figures: ClassVar[Mapping[str, Figure]] = NUMBER

    scaling: ScalingKind = "zscore"
    coding: LabelScaling = field(default_factory=LabelScaling)
    regions: Regions | None = None

    @classmethod
    def make(cls, columns: Sequence[str], head: HeadSettings, scaling: ScalingKind) -> Self:
        """Unfitted."""
        return cls(tuple(columns), head, scaling=scaling)

    @property
    def strata(self) -> Regions:
        """many, medium, few by the density of the training labels."""
        return fitted(self.regions)

    def problems(self, label: Float[Tensor, "n t"], ids: Sequence[str]) -> list[Problem]:
        """Missing everywhere, constant, infinite, negative under log2(1 + label), or equal to another column."""
        found = []
        for name, column in zip(self.columns, label.unbind(1), strict=True):
            found += column_problems(name, column, ids)
            found += negative_problems(name, column, ids) if self.scaling == "log2" else []
        return found + equal_problems(self.columns, label)

    def fit(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> Self:
        """Scaling, regions and median of the training labels."""
        coding = LabelScaling(self.scaling).fit(label, divisor, list(self.columns))
        return replace(self, coding=coding, median=constant(label), regions=Regions.fit(label))

    def stratified(self, label: Float[Tensor, "n t"]) -> Self:
        """With the regions of other labels."""
        return replace(self, regions=Regions.fit(label))

    def head(self, embedding: int) -> nn.Module | None:
        """The head of the recipe."""
        wanted, count = self.head_settings, len(self.columns)
        if wanted.name == "none":
            return None
        if wanted.name == "ordinal":
            return OrdinalHead(embedding, count, wanted.numbers(), wanted.ordinal)
        if wanted.name == "distribution":
            return DistributionHead(embedding, count, *wanted.known_bins())
        return LinearHead(embedding, count)

    @property
    def logits(self) -> int:
        """Logits a target."""
        wanted = self.head_settings
        counts = {"ordinal": lambda: len(wanted.numbers()), "distribution": lambda: wanted.known_bins().bins}
        return counts[wanted.name]() if wanted.name in counts else 0

    def surroundings(self) -> Surroundings:
        """Kernel means of training cases nearby."""
        return NeighbourPredictor(self.coding)

    def predictors(self) -> Mapping[str, Predictor]:
        """The head, where there is one, and kernel and linear ridge regression, where the recipe wants them."""
        wanted = self.head_settings
        found: dict[str, Predictor] = {} if wanted.name == "none" else {"head": HeadPredictor(self.coding)}
        if wanted.kernel:
            found["kernel"] = KernelPredictor(self.coding, weighted=wanted.weighted)
        if wanted.ridge:
            found["ridge"] = RidgePredictor(self.coding, weighted=wanted.weighted)
        return found

    def difficulty(self) -> Difficulty:
        """Kernel regression of the left-out errors of training cases."""
        return KernelDifficulty(self.coding, weighted=self.head_settings.weighted)

    def of_group(self, label: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
        """A mean of numbers is a number."""
        return label

    def further(self, value: Float[Tensor, "n t"], label: Float[Tensor, "n t"], target: int) -> dict[str, object]:
        """Errors in log2(1 + label), where labels are scaled so."""
        if self.scaling != "log2":
            return {}
        pair = [self.coding.transformed(part[:, target : target + 1].clamp(min=-0.999999)) for part in (value, label)]
        figures = {name: float(self.figures[name].of(pair[0], pair[1])[0]) for name in TRANSFORMED}
        return {"transformed": {"unit": "log2(1 + label)", **figures}}

    def notes(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> list[str]:
        """Labels that a distribution head cannot say, a sentence a column."""
        if self.head_settings.name != "distribution":
            return []
        low, high, _ = self.head_settings.known_bins()
        coded = self.coding.encode(label, divisor)
        beyond = ((coded < low) | (coded > high)).sum(0).tolist()
        return [
            f"{name}: {count} of {len(label)} training labels lie beyond the bins of the distribution head ({low:g} to {high:g} "
            "after scaling), and no value can reach them; give its DistributionLoss a lower low or a higher high"
            for name, count in zip(self.columns, beyond, strict=True)
            if count
        ]

    def to_dict(self) -> dict[str, object]:
        """Median and regions."""
        return {"median": fitted(self.median).tolist(), "regions": self.strata.to_dict()}

    def restored(self, saved: Mapping[str, Any], coding: LabelCoding) -> Self:
        """The inverse of ``to_dict``."""
        if not isinstance(coding, LabelScaling):
            raise ValueError(f"coding must be a LabelScaling, got {type(coding).__name__}")
        check_form("task", saved, Group({"median": NUMBERS, "regions": ANY_GROUP}))
        median, regions = torch.tensor(saved["median"], dtype=torch.float64), Regions.from_dict(saved["regions"])
        if not len(median) == len(regions.parts) == len(self.columns) == coding.targets:
            raise ValueError(f"median, regions and scaling must be of {len(self.columns)} targets")
        return replace(self, coding=coding, median=median, regions=regions)

    def new_coding(self) -> LabelScaling:
        """An empty coding, whose state is loaded."""
        return LabelScaling(self.scaling)
