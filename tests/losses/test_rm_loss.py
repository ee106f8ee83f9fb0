"""RM-Loss: the contract, golden numbers, the equations as a slow loop, and what the paper claims."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from medgauge.losses import RMLoss
from tests.contracts import TermContract

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "rm_loss.json").read_text())


class TestRMLoss(TermContract):
    def make(self) -> nn.Module:
        return RMLoss()


class TestRMLossWithoutMining(TermContract):
    def make(self) -> nn.Module:
        return RMLoss(mining=False)


def slow_loop(
    embedding: np.ndarray, label: np.ndarray, term: RMLoss, threshold: float | None
) -> tuple[float, np.ndarray, float]:
    """Equations 2 to 4 over ordered pairs: loss, gradient for the embedding with weights and choice held, threshold."""
    n = len(embedding)
    gap, weight, slope = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n, embedding.shape[1]))
    for i in range(n):
        for j in range(n):
            apart, differ = np.linalg.norm(embedding[i] - embedding[j]), np.linalg.norm(label[i] - label[j])
            gap[i, j] = abs(apart - differ)
            weight[i, j] = math.exp(-(differ**2) / (2 * term.sigma**2)) + term.alpha
            if i != j:
                slope[i, j] = np.sign(apart - differ) * (embedding[i] - embedding[j]) / apart
    mean = (weight * gap).mean()
    moved = mean if threshold is None else term.momentum * threshold + (1 - term.momentum) * mean
    chosen = weight * (weight * gap > moved) if term.mining else weight
    gradient = 2 * (chosen[:, :, None] * slope).sum(1) / chosen.sum()
    return (chosen * gap).sum() / chosen.sum(), gradient, moved


def draw(n: int, d: int, t: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(seed)
    embedding = torch.randn(n, d, generator=made, dtype=torch.float64) / d**0.5
    return embedding, torch.randn(n, t, generator=made, dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_golden_numbers(dtype: torch.dtype) -> None:
    mined, whole = RMLoss(**GOLDEN["settings"]).to(dtype), RMLoss(**GOLDEN["settings"], mining=False)
    embedding, label = (torch.tensor(GOLDEN[name], dtype=dtype) for name in ("embedding", "label"))
    assert len(GOLDEN["calls"]) == 2
    for call in GOLDEN["calls"]:
        points = (embedding / call["divide_embedding_by"]).requires_grad_()
        loss = mined(points, label)
        assert loss.item() == pytest.approx(call["loss"], rel=1e-6)
        assert mined.threshold.item() == pytest.approx(call["threshold"], rel=1e-6)
        assert whole(points, label).item() == pytest.approx(call["without_mining"], rel=1e-6)


@pytest.mark.parametrize("mining", [True, False])
@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("sigma", [0.5, 2.0, math.inf])
def test_equals_a_slow_loop_over_several_batches(sigma: float, targets: int, mining: bool) -> None:
    term = RMLoss(sigma=sigma, alpha=0.2, momentum=0.7, mining=mining).double()
    threshold = None
    for seed in range(4):
        embedding, label = draw(11, 5, targets, seed)
        expected, gradient, threshold = slow_loop(embedding.numpy(), label.numpy(), term, threshold)
        embedding.requires_grad_()
        loss = term(embedding, label)
        loss.backward()
        assert loss.item() == pytest.approx(expected, rel=1e-12)
        assert embedding.grad is not None
        np.testing.assert_allclose(embedding.grad.numpy(), gradient, rtol=1e-9, atol=1e-12)
    if mining:
        assert term.threshold.item() == pytest.approx(threshold, rel=1e-12)


def test_weights_without_end_are_equal() -> None:
    embedding, label = draw(9, 4)
    gap = (torch.cdist(embedding, embedding) - torch.cdist(label, label)).abs()
    loss = RMLoss(sigma=math.inf, alpha=0.3, mining=False)(embedding, label)
    torch.testing.assert_close(loss, gap.mean(), rtol=1e-12, atol=1e-12)


def test_is_zero_when_embedding_is_isometric_to_label() -> None:
    _, label = draw(9, 4, 2)
    turn = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3)))[0]
    embedding = torch.nn.functional.pad(label, (0, 4)) @ turn + 5
    assert RMLoss(mining=False)(embedding, label).item() < 1e-14
    assert RMLoss(mining=False)(2 * embedding, label).item() > 0.1


def test_descent_makes_free_points_isometric() -> None:
    points, label = draw(24, 8)
    points.requires_grad_()
    term, plain = RMLoss().double(), RMLoss(mining=False)
    before = plain(points, label).item()
    for step in range(400):
        (slope,) = torch.autograd.grad(term(points, label), points)
        points = (points - 0.5 * (1 - step / 400) * slope).detach().requires_grad_()
    assert plain(points, label).item() < 0.1 * before


def test_threshold_is_saved_and_goes_on() -> None:
    term = RMLoss()
    assert set(term.state_dict()) == {"threshold", "initialised"}
    term(*draw(8, 3))
    resumed = RMLoss()
    resumed.load_state_dict(term.state_dict())
    assert resumed.initialised
    resumed(*draw(8, 3, seed=1))
    fresh = RMLoss()
    fresh(*draw(8, 3, seed=1))
    expected = 0.9 * term.threshold + 0.1 * fresh.threshold
    torch.testing.assert_close(resumed.threshold, expected, rtol=1e-6, atol=0)


def test_evaluation_without_training_uses_the_batch_itself() -> None:
    term, trained = RMLoss().eval(), RMLoss()
    torch.testing.assert_close(term(*draw(8, 3)), trained(*draw(8, 3)))
    assert not term.initialised


@pytest.mark.parametrize("rows", ["one", "missing", "diverged"])
def test_useless_batches_leave_the_threshold_alone(rows: str) -> None:
    term = RMLoss()
    embedding, label = draw(8, 3)
    wrong = {
        "one": (embedding[:1], label[:1]),
        "missing": (embedding, label * math.nan),
        "diverged": (embedding * math.inf, label),
    }[rows]
    term(*wrong)
    assert not term.initialised
    term(embedding, label)
    before = term.threshold.clone()
    term(*wrong)
    assert term.threshold == before


@pytest.mark.parametrize("mining", [True, False])
def test_rows_with_a_missing_label_are_left_out(mining: bool) -> None:
    embedding, label = draw(10, 4, 2)
    kept = torch.ones(10, dtype=torch.bool)
    kept[[2, 7]] = False
    label[2, 0] = label[7] = math.nan
    embedding[7] = math.nan  # an image that failed does no harm either
    embedding.requires_grad_()
    term, other = RMLoss(mining=mining).double(), RMLoss(mining=mining).double()
    loss = term(embedding, label)
    torch.testing.assert_close(loss, other(embedding[kept], label[kept]), rtol=1e-12, atol=0)
    torch.testing.assert_close(term.threshold, other.threshold, rtol=1e-12, atol=0)
    loss.backward()
    assert embedding.grad is not None
    assert embedding.grad[~kept].eq(0).all()
    assert embedding.grad[kept].ne(0).any()


def test_labels_far_from_zero_keep_their_differences() -> None:
    embedding = draw(10, 4)[0].float()
    label = torch.arange(10, dtype=torch.float64)[:, None] / 4
    assert torch.equal(RMLoss()(embedding, label), RMLoss()(embedding, label + 1e9))


def test_no_hard_pair_costs_nothing() -> None:
    term = RMLoss()
    term(*draw(8, 3))
    term.threshold.fill_(1e6)
    term.eval()
    embedding = draw(8, 3, seed=1)[0].requires_grad_()
    loss = term(embedding, draw(8, 3, seed=1)[1])
    loss.backward()
    assert loss == 0
    assert embedding.grad is not None
    assert embedding.grad.eq(0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sigma": -1}, "^sigma must be > 0, got -1$"),
        ({"sigma": 0.0}, "^sigma must be > 0, got 0.0$"),
        ({"sigma": math.nan}, "^sigma must be > 0, got nan$"),
        ({"alpha": -0.1}, "^alpha must be >= 0 and finite, got -0.1$"),
        ({"momentum": 1.5}, r"^momentum must be in \[0, 1\], got 1.5$"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RMLoss(**settings)


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch: untyped
    """Names every operation, and the largest tensor that one makes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch: untyped
        self.names: set[str] = set()
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.names.add(func.overloadpacket.__name__)
        tensors = [made] if isinstance(made, Tensor) else [part for part in made or () if isinstance(part, Tensor)]
        self.largest = max([self.largest, *(tensor.numel() for tensor in tensors)])
        return made


@pytest.mark.parametrize("mining", [True, False])
def test_makes_no_cube_and_never_waits_for_the_device(mining: bool) -> None:
    n, d = 64, 512
    embedding = torch.randn(n, d, requires_grad=True)
    with Watch() as watch:
        RMLoss(mining=mining)(embedding, torch.randn(n, 1)).backward()
    assert {"_pdist_forward", "addmm_"} <= watch.names  # forward and backward were seen
    assert watch.largest == n * d
    assert not watch.names & {"_local_scalar_dense", "item", "nonzero", "masked_select", "index", "unique"}


@pytest.mark.parametrize("d", [64, 512])
def test_saves_less_than_two_squares_for_backward(d: int) -> None:
    n, saved = 256, {}

    def keep(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    embedding = torch.randn(n, d, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = RMLoss()(embedding, torch.randn(n, 1))
    assert len(saved) >= 3
    assert sum(saved.values()) < 4 * (2 * n * n + n * d + 10 * n)
    loss.backward()
