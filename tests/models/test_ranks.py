"""Grades as ranks: beside NumPy's interpolation, and what is kept of them."""

import numpy as np
import pytest
import torch

from medgauge.models.ranks import GradeRanks

NAN = float("nan")
LEVELS = ((0.0, 1.0, 4.0), (2.0, 3.0))


def test_between_levels_ranks_are_interpolated_and_beyond_them_they_go_on_by_one_a_grade() -> None:
    grade = np.linspace(-2, 6, 33)
    label = torch.tensor(np.stack([grade, grade], axis=1))
    found = GradeRanks().fit(LEVELS).encode(label).numpy()
    for target, levels in enumerate(LEVELS):
        inside = np.interp(grade, levels, np.arange(len(levels)))
        beyond = np.minimum(grade - levels[0], 0) + np.maximum(grade - levels[-1], 0)
        np.testing.assert_allclose(found[:, target], inside + beyond, atol=1e-12)


def test_ranks_come_back() -> None:
    ranks = GradeRanks().fit(LEVELS)
    label = torch.tensor([[0.0, 2.0], [4.0, 3.0], [2.5, NAN], [-1.0, 7.0]], dtype=torch.float64)
    torch.testing.assert_close(ranks.decode(ranks.encode(label)), label, equal_nan=True)
    assert ranks.encode(label).tolist()[1] == [2.0, 1.0]


def test_a_divisor_changes_nothing() -> None:
    ranks, label = GradeRanks().fit([(0.0, 2.0)]), torch.tensor([[2.0]])
    assert ranks.divides is False
    assert ranks.encode(label, torch.tensor([2.0])).tolist() == [[1.0]]
    assert ranks.decode(torch.tensor([[1.0]]), torch.tensor([2.0])).tolist() == [[2.0]]


def test_one_level_alone_is_rank_zero() -> None:
    assert GradeRanks().fit([(3.0,)]).encode(torch.tensor([[3.0], [5.0]])).tolist() == [[0.0], [2.0]]


def test_the_dtype_is_that_of_the_labels_and_the_levels_stay_exact() -> None:
    ranks = GradeRanks().fit(LEVELS).half()
    assert ranks.levels.dtype == torch.float64
    assert ranks.encode(torch.zeros(1, 2)).dtype == torch.float32


def test_the_state_brings_its_own_number_of_levels() -> None:
    empty = GradeRanks()
    empty.load_state_dict(GradeRanks().fit(LEVELS).state_dict())
    assert empty.encode(torch.tensor([[4.0, 3.0]])).tolist() == [[2.0, 1.0]]


def test_before_fit_it_says_so() -> None:
    with pytest.raises(ValueError, match="after fit"):
        GradeRanks().encode(torch.zeros(2, 1))
