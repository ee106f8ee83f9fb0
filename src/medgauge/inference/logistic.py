"""Chances of grades by logistic regression on the embedding: one regression for each step from a grade to the next."""

import warnings
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.functional.grades import Levels, level_places
from medgauge.inference.left_out_regression import SURE, LeftOutRegression, Linear


class LogisticPredictor(LeftOutRegression):
    """Chances of the levels by L2-penalised logistic regressions of "above this level", and their mean as the value.

    Columns are standardised and clipped at 8 by the training cases. The constant of the penalty is the one of the smallest
    ranked probability score (the mean of sum_k (P(y > k) - [y > k])^2) of leaving folds of groups out inside the training
    cases, five of them or as many as there are groups. Chances of steps are made to fall by running minima. A step that no
    training case, or every one, is beyond has the chance 0 or 1. A query whose group is among the training cases is read by
    the regressions without that group's fold.

    - Shape: as ``core.task.Predictor``; values and chances in float64, on the CPU. ``validation`` (t,) is the mean error on
      the validation cases, NaN without any.
    - Raises: InputError if the embedding has values that are not finite, or there are fewer than two groups; ValueError
      before ``fit``.
    - Source: a binary problem for each threshold: Frank and Hall, ECML 2001; the score: Epstein, J. Appl. Meteorol. 1969.
    - Departs: the penalty (Frank and Hall have trees), running minima instead of differences that may be negative.

    Args:
        levels: of each target, rising.
        weighted: the columns are standardised and weighted against one another already, and stay so.
    """

    def __init__(self, levels: Levels, *, weighted: bool = False) -> None:
        self.levels = levels
        most = max(map(len, levels))
        steps = [[step < len(of) - 1 for step in range(most - 1)] for of in levels]
        self._known = torch.tensor(steps, dtype=torch.bool).reshape(len(levels), most - 1)
        super().__init__((len(levels), most - 1), weighted=weighted)

    def read(self, cases: Cases) -> Reading:
        """Expected level and the chance of each; cases of training groups without their fold."""
        above = self._left_out(cases)
        ends = above.new_ones(*above.shape[:2], 1), above.new_zeros(*above.shape[:2], 1)
        chance = torch.cat([ends[0], above], -1) - torch.cat([above, ends[1]], -1)
        most = chance.shape[-1]
        level = torch.tensor([[*map(float, of), *[0.0] * (most - len(of))] for of in self.levels], dtype=torch.float64)
        return Reading((chance * level).sum(-1), None, chance)

    def _places(self, label: Float[Tensor, "n t"]) -> Int[Tensor, "n t"]:
        return level_places(label, self.levels)

    def _chances(self, logits: Float[Tensor, "q t k"]) -> Float[Tensor, "q t k"]:
        """The chance of each case to be above each step; it never rises from a step to the next."""
        return logits.sigmoid().cummin(-1).values * self._known

    def _score(self, chances: Float[Tensor, "n t k"], place: Int[Tensor, "n t"]) -> float:
        return _ranked_score(chances, place, self._known)

    def _learned(
        self,
        points: Float[Tensor, "n p"],
        place: Int[Tensor, "n t"],
        rows: Int[Tensor, " m"],
        constant: float,
        solvers: dict[Any, Any],
    ) -> Linear:
        """The regressions of some rows; ``solvers`` hold where those of the constant before have ended."""
        weight = torch.zeros(points.shape[1], *self._known.shape, dtype=torch.float64)
        bias = torch.full(self._known.shape, -SURE, dtype=torch.float64)
        for target, step in self._known.nonzero().tolist():
            own = rows[place[rows, target] >= 0]
            beyond = place[own, target] > step
            if bool(beyond.all()) or not bool(beyond.any()):
                bias[target, step] = SURE if len(own) and bool(beyond.all()) else -SURE
                continue
            solver = solvers.setdefault((target, step), self._solver())
            solver.C = 1 / constant
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a solver that stops at its last step is near enough
                solver.fit(points[own].numpy(), beyond.numpy())
            weight[:, target, step] = torch.from_numpy(solver.coef_[0])
            bias[target, step] = float(solver.intercept_[0])
        return Linear(weight, bias)


def _ranked_score(above: Float[Tensor, "n t k"], place: Int[Tensor, "n t"], known: Bool[Tensor, "t k"]) -> float:
    """Ranked probability score over that of the chances among all cases, mean over the targets that have one."""
    beyond = (place[:, :, None] > torch.arange(above.shape[2])).double()
    there = (place >= 0)[:, :, None] & known
    usual = (beyond * there).sum(0) / there.sum(0).clamp(min=1)
    miss, blind = (((one - beyond).square() * there).sum((0, 2)) for one in (above, usual))
    return float((miss / blind)[blind > 0].mean()) if bool((blind > 0).any()) else 0.0
