"""Rank similarity: each case's neighbours come in the same order in the embedding as in the labels (RankSim)."""

from typing import Any, Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from medgauge.core.checks import check_choice, check_number, check_rows, observed_rows
from medgauge.core.seeding import generator
from medgauge.functional.distances import pair_distances, square_form
from medgauge.functional.ranks import row_midranks

Ties = Literal["midrank", "unique"]
Reduction = Literal["sum", "mean"]


class RankSimilarityLoss(nn.Module):
    """Sum over anchors i of mean_j (rk(cos(z_i, z_j)) - rk(-|y_i - y_j|))^2.

    rk ranks a row, largest first, over its number of entries: the most similar case, i itself, has 1/M, the least
    similar 1. A rank has no useful slope, so the gradient is that of blackbox differentiation (Vlastelica et al.,
    ICLR 2020): with g the loss's gradient for the ranks of a row v of similarities, the row's gradient is
    (rk(v + interpolation g) - rk(v)) / interpolation. Labels get none.

    - Shape: embedding z (n, d), what the head reads, label y (n, t) -> (), a pure number; |y_i - y_j| is Euclidean where
      there are several targets. Rows with a missing label are left out. One row, or none: 0, with a gradient.
    - Raises: ValueError for settings out of range, if rows differ or an input is not a 2-D float tensor.
    - Source: Gong, Mori, Tung, ICML 2022 (arXiv 2205.15236), from the equations.
    - Departs: ties get the mean of their places, so that no case is dropped and the order of the batch does not matter;
      gaps of labels and similarities that differ by rounding only are ties. The gradient is linear in the factor of the
      loss: a factor, a mean over anchors and the loss scaling of float16 do not enter g. The paper's gamma does, so its
      gamma and lambda are a factor of gamma and an interpolation of gamma times lambda here. A row of zeros has
      similarity 0 to all. Nothing is added to the interpolation where it divides.

    Args:
        interpolation: how far similarities are moved to find the gradient, > 0: a small one finds few changes of rank, a
            large one is smooth and biased. With 2 and n rows, cosines move by about 1/n.
        ties: ``midrank``, or ``unique`` as in the paper: one case of each label, drawn from a generator of its own that
            counts the training batches (the buffer ``drawn``); the same in all processes, dependent on the order of rows.
        reduction: ``sum`` over anchors as in the paper, or ``mean``.
    """

    drawn: Tensor

    def __init__(self, interpolation: float = 2.0, ties: Ties = "midrank", reduction: Reduction = "sum") -> None:
        super().__init__()
        check_number("interpolation", interpolation, above=0)
        check_choice("ties", ties, get_args(Ties))
        check_choice("reduction", reduction, get_args(Reduction))
        self.interpolation = interpolation
        self.ties = ties
        self.reduction = reduction
        self.register_buffer("drawn", torch.zeros((), dtype=torch.int64))

    def forward(self, embedding: Float[Tensor, "n d"], label: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
        """Return the loss of one batch; with ``unique``, count the batch when training."""
        check_rows(embedding=embedding, label=label)
        kept = observed_rows(label)
        with torch.autocast(embedding.device.type, enabled=False):
            gap = square_form(pair_distances(label.detach()), len(label))
            if self.ties == "unique":
                kept = self._one_a_label(gap, kept)
            both = kept[:, None] & kept
            length = torch.where(kept[:, None], label.detach(), 0.0).abs().sum(1)  # or more
            rounding = 4 * torch.finfo(gap.dtype).eps * length.amax() if len(label) else 0.0
            similarity = _cosines(torch.where(kept[:, None], embedding, 0.0))
            wanted = row_midranks(gap.masked_fill(~both, torch.nan), tolerance=rounding).to(similarity.dtype)
            total: Tensor = _Disagreement.apply(similarity, wanted, both, self.interpolation)  # type: ignore[no-untyped-call]  # torch: untyped
        return total if self.reduction == "sum" else total / kept.sum().clamp(min=1)

    @torch.no_grad()
    def _one_a_label(self, gap: Float[Tensor, "n n"], kept: Bool[Tensor, " n"]) -> Bool[Tensor, " n"]:
        """Of the rows kept, one of each label."""
        draw = generator(0, "rank similarity", int(self.drawn))
        turn = torch.randperm(len(kept), generator=draw).to(kept.device)
        if self.training:
            self.drawn.add_(1)
        twin_before = (gap == 0) & (turn < turn[:, None])
        return kept & ~twin_before.any(1)


class _Disagreement(torch.autograd.Function):
    """Sum over rows of the mean squared difference of normalised ranks; its gradient is found with its value."""

    @staticmethod
    def forward(ctx: Any, similarity: Tensor, wanted: Tensor, both: Tensor, interpolation: float) -> Tensor:
        rounding = 8 * torch.finfo(similarity.dtype).eps  # of a cosine
        similarity = similarity.masked_fill(~both, torch.nan)
        size = both.sum(1, keepdim=True, dtype=similarity.dtype).clamp(min=1)
        ranks = row_midranks(similarity, largest_first=True, tolerance=rounding)
        gap = ((ranks - wanted) / size).masked_fill_(~both, 0.0)
        if ctx.needs_input_grad[0]:
            moved = row_midranks(similarity + interpolation * 2 * gap / size, largest_first=True, tolerance=rounding)
            ctx.save_for_backward(((moved - ranks) / (size * interpolation)).masked_fill_(~both, 0.0))
        return (gap.square() / size).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (slope,) = ctx.saved_tensors
        return grad * slope, None, None, None


def _cosines(embedding: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    """Cosine of every two rows, in float32 or better; the largest entry of a row is divided out first."""
    wide = embedding.float() if embedding.dtype.itemsize < 4 else embedding
    largest = wide.detach().abs().amax(1, keepdim=True)
    scaled = wide / torch.where(largest > 0, largest, 1.0)
    unit = scaled / torch.where(largest > 0, scaled.norm(dim=1, keepdim=True), 1.0)
    return unit @ unit.T
