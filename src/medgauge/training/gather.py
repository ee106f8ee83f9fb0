"""Rows of all processes in each process, with gradient."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist
from torch.autograd.function import once_differentiable


def gather(tensor: Tensor | None, sizes: Sequence[int] | None = None) -> Tensor | None:
    """The rows of all processes, those of process 0 first; every process must call it, in the same order.

    - Shape: (n_r, ...) on process r -> (sum of n_r, ...) on each. Shards may be of unequal length or empty: they are
      padded to the longest, and the padding is dropped. None gives None, a scalar comes back as it is.
    - One process, or none set up: the tensor itself.
    - Gradient: when every process computes the same loss of the gathered rows, the mean of the processes' parameter
      gradients (as DistributedDataParallel takes it) is the gradient of one process with all rows. Hence the slice of
      this process is multiplied by the number of processes. It cannot be differentiated twice.

    Args:
        tensor: this process's rows; other dimensions and dtype are the same in all processes.
        sizes: rows of each process, from :func:`shard_sizes`, where several tensors share them.
    """
    if tensor is None or tensor.ndim == 0 or world_size() == 1:
        return tensor
    if sizes is None:
        sizes = shard_sizes(len(tensor), tensor.device)
    gathered: Tensor = _Gather.apply(tensor, tuple(sizes))  # type: ignore[no-untyped-call]  # torch: untyped
    return gathered


def gather_in_turn(tensor: Tensor) -> Tensor:
    """The rows of all processes in their order before they were dealt in turn (row i to process i mod processes).

    Without gradient; every process must call it.
    """
    if world_size() == 1:
        return tensor.detach()
    sizes = shard_sizes(len(tensor), tensor.device)
    together: Tensor = _Gather.apply(tensor.detach(), tuple(sizes))  # type: ignore[no-untyped-call]  # torch: untyped
    whole, start = torch.empty_like(together), 0
    for rank, size in enumerate(sizes):
        whole[rank :: len(sizes)] = together[start : start + size]
        start += size
    return whole


def world_size() -> int:
    """Number of processes; 1 where ``torch.distributed`` is not set up."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def shard_sizes(rows: int, device: torch.device) -> list[int]:
    """How many rows each process has; every process must call it. ``device``: where messages are sent from."""
    if world_size() == 1:
        return [rows]
    own = torch.tensor([rows], device=device)
    sizes = [torch.zeros_like(own) for _ in range(world_size())]
    dist.all_gather(sizes, own)
    return [int(size) for size in torch.cat(sizes).tolist()]


class _Gather(torch.autograd.Function):
    """Padded all-gather; backward keeps this process's slice, times the number of processes."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, sizes: tuple[int, ...]) -> Tensor:
        rank = dist.get_rank()
        if sizes[rank] != len(tensor):
            raise ValueError(f"sizes must name {len(tensor)} rows for process {rank}, got {sizes[rank]}")
        ctx.start, ctx.rows, ctx.world = sum(sizes[:rank]), sizes[rank], len(sizes)
        padded = tensor.new_zeros(max(sizes), *tensor.shape[1:])
        padded[: len(tensor)] = tensor
        shards = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(shards, padded)
        return torch.cat([shard[:size] for shard, size in zip(shards, sizes, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad[ctx.start : ctx.start + ctx.rows] * ctx.world, None
