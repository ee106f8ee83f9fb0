import json
import math

import numpy as np
import pytest
import torch

from medgauge.calibration import SplitConformal, binomial_interval, coverage, mean_width

NAN = float("nan")


def _fit(residual: list[float], level: float, group: list[str] | None = None, seed: int = 0) -> SplitConformal:
    value = torch.zeros(len(residual), 1)
    names = [str(row) for row in range(len(residual))] if group is None else group
    return SplitConformal.fit(value, torch.tensor([residual]).T, names, level=level, seed=seed)


@pytest.mark.parametrize("count", [1, 8, 9, 10, 19, 20, 39, 99, 100, 250])
@pytest.mark.parametrize("level", [0.5, 0.55, 0.8, 0.9, 0.95])
def test_quantile_is_the_ranked_score(count: int, level: float) -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1.0, count + 1))
    fitted = _fit((scores * np.where(scores % 2, 1, -1)).tolist(), level)
    rank = -(-(count + 1) * round(100 * level) // 100)  # the ceiling, in whole numbers
    assert fitted.quantile == ((float(rank),) if rank <= count else (math.inf,))
    assert (fitted.quantile[0] < math.inf) == (count >= fitted.needed)
    assert fitted.groups == (count,)


def test_too_few_groups_give_an_infinite_interval_and_say_so() -> None:
    fitted = _fit([1.0] * 5, 0.9)
    assert fitted.needed == 9
    assert fitted.note(0) == (
        "A 90 % interval needs 9 calibration groups with this label, and there are 5: it is infinite."
    )
    lower, upper = fitted.interval(torch.tensor([[3.0]]))
    assert (lower.item(), upper.item()) == (-math.inf, math.inf)
    assert coverage(lower, upper, torch.tensor([[7.0]])).item() == 1.0
    assert mean_width(lower, upper).item() == math.inf
    assert "not for another site" in _fit([1.0] * 9, 0.9).note(0)


def test_one_case_a_group_whatever_the_order() -> None:
    residual = torch.rand(60, generator=torch.Generator().manual_seed(0)).tolist()
    group = [f"p{row % 20}" for row in range(60)]
    fitted = _fit(residual, 0.9, group)
    assert fitted.groups == (20,)
    order = torch.randperm(60).tolist()
    assert _fit([residual[row] for row in order], 0.9, [group[row] for row in order]) == fitted
    assert len({_fit(residual, 0.9, group, seed).quantile for seed in range(20)}) > 3


def test_each_case_of_a_group_is_drawn_equally_often() -> None:
    drawn = [_fit([1.0, 2.0, 3.0], 0.5, ["a"] * 3, seed).quantile[0] for seed in range(3_000)]
    counts = np.bincount(np.array(drawn, dtype=int), minlength=4)[1:]
    assert np.abs(counts - 1_000).max() < 5 * math.sqrt(3_000 * 2 / 9)


def test_missing_labels_are_left_out_before_the_draw() -> None:
    label = torch.tensor([[NAN, 1.0], [2.0, 3.0], [5.0, NAN], [NAN, NAN]])
    for seed in range(10):
        fitted = SplitConformal.fit(torch.zeros(4, 2), label, ["a", "a", "b", "c"], level=0.4, seed=seed)
        assert fitted.groups == (2, 1)
        assert fitted.quantile[0] == 5.0  # rank ceil(3 x 0.4) = 2 of the residuals 2 and 5
    nothing = SplitConformal.fit(torch.zeros(1, 1), torch.tensor([[NAN]]), ["a"], level=0.4, seed=0)
    assert nothing.groups == (0,)
    assert nothing.quantile == (math.inf,)


def test_marginal_coverage_with_unequal_groups_and_skewed_labels() -> None:
    generator = np.random.default_rng(0)
    shares = []
    for seed in range(300):
        sizes = generator.integers(1, 6, 40)
        group = np.repeat(np.arange(40), sizes)
        scale = generator.exponential(1.0, 40)[group]  # cases of one group err alike
        residual = scale * generator.standard_normal(len(group))
        fitted = _fit(residual.tolist(), 0.9, [str(name) for name in group], seed)
        new = generator.exponential(1.0, 400) * generator.standard_normal(400)
        shares.append((np.abs(new) <= fitted.quantile[0]).mean())
    # ceil(41 x 0.9) / 41 = 0.902 is the exact coverage; its standard error over 300 draws of 40 groups is 0.003
    assert np.mean(shares) == pytest.approx(37 / 41, abs=0.01)


def test_coverage_and_width_by_region() -> None:
    label = torch.tensor([[0.0, NAN], [1.0, 1.0], [3.0, 9.0]])
    lower, upper = (
        torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, NAN]]),
        torch.tensor([[1.0, 1.0], [1.0, 1.0], [2.0, 1.0]]),
    )
    assert coverage(lower, upper, label).tolist() == [2 / 3, 0.5]  # nothing said of a case is a case not covered
    where = torch.tensor([[False, True], [False, False], [True, True]])
    assert coverage(lower, upper, label, where).tolist() == pytest.approx([0.0, 0.0], nan_ok=True)
    nothing = torch.zeros(3, 2, dtype=torch.bool)
    assert coverage(lower, upper, label, nothing).tolist() == pytest.approx([NAN, NAN], nan_ok=True)
    assert mean_width(lower, upper).tolist() == pytest.approx([4 / 3, 1.0])
    assert mean_width(lower, upper, where).tolist() == [2.0, 1.0]


def test_to_dict_and_back() -> None:
    fitted = SplitConformal(0.9, (1.5, math.inf), (12, 3))
    saved = json.loads(json.dumps(fitted.to_dict(), allow_nan=False))
    assert saved == {
        "kind": "split",
        "level": 0.9,
        "cross": False,
        "scaled": False,
        "quantile": [1.5, None],
        "groups": [12, 3],
    }
    assert SplitConformal.from_dict(saved) == fitted
    crossed = SplitConformal(0.9, (1.5,), (12,), cross=True)
    assert SplitConformal.from_dict(crossed.to_dict()) == crossed


def test_residuals_of_several_fits_say_that_the_level_is_not_guaranteed() -> None:
    assert "not guaranteed exactly" in SplitConformal(0.9, (1.0,), (20,), cross=True).note(0)
    assert "guaranteed" not in SplitConformal(0.9, (1.0,), (20,)).note(0)


def test_the_hull_of_an_interval_is_the_interval() -> None:
    fitted = SplitConformal(0.9, (1.5, math.inf), (12, 3))
    value = torch.tensor([[1.0, 1.0], [NAN, NAN]])
    hull = fitted.hull(value)
    assert hull.lower[0].tolist() == [-0.5, -math.inf]
    assert hull.upper[0].tolist() == [2.5, math.inf]
    assert hull.pieces.tolist() == [[1, 1], [0, 0]]
    assert hull.lower[1].isnan().all()
    assert hull.upper[1].isnan().all()
    label = torch.tensor([[2.5, 1e9], [1.0, 1.0]])
    assert fitted.contains(value, label).tolist() == [[True, True], [False, False]]
    assert not fitted.contains(value, torch.tensor([[2.6, NAN], [1.0, 1.0]])).any()


@pytest.mark.parametrize(("covered", "count"), [(0, 5), (5, 5), (18, 20), (1, 30), (270, 300)])
def test_binomial_interval_leaves_a_fortieth_on_either_side(covered: int, count: int) -> None:
    from scipy.stats import binom

    low, high = binomial_interval(covered, count)
    assert low == 0 if covered == 0 else binom.sf(covered - 1, count, low) == pytest.approx(0.025)
    assert high == 1 if covered == count else binom.cdf(covered, count, high) == pytest.approx(0.025)


def test_binomial_interval_of_nothing_and_of_wrong_counts() -> None:
    assert all(map(math.isnan, binomial_interval(0, 0)))
    with pytest.raises(ValueError, match=r"covered must be in 0\.\.3, got 4"):
        binomial_interval(4, 3)
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got 1"):
        binomial_interval(1, 3, level=1)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 90, NAN])
def test_a_level_outside_zero_and_one_raises(level: float) -> None:
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\)"):
        _fit([1.0], level)


def test_shapes_that_do_not_fit_raise() -> None:
    with pytest.raises(ValueError, match="2-D"):
        SplitConformal.fit(torch.zeros(3, 1), torch.zeros(3), ["a"] * 3, level=0.9, seed=0)
    with pytest.raises(ValueError, match="each of the 3 cases"):
        SplitConformal.fit(torch.zeros(3, 1), torch.zeros(3, 1), ["a"], level=0.9, seed=0)
    with pytest.raises(ValueError, match=r"\(n, 1\)"):
        _fit([1.0], 0.5).interval(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="equal length"):
        SplitConformal(0.9, (1.0,), (1, 2))


def test_scaled_scores_give_widths_in_multiples_of_each_cases_scale() -> None:
    scale = torch.tensor([[1.0], [2.0], [4.0], [0.5]]).double()
    residual = torch.tensor([[3.0], [2.0], [2.0], [1.0]]).double()  # scores 3, 1, 0.5 and 2: rank ceil(5 x 0.6) = 3
    fitted = SplitConformal.fit(residual, 0 * residual, list("abcd"), level=0.6, seed=0, scale=scale)
    assert (fitted.quantile, fitted.scaled) == ((2.0,), True)
    value, own = torch.tensor([[10.0], [10.0]]), torch.tensor([[1.5], [0.25]])
    lower, upper = fitted.interval(value, own)
    assert (lower.tolist(), upper.tolist()) == ([[7.0], [9.5]], [[13.0], [10.5]])
    assert fitted.contains(value, torch.tensor([[12.0], [12.0]]), own).tolist() == [[True], [False]]
    assert fitted.hull(value, own).lower.tolist() == [[7.0], [9.5]]
    assert SplitConformal.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted
    assert "expected of each case" in fitted.note(0)
    with pytest.raises(ValueError, match="scale must be given"):
        fitted.interval(value)
