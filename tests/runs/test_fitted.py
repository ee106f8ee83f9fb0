"""Cases and labels with the columns of each task."""

from types import SimpleNamespace
from typing import Any

import torch

from medgauge.core.batch import Cases
from medgauge.core.task import Known
from medgauge.runs.fitted import Fit, cases_of_fits, task_cases, task_known
from medgauge.tasks import Tasks
from medgauge.tasks.grades import Grades
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import HeadSettings

WIDE = HeadSettings("ordinal", (-1.0, -0.5, 0.0, 0.5, 1.0))


def tasks(*levels: float) -> Tasks:
    """A number with five thresholds, and a grade."""
    label = torch.tensor([[float(row), level] for row, level in enumerate(levels)]).double()
    return Tasks((Numbers.make(["age"], WIDE, "none"), Grades.make(["dr"], HeadSettings(), "none"))).fit(label, None)


def cases() -> Cases:
    label = torch.tensor([[30.0, 1.0], [40.0, 0.0]]).double()
    logits = torch.arange(20.0).reshape(2, 2, 5)
    return Cases(torch.zeros(2, 3), label, ["a", "b"], ["a", "b"], label + 1, torch.tensor([2.0, 4.0]).double(), logits)


def test_each_task_has_its_own_columns() -> None:
    number, grade = task_cases(tasks(0, 1, 2), cases())
    assert number.divisor is grade.divisor is None  # none of them is divided
    assert number.label.tolist() == [[30.0], [40.0]]
    assert grade.label.tolist() == [[1.0], [0.0]]
    assert grade.prediction is not None
    assert grade.prediction.tolist() == [[2.0], [1.0]]
    assert number.logits is not None
    assert grade.logits is not None
    assert number.logits.tolist() == [[[0, 1, 2, 3, 4]], [[10, 11, 12, 13, 14]]]
    assert grade.logits.tolist() == [[[5, 6]], [[15, 16]]]


def test_a_fit_that_lacks_a_level_has_fewer_logits_than_another() -> None:
    fits: Any = [SimpleNamespace(tasks=tasks(0, 1, 2)), SimpleNamespace(tasks=tasks(0, 2))]
    numbers, grades = cases_of_fits(fits, [cases(), cases()])
    assert [one.logits.shape[2] for one in numbers if one.logits is not None] == [5, 5]
    assert [one.logits.shape[2] for one in grades if one.logits is not None] == [2, 1]


def test_known_labels_have_the_columns_of_each_task_and_all_covariates() -> None:
    number, grade = task_known(tasks(0, 1, 2), Known(torch.tensor([[1.0, 2.0]]), torch.tensor([[7.0, 8.0]])))
    assert (number.label.tolist(), grade.label.tolist()) == ([[1.0]], [[2.0]])
    assert number.covariates.tolist() == grade.covariates.tolist() == [[7.0, 8.0]]


def test_a_fit_is_its_only_one(fit: Fit) -> None:
    assert list(fit.fits) == [fit]
    assert len(fit.train.label) == len(fit.gallery) == len(fit.gallery_rows)
