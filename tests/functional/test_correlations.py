"""Correlation of columns against NumPy, far from the origin, in huge units, and where there is none."""

from fractions import Fraction

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


SIZES = [*range(2, 70), 100, 127, 255, 256, 1000, 4097, 100_000]


@pytest.mark.parametrize("offset", [0.0, 0.1, 1e9])
def test_a_perfect_line_is_exactly_1_or_minus_1_at_every_size(offset: float) -> None:
    """No tolerance: a value a rounding away from 1 would depend on the order in which a processor adds."""
    for rows in SIZES:
        first = torch.randint(-999, 999, (rows, 2), generator=torch.Generator().manual_seed(rows)).double()
        first[0] = 1000
        for second in (first + offset, 3 * first - 7, 0.7 * first + 0.3):
            assert correlation(first, second).eq(1).all(), rows
            assert correlation(-first, second).eq(-1).all(), rows


def test_lies_between_minus_1_and_1_and_is_right_next_to_both() -> None:
    """One row of a line is moved by e: 1 - r is known from whole numbers, and far below the rounding of a product."""
    first = torch.arange(9, dtype=torch.float64)[:, None]
    for power in range(8, 31):
        second = first.clone()
        second[3] += 2.0**-power
        x, y = ([Fraction(value) for value in column.flatten().tolist()] for column in (first, second))
        xx, yy, xy = (
            9 * sum(a * b for a, b in zip(u, v, strict=True)) - sum(u) * sum(v) for u, v in ((x, x), (y, y), (x, y))
        )
        short = float((1 - xy * xy / (xx * yy)) / 2)  # 1 - r but for its square, which is below 1e-6 of it
        found = correlation(first, second).item()
        assert found <= 1
        assert 1 - found == pytest.approx(short, rel=1e-4, abs=2**-53)
        assert correlation(first, -second).item() == -found


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
