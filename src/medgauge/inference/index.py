"""Exact nearest neighbours by chunked matrix products."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.checks import check_number

Exclusion = tuple[Tensor, Tensor]
"""Group codes of the gallery (n,) and the queries (q,), int64: equal codes are no neighbours, -1 is nobody's group."""

# Working memory for one pair of a query and a gallery case: its distance and masks, and its place in the sorted list,
# on which nearly all pairs may stand where a radius is asked for, few where the nearest are.
_PAIR_BYTES = 128
_SEARCH_BYTES = 32
_CANCELLED = 1e-6  # a squared distance whose rounding error may be more than this share of it is taken again, exactly


class Neighbourhoods(NamedTuple):
    """Neighbours of each query, one query after the other: query i has ``offsets[i]`` to ``offsets[i + 1]``.

    - Shape: offsets (q + 1,) int64, rows (m,) int64, distances (m,); within a query by distance, ties by row.
    """

    offsets: Int[Tensor, " q_plus_1"]
    rows: Int[Tensor, " m"]
    distances: Float[Tensor, " m"]


class ExactIndex:
    """All distances between queries and a gallery, none approximated, in bounded memory and on any device.

    Distances come from one float64 matrix product about the gallery's centre, whose rounding error is bounded for each
    query. Whatever that error could change (who is among the k nearest, who is within the radius, the order of two
    cases, a distance of nearly cancelled terms) is settled by coordinate differences, so that equal cases have
    equal distances and stand in the order of their rows. Devices without float64 (MPS) do the same in float32.

    - Shape: embedding (n, d), n >= 1. It is kept by reference, beside a centred copy of 8 n d bytes.
    - Raises: ValueError for another shape or kind, an empty gallery, or coordinates that are NaN or infinite.

    Args:
        memory: bytes that a chunk of queries may use beyond gallery and result (at least one query is taken at a time).
    """

    def __init__(self, embedding: Float[Tensor, "n d"], *, memory: int = 2**28) -> None:
        _check_points("embedding", embedding)
        if not len(embedding):
            raise ValueError("embedding must have at least one row, got none")
        if memory < 1:
            raise ValueError(f"memory must be >= 1 byte, got {memory}")
        self.memory = memory
        self._points = embedding.detach()
        self._wide = _widest(embedding.device)
        # The centre has the precision of the rows: equal rows then centre to exact zeros, at distance exactly 0.
        self._centre = self._points.to(self._wide).mean(0).to(embedding.dtype).to(self._wide)
        self._centred = self._points.to(self._wide) - self._centre
        self._squares = self._centred.square().sum(1)
        # A sum of d products is off by at most d units of rounding times the sum of their sizes, in whatever order.
        self._rounding = torch.finfo(self._wide).eps * (embedding.shape[1] + 10)

    def __len__(self) -> int:
        return len(self._points)

    def search(
        self, query: Float[Tensor, "q d"], k: int, *, exclude: Exclusion | None = None
    ) -> tuple[Float[Tensor, "q k"], Int[Tensor, "q k"]]:
        """Distances and rows of the k nearest cases, by distance, ties by row.

        Where fewer than k cases may be neighbours, the rest is row -1 at distance infinity.

        - Raises: ValueError if k < 1, or query or exclude do not fit.

        >>> ExactIndex(torch.tensor([[0.0], [1.0], [5.0]])).search(torch.tensor([[2.0]]), 2)[1]
        tensor([[1, 0]])
        """
        check_number("k", k, least=1, whole=True)
        distances = torch.full((len(query), k), torch.inf, dtype=self._wide, device=self._points.device)
        rows = torch.full((len(query), k), -1, device=self._points.device)
        for part, squared, error in self._chunks(query, exclude, _SEARCH_BYTES):
            # The k-th smallest is off by the error, and so is every rival.
            limit = squared.topk(min(k, len(self)), largest=False).values[:, -1:] + 2 * error
            places, found, near = self._pairs(query[part], squared, error, limit)
            rank = torch.arange(len(places), device=places.device) - torch.searchsorted(places, places)
            kept = rank < k
            distances[part][places[kept], rank[kept]] = near[kept]
            rows[part][places[kept], rank[kept]] = found[kept]
        return distances, rows

    def within(self, query: Float[Tensor, "q d"], radius: float, *, exclude: Exclusion | None = None) -> Neighbourhoods:
        """All cases at most ``radius`` (in the unit of the embedding) from each query; none is possible.

        - Raises: ValueError if radius is negative or NaN, or query or exclude do not fit.
        """
        check_number("radius", radius, least=0, infinite=True)
        counts = torch.zeros(len(query) + 1, dtype=torch.int64, device=self._points.device)
        rows, distances = [counts[:0]], [torch.zeros(0, dtype=self._wide, device=self._points.device)]
        for part, squared, error in self._chunks(query, exclude):
            places, found, near = self._pairs(query[part], squared, error, radius**2 + error, radius)
            kept = near <= radius
            counts[1:][part] = torch.bincount(places[kept], minlength=len(squared))
            rows.append(found[kept])
            distances.append(near[kept])
        return Neighbourhoods(counts.cumsum(0), torch.cat(rows), torch.cat(distances))

    def between(
        self, query: Float[Tensor, "q d"], places: Int[Tensor, " m"], rows: Int[Tensor, " m"]
    ) -> Float[Tensor, " m"]:
        """Distances of single pairs of a query's place and a row."""
        return self._exact(query.detach(), places.to(query.device), rows.to(self._points.device))

    def take(self, rows: Int[Tensor, " m"]) -> "ExactIndex":
        """An index of the given rows only; itself if these are all rows in order."""
        if torch.equal(rows, torch.arange(len(self), device=rows.device)):
            return self
        return ExactIndex(self._points[rows.to(self._points.device)], memory=self.memory)

    def blocks(
        self, query: Float[Tensor, "q d"], *, exclude: Exclusion | None = None, pair_bytes: int = _PAIR_BYTES
    ) -> Iterator[tuple[slice, Float[Tensor, "c n"]]]:
        """All distances, a chunk of queries at a time: which queries, and their distances (infinite where excluded).

        They are right to 1e-6 of themselves; ``pair_bytes`` is what the caller and this need for one of them.
        """
        for part, squared, error in self._chunks(query, exclude, pair_bytes):
            places, rows = torch.nonzero(squared < error / _CANCELLED, as_tuple=True)
            distances = squared.sqrt_()
            distances[places, rows] = self._exact(query[part], places, rows)
            yield part, distances

    def parts(self, count: int, pair_bytes: int = _PAIR_BYTES) -> list[slice]:
        """The chunks in which ``count`` queries are taken; no query is one empty chunk."""
        step = max(1, self.memory // (pair_bytes * len(self)))
        return [slice(start, min(start + step, count)) for start in range(0, max(count, 1), step)]

    def _chunks(
        self, query: Tensor, exclude: Exclusion | None, pair_bytes: int = _PAIR_BYTES
    ) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Queries, their squared distances (c, n) and the bound (c, 1) of the rounding error in them."""
        self._check(query, exclude)
        longest = self._squares.max().sqrt()
        for part in self.parts(len(query), pair_bytes):
            points = query[part].detach().to(self._wide) - self._centre
            sizes = points.square().sum(1, keepdim=True)
            squared = torch.addmm(self._squares, points, self._centred.T, alpha=-2).add_(sizes).clamp_(min=0)
            if exclude is not None:
                gallery, own = exclude[0], exclude[1][part, None]
                squared.masked_fill_((gallery == own) & (own != -1), torch.inf)
            yield part, squared, self._rounding * (sizes.sqrt() + longest).square()

    def _pairs(
        self, query: Tensor, squared: Tensor, error: Tensor, limit: Tensor, radius: float = torch.inf
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Query places, gallery rows and distances of the pairs up to ``limit``, by query, distance and row."""
        places, rows = torch.nonzero(squared <= limit.clamp(max=torch.finfo(self._wide).max), as_tuple=True)
        near, doubt = squared[places, rows], error[places, 0]
        order = _by_distance(places, near)
        ordered, queries = near[order], places[order]
        close = (ordered.diff() < 2 * doubt[order][1:]) & (queries[1:] == queries[:-1])
        unsure = (near < doubt / _CANCELLED) | ((near - radius**2).abs() < doubt)
        unsure[order[1:][close]] = True
        unsure[order[:-1][close]] = True
        distances = near.sqrt_()
        distances[unsure] = self._exact(query, places[unsure], rows[unsure])
        order = _by_distance(places, distances)
        return places[order], rows[order], distances[order]

    def _exact(self, query: Tensor, places: Tensor, rows: Tensor) -> Tensor:
        """Distances of single pairs by differences of coordinates, as many at once as memory allows."""
        step = max(1, self.memory // (4 * self._wide.itemsize * max(1, query.shape[1])))
        found = [torch.zeros(0, dtype=self._wide, device=query.device)]
        for place, row in zip(torch.split(places, step), torch.split(rows, step), strict=True):
            gap = query[place].to(self._wide).sub_(self._points[row])
            found.append(gap.square_().sum(1).sqrt_())
        return torch.cat(found)

    def _check(self, query: Tensor, exclude: Exclusion | None) -> None:
        _check_points("query", query)
        if query.shape[1] != self._points.shape[1]:
            raise ValueError(f"query must have {self._points.shape[1]} columns, got {query.shape[1]}")
        if exclude is not None and [len(codes) for codes in exclude] != [len(self), len(query)]:
            lengths = [len(codes) for codes in exclude]
            raise ValueError(f"exclude must hold {len(self)} and {len(query)} group codes, got {lengths}")


def _by_distance(places: Tensor, distances: Tensor) -> Tensor:
    """The order by place, then distance; what is equal stays in the order given."""
    order = torch.argsort(distances, stable=True)
    return order[torch.argsort(places[order], stable=True)]


def _widest(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64


def _check_points(name: str, points: Tensor) -> None:
    if points.ndim != 2 or not points.is_floating_point():
        raise ValueError(f"{name} must be a 2-D float tensor, got {points.dtype} of shape {tuple(points.shape)}")
    if not bool(torch.isfinite(points).all()):
        count = int((~torch.isfinite(points)).any(dim=1).sum())
        raise ValueError(f"{name} must be finite, got NaN or infinity in {count} of {len(points)} rows")
