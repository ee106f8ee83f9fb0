"""Balanced batches: the contract, what a batch and a series of epochs hold, groups, and labels of every kind."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from medgauge.core.errors import InputError
from medgauge.functional.regions import LabelRegions
from medgauge.samplers import BalancedBatchSampler
from tests.contracts import SamplerContract


def skewed(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).exp() * 10


def regions(label: Tensor) -> Tensor:
    return LabelRegions.fit(label).of(label)


CLUSTER = torch.tensor([1.0, 1.1, 1.3, 1.2, 1.4, 1.25, 1.15, 1.05, 1.35, 4.0, 4.2, 9.0], dtype=torch.float64)


def cluster_weights() -> Tensor:
    """One over the cases under the kernel of each, five at least: 9 cases lie close by, 2 apart, and 1 alone."""
    width = float(CLUSTER.std()) * 12**-0.2
    under = torch.exp(-((CLUSTER[:, None] - CLUSTER) ** 2) / (2 * width**2)).sum(1)
    assert under.min() < 2
    assert under.max() > 9
    return 1 / under.clamp(5, 1000)


class TestByRegion(SamplerContract):
    def make(self, *, seed: int = 0, rank: int = 0, world_size: int = 1) -> BalancedBatchSampler:
        return BalancedBatchSampler(skewed(23), 4, seed=seed, rank=rank, world_size=world_size)

    def chances(self) -> Tensor:
        code = regions(skewed(23))
        return 5 * 4 / 3 / torch.bincount(code)[code]  # five batches of 4/3 cases of each region


class TestByDensity(SamplerContract):
    def make(self, *, seed: int = 0, rank: int = 0, world_size: int = 1) -> BalancedBatchSampler:
        return BalancedBatchSampler(CLUSTER, 4, by="density", seed=seed, rank=rank, world_size=world_size)

    def chances(self) -> Tensor:
        """Chance of each case to be among four drawn one after the other, by going through all orders."""
        weight, chance = cluster_weights().tolist(), [0.0] * 12
        for drawn in itertools.permutations(range(12), 4):
            left, together = sum(weight), 1.0
            for case in drawn:
                together *= weight[case] / left
                left -= weight[case]
            for case in drawn:
                chance[case] += together
        assert sum(chance) == pytest.approx(4)
        return 3 * torch.tensor(chance, dtype=torch.float64)  # three batches an epoch

    def test_chances_match_a_long_draw(self) -> None:
        drawn, epochs = torch.zeros(12), 400
        for number in range(epochs):
            drawn += torch.bincount(torch.tensor(self.epoch(number)).flatten(), minlength=12)
        chance = self.chances() / 3  # of one batch; each is drawn anew
        spread = (3 * epochs * chance * (1 - chance)).sqrt()
        assert ((drawn - 3 * epochs * chance) / spread).abs().max() < 4
        assert drawn[11] > 1.5 * drawn[0]


class TestByDensityOnePerGroup(SamplerContract):
    group = ("a", "a", "b", "c", "c", "d", "d", "e", "f", "g", "g", "h")

    def make(self, *, seed: int = 0, rank: int = 0, world_size: int = 1) -> BalancedBatchSampler:
        settings: dict[str, Any] = {"by": "density", "group": self.group, "one_per_group": True}
        return BalancedBatchSampler(CLUSTER, 3, **settings, seed=seed, rank=rank, world_size=world_size)

    def chances(self) -> Tensor:
        weight = cluster_weights()
        chance = torch.zeros(12, dtype=torch.float64)
        for drawn in itertools.permutations(range(12), 3):
            allowed, together = torch.ones(12, dtype=torch.bool), 1.0
            for case in drawn:
                together *= float(weight[case] * allowed[case] / weight[allowed].sum()) if allowed[case] else 0.0
                allowed &= torch.tensor([name != self.group[case] for name in self.group])
            chance[list(drawn)] += together
        assert chance.sum().item() == pytest.approx(3)
        return 4 * chance  # four batches an epoch

    def test_chances_match_a_long_draw(self) -> None:
        drawn, epochs = torch.zeros(12), 200
        for number in range(epochs):
            drawn += torch.bincount(torch.tensor(self.epoch(number)).flatten(), minlength=12)
        chance = self.chances() / 4  # of one batch; the four of an epoch are drawn anew
        spread = (4 * epochs * chance * (1 - chance)).sqrt()
        assert ((drawn - 4 * epochs * chance) / spread).abs().max() < 4


class TestByRegionOnePerGroup(SamplerContract):
    def make(self, *, seed: int = 0, rank: int = 0, world_size: int = 1) -> BalancedBatchSampler:
        settings: dict[str, Any] = {"group": [row // 2 for row in range(60)], "one_per_group": True}
        return BalancedBatchSampler(skewed(60), 6, **settings, seed=seed, rank=rank, world_size=world_size)

    def chances(self) -> Tensor:
        code = regions(skewed(60))
        return 10 * 2 / torch.bincount(code)[code]

    def test_chances_match_a_long_draw(self) -> None:
        """Each region gets its share exactly; a case whose group-mate came may sit out, so cases only nearly."""
        drawn, epochs = torch.zeros(60), 200
        for number in range(epochs):
            drawn += torch.bincount(torch.tensor(self.epoch(number)).flatten(), minlength=60)
        code = regions(skewed(60))
        assert torch.bincount(code, weights=drawn).tolist() == [epochs * 20] * 3
        assert (drawn / (epochs * self.chances()) - 1).abs().max() < 0.1


def test_a_batch_holds_equal_numbers_of_each_region() -> None:
    label, size = skewed(300), 16
    code = regions(label)
    sampler = BalancedBatchSampler(label, size, seed=0)
    counts = [torch.bincount(code[batch], minlength=3).tolist() for batch in sampler]
    assert len(counts) == 18
    assert all(sorted(count) == [5, 5, 6] for count in counts)
    assert torch.tensor(counts).sum(dim=0).tolist() == [96, 96, 96]  # what is left over goes round


def test_no_case_is_in_a_batch_twice() -> None:
    for count, size in ((40, 12), (41, 24), (30, 12)):
        label = skewed(count)
        assert torch.bincount(regions(label)).min() >= -(-size // 3)
        for epoch in range(30):
            sampler = BalancedBatchSampler(label, size, seed=1)
            sampler.set_epoch(epoch)
            assert all(len(set(batch)) == size for batch in sampler)


def test_a_region_is_gone_through_before_a_case_comes_again() -> None:
    label = skewed(60)
    code = regions(label)
    assert torch.bincount(code).tolist() == [30, 18, 12]
    sampler = BalancedBatchSampler(label, 9, seed=0)  # six batches of three: 18 of each region an epoch
    series: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for epoch in range(20):
        sampler.set_epoch(epoch)
        for row in (row for batch in sampler for row in batch):
            series[int(code[row])].append(row)
    for region, size in enumerate((30, 18, 12)):
        rows = series[region]
        assert len(rows) == 360
        rounds = [rows[start : start + size] for start in range(0, 360, size)]
        assert all(len(set(one)) == size for one in rounds)
        assert rounds[0] != rounds[1]


def test_cases_that_meet_themselves_wait_and_are_not_lost() -> None:
    label = skewed(50)
    code = regions(label)
    assert torch.bincount(code).tolist() == [25, 15, 10]
    sampler = BalancedBatchSampler(label, 21, seed=0)  # seven of each: rounds end within batches
    drawn = torch.zeros(50)
    for epoch in range(100):  # of two batches
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert all(len(set(batch)) == 21 for batch in batches)
        drawn += torch.bincount(torch.tensor(batches).flatten(), minlength=50)
    assert torch.bincount(code, weights=drawn).tolist() == [1400] * 3
    expected = 1400 / torch.bincount(code)[code]
    assert (drawn / expected - 1).abs().max() < 0.15


def test_a_region_smaller_than_its_share_repeats_its_cases() -> None:
    label = torch.cat([torch.zeros(30), torch.tensor([5.0, 9.0])])
    code = regions(label)
    assert torch.bincount(code, minlength=3).tolist() == [30, 0, 2]
    for batch in BalancedBatchSampler(label, 8, seed=0):
        assert torch.bincount(code[batch], minlength=3).tolist() == [4, 0, 4]
        assert sorted(row for row in batch if row >= 30) == [30, 30, 31, 31]
        assert len({row for row in batch if row < 30}) == 4


@pytest.mark.parametrize("by", ["region", "density"])
def test_equal_labels_are_drawn_alike(by: Any) -> None:
    sampler = BalancedBatchSampler(torch.full((24,), 7.3), 8, by=by, seed=0)
    drawn = torch.zeros(24)
    for epoch in range(200):
        sampler.set_epoch(epoch)
        assert all(len(set(batch)) == 8 for batch in sampler)
        drawn += torch.bincount(torch.tensor(list(sampler)).flatten(), minlength=24)
    assert (drawn - 200).abs().max() <= (0 if by == "region" else 50)  # exactly, or within four standard deviations


def test_by_density_draws_labels_evenly_over_their_range() -> None:
    label = skewed(2000)
    rows = [row for batch in BalancedBatchSampler(label, 20, by="density", seed=0) for row in batch]
    assert label[rows].median() > 2 * label.median()
    middle = (label.quantile(0.02) + label.quantile(0.9)) / 2
    inside = label[rows][(label[rows] > label.quantile(0.02)) & (label[rows] < label.quantile(0.9))]
    assert 0.4 < (inside < middle).double().mean() < 0.6


@pytest.mark.parametrize("by", ["region", "density"])
def test_missing_labels_are_never_drawn(by: Any) -> None:
    label = skewed(40)
    label[::3] = torch.nan
    sampler = BalancedBatchSampler(label, 6, by=by, seed=0)
    assert len(sampler) == 6
    rows = {row for epoch in range(20) for step in range(6) for row in sampler.batch(6 * epoch + step)}
    assert rows == set(torch.nonzero(~label.isnan()).flatten().tolist())


@pytest.mark.parametrize("by", ["region", "density"])
def test_a_group_is_in_a_batch_once(by: Any) -> None:
    label = skewed(90)
    group = [f"patient {row % 37}" if row < 60 else f"patient {row % 4}" for row in range(90)]
    sampler = BalancedBatchSampler(label, 12, by=by, group=group, one_per_group=True, seed=0)
    for epoch in range(20):
        sampler.set_epoch(epoch)
        for batch in sampler:
            assert len({group[row] for row in batch}) == len(batch) == 12
    plain = BalancedBatchSampler(label, 12, by=by, group=group, seed=0)
    assert any(len({group[row] for row in batch}) < 12 for batch in plain)


def test_groups_that_take_a_whole_region_leave_the_rest_of_the_batch_to_others() -> None:
    label = torch.cat([torch.zeros(30), torch.linspace(5, 9, 6)])
    group = [*range(30), *["one"] * 6]
    sampler = BalancedBatchSampler(label, 10, group=group, one_per_group=True, seed=0)
    for batch in itertools.chain(sampler, sampler):
        assert len({group[row] for row in batch}) == 10
        assert sum(row >= 30 for row in batch) == 1
    whole = BalancedBatchSampler(label, 31, group=group, one_per_group=True, seed=0)
    assert sorted(row for row in whole.batch(0) if row < 30) == list(range(30))


def test_a_heap_of_one_group_does_not_slow_it_down() -> None:
    label = skewed(20_000).round()
    group = [0 if row % 2 else row for row in range(20_000)]
    sampler = BalancedBatchSampler(label, 64, group=group, one_per_group=True, seed=0)
    assert all(sum(group[row] == 0 for row in batch) <= 1 for batch in sampler)


@pytest.mark.parametrize("by", ["region", "density"])
def test_dataloader_takes_it_as_batch_sampler(by: Any) -> None:
    sampler = BalancedBatchSampler(skewed(23), 4, by=by, seed=0)
    loader = DataLoader(torch.arange(23), batch_sampler=sampler)  # type: ignore[arg-type]  # a tensor is a data set
    assert [batch.tolist() for batch in loader] == list(sampler)
    assert len(loader) == 5


def test_one_column_is_the_same_and_several_are_refused() -> None:
    label = skewed(23)
    assert list(BalancedBatchSampler(label[:, None], 4, seed=0)) == list(BalancedBatchSampler(label, 4, seed=0))
    with pytest.raises(InputError, match="^one target is needed, got 2"):
        BalancedBatchSampler(torch.rand(9, 2), 4, seed=0)


def test_labels_far_from_zero_draw_the_same() -> None:
    label = (skewed(50) * 8).round() / 8
    for by in ("region", "density"):
        shifted = BalancedBatchSampler(label + 1e9, 8, by=by, seed=0)  # type: ignore[arg-type]  # one of both
        assert list(shifted) == list(BalancedBatchSampler(label, 8, by=by, seed=0))  # type: ignore[arg-type]  # one of both


def test_refuses_batches_that_cannot_be_filled() -> None:
    label = torch.cat([skewed(10), torch.full((30,), torch.nan, dtype=torch.float64)])
    expected = (
        "^batch_size 16 is larger than the 10 training cases with a label; set training.batch_size to 10 or less$"
    )
    with pytest.raises(InputError, match=expected):
        BalancedBatchSampler(label, 16, seed=0)
    expected = (
        "^batch_size 8 is larger than the 5 groups of the 10 training cases with a label; set training.batch_size to 5"
    )
    with pytest.raises(InputError, match=expected):
        BalancedBatchSampler(label, 8, group=[row // 2 for row in range(40)], one_per_group=True, seed=0)
    with pytest.raises(InputError, match="^balanced batches need labels, and all of the 30 training cases have none$"):
        BalancedBatchSampler(label[10:], 8, seed=0)
    with pytest.raises(InputError, match="^batch_size 64 is larger than the 40 training cases"):
        BalancedBatchSampler(label, 64, seed=0)
    with pytest.raises(InputError, match="^labels must be finite"):
        BalancedBatchSampler(torch.tensor([1.0, 2.0, torch.inf]), 2, seed=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"by": "label"}, "^by must be one of region, density, got label$"),
        ({"one_per_group": True}, "^group must be given with one_per_group, got None$"),
        ({"group": ["a"]}, "^group must have one entry a label, got 1 for 23 labels$"),
        ({"world_size": 5}, "^world_size must be <= batch_size 4, got 5$"),
    ],
)
def test_refuses_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BalancedBatchSampler(skewed(23), 4, seed=0, **settings)


def test_refuses_steps_before_the_first_and_the_state_of_another_sampler() -> None:
    sampler = BalancedBatchSampler(skewed(23), 4, seed=0)
    with pytest.raises(ValueError, match="^step must be >= 0, got -1$"):
        sampler.batch(-1)
    for other in (
        BalancedBatchSampler(skewed(23, seed=1), 4, seed=0),
        BalancedBatchSampler(skewed(23), 4, by="density", seed=0),
        BalancedBatchSampler(skewed(23), 4, group=range(23), one_per_group=True, seed=0),
    ):
        with pytest.raises(ValueError, match="^label, by, group and one_per_group must be those of the sampler"):
            sampler.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match="^seed must be 0 as in this sampler, got 1$"):
        sampler.load_state_dict(BalancedBatchSampler(skewed(23), 4, seed=1).state_dict())


def test_labels_may_come_as_numpy() -> None:
    label = skewed(23)
    assert list(BalancedBatchSampler(np.asarray(label), 4, seed=0)) == list(BalancedBatchSampler(label, 4, seed=0))  # type: ignore[arg-type]  # taken as well
