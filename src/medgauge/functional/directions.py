"""Directions of rows, without their lengths."""

import torch
from jaxtyping import Float
from torch import Tensor


def unit_rows(rows: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    """Rows divided by their lengths, float32 or better; a row of zeros stays one."""
    wide = rows.float() if rows.dtype.itemsize < 4 else rows
    length = wide.square().sum(dim=1, keepdim=True)
    known = length > 0
    return torch.where(known, wide / torch.where(known, length, 1.0).sqrt(), 0.0)


def output_spread(rows: Float[Tensor, "n p"]) -> Float[Tensor, ""]:
    """Standard deviation over the batch of rows of length 1, mean over outputs, times the root of p.

    1 where every output varies as in random directions, 0 where all rows have one direction: a collapse. Outputs that vary
    together are not told: rows on both ends of one line have 1 too.

    - Source: the collapse check of SimSiam (Chen and He, CVPR 2021, section 4.1), divided by its 1 / sqrt(p).

    >>> output_spread(torch.eye(2).repeat(2, 1)), output_spread(torch.ones(4, 2))
    (tensor(0.7071), tensor(0.))
    >>> round(output_spread(torch.tensor([[1.0, 1.0], [-1.0, -1.0]])).item(), 4)
    1.0
    """
    return unit_rows(rows).std(dim=0, correction=0).mean().mul(rows.shape[1] ** 0.5)
