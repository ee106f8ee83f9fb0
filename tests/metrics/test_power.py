"""Power: the stated smallest difference is found as often as it says."""

from statistics import NormalDist

import numpy as np
import pytest
import scipy.stats
import torch

from medgauge.metrics.comparison import ends
from medgauge.metrics.crossed import crossed_means
from medgauge.metrics.power import shown_by, smallest_difference


def test_smallest_difference_of_single_cases_is_the_textbook_formula() -> None:
    gap = np.random.default_rng(2).standard_normal(50) * 3 + 1
    found = smallest_difference(torch.from_numpy(gap), [str(case) for case in range(50)], groups=120)
    z = scipy.stats.norm.ppf(0.975) + scipy.stats.norm.ppf(0.8)
    assert found == pytest.approx(z * gap.std(ddof=1) / 120**0.5, rel=1e-12)


def test_smallest_difference_counts_groups_and_not_their_cases() -> None:
    gap = torch.from_numpy(np.random.default_rng(2).standard_normal(50))
    alone = [str(case) for case in range(50)]
    once = smallest_difference(gap, alone, groups=30)
    assert smallest_difference(gap.repeat(4), alone * 4, groups=30) == pytest.approx(once)
    assert smallest_difference(gap.repeat(4), [str(case) for case in range(200)], groups=30) < once


def test_smallest_difference_is_shown_in_four_of_five_studies() -> None:
    random = np.random.default_rng(7)
    pilot = torch.from_numpy(random.standard_normal(4000) * 2)
    size = smallest_difference(pilot, [str(case) for case in range(4000)], groups=60)
    studies = random.standard_normal((2000, 60)) * 2 + size
    error = studies.std(axis=1, ddof=1) / 60**0.5
    shown = (studies.mean(axis=1) - NormalDist().inv_cdf(0.975) * error > 0).mean()
    assert shown == pytest.approx(0.8, abs=0.04)


def test_smallest_difference_needs_two_groups_and_sound_settings() -> None:
    with pytest.raises(ValueError, match="two groups"):
        smallest_difference(torch.ones(3), ["a"] * 3, groups=5)
    with pytest.raises(ValueError, match="power"):
        smallest_difference(torch.ones(3), ["a", "b", "c"], groups=5, power=1.0)


@pytest.mark.parametrize(("partitions", "seeds"), [(1, 1), (1, 6), (4, 6)])
def test_what_is_stated_of_cases_read_out_of_fold_is_shown_in_four_of_five_studies(partitions: int, seeds: int) -> None:
    random = np.random.default_rng(11)
    group = [f"g{case // 2}" for case in range(80)]

    def studied() -> torch.Tensor:
        """Drawn differences of one study without a true difference: groups, cases, seeds and partitions add their part."""
        shape, of_group = (partitions, seeds, 80), np.repeat(random.standard_normal(40), 2)
        apart = of_group + 0.5 * random.standard_normal(shape)
        apart += 0.15 * random.standard_normal((1, seeds, 1)) * (seeds > 1)
        apart += 0.15 * random.standard_normal((partitions, 1, 1)) * (partitions > 1)
        error = torch.from_numpy(np.stack([np.full(shape, 5.0), 5.0 + apart]))
        drawn = crossed_means(error, group, draws=300)
        return drawn[:, [1]] - drawn[:, [0]]

    studies = [studied() for _ in range(400)]
    stated = np.mean([shown_by(float(apart.std(dim=0))) for apart in studies])
    shown = np.mean([float(ends(apart)[0, 0]) + stated > 0 for apart in studies])
    assert shown == pytest.approx(0.8, abs=0.05)
