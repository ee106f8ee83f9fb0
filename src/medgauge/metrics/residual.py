"""RV: how well distances along the embedded cases follow the distances of their labels."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_rows, observed
from medgauge.core.seeding import generator
from medgauge.functional.correlations import correlation
from medgauge.functional.graphs import Neighbours, component_codes, geodesic_distances, nearest_rows

GRID = (5, 10, 20, 40)
ALL_ROWS = 1000  # up to this many cases every row is a landmark
WHOLE = 0.99  # share of the cases that the largest component must hold for a k to be chosen


class ResidualVariance(NamedTuple):
    """RV and what it was computed on.

    ``value`` in [0, 2], 0 is perfect; ``neighbours`` the k of the graph; ``share`` the part of the cases that its
    largest component holds (RV is of these); ``n`` the number of cases with all labels; ``note`` why ``value`` is NaN.
    """

    value: float
    neighbours: int
    share: float
    n: int
    note: str = ""


def residual_variance(
    embedding: Float[Tensor, "n d"],
    label: Float[Tensor, "n t"],
    neighbours: int | Sequence[int] = GRID,
    *,
    landmarks: int = 500,
    seed: int = 0,
) -> ResidualVariance:
    """RV: 1 minus the correlation of geodesic distances with label distances; 0 is perfect, near 1 is no relation.

    Geodesics are shortest paths on the graph that joins each case to its k nearest others, edges both ways. Of several
    k the one with the smallest RV is given (ties: the smallest k); a k above n - 1 counts as n - 1. Only the largest
    component is used, and ``share`` tells how much that is: a small share makes RV small. Above 1,000 cases the
    distances from ``landmarks`` drawn cases to all others stand for all pairs. Cases with a missing label are left out.

    NaN, with the reason in ``note``: fewer than three cases in the component, or no two different labels or places.

    - Raises: ValueError if shapes do not fit, the embedding is not finite, or k or ``landmarks`` is below 1.
    - Source: Chao et al., MICCAI 2022, section 3.
    - Departs: pairs of a case with itself are left out; the largest component stands in for an unconnected graph,
      where the authors' code puts a large number in place of infinity; landmarks above 1,000 cases.

    Args:
        embedding: points of the cases.
        label: labels; the distance of several targets is Euclidean, so give them in comparable units.
        neighbours: k, or the grid of k.
        landmarks: rows of the distance matrix above 1,000 cases.
        seed: draws the landmarks, the same ones for every k.
    """
    curve = _curve(embedding, label, neighbours, landmarks, seed)
    return min(curve, key=lambda point: (point.value != point.value, point.value))


def choose_neighbours(
    embedding: Float[Tensor, "n d"],
    label: Float[Tensor, "n t"],
    neighbours: Sequence[int] = GRID,
    *,
    landmarks: int = 500,
    seed: int = 0,
) -> ResidualVariance:
    """The k that a run uses, chosen on the validation cases: the smallest RV among the k that join nearly all of them.

    A k counts if the largest component of its graph holds 99 % of the cases. If none does, ``value`` is NaN, ``note``
    says so, and ``neighbours`` is the k with the largest share. Arguments and errors as in :func:`residual_variance`,
    which gives the figure of another split with the k found here.
    """
    curve = _curve(embedding, label, neighbours, landmarks, seed)
    whole = [point for point in curve if point.share >= WHOLE]
    if whole or not curve[0].n:
        return min(whole or curve, key=lambda point: (point.value != point.value, point.value))
    widest = max(curve, key=lambda point: point.share)
    note = f"no k joins {WHOLE:.0%} of the {widest.n} cases: at most {widest.share:.1%}, at k = {widest.neighbours}"
    return widest._replace(value=float("nan"), note=note)


def _curve(
    embedding: Tensor, label: Tensor, neighbours: int | Sequence[int], landmarks: int, seed: int
) -> list[ResidualVariance]:
    """RV for each k of the grid, in rising order, from one search for neighbours."""
    check_rows(embedding=embedding, label=label)
    grid = [neighbours] if isinstance(neighbours, int) else sorted(set(neighbours))
    if not grid or grid[0] < 1 or landmarks < 1:
        raise ValueError(f"neighbours and landmarks must be >= 1, got {neighbours} and {landmarks}")
    place, truth = observed(embedding.detach().cpu(), label.detach().cpu().double())
    count = len(truth)
    if count < 2:
        return [ResidualVariance(float("nan"), 0, 1.0 if count else float("nan"), count, "fewer than three cases")]
    rows = torch.arange(count)
    near = nearest_rows(place, place, min(grid[-1], count - 1), query_code=rows, point_code=rows)
    order = torch.randperm(count, generator=generator(seed, "landmarks"))
    grid = sorted({min(size, count - 1) for size in grid})
    return [
        _residual(Neighbours(near.row[:, :size], near.distance[:, :size]), truth, order, landmarks) for size in grid
    ]


def _residual(near: Neighbours, truth: Tensor, order: Tensor, landmarks: int) -> ResidualVariance:
    """RV of one graph on its largest component (the first in row order of several as large)."""
    code = component_codes(near)
    inside = code == torch.bincount(code).argmax()
    size = int(inside.sum())
    share, nan = size / len(truth), float("nan")
    result = ResidualVariance(nan, near.row.shape[1], share, len(truth))
    if size < 3:
        return result._replace(note="fewer than three cases are joined")
    rows = order[inside[order]]
    rows = rows[:landmarks] if size > ALL_ROWS else rows
    members = torch.nonzero(inside).flatten()
    apart = rows[:, None] != members
    path = geodesic_distances(near, rows)[:, members][apart]
    gap = torch.cdist(truth[rows], truth[members], compute_mode="donot_use_mm_for_euclid_dist")[apart]
    value = 1 - float(correlation(path[:, None], gap[:, None]))
    note = "all labels or all places are the same distance apart" if value != value else ""
    return result._replace(value=value, note=note)
