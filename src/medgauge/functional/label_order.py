"""The cases of a batch by the distance of their labels, seen from each of them."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.functional.distances import pair_distances, square_form

ROUNDINGS = 4  # two distances, each off by a rounding of both labels


class LabelOrder(NamedTuple):
    """For each row, all rows by the distance of their labels, nearest first; what is left out comes before the rest.

    - Shape: all (n, n). ``order``: row numbers; ``distance``: of the labels, in their unit; ``counts``: whether the place is
      a case other than the row itself and both have all labels; ``fresh``: whether a larger distance begins there.
    """

    order: Int[Tensor, "n n"]
    distance: Float[Tensor, "n n"]
    counts: Bool[Tensor, "n n"]
    fresh: Bool[Tensor, "n n"]


@torch.no_grad()
def label_order(label: Float[Tensor, "n t"]) -> LabelOrder:
    """Sort the cases around each case by Euclidean distance of their labels.

    Distances that differ by less than the rounding of the labels (4 units in the last place of the largest one) are tied,
    so that grades -1, 0, 1 give the same ties as their z-scores.

    - Shape: label (n, t), NaN = missing -> :class:`LabelOrder`. Takes memory n^2.

    >>> found = label_order(torch.tensor([[0.0], [1.0], [-1.0], [3.0]]))
    >>> found.distance[0].tolist(), found.fresh[0].tolist()
    ([-inf, 1.0, 1.0, 3.0], [False, True, False, True])
    """
    apart = square_form(pair_distances(label), len(label))
    left_out = apart.isnan().fill_diagonal_(True)
    distance, order = apart.masked_fill_(left_out, -torch.inf).sort(dim=1)
    size = label.nan_to_num(nan=0.0).abs().sum(1).to(apart.dtype)
    rounding = ROUNDINGS * torch.finfo(label.dtype).eps * (size.max() if len(label) else 0.0)
    fresh = torch.zeros_like(left_out)
    fresh[:, 1:] = distance.diff(dim=1) > rounding  # -inf less -inf is NaN, which is not greater
    return LabelOrder(order, distance, distance > -torch.inf, fresh)
