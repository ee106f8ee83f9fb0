"""K-means: scikit-learn's clusters, one seed one result, clusters that empty, and wrong input."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from medgauge.functional.k_means import k_means


def blobs(*counts: int, spread: float = 0.3) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    middles = 5 * torch.randn(len(counts), 8, generator=draw)
    return torch.cat([m + spread * torch.randn(n, 8, generator=draw) for m, n in zip(middles, counts, strict=True)])


@pytest.mark.parametrize("spread", [0.3, 4.0])
def test_cost_is_scikit_learns(spread: float) -> None:
    rows = blobs(20, 7, 3, spread=spread)
    other = KMeans(3, n_init=50, random_state=0).fit(rows.double().numpy())
    found = k_means(rows, 3, starts=50)
    cost = (rows.double() - found.centres[found.assignment]).square().sum().item()
    assert cost == pytest.approx(other.inertia_, rel=1e-9)
    assert adjusted_rand_score(other.labels_, found.assignment.numpy()) == 1


def test_centres_are_the_means_of_their_rows() -> None:
    rows = blobs(9, 5, 2) + 1000
    found = k_means(rows, 3)
    for place, centre in enumerate(found.centres):
        np.testing.assert_allclose(centre, rows[found.assignment == place].double().mean(dim=0), rtol=1e-12)


def test_one_seed_one_result() -> None:
    rows = torch.randn(30, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(k_means(rows, 5, seed=3).assignment, k_means(rows, 5, seed=3).assignment)
    results = {tuple(k_means(rows, 5, seed=seed, starts=1).assignment.tolist()) for seed in range(5)}
    assert len(results) > 1


def test_fewer_different_rows_than_clusters_give_fewer_clusters() -> None:
    rows = torch.tensor([[0.0], [0.0], [4.0], [4.0], [4.0]])
    found = k_means(rows, 3)
    assert len(found.centres) == 2
    assert adjusted_rand_score([0, 0, 1, 1, 1], found.assignment.numpy()) == 1
    assert len(k_means(torch.ones(4, 2), 3).centres) == 1


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="^clusters must be at most the number of rows, 2, got 3$"):
        k_means(torch.zeros(2, 4), 3)
    with pytest.raises(ValueError, match="^features must be finite, of shape"):
        k_means(torch.full((4, 2), float("nan")), 2)
