"""Chances of grades by logistic regression on the embedding: one regression for each step from a grade to the next."""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.core.evidence import Reading
from medgauge.core.task import Error
from medgauge.functional.grades import Levels, level_places
from medgauge.functional.kernel_ridge import Columns
from medgauge.inference.predictor import validation_error

FOLDS = 5
CONSTANTS = tuple(10 ** (step / 2) for step in range(8, -5, -1))
"""Of the penalty, from strong to weak."""
WORSE = 2
"""Constants in a row without a better score after which no weaker one is tried."""
SURE = 40.0
"""Logit of a step that all training cases, or none, are beyond."""
_STEPS = 1000  # of the solver at most


class Steps(NamedTuple):
    """Regressions of all steps: weight (p, t, k) and bias (t, k)."""

    weight: Float[Tensor, "p t k"]
    bias: Float[Tensor, "t k"]

    def above(self, points: Float[Tensor, "q p"], known: Bool[Tensor, "t k"]) -> Float[Tensor, "q t k"]:
        """The chance of each case to be above each step; it never rises from a step to the next."""
        logits = torch.einsum("qp,ptk->qtk", points, self.weight) + self.bias
        return logits.sigmoid().cummin(-1).values * known


class LogisticPredictor:
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
        self.levels, self.weighted = levels, weighted
        self.constant: float | None = None
        self.validation: Float[Tensor, " t"] = torch.empty(0, dtype=torch.float64)
        most = max(map(len, levels))
        steps = [[step < len(of) - 1 for step in range(most - 1)] for of in levels]
        self._known = torch.tensor(steps, dtype=torch.bool).reshape(len(levels), most - 1)
        self._models: list[Steps] = []

    @property
    def tuned(self) -> dict[str, float]:
        """The constant of the penalty."""
        if self.constant is None:
            raise ValueError("the constant must be chosen: call fit(gallery) first")
        return {"constant": self.constant}

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Choose the constant on the gallery alone and learn; ``validation`` only gives the error there."""
        points = gallery.embedding.detach().cpu().double()
        if not points.isfinite().all():
            raise InputError(
                "the embedding of a training case has values that are not finite numbers; the network diverged"
            )
        place = level_places(gallery.label.cpu(), self.levels)
        self._fold = dealt_folds(place, gallery.group)
        self._columns = Columns.fit(points, weighted=self.weighted)
        rotated, basis = in_their_span(self._columns.standardised(points))
        self.constant, left_out = self._chosen(rotated, place)
        models = [self._learned(rotated, place, torch.arange(len(place)), self.constant, {}), *left_out]
        self._models = [Steps(torch.einsum("pr,rtk->ptk", basis, one.weight), one.bias) for one in models]
        self._take_groups(gallery)
        self.validation = validation_error(self.read, len(self.levels), validation, error)
        return self

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """With the constant chosen before; what was learned comes by ``take_learned``."""
        self.constant = tuned["constant"]
        self._gallery = gallery
        return self

    def learned(self) -> dict[str, Tensor]:
        """Columns, regressions (the first of all cases, then without each fold), and the fold of each training case."""
        self._check_fitted()
        return {
            **self._columns.kept(),
            "weight": torch.stack([one.weight for one in self._models]),
            "bias": torch.stack([one.bias for one in self._models]),
            "fold": self._fold,
        }

    def take_learned(self, kept: Mapping[str, Tensor]) -> Self:
        """What ``learned`` gave, after ``restore``.

        - Raises: ValueError if it is of another shape than gallery and levels.
        """
        width, (targets, steps) = self._gallery.embedding.shape[1], self._known.shape
        folds = int(kept["fold"].max()) + 1 if len(kept["fold"]) else 0
        shapes = {
            "mean": (width,), "deviation": (width,), "weight": (folds + 1, width, targets, steps),
            "bias": (folds + 1, targets, steps), "fold": (len(self._gallery),),
        }  # fmt: skip
        for name, shape in shapes.items():
            if tuple(kept[name].shape) != shape:
                raise ValueError(f"{name} must be of shape {shape}, got {tuple(kept[name].shape)}")
        self._columns = Columns.restored(kept, weighted=self.weighted)
        self._models = [Steps(*one) for one in zip(kept["weight"], kept["bias"], strict=True)]
        self._fold = kept["fold"]
        self._take_groups(self._gallery)
        return self

    def read(self, cases: Cases) -> Reading:
        """Expected level and the chance of each; cases of training groups without their fold."""
        self._check_fitted()
        points = self._columns.standardised(cases.embedding.detach().cpu())
        own = torch.tensor([self._fold_of.get(str(name), -1) + 1 for name in cases.group], dtype=torch.int64)
        above = torch.zeros(len(points), *self._known.shape, dtype=torch.float64)
        for place in torch.unique(own).tolist():
            above[own == place] = self._models[place].above(points[own == place], self._known)
        ends = above.new_ones(*above.shape[:2], 1), above.new_zeros(*above.shape[:2], 1)
        chance = torch.cat([ends[0], above], -1) - torch.cat([above, ends[1]], -1)
        most = chance.shape[-1]
        level = torch.tensor([[*map(float, of), *[0.0] * (most - len(of))] for of in self.levels], dtype=torch.float64)
        return Reading((chance * level).sum(-1), None, chance)

    def _check_fitted(self) -> None:
        if not self._models:
            raise ValueError("the predictor has learned nothing: call fit(gallery) first")

    def _take_groups(self, gallery: Cases) -> None:
        self._fold_of = {str(name): int(fold) for name, fold in zip(gallery.group, self._fold, strict=True)}

    def _chosen(self, points: Float[Tensor, "n p"], place: Int[Tensor, "n t"]) -> tuple[float, list[Steps]]:
        """The constant of the smallest score, and the regressions without each fold at it."""
        best, chosen, worse = torch.inf, (CONSTANTS[0], list[Steps]()), 0
        solvers: list[dict[Any, Any]] = [{} for _ in range(int(self._fold.max()) + 1)]
        for constant in CONSTANTS:
            above, models = torch.zeros(len(place), *self._known.shape, dtype=torch.float64), []
            for fold, kept in enumerate(solvers):
                rows = (self._fold != fold).nonzero().flatten()
                models.append(self._learned(points, place, rows, constant, kept))
                above[self._fold == fold] = models[-1].above(points[self._fold == fold], self._known)
            score = _ranked_score(above, place, self._known)
            worse = 0 if score < best else worse + 1
            if score < best:
                best, chosen = score, (constant, models)
            if worse == WORSE:
                break
        return chosen

    def _learned(
        self,
        points: Float[Tensor, "n p"],
        place: Int[Tensor, "n t"],
        rows: Int[Tensor, " m"],
        constant: float,
        solvers: dict[Any, Any],
    ) -> Steps:
        """The regressions of some rows; ``solvers`` hold where those of the constant before have ended."""
        weight = torch.zeros(points.shape[1], *self._known.shape, dtype=torch.float64)
        bias = torch.full(self._known.shape, -SURE, dtype=torch.float64)
        for target, step in self._known.nonzero().tolist():
            own = rows[place[rows, target] >= 0]
            beyond = place[own, target] > step
            if bool(beyond.all()) or not bool(beyond.any()):
                bias[target, step] = SURE if len(own) and bool(beyond.all()) else -SURE
                continue
            solver = solvers.setdefault((target, step), logistic_solver())
            solver.C = 1 / constant
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a solver that stops at its last step is near enough
                solver.fit(points[own].numpy(), beyond.numpy())
            weight[:, target, step] = torch.from_numpy(solver.coef_[0])
            bias[target, step] = float(solver.intercept_[0])
        return Steps(weight, bias)


def logistic_solver() -> Any:
    """Of scikit-learn, which goes on where the fit before it has ended."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=_STEPS, tol=1e-5, warm_start=True)


def dealt_folds(place: Int[Tensor, "n t"], group: Any) -> Int[Tensor, " n"]:
    """The fold of each case: groups in the order of their mean level are dealt out one after the other."""
    known = torch.where(place >= 0, place.double(), torch.nan).nanmean(1).nan_to_num(-1.0).tolist()
    rows: dict[str, list[float]] = {}
    for name, level in zip(group, known, strict=True):
        rows.setdefault(str(name), []).append(level)
    if len(rows) < 2:
        raise InputError(f"logistic regression needs training cases of two groups or more, and they are of {len(rows)}")
    order = sorted(rows, key=lambda name: (sum(rows[name]) / len(rows[name]), name))
    fold = {name: place % min(FOLDS, len(order)) for place, name in enumerate(order)}
    return torch.tensor([fold[str(name)] for name in group], dtype=torch.int64)


def in_their_span(points: Float[Tensor, "n p"]) -> tuple[Float[Tensor, "n r"], Float[Tensor, "p r"]]:
    """Points of more columns than rows in the space that they span, where an L2 penalty is the same; and its basis."""
    if points.shape[1] <= len(points):
        return points, torch.eye(points.shape[1], dtype=points.dtype)
    left, size, right = torch.linalg.svd(points, full_matrices=False)
    kept = size > 1e-10 * size[0]
    kept[0] = True  # where all columns are constant
    return (left * size)[:, kept], right[kept].T


def _ranked_score(above: Float[Tensor, "n t k"], place: Int[Tensor, "n t"], known: Bool[Tensor, "t k"]) -> float:
    """Ranked probability score over that of the chances among all cases, mean over the targets that have one."""
    beyond = (place[:, :, None] > torch.arange(above.shape[2])).double()
    there = (place >= 0)[:, :, None] & known
    usual = (beyond * there).sum(0) / there.sum(0).clamp(min=1)
    miss, blind = (((one - beyond).square() * there).sum((0, 2)) for one in (above, usual))
    return float((miss / blind)[blind > 0].mean()) if bool((blind > 0).any()) else 0.0
