"""One figure of several findings: means over columns, whole and by how frequent they are, and label ranking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.metrics.findings import check_findings

LEAST_POSITIVES = 10
"""Present cases that a column needs to be in a macro figure."""
BLOCK = 4_000_000  # pairs of columns held at a time


@dataclass(frozen=True)
class Macro:
    """The mean of a figure over the columns it names; NaN over none."""

    value: float
    columns: tuple[str, ...]
    left_out: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """As results.json holds it."""
        return {"value": self.value, "columns": list(self.columns), "left_out": list(self.left_out)}


def macro_mean(figure: Mapping[str, float], counted: Sequence[str]) -> Macro:
    """The mean of a figure over the counted columns that have one; all others are named as left out.

    >>> macro_mean({"a": 0.5, "b": 0.7, "c": float("nan"), "d": 0.1}, ["a", "b", "c"])
    Macro(value=0.6, columns=('a', 'b'), left_out=('c', 'd'))
    """
    known = tuple(name for name, value in figure.items() if name in counted and value == value)
    mean = sum(figure[name] for name in known) / len(known) if known else float("nan")
    return Macro(mean, known, tuple(name for name in figure if name not in known))


def macro_by_region(
    figure: Mapping[str, float], region: Mapping[str, str], counted: Sequence[str], names: Sequence[str]
) -> dict[str, Macro]:
    """``macro_mean`` of the columns of each frequency region (many, medium, few).

    Args:
        figure: of each column.
        region: of each column.
        counted: columns that take part.
        names: the regions.
    """
    return {
        name: macro_mean({column: value for column, value in figure.items() if region[column] == name}, counted)
        for name in names
    }


def enough_positives(
    label: Float[Tensor, "n t"], columns: Sequence[str], *, least: int = LEAST_POSITIVES
) -> tuple[str, ...]:
    """Columns with at least ``least`` present cases.

    >>> enough_positives(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), ["a", "b"], least=2)
    ('a',)
    """
    counts = (label == 1).sum(0).tolist()
    return tuple(name for name, count in zip(columns, counts, strict=True) if count >= least)


def ranking_precision(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> float:
    """Label-ranking average precision: of each case's present findings the mean share of present ones at or above them.

    1 is perfect. The mean is over cases with at least one present and one absent finding; columns without a label are left
    out of their case. NaN without such cases, or where a probability of theirs is missing beside its label.

    - Source: Tsoumakas, Katakis, Vlahavas, 2010.
    - Departs: scikit-learn's ``label_ranking_average_precision_score`` counts a case whose labels are all present or all
      absent as 1, so that it rises with the share of cases without a finding; nothing is ranked in them.

    >>> round(ranking_precision(torch.tensor([[0.2, 0.9, 0.5]]), torch.tensor([[1.0, 0.0, float("nan")]])), 4)
    0.5
    """
    if prediction.ndim != 2 or prediction.shape != label.shape:
        shapes = f"{tuple(prediction.shape)}, {tuple(label.shape)}"
        raise ValueError(f"prediction and label must be of one shape (n, t), got {shapes}")
    check_findings(label, "ranking_precision")
    known = ~torch.isnan(label)
    rows = (label == 1).any(1) & (label == 0).any(1)
    prediction, label, known = prediction.detach().cpu().double()[rows], label.detach().cpu()[rows], known.cpu()[rows]
    if not len(label) or bool((torch.isnan(prediction) & known).any()):
        return float("nan")
    step = max(1, BLOCK // label.shape[1] ** 2)
    parts = [slice(start, start + step) for start in range(0, len(label), step)]
    return float(torch.cat([_case_precision(prediction[part], label[part], known[part]) for part in parts]).mean())


def _case_precision(prediction: Tensor, label: Tensor, known: Tensor) -> Float[Tensor, " n"]:
    present = label == 1
    above = (prediction[:, None, :] >= prediction[:, :, None]) & known[:, None, :]  # column j at or above column i
    share = (above & present[:, None, :]).sum(2).double() / above.sum(2).clamp(min=1)
    return (share * present).sum(1) / present.sum(1)
