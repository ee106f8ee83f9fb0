"""K-means of a few rows: seeded, several starts at once."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.checks import check_number
from medgauge.core.seeding import generator


class Clusters(NamedTuple):
    """Clusters of n rows, none of them empty.

    - Shape: centres (k, d) float64, assignment (n,) int64 from 0 to k - 1.
    """

    centres: Float[Tensor, "k d"]
    assignment: Int[Tensor, " n"]


def k_means(features: Float[Tensor, "n d"], clusters: int, *, seed: int = 0, starts: int = 10) -> Clusters:
    """The clusters of the start with the least sum of squared distances to the centres.

    Centres begin by k-means++ and move by Lloyd's steps until no row changes its cluster. A cluster that empties is left
    out, so that there are fewer: at most as many as different rows. Computed in float64 on the CPU.

    - Shape: features (n, d), finite.
    - Raises: ValueError for features that are not finite rows, or more clusters than rows.
    - Source: Lloyd, 1982; Arthur and Vassilvitskii, SODA 2007 (k-means++).

    Args:
        features: of the rows.
        clusters: how many at most.
        seed: of the starts.
        starts: how many.
    """
    if features.ndim != 2 or not features.is_floating_point() or not bool(features.isfinite().all()):
        raise ValueError(f"features must be finite, of shape (n, d), got {features.dtype} {tuple(features.shape)}")
    check_number("clusters", clusters, least=1, whole=True)
    if clusters > len(features):
        raise ValueError(f"clusters must be at most the number of rows, {len(features)}, got {clusters}")
    rows = features.detach().double().cpu()
    middle = rows.mean(dim=0)
    rows = rows - middle
    centres = _first_centres(rows, clusters, generator(seed, "k-means"), starts)
    assignment = _squares(rows, centres).argmin(dim=2)
    for _ in range(300):
        centres = _means(rows, assignment, centres)
        moved = _squares(rows, centres).argmin(dim=2)
        if torch.equal(moved, assignment):
            break
        assignment = moved
    cost = _squares(rows, centres).amin(dim=2).sum(dim=1)
    best = int(cost.argmin())
    kept, own = torch.unique(assignment[best], return_inverse=True)
    return Clusters(centres[best, kept] + middle, own)


def _first_centres(rows: Tensor, clusters: int, noise: torch.Generator, starts: int) -> Tensor:
    """Centres (s, k, d): rows, each drawn with a chance by its squared distance to the nearest one before it."""
    found = rows[torch.randint(len(rows), (starts, 1), generator=noise)]
    for _ in range(clusters - 1):
        nearest = _squares(rows, found).amin(dim=2).cumsum(dim=1)
        aim = torch.rand(starts, 1, generator=noise, dtype=rows.dtype) * nearest[:, -1:]
        place = torch.searchsorted(nearest, aim, right=True).clamp(max=len(rows) - 1)
        found = torch.cat([found, rows[place]], dim=1)
    return found


def _squares(rows: Tensor, centres: Tensor) -> Tensor:
    """Squared distances (s, n, k) of the rows (n, d) to the centres (s, k, d)."""
    return torch.cdist(rows.expand(len(centres), -1, -1), centres, compute_mode="donot_use_mm_for_euclid_dist").square()


def _means(rows: Tensor, assignment: Tensor, centres: Tensor) -> Tensor:
    """The mean of each cluster's rows; an empty cluster's centre stays where it is."""
    own = torch.nn.functional.one_hot(assignment, centres.shape[1]).to(rows.dtype)
    count = own.sum(dim=1)[:, :, None]
    return torch.where(count > 0, own.transpose(1, 2) @ rows / count.clamp(min=1), centres)
