"""Runs a model over cases and keeps embeddings, predictions and logits, in the order of the rows."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
import torch.distributed
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.batch import Batch
from medgauge.core.errors import InputError


class Collected(NamedTuple):
    """What a model gave for n cases, on the CPU in float32; absent = None.

    - Shape: embedding (n, d); prediction (n, t); logits (n, t, k).
    """

    embedding: Float[Tensor, "n d"]
    prediction: Float[Tensor, "n t"] | None
    logits: Float[Tensor, "n t k"] | None


def collect(
    model: nn.Module,
    load: Callable[[Sequence[int]], Batch],
    rows: Sequence[int],
    *,
    batch_size: int = 256,
    views: Sequence[Sequence[int]] = ((),),
    fabric: Any = None,  # Lightning Fabric's, where several processes share the rows
) -> Collected:
    """What the model gives for the given rows.

    With several processes each reads every other row; nothing is padded or read twice.

    Args:
        model: image, covariates -> output.
        load: the batch of some rows.
        rows: which, in this order.
        batch_size: how many at once.
        views: for each the axes that images are mirrored along, counted from the end; what is given is the mean over them.
        fabric: where several processes share the rows.
    """
    world, rank = (fabric.world_size, fabric.global_rank) if fabric is not None else (1, 0)
    mine = list(rows)[rank::world]
    inner = bare(model)
    if world > 1:  # normalisation statistics are those of the first process
        for buffer in inner.buffers():
            torch.distributed.broadcast(buffer, 0)
    found: list[list[Tensor]] = [[], [], []]
    was_training = inner.training
    inner.eval()
    with torch.no_grad(), fabric.autocast() if fabric is not None else nullcontext():
        for start in range(0, len(mine), batch_size):
            batch = load(mine[start : start + batch_size])
            for kept, part in zip(found, _mean(inner, batch, views), strict=True):
                if part is not None:
                    kept.append(part.cpu())
    inner.train(was_training)
    parts = [torch.cat(kept) if kept else None for kept in found]
    return Collected(*(parts if world == 1 else _merge(parts, len(rows), world)))  # type: ignore[arg-type]  # rows are never empty


def _mean(model: nn.Module, batch: Batch, views: Sequence[Sequence[int]]) -> list[Tensor | None]:
    """Embedding, prediction and logits of a batch, each the mean over the views."""
    sums: list[Tensor | None] = []
    for axes in views:
        if axes and -min(axes) > batch.image.ndim - 2:
            raise InputError(
                f"prediction.average mirrors axis {min(axes)}, and the images are {batch.image.ndim - 2}-D; take it out of "
                "augmentation.flip"
            )
        out = model(batch.image.flip(list(axes)) if axes else batch.image, batch.covariates)
        parts = [None if part is None else part.float() for part in (out.embedding, out.prediction, out.logits)]
        sums = (
            [None if one is None or more is None else one + more for one, more in zip(sums, parts, strict=True)]
            if sums
            else parts
        )
    return sums if len(views) == 1 else [None if part is None else part / len(views) for part in sums]


def bare(model: nn.Module) -> nn.Module:
    """The model inside Fabric's wrapper and DDP's."""
    wrapped = getattr(model, "_forward_module", model)
    found = getattr(wrapped, "module", wrapped)
    return found if isinstance(found, nn.Module) else model


def _merge(parts: Sequence[Tensor | None], count: int, world: int) -> list[Tensor | None]:
    """Put the shards of all processes back into the order of the rows."""
    shards: list[Any] = [None] * world
    torch.distributed.all_gather_object(shards, list(parts))
    return [_whole([shard[place] for shard in shards], count) for place in range(len(parts))]


def _whole(shards: Sequence[Tensor | None], count: int) -> Tensor | None:
    """Rows ``rank::world`` of each process as one tensor; None where no process has any."""
    present = [shard for shard in shards if shard is not None]
    if not present:
        return None
    whole = torch.empty((count, *present[0].shape[1:]), dtype=present[0].dtype)
    for rank, shard in enumerate(shards):
        if shard is not None:
            whole[rank :: len(shards)] = shard
    return whole
