"""Directions and how far they are spread: NumPy's numbers, rows of zeros, and both ends."""

import numpy as np
import pytest
import torch

from medgauge.functional.directions import output_spread, unit_rows


def test_rows_have_length_one_and_zeros_stay() -> None:
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows[2] = 0
    expected = rows.numpy() / np.maximum(np.linalg.norm(rows.numpy(), axis=1, keepdims=True), 1e-300)
    np.testing.assert_allclose(unit_rows(rows), expected, rtol=1e-12)


def test_spread_is_numpys_deviation_times_the_root_of_the_outputs() -> None:
    rows = torch.randn(9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).numpy()
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert output_spread(torch.from_numpy(rows)).item() == pytest.approx(unit.std(axis=0).mean() * 2, rel=1e-12)


def test_even_directions_spread_to_one_and_equal_ones_to_zero() -> None:
    even = torch.randn(4000, 16, generator=torch.Generator().manual_seed(0))
    assert output_spread(even).item() == pytest.approx(1, abs=0.01)
    assert output_spread(3 * torch.ones(8, 16)).item() == pytest.approx(0, abs=1e-6)
