"""Figures of decisions on findings: whether each is said to be present, beside labels 1, 0 or missing (NaN, left out)."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.metrics.findings import check_findings


class Counts(NamedTuple):
    """Cases of each column by decision and label, int64 (t,): found and false alarms, missed and rightly left."""

    found: Int[Tensor, " t"]
    false: Int[Tensor, " t"]
    missed: Int[Tensor, " t"]
    left: Int[Tensor, " t"]


def decision_counts(decision: Bool[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Counts:
    """Count the labelled cases of each column: true positives, false positives, false negatives, true negatives.

    - Raises: ValueError if shapes differ, decisions are not bool, or a label is not 0, 1 or missing.
    """
    if decision.dtype != torch.bool or decision.shape != label.shape or label.ndim != 2:
        raise ValueError(
            f"decision must be bool of the shape (n, t) of label, got {decision.dtype} of {tuple(decision.shape)} "
            f"for {tuple(label.shape)}"
        )
    check_findings(label, "decisions")
    decision, label = decision.detach().cpu(), label.detach().cpu()
    present, absent = label == 1, label == 0
    return Counts(
        (decision & present).sum(0),
        (decision & absent).sum(0),
        (~decision & present).sum(0),
        (~decision & absent).sum(0),
    )


def sensitivity(decision: Bool[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Share of the present cases of each column that are said to be present (recall); NaN where there is none.

    >>> sensitivity(torch.tensor([[True], [False], [True]]), torch.tensor([[1.0], [1.0], [0.0]]))
    tensor([0.5000], dtype=torch.float64)
    """
    of = decision_counts(decision, label)
    return _share(of.found, of.found + of.missed)


def specificity(decision: Bool[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Share of the absent cases of each column that are said to be absent; NaN where there is none.

    >>> specificity(torch.tensor([[True], [False], [True]]), torch.tensor([[0.0], [0.0], [1.0]]))
    tensor([0.5000], dtype=torch.float64)
    """
    of = decision_counts(decision, label)
    return _share(of.left, of.left + of.false)


def f1(decision: Bool[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Harmonic mean of precision and recall of each column, 2 found / (2 found + false + missed); 1 is perfect.

    NaN where no case is present: whatever is said then, nothing can be found.

    >>> f1(torch.tensor([[True], [False], [True]]), torch.tensor([[1.0], [1.0], [0.0]]))
    tensor([0.5000], dtype=torch.float64)
    """
    of = decision_counts(decision, label)
    said = _share(2 * of.found, 2 * of.found + of.false + of.missed)
    return said.masked_fill(of.found + of.missed == 0, torch.nan)


def _share(part: Int[Tensor, " t"], whole: Int[Tensor, " t"]) -> Float[Tensor, " t"]:
    return part.double() / whole.double().masked_fill(whole == 0, torch.nan)
