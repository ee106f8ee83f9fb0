"""The label of a group: the mean of its cases', or none where classes differ."""

import torch
from torch import Tensor

from medgauge.inference.joining import labels_of_groups
from medgauge.tasks.classes import Classes
from medgauge.tasks.grades import Grades
from medgauge.tasks.settings import HeadSettings

NAN = float("nan")
CODE = torch.tensor([0, 0, 1, 1, 2, 2, 3])


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_classes_that_differ_within_a_group_make_none() -> None:
    task = Classes.make(["view"], HeadSettings(classes={"view": ["AP", "LL", "PA"]}), "zscore")
    found = labels_of_groups(task, column(0, 2, 1, 1, 2, NAN, NAN), CODE, 4)  # the mean of 0 and 2 is no class
    assert found[1:3].flatten().tolist() == [1.0, 2.0]
    assert found[[0, 3]].isnan().all()


def test_grades_that_differ_have_a_mean() -> None:
    task = Grades.make(["dr"], HeadSettings(), "zscore").fit(column(0, 1, 2), None)
    assert labels_of_groups(task, column(0, 2, 1, 1, 2, NAN, 0), CODE, 4).flatten().tolist() == [1.0, 1.0, 2.0, 0.0]
