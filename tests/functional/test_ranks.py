"""Ranks against SciPy, and where ties are large."""

import pytest
import torch
from scipy.stats import rankdata

from medgauge.functional.ranks import midranks


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
