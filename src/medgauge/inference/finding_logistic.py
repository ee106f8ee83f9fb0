"""Chances of findings by logistic regression on the embedding."""

import math
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.inference.left_out_regression import Linear
from medgauge.inference.logistic import LogisticPredictor

LEVELS = (0.0, 1.0)


class FindingLogistic(LogisticPredictor):
    """Logistic regression of each finding, with one penalty for all; the value is the chance itself.

    A finding that none of the cases that are learned from have, or all, has the chance (k + 1/2) / (n + 1) with k of n: so it
    is where a fold of groups that is left out has all cases with it. There are no chances beside the value, as beside those of other
    predictors, so that folds may differ in their predictor.

    - Shape: as ``core.task.Predictor``.

    Args:
        findings: how many.
        weighted: whether columns of the embedding are weighted against one another, which is kept.
    """

    def __init__(self, findings: int, *, weighted: bool = False) -> None:
        super().__init__([LEVELS] * findings, weighted=weighted)

    def read(self, cases: Cases) -> Reading:
        """The chance of each finding."""
        return super().read(cases)._replace(probability=None)

    def _learned(
        self,
        points: Float[Tensor, "n p"],
        place: Int[Tensor, "n t"],
        rows: Int[Tensor, " m"],
        constant: float,
        solvers: dict[Any, Any],
    ) -> Linear:
        """As of grades, but for findings of which only one state is there."""
        made = super()._learned(points, place, rows, constant, solvers)
        for target in range(place.shape[1]):
            present, absent = (int((place[rows, target] == state).sum()) for state in (1, 0))
            if not present or not absent:
                made.bias[target, 0] = math.log((present + 0.5) / (absent + 0.5))
        return made
