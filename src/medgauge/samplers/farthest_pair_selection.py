"""SE: a small balanced batch from the two clusters that are farthest apart."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.checks import check_number
from medgauge.functional.distances import pair_distances
from medgauge.functional.k_means import k_means


def farthest_pair_selection(
    features: Float[Tensor, "n d"], clusters: int = 3, size: int = 6, *, seed: int = 0
) -> Int[Tensor, " m"]:
    """The rows nearest to the two centroids that are farthest apart, ``size // 2`` a centroid, each row once.

    Features are clustered by k-means. A row that is among the nearest of both centroids goes to the nearer one, and the
    other takes its next nearest in its place. Where all rows are equal there is no pair, and the first rows are taken.

    - Shape: features (n, d) -> (m,) int64, m = size: rows of the first centroid by distance, then those of the second;
      ties by row.
    - Raises: ValueError for an odd size, one below 2 or above the number of rows, more clusters than rows or fewer than
      2, and features that are not finite.
    - Source: Li et al., MICCAI 2021 (arXiv 2103.04167), sample selection (SE). What happens to a row that is near to both
      centroids is ours.

    Args:
        features: of the batch, without gradient.
        clusters: of k-means.
        size: of the balanced batch, even.
        seed: of k-means.
    """
    check_number("clusters", clusters, least=2, whole=True)
    check_number("size", size, least=2, most=len(features), whole=True)
    if size % 2:
        raise ValueError(f"size must be even, half for each of two centroids, got {size}")
    return nearest_of_pair(features, k_means(features, clusters, seed=seed).centres, size)


def nearest_of_pair(features: Float[Tensor, "n d"], centres: Float[Tensor, "k d"], size: int) -> Int[Tensor, " m"]:
    """The rows of :func:`farthest_pair_selection`, once the centroids are known; they may be of other rows too."""
    if len(centres) < 2:
        return torch.arange(size)
    first, second = _farthest(centres)
    rows = features.detach().double().cpu()
    distance = torch.stack([(rows - centres[place]).norm(dim=1) for place in (first, second)], dim=1)
    return torch.tensor(_nearest_of_each(distance, size // 2))


def _farthest(centres: Tensor) -> tuple[int, int]:
    """The two centroids with the largest distance."""
    above = torch.triu_indices(len(centres), len(centres), 1)
    first, second = above[:, pair_distances(centres).argmax()].tolist()
    return first, second


def _nearest_of_each(distance: Tensor, count: int) -> list[int]:
    """``count`` rows for each column of distances (n, 2), no row twice: the least distance that is left comes first."""
    found: tuple[list[int], list[int]] = ([], [])
    taken: set[int] = set()
    for place in distance.flatten().sort(stable=True).indices.tolist():
        row, column = divmod(place, 2)
        if row not in taken and len(found[column]) < count:
            found[column].append(row)
            taken.add(row)
    return [*found[0], *found[1]]
