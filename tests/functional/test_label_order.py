import math

import pytest
import torch

from medgauge.functional.label_order import label_order


def ties(label: torch.Tensor) -> list[list[tuple[int, ...]]]:
    """For each row, its runs of equal distance, nearest first, as sorted row numbers."""
    found = label_order(label)
    result = []
    for row in range(len(label)):
        runs: list[list[int]] = []
        for place in range(len(label)):
            if found.counts[row, place]:
                if found.fresh[row, place]:
                    runs.append([])
                runs[-1].append(int(found.order[row, place]))
        result.append([tuple(sorted(run)) for run in runs])
    return result


def test_runs_are_the_cases_at_one_distance() -> None:
    label = torch.tensor([[0.0], [1.0], [-1.0], [3.0], [1.0]])
    assert ties(label)[0] == [(1, 2, 4), (3,)]
    assert ties(label)[3] == [(1, 4), (0,), (2,)]
    assert ties(label)[1] == [(4,), (0,), (2, 3)]  # 4 is no distance away, and is no run with the row itself


def test_rows_without_labels_are_left_out_on_both_sides() -> None:
    label = torch.tensor([[0.0, 1.0], [math.nan, 2.0], [0.0, 3.0], [math.nan, math.nan], [4.0, 1.0]])
    assert ties(label) == [[(2,), (4,)], [], [(0,), (4,)], [], [(0,), (2,)]]
    assert label_order(label).counts.sum() == 6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("divide", [1.0, 3.0, 41.2])
def test_rounding_parts_no_ties(divide: float, dtype: torch.dtype) -> None:
    grade = torch.arange(-6, 7, dtype=torch.float64)[:, None]
    assert ties(((grade - 0.7) / divide).to(dtype)) == ties(grade)


def test_close_distances_are_not_tied() -> None:
    """A hundred times the rounding is a difference."""
    label = torch.tensor([[0.0], [1.0], [-1.0 - 1e-4]])
    assert ties(label)[0] == [(1,), (2,)]
    assert ties(label.double() * 1e-6)[0] == [(1,), (2,)]


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_have_no_others(rows: int) -> None:
    found = label_order(torch.zeros(rows, 2))
    assert found.order.shape == (rows, rows)
    assert not found.counts.any()
    assert not found.fresh.any()
