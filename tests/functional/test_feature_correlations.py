"""Correlations of features beside those of NumPy, their order, and what is left out."""

import math

import numpy as np
import pytest
import torch

from medgauge.functional.feature_correlations import feature_correlations


def test_they_are_those_of_numpy_in_another_order() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 5))
    found = feature_correlations(torch.from_numpy(rows))
    plain = np.abs(np.corrcoef(rows.T))
    np.testing.assert_allclose(np.sort(found.matrix.numpy().ravel()), np.sort(plain.ravel()), atol=1e-6)
    assert found.mean == pytest.approx(plain[np.triu_indices(5, 1)].mean(), abs=1e-9)
    torch.testing.assert_close(found.matrix.diagonal(), torch.ones(5))


def test_alike_features_stand_side_by_side_whatever_their_sign() -> None:
    one, other = torch.randn(2, 30, 1, generator=torch.Generator().manual_seed(0))
    found = feature_correlations(torch.cat([one, other, -one, 2 * other, 3 * one], dim=1))
    blocks = (found.matrix > 0.99).int().tolist()
    assert blocks in (
        [[1, 1, 1, 0, 0]] * 3 + [[0, 0, 0, 1, 1]] * 2,
        [[1, 1, 0, 0, 0]] * 2 + [[0, 0, 1, 1, 1]] * 3,
    )


def test_constant_features_are_counted_and_left_out() -> None:
    rows = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    rows[:, 1] = 1000.0
    rows[::2, 1] += 1e-4  # rounding of float32
    found = feature_correlations(rows)
    assert (found.matrix.shape, found.constant) == ((2, 2), 1)
    alike = feature_correlations(torch.ones(10, 3))
    assert (alike.matrix.shape, alike.constant) == ((0, 0), 3)
    assert math.isnan(alike.mean)


def test_of_many_features_some_are_shown_and_all_count() -> None:
    rows = torch.randn(40, 30, generator=torch.Generator().manual_seed(0))
    assert feature_correlations(rows, most=8).matrix.shape == (8, 8)
    assert feature_correlations(rows, most=8).mean == feature_correlations(rows).mean


def test_two_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="3 cases or more, got 2"):
        feature_correlations(torch.ones(2, 4))
