"""Adaptive triplet loss: the margin of a triplet is the difference of its label distances."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_number, check_rows, observed_rows
from medgauge.functional.distances import pair_distances, square_form
from medgauge.functional.gradients import pair_sums, with_slope
from medgauge.functional.label_order import label_order


class AdaptiveTripletLoss(nn.Module):
    """Mean over triples of max(0, |f_a - f_p| - |f_a - f_n| + margin (|y_a - y_n| - |y_a - y_p|)).

    The triples are all (a, p, n) of different cases whose negative's label is farther from the anchor's than the
    positive's; those that cost nothing count in the mean. With v = |f_a - f| - margin |y_a - y| a triple costs
    max(0, v_p - v_n), so that the sum of an anchor is that of (rank of v - place by label) v over its cases: two sorts a
    row in place of n^3 triples, time n^2 log n, memory n^2.

    - Shape: embedding (n, d), label (n, t) -> (), in the unit of the embedding. Rows with a missing label are left out. No
      triple (fewer than three rows, equal labels): 0, with a gradient.
    - Raises: ValueError for a margin that is negative or not finite, if rows differ or an input is not a 2-D float tensor.
    - Source: a baseline of Chao et al., MICCAI 2022, who name Zheng et al., MICCAI 2021 and margin 1. The equation is
      given from memory and is not verified.
    - Departs: all triples of a batch, since how the paper picks them is not known; distances are not squared. Distances of
      labels that differ by rounding alone are tied. It cannot be differentiated twice.

    Args:
        margin: >= 0, units of the embedding per unit of label; 0 asks for the order alone.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        check_number("margin", margin, least=0)
        self.margin = margin

    def forward(self, embedding: Float[Tensor, "n d"], label: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_rows(embedding=embedding, label=label)
        kept = observed_rows(label)
        pairs = pair_distances(torch.where(kept[:, None], embedding, 0.0))
        with torch.no_grad(), torch.autocast(pairs.device.type, enabled=False):
            value, slope = _value_and_slope(pairs.detach(), label.detach(), self.margin)
        return with_slope(value, pairs, slope)


def _value_and_slope(pairs: Tensor, label: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """The loss, and its gradient for the distances of the pairs; in float64 where the device has it."""
    order, distance, counts, fresh = label_order(label)
    wide = pairs if pairs.device.type == "mps" else pairs.double()
    apart = square_form(wide, len(label)).gather(1, order)
    excess = (apart - margin * distance.to(wide.dtype)).masked_fill_(~counts, -torch.inf)
    by_value = excess.argsort(dim=1, stable=True)  # ties by label, nearer first: they cost nothing
    by_label = fresh.cumsum(1).gather(1, by_value).argsort(dim=1, stable=True)  # a run of equal distances by value
    place = torch.arange(len(label), device=label.device).expand_as(order)
    moved = torch.empty_like(order).scatter_(1, by_value.gather(1, by_label), by_label - place).masked_fill_(~counts, 0)
    triples = _triples(counts, fresh, place).clamp(min=1)
    value = (moved * excess.masked_fill_(~counts, 0.0)).sum() / triples
    slope = torch.empty_like(excess).scatter_(1, order, moved.to(excess.dtype))
    return value.to(pairs.dtype), pair_sums(slope).div_(triples).to(pairs.dtype)


def _triples(counts: Tensor, fresh: Tensor, place: Tensor) -> Tensor:
    """How many triples there are: for each negative, the cases nearer than its run."""
    start = torch.where(fresh, place, 0).cummax(1).values
    left_out = (~counts).sum(1, keepdim=True)
    return (start - left_out).masked_fill_(~counts, 0).sum()
