"""Draws of cases with unequal chances, without replacement, and what samplers of labelled cases have in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.errors import InputError


def weighted_draw(
    log_chance: Float[Tensor, " m"], count: int, noise: torch.Generator, group: Sequence[int] | None = None
) -> list[int]:
    """Positions of ``count`` cases, drawn one after the other by their chances among those that are left.

    - Source: the largest of log chance plus Gumbel noise: Efraimidis and Spirakis, 2006.

    Args:
        log_chance: of each case, up to a constant.
        count: of cases; at most as many as there are, or as there are groups.
        noise: what the draw is made from.
        group: a number for each case's group; at most one case of each is drawn then.
    """
    uniform = torch.rand(len(log_chance), generator=noise, dtype=torch.float64)
    key = log_chance - uniform.log().neg().log()  # Gumbel noise; a draw of 0 is last
    if group is None:
        return key.topk(count).indices.tolist()
    order = key.argsort(descending=True)
    groups = np.asarray(group)[order.numpy()]
    first = np.sort(np.unique(groups, return_index=True)[1])[:count]
    return order[torch.from_numpy(first)].tolist()


def group_codes(group: Sequence[Any]) -> list[int]:
    """A number for each group, in the order of their first cases.

    >>> group_codes(["b", "a", "b"])
    [0, 1, 0]
    """
    known: dict[Any, int] = {}
    return [known.setdefault(name, len(known)) for name in group]


def check_enough(group: Sequence[int], batch_size: int, count: int, *, one_per_group: bool, way: str) -> None:
    """Raise InputError where there are too few labelled cases, or groups of them, for a batch.

    Args:
        group: a number for the group of each labelled case.
        batch_size: cases in a step.
        count: of all training cases.
        one_per_group: whether a group may be in a batch but once.
        way: of drawing, as the message names it.
    """
    groups = len(set(group)) if one_per_group else len(group)
    if not len(group):
        raise InputError(f"{way} batches need labels, and all of the {count} training cases have none")
    if groups < batch_size:
        found = f"{groups} groups of the {len(group)}" if one_per_group else f"{len(group)}"
        raise InputError(
            f"batch_size {batch_size} is larger than the {found} training cases with a label; "
            f"set training.batch_size to {groups} or less"
        )
