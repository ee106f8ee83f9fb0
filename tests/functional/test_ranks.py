"""Ranks against SciPy, and where ties are large."""

import pytest
import torch
from scipy.stats import rankdata

from medgauge.functional.ranks import midranks, row_midranks


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_ranks_equal_scipy_with_ties(levels: int) -> None:
    values = torch.randint(levels, (200, 3), generator=torch.Generator().manual_seed(levels)).double()
    assert midranks(values).tolist() == rankdata(values.numpy(), axis=0).tolist()


def test_a_tie_of_two_hundred_thousand_is_exact() -> None:
    values = torch.cat([torch.zeros(200_000, 1), torch.ones(1, 1)])
    ranks = midranks(values)
    assert ranks[0].item() == 100_000.5
    assert ranks[-1].item() == 200_001


def test_order_of_rows_does_not_matter() -> None:
    values = torch.tensor([[2.0], [1.0], [2.0], [5.0]])
    order = torch.tensor([3, 2, 0, 1])
    assert torch.equal(midranks(values[order]), midranks(values)[order])


def test_no_rows_have_no_ranks() -> None:
    assert midranks(torch.empty(0, 2)).shape == (0, 2)


@pytest.mark.parametrize("values", [torch.tensor([1.0]), torch.tensor([[1.0], [torch.nan]])])
def test_what_cannot_be_ranked_raises(values: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="values must"):
        midranks(values)


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ranks_of_rows_equal_scipy_with_ties(levels: int, dtype: torch.dtype) -> None:
    values = torch.randint(levels, (7, 60), generator=torch.Generator().manual_seed(levels)).to(dtype)
    ranks = row_midranks(values)
    assert ranks.dtype == dtype
    assert ranks.tolist() == rankdata(values.numpy(), axis=1).tolist()
    assert row_midranks(values, largest_first=True).tolist() == rankdata(-values.numpy(), axis=1).tolist()


def test_missing_values_of_a_row_are_not_counted() -> None:
    values = torch.tensor([[2.0, torch.nan, 1.0, 2.0], [torch.nan] * 4])
    expected = [[2.5, torch.nan, 1.0, 2.5], [torch.nan] * 4]
    torch.testing.assert_close(row_midranks(values), torch.tensor(expected), equal_nan=True)
    expected = [[1.5, torch.nan, 3.0, 1.5], [torch.nan] * 4]
    torch.testing.assert_close(row_midranks(values, largest_first=True), torch.tensor(expected), equal_nan=True)


def test_infinite_values_of_a_row_are_ranked() -> None:
    values = torch.tensor([[torch.inf, 0.0, -torch.inf, torch.inf, -0.0]])
    assert row_midranks(values).tolist() == [[4.5, 2.5, 1.0, 4.5, 2.5]]
    assert row_midranks(values, tolerance=1.0).tolist() == [[4.5, 2.5, 1.0, 4.5, 2.5]]


@pytest.mark.parametrize("tolerance", [0.01, torch.tensor(0.01)])
def test_values_of_a_row_within_the_tolerance_are_tied(tolerance: float) -> None:
    values = torch.tensor([[0.0, 1.0, 1.009, 3.0, 1.018, 3.02]])
    assert row_midranks(values, tolerance=tolerance).tolist() == [[1.0, 3.0, 3.0, 5.0, 3.0, 6.0]]
    assert row_midranks(values).tolist() == [[1.0, 2.0, 3.0, 5.0, 4.0, 6.0]]


def test_a_permuted_row_has_permuted_ranks() -> None:
    made = torch.Generator().manual_seed(0)
    values = torch.randint(4, (5, 30), generator=made).float()
    order = torch.randperm(30, generator=made)
    assert torch.equal(row_midranks(values[:, order]), row_midranks(values)[:, order])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 1)])
def test_rows_may_be_empty(shape: tuple[int, int]) -> None:
    ranks = row_midranks(torch.zeros(shape, dtype=torch.bfloat16))
    assert ranks.shape == shape
    assert ranks.dtype == torch.float32
    assert ranks.eq(1).all()


@pytest.mark.parametrize("values", [torch.tensor([1.0]), torch.tensor([[1, 2]])])
def test_what_has_no_rows_of_floats_raises(values: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="values must be a 2-D float tensor"):
        row_midranks(values)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_ranks_of_rows_are_the_same_on_every_device() -> None:
    values = torch.randint(5, (7, 60), generator=torch.Generator().manual_seed(0)).float()
    values[2, 3] = torch.nan
    torch.testing.assert_close(row_midranks(values.cuda()).cpu(), row_midranks(values), equal_nan=True)
