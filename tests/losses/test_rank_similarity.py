"""Rank similarity: the contract, golden numbers, the equations as a slow loop, and what the paper claims."""

import json
import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from medgauge.losses import RankSimilarityLoss
from tests.contracts import TermContract

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "rank_similarity.json").read_text())


def slow_loop(
    embedding: np.ndarray, label: np.ndarray, interpolation: float
) -> tuple[list[float], np.ndarray, np.ndarray]:
    """The equations, row by row: each anchor's part, and the gradient for the similarities and for the embedding."""
    n = len(embedding)
    slope = np.zeros((n, n))
    length = np.array([np.linalg.norm(row) for row in embedding])
    similarity = np.array([[a @ b for b in embedding] for a in embedding]) / np.outer(length, length)
    parts = []
    for i in range(n):
        gaps = [round(float(np.linalg.norm(label[i] - label[j])), 9) for j in range(n)]  # ties in spite of rounding
        wanted = rankdata(gaps) / n
        ranks = rankdata(-similarity[i]) / n
        parts.append(float(np.mean((ranks - wanted) ** 2)))
        upstream = 2 * (ranks - wanted) / n
        moved = rankdata(-(similarity[i] + interpolation * upstream)) / n
        slope[i] = -(ranks - moved) / interpolation
    gradient = np.zeros_like(embedding)
    for i in range(n):
        for j in range(n):
            for one, other in ((i, j), (j, i)):  # d cos(a, b) / da = (b/|b| - cos a/|a|) / |a|
                turn = embedding[other] / length[other] - similarity[one, other] * embedding[one] / length[one]
                gradient[one] += slope[i, j] * turn / length[one]
    return parts, slope, gradient


def draw(n: int, d: int = 5, t: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(seed)
    embedding = torch.randn(n, d, generator=made, dtype=torch.float64)
    return embedding, torch.randn(n, t, generator=made, dtype=torch.float64)


def gradient_of(term: nn.Module, embedding: Tensor, label: Tensor, factor: float = 1.0) -> Tensor:
    leaf = embedding.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(factor * term(leaf, label), leaf)
    return gradient


class OwnGradient(TermContract):
    """The method defines its own gradient, so it is compared with the slow loop's, not with the numerical one."""

    @pytest.mark.parametrize("missing", [False, True])
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_gradient_is_the_numerical_one(self, seed: int, missing: bool) -> None:
        step = self.step(9, seed=seed, missing=missing)
        assert step.embedding is not None
        term = self.make().double()
        found = gradient_of(term, step.embedding, step.label)
        seen = ~step.label.isnan().any(1)
        _, _, expected = slow_loop(step.embedding[seen].numpy(), step.label[seen].numpy(), 2.0)
        anchors = int(seen.sum()) if term.reduction == "mean" else 1
        assert np.abs(expected).max() > 0.01
        np.testing.assert_allclose(found[seen].numpy(), expected / anchors, rtol=1e-9, atol=1e-12)
        assert found[~seen].eq(0).all()


class TestRankSimilarityLoss(OwnGradient):
    def make(self) -> nn.Module:
        return RankSimilarityLoss()


class TestMeanOverAnchors(OwnGradient):
    def make(self) -> nn.Module:
        return RankSimilarityLoss(reduction="mean")


class TestOneALabel(OwnGradient):
    waits: ClassVar[list[str]] = ["_local_scalar_dense"]  # the number of the batch, which the draw depends on

    def make(self) -> nn.Module:
        return RankSimilarityLoss(ties="unique")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", GOLDEN["cases"], ids=["same order", "other order"])
def test_golden_numbers(case: dict[str, Any], dtype: torch.dtype) -> None:
    embedding = torch.tensor(GOLDEN["embedding"], dtype=dtype, requires_grad=True)
    label = torch.tensor(case["label"], dtype=dtype)[:, None]
    for ties in ("midrank", "unique"):
        loss = RankSimilarityLoss(GOLDEN["interpolation"], ties=ties)(embedding, label)  # type: ignore[arg-type]  # a loop's
        assert loss.item() == pytest.approx(case["loss"], abs=1e-6)
        mean = RankSimilarityLoss(GOLDEN["interpolation"], ties=ties, reduction="mean")(embedding, label)  # type: ignore[arg-type]  # a loop's
        assert mean.item() == pytest.approx(case["loss"] / 4, abs=1e-6)
    unit = embedding / embedding.norm(dim=1, keepdim=True)
    (expected,) = torch.autograd.grad(unit @ unit.T, embedding, torch.tensor(case["gradient"], dtype=dtype))
    (found,) = torch.autograd.grad(loss, embedding)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=["same order", "other order"])
def test_the_slow_loop_has_the_golden_numbers(case: dict[str, Any]) -> None:
    parts, slope, _ = slow_loop(np.array(GOLDEN["embedding"]), np.array(case["label"], float)[:, None], 2.0)
    np.testing.assert_allclose(parts, case["anchors"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(slope, case["gradient"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("interpolation", [0.1, 2.0, 200.0])
@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_equals_a_slow_loop_with_ties(levels: int, targets: int, interpolation: float) -> None:
    embedding, _ = draw(13)
    label = torch.randint(levels, (13, targets), generator=torch.Generator().manual_seed(1)).double()
    parts, _, gradient = slow_loop(embedding.numpy(), label.numpy(), interpolation)
    term = RankSimilarityLoss(interpolation)
    assert term(embedding, label).item() == pytest.approx(sum(parts), rel=1e-12)
    np.testing.assert_allclose(gradient_of(term, embedding, label).numpy(), gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_gaps_stay_equal_when_labels_are_normalised(dtype: torch.dtype) -> None:
    embedding, _ = draw(40)
    weeks = torch.randint(22, 35, (40, 1), generator=torch.Generator().manual_seed(1)).double()
    term, normalised = RankSimilarityLoss(), (weeks - weeks.mean()) / weeks.std()
    expected = term(embedding, weeks)
    assert term(embedding, normalised.to(dtype)).item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_a_permuted_batch_has_the_same_value_with_ties(seed: int) -> None:
    embedding, _ = draw(30, seed=seed)
    embedding[3] = embedding[4] = embedding[17]  # ties among similarities too
    label = torch.randint(4, (30, 1), generator=torch.Generator().manual_seed(seed)).double()
    order = torch.randperm(30, generator=torch.Generator().manual_seed(seed))
    term = RankSimilarityLoss()
    value, other = term(embedding, label), term(embedding[order], label[order])
    torch.testing.assert_close(value, other, rtol=1e-12, atol=0)
    gradient, permuted = gradient_of(term, embedding, label), gradient_of(term, embedding[order], label[order])
    torch.testing.assert_close(gradient[order], permuted, rtol=1e-9, atol=1e-12)


def test_no_case_is_dropped_for_a_tie() -> None:
    embedding, _ = draw(12)
    label = torch.arange(12).double()[:, None] // 4
    assert gradient_of(RankSimilarityLoss(200.0), embedding, label).abs().sum(1).gt(0).all()
    one_a_label = gradient_of(RankSimilarityLoss(200.0, ties="unique"), embedding, label)
    assert one_a_label.abs().sum(1).gt(0).sum() <= 3


def test_unique_keeps_one_of_each_label_and_draws_anew() -> None:
    embedding, _ = draw(20)
    label = torch.arange(20).double()[:, None] % 5
    label[19] = math.nan  # missing: never drawn
    term, kept = RankSimilarityLoss(200.0, ties="unique"), []
    for _ in range(40):
        felt = gradient_of(term, embedding, label).abs().sum(1).gt(0).nonzero().flatten()
        assert len(felt.remainder(5).unique()) == len(felt) == 5
        kept += felt.tolist()
    assert set(kept) == set(range(19))
    assert term.drawn == 40


def test_unique_equals_the_loop_over_the_cases_kept() -> None:
    embedding, _ = draw(20)
    label = torch.arange(20).double()[:, None] % 7
    term = RankSimilarityLoss(200.0, ties="unique")
    found = term.eval()(embedding, label)
    felt = gradient_of(term, embedding, label).abs().sum(1).gt(0)
    assert felt.sum() == 7
    parts, _, _ = slow_loop(embedding[felt].numpy(), label[felt].numpy(), 200.0)
    assert found.item() == pytest.approx(sum(parts), rel=1e-12)


def test_unique_leaves_the_global_random_state_alone_and_repeats() -> None:
    embedding, _ = draw(20)
    label = torch.arange(20).double()[:, None] % 5
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = [term(embedding, label) for term in [RankSimilarityLoss(ties="unique")] for _ in range(3)]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    other = RankSimilarityLoss(ties="unique")
    assert [other(embedding, label) for _ in range(3)] == first
    assert len({value.item() for value in first}) > 1


def test_a_factor_and_loss_scaling_do_not_bend_the_gradient() -> None:
    embedding, label = draw(16)
    for term in (RankSimilarityLoss(), RankSimilarityLoss(reduction="mean")):
        plain = gradient_of(term, embedding, label)
        assert plain.abs().max() > 0
        torch.testing.assert_close(gradient_of(term, embedding, label, 2.0**16) / 2.0**16, plain, rtol=1e-12, atol=0)


def test_the_papers_gamma_is_a_factor_and_part_of_the_interpolation() -> None:
    """With gamma inside the upstream gradient, v' = v + lambda gamma g, as the paper's total loss has it."""
    embedding, label = draw(16)
    gamma, strength = 100.0, 2.0
    unit = embedding / embedding.norm(dim=1, keepdim=True)
    similarity = (unit @ unit.T).numpy()
    ranks = rankdata(-similarity, axis=1) / 16
    upstream = gamma * 2 * (ranks - rankdata((label - label.T).abs().numpy(), axis=1) / 16) / 16
    slope = -(ranks - rankdata(-(similarity + strength * upstream), axis=1) / 16) / strength
    leaf = embedding.clone().requires_grad_()
    whole = leaf / leaf.norm(dim=1, keepdim=True)
    (expected,) = torch.autograd.grad(whole @ whole.T, leaf, torch.from_numpy(slope))
    found = gradient_of(RankSimilarityLoss(strength * gamma), embedding, label, gamma)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_is_zero_when_neighbours_are_in_the_same_order() -> None:
    angle = torch.linspace(0, 3, 9, dtype=torch.float64).square() / 3
    embedding = torch.stack([angle.cos(), angle.sin()], dim=1)
    term = RankSimilarityLoss()
    assert term(embedding, angle[:, None]) == 0
    assert term(7 * embedding, 5 - 3 * angle[:, None]) == 0  # neither scale nor direction matters
    assert gradient_of(term, embedding, angle[:, None]).eq(0).all()
    assert term(embedding, angle[:, None].flip(0).roll(3, 0)) > 0.1


def test_descent_brings_neighbours_into_order() -> None:
    points, label = draw(24, 8)
    term = RankSimilarityLoss(20.0)
    before = term(points, label).item()
    for _ in range(150):
        points = points - 0.3 * gradient_of(term, points, label)
    assert term(points, label).item() < 0.2 * before


@pytest.mark.parametrize("ties", ["midrank", "unique"])
def test_rows_with_a_missing_label_are_left_out(ties: Any) -> None:
    embedding, label = draw(10, 4, 2)
    kept = torch.ones(10, dtype=torch.bool)
    kept[[2, 7]] = False
    label[2, 0] = label[7] = math.nan
    embedding[7] = math.nan  # an image that failed does no harm either
    loss = RankSimilarityLoss(ties=ties)(embedding, label)
    torch.testing.assert_close(loss, RankSimilarityLoss(ties=ties)(embedding[kept], label[kept]), rtol=1e-12, atol=0)
    gradient = gradient_of(RankSimilarityLoss(ties=ties), embedding, label)
    assert gradient[~kept].eq(0).all()
    assert gradient[kept].ne(0).any()


def test_labels_far_from_zero_keep_their_order() -> None:
    embedding, _ = draw(10)
    label = torch.arange(10, dtype=torch.float64)[:, None] / 4
    assert torch.equal(RankSimilarityLoss()(embedding, label), RankSimilarityLoss()(embedding, label + 1e9))
    assert RankSimilarityLoss()(embedding.float(), (label + 1e9).float()).isfinite()  # where all have become equal


def test_rows_of_zeros_and_of_any_size_are_finite() -> None:
    embedding, label = draw(10)
    gradient = gradient_of(
        RankSimilarityLoss(200.0), torch.where(torch.arange(10)[:, None] == 3, 0.0, embedding), label
    )
    assert gradient.isfinite().all()
    assert gradient.abs().max() < 1e3
    assert gradient_of(RankSimilarityLoss(), torch.zeros(10, 5), label).isfinite().all()
    expected = RankSimilarityLoss()(embedding, label)
    for scale in (1e-30, 1e30):  # squares under- and overflow float32
        value = RankSimilarityLoss()((scale * embedding).float(), label)
        assert value.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("rows", [0, 1, 2])
@pytest.mark.parametrize("ties", ["midrank", "unique"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_few_rows_cost_nothing(rows: int, ties: Any, reduction: Any) -> None:
    embedding, label = draw(rows)
    embedding.requires_grad_()
    loss = RankSimilarityLoss(ties=ties, reduction=reduction)(embedding, label)
    loss.backward()
    assert loss == 0  # of two, each is its own nearest
    assert embedding.grad is not None
    assert embedding.grad.eq(0).all()


def test_a_diverged_embedding_is_not_hidden() -> None:
    embedding, label = draw(6)
    embedding[2] = math.inf
    assert RankSimilarityLoss()(embedding, label).isnan()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"interpolation": 0.0}, "^interpolation must be > 0 and finite, got 0.0$"),
        ({"interpolation": math.nan}, "^interpolation must be > 0 and finite, got nan$"),
        ({"ties": "first"}, "^ties must be one of midrank, unique, got first$"),
        ({"reduction": "none"}, "^reduction must be one of sum, mean, got none$"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RankSimilarityLoss(**settings)


def test_saves_little_and_makes_no_cube() -> None:
    n, d, saved = 128, 512, {}

    def keep(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    embedding = torch.randn(n, d, requires_grad=True, generator=torch.Generator().manual_seed(0))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = RankSimilarityLoss()(embedding, torch.arange(n).float()[:, None])
    assert saved
    assert sum(saved.values()) < 4 * (n * n + 5 * n * d)
    loss.backward()
