"""The contract of kinds of labels, on grades in their plainest form, and on grades with one thing broken."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import pytest
import torch
from torch import Tensor, nn

from medgauge.calibration import GradeSets
from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.core.figure import Figure
from medgauge.core.problem import Problem
from medgauge.core.task import Baseline
from medgauge.functional.grades import GradeStrata
from medgauge.functional.ordinal import level_probabilities, threshold_levels
from medgauge.inference import HeadPredictor, NeighbourPredictor, NeighbourVote
from medgauge.metrics.catalogue import GRADE
from medgauge.models.ordinal import OrdinalHead
from tests.contracts import TaskContract


class Plain:
    """Labels as they are."""

    divides = False

    def encode(self, label: Tensor, divisor: Tensor | None = None) -> Tensor:
        return label

    def decode(self, value: Tensor, divisor: Tensor | None = None) -> Tensor:
        return value


class Head(HeadPredictor):
    """What the ordinal head said."""

    def read(self, cases: Cases) -> Reading:
        assert cases.logits is not None
        return super().read(cases)._replace(probability=level_probabilities(cases.logits.double(), "corn"))


class Grades:
    """The least that a task of grades 0, 1, 2 must have."""

    kind: ClassVar[str] = "grade"
    regression: ClassVar[str] = "logistic"
    certainty: ClassVar[type] = GradeSets
    baselines: ClassVar[tuple[type[Baseline], ...]] = ()
    figures: ClassVar[Mapping[str, Figure]] = GRADE
    name, columns, coding = "dr", ("dr",), Plain()
    strata: GradeStrata

    def problems(self, label: Tensor, ids: list[str]) -> list[Problem]:
        broken = torch.nonzero(label[:, 0] != label[:, 0].nan_to_num(0.0).round()).flatten().tolist()
        rows = [row for row in broken if not label[row, 0].isnan()]
        return [Problem(ids[row], "its grade dr must be a whole number", "label", row) for row in rows]

    def fit(self, label: Tensor, divisor: Tensor | None) -> Self:
        self.strata = GradeStrata.fit(label)
        return self

    def head(self, embedding: int) -> nn.Module | None:
        thresholds = [level + 0.5 for level in self.strata.levels[0][:-1]]
        assert threshold_levels(thresholds) == self.strata.levels[0]
        return OrdinalHead(embedding, 1, thresholds, "corn")

    def stratified(self, label: Tensor) -> Self:
        made = type(self)()
        made.strata = GradeStrata.fit(label)
        return made

    def surroundings(self) -> NeighbourVote:
        return NeighbourVote(NeighbourPredictor(), self.strata.levels)

    def predictors(self) -> dict[str, Any]:
        return {"head": Head()}

    def error(self, value: Tensor, label: Tensor) -> Tensor:
        return (value - label).abs()

    def relative(self, error: Tensor, label: Tensor) -> float:
        return float(error / self.error(label.nanmedian(), label).nanmean())

    def score(self, value: Tensor, label: Tensor) -> float:
        return self.relative(self.error(value, label).nanmean(0), label)

    def of_group(self, label: Tensor) -> Tensor:
        return label.round()

    def further(self, value: Tensor, label: Tensor, target: int) -> dict[str, object]:
        return {}

    def to_dict(self) -> dict[str, object]:
        return {"strata": self.strata.to_dict()}

    def restored(self, saved: Mapping[str, Any], coding: Plain) -> Self:
        made = type(self)()
        made.strata = GradeStrata.from_dict(saved["strata"])
        return made


class TestGrades(TaskContract):
    made: Callable[[], Any] = Grades

    def make(self) -> Any:
        return type(self).made()

    def labels(self) -> Tensor:
        return torch.tensor([0.0] * 40 + [1.0] * 25 + [2.0] * 15 + [torch.nan] * 2, dtype=torch.float64)[:, None]

    def bad(self) -> list[tuple[Tensor, str]]:
        return [(torch.tensor([[1.0], [0.5]]), "case 1: its grade dr must be a whole number")]


class Shifted(Plain):
    def decode(self, value: Tensor, divisor: Tensor | None = None) -> Tensor:
        return value + 1e-3


class Drifting(Head):
    count = itertools.count()

    def read(self, cases: Cases) -> Reading:
        reading = super().read(cases)
        return reading._replace(value=reading.value + next(self.count))


class Careless(GradeStrata):
    def of(self, label: Tensor) -> Tensor:
        return super().of(label).clamp(min=0)


class Halved(Head):
    def read(self, cases: Cases) -> Reading:
        return super().read(cases)._replace(probability=torch.full((len(cases), 1, 3), 0.25))


class ShortRows(GradeSets):
    def cells(self, stated: Mapping[str, Tensor], target: int) -> list[list[object]]:
        return [row[:-1] for row in super().cells(stated, target)]


class Forgetful(GradeSets):
    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        return super().from_dict({**saved, "targets": [{**of, "threshold": [None] * 3} for of in saved["targets"]]})


def broken(**changes: Any) -> TaskContract:
    """The contract of grades with some attributes changed."""
    contract = TestGrades()
    contract.make = lambda: type("Broken", (Grades,), changes)()  # type: ignore[method-assign]  # the defect
    return contract


def two_sentences(self: Grades, label: Tensor, ids: list[str]) -> list[Problem]:
    words = "its grade dr must be a whole number. Mend it"
    return [Problem("1", words, "label", 1)] if len(label) == 2 else []


def carelessly(self: Grades, label: Tensor, divisor: Tensor | None) -> Grades:
    self.strata = Careless.fit(label)
    return self


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("good_labels_have_no_problem", {"problems": lambda self, label, ids: [Problem("dr", "is odd", "label")]}),
        ("a_bad_column_is_one_sentence", {"problems": lambda self, label, ids: []}),
        ("a_bad_column_is_one_sentence", {"problems": two_sentences}),
        ("decode_undoes_encode", {"coding": Shifted()}),
        ("a_perfect_prediction_has_the_best_score_and_no_error", {"score": lambda self, value, label: 1.0}),
        ("a_perfect_prediction_has_the_best_score_and_no_error", {"error": lambda self, value, label: value}),
        (
            "the_score_falls_with_the_noise",
            {"score": lambda self, value, label: -float((value - label).abs().nanmean())},
        ),
        ("a_perfect_prediction_gives_the_best_figures", {"figures": {"mae": GRADE["bias"]}}),
        ("a_perfect_prediction_gives_the_best_figures", {"figures": {}}),
        ("strata_place_every_label", {"fit": carelessly}),
        ("strata_can_be_those_of_other_labels", {"stratified": lambda self, label: self}),
        ("means_of_labels_are_made_labels", {"of_group": lambda self, label: label}),
        ("means_of_labels_are_made_labels", {"of_group": lambda self, label: label + 1}),
        (
            "mean_errors_of_the_score_are_relative_to_the_same_baseline",
            {"score": lambda self, value, label: 0.5},
        ),
        (
            "mean_errors_of_the_score_are_relative_to_the_same_baseline",
            {"error": lambda self, value, label: value - label},
        ),
        ("each_predictor_reads_every_case", {"predictors": lambda self: {"head": Halved()}}),
        ("columns_and_cells_of_the_certainty_fit", {"certainty": ShortRows}),
        ("goes_through_json_and_reads_the_same", {"certainty": Forgetful}),
        ("goes_through_json_and_reads_the_same", {"predictors": lambda self: {"head": Drifting()}}),
    ],
)
def test_the_contract_sees_what_is_broken(rule: str, changes: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        getattr(broken(**changes), f"test_{rule}")()
