import json
import math

import pytest
import torch

from medgauge.functional.grades import GradeStrata, check_grades, level_places, level_word, nearest_grade
from medgauge.functional.regions import LabelRegions

NAN = math.nan


def labels() -> torch.Tensor:
    one = [0.0] * 50 + [1.0] * 30 + [3.0] * 12 + [4.0] * 3 + [NAN] * 5
    other = [-2.0] * 10 + [5.0] * 89 + [NAN]
    return torch.tensor([one, other], dtype=torch.float64).T


def test_the_nearest_grade_with_halves_up() -> None:
    value = torch.tensor(
        [-1.5, -1.0, -0.5, -1e-20, 0.0, math.nextafter(0.5, 0), 0.5, 1.5, 2.5, 1e15 + 0.5], dtype=torch.float64
    )
    assert nearest_grade(value).tolist() == [-1, -1, 0, 0, 0, 0, 1, 2, 3, 1e15 + 1]
    assert nearest_grade(torch.tensor([NAN])).isnan().all()


def test_levels_are_the_training_labels_and_may_have_gaps() -> None:
    strata = GradeStrata.fit(labels())
    assert strata.levels == ((0.0, 1.0, 3.0, 4.0), (-2.0, 5.0))
    assert list(strata.names) == ["many", "medium", "few"]
    found = strata.of(labels())
    for target in range(2):
        regions = LabelRegions.fit(labels()[:, target])
        assert torch.equal(found[:, target], regions.of(labels()[:, target]))
    assert found[0, 0] == 0
    assert found[-6, 0] == 2
    assert found[-1].tolist() == [-1, -1]


def test_the_place_of_a_label_equals_a_loop() -> None:
    levels = [(0.0, 1.0, 3.0), (-2.0, 5.0)]
    label = torch.tensor([[0.0, 5.0], [3.0, -2.0], [2.0, NAN], [NAN, 0.0]])
    loop = [[of.index(one) if one in of else -1 for one, of in zip(row, levels, strict=True)] for row in label.tolist()]
    assert level_places(label, levels).tolist() == loop == [[0, 1], [2, 0], [-1, -1], [-1, -1]]
    assert level_places(label[:0], levels).shape == (0, 2)
    with pytest.raises(ValueError, match="levels must be given for each target, got 1"):
        level_places(label, levels[:1])


def test_to_dict_and_back() -> None:
    strata = GradeStrata.fit(labels())
    again = GradeStrata.from_dict(json.loads(json.dumps(strata.to_dict(), allow_nan=False)))
    assert again.levels == strata.levels
    grid = torch.linspace(-4, 7, 200, dtype=torch.float64)[:, None].expand(-1, 2)
    assert torch.equal(again.of(grid), strata.of(grid))
    assert again.to_dict() == strata.to_dict()


def test_words_and_what_is_no_grade() -> None:
    assert [level_word(level) for level in (-1.0, 0.0, 10.0)] == ["-1", "0", "10"]
    check_grades(torch.tensor([[NAN], [-3.0]]), "grades")
    for wrong in (0.5, math.inf):
        with pytest.raises(ValueError, match="label must hold whole numbers for grades, got others"):
            GradeStrata.fit(torch.tensor([[1.0], [wrong]]))
    with pytest.raises(ValueError, match="one observed label"):
        GradeStrata.fit(torch.tensor([[NAN]]))
    with pytest.raises(ValueError, match="2-D"):
        GradeStrata.fit(torch.ones(3))
