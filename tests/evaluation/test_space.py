"""The quality of a space."""

import math

import numpy as np
import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.evaluation.space import choose_graph, mean_space, space_block, space_labels
from medgauge.models.scaling import LabelScaling
from medgauge.tasks import Tasks
from medgauge.tasks.grades import Grades
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import HeadSettings


def both(label: torch.Tensor, divisor: torch.Tensor | None) -> Tasks:
    parts = (Numbers.make(["hc"], HeadSettings(), "none"), Grades.make(["dr"], HeadSettings(), "none"))
    return Tasks(parts).fit(label, divisor)


def cases(label: torch.Tensor, embedding: torch.Tensor, divisor: torch.Tensor | None = None) -> Cases:
    names = [str(row) for row in range(len(label))]
    return Cases(embedding, label, names, names, divisor=divisor)


def test_a_number_is_divided_and_the_grade_beside_it_is_not() -> None:
    label, divisor = torch.tensor([[10.0, 2.0], [9.0, 3.0]]).double(), torch.tensor([2.0, 3.0]).double()
    tasks = both(label, divisor)
    assert space_labels(cases(label, label, divisor), list(tasks)).tolist() == [[5.0, 2.0], [3.0, 3.0]]
    assert space_labels(cases(label, label), list(both(label, None))).tolist() == label.tolist()


def test_an_isometric_space_has_no_residual_and_its_nearest_cases_are_counted() -> None:
    random = np.random.default_rng(0)
    label = torch.tensor(random.uniform(0, 100, (60, 1)))
    gallery = torch.tensor(random.uniform(0, 100, (80, 1)))
    task = Numbers.make(["age"], HeadSettings(), "zscore").fit(gallery, None)
    own = cases(label, label.float())
    other = Cases(gallery.float(), gallery, [f"g{row}" for row in range(80)], [f"g{row}" for row in range(80)])
    block = space_block(own, other, task.coding, [task], choose_graph(own, task.coding))
    nearest = [np.sort(np.abs(gallery.numpy()[:, 0] - one))[:5].mean() for one in label.numpy()[:, 0]]
    assert block["d5"] == pytest.approx(np.mean(nearest), rel=1e-4)
    assert block["rv"] == pytest.approx(0, abs=1e-4)
    assert block["rv_share"] == 1
    assert isinstance(task.coding, LabelScaling)


def test_the_mean_of_several_spaces_leaves_missing_ones_out() -> None:
    blocks = [{"d5": 1.0, "rv": math.nan}, {"d5": 4.0, "rv": 0.5}, {"d5": None, "rv": 0.25}]
    found = mean_space(blocks)
    assert (found["d5"], found["rv"]) == (2.5, 0.375)
    assert found["by_fold"] == blocks
    assert "3 folds" in str(found["rv_note"])
