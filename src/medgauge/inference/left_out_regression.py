"""Regressions on the embedding whose penalty is chosen by leaving folds of groups out, and that read training groups so."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.core.evidence import Reading
from medgauge.core.task import Error
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


class Linear(NamedTuple):
    """Logits of all targets: weight (p, t, k) and bias (t, k)."""

    weight: Float[Tensor, "p t k"]
    bias: Float[Tensor, "t k"]

    def logits(self, points: Float[Tensor, "q p"]) -> Float[Tensor, "q t k"]:
        """Of each point."""
        return torch.einsum("qp,ptk->qtk", points, self.weight) + self.bias


class LeftOutRegression(ABC):
    """A predictor of linear regressions with one penalty, whose constant is chosen by leaving folds of groups out.

    A query whose group is among the training cases is read by the regression without that group's fold. A kind tells what
    its labels are as places, how some rows are learned, what chances a regression gives and how these are judged.

    Args:
        size: t targets and the most logits that one of them has.
        weighted: the columns are standardised and weighted against one another already, and stay so.
    """

    def __init__(self, size: tuple[int, int], *, weighted: bool = False) -> None:
        self.size, self.weighted = size, weighted
        self.constant: float | None = None
        self.validation: Float[Tensor, " t"] = torch.empty(0, dtype=torch.float64)
        self._models: list[Linear] = []

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
        place = self._places(gallery.label.detach().cpu())
        self._fold = dealt_folds(place, gallery.group)
        self._columns = Columns.fit(points, weighted=self.weighted)
        rotated, basis = in_their_span(self._columns.standardised(points))
        self.constant, left_out = self._chosen(rotated, place)
        whole = self._learned(rotated, place, torch.arange(len(place)), self.constant, {})
        models = self._settled(whole, left_out, rotated, place)
        self._models = [Linear(torch.einsum("pr,rtk->ptk", basis, one.weight), one.bias) for one in models]
        self._take_groups(gallery)
        self.validation = validation_error(self.read, self.size[0], validation, error)
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

        - Raises: ValueError if it is of another shape than gallery and targets.
        """
        width = self._gallery.embedding.shape[1]
        folds = int(kept["fold"].max()) + 1 if len(kept["fold"]) else 0
        shapes = {
            "mean": (width,), "deviation": (width,), "weight": (folds + 1, width, *self.size),
            "bias": (folds + 1, *self.size), "fold": (len(self._gallery),),
        }  # fmt: skip
        for name, shape in shapes.items():
            if tuple(kept[name].shape) != shape:
                raise ValueError(f"{name} must be of shape {shape}, got {tuple(kept[name].shape)}")
        self._columns = Columns.restored(kept, weighted=self.weighted)
        self._models = [Linear(*one) for one in zip(kept["weight"], kept["bias"], strict=True)]
        self._fold = kept["fold"]
        self._take_groups(self._gallery)
        return self

    @abstractmethod
    def read(self, cases: Cases) -> Reading:
        """Values and chances of the kind."""

    @abstractmethod
    def _places(self, label: Float[Tensor, "n t"]) -> Int[Tensor, "n t"]:
        """The place of each label among its levels or classes, below 0 where it is missing."""

    @abstractmethod
    def _learned(
        self,
        points: Float[Tensor, "n p"],
        place: Int[Tensor, "n t"],
        rows: Int[Tensor, " m"],
        constant: float,
        solvers: dict[Any, Any],
    ) -> Linear:
        """The regression of some rows; ``solvers`` hold where that of the constant before has ended."""

    @abstractmethod
    def _chances(self, logits: Float[Tensor, "q t k"]) -> Float[Tensor, "q t k"]:
        """What the logits of a regression say."""

    @abstractmethod
    def _score(self, chances: Float[Tensor, "n t k"], place: Int[Tensor, "n t"]) -> float:
        """How wrong the chances are; the smaller, the better."""

    def _solver(self) -> Any:
        """Of scikit-learn, which goes on where the fit before it has ended."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=_STEPS, tol=1e-5, warm_start=True)

    def _judged(
        self, logits: Float[Tensor, "n t k"], left_out: Sequence[Linear], place: Int[Tensor, "n t"]
    ) -> Float[Tensor, "n t k"]:
        """The logits of left-out cases by which a constant is judged."""
        return logits

    def _settled(
        self, whole: Linear, left_out: Sequence[Linear], points: Float[Tensor, "n p"], place: Int[Tensor, "n t"]
    ) -> list[Linear]:
        """The regressions that read: of all cases, then without each fold."""
        return [whole, *left_out]

    def _logits(self, left_out: Sequence[Linear], points: Float[Tensor, "n p"]) -> Float[Tensor, "n t k"]:
        """Of each training case by the regression without its fold."""
        found = torch.zeros(len(points), *self.size, dtype=torch.float64)
        for fold, model in enumerate(left_out):
            found[self._fold == fold] = model.logits(points[self._fold == fold])
        return found

    def _left_out(self, cases: Cases) -> Float[Tensor, "q t k"]:
        """Chances of cases; those of training groups without their fold."""
        self._check_fitted()
        points = self._columns.standardised(cases.embedding.detach().cpu())
        own = torch.tensor([self._fold_of.get(str(name), -1) + 1 for name in cases.group], dtype=torch.int64)
        found = torch.zeros(len(points), *self.size, dtype=torch.float64)
        for place in torch.unique(own).tolist():
            found[own == place] = self._chances(self._models[place].logits(points[own == place]))
        return found

    def _check_fitted(self) -> None:
        if not self._models:
            raise ValueError("the predictor has learned nothing: call fit(gallery) first")

    def _take_groups(self, gallery: Cases) -> None:
        self._fold_of = {str(name): int(fold) for name, fold in zip(gallery.group, self._fold, strict=True)}

    def _chosen(self, points: Float[Tensor, "n p"], place: Int[Tensor, "n t"]) -> tuple[float, list[Linear]]:
        """The constant of the smallest score, and the regressions without each fold at it."""
        best, chosen, worse = torch.inf, (CONSTANTS[0], list[Linear]()), 0
        solvers: list[dict[Any, Any]] = [{} for _ in range(int(self._fold.max()) + 1)]
        for constant in CONSTANTS:
            models = [
                self._learned(points, place, (self._fold != fold).nonzero().flatten(), constant, kept)
                for fold, kept in enumerate(solvers)
            ]
            score = self._score(self._chances(self._judged(self._logits(models, points), models, place)), place)
            worse = 0 if score < best else worse + 1
            if score < best:
                best, chosen = score, (constant, models)
            if worse == WORSE:
                break
        return chosen


def dealt_folds(place: Int[Tensor, "n t"], group: Any) -> Int[Tensor, " n"]:
    """The fold of each case: groups in the order of their mean level are dealt out one after the other."""
    known = torch.where(place >= 0, place.double(), torch.nan).nanmean(1).nan_to_num(-1.0).tolist()
    rows: dict[str, list[float]] = {}
    for name, level in zip(group, known, strict=True):
        rows.setdefault(str(name), []).append(level)
    if len(rows) < 2:
        raise InputError(f"a regression needs training cases of two groups or more, and they are of {len(rows)}")
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
