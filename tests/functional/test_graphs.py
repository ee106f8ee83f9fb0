"""Neighbours and shortest paths against slow loops."""

import itertools
import math

import pytest
import torch

from medgauge.functional import graphs
from medgauge.functional.graphs import Neighbours, component_codes, geodesic_distances, nearest_rows


def cloud(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def slow_nearest(query: torch.Tensor, points: torch.Tensor, count: int) -> list[list[int]]:
    found = []
    for place in query.double().tolist():
        order = sorted((math.dist(place, other), row) for row, other in enumerate(points.double().tolist()))
        found.append([row for _, row in order[:count]])
    return found


def within(points: torch.Tensor, count: int) -> Neighbours:
    rows = torch.arange(len(points))
    return nearest_rows(points, points, count, query_code=rows, point_code=rows)


def slow_paths(near: Neighbours) -> list[list[float]]:
    size = len(near.row)
    path = [[0.0 if i == j else math.inf for j in range(size)] for i in range(size)]
    for i in range(size):
        for j, length in zip(near.row[i].tolist(), near.distance[i].tolist(), strict=True):
            if j >= 0:
                path[i][j] = path[j][i] = min(path[i][j], length)
    for middle, i, j in itertools.product(range(size), repeat=3):
        path[i][j] = min(path[i][j], path[i][middle] + path[middle][j])
    return path


@pytest.mark.parametrize("columns", [2, 32])
@pytest.mark.parametrize("entries", [1 << 24, 256])
def test_nearest_rows_equal_a_double_loop(columns: int, entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "ENTRIES", entries)
    query, points = cloud(30, columns) + 100, cloud(90, columns, seed=1) + 100
    near = nearest_rows(query, points, 7)
    assert near.row.tolist() == slow_nearest(query, points, 7)
    exact = (query[:, None].double() - points[near.row].double()).norm(dim=2)
    torch.testing.assert_close(near.distance, exact, rtol=1e-14, atol=0)


@pytest.mark.parametrize("columns", [2, 16])
def test_ties_go_by_row(columns: int) -> None:
    points = torch.randint(2, (60, columns), generator=torch.Generator().manual_seed(0)).float()
    assert nearest_rows(points, points, 5).row.tolist() == slow_nearest(points, points, 5)
    assert nearest_rows(points[:1], points[:1].expand(50, -1), 4).row.tolist() == [[0, 1, 2, 3]]


def test_equal_codes_are_never_neighbours() -> None:
    points = torch.tensor([[0.0], [1.0], [2.0], [9.0]])
    codes = torch.tensor([0, 0, 1, 1])
    near = nearest_rows(points, points, 3, query_code=codes, point_code=codes)
    assert near.row.tolist() == [[2, 3, -1], [2, 3, -1], [1, 0, -1], [1, 0, -1]]
    assert near.distance[:, 2].isinf().all()


def test_few_or_no_points() -> None:
    assert nearest_rows(cloud(3, 4), cloud(2, 4), 5).row.shape == (3, 2)
    assert nearest_rows(cloud(3, 4), cloud(0, 4), 5).row.shape == (3, 0)
    assert nearest_rows(cloud(0, 4), cloud(2, 4), 5).row.shape == (0, 2)
    assert within(cloud(1, 4), 5).row.tolist() == [[-1]]


def test_what_does_not_fit_raises() -> None:
    with pytest.raises(ValueError, match="columns must be equal, got 2 and 3"):
        nearest_rows(cloud(3, 2), cloud(3, 3), 1)
    with pytest.raises(ValueError, match="finite"):
        nearest_rows(cloud(3, 2) / 0, cloud(3, 2), 1)
    with pytest.raises(ValueError, match="together"):
        nearest_rows(cloud(3, 2), cloud(3, 2), 1, query_code=torch.arange(3))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_paths_and_components_equal_a_slow_loop(count: int) -> None:
    near = within(cloud(25, 2), count)
    slow = torch.tensor(slow_paths(near), dtype=torch.float64)
    rows = torch.tensor([0, 7, 24])
    torch.testing.assert_close(geodesic_distances(near, rows), slow[rows], rtol=1e-12, atol=0)
    code = component_codes(near)
    assert torch.equal(code[:, None] == code, slow.isfinite())


def test_edges_of_length_zero_join() -> None:
    points = torch.tensor([[0.0], [0.0], [1.0], [1.0], [1.0]])
    near = within(points, 1)
    assert geodesic_distances(near, torch.tensor([0]))[0].tolist() == [0.0, 0.0, math.inf, math.inf, math.inf]
    assert component_codes(near).unique().numel() == 2
    near = within(points, 3)
    assert geodesic_distances(near, torch.tensor([0]))[0].tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_order_is_right_where_float32_cannot_tell_distances_apart() -> None:
    points = torch.zeros(2, 16)
    points[:, 0] = 1
    points[0, 1] = 1e-5  # farther by 5e-11
    assert nearest_rows(torch.zeros(1, 16), points, 1).row.tolist() == [[1]]
