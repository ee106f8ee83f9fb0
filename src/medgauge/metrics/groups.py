"""Group names as numbers."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def group_codes(*names: Sequence[str]) -> list[Int[Tensor, " n"]]:
    """Give each different name a number, the same in every list.

    >>> group_codes(["b", "a", "b"], ["a", "c"])
    [tensor([1, 0, 1]), tensor([0, 2])]
    """
    texts = np.array([name for part in names for name in part], dtype=object)
    _, code = np.unique(texts, return_inverse=True)
    numbers = torch.as_tensor(code, dtype=torch.int64)
    return list(torch.split(numbers, [len(part) for part in names]))


def grouping(group: Sequence[str]) -> tuple[list[str], Int[Tensor, " n"]]:
    """The different names in the order in which they come first, and for each case the place of its name.

    >>> grouping(["b", "a", "b"])
    (['b', 'a'], tensor([0, 1, 0]))
    """
    place = {name: at for at, name in enumerate(dict.fromkeys(group))}
    return list(place), torch.tensor([place[name] for name in group], dtype=torch.int64)


def group_means(value: Float[Tensor, "n t *k"], code: Int[Tensor, " n"], count: int) -> Float[Tensor, "g t *k"]:
    """The mean of the rows of each group for each column, or number in it, float64; NaN is missing and left out, NaN where all are.

    >>> group_means(torch.tensor([[1.0], [3.0], [torch.nan], [4.0]]), torch.tensor([0, 0, 1, 1]), 3).flatten()
    tensor([2., 4., nan], dtype=torch.float64)

    Args:
        value: one row a case.
        code: the group of each case, 0 <= code < count.
        count: number of groups.
    """
    value = value.double()
    seen = ~value.isnan()
    nothing = torch.zeros(count, *value.shape[1:], dtype=torch.float64, device=value.device)
    total = nothing.index_add(0, code, torch.where(seen, value, torch.zeros_like(value)))
    return total / nothing.index_add(0, code, seen.double())
