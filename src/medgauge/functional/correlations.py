"""Correlation of the columns of two matrices."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medgauge.core.checks import check_same_shape


def is_constant(values: Float[Tensor, "n t"]) -> Bool[Tensor, " t"]:
    """Columns whose values are all equal (one row: yes; no row: yes)."""
    if values.shape[0] == 0:
        return torch.ones(values.shape[1], dtype=torch.bool, device=values.device)
    return values.amax(0) == values.amin(0)


def correlation(first: Float[Tensor, "n t"], second: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Pearson's correlation of each pair of columns, in float64; 1 is perfect.

    A column whose values are all equal has no correlation: NaN, also for one row. Values are centred and scaled before
    they are multiplied, so that neither a far mean nor a huge unit costs digits. The value comes from the distance of
    the two directions, not from their product: 1 - |a - b|^2 / 2, or |a + b|^2 / 2 - 1 where they oppose each other. So
    a perfect line gives exactly 1 or -1 in whatever order a processor adds, and no value lies outside.

    - Raises: ValueError if the shapes differ or an input is not a 2-D float tensor.

    >>> correlation(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[2.0], [4.0], [8.0]]))
    tensor([1.], dtype=torch.float64)
    """
    check_same_shape(first=first, second=second)
    undefined = is_constant(first) | is_constant(second)
    one, other = _unit(first.double()), _unit(second.double())
    near, far = (one - other).square().sum(0) / 2, (one + other).square().sum(0) / 2  # they sum to 2
    return torch.where(near <= far, 1 - near, far - 1).masked_fill(undefined, torch.nan)


def _unit(values: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
    """Columns with mean 0 and length 1; the largest entry is divided out first, so that no square overflows.

    The mean is taken off twice: the first one is rounded at the size of the values, the second at that of the spread.
    """
    if values.shape[0] == 0:
        return values
    centred = values - values.mean(0)
    centred = centred - centred.mean(0)
    scaled = centred / centred.abs().amax(0)
    return scaled / scaled.square().sum(0).sqrt()
