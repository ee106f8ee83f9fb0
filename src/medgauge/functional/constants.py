"""Known numbers as a tensor on the device where they are needed."""

from collections.abc import Sequence

import torch
from torch import Tensor


def on_device(numbers: Sequence[float], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """The numbers on the device of ``like``, in its dtype or the one given, with no wait for what the device still computes.

    >>> on_device([0.5, 2.0], torch.zeros(1, dtype=torch.float64))
    tensor([0.5000, 2.0000], dtype=torch.float64)
    """
    return torch.tensor(numbers, dtype=dtype or like.dtype).to(like.device, non_blocking=True)
