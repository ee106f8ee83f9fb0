"""Evidence of several kinds as one: that of candidates in a blend, that of predictors which read a column each."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Evidence, Reading
from medgauge.functional.kernel_ridge import squared_distances

ASKED = 2**24
"""Distances that are held at a time."""


def mixture(parts: Sequence[tuple[Evidence, int, Float[Tensor, "n t"]]], same: Int[Tensor, " g"]) -> Evidence:
    """The evidence of several parts, each with where its gallery begins and its share of each value.

    A case that several rest on is named once, with their weights added and the smallest distance.

    Args:
        parts: of the same queries.
        same: for each place of the joined gallery the first one that is the same case.
    """
    count = len(parts[0][0].offsets) - 1
    query = [torch.arange(count).repeat_interleave(evidence.offsets.diff()) for evidence, _, _ in parts]
    weight = torch.cat([one.weights * share[at] for (one, _, share), at in zip(parts, query, strict=True)])
    rows = same[torch.cat([evidence.rows + start for evidence, start, _ in parts])]
    key, inverse = torch.unique(torch.cat(query) * len(same) + rows, return_inverse=True)
    weight = torch.zeros(len(key), weight.shape[1], dtype=weight.dtype).index_add(0, inverse, weight)
    there = torch.cat([evidence.distances for evidence, _, _ in parts])
    distance = torch.full((len(key),), torch.inf, dtype=there.dtype).scatter_reduce(0, inverse, there, "amin")
    whole = None
    if any(evidence.whole is not None for evidence, _, _ in parts):
        whole = torch.stack([share * evidence.sums_of_weights() for evidence, _, share in parts]).sum(0)
    return _nearest_first(count, key // len(same), key % len(same), distance, weight, whole)


def _nearest_first(
    count: int,
    query: Int[Tensor, " m"],
    rows: Int[Tensor, " m"],
    distance: Float[Tensor, " m"],
    weight: Float[Tensor, "m t"],
    whole: Float[Tensor, "n t"] | None,
) -> Evidence:
    """In the order of :class:`Evidence`; rows of a query come rising."""
    order = distance.argsort(stable=True)
    order = order[query[order].argsort(stable=True)]
    offsets = torch.zeros(count + 1, dtype=torch.int64)
    offsets[1:] = torch.bincount(query, minlength=count).cumsum(0)
    return Evidence(offsets, rows[order], distance[order], weight[order], whole)


def by_column(readings: Mapping[str, Reading], records: Sequence[str]) -> Float[Tensor, "n t"]:
    """The value of each column as its own predictor read it."""
    return torch.stack([readings[name].value[:, place] for place, name in enumerate(records)], dim=1)


def mixed_reading(readings: Mapping[str, Reading], records: Sequence[str], gallery: Cases, cases: Cases) -> Reading:
    """Readings of the same cases off one gallery as one: each column has the value and the weights of its own predictor.

    Predictors measure distances in their own columns (the kernel in standardised ones), so that of the mixture is the
    distance in the embedding. Where the kernel names but the cases of the largest weights (of more than 2,000), one that
    another column's predictor alone names weighs 0 for its column.

    - Shape: values (n, t), and evidence of t columns.
    - Raises: ValueError if a reading has no evidence, or probabilities of levels or classes.

    Args:
        readings: by the name of the predictor, all with evidence.
        records: of each column the predictor.
        gallery: the training cases.
        cases: that were read.
    """
    parts = []
    for name in dict.fromkeys(records):
        own = readings[name]
        if own.evidence is None or own.probability is not None:
            raise ValueError(f"readings must have evidence and no probabilities of levels, got {name}")
        share = torch.tensor([float(record == name) for record in records], dtype=torch.float64)
        parts.append((own.evidence, 0, share.expand(len(own.value), -1)))
    made = mixture(parts, torch.arange(len(gallery)))
    query = torch.arange(len(cases)).repeat_interleave(made.offsets.diff())
    apart = _distances(cases.embedding, gallery.embedding, query, made.rows).where(made.distances.isfinite(), torch.inf)
    return Reading(
        by_column(readings, records), _nearest_first(len(cases), query, made.rows, apart, made.weights, made.whole)
    )


def _distances(
    points: Float[Tensor, "n d"], others: Float[Tensor, "g d"], query: Int[Tensor, " m"], rows: Int[Tensor, " m"]
) -> Float[Tensor, " m"]:
    """Of the pairs (query, row); queries come rising."""
    points, others = points.detach().cpu().double(), others.detach().cpu().double()
    step, found = max(1, ASKED // max(1, len(others))), [torch.empty(0, dtype=torch.float64)]
    for start in range(0, len(points), step):
        mine = (query >= start) & (query < start + step)
        found.append(squared_distances(points[start : start + step], others)[query[mine] - start, rows[mine]].sqrt())
    return torch.cat(found)
