"""Rank-N-Contrast: the contract, the equation as a slow loop, ties, and what it costs."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgauge.losses import RankNContrastLoss
from tests.contracts import TermContract
from tests.losses.test_rm_loss import Watch


class TestRankNContrastLoss(TermContract):
    def make(self) -> nn.Module:
        return RankNContrastLoss()


class TestRankNContrastLossWithTies(TermContract):
    def make(self) -> nn.Module:
        return _Rounded(RankNContrastLoss(temperature=0.5))


class _Rounded(nn.Module):
    """The term on whole labels, of which many are equal."""

    def __init__(self, term: nn.Module) -> None:
        super().__init__()
        self.term = term

    def forward(self, embedding: Tensor, label: Tensor) -> Tensor:
        loss: Tensor = self.term(embedding, label.round())
        return loss


def slow_loop(embedding: np.ndarray, label: np.ndarray, temperature: float) -> tuple[float, np.ndarray]:
    """The equation over ordered pairs (i, j) and cases k, and its gradient for the embedding."""
    n = len(embedding)
    apart = np.array([[np.linalg.norm(a - b) for b in embedding] for a in embedding])
    differ = np.array([[np.linalg.norm(a - b) for b in label] for a in label])
    total, slope = 0.0, np.zeros((n, n))  # slope: for the similarity of i and k
    for i in range(n):
        for j in range(n):
            if j == i:
                continue
            others = [k for k in range(n) if k != i and differ[i, k] >= differ[i, j]]
            terms = [math.exp(-apart[i, k] / temperature) for k in others]
            total -= -apart[i, j] / temperature - math.log(sum(terms))
            slope[i, j] -= 1
            for k, term in zip(others, terms, strict=True):
                slope[i, k] += term / sum(terms)
    gradient = np.zeros_like(embedding)
    for i in range(n):
        for k in range(n):
            if k != i:
                pull = -slope[i, k] / temperature * (embedding[i] - embedding[k]) / apart[i, k]
                gradient[i] += pull
                gradient[k] -= pull
    return total / (n * (n - 1)), gradient / (n * (n - 1))


def draw(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


LABELS = {
    "different": draw(13, 1, 1),
    "grades": (2 * draw(13, 1, 2)).round(),
    "two levels": (draw(13, 1, 3) > 0).double(),
    "equal": torch.full((13, 1), 3.25, dtype=torch.float64),
    "vectors": draw(13, 3, 4),
    "vectors of grades": draw(13, 2, 5).round(),
}


@pytest.mark.parametrize("temperature", [0.3, 2.0])
@pytest.mark.parametrize("labels", LABELS)
def test_equals_a_slow_loop(labels: str, temperature: float) -> None:
    embedding, label = draw(13, 5), LABELS[labels]
    value, gradient = slow_loop(embedding.numpy(), label.numpy(), temperature)
    embedding.requires_grad_()
    loss = RankNContrastLoss(temperature)(embedding, label)
    loss.backward()
    assert loss.item() == pytest.approx(value, rel=1e-12)
    assert embedding.grad is not None
    np.testing.assert_allclose(embedding.grad.numpy(), gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e3, 1e6])
def test_sums_neither_overflow_nor_vanish(spread: float) -> None:
    """At 1e6 a row's similarities differ by more than any exponential can hold; the slow sums then run in logs."""
    embedding, label = spread * draw(12, 4), draw(12, 1, 1)
    similar = -torch.cdist(embedding, embedding) / 2
    differ = (label - label.T).abs()
    itself = torch.eye(12, dtype=torch.bool)
    part = (differ[:, None, :] >= differ[:, :, None]) & ~itself[:, None, :]  # i, j, k
    whole = similar[:, None, :].masked_fill(~part, -torch.inf).logsumexp(2)
    expected = (whole - similar)[~itself].mean()
    embedding.requires_grad_()
    loss = RankNContrastLoss()(embedding, label)
    loss.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    assert embedding.grad is not None
    assert embedding.grad.isfinite().all()
    assert embedding.grad.ne(0).any()


def test_only_the_order_of_label_distances_counts() -> None:
    """Paper: the loss ranks. Scaled and shifted labels rank alike, also where rounding would part their ties."""
    embedding, grade = draw(40, 6), (1.5 * draw(40, 1, 1)).round()
    expected = RankNContrastLoss()(embedding, grade)
    for scaled in (grade / 7 + 0.1, (grade - 0.3) / 1.7, grade * 0.1 + 1e9, grade.float() / 3, -grade):
        torch.testing.assert_close(RankNContrastLoss()(embedding, scaled), expected, rtol=1e-12, atol=0)
    other = RankNContrastLoss()(embedding, grade.sign() * grade.abs().sqrt())
    assert (other - expected).abs() > 1e-3


def test_has_its_least_value_where_the_embedding_ranks_as_the_labels_do() -> None:
    """Far apart in the order of the labels the loss comes near its bound, the mean log of how many are tied: here none."""
    label = torch.tensor([[0.0], [1.0], [3.0], [7.0], [15.0]], dtype=torch.float64)
    assert RankNContrastLoss()(100 * label, label) < 1e-12
    assert RankNContrastLoss()(100 * label.flip(0), label) > 10
    equal = torch.zeros(5, 1, dtype=torch.float64)
    assert RankNContrastLoss()(equal, equal).item() == pytest.approx(math.log(4), rel=1e-12)


def test_rows_with_a_missing_label_are_left_out() -> None:
    embedding, label = draw(10, 4), draw(10, 2, 1)
    kept = torch.ones(10, dtype=torch.bool)
    kept[[2, 7]] = False
    label[2, 0] = label[7] = math.nan
    embedding[7] = math.nan
    embedding.requires_grad_()
    loss = RankNContrastLoss()(embedding, label)
    loss.backward()
    torch.testing.assert_close(loss, RankNContrastLoss()(embedding[kept], label[kept]), rtol=1e-12, atol=0)
    assert embedding.grad is not None
    assert embedding.grad[~kept].eq(0).all()
    assert embedding.grad[kept].ne(0).any()


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows_are_zero(rows: int) -> None:
    """Two rows: each has one other, which is certain."""
    embedding = draw(rows, 3).requires_grad_()
    loss = RankNContrastLoss()(embedding, draw(rows, 1, 1))
    loss.backward()
    assert loss == 0
    assert embedding.grad is not None
    assert embedding.grad.eq(0).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_refuses_a_temperature_out_of_range(temperature: float) -> None:
    with pytest.raises(ValueError, match=f"^temperature must be > 0 and finite, got {temperature}$"):
        RankNContrastLoss(temperature)


def test_makes_no_cube_and_never_waits_for_the_device() -> None:
    n, d = 64, 512
    embedding = torch.randn(n, d, requires_grad=True)
    with Watch() as watch:
        RankNContrastLoss()(embedding, torch.randn(n, 1)).backward()
    assert {"_pdist_forward", "sort", "logcumsumexp", "addmm_"} <= watch.names
    assert watch.largest == n * d
    assert not watch.names & {"_local_scalar_dense", "item", "nonzero", "masked_select", "index", "unique"}


def test_saves_less_than_two_squares_for_backward() -> None:
    n, d, saved = 256, 64, {}

    def keep(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    embedding = torch.randn(n, d, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = RankNContrastLoss()(embedding, torch.randn(n, 1))
    assert len(saved) >= 3
    assert sum(saved.values()) < 4 * (2 * n * n + n * d)
    loss.backward()
