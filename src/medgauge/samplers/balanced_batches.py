"""Batches that are balanced over a continuous label."""

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_choice, check_number
from medgauge.core.seeding import generator
from medgauge.functional.regions import LabelRegions
from medgauge.samplers.density_weights import density_weights, effective_size, one_target
from medgauge.samplers.random_batches import RandomBatchSampler
from medgauge.samplers.weighted_draw import check_enough, group_codes, weighted_draw

By = Literal["region", "density"]


class BalancedBatchSampler(RandomBatchSampler):
    """Batches in which rare labels come as often as frequent ones.

    ``region``: a batch holds equal numbers of many, medium and few (:class:`~medgauge.functional.regions.LabelRegions`);
    what is left over goes round the regions from step to step, and regions without cases leave their share to the
    others. Each region's cases are shuffled and all drawn before one comes again, over the ends of epochs too; a case
    that would be in a batch twice waits for the next. Only a region with fewer cases than its share repeats them in a
    batch. ``density``: each batch is drawn anew, without replacement, with chances by one over the density of the label
    (:func:`~medgauge.samplers.density_weights` of scheme ``inverse``, clipped as there, so that no batch needs an outlier).

    As with :class:`RandomBatchSampler`, a batch is drawn globally and then split, ``rank::world_size``, and is a pure
    function of ``seed`` and step. An epoch has ``count // batch_size`` batches. It can be a DataLoader's
    ``batch_sampler``. Cases with a missing label (NaN) are never drawn.

    - Raises: InputError if ``batch_size`` is larger than the number of labelled cases, or of their groups with
      ``one_per_group``, and for labels that are infinite or of several targets; ValueError for other impossible settings.
    - Source: ours; sampling without replacement by the largest of log chance plus Gumbel noise: Efraimidis and Spirakis, 2006.
    - Departs: nothing. With ``one_per_group``, cases of groups that are too large to be spread over an epoch's batches
      sit out, and a region with too few groups leaves the rest of its share to the others.

    Args:
        label: training labels of one target, (n,) or (n, 1), in original units.
        batch_size: cases in a step, over all processes.
        by: ``region`` or ``density``.
        group: each case's group; needed for ``one_per_group``.
        one_per_group: at most one case of a group in a batch.
        seed: what the draws depend on.
        rank: number of this process.
        world_size: number of processes; at most ``batch_size``.

    >>> label = torch.tensor([0.0] * 12 + [10.0] * 4)
    >>> sampler = BalancedBatchSampler(label, 4, seed=0)
    >>> [sorted(label[batch].tolist()) for batch in sampler][:2]
    [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 10.0]]
    """

    def __init__(
        self,
        label: Float[Tensor, "n 1"] | Float[Tensor, " n"],
        batch_size: int,
        *,
        by: By = "region",
        group: Sequence[Any] | None = None,
        one_per_group: bool = False,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        values = one_target(label)
        super().__init__(len(values), batch_size, seed=seed, rank=rank, world_size=world_size)
        check_choice("by", by, get_args(By))
        if group is not None and len(group) != len(values):
            raise ValueError(f"group must have one entry a label, got {len(group)} for {len(values)} labels")
        if one_per_group and group is None:
            raise ValueError("group must be given with one_per_group, got None")
        self.by, self.one_per_group = by, one_per_group
        self.effective: float | None = None  # number of cases that chances as unequal are worth, by ``density``
        self._labelled = torch.nonzero(~values.isnan()).flatten()
        self._group = group_codes(group) if one_per_group and group is not None else list(range(len(values)))
        own = [self._group[row] for row in self._labelled.tolist()]
        check_enough(own, batch_size, self.count, one_per_group=one_per_group, way="balanced")
        shown = f"{by} {one_per_group} {self._group if one_per_group else ''}".encode()
        self._drawn_from = int.from_bytes(hashlib.sha256(values.numpy().tobytes() + shown).digest()[:7], "big")
        seen = values[self._labelled]
        if by == "region":
            code = LabelRegions.fit(seen).of(seen)
            members = [self._labelled[code == region].tolist() for region in range(3)]
            self._regions = [cases for cases in members if cases]
        else:
            equal = bool(seen.min() == seen.max())
            inverse = torch.ones_like(seen) if equal else density_weights(seen, "inverse", "kernel_density")
            self._log_chance = inverse.log()
            self.effective = effective_size(inverse)
        self._planned_epoch = -1
        self._plan: list[list[int]] = []

    def global_batch(self, step: int) -> list[int]:
        """The row positions of all processes at a step, counted from 0 over all epochs."""
        check_number("step", step, least=0, whole=True)
        if self.by == "density":
            return self._by_density(step)
        epoch, place = divmod(step, len(self))
        if epoch != self._planned_epoch:
            self._plan, self._planned_epoch = self._by_region(epoch), epoch
        return self._plan[place]

    def state_dict(self) -> dict[str, int]:
        """What is needed to go on: the epoch, and the settings that the draws depend on."""
        return {**super().state_dict(), "drawn_from": self._drawn_from}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on at the saved epoch; ValueError if the saved settings would have drawn other batches."""
        if state["drawn_from"] != self._drawn_from:
            raise ValueError("label, by, group and one_per_group must be those of the sampler that was saved")
        super().load_state_dict(state)

    def _by_density(self, step: int) -> list[int]:
        group = [self._group[row] for row in self._labelled.tolist()] if self.one_per_group else None
        drawn = weighted_draw(self._log_chance, self.batch_size, generator(self.seed, "balanced", step), group)
        return self._labelled[drawn].tolist()

    def _by_region(self, epoch: int) -> list[list[int]]:
        """All batches of an epoch: the next cases of each region's endless shuffles, spread so that none meets itself."""
        first, last = epoch * len(self), (epoch + 1) * len(self)
        queues = [
            _Queue(self._shuffles(region, self._drawn(region, first), self._drawn(region, last)), self._group)
            for region in range(len(self._regions))
        ]
        most = -(-self.batch_size // len(self._regions))
        labelled, batches = self._labelled.tolist(), []
        for step in range(first, last):
            batch: list[int] = []
            used: set[int] = set()
            for region in reversed(range(len(self._regions))):  # few first: it has the fewest cases to choose from
                share = self._drawn(region, step + 1) - self._drawn(region, step)
                cases = self._regions[region]
                if len(cases) < most and not self.one_per_group:
                    batch += queues[region].repeat(share)
                    continue
                taken = queues[region].take(share, used)
                batch += taken
                if len(taken) < share:
                    batch += self._others(cases, share - len(taken), used, step)
            if len(batch) < self.batch_size:
                batch += self._others(labelled, self.batch_size - len(batch), used, step)
            batches.append(batch)
        return batches

    def _drawn(self, region: int, step: int) -> int:
        """How many cases a region has given before a step: its equal share, with the left-over places going round."""
        regions = len(self._regions)
        equal, left = divmod(self.batch_size, regions)
        return step * equal + (step * left + regions - 1 - region) // regions

    def _shuffles(self, region: int, start: int, stop: int) -> list[int]:
        """Places ``start`` to ``stop`` of a region's endless series of shuffles."""
        cases = self._regions[region]
        size = len(cases)
        series: list[int] = []
        for number in range(start // size, -(-stop // size)):
            shuffle = torch.randperm(size, generator=generator(self.seed, "balanced", region, number))
            series += [cases[place] for place in shuffle.tolist()]
        return series[start % size : start % size + stop - start]

    def _others(self, cases: list[int], wanted: int, used: set[int], step: int) -> list[int]:
        """Cases drawn from all of ``cases`` whose group is not in the batch yet; fewer where there are not so many."""
        shuffle = torch.randperm(len(cases), generator=generator(self.seed, "balanced", "others", step))
        return _Queue((cases[place] for place in shuffle.numpy()), self._group).take(wanted, used)


class _Queue:
    """Cases in line; one whose group is in the batch already waits, and comes first in the next."""

    def __init__(self, cases: Iterable[int], group: list[int]) -> None:
        self._line = iter(cases)
        self._group = group
        self._waiting: dict[int, deque[int]] = {}

    def take(self, count: int, used: set[int]) -> list[int]:
        """The next cases of groups that are not ``used``; these groups are added to it."""
        taken = []
        for group in list(islice((group for group in self._waiting if group not in used), count)):
            taken.append(self._waiting[group].popleft())
            used.add(group)
            if not self._waiting[group]:
                del self._waiting[group]
        while len(taken) < count and (case := next(self._line, None)) is not None:
            group = self._group[case]
            if group in used:
                self._waiting.setdefault(group, deque()).append(case)
            else:
                used.add(group)
                taken.append(case)
        return taken

    def repeat(self, count: int) -> list[int]:
        """The next cases, whatever is in the batch."""
        return [next(self._line) for _ in range(count)]
