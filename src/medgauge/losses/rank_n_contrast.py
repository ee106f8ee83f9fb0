"""Rank-N-Contrast: a case lies nearer in the embedding than all cases whose labels are farther away."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_number, check_rows, observed_rows
from medgauge.functional.distances import pair_distances, square_form
from medgauge.functional.gradients import pair_sums, with_slope
from medgauge.functional.label_order import label_order


class RankNContrastLoss(nn.Module):
    """Mean over ordered pairs (i, j) of -log( exp s_ij / sum of exp s_ik ), s = -|f_i - f_j| / temperature.

    The sum runs over the cases k other than i whose label is at least as far from that of i as the label of j is; cases
    at the same distance share it. Computed by sorting each row once: time n^2 log n, memory n^2, and half a square
    of slopes is kept for the way back.

    - Shape: embedding (n, d), label (n, t) -> (), a pure number. Rows with a missing label are left out. Fewer than two
      rows: 0, with a gradient. Equal labels: all cases are contrasted with all, as in the equation.
    - Raises: ValueError for a temperature that is not > 0 and finite, if rows differ or an input is not a 2-D float tensor.
    - Source: Zha et al., NeurIPS 2023 (arXiv 2210.01189), Eq. 1 and 2, from a short form of the paper.
    - Departs: one view a case and one stage (the paper augments each image twice, then trains an L1 head on the frozen
      encoder). Labels may be vectors, with Euclidean distance. Distances of labels that differ by rounding alone are tied,
      so that z-scores of grades give what the grades give. The embedding carries the neck's learned scale, so that the
      effective temperature is learned. It cannot be differentiated twice.

    Args:
        temperature: > 0, in the unit of the embedding.
    """

    def __init__(self, temperature: float = 2.0) -> None:
        super().__init__()
        check_number("temperature", temperature, above=0)
        self.temperature = temperature

    def forward(self, embedding: Float[Tensor, "n d"], label: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_rows(embedding=embedding, label=label)
        kept = observed_rows(label)
        pairs = pair_distances(torch.where(kept[:, None], embedding, 0.0))
        with torch.no_grad(), torch.autocast(pairs.device.type, enabled=False):
            value, slope = _value_and_slope(pairs.detach(), label.detach(), self.temperature)
        return with_slope(value, pairs, slope)


def _value_and_slope(pairs: Tensor, label: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """The loss, and its gradient for the distances of the pairs; scans in float64 where the device has it."""
    order, _, counts, fresh = label_order(label)
    wide = pairs if pairs.device.type == "mps" else pairs.double()
    similar = square_form(wide / -temperature, len(label)).gather(1, order)
    farther = similar.flip(1).logcumsumexp(1).flip(1)  # falls along a row: a run's first is the least up to it
    whole = farther.masked_fill_(~fresh, torch.inf).cummin(1).values
    terms = counts.sum().clamp(min=1)
    value = (whole - similar).masked_fill_(~counts, 0.0).sum() / terms
    nearer = (
        whole.neg_().masked_fill_(~counts, -torch.inf).logcumsumexp(1)
    )  # rises: a run's last is the least from it on
    last = torch.cat([fresh[:, 1:], fresh.new_ones(len(label), 1)], dim=1)
    up_to = nearer.masked_fill_(~last, torch.inf).flip(1).cummin(1).values.flip(1)
    share = (similar + up_to).expm1_().masked_fill_(~counts, 0.0)
    slope = torch.empty_like(share).scatter_(1, order, share)
    return value.to(pairs.dtype), pair_sums(slope).mul_(-1 / temperature).div_(terms).to(pairs.dtype)
