"""D5 against a slow loop over sorted distances."""

import math
from collections.abc import Callable

import pytest
import torch

from medgauge.metrics import neighbour_difference

NAN = float("nan")


def split(rows: int, seed: int, columns: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=chance), torch.randn(rows, 2, generator=chance, dtype=torch.float64)


def slow(
    query: tuple[torch.Tensor, torch.Tensor],
    training: tuple[torch.Tensor, torch.Tensor],
    k: int,
    allowed: Callable[[int, int], bool] = lambda i, j: True,
) -> list[float]:
    (embedding, label), (gallery, known) = query, training
    value = []
    for target in range(label.shape[1]):
        means = []
        for i in range(len(label)):
            if math.isnan(label[i, target]):
                continue
            rows = [j for j in range(len(known)) if allowed(i, j) and not math.isnan(known[j, target])]
            rows.sort(key=lambda j: (math.dist(embedding[i].double().tolist(), gallery[j].double().tolist()), j))
            gaps = [abs(label[i, target] - known[j, target]).item() for j in rows[:k]]
            if gaps:
                means.append(sum(gaps) / len(gaps))
        value.append(sum(means) / len(means) if means else NAN)
    return value


@pytest.mark.parametrize("neighbours", [1, 5, 200])
def test_equals_a_slow_loop_over_training_cases(neighbours: int) -> None:
    (embedding, label), (gallery, known) = split(30, 0), split(50, 1)
    value = neighbour_difference(embedding, label, gallery, known, neighbours=neighbours)
    assert value.tolist() == pytest.approx(slow((embedding, label), (gallery, known), neighbours), rel=1e-12)


def test_missing_labels_are_left_out_on_both_sides() -> None:
    (embedding, label), (gallery, known) = split(30, 0), split(50, 1)
    label[::4, 0], known[::3, 0], known[1::3, 1] = NAN, NAN, NAN
    value = neighbour_difference(embedding, label, gallery, known)
    assert value.tolist() == pytest.approx(slow((embedding, label), (gallery, known), 5), rel=1e-12)
    label[:, 0], known[:, 1] = NAN, NAN
    assert neighbour_difference(embedding, label, gallery, known).isnan().all()


def test_within_the_evaluated_set_a_case_is_not_its_own_neighbour() -> None:
    embedding, label = split(40, 2)
    embedding[1] = embedding[0]
    value = neighbour_difference(embedding, label, embedding, label, within=True)
    assert value.tolist() == pytest.approx(
        slow((embedding, label), (embedding, label), 5, lambda i, j: i != j), rel=1e-12
    )


def test_a_neighbour_is_never_of_the_own_group() -> None:
    (embedding, label), (gallery, known) = split(30, 0), split(50, 1)
    group, gallery_group = [f"p{i % 7}" for i in range(30)], [f"p{j % 9}" for j in range(50)]
    value = neighbour_difference(embedding, label, gallery, known, group=group, gallery_group=gallery_group)
    expected = slow((embedding, label), (gallery, known), 5, lambda i, j: i % 7 != j % 9)
    assert value.tolist() == pytest.approx(expected, rel=1e-12)
    only_own = neighbour_difference(embedding, label, gallery, known, group=["a"] * 30, gallery_group=["a"] * 50)
    assert only_own.isnan().all()


def test_ties_go_by_row_and_the_answer_is_the_same_twice() -> None:
    gallery = torch.zeros(40, 3)
    known = torch.arange(40.0)[:, None]
    value = neighbour_difference(torch.ones(2, 3), torch.zeros(2, 1), gallery, known)
    assert value.item() == 2.0  # rows 0 to 4


def test_one_case_and_none() -> None:
    one, label = torch.zeros(1, 3), torch.ones(1, 1)
    assert neighbour_difference(one, label, one, label + 2).item() == 2
    assert neighbour_difference(one, label, one, label, within=True).isnan().all()
    assert neighbour_difference(one, label, torch.empty(0, 3), torch.empty(0, 1)).isnan().all()
    assert neighbour_difference(torch.empty(0, 3), torch.empty(0, 1), one, label).isnan().all()


def test_what_does_not_fit_raises() -> None:
    (embedding, label), (gallery, known) = split(4, 0), split(6, 1)
    with pytest.raises(ValueError, match="neighbours must be >= 1, got 0"):
        neighbour_difference(embedding, label, gallery, known, neighbours=0)
    with pytest.raises(ValueError, match="targets must be equal, got 2 and 1"):
        neighbour_difference(embedding, label, gallery, known[:, :1])
    with pytest.raises(ValueError, match="rows must be equal"):
        neighbour_difference(embedding, label[:3], gallery, known)
    with pytest.raises(ValueError, match="evaluated set itself"):
        neighbour_difference(embedding, label, gallery, known, within=True)
    with pytest.raises(ValueError, match="given together"):
        neighbour_difference(embedding, label, gallery, known, group=["a"] * 4)
    with pytest.raises(ValueError, match="one a case"):
        neighbour_difference(embedding, label, gallery, known, group=["a"] * 4, gallery_group=["a"])
