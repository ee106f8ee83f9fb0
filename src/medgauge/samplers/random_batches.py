"""Uniform batches for one or several processes."""

from collections.abc import Iterator

import torch

from medgauge.core.checks import check_number
from medgauge.core.errors import InputError
from medgauge.core.seeding import generator


class RandomBatchSampler:
    """Shuffles all cases once an epoch and cuts them into batches of row positions; an incomplete last one is dropped.

    A batch is drawn globally and then split, ``rank::world_size``, so that the batches of all processes together do
    not depend on how many there are. Every batch is a pure function of ``seed`` and the step number.

    - Raises: InputError if ``batch_size`` is larger than ``count``; ValueError for other impossible settings.
    - Source: uniform sampling without replacement within an epoch.
    - Departs: the code of Chao et al. (MICCAI 2022) draws each batch anew, without epochs.

    Args:
        count: number of training cases.
        batch_size: cases in a step, over all processes.
        seed: what the shuffles are drawn from.
        rank: number of this process.
        world_size: number of processes; at most ``batch_size``.

    >>> sampler = RandomBatchSampler(5, 2, seed=0)
    >>> len(sampler), [len(batch) for batch in sampler]
    (2, [2, 2])
    """

    def __init__(self, count: int, batch_size: int, *, seed: int, rank: int = 0, world_size: int = 1) -> None:
        _check(count, batch_size, rank, world_size)
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self._shuffled_epoch = -1
        self._shuffled: list[int] = []

    def __len__(self) -> int:
        return self.count // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        first = self.epoch * len(self)
        return (self.batch(step) for step in range(first, first + len(self)))

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, that iteration goes through next."""
        check_number("epoch", epoch, least=0, whole=True)
        self.epoch = epoch

    def batch(self, step: int) -> list[int]:
        """This process's share of the batch of a step, counted from 0 over all epochs."""
        return self.global_batch(step)[self.rank :: self.world_size]

    def global_batch(self, step: int) -> list[int]:
        """The row positions of all processes at a step, counted from 0 over all epochs."""
        check_number("step", step, least=0, whole=True)
        epoch, place = divmod(step, len(self))
        return self._shuffle(epoch)[place * self.batch_size : (place + 1) * self.batch_size]

    def state_dict(self) -> dict[str, int]:
        """What is needed to go on: the epoch, and the settings that the draws depend on."""
        return {"epoch": self.epoch, "seed": self.seed, "count": self.count, "batch_size": self.batch_size}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on at the saved epoch; ValueError if the saved settings would have drawn other batches."""
        for name in ("seed", "count", "batch_size"):
            if state[name] != getattr(self, name):
                raise ValueError(f"{name} must be {getattr(self, name)} as in this sampler, got {state[name]}")
        self.set_epoch(state["epoch"])

    def _shuffle(self, epoch: int) -> list[int]:
        if epoch != self._shuffled_epoch:
            drawn = torch.randperm(self.count, generator=generator(self.seed, "batches", epoch))
            self._shuffled, self._shuffled_epoch = drawn.tolist(), epoch
        return self._shuffled


def _check(count: int, batch_size: int, rank: int, world_size: int) -> None:
    check_number("batch_size", batch_size, least=1, whole=True)
    check_number("world_size", world_size, least=1, whole=True)
    if not 0 <= rank < world_size:
        raise ValueError(f"rank must be in 0..{world_size - 1}, got {rank}")
    if world_size > batch_size:
        raise ValueError(f"world_size must be <= batch_size {batch_size}, got {world_size}")
    if count < batch_size:
        raise InputError(
            f"batch_size {batch_size} is larger than the {count} training cases; "
            f"set training.batch_size to {count} or less"
        )
