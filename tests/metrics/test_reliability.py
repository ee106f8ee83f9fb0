"""Calibration error and reliability curve: beside a slow loop, scikit-learn and SciPy, and on drawn data."""

import itertools

import numpy as np
import pytest
import scipy.stats
import sklearn.calibration
import torch

from medgauge.metrics.reliability import calibration_error, reliability, wilson

NAN = float("nan")


def cases(rows: int = 1000) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    true = torch.rand(rows, 2, generator=chance, dtype=torch.float64)
    return true**2, (torch.rand(rows, 2, generator=chance) < true).double()


def slow(guess: np.ndarray, truth: np.ndarray, bins: int) -> float:
    """Equal bins of sorted cases, without ties."""
    order = np.argsort(guess)
    starts = [int(np.ceil(len(guess) * place / bins - 0.5)) for place in range(bins + 1)]
    parts = [order[start:stop] for start, stop in itertools.pairwise(starts)]
    return sum(len(part) * abs(guess[part].mean() - truth[part].mean()) for part in parts if len(part)) / len(guess)


@pytest.mark.parametrize(("rows", "bins"), [(1000, 10), (997, 10), (7, 10), (40, 3)])
def test_calibration_error_equals_a_slow_loop(rows: int, bins: int) -> None:
    guess, truth = cases(rows)
    ours = calibration_error(guess, truth, bins=bins).numpy()
    np.testing.assert_allclose(
        ours, [slow(guess[:, j].numpy(), truth[:, j].numpy(), bins) for j in range(2)], rtol=1e-9
    )


def test_the_curve_is_that_of_scikit_learn() -> None:
    guess, truth = (one[:, 0] for one in cases())
    found = reliability(guess, truth)
    observed, predicted = sklearn.calibration.calibration_curve(truth, guess, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(found.observed, observed, rtol=1e-12)
    np.testing.assert_allclose(found.predicted, predicted, rtol=1e-12)
    assert found.cases.tolist() == [100] * 10
    low, high = zip(
        *[scipy.stats.binomtest(int(p * 100 + 0.5), 100).proportion_ci(method="wilson") for p in observed], strict=True
    )
    np.testing.assert_allclose(found.low, low, rtol=1e-9)
    np.testing.assert_allclose(found.high, high, rtol=1e-9)


def test_equal_probabilities_stay_in_one_bin() -> None:
    guess = torch.tensor([0.3] * 30 + [0.8] * 10)
    truth = torch.tensor([1.0] * 9 + [0.0] * 21 + [1.0] * 8 + [0.0] * 2)
    found = reliability(guess, truth)
    assert found.cases.tolist() == [30, 10]
    np.testing.assert_allclose(found.observed, [0.3, 0.8])
    assert calibration_error(guess[:, None], truth[:, None]).item() == pytest.approx(0, abs=1e-7)
    assert reliability(guess, truth.masked_fill(guess > 0.5, NAN)).cases.tolist() == [30]


def test_distorted_probabilities_have_the_error_of_the_distortion() -> None:
    chance = torch.Generator().manual_seed(1)
    true = torch.rand(200_000, 1, generator=chance, dtype=torch.float64)
    label = (torch.rand(200_000, 1, generator=chance) < true).double()
    assert calibration_error(true, label).item() < 0.01
    assert calibration_error(true**2, label).item() == pytest.approx(float((true - true**2).mean()), abs=0.005)


def test_no_case_and_what_does_not_fit() -> None:
    assert calibration_error(torch.rand(3, 1), torch.full((3, 1), NAN)).isnan().all()
    assert reliability(torch.rand(3), torch.full((3,), NAN)).cases.tolist() == []
    low, high = wilson(torch.tensor([0.0, 5.0]), torch.tensor([5.0, 5.0]))
    assert (low[0], high[1]) == (0, 1)
    with pytest.raises(ValueError, match="bins must be"):
        calibration_error(torch.rand(3, 1), torch.ones(3, 1), bins=0)
    with pytest.raises(ValueError, match="one shape"):
        reliability(torch.rand(3), torch.ones(4))
    with pytest.raises(ValueError, match="prediction must not be missing"):
        reliability(torch.tensor([NAN]), torch.ones(1))
