import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch

from medgauge.metrics import crossed, mae, quadratic_kappa
from medgauge.metrics.comparison import ends, holm, paired_p, verdict
from medgauge.metrics.crossed import crossed_draws, crossed_figures, crossed_means, repeat_draws, seed_mean


def errors(methods: int = 3, seeds: int = 4, cases: int = 23, groups: int = 9) -> tuple[torch.Tensor, list[str]]:
    random = np.random.default_rng(0)
    group = [f"g{code}" for code in random.integers(0, groups, cases)]
    return torch.from_numpy(random.gamma(2.0, 3.0, (methods, seeds, cases))), group


def test_drawn_means_equal_a_slow_loop_over_the_same_draws() -> None:
    error, group = errors()
    names = sorted(set(group))
    drawn = crossed_means(error, group, draws=50, seed=3)
    (by_group, by_seed), *rest = crossed_draws(len(names), 4, draws=50, seed=3)
    assert rest == []
    for draw in range(50):
        for method in range(3):
            total = count = 0.0
            for case, name in enumerate(group):
                times = float(by_group[draw, names.index(name)])
                own = sum(float(by_seed[draw, s]) * float(error[method, s, case]) for s in range(4)) / 4
                total, count = total + times * own, count + times
            assert float(drawn[draw, method]) == pytest.approx(total / count, rel=1e-12)


def slow_means(error: np.ndarray, group: list[str], picks: list[tuple[list[int], list[int], list[int]]]) -> np.ndarray:
    """Mean error of the cases that are drawn, one by one: picks of groups, partitions and seeds, of each draw."""
    names, found = sorted(set(group)), []
    for groups, partitions, seeds in picks:
        cases = [case for picked in groups for case, name in enumerate(group) if name == names[picked]]
        read = [error[:, p, s, case] for case in cases for p in partitions for s in seeds]
        found.append(np.sum(read, axis=0) / len(read))
    return np.array(found)


def picked(times: torch.Tensor) -> list[int]:
    return [item for item, count in enumerate(times.tolist()) for _ in range(int(count))]


def test_partitions_are_drawn_crossed_with_seeds_and_groups_like_a_slow_loop() -> None:
    error, group = errors(2, 3 * 4)
    error = error.view(2, 3, 4, -1)
    picks = []
    (by_group, by_repeat), *rest = repeat_draws(3, len(set(group)), 4, draws=60, seed=3)
    assert rest == []
    for of_groups, of_repeats in zip(by_group, by_repeat.view(-1, 3, 4), strict=True):
        partitions, seeds = of_repeats.sum(dim=1) / 4, of_repeats.sum(dim=0) / 3
        assert torch.equal(of_repeats, partitions[:, None] * seeds)  # crossed: each drawn seed in each drawn partition
        assert (len(picked(of_groups)), len(picked(partitions)), len(picked(seeds))) == (len(set(group)), 3, 4)
        picks.append((picked(of_groups), picked(partitions), picked(seeds)))
    assert len({tuple(partitions) for _, partitions, _ in picks}) > 5
    drawn = crossed_means(error, group, draws=60, seed=3)
    assert drawn.numpy() == pytest.approx(slow_means(error.numpy(), group, picks), rel=1e-12)


def test_a_drawn_mean_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patient a has cases 1 and 2, b has case 3; a drawn twice, partition 2 twice, the first seed once and the third twice."""
    error = torch.tensor([[[[1.0, 2.0, 9.0], [1, 2, 9], [4, 5, 9]], [[10.0, 20.0, 9.0], [0, 0, 9], [40, 50, 9]]]])
    times = {"groups": [[2.0, 0.0]], "partitions": [[0.0, 2.0]], "seeds": [[1.0, 0.0, 2.0]]}
    turn = iter([[[1.0]], times["partitions"], times["groups"], times["seeds"]])
    monkeypatch.setattr(crossed, "_times", lambda *given: torch.tensor(next(turn), dtype=torch.float64))
    assert crossed_means(error, ["a", "a", "b"], draws=1).tolist() == [[(10 + 20 + 2 * (40 + 50)) / 6]]


def test_partitions_add_their_variance_crossed_with_cases_and_seeds() -> None:
    random = np.random.default_rng(3)
    case, partition, seed = (random.standard_normal(count) * size for count, size in ((80, 2), (4, 1.5), (5, 0.6)))
    error = torch.from_numpy(case[None, None, None] + partition[None, :, None, None] + seed[None, None, :, None])
    drawn = crossed_means(error, [str(one) for one in range(80)], draws=20_000)
    expected = case.var() / 80 + partition.var() / 4 + seed.var() / 5
    assert float(drawn.var()) == pytest.approx(expected, rel=0.05)
    assert float(partition.var()) / 4 > 0.2 * expected


def test_one_partition_is_drawn_as_none_is() -> None:
    error, group = errors()
    assert torch.equal(crossed_means(error[:, None], group, draws=50), crossed_means(error, group, draws=50))


def test_a_figure_is_drawn_over_partitions_as_a_mean_is() -> None:
    error, group = errors(2, 6)
    error = error.view(2, 2, 3, -1)
    drawn = crossed_figures(mae, error, torch.zeros(23), group, draws=40, seed=5)
    torch.testing.assert_close(drawn, crossed_means(error, group, draws=40, seed=5), rtol=1e-12, atol=0)
    assert seed_mean(error)[1, 4] == pytest.approx(sum(float(error[1, p, s, 4]) for p in (0, 1) for s in (0, 1, 2)) / 6)


@pytest.mark.parametrize(("seeds", "partitions", "said"), [
    (1, None, "not decided: one seed"), (2, None, "not decided: two seeds"), (3, None, "better"),
    (1, 1, "not decided: one partition"), (5, 2, "not decided: two partitions"), (1, 3, "better"),
])  # fmt: skip
def test_what_is_missing_to_decide_is_said(seeds: int, partitions: int | None, said: str) -> None:
    assert verdict(0.01, (-2.0, -1.0), -0.1, 0.2, seeds=seeds, partitions=partitions) == said


def test_drawn_figures_are_computed_anew_on_the_cases_of_each_draw() -> None:
    random = np.random.default_rng(4)
    group = [f"g{code}" for code in random.integers(0, 9, 40)]
    label = random.integers(0, 5, 40).astype(float)
    value = label + random.normal(0, 0.8, (2, 3, 40))
    names = sorted(set(group))
    drawn = crossed_figures(quadratic_kappa, torch.from_numpy(value), torch.from_numpy(label), group, draws=25, seed=3)
    ((by_group, by_seed),) = crossed_draws(len(names), 3, draws=25, seed=3)
    for draw in range(25):
        rows = [case for case in range(40) for _ in range(int(by_group[draw, names.index(group[case])]))]
        for method in range(2):
            each = [
                sklearn.metrics.cohen_kappa_score(
                    label[rows], np.floor(value[method, seed, rows] + 0.5), weights="quadratic", labels=range(-9, 15)
                )
                for seed in range(3)
            ]
            expected = sum(float(by_seed[draw, seed]) * each[seed] for seed in range(3)) / 3
            assert float(drawn[draw, method]) == pytest.approx(expected, abs=1e-12)


def test_drawn_figures_of_a_mean_are_drawn_means() -> None:
    value, group = errors()
    drawn = crossed_figures(mae, value, torch.zeros(23), group, draws=40, seed=5)
    torch.testing.assert_close(drawn, crossed_means(value, group, draws=40, seed=5), rtol=1e-12, atol=0)


def test_draws_are_with_replacement_independent_and_the_same_for_a_seed() -> None:
    (groups, seeds), *_ = crossed_draws(40, 5, draws=4000, seed=1)
    assert bool((groups.sum(dim=1) == 40).all())
    assert bool((seeds.sum(dim=1) == 5).all())
    assert float(groups.mean()) == 1.0
    assert float(groups.var()) == pytest.approx(1 - 1 / 40, rel=0.03)
    assert abs(np.corrcoef(groups[:, 0], seeds[:, 0])[0, 1]) < 0.05
    again = next(iter(crossed_draws(40, 5, draws=4000, seed=1)))
    assert torch.equal(groups, again[0])
    assert not torch.equal(groups, next(iter(crossed_draws(40, 5, draws=4000, seed=2)))[0])


def test_many_groups_are_drawn_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    error, group = errors()
    monkeypatch.setattr("medgauge.metrics.crossed.BLOCK", 20)
    assert crossed_means(error, group, draws=7).shape == (7, 3)


def test_one_seed_and_single_cases_give_scipys_percentile_interval() -> None:
    error = torch.from_numpy(np.random.default_rng(1).gamma(2.0, 3.0, (1, 1, 60)))
    low, high = ends(crossed_means(error, [str(case) for case in range(60)], draws=20_000))[0].tolist()
    outside = scipy.stats.bootstrap(
        (error[0, 0].numpy(),), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    width = outside.high - outside.low
    assert low == pytest.approx(outside.low, abs=0.03 * width)
    assert high == pytest.approx(outside.high, abs=0.03 * width)


def test_cases_and_seeds_each_add_their_variance_and_are_not_multiplied() -> None:
    random = np.random.default_rng(3)
    by_case, by_seed = random.standard_normal(80) * 2, random.standard_normal(5) * 0.6
    error = torch.from_numpy(by_case[None, None] + by_seed[None, :, None])
    drawn = crossed_means(error, [str(case) for case in range(80)], draws=20_000)
    expected = by_case.var() / 80 + by_seed.var() / 5
    assert float(drawn.var()) == pytest.approx(expected, rel=0.05)
    assert float(drawn.var()) > 3 * float(error.var()) / error.numel()


def test_cases_of_a_group_do_not_count_as_so_many_groups() -> None:
    error, _ = errors(1, 2, 30)
    alone = [str(case) for case in range(30)]
    once = crossed_means(error, alone, draws=500)
    thrice = crossed_means(error.repeat(1, 1, 3), alone * 3, draws=500)
    assert torch.allclose(once, thrice)


def test_methods_meet_the_same_draws() -> None:
    error, group = errors(1)
    drawn = crossed_means(torch.cat([error, error + 1.5]), group, draws=200)
    assert torch.allclose(drawn[:, 1] - drawn[:, 0], torch.tensor(1.5, dtype=torch.float64))


@pytest.mark.parametrize("methods", [2, 3, 5, 9])
@pytest.mark.parametrize("seeds", [1, 2, 3, 10])
@pytest.mark.parametrize("cases", [7, 50, 301])
def test_equal_methods_have_equal_figures_wherever_they_stand(cases: int, seeds: int, methods: int) -> None:
    """Exactly: a rounding between them would make a p-value of signs of roundings, another one on each processor."""
    error = torch.rand(1, seeds, cases, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    group = [str(case // 2) for case in range(cases)]
    drawn = crossed_means(error.repeat(methods, 1, 1), group, draws=37)
    assert drawn.eq(drawn[:, :1]).all()
    assert paired_p(drawn - drawn[:, :1]).tolist() == [1.0] * methods


def test_a_missing_value_is_seen_and_not_left_out() -> None:
    error, group = errors()
    error[1, 0, 0] = torch.nan
    drawn = crossed_means(error, group, draws=20)
    assert bool(torch.isnan(drawn[:, 1]).all())
    assert not bool(torch.isnan(drawn[:, [0, 2]]).any())
    assert bool(torch.isnan(seed_mean(error)[1, 0]))


@pytest.mark.parametrize(
    ("error", "group", "words"),
    [
        (torch.ones(2, 3), ["a"] * 3, "methods, seeds, cases"),
        (torch.ones(2, 1, 0), [], "none of them 0"),
        (torch.ones(2, 1, 3), ["a"] * 2, "got 2 for 3 cases"),
    ],
)
def test_wrong_shapes_are_refused(error: torch.Tensor, group: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        crossed_means(error, group)


def test_no_draws_and_a_wrong_level_are_refused() -> None:
    with pytest.raises(ValueError, match="draws must be >= 1"):
        next(iter(crossed_draws(3, 1, draws=0)))
    with pytest.raises(ValueError, match="level"):
        ends(torch.ones(3, 1), level=1.0)


def test_p_values_count_the_draws_on_the_smaller_side() -> None:
    column = torch.tensor([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    assert paired_p(column[:, None]).tolist() == [pytest.approx(2 * (2 + 1) / 10)]
    assert paired_p(-column[:, None]).tolist() == [pytest.approx(2 * (2 + 1) / 10)]
    assert paired_p(torch.zeros(9, 1)).tolist() == [1.0]
    assert paired_p(torch.full((9, 1), torch.nan)).isnan().all()


def test_p_values_are_uniform_enough_where_nothing_differs() -> None:
    random = np.random.default_rng(5)
    names = [str(case) for case in range(40)]
    small = 0
    for _ in range(200):
        error = torch.from_numpy(random.standard_normal((2, 1, 40)))
        drawn = crossed_means(error, names, draws=400)
        small += float(paired_p(drawn[:, 1:] - drawn[:, :1])[0]) < 0.05
    assert 2 <= small <= 22  # 5 % of 200, with its binomial spread and the bootstrap's own error


def test_holm_equals_a_slow_loop() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        p = random.uniform(size=6).round(2).tolist()
        for place, value in enumerate(holm(p)):
            smaller = [other for other in p if other <= p[place]]
            expected = max(min(1.0, sum(one >= other for one in p) * other) for other in smaller)
            assert value == pytest.approx(expected)
    assert holm([]) == []
    kept = holm([0.02, float("nan"), 0.04])
    assert kept[0] == 0.04
    assert np.isnan(kept[1])
    assert kept[2] == 0.04


@pytest.mark.parametrize(
    ("p", "interval", "relative", "few", "said"),
    [
        (0.01, (-2.0, -0.1), 0.5, 0.5, "better"),
        (0.06, (-2.0, -0.1), -0.01, -0.01, "not worse"),
        (0.01, (-2.0, 0.1), 0.5, 0.5, "not shown"),
        (0.01, (0.1, 2.0), 0.02, 0.02, "worse"),
        (0.5, (-1.0, 1.0), 0.03, 0.10, "not worse"),
        (0.5, (-1.0, 1.0), 0.031, 0.10, "not shown"),
        (0.5, (-1.0, 1.0), 0.03, 0.101, "not shown"),
        (0.5, (-1.0, 1.0), 0.03, float("nan"), "not shown"),
        (float("nan"), (float("nan"), float("nan")), float("nan"), 0.0, "not shown"),
    ],
)
def test_verdicts(p: float, interval: tuple[float, float], relative: float, few: float, said: str) -> None:
    assert verdict(p, interval, relative, few, seeds=3) == said


@pytest.mark.parametrize(("seeds", "said"), [(1, "not decided: one seed"), (2, "not decided: two seeds")])
def test_fewer_than_three_seeds_decide_nothing(seeds: int, said: str) -> None:
    for interval, relative in (((-2.0, -0.1), 0.5), ((0.1, 2.0), 0.5), ((-1.0, 1.0), 0.0)):
        assert verdict(0.01, interval, relative, relative, seeds=seeds) == said
    assert verdict(0.5, (-1.0, 1.0), 0.5, 0.5, seeds=seeds) == "not shown"


def test_quadratic_kappa_equals_scikit_learns() -> None:
    random = np.random.default_rng(0)
    label = random.integers(0, 5, (300, 2)).astype(float)
    value = np.clip(label + random.standard_normal((300, 2)), -0.4, 4.4)
    found = quadratic_kappa(torch.from_numpy(value), torch.from_numpy(label))
    outside = [
        sklearn.metrics.cohen_kappa_score(
            np.floor(value[:, j] + 0.5), label[:, j], weights="quadratic", labels=[0, 1, 2, 3, 4]
        )
        for j in range(2)
    ]
    np.testing.assert_allclose(found.numpy(), outside, rtol=1e-12)


def test_quadratic_kappa_leaves_missing_out_and_refuses_broken_numbers() -> None:
    label, value = torch.tensor([[0.0], [1.0], [2.0], [torch.nan]]), torch.tensor([[0.1], [1.5], [2.0], [7.0]])
    assert quadratic_kappa(value, label).tolist() == quadratic_kappa(value[:3], label[:3]).tolist()
    with pytest.raises(ValueError, match="whole numbers"):
        quadratic_kappa(value, label + 0.5)
