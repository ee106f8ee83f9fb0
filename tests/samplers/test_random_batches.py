"""Random batches: the contract, what an epoch holds, and settings that cannot be."""

import pytest
import torch
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.samplers import RandomBatchSampler
from tests.contracts import SamplerContract


class TestRandomBatchSampler(SamplerContract):
    def make(self, *, seed: int = 0, rank: int = 0, world_size: int = 1) -> RandomBatchSampler:
        return RandomBatchSampler(23, 4, seed=seed, rank=rank, world_size=world_size)

    def chances(self) -> Tensor:
        return torch.full((23,), 20 / 23)  # five whole batches; three cases sit out


def test_an_epoch_draws_no_case_twice() -> None:
    batches = list(RandomBatchSampler(23, 4, seed=0))
    assert [len(batch) for batch in batches] == [4] * 5
    assert len({row for batch in batches for row in batch}) == 20


def test_one_batch_may_be_all_cases() -> None:
    sampler = RandomBatchSampler(6, 6, seed=0)
    assert [sorted(batch) for batch in sampler] == [list(range(6))]


def test_uneven_shards_hold_every_row_of_a_batch() -> None:
    shards = [RandomBatchSampler(30, 8, seed=0, rank=rank, world_size=3).batch(2) for rank in range(3)]
    assert [len(shard) for shard in shards] == [3, 3, 2]
    assert sorted(row for shard in shards for row in shard) == sorted(RandomBatchSampler(30, 8, seed=0).batch(2))


def test_a_batch_larger_than_the_training_split_is_refused() -> None:
    expected = "^batch_size 64 is larger than the 40 training cases; set training.batch_size to 40 or less$"
    with pytest.raises(InputError, match=expected):
        RandomBatchSampler(40, 64, seed=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "^batch_size must be >= 1, got 0$"),
        ({"batch_size": 4, "world_size": 0}, "^world_size must be >= 1, got 0$"),
        ({"batch_size": 4, "rank": 2, "world_size": 2}, "^rank must be in 0..1, got 2$"),
        ({"batch_size": 2, "world_size": 3}, "^world_size must be <= batch_size 2, got 3$"),
    ],
)
def test_refuses_settings_that_cannot_be(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandomBatchSampler(10, seed=0, **settings)


def test_refuses_steps_and_epochs_before_the_first() -> None:
    sampler = RandomBatchSampler(10, 2, seed=0)
    with pytest.raises(ValueError, match="^step must be >= 0, got -1$"):
        sampler.batch(-1)
    with pytest.raises(ValueError, match="^epoch must be >= 0, got -1$"):
        sampler.set_epoch(-1)


def test_refuses_the_state_of_another_sampler() -> None:
    with pytest.raises(ValueError, match="^batch_size must be 2 as in this sampler, got 5$"):
        RandomBatchSampler(10, 2, seed=0).load_state_dict(RandomBatchSampler(10, 5, seed=0).state_dict())
