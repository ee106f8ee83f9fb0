"""Group names as numbers."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int
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
