"""Bootstrap intervals by group: coverage of the group's variance, settings, and too few groups."""

import numpy as np
import pytest
import torch

from medgauge.metrics import bias, bootstrap_interval, drawn_interval, mae, pearson, roc_auc
from medgauge.metrics.findings import drawn_roc_auc

NAN = float("nan")


def errors(groups: int, each: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Cases of a group share their error, so that the group is the unit that varies."""
    chance = torch.Generator().manual_seed(seed)
    error = torch.randn(groups, 1, generator=chance, dtype=torch.float64).repeat_interleave(each, dim=0)
    label = torch.rand(groups * each, 1, generator=chance, dtype=torch.float64)
    return label + error, label, [f"p{row // each}" for row in range(groups * each)]


def interval(*data: object, **settings: object) -> tuple[torch.Tensor, torch.Tensor]:
    found = bootstrap_interval(*data, **settings)  # type: ignore[arg-type]  # forwarded as they are
    assert not isinstance(found, str)
    return found


def test_width_is_that_of_independent_groups() -> None:
    prediction, label, group = errors(400, 5)
    low, high = interval(bias, prediction, label, group, draws=1000)
    error = 1.96 * float((prediction - label)[::5].std()) / 400**0.5
    assert (high - low).item() == pytest.approx(2 * error, rel=0.15)
    rows = [str(row) for row in range(len(label))]
    narrow_low, narrow_high = interval(bias, prediction, label, rows, draws=1000)
    assert (narrow_high - narrow_low).item() == pytest.approx(2 * error / 5**0.5, rel=0.15)


def test_equals_a_slow_loop_over_groups() -> None:
    prediction, label, group = errors(25, 3)
    low, high = interval(mae, prediction, label, group, draws=4000, level=0.8)
    members = [[row for row, name in enumerate(group) if name == one] for one in sorted(set(group))]
    gap = abs(prediction - label).numpy()
    chance = np.random.default_rng(0)
    slow = []
    for _ in range(4000):
        rows = [row for one in chance.integers(25, size=25) for row in members[one]]
        slow.append(gap[rows].mean())
    assert [low.item(), high.item()] == pytest.approx(np.quantile(slow, [0.1, 0.9]), rel=0.02)


def test_same_seed_same_interval_and_order_of_targets_is_kept() -> None:
    prediction, label, group = errors(30, 2)
    two = torch.cat([prediction, prediction * 3], dim=1), torch.cat([label, label * 3], dim=1)
    low, high = interval(mae, *two, group, draws=50)
    assert torch.equal(low, interval(mae, *two, group, draws=50)[0])
    assert not torch.equal(low, interval(mae, *two, group, draws=50, seed=1)[0])
    torch.testing.assert_close(low[1], 3 * low[0])
    assert (low <= high).all()


def test_too_few_groups_is_a_text_or_nan_for_the_target() -> None:
    prediction, label, group = errors(19, 10)
    assert bootstrap_interval(mae, prediction, label, group) == "too few groups"
    prediction, label, group = errors(20, 2)
    part = label.clone()
    part[:2] = NAN  # the first group has no observed label of the second target
    low, high = interval(mae, prediction.expand(-1, 2), torch.cat([label, part], dim=1), group, draws=20)
    assert low.isnan().tolist() == high.isnan().tolist() == [False, True]
    assert bootstrap_interval(mae, prediction, part, group) == "too few groups"
    assert bootstrap_interval(mae, torch.empty(0, 1), torch.empty(0, 1), []) == "too few groups"


def test_groups_without_a_label_do_not_count() -> None:
    prediction, label, group = errors(40, 2)
    padded = torch.cat([label, torch.full_like(label, NAN)])
    names = group + [f"empty {name}" for name in group]
    low, high = interval(mae, prediction.repeat(2, 1), padded, names, draws=200)
    whole = interval(mae, prediction, label, group, draws=200)
    assert (high - low).item() == pytest.approx((whole[1] - whole[0]).item(), rel=0.3)
    assert low.isfinite().all()


def test_draws_without_a_value_are_left_out() -> None:
    label = torch.zeros(20, 1, dtype=torch.float64)
    label[0] = 1  # a third of the draws miss this case and have constant labels
    low, high = interval(
        pearson, label + torch.arange(20.0)[:, None], label, [str(row) for row in range(20)], draws=100
    )
    assert low.isfinite().all()
    assert high.isfinite().all()


def test_what_does_not_fit_raises() -> None:
    prediction, label, group = errors(30, 1)
    with pytest.raises(ValueError, match="a name a case, got 29 for 30"):
        bootstrap_interval(mae, prediction, label, group[1:])
    with pytest.raises(ValueError, match="shapes must be equal"):
        bootstrap_interval(mae, prediction, label.expand(-1, 2), group)
    for settings in ({"level": 1.0}, {"draws": 0}):
        with pytest.raises(ValueError, match="level must be in"):
            bootstrap_interval(mae, prediction, label, group, **settings)  # type: ignore[arg-type]  # wrong on purpose


def test_many_draws_at_once_are_the_draws_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = torch.Generator().manual_seed(0)
    label = (torch.rand(120, generator=chance) < 0.3).double()
    prediction = torch.rand(120, generator=chance, dtype=torch.float64) + 0.3 * label
    label[5] = NAN
    group = [f"p{row // 3}" for row in range(120)]
    low, high = interval(roc_auc, prediction[:, None], label[:, None], group, draws=300, seed=4)
    monkeypatch.setattr("medgauge.metrics.bootstrap.BLOCK", 40 * 70)  # blocks that do not divide the draws
    assert drawn_interval(drawn_roc_auc, prediction, label, group, draws=300, seed=4) == pytest.approx(
        (low.item(), high.item()), abs=1e-12
    )


def test_many_draws_at_once_refuse_and_miss_as_one_does() -> None:
    label, value = torch.tensor([0.0, 1.0] * 20), torch.rand(40, generator=torch.Generator().manual_seed(0))
    assert drawn_interval(drawn_roc_auc, value, label, ["a"] * 40) == "too few groups"
    names = [str(row) for row in range(40)]
    found = drawn_interval(drawn_roc_auc, value * NAN, label, names)
    assert not isinstance(found, str)
    assert np.isnan(found).all()
    with pytest.raises(ValueError, match="one entry a label"):
        drawn_interval(drawn_roc_auc, value[1:], label, names)
    with pytest.raises(ValueError, match="level must be"):
        drawn_interval(drawn_roc_auc, value, label, names, level=1.0)
