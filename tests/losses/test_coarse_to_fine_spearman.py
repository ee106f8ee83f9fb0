"""Coarse-to-fine Spearman loss: the contract, the triple loop, what the relations ignore, and that no cube is made."""

import copy
import inspect
import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from medgauge.core.batch import Step
from medgauge.losses import CoarseToFineSpearmanEmbeddingLoss, CoarseToFineSpearmanLoss
from medgauge.training.objective import Objective
from tests.contracts import TermContract

SPACES = {"prediction": CoarseToFineSpearmanLoss, "embedding": CoarseToFineSpearmanEmbeddingLoss}


class TestPrediction(TermContract):
    def make(self) -> nn.Module:
        return CoarseToFineSpearmanLoss()


class TestEmbedding(TermContract):
    def make(self) -> nn.Module:
        return CoarseToFineSpearmanEmbeddingLoss(margin=1.0, ramp=0.5, beta=0.5)


def slow_triples(
    points: np.ndarray, label: np.ndarray, margin: float, beta: float, rounding: float = 0.0
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Coarse and fine part by the docstring, triple by triple, and their gradients for the points."""
    n = len(points)
    delta = margin * math.sqrt(((label - label.mean(0)) ** 2).sum(1).mean())
    step = np.zeros((n, n, points.shape[1]))  # of each distance, the gradient for its first point
    for i in range(n):
        for j in range(n):
            apart = np.linalg.norm(points[i] - points[j])
            step[i, j] = (points[i] - points[j]) / apart if apart > 0 else 0.0
    sums, counts, slopes = np.zeros(2), np.zeros(2), np.zeros((2, *points.shape))
    for i in range(n):
        for j in range(n):
            for k in range(n):
                g = np.linalg.norm(label[i] - label[k]) - np.linalg.norm(label[i] - label[j])
                if len({i, j, k}) < 3 or g <= rounding:
                    continue
                s = np.linalg.norm(points[i] - points[k]) - np.linalg.norm(points[i] - points[j])
                pulls = [0.0, np.clip((s - g) / beta, -1, 1)]
                counts[1] += 1
                sums[1] += (s - g) ** 2 / (2 * beta) if abs(s - g) < beta else abs(s - g) - beta / 2
                if g > delta:
                    counts[0] += 1
                    sums[0] += max(0.0, delta - s)
                    pulls[0] = -float(s < delta)
                for part, pull in enumerate(pulls):
                    slopes[part, i] += pull * (step[i, k] - step[i, j])
                    slopes[part, k] += pull * step[k, i]
                    slopes[part, j] -= pull * step[j, i]
    counts = counts.clip(1)
    return sums[0] / counts[0], sums[1] / counts[1], slopes[0] / counts[0], slopes[1] / counts[1]


def draw(n: int, d: int = 1, t: int = 1, seed: int = 0, levels: int = 0) -> tuple[Tensor, Tensor]:
    """Points and labels; with levels, labels are whole numbers below it."""
    made = torch.Generator().manual_seed(seed)
    label = torch.randn(n, t, generator=made, dtype=torch.float64)
    if levels:
        label = torch.randint(levels, (n, t), generator=made).double()
    return 1.5 * torch.randn(n, d, generator=made, dtype=torch.float64), label


@pytest.mark.parametrize("margin", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("beta", [0.3, 1.0])
@pytest.mark.parametrize("levels", [0, 2, 5])
@pytest.mark.parametrize("n", [3, 4, 12, 19])
def test_predictions_equal_a_triple_loop(n: int, levels: int, beta: float, margin: float) -> None:
    prediction, label = draw(n, seed=n, levels=levels)
    prediction[1] = prediction[2]  # a tie of predictions
    coarse, fine, coarse_slope, fine_slope = slow_triples(prediction.numpy(), label.numpy(), margin, beta)
    prediction.requires_grad_()
    loss = CoarseToFineSpearmanLoss(margin=margin, beta=beta)(prediction, label, torch.tensor(0.25))
    loss.backward()
    assert loss.item() == pytest.approx(coarse + 0.75 * fine, rel=1e-10, abs=1e-12)
    assert prediction.grad is not None
    np.testing.assert_allclose(prediction.grad.numpy(), coarse_slope + 0.75 * fine_slope, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("levels", "targets"), [(0, 1), (4, 1), (0, 3), (3, 2)])
@pytest.mark.parametrize("n", [5, 16])
def test_embeddings_equal_a_triple_loop(n: int, levels: int, targets: int) -> None:
    embedding, label = draw(n, 6, targets, n, levels)
    coarse, fine, coarse_slope, fine_slope = slow_triples(embedding.numpy(), label.numpy(), 0.8, 0.6, 1e-12)
    embedding.requires_grad_()
    loss = CoarseToFineSpearmanEmbeddingLoss(margin=0.8, beta=0.6)(embedding, label)
    loss.backward()
    assert loss.item() == pytest.approx(coarse + fine, rel=1e-10)
    assert embedding.grad is not None
    np.testing.assert_allclose(embedding.grad.numpy(), coarse_slope + fine_slope, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("levels", [0, 3])
@pytest.mark.parametrize("missing", [[0], [4, 5, 11], [*range(2, 12)], [*range(1, 12)]])
def test_cases_without_a_label_are_as_if_they_were_not_there(missing: list[int], levels: int) -> None:
    for d, kind in ((1, CoarseToFineSpearmanLoss), (4, CoarseToFineSpearmanEmbeddingLoss)):
        points, label = draw(12, d, 1, len(missing), levels)
        kept = [row for row in range(12) if row not in missing]
        slopes = np.zeros((12, d))
        coarse, fine, *parts = slow_triples(points[kept].numpy(), label[kept].numpy(), 0.5, 1.0, 1e-12)
        slopes[kept] = sum(parts)
        label[missing] = math.nan
        points[missing] = math.inf  # an image that failed does no harm
        points.requires_grad_()
        loss = kind()(points, label)
        loss.backward()
        assert loss.item() == pytest.approx(coarse + fine, rel=1e-10, abs=1e-13)
        assert points.grad is not None
        np.testing.assert_allclose(points.grad.numpy(), slopes, rtol=1e-9, atol=1e-12)


def test_blocks_of_anchors_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    prediction, label = draw(40, levels=7)
    prediction.requires_grad_()
    found = []
    for entries in (1, 100, 1 << 20):
        monkeypatch.setattr("medgauge.losses.coarse_to_fine_spearman._ENTRIES", entries)
        loss = CoarseToFineSpearmanLoss()(prediction, label)
        found.append((loss, *torch.autograd.grad(loss, prediction)))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-12, atol=1e-13)


def test_three_cases_by_hand() -> None:
    """Labels 0, 1, 3, predictions 0, 2, 1. Standard deviation of the labels 1.2472, delta 0.6236.

    Anchor 0: k = 2, j = 1, g = 2, s = -1. Anchor 1: k = 2, j = 0, g = 1, s = -1. Anchor 2: k = 0, j = 1, g = 1, s = 0.
    """
    prediction, label = (torch.tensor(values, dtype=torch.float64)[:, None] for values in ([0, 2, 1], [0, 1, 3]))
    delta = 0.5 * math.sqrt(14 / 9)
    coarse, fine = (3 * delta + 2) / 3, (2.5 + 1.5 + 0.5) / 3
    term = CoarseToFineSpearmanLoss()
    assert term(prediction, label).item() == pytest.approx(coarse + fine, rel=1e-12)
    assert term.log()["coarse"].item() == pytest.approx(coarse, rel=1e-12)
    assert term.log()["fine"].item() == pytest.approx(fine, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("levels", [0, 4])
def test_is_zero_where_prediction_is_label_either_way_round(levels: int, dtype: torch.dtype) -> None:
    label = draw(30, levels=levels)[1].to(dtype)
    term = CoarseToFineSpearmanLoss()
    assert term(label, label).item() == 0
    assert term(label + 0.5, label).item() == pytest.approx(0, abs=1e-7)
    assert term(0.5 - label, label).item() == pytest.approx(0, abs=1e-7)
    assert term(label.flip(0), label).item() > 0.1
    turn = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(1)))[0].to(dtype)
    embedding = nn.functional.pad(label, (0, 4)) @ turn + 2
    assert CoarseToFineSpearmanEmbeddingLoss()(embedding, label).item() == pytest.approx(0, abs=1e-6)


def test_does_not_see_the_direction_of_predictions() -> None:
    prediction, label = draw(25)
    term = CoarseToFineSpearmanLoss()
    torch.testing.assert_close(term(3 - prediction, label), term(prediction, label), rtol=1e-12, atol=0)


def test_coarse_asks_for_order_by_a_margin_only() -> None:
    """Predictions that are twice the labels keep every separated triple apart: only the fine part minds."""
    label = draw(25)[1]
    term = CoarseToFineSpearmanLoss()
    assert term(2 * label, label, torch.tensor(0.0)) == 0
    assert term(2 * label, label, torch.tensor(1.0)) > 0.1
    assert term(0.1 * label, label, torch.tensor(0.0)) > 0.1


@pytest.mark.parametrize(("progress", "rho"), [(0.0, 0.0), (0.1, 0.3), (1 / 3, 1.0), (0.9, 1.0), (None, 1.0)])
def test_fine_part_comes_in_over_the_first_third(progress: float | None, rho: float) -> None:
    prediction, label = draw(10)
    term = CoarseToFineSpearmanLoss()
    given = None if progress is None else torch.tensor(progress, dtype=torch.float64)
    loss, told = term(prediction, label, given), term.log()
    torch.testing.assert_close(loss, told["coarse"] + rho * told["fine"], rtol=1e-12, atol=0)


@pytest.mark.parametrize("space", ["prediction", "embedding"])
@pytest.mark.parametrize("n", [0, 1, 2, 6])
def test_no_triple_is_zero_with_a_gradient(n: int, space: str) -> None:
    points = draw(n, seed=1)[0].requires_grad_()
    label = torch.full_like(points, 0.1) if n > 2 else draw(n)[1]
    loss = SPACES[space]()(points, label)
    loss.backward()
    assert loss == 0
    assert points.grad is not None
    assert points.grad.eq(0).all()


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_gaps_equal_but_for_rounding_are_equal(margin: float) -> None:
    """Grades on a scale of their own: 0.3 k / 7 has gaps that differ in the last digit."""
    prediction, grade = draw(20, levels=5)
    term = CoarseToFineSpearmanLoss(margin=margin)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        label = (grade.to(dtype) * 0.3 - 0.7) / 7
        coarse, fine, *_ = slow_triples(prediction.numpy(), label.numpy().astype(float), margin, 1.0, 1e-5)
        assert term(prediction, label).item() == pytest.approx(coarse + fine, rel=tolerance)


def test_targets_are_taken_one_by_one_of_the_cases_that_have_them() -> None:
    prediction, label = draw(16, 3, 3)
    label[:, 1] = 2.0  # no triple
    label[::4, 2] = math.nan
    prediction[4, 2] = math.nan  # an image that failed, without this label
    seen = ~label[:, 2].isnan()
    prediction.requires_grad_()
    term = CoarseToFineSpearmanLoss()
    expected = (term(prediction[:, :1], label[:, :1]) + term(prediction[seen, 2:], label[seen, 2:])) / 2
    loss = term(prediction, label)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    loss.backward()
    assert prediction.grad is not None
    assert prediction.grad[~seen, 2].eq(0).all()


def test_labels_far_from_zero_keep_their_differences() -> None:
    prediction = draw(12)[0]
    label = torch.arange(12, dtype=torch.float64)[:, None] / 4
    for space in ("prediction", "embedding"):
        term = SPACES[space]()
        torch.testing.assert_close(term(prediction, label + 1e9), term(prediction, label), rtol=1e-12, atol=0)
        assert term(prediction, label.float() + 1e9).isfinite()


def test_descent_puts_free_embeddings_in_order() -> None:
    embedding, label = draw(24, 4)
    embedding.requires_grad_()
    term = CoarseToFineSpearmanEmbeddingLoss()
    before = term(embedding, label).item()
    for step in range(150):
        progress = torch.tensor(step / 150)
        (slope,) = torch.autograd.grad(term(embedding, label, progress), embedding)
        embedding = (embedding - 3 * (1 - step / 150) * slope).detach().requires_grad_()
    assert term(embedding, label).item() < 0.1 * before


def test_forward_names_the_field_of_its_space() -> None:
    assert list(inspect.signature(CoarseToFineSpearmanLoss().forward).parameters) == ["prediction", "label", "progress"]
    asked = inspect.signature(CoarseToFineSpearmanEmbeddingLoss().forward).parameters
    assert list(asked) == ["embedding", "label", "progress"]
    prediction, label = draw(8)
    with pytest.raises(ValueError, match="needs embedding, but the step has none"):
        Objective({"local": (CoarseToFineSpearmanEmbeddingLoss(), 1.0)})(Step(label=label, prediction=prediction))
    with pytest.raises(ValueError, match="needs prediction, but the step has none"):
        Objective({"local": (CoarseToFineSpearmanLoss(), 1.0)})(Step(label=label, embedding=prediction))
    values = Objective({"local": (CoarseToFineSpearmanLoss(), 1.0)})(Step(label=label, prediction=prediction))
    assert set(values) == {"local", "local_coarse", "local_fine", "total"}


def test_embedding_space_survives_copies_and_files() -> None:
    embedding, label = draw(8, 3)
    term = CoarseToFineSpearmanEmbeddingLoss(margin=0.7)
    file = io.BytesIO()
    torch.save(term, file)
    file.seek(0)
    for other in (copy.deepcopy(term), torch.load(file, weights_only=False)):
        other.margin = 0.1
        assert other(embedding=embedding, label=label) != term(embedding=embedding, label=label)
        other.margin = 0.7
        assert other(embedding, label) == term(embedding, label)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"margin": -0.5}, "^margin must be >= 0 and finite, got -0.5$"),
        ({"margin": math.inf}, "^margin must be >= 0 and finite, got inf$"),
        ({"ramp": 0.0}, r"^ramp must be in \(0, 1\], got 0.0$"),
        ({"ramp": 1.5}, r"^ramp must be in \(0, 1\], got 1.5$"),
        ({"beta": 0.0}, "^beta must be > 0 and finite, got 0.0$"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    for kind in SPACES.values():
        with pytest.raises(ValueError, match=message):
            kind(**settings)


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch: untyped
    """The largest tensor, in bytes, that an operation makes, and how many operations there were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch: untyped
        self.largest = 0
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        parts = made if isinstance(made, tuple | list) else [made]
        tensors = [part for part in parts if isinstance(part, Tensor)]
        self.largest = max([self.largest, *(tensor.untyped_storage().nbytes() for tensor in tensors)])
        self.count += 1
        return made


@pytest.mark.parametrize("space", ["prediction", "embedding"])
def test_makes_no_cube_and_loops_over_no_case(space: str) -> None:
    n, d = 512, 1 if space == "prediction" else 32
    points, label = torch.randn(n, d, requires_grad=True), torch.randn(n, 1)
    with Watch() as watch:
        SPACES[space]()(points, label).backward()
    assert watch.largest <= 48 * n * n  # six float64 squares; a cube of bytes is n times as much as one of a square
    assert 100 < watch.count < 10 * n  # blocks of anchors take about 200 operations each


def test_saves_less_than_two_squares_for_backward() -> None:
    n, d, saved = 256, 64, {}

    def keep(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    embedding = torch.randn(n, d, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = CoarseToFineSpearmanEmbeddingLoss()(embedding, torch.randn(n, 1))
    assert len(saved) >= 2
    assert sum(saved.values()) < 4 * (2 * n * n + 2 * n * d)
    loss.backward()
