"""Learning curves of drawn errors, whose law is known."""

import numpy as np
import pytest

from medgauge.metrics.learning_curve import learning_curve

SIZE = [10, 17, 30, 53, 92, 160]


def drawn(
    seed: int, law: tuple[float, float, float], groups: int = 200, repeats: int = 3
) -> tuple[np.ndarray, list[str]]:
    """Errors of two cases a group, which are alike, with the law's mean at each size."""
    random, (a, b, c) = np.random.default_rng(seed), law
    mean = a + b * np.array(SIZE, dtype=float) ** -c
    hard = np.repeat(random.gamma(4, 1 / 4, groups), 2)
    noise = random.gamma(4, 1 / 4, (repeats, len(SIZE), 2 * groups))
    return mean[None, :, None] * hard * noise, [f"g{case // 2}" for case in range(2 * groups)]


def test_means_and_their_fall_are_those_of_the_errors() -> None:
    error, group = drawn(0, (0.5, 3.0, 0.5))
    found = learning_curve(SIZE, error, group, draws=200)
    for place, value in enumerate(found.error):
        whole = [error[repeat, place, case] for repeat in range(3) for case in range(400)]
        assert value == pytest.approx(sum(whole) / len(whole))
        assert found.ci95[place][0] < value < found.ci95[place][1]
    assert found.fall == pytest.approx(found.error[0] - found.error[-1])
    assert found.told
    assert found.groups == 200
    assert (found.now, found.gain) == (found.law.at(200)[0], pytest.approx(found.now - found.twice))


def test_the_interval_at_twice_the_groups_holds_the_truth_nearly_always() -> None:
    law, hits, gains = (0.5, 3.0, 0.5), 0, 0
    for seed in range(40):
        found = learning_curve(SIZE, *drawn(seed, law), draws=200, seed=seed)
        truth = law[0] + law[1] * 400 ** -law[2]
        gain = law[1] * (200 ** -law[2] - 400 ** -law[2])
        hits += found.twice_ci95[0] <= truth <= found.twice_ci95[1]
        gains += found.gain_ci95[0] <= gain <= found.gain_ci95[1]
    assert hits >= 34
    assert gains >= 34


def test_of_a_flat_curve_nothing_can_be_told() -> None:
    flat = [learning_curve(SIZE, *drawn(seed, (1.0, 0.0, 0.5)), draws=200).told for seed in range(20)]
    assert sum(flat) <= 2
    error, group = drawn(0, (0.5, 3.0, 0.5), groups=15)
    few = learning_curve(SIZE, error, group, draws=20)
    assert not few.told
    assert np.isnan(few.fall_ci95).all()


def test_groups_are_drawn_whole() -> None:
    """The interval of a mean is as wide as its cases' groups make it, not as the cases alone would."""
    random = np.random.default_rng(1)
    each = np.repeat(random.normal(10, 1, 50), 8)
    found = learning_curve([1, 2, 3], np.tile(each, (1, 3, 1)), [f"g{case // 8}" for case in range(400)], draws=2000)
    wide = found.ci95[0][1] - found.ci95[0][0]
    assert wide == pytest.approx(2 * 1.96 * each[::8].std(ddof=0) / np.sqrt(50), rel=0.1)


def test_what_it_refuses() -> None:
    for error, draws in ((np.ones((2, 3)), 5), (np.ones((1, 3, 4)), 5), (np.ones((1, 3, 2)), 0)):
        with pytest.raises(ValueError, match="error must be r x 3 x 2"):
            learning_curve([1, 2, 3], error, ["a", "b"], draws=draws)


def test_the_law_is_tried_on_the_largest_size_that_is_known() -> None:
    """On errors that stop falling, the law of the smaller sizes promises too much, and that is seen."""
    mean = np.array([8.0, 6.2, 5.0, 4.6, 4.5, 4.5])
    found = learning_curve(SIZE, np.tile(mean[None, :, None], (1, 1, 40)), [f"g{case}" for case in range(40)], draws=10)
    assert found.tried is not None
    upto, said = found.tried
    assert upto == 53  # of 10, 17, 30, 53 and 92, those up to half of 160
    grid = ((a, c) for a in np.linspace(0, 4.5, 451) for c in np.linspace(0.05, 2, 391))
    size, best = np.array(SIZE[:4], dtype=float), (np.inf, 0.0)
    for a, c in grid:
        b = ((mean[:4] - a) * size**-c).sum() / (size ** (-2 * c)).sum()
        loss = float(((mean[:4] - a - b * size**-c) ** 2).sum())
        best = min(best, (loss, a + b * 160**-c))
    assert said == pytest.approx(best[1], abs=0.02)
    assert said < 4.5 - 0.1
    few = learning_curve(
        [10, 17, 30], np.tile(mean[None, :3, None], (1, 1, 40)), [f"g{case}" for case in range(40)], draws=10
    )
    assert few.tried is None
