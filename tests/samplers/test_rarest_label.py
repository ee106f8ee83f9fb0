"""Batches by the rarest label: the contract, exact chances, groups, and labels that are missing."""

import itertools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch import distributed as dist

from medgauge.core.errors import InputError
from medgauge.samplers import RarestLabelSampler
from medgauge.samplers.rarest_label import rarest_label_chances
from tests.contracts import SamplerContract
from tests.processes import in_each_process

LABEL = torch.tensor(
    [[1.0, 0.0]] * 5 + [[1.0, 1.0], [0.0, 1.0]] + [[0.0, 0.0], [0.0, math.nan], [math.nan, 0.0]] + [[math.nan] * 2]
)
WEIGHT = [1 / 6] * 5 + [1 / 2] * 2 + [1 / 3] * 3 + [0.0]
"""Six with the first finding, two with the second, three with neither, and one of which nothing is known."""


def chances_of(size: int, group: Sequence[Any] | None = None) -> Tensor:
    """Chance of each case to be in a batch, by going through all orders of drawing one after the other."""
    group = group or list(range(len(WEIGHT)))
    chance = torch.zeros(len(WEIGHT), dtype=torch.float64)
    for drawn in itertools.permutations(range(len(WEIGHT)), size):
        left, together = dict(enumerate(WEIGHT)), 1.0
        for case in drawn:
            together *= left.get(case, 0.0) / sum(left.values()) if sum(left.values()) else 0.0
            left = {one: weight for one, weight in left.items() if group[one] != group[case]}
        chance[list(drawn)] += together
    assert chance.sum().item() == pytest.approx(size)
    return chance


class TestRarestLabel(SamplerContract):
    size: ClassVar[int] = 3
    group: ClassVar[list[str] | None] = None

    def make(self, *, seed: int = 0, rank: int = 0, world_size: int = 1) -> RarestLabelSampler:
        return RarestLabelSampler(
            LABEL,
            self.size,
            group=self.group,
            one_per_group=self.group is not None,
            seed=seed,
            rank=rank,
            world_size=world_size,
        )

    def chances(self) -> Tensor:
        return len(self.make()) * chances_of(self.size, self.group)

    def test_chances_match_a_long_draw(self) -> None:
        """A batch at a time, since each is drawn anew."""
        batches, sampler = 3000, self.make()
        drawn = torch.bincount(torch.tensor([sampler.batch(step) for step in range(batches)]).flatten(), minlength=11)
        chance = chances_of(self.size, self.group)
        spread = (batches * chance * (1 - chance)).sqrt().clamp(min=0.1)
        assert ((drawn - batches * chance) / spread).abs().max() < 4
        assert drawn[10] == 0
        assert drawn[5] > 1.5 * drawn[0]


class TestOnePerGroup(TestRarestLabel):
    group: ClassVar[list[str] | None] = ["a", "a", "b", "b", "b", "c", "c", "d", "e", "f", "g"]


def test_chances_are_by_one_over_the_frequency_of_the_rarest_label() -> None:
    expected = torch.tensor(WEIGHT, dtype=torch.float64)
    torch.testing.assert_close(rarest_label_chances(LABEL), expected / expected.sum(), rtol=1e-12, atol=0)


def test_classes_of_one_label_have_equal_chances_together() -> None:
    """No case has two findings: two findings and none, a third each."""
    label = torch.tensor([[1.0, 0.0]] * 50 + [[0.0, 1.0]] * 4 + [[0.0, 0.0]] * 200)
    chances = rarest_label_chances(label)
    assert [float(part.sum()) for part in chances.split([50, 4, 200])] == pytest.approx([1 / 3] * 3)
    sampler = RarestLabelSampler(label, 1, seed=0)
    drawn = torch.tensor([sampler.batch(step)[0] for step in range(3000)])
    shares = torch.bincount(torch.bucketize(drawn, torch.tensor([49, 53])), minlength=3) / 3000
    assert (shares - 1 / 3).abs().max() < 4 * (2 / 9 / 3000) ** 0.5
    assert sampler.effective == pytest.approx(9 / (1 / 50 + 1 / 4 + 1 / 200))


def test_refuses_what_is_no_finding() -> None:
    with pytest.raises(InputError, match=r"^sampler.name rarest_label needs findings, labels of 0 and 1, "):
        RarestLabelSampler(torch.tensor([[2.0], [1.0]]), 1, seed=0)
    with pytest.raises(ValueError, match=r"^label must have shape \(n, t\), got \(2,\)$"):
        RarestLabelSampler(torch.tensor([0.0, 1.0]), 1, seed=0)
    with pytest.raises(
        InputError, match="^rarest_label batches need labels, and all of the 2 training cases have none$"
    ):
        RarestLabelSampler(torch.full((2, 3), math.nan), 1, seed=0)
    with pytest.raises(InputError, match="^batch_size 11 is larger than the 10 training cases with a label; "):
        RarestLabelSampler(LABEL, 11, seed=0)
    with pytest.raises(ValueError, match="^group must be given with one_per_group, got None$"):
        RarestLabelSampler(LABEL, 3, one_per_group=True, seed=0)
    with pytest.raises(ValueError, match="^group must have one entry a label, got 2 for 11 labels$"):
        RarestLabelSampler(LABEL, 3, group=[1, 2], seed=0)


def test_does_not_go_on_from_the_state_of_other_labels() -> None:
    other = RarestLabelSampler(1 - LABEL, 3, seed=0)
    with pytest.raises(
        ValueError, match="^label, group and one_per_group must be those of the sampler that was saved$"
    ):
        other.load_state_dict(RarestLabelSampler(LABEL, 3, seed=0).state_dict())


def rows_of_process(rank: int, label: Tensor, steps: int) -> Tensor:
    """The rows that a process draws by itself, and those of all processes as it hears them from the others, side by side."""
    sampler = RarestLabelSampler(label, 8, seed=3, rank=rank, world_size=2)
    own = torch.tensor([sampler.batch(step) for step in range(steps)])
    heard = [torch.zeros_like(own) for _ in range(2)]
    dist.all_gather(heard, own)
    return torch.stack([own, *heard])


@pytest.mark.slow
def test_two_processes_have_parts_that_are_disjoint_the_whole_batch_together_and_balanced_each() -> None:
    """50 cases with the first finding, 20 with the second, 330 with none, eight a step: of each process a third."""
    label = torch.tensor([[1.0, 0.0]] * 50 + [[0.0, 1.0]] * 20 + [[0.0, 0.0]] * 330 + [[math.nan] * 2] * 10)
    steps = 400
    found = in_each_process(rows_of_process, label, steps)
    assert torch.equal(found[0][1:], found[1][1:])  # both heard the same parts, each its own among them
    assert all(torch.equal(found[rank][0], found[rank][1 + rank]) for rank in range(2))
    whole = RarestLabelSampler(label, 8, seed=3)
    for step in range(steps):
        parts = [found[rank][0][step].tolist() for rank in range(2)]
        assert [len(part) for part in parts] == [4, 4]
        assert not set(parts[0]) & set(parts[1])
        assert sorted(parts[0] + parts[1]) == sorted(whole.batch(step))
    for rank in range(2):
        rows = found[rank][0].flatten()
        shares = torch.bincount(torch.bucketize(rows, torch.tensor([49, 69, 399])), minlength=4) / len(rows)
        assert shares[3] == 0  # no label is known
        assert (
            shares[:3] - 1 / 3
        ).abs().max() < 0.06  # without replacement the rare class has a little less than a third
