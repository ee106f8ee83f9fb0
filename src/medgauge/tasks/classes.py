"""Classes: one of several names without an order, such as a view, a scanner or a kind of lesion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.calibration.class_sets import ClassSets
from medgauge.core.batch import LabelCoding
from medgauge.core.errors import InputError
from medgauge.core.figure import Figure
from medgauge.core.forms import NUMBERS, TEXT, Group, Listed, check_form
from medgauge.core.problem import Problem
from medgauge.core.task import Baseline, Certainty, Predictor, Surroundings
from medgauge.functional.classes import ClassStrata, class_log_loss
from medgauge.functional.weights import mixture_weights
from medgauge.inference.balanced_svm import ClassSvm
from medgauge.inference.class_head import SoftmaxReader
from medgauge.inference.class_logistic import MultinomialPredictor
from medgauge.inference.class_vote import ClassVote
from medgauge.metrics.catalogue import CLASS
from medgauge.metrics.class_baselines import ClassCovariatesOnly, TrainingShares, class_shares
from medgauge.models.classes import ClassPlaces, SoftmaxHead
from medgauge.tasks.columns import LabelColumns, fitted
from medgauge.tasks.problems import class_copy_problems, class_problems


def class_columns(label: Sequence[str], kind: Mapping[str, str]) -> list[str]:
    """The label columns that hold classes.

    >>> class_columns(["age", "view"], {"view": "class"})
    ['view']
    """
    return [name for name in label if kind.get(name) == Classes.kind]


@dataclass(frozen=True, eq=False)
class Classes(LabelColumns):
    """Label columns that hold the place of a class among its column's names; a value is the chance of each class.

    - Shape: labels (n, t), values (n, t, k), k the largest number of classes; a target with fewer has 0 in the places left over.

    Args:
        columns: label columns.
        head_settings: whether there is a head, and the names of the classes.
        coding: how many classes each column has.
        shares: of each class among the training labels, (t, k).
    """

    kind: ClassVar[str] = "class"
    recipe: ClassVar[str] = "class"
    regression: ClassVar[str] = "logistic"
    ordered: ClassVar[bool] = False
    states: ClassVar[bool] = True
    certainty: ClassVar[type[Certainty]] = ClassSets
    baselines: ClassVar[tuple[type[Baseline], ...]] = (TrainingShares, ClassCovariatesOnly)
    figures: ClassVar[Mapping[str, Figure]] = CLASS

    coding: ClassPlaces = field(default_factory=ClassPlaces)
    shares: Float[Tensor, "t k"] | None = None

    @property
    def classes(self) -> tuple[tuple[str, ...], ...]:
        """The names of each column's classes, in order of their places."""
        return tuple(tuple(self.head_settings.classes.get(column, ())) for column in self.columns)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many classes each column has."""
        return tuple(map(len, self.classes))

    @property
    def strata(self) -> ClassStrata:
        """The classes themselves."""
        return ClassStrata(self.classes)

    @property
    def logits(self) -> int:
        """The number of classes of the column with the most; 0 without a head."""
        return 0 if self.head_settings.name == "none" else max(self.counts)

    def problems(self, label: Float[Tensor, "n t"], ids: Sequence[str]) -> list[Problem]:
        """Missing everywhere, one class alone, a place that is none, or what another column tells."""
        found = []
        for name, column, classes in zip(self.columns, label.unbind(1), self.classes, strict=True):
            found += class_problems(name, column, classes, ids)
        return found or class_copy_problems(self.columns, label)

    def fit(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> Self:
        """Shares of the training labels."""
        return replace(self, coding=ClassPlaces(self.counts), shares=class_shares(label, max(self.counts)))

    def stratified(self, label: Float[Tensor, "n t"]) -> Self:
        """The classes are the same for all labels."""
        return self

    def head(self, embedding: int) -> nn.Module | None:
        """A softmax head.

        Raises:
            InputError: another head is asked for.
        """
        wanted = self.head_settings
        if wanted.name == "none":
            return None
        if wanted.name != "auto":
            raise InputError(f"model.head {wanted.name} reads an order, and {self.columns[0]} is a class; write auto")
        return SoftmaxHead(embedding, self.counts)

    def surroundings(self) -> Surroundings:
        """The neighbours' vote."""
        return ClassVote(self.counts)

    def predictors(self) -> Mapping[str, Predictor]:
        """The head, where there is one, and linear classifiers, where the recipe wants them."""
        head, found = self.head_settings, dict[str, Predictor]()
        if head.name != "none":
            found["head"] = SoftmaxReader(self.counts)
        if head.logistic:
            found["logistic"] = MultinomialPredictor(self.counts, weighted=head.weighted)
        if head.svm:
            found["svm"] = ClassSvm(self.counts, weighted=head.weighted)
        return found

    def error(self, value: Float[Tensor, "*m n t k"], label: Float[Tensor, "n t"]) -> Float[Tensor, "*m n t"]:
        """The log loss of the true class, at most log 1000."""
        return class_log_loss(value, label)

    def weigh(self, value: Float[Tensor, "c n k"], label: Float[Tensor, " n"]) -> Float[Tensor, " c"]:
        """By the log loss."""
        return mixture_weights((-self.error(value[:, :, None], label[:, None])[..., 0]).exp())

    def relative(self, error: Float[Tensor, " t"], label: Float[Tensor, "n t"]) -> float:
        """Mean log losses over those of the training shares for the same labels, mean over the targets that have any."""
        label = label.detach().cpu().double()
        blind = self.error(fitted(self.shares).expand(len(label), -1, -1), label).nanmean(0)
        return float((error.double() / torch.where(blind > 0, blind, 1.0)).nanmean())

    def of_group(self, label: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
        """A mean of places is a class where it is whole; else there is none."""
        return label.masked_fill(label != label.round(), torch.nan)

    def aligned(self, probability: Float[Tensor, "n t k"] | None, other: Self) -> Float[Tensor, "n t k"] | None:
        """Every fit has all classes at the same places; classes beyond the last that is known have 0."""
        if probability is None:
            return None
        return nn.functional.pad(probability, (0, max(self.counts) - probability.shape[2]))

    def further(self, value: Float[Tensor, "n t k"], label: Float[Tensor, "n t"], target: int) -> dict[str, object]:
        """The names of the classes, in order."""
        return {"classes": list(self.classes[target])}

    def notes(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> list[str]:
        """Classes that no training case is of, a sentence a column."""
        found = []
        for name, column, classes in zip(self.columns, label.unbind(1), self.classes, strict=True):
            there = set(column[~column.isnan()].long().tolist())
            absent = [one for place, one in enumerate(classes) if place not in there]
            if absent:
                found.append(f"{name}: no training case is {' or '.join(absent)}, so that no case is said to be")
        return found

    def to_dict(self) -> dict[str, object]:
        """Names and training shares of the classes."""
        return {"classes": [list(of) for of in self.classes], "shares": fitted(self.shares).tolist()}

    def restored(self, saved: Mapping[str, Any], coding: LabelCoding) -> Self:
        """The inverse of ``to_dict``."""
        if not isinstance(coding, ClassPlaces):
            raise ValueError(f"coding must be ClassPlaces, got {type(coding).__name__}")
        check_form("task", saved, Group({"classes": Listed(Listed(TEXT)), "shares": Listed(NUMBERS)}))
        if tuple(map(tuple, saved["classes"])) != self.classes or tuple(coding.counts.tolist()) != self.counts:
            raise ValueError(f"classes and coding must be those of the recipe, {self.classes}")
        if [len(of) for of in saved["shares"]] != [max(self.counts)] * len(self.columns):
            raise ValueError(f"shares must be {max(self.counts)} for each of {len(self.columns)} targets")
        return replace(self, coding=coding, shares=torch.tensor(saved["shares"], dtype=torch.float64))

    def new_coding(self) -> ClassPlaces:
        """An empty coding, whose state is loaded."""
        return ClassPlaces()
