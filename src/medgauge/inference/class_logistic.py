"""Chances of classes by multinomial logistic regression on the embedding."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.core.evidence import Reading
from medgauge.core.task import Error
from medgauge.functional.classes import class_log_loss
from medgauge.functional.kernel_ridge import Columns
from medgauge.inference.logistic import CONSTANTS, SURE, WORSE, dealt_folds, in_their_span, logistic_solver
from medgauge.inference.predictor import validation_error


class Scores(NamedTuple):
    """Logits of classes: weight (p, t, k) and bias (t, k)."""

    weight: Float[Tensor, "p t k"]
    bias: Float[Tensor, "t k"]

    def chances(self, points: Float[Tensor, "q p"]) -> Float[Tensor, "q t k"]:
        """The softmax of the logits."""
        return (torch.einsum("qp,ptk->qtk", points, self.weight) + self.bias).softmax(-1)


class MultinomialPredictor:
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
        self.classes, self.weighted = tuple(classes), weighted
        self.constant: float | None = None
        self.validation: Float[Tensor, " t"] = torch.empty(0, dtype=torch.float64)
        self._models: list[Scores] = []

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
        label = gallery.label.detach().cpu().double()
        self._fold = dealt_folds(label.nan_to_num(-1.0).long(), gallery.group)
        self._columns = Columns.fit(points, weighted=self.weighted)
        rotated, basis = in_their_span(self._columns.standardised(points))
        self.constant, left_out = self._chosen(rotated, label)
        models = [self._learned(rotated, label, torch.arange(len(label)), self.constant, {}), *left_out]
        self._models = [Scores(torch.einsum("pr,rtk->ptk", basis, one.weight), one.bias) for one in models]
        self._take_groups(gallery)
        self.validation = validation_error(self.read, len(self.classes), validation, error)
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

        - Raises: ValueError if it is of another shape than gallery and classes.
        """
        width, size = self._gallery.embedding.shape[1], (len(self.classes), max(self.classes))
        folds = int(kept["fold"].max()) + 1 if len(kept["fold"]) else 0
        shapes = {
            "mean": (width,), "deviation": (width,), "weight": (folds + 1, width, *size), "bias": (folds + 1, *size),
            "fold": (len(self._gallery),),
        }  # fmt: skip
        for name, shape in shapes.items():
            if tuple(kept[name].shape) != shape:
                raise ValueError(f"{name} must be of shape {shape}, got {tuple(kept[name].shape)}")
        self._columns = Columns.restored(kept, weighted=self.weighted)
        self._models = [Scores(*one) for one in zip(kept["weight"], kept["bias"], strict=True)]
        self._fold = kept["fold"]
        self._take_groups(self._gallery)
        return self

    def read(self, cases: Cases) -> Reading:
        """The chance of each class; cases of training groups without their fold."""
        self._check_fitted()
        points = self._columns.standardised(cases.embedding.detach().cpu())
        own = torch.tensor([self._fold_of.get(str(name), -1) + 1 for name in cases.group], dtype=torch.int64)
        chance = torch.zeros(len(points), len(self.classes), max(self.classes), dtype=torch.float64)
        for place in torch.unique(own).tolist():
            chance[own == place] = self._models[place].chances(points[own == place])
        return Reading(chance, None, chance)

    def _check_fitted(self) -> None:
        if not self._models:
            raise ValueError("the predictor has learned nothing: call fit(gallery) first")

    def _take_groups(self, gallery: Cases) -> None:
        self._fold_of = {str(name): int(fold) for name, fold in zip(gallery.group, self._fold, strict=True)}

    def _chosen(self, points: Float[Tensor, "n p"], label: Float[Tensor, "n t"]) -> tuple[float, list[Scores]]:
        """The constant of the smallest log loss, and the regressions without each fold at it."""
        best, chosen, worse = torch.inf, (CONSTANTS[0], list[Scores]()), 0
        solvers: list[dict[int, Any]] = [{} for _ in range(int(self._fold.max()) + 1)]
        for constant in CONSTANTS:
            chance = torch.zeros(len(label), len(self.classes), max(self.classes), dtype=torch.float64)
            models = []
            for fold, kept in enumerate(solvers):
                rows = (self._fold != fold).nonzero().flatten()
                models.append(self._learned(points, label, rows, constant, kept))
                chance[self._fold == fold] = models[-1].chances(points[self._fold == fold])
            score = float(class_log_loss(chance, label).nanmean())
            worse = 0 if score < best else worse + 1
            if score < best:
                best, chosen = score, (constant, models)
            if worse == WORSE:
                break
        return chosen

    def _learned(
        self,
        points: Float[Tensor, "n p"],
        label: Float[Tensor, "n t"],
        rows: Int[Tensor, " m"],
        constant: float,
        solvers: dict[int, Any],
    ) -> Scores:
        """The regression of some rows; ``solvers`` hold where that of the constant before has ended."""
        weight = torch.zeros(points.shape[1], len(self.classes), max(self.classes), dtype=torch.float64)
        bias = torch.full(weight.shape[1:], -SURE, dtype=torch.float64)
        for target in range(len(self.classes)):
            own = rows[~label[rows, target].isnan()]
            there = torch.tensor(sorted(set(label[own, target].long().tolist())), dtype=torch.int64)
            bias[target, there] = 0.0
            if len(there) < 2:
                continue
            solver = solvers.setdefault(target, logistic_solver())
            solver.C = 1 / constant
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a solver that stops at its last step is near enough
                solver.fit(points[own].numpy(), label[own, target].long().numpy())
            at = there if len(there) > 2 else there[1:]  # of two classes there is one regression, for the second
            weight[:, target, at] = torch.from_numpy(solver.coef_).T
            bias[target, at] = torch.from_numpy(solver.intercept_)
        return Scores(weight, bias)
