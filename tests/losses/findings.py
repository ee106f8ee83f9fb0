"""What tests of losses of findings share: a contract on labels of 0, 1 or missing, draws, and a loop over the entries."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from medgauge.core.batch import Step
from tests.contracts import TermContract, make_step


def findings_step(rows: int, *, seed: int = 0, dtype: torch.dtype = torch.float64, missing: bool = True) -> Step:
    """A contract's step whose labels are findings, with one logit each."""
    step = make_step(rows, seed=seed, dtype=dtype, missing=missing)
    label = torch.where(step.label.isnan(), step.label, (step.label > 0).to(dtype))
    assert step.logits is not None
    return replace(step, label=label, logits=step.logits[:, :, :1])


class FindingTermContract(TermContract):
    """The contract of terms on logits of findings, and what missing labels and extreme logits must do."""

    def step(self, rows: int, *, seed: int = 0, dtype: torch.dtype = torch.float64, missing: bool = True) -> Step:
        return findings_step(rows, seed=seed, dtype=dtype, missing=missing)

    def test_missing_labels_are_as_if_not_there(self) -> None:
        """Whatever their logits are; two columns, so that the second stays whole."""
        logits, label, weight = draw(9, 2)
        label[:, 1] = torch.arange(9) % 2
        label[2:5, 0] = math.nan
        term = self.make().double()
        odd = logits.clone()
        odd[2:5, 0] = math.inf
        value = term(odd, label, weight)
        assert value.isfinite()
        torch.testing.assert_close(value, term(logits, label, weight), rtol=1e-12, atol=0)
        gone = torch.full((3, 2), math.nan, dtype=torch.float64)
        more = torch.cat([logits, logits[:3]]), torch.cat([label, gone]), torch.cat([weight, weight[:3]])
        torch.testing.assert_close(term(*more), value, rtol=1e-12, atol=0)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_extreme_logits_have_a_finite_gradient(self, dtype: torch.dtype) -> None:
        ends = torch.tensor([-1e4, -100.0, -20.0, 0.0, 20.0, 100.0, 1e4], dtype=dtype)
        logits = torch.stack([ends, ends.flip(0)], dim=1)[:, :, None].requires_grad_()
        for label in (torch.zeros(7, 2), torch.ones(7, 2), torch.tensor([[1.0, 0.0]]).expand(7, 2)):
            loss = self.make().to(dtype)(logits, label.to(dtype))
            (gradient,) = torch.autograd.grad(loss, logits)
            assert loss.isfinite()
            assert gradient.isfinite().all()

    def test_a_weight_of_two_counts_twice(self) -> None:
        logits, label, _ = draw(6, 2)
        weight = torch.tensor([2.0, 1, 1, 1, 1, 1], dtype=torch.float64)
        term = self.make().double()
        twice = term(torch.cat([logits[:1], logits]), torch.cat([label[:1], label]))
        torch.testing.assert_close(term(logits, label, weight), twice, rtol=1e-12, atol=0)


def draw(rows: int, findings: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, whole labels with both states in every column, and weights."""
    chance = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(rows, findings, 1, generator=chance, dtype=torch.float64)
    label = (torch.rand(rows, findings, generator=chance) < 0.4).double()
    label[0], label[1] = 1.0, 0.0
    return logits, label, torch.rand(rows, generator=chance, dtype=torch.float64) + 0.5


def draw_labels(rows: int, findings: int, *, seed: int = 0) -> Tensor:
    """Labels with a fifth missing, none positive in the first column, and none at all in the second row."""
    chance = torch.Generator().manual_seed(seed)
    label = (torch.rand(rows, findings, generator=chance, dtype=torch.float64) < 0.4).double()
    label[:, 0] = 0.0
    label[torch.rand(rows, findings, generator=chance) < 0.2] = math.nan
    if rows > 1:
        label[1] = math.nan
    return label


def entry_loop(
    cost: Callable[[float, bool, int], float], logits: Tensor, label: Tensor, weight: Tensor | None = None
) -> float:
    """Weighted mean of the cost of an entry (logit, whether present, column) over the labels that are there."""
    total = share = 0.0
    for i in range(len(label)):
        for c in range(label.shape[1]):
            if not math.isnan(label[i, c]):
                own = 1.0 if weight is None else float(weight[i])
                total += own * cost(float(logits[i, c, 0]), bool(label[i, c]), c)
                share += own
    return total / share


def with_missing(label: Tensor) -> Tensor:
    """The labels without a few, and without all of a row."""
    label = label.clone()
    label[2, 1] = label[5] = math.nan
    return label


def gradient_of(term: nn.Module, *given: Tensor) -> Tensor:
    """The gradient for the logits, which come first."""
    logits = given[0].clone().requires_grad_()
    return torch.autograd.grad(term(logits, *given[1:]), logits)[0]
