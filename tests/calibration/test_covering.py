"""Between which shares conformal sets cover by chance, against SciPy and drawn groups."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from medgauge.calibration.conformal import SplitConformal
from medgauge.calibration.covering import by_chance


@pytest.mark.parametrize(("level", "groups", "rank", "tested"), [
    (0.9, 64, 59, 129), (0.9, 13, 13, 25), (0.9, 9, 9, 4), (0.8, 200, 161, 1000), (0.55, 99, 55, 40),
])  # fmt: skip
def test_one_part_is_scipys_beta_binomial(level: float, groups: int, rank: int, tested: int) -> None:
    chance = scipy.stats.betabinom(tested, rank, groups + 1 - rank)
    expected = [chance.ppf(0.025) / tested, chance.ppf(0.975) / tested]
    assert by_chance(level, [(groups, tested)]) == pytest.approx(expected)


def test_parts_are_added() -> None:
    one, other = scipy.stats.betabinom(40, 28, 3).pmf(range(41)), scipy.stats.betabinom(20, 12, 1).pmf(range(21))
    below = np.convolve(one, other).cumsum()
    expected = [np.searchsorted(below, 0.025) / 60, np.searchsorted(below, 0.975) / 60]
    assert by_chance(0.9, [(30, 40), (12, 20), (3, 0)]) == pytest.approx(expected)


def test_drawn_groups_are_covered_so_often() -> None:
    random, seen = np.random.default_rng(5), []
    low, high = by_chance(0.9, [(30, 50)], chance=0.9)
    for _ in range(400):
        error = torch.from_numpy(random.standard_normal((80, 1)))
        value, names = torch.zeros_like(error), [str(place) for place in range(80)]
        fitted = SplitConformal.fit(value[:30], error[:30], names[:30], level=0.9, seed=0)
        seen.append(float(fitted.contains(value[30:], error[30:]).double().mean()))
    assert np.mean([low <= share <= high for share in seen]) == pytest.approx(0.93, abs=0.04)  # 90 % and the ends


def test_nothing_is_said_of_too_few_groups() -> None:
    for parts in ([(8, 20)], [(64, 30), (8, 20)], [(64, 0)], []):
        assert all(map(math.isnan, by_chance(0.9, parts)))
    with pytest.raises(ValueError, match="level must be in"):
        by_chance(1.0, [(64, 20)])
