"""Exact nearest rows, and shortest paths on the graph that they span."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.checks import check_rows
from medgauge.functional.distances import pairwise_distances

ENTRIES = 1 << 24  # entries of one chunk of the distance matrix
BLOCK = 1 << 17  # entries of one block of differences, small enough for the cache
SPARE = 8  # rows beyond those asked for whose distances are computed again, so that rounding does not order ties


class Neighbours(NamedTuple):
    """The nearest points of each query, nearest first, ties by row.

    - Shape: row (q, k) int64, distance (q, k) float64; where a query has fewer than k points: row -1, distance inf.
    """

    row: Int[Tensor, "q k"]
    distance: Float[Tensor, "q k"]


def nearest_rows(
    query: Float[Tensor, "q d"],
    points: Float[Tensor, "m d"],
    count: int,
    *,
    query_code: Int[Tensor, " q"] | None = None,
    point_code: Int[Tensor, " m"] | None = None,
) -> Neighbours:
    """The ``count`` nearest points of each query by Euclidean distance; exact, deterministic, in chunks.

    - Raises: ValueError if the columns differ, a value is not finite, or only one of the two codes is given.

    Args:
        query: what is looked up.
        points: among what.
        count: how many; fewer come back where there are fewer points.
        query_code: a query never finds a point that has its code (its own group; its own row).
        point_code: the codes of the points.
    """
    check_rows(query=query)
    check_rows(points=points)
    if query.shape[1] != points.shape[1]:
        raise ValueError(f"columns must be equal, got {query.shape[1]} and {points.shape[1]}")
    if not (torch.isfinite(query).all() and torch.isfinite(points).all()):
        raise ValueError("query and points must be finite")
    if (query_code is None) != (point_code is None):
        raise ValueError("query_code and point_code must be given together")
    count = min(count, points.shape[0])
    if count < 1 or query.shape[0] == 0:
        nothing = query.new_empty(query.shape[0], max(0, count))
        return Neighbours(nothing.long(), nothing.double())
    rows = max(1, ENTRIES // points.shape[0])
    parts = []
    for start in range(0, query.shape[0], rows):
        some = query[start : start + rows]
        distance = pairwise_distances(some, points)
        if query_code is not None and point_code is not None:
            distance = distance.masked_fill(query_code[start : start + rows, None] == point_code, torch.inf)
        parts.append(_nearest(some, points, distance, count))
    return Neighbours(torch.cat([part.row for part in parts]), torch.cat([part.distance for part in parts]))


def _nearest(query: Tensor, points: Tensor, distance: Tensor, count: int) -> Neighbours:
    """Order a few rows more than asked for by distances from plain differences in float64, then by row."""
    row = _smallest(distance, min(count + SPARE, points.shape[0])).sort(dim=1).values
    barred = distance.gather(1, row).isinf()
    exact = torch.empty(row.shape, dtype=torch.float64, device=row.device)
    size = max(1, BLOCK // max(1, row.shape[1] * points.shape[1]))
    for start in range(0, row.shape[0], size):
        part = slice(start, start + size)
        exact[part] = torch.linalg.vector_norm(points[row[part]].double().sub_(query[part, None]), dim=2)
    exact, order = exact.masked_fill(barred, torch.inf).sort(dim=1, stable=True)
    row, exact = row.gather(1, order)[:, :count], exact[:, :count]
    return Neighbours(row.masked_fill(exact.isinf(), -1), exact)


def _smallest(distance: Float[Tensor, "q m"], count: int) -> Int[Tensor, "q k"]:
    """Columns of the ``count`` smallest entries of each row; where a tie straddles the last one, the lower columns."""
    value, column = distance.topk(count, dim=1, largest=False)
    tied = (distance <= value[:, -1:]).sum(1) > count
    if tied.any():
        column[tied] = distance[tied].sort(dim=1, stable=True).indices[:, :count]
    return column


def component_codes(neighbours: Neighbours) -> Int[Tensor, " n"]:
    """The connected component of each case in the graph of ``neighbours`` of a set within itself, edges both ways."""
    from scipy.sparse.csgraph import connected_components

    _, code = connected_components(_graph(neighbours), directed=False)
    return torch.as_tensor(code, dtype=torch.int64)


def geodesic_distances(neighbours: Neighbours, rows: Int[Tensor, " r"]) -> Float[Tensor, "r n"]:
    """Shortest paths from ``rows`` to every case over the graph of ``neighbours``, edges both ways; inf: no path.

    An edge of length 0 (two cases in one place) is an edge. Dijkstra's algorithm, SciPy's.
    """
    from scipy.sparse.csgraph import dijkstra

    return torch.as_tensor(dijkstra(_graph(neighbours), indices=rows.cpu().numpy()))


def _graph(neighbours: Neighbours) -> Any:
    """The edges, each both ways and once, as a sparse SciPy matrix in which edges of length 0 are kept."""
    import numpy as np
    from scipy.sparse import csr_matrix

    near = neighbours.row.cpu().numpy()
    there = near >= 0
    origin, end, length = np.nonzero(there)[0], near[there], neighbours.distance.cpu().numpy()[there]
    cases, edges = len(near), len(length)
    pair, first = np.unique(np.concatenate([origin * cases + end, end * cases + origin]), return_index=True)
    return csr_matrix((length[first % max(1, edges)], (pair // cases, pair % cases)), shape=(cases, cases))
