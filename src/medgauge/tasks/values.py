"""What kinds whose values are numbers on a line share: errors, the constant baseline, relative scores."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.functional.weights import least_absolute_weights
from medgauge.metrics import median_baseline
from medgauge.tasks.columns import LabelColumns, fitted


def distance(value: Float[Tensor, "*n t"], label: Float[Tensor, "*n t"]) -> Float[Tensor, "*n t"]:
    """|value - label|."""
    return (value - label).abs()


def constant(label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """The median of each target's training labels."""
    return median_baseline(label, 1)[0]


def least_absolute(value: Float[Tensor, "c n"], label: Float[Tensor, " n"]) -> Float[Tensor, " c"]:
    """Weights of candidates' values with the least absolute error of the weighted value."""
    return least_absolute_weights(value - label)


def relative_error(error: Float[Tensor, " t"], label: Float[Tensor, "n t"], median: Float[Tensor, " t"]) -> float:
    """Mean errors over those of the training median for the same labels, mean over the targets that have any.

    Where the median has no error at all the error stands as it is.
    """
    blind = distance(median, label.detach().cpu().double()).nanmean(0)
    return float((error.double() / torch.where(blind > 0, blind, torch.ones_like(blind))).nanmean())


@dataclass(frozen=True, eq=False)
class LineColumns(LabelColumns):
    """Columns of labels on a line, judged by the absolute error.

    Args:
        median: of the training labels, (t,).
    """

    median: Float[Tensor, " t"] | None = None

    def error(self, value: Float[Tensor, "*n t"], label: Float[Tensor, "*n t"]) -> Float[Tensor, "*n t"]:
        """The absolute error."""
        return distance(value, label)

    def weigh(self, value: Float[Tensor, "c n"], label: Float[Tensor, " n"]) -> Float[Tensor, " c"]:
        """By the absolute error."""
        return least_absolute(value, label)

    def relative(self, error: Float[Tensor, " t"], label: Float[Tensor, "n t"]) -> float:
        """Mean absolute errors over those of the training median."""
        return relative_error(error, label, fitted(self.median))
