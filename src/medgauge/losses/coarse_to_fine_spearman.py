"""Similarity relations of triples: the local level of the fine-grained correlation loss."""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from medgauge.core.checks import check_number, check_rows, check_same_shape, observed_rows
from medgauge.functional.distances import pair_distances, square_form

_ENTRIES = 1 << 15  # pairs of an anchor and another case that are worked on at once


class _Relations(nn.Module):
    """What both losses share: their settings, the two parts and their mixture. A loss says what is compared."""

    def __init__(self, *, margin: float = 0.5, ramp: float = 1 / 3, beta: float = 1.0) -> None:
        super().__init__()
        check_number("margin", margin, least=0)
        check_number("ramp", ramp, above=0, most=1)
        check_number("beta", beta, above=0)
        self.margin = margin
        self.ramp = ramp
        self.beta = beta
        self._last: dict[str, Tensor] = {}

    def log(self) -> dict[str, Tensor]:
        """The coarse and the fine part of the last batch, both without rho."""
        return self._last

    def _mean(self, sets: list[tuple[Tensor, Tensor]], progress: Tensor | None) -> Tensor:
        """Coarse + rho fine, each the mean over the sets of points and labels that have a triple."""
        parts = [self._parts(points, label.detach()) for points, label in sets]
        held = torch.stack([triples > 0 for _, _, triples in parts]).sum().clamp(min=1)
        coarse = torch.stack([part for part, _, _ in parts]).sum() / held
        fine = torch.stack([part for _, part, _ in parts]).sum() / held
        self._last = {"coarse": coarse.detach(), "fine": fine.detach()}
        rho = 1.0 if progress is None else (torch.as_tensor(progress).to(fine) / self.ramp).clamp(0, 1)
        return coarse + rho * fine

    def _parts(self, points: Tensor, label: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Coarse and fine part, and the number of triples."""
        kept = observed_rows(label)
        distance = pair_distances(torch.where(kept[:, None], points, 0.0))
        if len(points) < 3:
            nothing = distance.sum() * 0
            return nothing, nothing, nothing.detach()
        precise = torch.where(kept[:, None], label if label.device.type == "mps" else label.double(), 0.0)
        rows = kept.sum().clamp(min=1)
        centred = torch.where(kept[:, None], precise - precise.sum(0) / rows, 0.0)
        spread = (centred.square().sum() / rows).sqrt()
        rounding = 4 * torch.finfo(label.dtype).eps * precise.abs().sum(1).max()
        with torch.autocast(label.device.type, enabled=False):
            parts: tuple[Tensor, Tensor, Tensor] = _Triples.apply(  # type: ignore[no-untyped-call]  # torch: untyped
                distance, pair_distances(precise), kept, self.margin * spread, rounding, self.beta
            )
        return parts


class CoarseToFineSpearmanLoss(_Relations):
    """Of any three cases, the one nearer in label must be nearer: by a margin first, then by as much as labels say.

    For an anchor i and two others j, k, let g = |y_i - y_k| - |y_i - y_j| and s = |f_i - f_k| - |f_i - f_j|, over all
    triples with g > 0. Coarse: mean of max(0, delta - s) over those with g > delta, delta = ``margin`` standard deviations
    of the batch's labels. Fine: mean of smooth L1 of s - g over all. The loss is coarse + rho fine; rho rises linearly
    from 0 to 1 while ``progress`` goes from 0 to ``ramp``. It is 0 where f = y, and also where f = c - y: beside it,
    another term must tell the direction.

    - Shape: prediction f and label (n, t), progress () or None, which stands for 1 -> (), in normalised label units. Each
      target by itself, of the cases that have its label, then the mean over the targets with a triple. No triple: 0,
      with a gradient.
    - Raises: ValueError for settings out of range, if rows differ or an input is not a 2-D float tensor.
    - Source: Chen et al., MICCAI 2022 (arXiv 2207.00347). Attested, by the abstract only: Spearman's correlation at the
      local level, coarse to fine, as the learning of similarity relationships among samples. How is a reconstruction.
    - Departs: nothing of the paper's equations is known. Gaps of labels that differ by rounding only are equal.
    - All n (n - 1) (n - 2) / 2 triples, exactly, in time n^2.5 and memory n^2.

    Args:
        margin: of the coarse part, >= 0, in standard deviations of the batch's labels.
        ramp: share of the training over which the fine part comes in, in (0, 1].
        beta: s - g up to which the fine penalty is squared, > 0, in normalised label units.
    """

    def forward(
        self,
        prediction: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        progress: Float[Tensor, ""] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_same_shape(prediction=prediction, label=label)
        wide = prediction if prediction.device.type == "mps" else prediction.double()
        targets = list(zip(wide.T[..., None], label.T[..., None], strict=True))
        return self._mean(targets, progress).to(torch.promote_types(prediction.dtype, torch.float32))


class CoarseToFineSpearmanEmbeddingLoss(_Relations):
    """The same of embeddings: :class:`CoarseToFineSpearmanLoss` with |f_i - f_j| the distance of two cases.

    - Shape: embedding f (n, d), already multiplied by the learned scale, label (n, t), progress () or None, which stands
      for 1 -> (), in normalised label units. Distances are Euclidean, also of label vectors; rows with a missing label
      are left out. No triple: 0, with a gradient.
    - Raises, Source, Args: as :class:`CoarseToFineSpearmanLoss`.
    - Departs: as there; embeddings are compared by distance, not by cosine, with which the fine part could not reach 0.
    """

    def forward(
        self,
        embedding: Float[Tensor, "n d"],
        label: Float[Tensor, "n t"],
        progress: Float[Tensor, ""] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch."""
        check_rows(embedding=embedding, label=label)
        return self._mean([(embedding, label)], progress)


class _Triples(torch.autograd.Function):
    """Coarse and fine mean over all triples, from the distances of the pairs i < j; slopes are found on the way.

    Rows that are not kept stay in every tensor, behind the others, so that no shape waits for the device.
    """

    @staticmethod
    def forward(
        ctx: Any, distance: Tensor, gap: Tensor, kept: Tensor, delta: Tensor, rounding: Tensor, beta: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        rows = len(kept)
        apart, differ = square_form(distance.to(gap.dtype), rows), square_form(gap, rows)
        other = (kept[:, None] & kept).fill_diagonal_(False)
        differ.masked_fill_(~other, math.inf)  # an anchor is no other: one that is none comes last, and is cut off
        slopes = apart.new_zeros(2, rows, rows)
        sums, counts = apart.new_zeros(2), torch.zeros(2, dtype=torch.int64, device=gap.device)
        step = max(1, _ENTRIES // rows)
        for start in range(0, rows, step):
            some = slice(start, start + step)
            sorted_gap, order = differ[some].sort(1)
            near_first, order = sorted_gap[:, :-1].contiguous(), order[:, :-1]
            there = other[some].gather(1, order)
            reach = apart[some].gather(1, order)
            coarse = _hinges(near_first, reach, there, delta, torch.maximum(delta, rounding))
            fine = _relations(reach, near_first, there, rounding, beta)
            for part, (value, count, slope) in enumerate((coarse, fine)):
                sums[part] += value
                counts[part] += count
                slopes[part, some].scatter_(1, order, slope)
        share = 1 / counts.clamp(min=1).to(gap.dtype)
        i, j = torch.triu_indices(rows, rows, 1, device=gap.device)
        slopes = slopes[:, i, j] + slopes[:, j, i]
        ctx.save_for_backward((share[:, None] * slopes).to(distance.dtype))
        coarse_mean, fine_mean = (share * sums).to(distance.dtype).unbind()
        triples = counts[1].clone()
        ctx.mark_non_differentiable(triples)
        return coarse_mean.clone(), fine_mean.clone(), triples

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_coarse: Tensor, grad_fine: Tensor, _: Tensor
    ) -> tuple[Tensor, None, None, None, None, None]:
        (slopes,) = ctx.saved_tensors
        return grad_coarse * slopes[0] + grad_fine * slopes[1], None, None, None, None, None


def _hinges(
    gap: Tensor, distance: Tensor, there: Tensor, delta: Tensor, least: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Sum of max(0, delta - (D_k - D_j)) over each row's pairs with gap_k - gap_j > least, their number, and the slope for D.

    A pair is active where D_k < D_j + delta as well, so that sum and slope follow from how many active pairs each entry
    is in: as the nearer in label (j) and as the farther (k). Both are counts of points in a corner of the plane (place
    by gap, rank by distance).

    - Shape: gap (a, m), rising along rows, infinite where it is not ``there``, distance (a, m) -> (), (), (a, m).
    """
    distance = distance.masked_fill(~there, math.inf)
    first = torch.searchsorted(gap, gap + least, right=True)  # of j: the place of its first k
    ranked, place = distance.sort(1)
    rank = torch.empty_like(place).scatter_(1, place, _places(place))
    below = torch.searchsorted(ranked, ranked + delta)  # of rank j: how many are nearer than D_j + delta
    # the same pairs from k's side, by the same whole numbers: j before ``until``, its rank not among the ``out`` lowest
    until, out = _not_above(first), _not_above(below).gather(1, rank)
    below = below.gather(1, rank)
    as_near, low = _count(rank, place, torch.cat([first, until], 1), torch.cat([below, out], 1)).chunk(2, dim=1)
    as_far = until - out + low  # low: of the ``out`` lowest, those that are not before ``until``
    active = torch.where(there, as_near - as_far, 0).to(gap.dtype)
    pairs = torch.where(there, there.sum(1, keepdim=True) - first, 0).sum()
    return (active * distance.masked_fill(~there, 0.0)).sum() + delta * as_near.sum(), pairs, active


def _count(
    rank: Int[Tensor, "a m"], place: Int[Tensor, "a m"], first: Int[Tensor, "a q"], below: Int[Tensor, "a q"]
) -> Int[Tensor, "a q"]:
    """How many entries of a row have a place >= first and a rank < below, for each of its q questions.

    Places come in blocks of about sqrt(m) / 2: what is left of the block of ``first`` is looked at one by one, the blocks
    after it are read off a table of counts. ``place`` is the inverse of ``rank``.
    """
    length, device = rank.shape[1], rank.device
    bits = max(0, length.bit_length() // 2 - 1)
    size = 1 << bits
    blocks = length // size + 1
    ends = torch.arange(size, (blocks + 1) * size, size, device=device, dtype=torch.int32)
    table = torch.zeros(len(rank), blocks, length + 1, device=device, dtype=torch.int32)
    torch.cumsum(place.to(torch.int32)[:, None] >= ends[:, None], 2, out=table[..., 1:])
    block = first >> bits
    later = table.flatten(1).gather(1, block * (length + 1) + below)
    ranks = nn.functional.pad(rank.to(torch.int32), (0, blocks * size - length), value=length).view(-1, size)
    row = torch.arange(len(rank), device=device)[:, None] * blocks
    lower = ranks.index_select(0, (row + block).flatten()).view(*first.shape, size) < below.to(torch.int32)[..., None]
    rest = torch.arange(size, device=device, dtype=torch.int32) >= (first & (size - 1)).to(torch.int32)[..., None]
    return later + (lower & rest).sum(2)


def _relations(
    distance: Tensor, gap: Tensor, there: Tensor, rounding: Tensor, beta: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Sum of smooth L1 of (D_k - D_j) - (gap_k - gap_j) over each row's pairs with different gaps, their number, and the slope for D.

    With u = gap - D this is a sum of smooth L1 of u_j - u_k, which is even: over all pairs, less those of equal gap.

    What is not there has u = 0 and a run of its own, which adds nothing.

    - Shape: distance (a, m), gap (a, m), rising along rows, infinite where it is not ``there`` -> (), (), (a, m).
    """
    scaled = torch.where(there, gap - distance, 0.0) / beta
    number = there.sum(1, keepdim=True)
    run = nn.functional.pad((gap.diff(dim=1) > rounding).cumsum(1), (1, 0))  # equal gaps have equal numbers
    sizes = torch.zeros_like(run).scatter_add_(1, run, torch.ones_like(run))
    end, sizes = sizes.cumsum(1).gather(1, run), sizes.gather(1, run)
    ties = torch.where(there, sizes - 1, 0).sum() // 2
    last = torch.where(there, number, gap.shape[1])
    value, slope = _smooth_pairs(scaled, (~there).long(), torch.where(there, 0, number), last)
    tied, tied_slope = _smooth_pairs(scaled, run, end - sizes, end)
    return beta * (value - tied), (number * (number - 1)).sum() // 2 - ties, tied_slope - slope


def _smooth_pairs(values: Tensor, run: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of smooth L1 of u_j - u_k over the pairs of each row in one run, and its slope.

    Sorted by run and value, the partners of an entry nearer than 1 are a window, of which sums are differences of
    cumulative sums; those before and after it pull by 1.

    - Shape: values u (a, m); run (a, m), rising, with the places where each entry's run starts and ends -> (), (a, m).
    """
    lowest = values.amin(1, keepdim=True)
    stride = values.amax(1, keepdim=True) - lowest + 2  # runs are farther apart than a window reaches
    key, order = (values - lowest + stride * run).sort(1)
    value = (values - values.mean(1, keepdim=True)).gather(1, order)
    upper = torch.searchsorted(key, key + 1, right=True)
    lower = _not_above(upper)  # from the same whole numbers: a pair is near from both sides or from neither
    total = nn.functional.pad(value.cumsum(1), (1, 0))
    near = (upper - lower) * value - (total.gather(1, upper) - total.gather(1, lower))
    after = end - upper
    far = ((lower - start) - after).to(value.dtype)
    loss = (value * (near / 2 + far)).sum() - after.sum() / 2
    return loss, torch.empty_like(value).scatter_(1, order, near + far)


def _places(like: Int[Tensor, "a m"]) -> Int[Tensor, "a m"]:
    """0, 1, ... in each row."""
    return torch.arange(like.shape[1], device=like.device).expand(like.shape)


def _not_above(counts: Int[Tensor, "a m"]) -> Int[Tensor, "a m"]:
    """For each place 0, 1, ... of a row, how many of the row's entries, in [0, m], are not above it."""
    found = counts.new_zeros(len(counts), counts.shape[1] + 1)
    return found.scatter_add_(1, counts, torch.ones_like(counts)).cumsum(1)[:, :-1]
