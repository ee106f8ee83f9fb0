from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from medgauge.inference import ExactIndex
from medgauge.inference import index as index_module


def _loop(
    gallery: Tensor, query: Tensor, own: list[int] | None = None, codes: list[int] | None = None
) -> list[list[Any]]:
    """All (distance, row) of each query in order, by a double loop in float64."""
    a, b = gallery.double().numpy(), query.double().numpy()
    lists = []
    for i in range(len(b)):
        pairs = [
            (float(np.sqrt(((a[j] - b[i]) ** 2).sum())), j)
            for j in range(len(a))
            if own is None or codes is None or codes[i] == -1 or own[j] != codes[i]
        ]
        lists.append(sorted(pairs))
    return lists


def _draw(count: int, columns: int, seed: int) -> Tensor:
    return torch.randn(count, columns, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32 (a device without float64)"])
def widest(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.dtype]:
    monkeypatch.setattr(index_module, "_widest", lambda device: request.param)
    return request.param


@pytest.mark.parametrize("memory", [1, 5_000, 2**28])
def test_search_equals_a_double_loop(memory: int, widest: torch.dtype) -> None:
    gallery, query = _draw(60, 5, 0), _draw(17, 5, 1)
    distances, rows = ExactIndex(gallery, memory=memory).search(query, 9)
    expected = _loop(gallery, query)
    assert rows.tolist() == [[row for _, row in pairs[:9]] for pairs in expected]
    torch.testing.assert_close(
        distances.double(), torch.tensor([[d for d, _ in pairs[:9]] for pairs in expected]).double(), rtol=1e-5, atol=0
    )


@pytest.mark.parametrize("memory", [1, 5_000, 2**28])
@pytest.mark.parametrize("radius", [0.0, 1.5, 2.5, float("inf")])
def test_within_equals_a_double_loop(memory: int, radius: float, widest: torch.dtype) -> None:
    gallery, query = _draw(60, 5, 0), _draw(17, 5, 1)
    offsets, rows, distances = ExactIndex(gallery, memory=memory).within(query, radius)
    expected = [[pair for pair in pairs if pair[0] <= radius] for pairs in _loop(gallery, query)]
    assert offsets.diff().tolist() == [len(pairs) for pairs in expected]
    assert rows.tolist() == [row for pairs in expected for _, row in pairs]
    wanted = torch.tensor([d for pairs in expected for d, _ in pairs], dtype=torch.float64)
    torch.testing.assert_close(distances.double(), wanted, rtol=1e-5, atol=0)


def test_close_cases_far_from_the_origin_keep_their_distances(widest: torch.dtype) -> None:
    # float32 steps at 1e4 are about 1e-3: nearly all digits cancel. Two clusters, so that centring alone cannot help.
    steps = torch.randint(-3, 4, (80, 16), generator=torch.Generator().manual_seed(0)) * 2.0**-9
    gallery = 1e4 + steps
    gallery[40:] -= 2e4
    query = gallery[::7] + 2.0**-9
    distances, rows = ExactIndex(gallery).search(query, 20)
    expected = _loop(gallery, query)
    assert rows.tolist() == [[row for _, row in pairs[:20]] for pairs in expected]
    wanted = torch.tensor([[d for d, _ in pairs[:20]] for pairs in expected], dtype=torch.float64)
    torch.testing.assert_close(distances.double(), wanted, rtol=1e-5, atol=0)


def test_blocks_are_the_distances_also_of_close_cases(widest: torch.dtype) -> None:
    gallery = 1e3 + torch.cat([_draw(30, 8, 0), 1e-3 * _draw(30, 8, 1)])
    query = torch.cat([gallery[:40] + 1e-3, gallery[:3]])
    index = ExactIndex(gallery, memory=20_000)
    blocks = list(index.blocks(query))
    assert len(blocks) > 1
    expected = (query[:, None].double() - gallery.double()).norm(dim=2)
    torch.testing.assert_close(torch.cat([block for _, block in blocks]).double(), expected, rtol=1e-5, atol=0)


def test_ties_stand_in_the_order_of_rows() -> None:
    corners = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]) * 0.75 + 0.5
    gallery = corners.repeat(6, 1)
    index = ExactIndex(gallery)
    _, rows = index.search(torch.full((1, 2), 0.5), 7)
    assert rows.tolist() == [list(range(7))]
    _, rows = index.search(gallery[1:2], 8)
    assert rows[0, :6].tolist() == [1, 5, 9, 13, 17, 21]
    near = index.within(gallery[1:2], 0.0)
    assert near.rows.tolist() == [1, 5, 9, 13, 17, 21]
    assert near.distances.tolist() == [0.0] * 6


def test_equal_cases_tie_exactly_whatever_the_product_rounds_to() -> None:
    gallery = _draw(7, 333, 0).repeat_interleave(9, dim=0)
    distances, rows = ExactIndex(gallery).search(_draw(50, 333, 1), 63)
    for line, ranked in zip(distances, rows, strict=True):
        assert len(line.unique()) == 7
        assert torch.equal(ranked.view(7, 9), ranked.view(7, 9).sort(dim=1).values)


def test_a_collapsed_embedding_gives_zeros() -> None:
    gallery = torch.full((50, 3), 0.1)
    distances, rows = ExactIndex(gallery).search(gallery[:2], 4)
    assert distances.tolist() == [[0.0] * 4] * 2
    assert rows.tolist() == [[0, 1, 2, 3]] * 2


def test_a_radius_equal_to_a_distance_includes_it(widest: torch.dtype) -> None:
    size = 10**9 if widest == torch.float64 else 9_999  # differences are exact, products are not
    query = torch.randint(-size, size, (300, 2), generator=torch.Generator().manual_seed(0)).to(widest)
    step = 0.3 * size // 3
    index = ExactIndex(query + step * torch.tensor([3.0, -4.0], dtype=widest))
    for radius, expected in ((5 * step, 1), (4.9999 * step, 0)):
        offsets, rows, _ = index.within(query, radius)
        found = [rows[offsets[i] : offsets[i + 1]].tolist().count(i) for i in range(300)]
        assert found == [expected] * 300


def test_the_order_of_the_gallery_does_not_matter() -> None:
    gallery, query, order = _draw(200, 32, 0), _draw(20, 32, 1), torch.randperm(200)
    distances, rows = ExactIndex(gallery).search(query, 10)
    again, permuted = ExactIndex(gallery[order]).search(query, 10)
    torch.testing.assert_close(distances, again)
    assert torch.equal(rows, order[permuted])


@pytest.mark.parametrize("memory", [1, 2**28])
def test_the_own_group_is_never_a_neighbour(memory: int) -> None:
    gallery, query = _draw(40, 3, 0), _draw(12, 3, 1)
    own, codes = [j % 4 for j in range(40)], [i % 6 - 1 for i in range(12)]  # -1: no group; 4: unknown to the gallery
    exclude = (torch.tensor(own), torch.tensor(codes))
    index, expected = ExactIndex(gallery, memory=memory), _loop(gallery, query, own, codes)
    _, rows = index.search(query, 8, exclude=exclude)
    assert rows.tolist() == [[row for _, row in pairs[:8]] for pairs in expected]
    near = index.within(query, 2.0, exclude=exclude)
    assert near.rows.tolist() == [row for pairs in expected for d, row in pairs if d <= 2.0]
    blocks = torch.cat([block for _, block in index.blocks(query, exclude=exclude)])
    assert torch.equal(blocks.isinf(), torch.tensor(own) == torch.tensor(codes)[:, None])


def test_minus_one_in_the_gallery_excludes_nothing() -> None:
    exclude = (torch.tensor([-1, -1]), torch.tensor([-1]))
    _, rows = ExactIndex(torch.tensor([[0.0], [1.0]])).search(torch.tensor([[0.0]]), 2, exclude=exclude)
    assert rows.tolist() == [[0, 1]]


def test_too_few_neighbours_are_filled_up() -> None:
    index, query = ExactIndex(torch.tensor([[0.0], [2.0]])), torch.tensor([[0.0]])
    distances, rows = index.search(query, 4, exclude=(torch.tensor([5, 6]), torch.tensor([5])))
    assert rows.tolist() == [[1, -1, -1, -1]]
    assert distances.tolist() == [[2.0, torch.inf, torch.inf, torch.inf]]
    distances, rows = index.search(query, 1, exclude=(torch.tensor([5, 5]), torch.tensor([5])))
    assert rows.tolist() == [[-1]]


def test_no_query_gives_empty_answers() -> None:
    index = ExactIndex(_draw(5, 2, 0))
    distances, rows = index.search(torch.zeros(0, 2), 3)
    assert distances.shape == rows.shape == (0, 3)
    assert index.within(torch.zeros(0, 2), 1.0).offsets.tolist() == [0]


def test_half_precision_and_autocast_lose_nothing() -> None:
    gallery, query = _draw(50, 64, 0).half(), _draw(5, 64, 1).half()
    with torch.autocast("cpu", torch.bfloat16):
        distances, rows = ExactIndex(gallery).search(query, 5)
    expected = _loop(gallery, query)
    assert rows.tolist() == [[row for _, row in pairs[:5]] for pairs in expected]
    assert distances[0, 0].item() == pytest.approx(expected[0][0][0], rel=1e-6)


class _Largest(TorchDispatchMode):
    """Bytes of the largest tensor made."""

    bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(tensor, Tensor) and tensor._base is None:
                self.bytes = max(self.bytes, tensor.numel() * tensor.itemsize)
        return made


def test_memory_is_bounded_by_the_budget() -> None:
    gallery, query, budget = _draw(2_000, 4, 0), _draw(1_000, 4, 1), 1_000_000
    index = ExactIndex(gallery, memory=budget)
    for run in (
        lambda: index.search(query, 5),
        lambda: index.within(query, 0.05),
        lambda: [None for _ in index.blocks(query)],
        lambda: index.within(query[:7], float("inf")),
        lambda: index.search(query[:7], 2_000),
    ):
        with _Largest() as largest:
            run()
        assert 0 < largest.bytes <= budget / 4  # several tensors stand side by side


def test_wrong_arguments_raise() -> None:
    index = ExactIndex(torch.zeros(3, 2))
    with pytest.raises(ValueError, match="at least one row"):
        ExactIndex(torch.zeros(0, 2))
    with pytest.raises(ValueError, match="finite, got NaN or infinity in 1 of 2 rows"):
        ExactIndex(torch.tensor([[0.0], [float("nan")]]))
    with pytest.raises(ValueError, match="2-D float"):
        index.search(torch.zeros(2), 1)
    with pytest.raises(ValueError, match="2 columns, got 3"):
        index.search(torch.zeros(2, 3), 1)
    with pytest.raises(ValueError, match="k must be >= 1"):
        index.search(torch.zeros(1, 2), 0)
    with pytest.raises(ValueError, match="radius must be >= 0, got -1"):
        index.within(torch.zeros(1, 2), -1)
    with pytest.raises(ValueError, match="radius must be >= 0, got nan"):
        index.within(torch.zeros(1, 2), float("nan"))
    with pytest.raises(ValueError, match="3 and 1 group codes"):
        index.search(torch.zeros(1, 2), 1, exclude=(torch.zeros(3), torch.zeros(2)))
    with pytest.raises(ValueError, match="memory must be >= 1"):
        ExactIndex(torch.zeros(3, 2), memory=0)
