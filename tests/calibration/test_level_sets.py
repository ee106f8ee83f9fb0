"""What sets of grades and of classes share."""

import pytest
import torch

from medgauge.calibration.class_sets import ClassSets
from medgauge.calibration.grade_sets import GradeSets
from medgauge.calibration.level_sets import LevelSets
from medgauge.core.task import Observed


def test_levels_are_called_by_their_numbers_unless_they_have_names() -> None:
    given = (0.9, ((0.0, 3.0),), ((0.5, 0.5),), ((9, 9),), (9,))
    assert GradeSets(*given).called(0) == ["0", "3"]
    assert ClassSets(*given, names=(("PA", "AP"),)).called(0) == ["PA", "AP"]
    assert GradeSets.called is ClassSets.called is LevelSets.called


def test_values_of_other_cases_than_the_labels_are_refused() -> None:
    sets = GradeSets(0.9, ((0.0, 3.0),), ((0.5, 0.5),), ((9, 9),), (9,))
    seen = Observed(torch.zeros(2, 1), torch.zeros(3, 1), ["a", "b", "c"], torch.zeros(3, 1, 2))
    with pytest.raises(ValueError, match="value and label must be of the same cases and targets"):
        sets.apply(seen)
