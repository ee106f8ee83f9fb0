"""Correlation of columns against NumPy, far from the origin, in huge units, and where there is none."""

import numpy as np
import pytest
import torch

from medgauge.functional.correlations import correlation, is_constant


def pair(rows: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    first = torch.randn(rows, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return first, first + torch.randn(rows, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_equals_numpy() -> None:
    first, second = pair()
    slow = [np.corrcoef(first[:, j].numpy(), second[:, j].numpy())[0, 1] for j in range(3)]
    np.testing.assert_allclose(correlation(first, second).numpy(), slow, rtol=1e-13)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_unit_does_not_matter(scale: float) -> None:
    first, second = pair()
    torch.testing.assert_close(correlation(first * scale, second), correlation(first, second), rtol=1e-12, atol=0)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e8 + 0.1])
def test_a_constant_column_has_none_even_where_its_mean_is_rounded(value: float) -> None:
    constant = torch.full((7, 1), value, dtype=torch.float64)
    other = torch.arange(7.0, dtype=torch.float64)[:, None]
    assert is_constant(constant).all()
    assert correlation(constant, other).isnan().all()
    assert correlation(other, constant).isnan().all()


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_have_none(rows: int) -> None:
    assert correlation(torch.ones(rows, 2), torch.ones(rows, 2)).isnan().all()


def test_shapes_must_be_equal() -> None:
    with pytest.raises(ValueError, match="shapes must be equal"):
        correlation(torch.ones(4, 1), torch.ones(4, 2))
