"""Gathering: rank order, uneven and empty shards, any kind of number, and the gradient that DDP's mean needs."""

import pytest
import torch
from torch import Tensor

from medgauge.training.gather import gather, gather_in_turn, shard_sizes
from tests.processes import in_each_process


def rows_of(rank: int, sizes: tuple[int, ...]) -> Tensor:
    start = sum(sizes[:rank])
    return torch.arange(3.0 * sum(sizes)).reshape(-1, 3)[start : start + sizes[rank]]


def several(rank: int, sizes: tuple[int, ...]) -> dict[str, Tensor]:
    own = rows_of(rank, sizes).requires_grad_()
    shared = shard_sizes(len(own), own.device)
    whole = gather(own)
    assert whole is not None
    slope = torch.arange(float(whole.numel())).reshape(whole.shape)
    torch.autograd.backward((whole * slope).sum())
    found = {
        "sizes": torch.tensor(shared),
        "whole": whole.detach(),
        "gradient": own.grad,
        "vector": gather(own.detach()[:, 0], shared),
        "whole numbers": gather(own.detach().long(), shared),
        "truths": gather(own.detach() > 4, shared),
        "half": gather(own.detach().to(torch.bfloat16), shared),
        "cube": gather(own.detach()[:, :, None].expand(-1, 3, 2), shared),
        "scalar": gather(torch.tensor(0.5 + rank)),
    }
    assert gather(None) is None
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(5, 3), (1, 4), (0, 3), (2, 2)])
def test_two_processes_see_all_rows(sizes: tuple[int, int]) -> None:
    whole = torch.cat([rows_of(rank, sizes) for rank in range(2)])
    slope = torch.arange(float(whole.numel())).reshape(whole.shape)
    for rank, found in enumerate(in_each_process(several, sizes)):
        start = sum(sizes[:rank])
        expected = {
            "sizes": torch.tensor(sizes),
            "whole": whole,
            "gradient": 2 * slope[start : start + sizes[rank]],
            "vector": whole[:, 0],
            "whole numbers": whole.long(),
            "truths": whole > 4,
            "half": whole.to(torch.bfloat16),
            "cube": whole[:, :, None].expand(-1, 3, 2),
            "scalar": torch.tensor(0.5 + rank),
        }
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def wrong_sizes(rank: int) -> Tensor:
    with pytest.raises(ValueError, match=f"^sizes must name 2 rows for process {rank}, got 1$"):
        gather(torch.zeros(2, 1), [1, 1])
    return torch.tensor(rank)


@pytest.mark.slow
def test_sizes_that_do_not_fit_are_refused() -> None:
    assert [int(rank) for rank in in_each_process(wrong_sizes)] == [0, 1]


def test_one_process_gets_its_own_tensor() -> None:
    tensor = torch.ones(3, 2, requires_grad=True)
    assert gather(tensor) is tensor
    assert gather(None) is None
    assert shard_sizes(3, tensor.device) == [3]


def in_turn(rank: int, count: int) -> Tensor:
    return gather_in_turn(torch.arange(2.0 * count).reshape(-1, 2)[rank::2])


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 4, 5])
def test_rows_dealt_in_turn_come_back_in_their_order(count: int) -> None:
    for found in in_each_process(in_turn, count):
        assert torch.equal(found, torch.arange(2.0 * count).reshape(-1, 2))
    whole = torch.rand(3, 2, requires_grad=True)
    assert torch.equal(gather_in_turn(whole), whole)
    assert not gather_in_turn(whole).requires_grad
