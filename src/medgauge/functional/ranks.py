"""Ranks in which tied values share the mean of their places."""

import torch
from jaxtyping import Float
from torch import Tensor


def midranks(values: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
    """Average ranks 1..n of each column, smallest first, in float64.

    Counts are int64 and the halves float64, so that a tie of any size stays exact.

    - Raises: ValueError if ``values`` is not 2-D or holds a NaN.

    >>> midranks(torch.tensor([[3.0], [1.0], [3.0], [2.0]])).flatten().tolist()
    [3.5, 1.0, 3.5, 2.0]
    """
    if values.ndim != 2:
        raise ValueError(f"values must be 2-D, got shape {tuple(values.shape)}")
    if torch.isnan(values).any():
        raise ValueError("values must not be NaN: leave missing rows out before ranking")
    ranks = torch.empty(values.shape, dtype=torch.float64, device=values.device)
    for column in range(values.shape[1]):
        _, place, count = torch.unique(values[:, column], return_inverse=True, return_counts=True)
        last = count.cumsum(0)
        ranks[:, column] = (last.double() - (count - 1).double() / 2)[place]
    return ranks
