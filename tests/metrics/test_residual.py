"""RV against a slow loop, on a perfect manifold, on noise, and where graphs fall apart."""

import itertools
import math

import numpy as np
import pytest
import torch

from medgauge.metrics import choose_neighbours, residual_variance

NAN = float("nan")


def spiral(label: torch.Tensor, columns: int) -> torch.Tensor:
    """A curve with arc length ``label`` (n, 1), wound on two circles at once, turned into ``columns`` dimensions."""
    slow = torch.cat([label.cos(), label.sin(), (0.3 * label).cos(), (0.3 * label).sin()], dim=1)
    turn = torch.linalg.qr(torch.randn(columns, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    return (slow / math.sqrt(1.09)) @ turn.T


def slow_rv(place: torch.Tensor, label: torch.Tensor, k: int) -> tuple[float, float]:
    """RV and share, by Floyd and Warshall on the largest component."""
    size = len(place)
    path = np.full((size, size), math.inf)
    for i in range(size):
        order = sorted((math.dist(place[i].tolist(), place[j].tolist()), j) for j in range(size) if j != i)
        for length, j in order[:k]:
            path[i, j] = path[j, i] = length
        path[i, i] = 0
    for middle in range(size):
        path = np.minimum(path, path[:, middle, None] + path[middle])
    inside = max(([j for j in range(size) if path[i, j] < math.inf] for i in range(size)), key=len)
    pairs = list(itertools.combinations(inside, 2))
    gaps = [math.dist(label[i].tolist(), label[j].tolist()) for i, j in pairs]
    return 1 - np.corrcoef([path[i, j] for i, j in pairs], gaps)[0, 1], len(inside) / size


@pytest.mark.parametrize("k", [2, 4, 10])
@pytest.mark.parametrize("targets", [1, 3])
def test_equals_a_slow_loop(k: int, targets: int) -> None:
    chance = torch.Generator().manual_seed(k)
    place = torch.randn(45, 3, generator=chance, dtype=torch.float64)
    label = place.sum(1, keepdim=True) + torch.randn(45, targets, generator=chance, dtype=torch.float64)
    found = residual_variance(place, label, k)
    value, share = slow_rv(place, label, k)
    assert found.value == pytest.approx(value, rel=1e-10)
    assert found[1:] == (k, share, 45, "")


@pytest.mark.parametrize("columns", [4, 512])
def test_below_a_hundredth_on_a_perfect_manifold(columns: int) -> None:
    label = torch.rand(400, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 15
    found = residual_variance(spiral(label, columns).float(), label, (5, 10))
    assert found.value < 0.01
    straight = torch.cdist(spiral(label, 4), spiral(label, 4)).flatten()
    assert 1 - np.corrcoef(straight, torch.cdist(label, label).flatten())[0, 1] > 0.1  # it is curved


@pytest.mark.parametrize("columns", [2, 512])
def test_above_a_half_on_features_without_the_label(columns: int) -> None:
    chance = torch.Generator().manual_seed(2)
    place, label = torch.randn(400, columns, generator=chance), torch.randn(400, 1, generator=chance)
    assert residual_variance(place, label).value > 0.5


def test_the_smallest_of_the_grid_is_given() -> None:
    chance = torch.Generator().manual_seed(3)
    place = torch.randn(120, 2, generator=chance)
    label = place[:, :1] + 0.3 * torch.randn(120, 1, generator=chance)
    single = [residual_variance(place, label, k) for k in (5, 10, 20, 40)]
    assert residual_variance(place, label) == min(single, key=lambda found: found.value)
    assert residual_variance(place, label, (40, 20, 10, 5)) == residual_variance(place, label)


def islands() -> tuple[torch.Tensor, torch.Tensor]:
    """40 cases on a line, and 20 on another far away."""
    label = torch.cat([torch.arange(40.0), torch.arange(20.0) + 100])[:, None]
    return torch.cat([label, (label >= 100).float() * 1000], dim=1), label


def test_an_unconnected_graph_counts_its_largest_part_and_says_so() -> None:
    place, label = islands()
    found = residual_variance(place, label, 5)
    assert found.value == pytest.approx(0, abs=1e-6)
    assert found.share == pytest.approx(40 / 60)
    assert found.n == 60


def test_a_run_chooses_among_the_k_that_join_nearly_all() -> None:
    place, label = islands()
    chosen = choose_neighbours(place, label, (5, 10, 19, 25))
    assert (chosen.neighbours, chosen.share, chosen.n, chosen.note) == (25, 1.0, 60, "")
    none = choose_neighbours(place, label, (5, 10))
    assert math.isnan(none.value)
    assert none[1:4] == (5, pytest.approx(40 / 60), 60)
    assert none.note == "no k joins 99% of the 60 cases: at most 66.7%, at k = 5"


def test_coincident_cases_are_joined() -> None:
    label = torch.arange(10.0).repeat(3)[:, None]  # every place three times
    found = residual_variance(label.clone(), label, 4)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.share == 1


def test_landmarks_stand_for_all_rows() -> None:
    chance = torch.Generator().manual_seed(4)
    place = torch.randn(1100, 3, generator=chance)
    label = place[:, :1] + 0.5 * torch.randn(1100, 1, generator=chance)
    drawn = residual_variance(place, label, 10, landmarks=300)
    assert drawn == residual_variance(place, label, 10, landmarks=300)
    assert drawn != residual_variance(place, label, 10, landmarks=300, seed=1)
    whole = residual_variance(place, label, 10, landmarks=1100)
    assert drawn.value == pytest.approx(whole.value, abs=0.02)


@pytest.mark.parametrize(
    ("cases", "note"),
    [(0, "fewer than three cases"), (1, "fewer than three cases"), (2, "fewer than three cases are joined")],
)
def test_too_few_cases(cases: int, note: str) -> None:
    for found in (
        residual_variance(torch.rand(cases, 3), torch.rand(cases, 1)),
        choose_neighbours(torch.rand(cases, 3), torch.rand(cases, 1)),
    ):
        assert math.isnan(found.value)
        assert (found.n, found.note) == (cases, note)


def test_fewer_cases_than_neighbours() -> None:
    place = torch.rand(7, 3)
    found = residual_variance(place, place[:, :1], (40, 80))
    assert (found.neighbours, found.share, found.n) == (6, 1.0, 7)
    assert found.value == residual_variance(place, place[:, :1], 6).value


@pytest.mark.parametrize("flat", ["label", "embedding"])
def test_constant_input_is_nan_with_the_reason(flat: str) -> None:
    place, label = torch.rand(30, 3), torch.rand(30, 1)
    found = residual_variance(place * (flat != "embedding"), label * (flat != "label"))
    assert math.isnan(found.value)
    assert found.note == "all labels or all places are the same distance apart"
    assert math.isnan(choose_neighbours(place * (flat != "embedding"), label * (flat != "label")).value)


def test_cases_with_a_missing_label_are_left_out() -> None:
    place, label = torch.rand(50, 3), torch.rand(50, 2)
    holes = label.clone()
    holes[::5, 1] = NAN
    kept = ~holes.isnan().any(dim=1)
    assert residual_variance(place, holes) == residual_variance(place[kept], label[kept])
    assert residual_variance(place, holes).n == 40


@pytest.mark.parametrize("grid", [0, (5, 0), ()])
def test_wrong_settings_raise(grid: int | tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="neighbours and landmarks must be >= 1"):
        residual_variance(torch.rand(5, 2), torch.rand(5, 1), grid)


def test_an_embedding_that_is_not_finite_raises() -> None:
    with pytest.raises(ValueError, match="finite"):
        residual_variance(torch.full((5, 2), NAN), torch.rand(5, 1))
