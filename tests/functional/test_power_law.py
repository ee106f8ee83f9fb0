"""Power laws: those that were drawn come back, and SciPy finds the same."""

import numpy as np
import pytest
from scipy.optimize import minimize

from medgauge.functional.power_law import fit_power_law

SIZE = np.array([10.0, 17.0, 30.0, 53.0, 92.0, 160.0])


@pytest.mark.parametrize("law", [(0.5, 3.0, 0.5), (0.0, 2.0, 0.3), (8.0, 10.0, 1.4), (1.0, 0.5, 0.1)])
def test_a_law_without_noise_comes_back(law: tuple[float, float, float]) -> None:
    a, b, c = law
    found = fit_power_law(SIZE, (a + b * SIZE**-c)[None])
    assert found.exponent[0] == pytest.approx(c, abs=2e-3)
    assert found.at(320)[0] == pytest.approx(a + b * 320**-c, rel=1e-5)
    if c > 0.2:
        assert (found.floor[0], found.rise[0]) == (pytest.approx(a, abs=0.01), pytest.approx(b, rel=0.01))


def test_it_is_the_best_that_scipy_finds() -> None:
    random = np.random.default_rng(0)
    error = 1 + 4 * SIZE**-0.6 + random.normal(0, 0.03, (8, len(SIZE)))
    found = fit_power_law(SIZE, error)
    for row, curve in enumerate(error):

        def loss(law: np.ndarray, curve: np.ndarray = curve) -> float:
            return float(np.square(law[0] + law[1] * SIZE ** -law[2] - curve).sum())

        own = loss(np.array([found.floor[row], found.rise[row], found.exponent[row]]))
        ends = [(0, None), (0, None), (0.05, 2.0)]
        starts = [(0.5, 2.0, 0.3), (1.0, 4.0, 0.6), (1.2, 10.0, 1.0)]
        best = min(minimize(loss, start, bounds=ends, options={"ftol": 1e-14}).fun for start in starts)
        assert own <= best * (1 + 1e-4) + 1e-12


def test_a_curve_that_rises_is_flat_and_none_falls_below_zero() -> None:
    found = fit_power_law(SIZE, np.stack([1 + SIZE / 100, 3 / SIZE]))
    assert found.rise[0] == 0
    assert found.floor[0] == pytest.approx((1 + SIZE / 100).mean())
    assert found.floor[1] == pytest.approx(0, abs=1e-4)
    assert found.at(1e9)[1] >= 0


def test_what_it_refuses() -> None:
    for size in ([1.0, 2.0], [1.0, 1.0, 2.0], [0.0, 1.0, 2.0]):
        with pytest.raises(ValueError, match="size must be three or more rising"):
            fit_power_law(np.array(size), np.ones((1, len(size))))
    for error in (np.ones(6), np.ones((2, 5)), np.full((1, 6), np.nan)):
        with pytest.raises(ValueError, match="error must be finite"):
            fit_power_law(SIZE, error)
