"""Kernel densities against SciPy and against the plain sum."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde

from medgauge.functional import densities
from medgauge.functional.densities import gaussian_density, scott_bandwidth


def labels(count: int = 300) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 20 + 150


@pytest.mark.parametrize("digits", [0, 12])
def test_equals_scipy(digits: int) -> None:
    points = labels().round(decimals=digits)  # rounded labels repeat
    at = torch.linspace(60, 240, 101, dtype=torch.float64)
    kde = gaussian_kde(points.numpy())
    np.testing.assert_allclose(gaussian_density(points, at).numpy(), kde(at.numpy()), rtol=1e-12)
    assert scott_bandwidth(points) == pytest.approx(math.sqrt(kde.covariance.item()), rel=1e-13)


def test_equals_the_slow_sum_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(densities, "ENTRIES", 64)
    points, at = [1.0, 2.0, 2.0, 5.0], [0.0, 2.0, 9.0, 2.0]
    slow = [sum(math.exp(-((x - p) ** 2) / 0.5) for p in points) / (4 * 0.5 * math.sqrt(2 * math.pi)) for x in at]
    fast = gaussian_density(torch.tensor(points), torch.tensor(at), bandwidth=0.5)
    np.testing.assert_allclose(fast.numpy(), slow, rtol=1e-14)


def test_integrates_to_one() -> None:
    at = torch.linspace(-100, 400, 20_001, dtype=torch.float64)
    assert torch.trapezoid(gaussian_density(labels(), at), at).item() == pytest.approx(1, abs=1e-9)


def test_places_may_be_none_or_missing() -> None:
    assert gaussian_density(labels(), torch.empty(0)).shape == (0,)
    assert gaussian_density(labels(), torch.tensor([150.0, torch.nan])).isnan().tolist() == [False, True]


def test_wrong_settings_raise() -> None:
    with pytest.raises(ValueError, match="two different values"):
        gaussian_density(torch.ones(5), torch.ones(1))
    with pytest.raises(ValueError, match="bandwidth must be > 0, got 0"):
        gaussian_density(labels(), labels(), bandwidth=0)
    with pytest.raises(ValueError, match="finite"):
        scott_bandwidth(torch.tensor([1.0, torch.inf]))
