"""Grades hold the contract of kinds, and what is theirs alone."""

import pytest
import torch
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.tasks.grades import Grades
from medgauge.tasks.settings import Bins, HeadSettings
from tests.contracts import TaskContract

NAN = float("nan")


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


class TestGrades(TaskContract):
    def make(self) -> Grades:
        return Grades.make(["dr"], HeadSettings(thresholds="ranks", ordinal="corn"), "zscore")

    def labels(self) -> Tensor:
        return column(*[0.0] * 30 + [1.0] * 20 + [3.0] * 15 + [4.0] * 5 + [NAN] * 2)

    def bad(self) -> list[tuple[Tensor, str]]:
        return [
            (column(0.0, 0.5, 1.0), "label dr is 0.5, and a grade is a whole number"),
            (column(*range(30)), "label dr: has 30 different values, and a grade has at most 20"),
            (column(2.0, 2.0, NAN), "label dr: is 2 in all 2 labelled cases"),
            (column(NAN, NAN), "label dr: is missing in all 2 cases; correct it, or leave the column out"),
            (column(0.0, float("inf"), 1.0), "label dr is infinite"),
        ]


def fitted(head: HeadSettings, *labels: float) -> Grades:
    return Grades.make(["dr"], head, "zscore").fit(column(*labels), None)


def test_levels_with_gaps_become_ranks_and_come_back() -> None:
    task = fitted(HeadSettings(), 0, 1, 1, 4)
    assert task.levels == ((0.0, 1.0, 4.0),)
    assert task.coding.encode(column(0, 1, 4, 2.5, 5, NAN))[:5].flatten().tolist() == [0, 1, 2, 1.5, 3]
    assert task.coding.decode(column(0, 1, 2, 1.5, -1)).flatten().tolist() == [0, 1, 4, 2.5, -1]


def test_the_head_has_a_threshold_between_each_two_levels_and_its_chances_make_the_value() -> None:
    task = fitted(HeadSettings(thresholds="ranks", ordinal="binary"), 0, 1, 1, 4)
    head = task.head(3)
    assert head is not None
    assert head.thresholds == (0.5, 1.5)
    assert task.logits == 2
    logits = torch.tensor([[[0.0, -50.0]], [[50.0, 50.0]]])
    cases = Cases(torch.zeros(2, 3), column(0, 4), ["a", "b"], ["a", "b"], logits=logits)
    reading = task.predictors()["head"].read(cases)
    assert reading.probability is not None
    torch.testing.assert_close(reading.probability[:, 0], torch.tensor([[0.5, 0.5, 0], [0, 0, 1]]).double())
    torch.testing.assert_close(reading.value, column(0.5, 4))


def test_a_target_with_fewer_levels_gets_no_chance_beyond_its_own() -> None:
    task = Grades.make(["a", "b"], HeadSettings(), "zscore").fit(torch.tensor([[0, 0], [1, 1], [2, 1]]).double(), None)
    cases = Cases(torch.zeros(1, 2), torch.zeros(1, 2).double(), ["a"], ["a"], logits=torch.zeros(1, 2, 2))
    reading = task.predictors()["head"].read(cases)
    assert reading.probability is not None
    assert reading.probability[0, 1, 2] == 0
    torch.testing.assert_close(reading.probability.sum(-1), torch.ones(1, 2).double())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (HeadSettings("linear"), "model.head linear reads numbers, and dr is a grade"),
        (HeadSettings("distribution", bins=Bins()), "model.head distribution reads numbers, and dr is a grade"),
        (HeadSettings("ordinal", (0.5, 2.5)), "the thresholds of a grade come from its 3 training levels"),
    ],
)
def test_a_head_that_does_not_fit_is_refused(settings: HeadSettings, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fitted(settings, 0, 1, 1, 4).head(3)


def test_without_a_head_the_neighbours_read() -> None:
    task = fitted(HeadSettings("none"), 0, 1)
    assert task.head(3) is None
    assert task.predictors() == {}
    assert task.logits == 0


def test_chances_of_a_fit_that_lacks_a_level_are_put_in_place() -> None:
    whole, part = fitted(HeadSettings(), 0, 1, 4), fitted(HeadSettings(), 0, 4)
    chance = torch.tensor([[[0.25, 0.75]]]).double()
    moved = whole.aligned(chance, part)
    assert moved is not None
    assert moved.tolist() == [[[0.25, 0.0, 0.75]]]
    assert whole.aligned(None, part) is None


def test_means_of_grades_are_the_nearest_grade() -> None:
    assert fitted(HeadSettings(), 0, 1, 4).of_group(column(0.5, 1.4, NAN))[:2].flatten().tolist() == [1, 1]
