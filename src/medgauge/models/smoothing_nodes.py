"""Where the nodes of feature smoothing lie: as many as leave each enough cases for a steady variance."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

LEAST_CASES = 40  # at a node: the standard deviation of a variance of 40 normal numbers is 0.23 of it


class Nodes(NamedTuple):
    """The first node, the end of the nodes, and their distance, in normalised label units."""

    low: float
    high: float
    bin_width: float


def smoothing_nodes(
    label: Float[Tensor, " n"],
    *,
    low: float | None = None,
    high: float | None = None,
    bin_width: float | None = None,
    kernel_size: int = 5,
) -> Nodes:
    """Nodes for training labels, with what is given kept.

    Of m nodes the outer ones lie where a share of 0.5 / m of the labels is beyond, so that they have cases too, and m is
    the largest number with ``LEAST_CASES`` cases at each node, those beside it counted by closeness; but not less than
    a kernel of ``kernel_size`` needs. With a width and no ends, a hundredth of the labels is beyond each.

    - Shape: label (n,), normalised; NaN = missing.

    >>> smoothing_nodes(torch.arange(1000.0)).bin_width > smoothing_nodes(torch.arange(1000.0).repeat(4)).bin_width
    True
    """
    known = label[~label.isnan()].double().sort().values
    if bin_width is not None:
        ends = _ends(known, 0.01, low, high)
        return Nodes(*ends, bin_width)
    least = max(2, kernel_size // 2 + 1)
    for count in range(max(least, len(known) // LEAST_CASES), least - 1, -1):
        first, last = _ends(known, 0.5 / count, low, high)
        nodes = Nodes(first, last, (last - first) / (count - 1))
        if count == least or _cases(known, nodes, count).min() >= LEAST_CASES:
            return nodes
    raise AssertionError("the smallest number of nodes is always taken")


def _ends(known: Float[Tensor, " n"], beyond: float, low: float | None, high: float | None) -> tuple[float, float]:
    """The outer nodes, apart from one another whatever the labels are."""
    found = (
        known.quantile(torch.tensor([beyond, 1 - beyond], dtype=torch.float64)).tolist() if len(known) else [0.0, 0.0]
    )
    if not found[0] < found[1] and len(known):
        found = [float(known[0]), float(known[-1])]
    first = found[0] if low is None else low
    last = found[1] if high is None else high
    if first < last or (low is not None and high is not None):
        return first, last
    return (last - 1, last) if low is None else (first, first + 1)


def _cases(known: Float[Tensor, " n"], nodes: Nodes, count: int) -> Float[Tensor, " m"]:
    """Cases at each node: a label counts at the two beside it, by closeness."""
    place = ((known - nodes.low) / nodes.bin_width).clamp(0, count - 1)
    below = place.floor().clamp(max=count - 2).long()
    above = place - below
    return torch.bincount(below, 1 - above, count) + torch.bincount(below + 1, above, count)
