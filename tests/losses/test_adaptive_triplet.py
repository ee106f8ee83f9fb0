"""Adaptive triplet: the contract, the equation as a slow loop over triples, and what it costs."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgauge.losses import AdaptiveTripletLoss
from tests.contracts import TermContract
from tests.losses.test_rm_loss import Watch


class TestAdaptiveTripletLoss(TermContract):
    def make(self) -> nn.Module:
        return AdaptiveTripletLoss()


class TestAdaptiveTripletLossWithoutMargin(TermContract):
    def make(self) -> nn.Module:
        return AdaptiveTripletLoss(margin=0.0)


def slow_loop(embedding: np.ndarray, label: np.ndarray, margin: float) -> tuple[float, np.ndarray]:
    """Mean hinge over all triples with a farther negative, and its gradient for the embedding."""
    total, count, gradient = 0.0, 0, np.zeros_like(embedding)
    for a, p, n in itertools.permutations(range(len(embedding)), 3):
        near, far = np.linalg.norm(label[a] - label[p]), np.linalg.norm(label[a] - label[n])
        if far <= near:
            continue
        count += 1
        to_p, to_n = embedding[a] - embedding[p], embedding[a] - embedding[n]
        cost = np.linalg.norm(to_p) - np.linalg.norm(to_n) + margin * (far - near)
        if cost > 0:
            total += cost
            pull, push = to_p / np.linalg.norm(to_p), to_n / np.linalg.norm(to_n)
            gradient[a] += pull - push
            gradient[p] -= pull
            gradient[n] += push
    return total / max(count, 1), gradient / max(count, 1)


def draw(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


LABELS = {
    "different": draw(12, 1, 1),
    "grades": (2 * draw(12, 1, 2)).round(),
    "two levels": (draw(12, 1, 3) > 0).double(),
    "vectors": draw(12, 3, 4),
    "vectors of grades": draw(12, 2, 5).round(),
}


@pytest.mark.parametrize("margin", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("labels", LABELS)
def test_equals_a_slow_loop(labels: str, margin: float) -> None:
    embedding, label = draw(12, 4), LABELS[labels]
    value, gradient = slow_loop(embedding.numpy(), label.numpy(), margin)
    embedding.requires_grad_()
    loss = AdaptiveTripletLoss(margin)(embedding, label)
    loss.backward()
    assert loss.item() == pytest.approx(value, rel=1e-12)
    assert embedding.grad is not None
    np.testing.assert_allclose(embedding.grad.numpy(), gradient, rtol=1e-9, atol=1e-12)


def test_one_triple_by_hand() -> None:
    """Seen from row 0 and 1 the triple is (0, 1, 2) and (1, 0, 2); row 2 has (2, 1, 0)."""
    embedding = torch.tensor([[0.0], [3.0], [4.0]], dtype=torch.float64)
    label = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    costs = [3 - 4 + 2, 3 - 1 + 1, max(0, 1 - 4 + 1)]
    assert AdaptiveTripletLoss()(embedding, label).item() == pytest.approx(sum(costs) / 3, rel=1e-12)


def test_is_zero_when_distances_are_those_of_the_labels_times_the_margin_or_more() -> None:
    label = draw(15, 2)
    assert AdaptiveTripletLoss(0.5)(0.5 * label + 3, label).item() < 1e-15
    assert AdaptiveTripletLoss(0.5)(0.7 * label, label) == 0  # every gap is larger than asked for
    assert AdaptiveTripletLoss(0.5)(0.4 * label, label) > 0.01


def test_grades_and_their_z_scores_have_the_same_triples() -> None:
    embedding, grade = draw(30, 4), (1.5 * draw(30, 1, 1)).round()
    expected = AdaptiveTripletLoss(1.0)(embedding, grade)
    for scaled, factor in ((grade / 7 + 0.1, 7), ((grade - 0.3) / 1.7, 1.7), ((grade + 1e9), 1)):
        torch.testing.assert_close(AdaptiveTripletLoss(factor)(embedding, scaled), expected, rtol=1e-12, atol=0)


def test_rows_with_a_missing_label_are_left_out() -> None:
    embedding, label = draw(10, 4), draw(10, 2, 1)
    kept = torch.ones(10, dtype=torch.bool)
    kept[[2, 7]] = False
    label[2, 0] = label[7] = math.nan
    embedding[7] = math.nan
    embedding.requires_grad_()
    loss = AdaptiveTripletLoss()(embedding, label)
    loss.backward()
    torch.testing.assert_close(loss, AdaptiveTripletLoss()(embedding[kept], label[kept]), rtol=1e-12, atol=0)
    assert embedding.grad is not None
    assert embedding.grad[~kept].eq(0).all()
    assert embedding.grad[kept].ne(0).any()


@pytest.mark.parametrize("rows", [0, 1, 2, "equal"])
def test_no_triple_costs_nothing(rows: int | str) -> None:
    embedding = draw(6 if rows == "equal" else int(rows), 3).requires_grad_()
    label = torch.full((6, 1), 1e9) if rows == "equal" else draw(int(rows), 1, 1)
    loss = AdaptiveTripletLoss()(embedding, label)
    loss.backward()
    assert loss == 0
    assert embedding.grad is not None
    assert embedding.grad.eq(0).all()


@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf])
def test_refuses_a_margin_out_of_range(margin: float) -> None:
    with pytest.raises(ValueError, match=f"^margin must be >= 0 and finite, got {margin}$"):
        AdaptiveTripletLoss(margin)


def test_makes_no_cube_and_never_waits_for_the_device() -> None:
    n, d = 64, 512
    embedding = torch.randn(n, d, requires_grad=True)
    with Watch() as watch:
        AdaptiveTripletLoss()(embedding, torch.randn(n, 1)).backward()
    assert {"_pdist_forward", "sort", "addmm_"} <= watch.names
    assert watch.largest == n * d
    assert not watch.names & {"_local_scalar_dense", "item", "nonzero", "masked_select", "index", "unique"}
