"""SE: rows of the two farthest clusters, a slow loop, rows near to both centroids, and wrong input."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from medgauge.samplers.farthest_pair_selection import farthest_pair_selection


def blobs(counts: tuple[int, ...] = (14, 9, 7), spread: float = 0.2) -> torch.Tensor:
    """Clusters at 0, 4 and 10 on a line of a space of 6 axes: the first and the last are the farthest."""
    draw, middles = torch.Generator().manual_seed(0), (0.0, 4.0, 10.0)
    return torch.cat([m + spread * torch.randn(n, 6, generator=draw) for m, n in zip(middles, counts, strict=True)])


def test_takes_half_of_its_rows_from_each_of_the_farthest_clusters() -> None:
    found = farthest_pair_selection(blobs(), clusters=3, size=6).tolist()
    assert len(set(found)) == 6
    ends = [[row for row in found if row in span] for span in (range(14), range(23, 30))]
    assert [len(end) for end in ends] == [3, 3]


def test_equals_a_slow_loop_over_scikit_learns_centroids() -> None:
    rows = blobs(spread=0.5).double().numpy()
    centres = KMeans(3, n_init=20, random_state=0).fit(rows).cluster_centers_
    pairs = [(np.linalg.norm(centres[i] - centres[j]), i, j) for i in range(3) for j in range(i)]
    _, one, other = max(pairs)
    expected = {
        int(row)
        for centre in (centres[one], centres[other])
        for row in np.argsort([np.linalg.norm(value - centre) for value in rows])[:3]
    }
    assert set(farthest_pair_selection(torch.from_numpy(rows), 3, 6).tolist()) == expected


def test_a_row_near_to_both_centroids_goes_to_the_nearer_one() -> None:
    """Centroids 0 and 9.5: row 1 (at 9) is among the two nearest of both; 0 takes row 3 (at 10) in its place."""
    found = farthest_pair_selection(torch.tensor([[0.0], [9.0], [9.5], [10.0]]), clusters=2, size=4).tolist()
    assert {frozenset(found[:2]), frozenset(found[2:])} == {frozenset({0, 3}), frozenset({1, 2})}


def test_every_row_is_there_once_for_any_features() -> None:
    for seed in range(20):
        rows = torch.randn(7, 2, generator=torch.Generator().manual_seed(seed))
        assert len(set(farthest_pair_selection(rows, clusters=3, size=6, seed=seed).tolist())) == 6


def test_one_seed_one_result() -> None:
    rows = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(farthest_pair_selection(rows, 4, 8, seed=1), farthest_pair_selection(rows, 4, 8, seed=1))


def test_equal_rows_have_no_pair() -> None:
    assert farthest_pair_selection(torch.ones(8, 3), 3, 6).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("clusters", "size", "said"),
    [
        (3, 5, "size must be even, half for each of two centroids, got 5"),
        (3, 9, r"size must be in \[2, 8\], got 9"),
        (1, 6, "clusters must be >= 2, got 1"),
        (9, 6, "clusters must be at most the number of rows, 8, got 9"),
    ],
)
def test_wrong_input_is_refused(clusters: int, size: int, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        farthest_pair_selection(torch.rand(8, 2), clusters, size)
