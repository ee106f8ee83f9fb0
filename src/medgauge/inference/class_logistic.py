"""Chances of classes by multinomial logistic regression on the embedding."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.functional.classes import class_log_loss
from medgauge.inference.left_out_regression import SURE, LeftOutRegression, Linear


class MultinomialPredictor(LeftOutRegression):
    """Chances of the classes by an L2-penalised multinomial logistic regression.

    Columns are standardised and clipped at 8 by the training cases. The constant of the penalty is the one of the smallest
    log loss of leaving folds of groups out inside the training cases, five of them or as many as there are groups. A class
    that no training case is of has no chance. A query whose group is among the training cases is read by the regression
    without that group's fold.

    - Shape: as ``core.task.Predictor``; values (q, t, k) in float64, on the CPU. ``validation`` (t,) is the mean error on the
      validation cases, NaN without any.
    - Raises: InputError if the embedding has values that are not finite, or there are fewer than two groups; ValueError
      before ``fit``.
    - Source: multinomial logistic regression (Cox, 1966), of scikit-learn.
    - Departs: the penalty.

    Args:
        classes: how many each target has.
        weighted: the columns are standardised and weighted against one another already, and stay so.
    """

    def __init__(self, classes: Sequence[int], *, weighted: bool = False) -> None:
        self.classes = tuple(classes)
        super().__init__((len(self.classes), max(self.classes)), weighted=weighted)

    def read(self, cases: Cases) -> Reading:
        """The chance of each class; cases of training groups without their fold."""
        chance = self._left_out(cases)
        return Reading(chance, None, chance)

    def _places(self, label: Float[Tensor, "n t"]) -> Int[Tensor, "n t"]:
        return label.double().nan_to_num(-1.0).long()

    def _chances(self, logits: Float[Tensor, "q t k"]) -> Float[Tensor, "q t k"]:
        """The softmax of the logits."""
        return logits.softmax(-1)

    def _score(self, chances: Float[Tensor, "n t k"], place: Int[Tensor, "n t"]) -> float:
        label = torch.where(place >= 0, place.double(), torch.nan)
        return float(class_log_loss(chances, label).nanmean())

    def _learned(
        self,
        points: Float[Tensor, "n p"],
        place: Int[Tensor, "n t"],
        rows: Int[Tensor, " m"],
        constant: float,
        solvers: dict[Any, Any],
    ) -> Linear:
        """The regression of some rows; ``solvers`` hold where that of the constant before has ended."""
        weight = torch.zeros(points.shape[1], len(self.classes), max(self.classes), dtype=torch.float64)
        bias = torch.full(weight.shape[1:], -SURE, dtype=torch.float64)
        for target in range(len(self.classes)):
            own = rows[place[rows, target] >= 0]
            there = torch.tensor(sorted(set(place[own, target].tolist())), dtype=torch.int64)
            bias[target, there] = 0.0
            if len(there) < 2:
                continue
            solver = solvers.setdefault(target, self._solver())
            solver.C = 1 / constant
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a solver that stops at its last step is near enough
                solver.fit(points[own].numpy(), place[own, target].numpy())
            at = there if len(there) > 2 else there[1:]  # of two classes there is one regression, for the second
            weight[:, target, at] = torch.from_numpy(solver.coef_).T
            bias[target, at] = torch.from_numpy(solver.intercept_)
        return Linear(weight, bias)
