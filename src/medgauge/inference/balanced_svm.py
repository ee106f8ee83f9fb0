"""Chances of findings, grades and classes by linear support vector machines whose classes weigh the same."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.functional.margins import scaled_margins
from medgauge.inference.class_logistic import MultinomialPredictor
from medgauge.inference.finding_logistic import FindingLogistic
from medgauge.inference.left_out_regression import SURE, LeftOutRegression, Linear
from medgauge.inference.logistic import LogisticPredictor

STEPS = 5000
MISSED = -1.0
"""Decision value of a class that was not among the cases that a machine learned from: at its margin, on the other side."""


class BalancedMargins(LeftOutRegression):
    """What machines have in common: the constant and the chances come from decision values of cases that were left out.

    - Source: Cortes and Vapnik, Machine Learning 1995, with the squared hinge loss (liblinear's, Fan et al., JMLR 2008); classes
      weigh n / (k n_k); chances as of :func:`medgauge.functional.margins.scaled_margins`.
    - Departs: the constant is that of the smallest log loss (of grades the ranked score) of the chances, not of the errors.
    """

    def _solver(self) -> Any:
        """Of scikit-learn, in the primal form, whose answer does not hang on a draw."""
        from sklearn.svm import LinearSVC

        return LinearSVC(class_weight="balanced", dual=False, max_iter=STEPS)

    @abstractmethod
    def _scales(
        self, decision: Float[Tensor, "n t k"], learned: Bool[Tensor, "n t k"], place: Int[Tensor, "n t"]
    ) -> tuple[Float[Tensor, "t k"], Float[Tensor, "t k"]]:
        """Slopes and offsets that make logits of decision values.

        Args:
            decision: of cases that were left out.
            learned: where a machine was learned; what stands elsewhere is no decision.
            place: of their labels.
        """

    @abstractmethod
    def _machines(self, model: Linear) -> Bool[Tensor, "t k"]:
        """Where a model has a machine."""

    def _judged(
        self, logits: Float[Tensor, "n t k"], left_out: Sequence[Linear], place: Int[Tensor, "n t"]
    ) -> Float[Tensor, "n t k"]:
        """Decision values as calibrated by all of them."""
        learned = self._learned_of(left_out)
        slope, offset = self._scales(logits, learned, place)
        return torch.where(learned, logits * slope + offset, logits)

    def _settled(
        self, whole: Linear, left_out: Sequence[Linear], points: Float[Tensor, "n p"], place: Int[Tensor, "n t"]
    ) -> list[Linear]:
        """Each model with chances: that of all cases by all left-out decision values, that without a fold by the others'."""
        decision, learned, made = self._logits(left_out, points), self._learned_of(left_out), list[Linear]()
        for fold, model in enumerate([whole, *left_out], start=-1):
            rows = self._fold != fold
            slope, offset = self._scales(decision[rows], learned[rows], place[rows])
            bias = torch.where(self._machines(model), model.bias * slope + offset, model.bias)
            made.append(Linear(model.weight * slope, bias))
        return made

    def _learned_of(self, left_out: Sequence[Linear]) -> Bool[Tensor, "n t k"]:
        """Where the model without a training case's fold has machines."""
        return torch.stack([self._machines(model) for model in left_out])[self._fold]


class _Steps(BalancedMargins):
    """Machines of two states each: a finding that is there or not, grades above a step or not."""

    def _machines(self, model: Linear) -> Bool[Tensor, "t k"]:
        return (model.weight != 0).any(0)

    def _scales(
        self, decision: Float[Tensor, "n t k"], learned: Bool[Tensor, "n t k"], place: Int[Tensor, "n t"]
    ) -> tuple[Float[Tensor, "t k"], Float[Tensor, "t k"]]:
        slope, offset = torch.ones(self.size, dtype=torch.float64), torch.zeros(self.size, dtype=torch.float64)
        for target, step in np.ndindex(self.size):
            rows = learned[:, target, step] & (place[:, target] >= 0)
            beyond = (place[rows, target] > step).long()
            if not len(beyond):
                continue
            values = decision[rows, target, step]
            found, offsets = scaled_margins(torch.stack([torch.zeros_like(values), values], 1), beyond)
            slope[target, step], offset[target, step] = found, offsets[1] - offsets[0]
        return slope, offset


class FindingSvm(_Steps, FindingLogistic):
    """A machine for each finding, with one constant for all; the value is the chance, as :class:`FindingLogistic` has it."""


class GradeSvm(_Steps, LogisticPredictor):
    """A machine for each step from a grade to the next; value and chances as :class:`LogisticPredictor` has them."""


class ClassSvm(BalancedMargins, MultinomialPredictor):
    """A machine for each class against the others, of two classes one; chances as :class:`MultinomialPredictor` has them."""

    def _machines(self, model: Linear) -> Bool[Tensor, "t k"]:
        return model.bias != -SURE

    def _scales(
        self, decision: Float[Tensor, "n t k"], learned: Bool[Tensor, "n t k"], place: Int[Tensor, "n t"]
    ) -> tuple[Float[Tensor, "t k"], Float[Tensor, "t k"]]:
        slope, offset = torch.ones(self.size, dtype=torch.float64), torch.zeros(self.size, dtype=torch.float64)
        for target in range(self.size[0]):
            own = place[:, target]
            rows = (own >= 0) & learned[:, target].gather(1, own.clamp(min=0)[:, None])[:, 0]
            there = learned[rows, target].any(0).nonzero().flatten()
            if not len(there):
                continue
            values = torch.where(learned[rows, target], decision[rows, target], MISSED)[:, there]
            at = (own[rows][:, None] == there).long().argmax(1)
            slope[target, there], offset[target, there] = scaled_margins(values, at)
        return slope, offset
