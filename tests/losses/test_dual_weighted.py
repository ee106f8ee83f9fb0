"""The dual-weighted metric loss: the contract, the equations as a plain loop, and what is asked of both levels."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medgauge.core.batch import Step
from medgauge.losses import DualWeightedMetricLoss
from tests.contracts import TermContract
from tests.losses.findings import draw_labels, findings_step
from tests.losses.test_rm_loss import Watch


class TestAllPairs(TermContract):
    """Without hardness, so that the gradient is the numerical one."""

    def make(self) -> nn.Module:
        return DualWeightedMetricLoss(1.5, focusing=0.0, class_counts=[3.0, 40.0])

    def step(self, rows: int, *, seed: int = 0, dtype: torch.dtype = torch.float64, missing: bool = True) -> Step:
        return findings_step(rows, seed=seed, dtype=dtype, missing=missing)


class TestHardness(TestAllPairs):
    """Hardness is held constant: the plain loop's gradient takes the place of the numerical one."""

    def make(self) -> nn.Module:
        return DualWeightedMetricLoss(1.5)

    @pytest.mark.parametrize("missing", [False, True])
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_gradient_is_the_numerical_one(self, seed: int, missing: bool) -> None:
        given = self.given(self.step(6, seed=seed, missing=missing))
        settings = {"margin": 1.5, "focusing": 2.0, "positive_share": 0.5, "consistency": 0.01}
        leaves = [given["embedding"], given["prototypes"]]
        found = torch.autograd.grad(self.make().double()(**given), leaves)
        expected = torch.autograd.grad(plain_loop(**given, **settings), leaves)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


class TestNotNormalised(TestAllPairs):
    def make(self) -> nn.Module:
        return DualWeightedMetricLoss(4.0, focusing=0.0, category_level=False, normalise=False)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_stays_finite_and_right_under_autocast(self, dtype: torch.dtype) -> None:
        step = self.step(8, dtype=torch.float32)
        given = self.given(step)
        with torch.autocast("cpu", dtype=dtype):
            value = self.make()(**given)
        assert value.dtype == torch.float32
        wide = {name: tensor.detach().double() for name, tensor in given.items()}
        torch.testing.assert_close(value.double(), self.make().double()(**wide), rtol=1e-6, atol=0)


def plain_loop(
    embedding: Tensor,
    prototypes: Tensor,
    label: Tensor,
    semantics: Tensor | None = None,
    *,
    margin: float = 1.0,
    focusing: float = 2.0,
    positive_share: float = 0.5,
    counts: list[float] | None = None,
    consistency: float = 0.0,
    levels: tuple[bool, bool] = (True, True),
) -> Tensor:
    """The equations image by image and finding by finding, in Python's numbers but for what has a gradient."""
    n, t = label.shape
    z = [row / row.norm() for row in embedding]
    p = [row / row.norm() for row in prototypes]
    known = {(i, c): float(label[i, c]) for i in range(n) for c in range(t) if not math.isnan(label[i, c])}
    plain, cost = {}, {}
    for (i, c), present in known.items():
        d = (z[i] - p[c]).square().sum().sqrt()
        if present:
            plain[i, c] = d**2
            cost[i, c] = (float(d.detach()) / 2) ** focusing * d**2
        else:
            gap = max(margin - d, 0 * d)
            plain[i, c] = gap**2
            cost[i, c] = (float(gap.detach()) / margin) ** focusing * gap**2
    total = 0 * (embedding.sum() + prototypes.sum())
    if levels == (False, False):
        total = total + sum(plain.values()) / max(len(plain), 1)

    def balanced(pairs: list[tuple[int, int]]) -> Any:
        value: Any = 0.0
        for wanted, share in ((1.0, positive_share), (0.0, 1 - positive_share)):
            own = [cost[pair] for pair in pairs if known[pair] == wanted]
            value += share * sum(own) / len(own) if own else 0.0
        return value

    if levels[0]:
        images = [[pair for pair in known if pair[0] == i] for i in range(n)]
        found = [balanced(pairs) for pairs in images if pairs]
        total = total + sum(found) / max(len(found), 1)
    if levels[1]:
        weight = [1.0] * t if counts is None else [(1 - 0.9999) / (1 - 0.9999**count) for count in counts]
        findings = [(weight[c], [pair for pair in known if pair[1] == c]) for c in range(t)]
        there = [(w, balanced(pairs)) for w, pairs in findings if pairs]
        if there:
            total = total + sum(w * value for w, value in there) / sum(w for w, _ in there)
    if semantics is not None:
        raw = [row / row.norm() for row in semantics]
        gaps = [abs(raw[a] @ raw[b] - p[a] @ p[b]) for a in range(t) for b in range(a + 1, t)]
        total = total + consistency * sum(gaps) / len(gaps)
    return total


def draw(rows: int = 9, findings: int = 4, columns: int = 5, seed: int = 0) -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(seed)

    def normal(count: int) -> Tensor:
        return torch.randn(count, columns, generator=chance, dtype=torch.float64)

    return {
        "embedding": normal(rows).requires_grad_(),
        "prototypes": normal(findings).requires_grad_(),
        "label": draw_labels(rows, findings, seed=seed),
        "semantics": normal(findings),
    }


@pytest.mark.parametrize("levels", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize(("focusing", "positive_share"), [(2.0, 0.5), (0.0, 0.5), (1.0, 0.9), (0.5, 0.0)])
def test_equals_a_plain_loop(focusing: float, positive_share: float, levels: tuple[bool, bool]) -> None:
    given, counts = draw(), [5.0, 300.0, 20000.0, 42.0]
    settings: dict[str, Any] = {"margin": 1.3, "focusing": focusing, "positive_share": positive_share}
    term = DualWeightedMetricLoss(**settings, image_level=levels[0], category_level=levels[1], class_counts=counts)
    loss = term(**given)
    expected = plain_loop(**given, **settings, counts=counts, consistency=0.01, levels=levels)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    leaves = [given["embedding"], given["prototypes"]]
    found = torch.autograd.grad(loss, leaves)
    torch.testing.assert_close(found, torch.autograd.grad(expected, leaves), rtol=1e-9, atol=1e-14)
    assert all(gradient.abs().max() > 0 for gradient in found)


@pytest.mark.parametrize(("focusing", "expected"), [(2.0, 7 / 24), (0.0, 7 / 12)])
def test_golden_numbers(focusing: float, expected: float) -> None:
    embedding = torch.eye(2, requires_grad=True)
    prototypes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], requires_grad=True)
    label = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    term = DualWeightedMetricLoss(focusing=focusing, consistency=0.0)
    loss = term(embedding, prototypes, label, torch.eye(3))
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    for leaf in (embedding, prototypes):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()  # of pairs at distance 0


def test_absent_pairs_at_distance_zero_have_a_finite_gradient() -> None:
    rows = torch.ones(3, 4, requires_grad=True)
    prototypes = torch.ones(2, 4, requires_grad=True)
    loss = DualWeightedMetricLoss()(rows, prototypes, torch.zeros(3, 2))
    loss.backward()
    assert loss.item() == pytest.approx(1.0)  # half a margin squared at each level
    assert rows.grad is not None
    assert prototypes.grad is not None
    assert rows.grad.isfinite().all()
    assert prototypes.grad.isfinite().all()


def test_rows_of_zeros_have_a_finite_gradient() -> None:
    rows, prototypes = torch.zeros(3, 4, requires_grad=True), torch.zeros(2, 4, requires_grad=True)
    label = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    DualWeightedMetricLoss()(rows, prototypes, label, torch.ones(2, 3)).backward()
    assert rows.grad is not None
    assert prototypes.grad is not None
    assert rows.grad.isfinite().all()
    assert prototypes.grad.isfinite().all()


def test_falls_when_a_present_finding_comes_nearer() -> None:
    given = draw()
    label = given["label"]
    row, column = (int(place[0]) for place in torch.where(label == 1))
    target = given["prototypes"].detach()[column]
    values = []
    for step in (0.0, 0.3, 0.6, 0.9):
        moved = given["embedding"].detach().clone()
        moved[row] = (1 - step) * moved[row] + step * target
        only = torch.full_like(label, math.nan)
        only[row, column] = 1.0
        values.append(DualWeightedMetricLoss()(moved, given["prototypes"], only).item())
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


def test_duplicated_absent_findings_leave_the_image_level_unchanged() -> None:
    given = draw(rows=2, findings=6, seed=2)
    label = torch.tensor([[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]] * 2, dtype=torch.float64)
    absent = label[0] == 0
    term = DualWeightedMetricLoss(1.8, category_level=False)
    once = term(given["embedding"], given["prototypes"], label)
    prototypes = torch.cat([given["prototypes"], given["prototypes"][absent]])
    twice = term(given["embedding"], prototypes, torch.cat([label, label[:, absent]], dim=1))
    torch.testing.assert_close(once, twice, rtol=1e-12, atol=0)
    assert once.item() > 0


def test_order_of_findings_does_not_matter() -> None:
    given, counts = draw(), [5.0, 300.0, 20000.0, 42.0]
    order = [2, 0, 3, 1]
    changed = {
        "embedding": given["embedding"],
        "prototypes": given["prototypes"][order],
        "label": given["label"][:, order],
        "semantics": given["semantics"][order],
    }
    value = DualWeightedMetricLoss(class_counts=counts)(**given)
    other = DualWeightedMetricLoss(class_counts=[counts[place] for place in order])(**changed)
    torch.testing.assert_close(value, other, rtol=1e-12, atol=0)


def test_counts_are_taken_from_the_training_labels() -> None:
    given, training = draw(), draw_labels(200, 4, seed=5)
    training[0] = 1.0  # the first finding is present once
    told = DualWeightedMetricLoss(class_counts="auto")
    told.fit_labels(training)
    counts = [float((training[:, column] == 1).sum()) for column in range(4)]
    assert counts[0] == 1.0
    expected = plain_loop(**given, counts=counts, consistency=0.01)
    torch.testing.assert_close(told(**given), expected, rtol=1e-12, atol=0)
    with pytest.raises(ValueError, match=r"^class_counts auto needs the training labels first \(fit_labels\)$"):
        DualWeightedMetricLoss(class_counts="auto")(**given)


def test_a_finding_without_training_positives_has_no_weight_at_category_level() -> None:
    given = draw()
    others = {name: value[1:] if name in ("prototypes", "semantics") else value for name, value in given.items()}
    others["label"] = given["label"][:, 1:]
    value = DualWeightedMetricLoss(image_level=False, consistency=0.0, class_counts=[0.0, 9.0, 9.0, 90.0])(**given)
    other = DualWeightedMetricLoss(image_level=False, consistency=0.0, class_counts=[9.0, 9.0, 90.0])(**others)
    torch.testing.assert_close(value, other, rtol=1e-12, atol=0)


@pytest.mark.parametrize("level", ["image_level", "category_level"])
def test_a_finding_without_a_label_in_the_batch_is_as_if_not_there(level: str) -> None:
    given = draw()
    label = given["label"].clone()
    label[:, 1] = math.nan
    term = DualWeightedMetricLoss(consistency=0.0, **{"image_level": False, "category_level": False, level: True})
    others = [0, 2, 3]
    expected = term(given["embedding"], given["prototypes"][others], label[:, others])
    torch.testing.assert_close(term(given["embedding"], given["prototypes"], label), expected, rtol=1e-12, atol=0)


def test_tells_its_parts() -> None:
    term, given = DualWeightedMetricLoss(), draw()
    total = term(**given)
    told = term.log()
    assert set(told) == {"image", "category", "consistency"}
    assert (told["image"] + told["category"] + 0.01 * told["consistency"]).item() == pytest.approx(total.item())


@pytest.mark.parametrize(
    ("setting", "value"),
    [("margin", 0.0), ("focusing", -1.0), ("positive_share", 1.5), ("consistency", -0.1), ("class_counts", [-1.0])],
)
def test_refuses_settings_out_of_range(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{setting} must be "):
        DualWeightedMetricLoss(**{setting: value})


def test_refuses_other_shapes() -> None:
    given = draw()
    with pytest.raises(
        ValueError, match=r"^prototypes must be float of shape \(4, 5\), got torch.float64 of \(3, 5\)$"
    ):
        DualWeightedMetricLoss()(**(given | {"prototypes": given["prototypes"][:3]}))
    with pytest.raises(ValueError, match=r"^semantics must have 4 rows, got shape \(3, 5\)$"):
        DualWeightedMetricLoss()(**(given | {"semantics": given["semantics"][:3]}))
    with pytest.raises(ValueError, match=r"^class_counts must be one a finding, got 2 for 4 findings$"):
        DualWeightedMetricLoss(class_counts=[1.0, 2.0])(**given)


def test_makes_no_cube() -> None:
    n, t, d = 64, 14, 128
    embedding, prototypes = torch.randn(n, d, requires_grad=True), torch.randn(t, d, requires_grad=True)
    with Watch() as watch:
        DualWeightedMetricLoss()(embedding, prototypes, (torch.rand(n, t) < 0.1).float()).backward()
    assert watch.largest == n * d
