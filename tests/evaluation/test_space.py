"""The quality of a space."""

import math

import numpy as np
import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.evaluation.space import choose_graph, mean_space, space_block, space_labels
from medgauge.models.scaling import LabelScaling
from medgauge.tasks import Tasks
from medgauge.tasks.classes import Classes
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
    tasks = Tasks((task,))
    block = space_block(own, other, tasks, choose_graph(own, tasks))
    nearest = [np.sort(np.abs(gallery.numpy()[:, 0] - one))[:5].mean() for one in label.numpy()[:, 0]]
    assert block["d5"] == pytest.approx(np.mean(nearest), rel=1e-4)
    assert block["rv"] == pytest.approx(0, abs=1e-4)
    assert block["rv_share"] == 1
    assert isinstance(task.coding, LabelScaling)


def test_nearest_cases_of_another_class_are_counted_whatever_their_places() -> None:
    random = np.random.default_rng(1)
    names = {"view": ["AP", "LL", "PA"]}
    tasks = Tasks((Classes.make(["view"], HeadSettings(classes=names), "none"),))
    place, there = (torch.tensor(random.integers(0, 3, (count, 1))).double() for count in (30, 40))
    points, others = (label + 1.2 * torch.tensor(random.normal(size=(len(label), 1))) for label in (place, there))
    own = cases(place, points.float())
    gallery = Cases(others.float(), there, [f"g{row}" for row in range(40)], [f"g{row}" for row in range(40)])
    block = space_block(own, gallery, tasks, choose_graph(own, tasks))
    order = (points - others.T).abs().argsort(dim=1)[:, :5]
    unlike = (there[order, 0] != place).double().mean().item()
    assert block["d5"] == pytest.approx(unlike, rel=1e-6)
    assert 0.2 < unlike < 0.8
    swapped = cases(2 - place, points.float())  # RV knows no order of places either
    assert space_block(swapped, gallery, tasks, choose_graph(swapped, tasks))["rv"] == pytest.approx(block["rv"])


def test_the_mean_of_several_spaces_leaves_missing_ones_out() -> None:
    blocks = [{"d5": 1.0, "rv": math.nan}, {"d5": 4.0, "rv": 0.5}, {"d5": None, "rv": 0.25}]
    found = mean_space(blocks)
    assert (found["d5"], found["rv"]) == (2.5, 0.375)
    assert found["by_fold"] == blocks
    assert "3 folds" in str(found["rv_note"])
