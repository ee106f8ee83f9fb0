"""The nearest training cases with a finding and without it, beside the evidence of values that need not rest on them."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medgauge.core.evidence import Evidence
from medgauge.inference.index import ExactIndex, Exclusion

MARGIN = 1 + 2e-6  # distances that are told apart exactly later
NEAR = 64  # nearest cases of any state, among which those of a frequent one are looked for


def with_states(
    index: ExactIndex,
    evidence: Evidence,
    label: Float[Tensor, "n t"],
    query: Float[Tensor, "q d"],
    count: int,
    exclude: Exclusion | None = None,
) -> Evidence:
    """The evidence, and with weight 0 those of the ``count`` nearest cases of each state of each column that it does not name.

    Cases at the same distance as the last one are named too.

    - Shape: ``label`` (n, t) of 0, 1 and NaN on the CPU, for which there is no nearest case.
    """
    size = len(label)
    held = torch.arange(len(query)).repeat_interleave(evidence.offsets.diff())
    found = [held[:0]]
    for part, distances in index.blocks(query, exclude=exclude):
        place, row = nearest_of_states(distances.cpu(), label, count).nonzero(as_tuple=True)
        found.append((place + part.start) * size + row)
    pairs = torch.cat(found)
    pairs = pairs[~torch.isin(pairs, held * size + evidence.rows)]
    place, row = pairs // size, pairs % size
    near = index.between(query, place, row).cpu().double()
    places, rows = torch.cat([held, place]), torch.cat([evidence.rows, row])
    distance = torch.cat([evidence.distances, near])
    weights = torch.cat([evidence.weights, evidence.weights.new_zeros(len(row), label.shape[1])])
    order = rows.argsort(stable=True)
    for key in (distance, places):
        order = order[key[order].argsort(stable=True)]
    offsets = torch.zeros(len(query) + 1, dtype=torch.int64)
    offsets[1:] = torch.bincount(places, minlength=len(query)).cumsum(0)
    return Evidence(offsets, rows[order], distance[order], weights[order], evidence.whole)


def nearest_of_states(distance: Float[Tensor, "q n"], label: Float[Tensor, "n t"], count: int) -> Bool[Tensor, "q n"]:
    """Which cases are among the ``count`` nearest of either state of any column; those at an infinite distance are in none.

    >>> nearest_of_states(torch.tensor([[3.0, 1.0, 2.0, 4.0]]), torch.tensor([[1.0], [0.0], [0.0], [1.0]]), 1)
    tensor([[ True,  True, False, False]])
    """
    near = torch.zeros(distance.shape, dtype=torch.bool)
    values, place = distance.topk(min(NEAR, distance.shape[1]), largest=False)
    for column, state in ((column, state) for column in label.unbind(1) for state in (0, 1)):
        held = (column[place] == state) & values.isfinite()
        limit = values.masked_fill(~(held & (held.cumsum(1) == count)), -torch.inf).amax(1, keepdim=True) * MARGIN
        sure = limit.isfinite() & (values[:, -1:] > limit)  # all that are so near are in place
        near.scatter_(1, place, near.gather(1, place) | (held & sure & (values <= limit)))
        rest, rows = (~sure[:, 0]).nonzero().flatten(), (column == state).nonzero().flatten()
        if len(rest) and len(rows):
            own = distance[rest[:, None], rows]
            limit = own.topk(min(count, len(rows)), largest=False).values[:, -1:] * MARGIN
            near[rest[:, None], rows] |= (own <= limit) & own.isfinite()
    return near
