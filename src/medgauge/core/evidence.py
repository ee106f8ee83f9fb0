"""What a prediction rests on, and the value read off with it."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Support(NamedTuple):
    """The gallery cases behind one query's value, or some of them.

    - Shape: rows (k,) int64, positions in the gallery; distances (k,); weights (k, t); whole (t,), the sum of |weight| over
      all cases behind the value.
    """

    rows: Int[Tensor, " k"]
    distances: Float[Tensor, " k"]
    weights: Float[Tensor, "k t"]
    whole: Float[Tensor, " t"]

    @property
    def share(self) -> Float[Tensor, " t"]:
        """The share of the sum of |weight| that these cases carry, for each target; 0 where there is no evidence."""
        own = self.weights.abs().sum(0)
        return own / self.whole.where(self.whole > 0, 1.0)


class Leading(NamedTuple):
    """The gallery cases of the largest weights of every query, in blocks of the same width.

    - Shape: found (q,), how many of a query's k places are filled, from the first; rows and distances (q, k); weights
      (q, k, t); share (q, t), as in :class:`Support`. Places that are not filled hold row 0 and weight 0.
    """

    found: Int[Tensor, " q"]
    rows: Int[Tensor, "q k"]
    distances: Float[Tensor, "q k"]
    weights: Float[Tensor, "q k t"]
    share: Float[Tensor, "q t"]


class Evidence(NamedTuple):
    """The gallery cases that each value is a weighted mean of, one query after the other (as in ``Neighbourhoods``).

    - Shape: offsets (q + 1,) int64; rows (m,) int64, positions in the gallery; distances (m,) float64 in the unit of
      the embedding; weights (m, t) float64, of each query and target 1 in sum, of kernel regression also negative. Within a
      query by distance, ties by row. whole (q, t): the sum of |weight| where the evidence names only the cases of the
      largest weights; None where it names all. With several targets of which some labels are missing a case may weigh 0 for
      one target. A target's weights are all 0 only where no case with its label may be a neighbour; the value is then NaN.
    """

    offsets: Int[Tensor, " q_plus_1"]
    rows: Int[Tensor, " m"]
    distances: Float[Tensor, " m"]
    weights: Float[Tensor, "m t"]
    whole: Float[Tensor, "q t"] | None = None

    def of(self, query: int) -> Support:
        """All cases behind the value of one query (0 <= query < q), nearest first."""
        if not 0 <= query < len(self.offsets) - 1:
            raise IndexError(f"query must be from 0 to {len(self.offsets) - 2}, got {query}")
        part = slice(int(self.offsets[query]), int(self.offsets[query + 1]))
        weights = self.weights[part]
        whole = weights.abs().sum(0) if self.whole is None else self.whole[query]
        return Support(self.rows[part], self.distances[part], weights, whole)

    def leading(self, count: int) -> Leading:
        """At most ``count`` cases with a weight of each query, largest |weight| first (mean over the targets), ties nearest first."""
        held = self.offsets.diff()
        queries, widest, targets = len(held), int(held.max()) if len(held) else 0, self.weights.shape[1]
        there = torch.arange(widest) < held[:, None]
        place = (self.offsets[:-1, None] + torch.arange(widest)).where(there, 0)
        if not len(self.rows):  # nothing stands behind any value
            nothing = torch.zeros(queries, 0)
            return Leading(
                held, nothing.long(), nothing, nothing[..., None].expand(-1, -1, targets), self.sums_of_weights() * 0
            )
        size = self.weights.abs().mean(1)[place].masked_fill(~there, -1.0)
        there &= size > 0
        size, held = size.masked_fill(~there, -1.0), there.sum(1)
        order = size.argsort(dim=1, descending=True, stable=True)[:, : min(count, int(held.max()))]
        place, there = place.gather(1, order), there.gather(1, order)
        weights, whole = self.weights[place].where(there[..., None], 0.0), self.sums_of_weights()
        return Leading(
            held.clamp(max=count),
            self.rows[place].where(there, 0),
            self.distances[place].where(there, torch.nan),
            weights,
            weights.abs().sum(1) / whole.where(whole > 0, 1.0),
        )

    def nearest(self, wanted: Bool[Tensor, " m"], count: int) -> list[list[int]]:
        """Places in ``rows`` of at most ``count`` wanted cases of each query, nearest first; none at an infinite distance."""
        wanted = wanted & self.distances.isfinite()
        before = torch.cat([wanted.new_zeros(1, dtype=torch.int64), wanted.cumsum(0)])
        query = torch.arange(len(self.offsets) - 1).repeat_interleave(self.offsets.diff())
        kept = wanted & (before[1:] - before[self.offsets[query]] <= count)
        found: list[list[int]] = [[] for _ in range(len(self.offsets) - 1)]
        for place, at in zip(kept.nonzero().flatten().tolist(), query[kept].tolist(), strict=True):
            found[at].append(place)
        return found

    def sums_of_weights(self) -> Float[Tensor, "q t"]:
        """The sum of |weight| over all cases behind each value."""
        if self.whole is not None:
            return self.whole
        held = self.offsets.diff()
        code = torch.arange(len(held)).repeat_interleave(held)
        return self.weights.new_zeros(len(held), self.weights.shape[1]).index_add(0, code, self.weights.abs())


class Reading(NamedTuple):
    """Values that a predictor read, and what they rest on.

    - Shape: value (q, t) float64 in original units, on the CPU; evidence None where no case stands behind the value;
      probability (q, t, k) of each level or class, None for kinds that have none.
    """

    value: Float[Tensor, "q t"]
    evidence: Evidence | None
    probability: Float[Tensor, "q t k"] | None = None
