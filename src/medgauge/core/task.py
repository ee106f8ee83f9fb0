"""What a kind of label brings: the protocols that fitting, runs, evaluation and comparing are written against."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor, nn

from medgauge.core.asked import Asked
from medgauge.core.batch import Cases, LabelCoding
from medgauge.core.difficulty import Difficulty
from medgauge.core.evidence import Reading
from medgauge.core.figure import Figure
from medgauge.core.problem import Problem

Error = Callable[[Tensor, Tensor], Tensor]
"""A task's error: (value (..., t), label (..., t)) -> (..., t)."""
Stated = Mapping[str, Tensor]
"""What a certainty says of n cases: tensors of n rows by name; ``value`` (n, t) is always there."""


@dataclass(frozen=True)
class Observed:
    """What was read off cases whose label is known: what a certainty is fitted on.

    - Shape: value (n, t) of the predictor of record and label (n, t), NaN = missing; group: n names; probability
      (n, t, k) of each level or class, None for kinds that have none; scale (n, t), the size of error that is expected of
      each case, None where none was asked for. Of cases that one fold's fit each left out: fold (n,), which one. Of new
      cases read by the fits of k folds: fits (k, n, t), what each says, and fit_scales alike.
    """

    value: Float[Tensor, "n t"]
    label: Float[Tensor, "n t"]
    group: Sequence[str]
    probability: Float[Tensor, "n t k"] | None = None
    scale: Float[Tensor, "n t"] | None = None
    fold: Int[Tensor, " n"] | None = None
    fits: Float[Tensor, "k n t"] | None = None
    fit_scales: Float[Tensor, "k n t"] | None = None


class Strata(Protocol):
    """Parts of the labels within which figures are given; fitted on training labels."""

    @property
    def names(self) -> Sequence[str]:
        """Their names, the most frequent first."""

    def of(self, label: Float[Tensor, "n t"]) -> Int[Tensor, "n t"]:
        """The place of each label's stratum in ``names``; -1 where it is missing."""


class Predictor(Protocol):
    """Reads values; knows no metric: what is tuned is tuned by the error of a task.

    ``validation`` (t,) is the mean error on the validation cases, NaN without any; ``tuned`` what was tuned, by name.
    """

    @property
    def validation(self) -> Float[Tensor, " t"]:
        """Mean error on the validation cases of each target."""

    @property
    def tuned(self) -> dict[str, float]:
        """What was tuned."""

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Keep what is needed of the gallery (training cases); tune on ``validation``."""

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """As fitted before, with what was tuned then."""

    def read(self, cases: Cases) -> Reading:
        """Values in original units, with evidence and probabilities where there are any."""


@runtime_checkable
class Valued(Protocol):
    """What a predictor has, too, whose values are had much faster without what they rest on."""

    def values(self, cases: Cases) -> Float[Tensor, "q t"]:
        """The values of ``read``, to rounding."""


@runtime_checkable
class Learned(Protocol):
    """What a predictor has, too, that has learned numbers of its own: they are kept as data and never learned again."""

    def learned(self) -> dict[str, Tensor]:
        """These numbers, by name."""

    def take_learned(self, kept: Mapping[str, Tensor]) -> Self:
        """The inverse of ``learned``, after ``restore``."""


class Surroundings(Predictor, Protocol):
    """A predictor that names training cases: its evidence is shown beside every value."""

    def nearest_distance(
        self, embedding: Float[Tensor, "q d"], *, group: Sequence[str] | None = None
    ) -> Float[Tensor, " q"]:
        """Distance to the nearest gallery case of another group."""


class Saying(Protocol):
    """Says what holds of cases: intervals of a number, sets of grades, calibrated probabilities of findings."""

    def apply(self, observed: Observed) -> Stated:
        """What is said of cases: ``value`` (corrected) among it, and ``covered`` (n, t), whether it holds of their label."""

    def columns(self, name: str, target: int) -> list[str]:
        """Columns of predictions.csv for one target, of its name and its place."""

    def cells(self, stated: Stated, target: int) -> list[list[object]]:
        """For each case the cells of these columns."""

    def figures(
        self, stated: Stated, observed: Observed, strata: Strata, target: int, *, seed: int
    ) -> dict[str, object]:
        """Further keys of a target's block in results.json: how well what is said holds, whole and in parts."""

    def note(self, target: int) -> str:
        """What must be said beside it."""


class Certainty(Saying, Protocol):
    """A saying that is fitted on calibration cases.

    ``key`` is the key of what it says in a target's block of results.json, and ``extent`` that of its mean size there.
    """

    key: ClassVar[str]
    extent: ClassVar[str]

    @classmethod
    def fit(cls, observed: Observed, strata: Any, settings: Asked, *, seed: int, cross: bool) -> Self:
        """Fit on cases that selected nothing; ``strata``: the kind's own; ``cross``: values came from several fits."""

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values, ``level`` among them."""

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""


@dataclass(frozen=True)
class Known:
    """Labels with the covariates beside them, for baselines: label (n, t), covariates (n, q), q may be 0."""

    label: Float[Tensor, "n t"]
    covariates: Float[Tensor, "n q"]


class Baseline(Protocol):
    """What a model has to beat: values without the image."""

    name: ClassVar[str]
    of_covariates: ClassVar[bool]

    @classmethod
    def fit(cls, train: Known, validation: Known) -> Self:
        """Fit on training cases, choose on validation cases."""

    def read(self, covariates: Float[Tensor, "m q"]) -> Float[Tensor, "m t"]:
        """Values in original units."""

    sort: Sequence[str]
    """What it became once it has read, one word a target; empty where there is nothing to say."""


class Task(Protocol):
    """One kind of label and the columns that are of it, with one head, one part of the objective, one section of the report.

    ``recipe`` is used where none is given; ``regression`` names that on an embedding, among ``predictors`` where it is wanted,
    or is ``auto``, the predictor of the lowest error; ``ordered``: labels lie on a line; ``figures`` come as tables show
    them, and the first is the mean of ``error``, by which predictors and baselines are judged.
    """

    kind: ClassVar[str]
    recipe: ClassVar[str]
    regression: ClassVar[str]
    ordered: ClassVar[bool]
    certainty: ClassVar[type[Certainty]]
    baselines: ClassVar[tuple[type[Baseline], ...]]
    figures: ClassVar[Mapping[str, Figure]]

    @property
    def name(self) -> str:
        """How the objective's entries name it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Its label columns."""

    @property
    def coding(self) -> LabelCoding:
        """Labels to normalised units and back."""

    @property
    def strata(self) -> Strata:
        """Parts of its labels."""

    def problems(self, label: Float[Tensor, "n t"], ids: Sequence[str]) -> list[Problem]:
        """What is wrong with its columns."""

    def fit(self, label: Float[Tensor, "n t"], divisor: Float[Tensor, " n"] | None) -> Self:
        """The task with coding, strata and levels of the training labels."""

    def stratified(self, label: Float[Tensor, "n t"]) -> Self:
        """The fitted task with the strata of other labels: of all development cases, where several fits are pooled."""

    def head(self, embedding: int) -> nn.Module | None:
        """embedding (n, d) -> prediction (n, t)[, logits (n, t, k)]; None where only neighbours predict."""

    def surroundings(self) -> Surroundings:
        """The predictor ``neighbours``, unfitted."""

    def predictors(self) -> Mapping[str, Predictor]:
        """What else may read its values, unfitted, by name."""

    def records(self, predictors: Mapping[str, Predictor], validation: Cases, default: str) -> tuple[str, ...]:
        """Of each column the fitted predictor of record, where the recipe names none; ``default``: the best of all columns."""

    def difficulty(self) -> Difficulty | None:
        """What expects its errors, unfitted; None where nothing that is said is wider for larger ones."""

    def error(self, value: Float[Tensor, "*n t"], label: Float[Tensor, "*n t"]) -> Float[Tensor, "*n t"]:
        """The error of each value; tunes what has to be tuned."""

    def weigh(self, value: Float[Tensor, "c n"], label: Float[Tensor, " n"]) -> Float[Tensor, " c"]:
        """Weights of the values of c candidates for one target, all there, with the least mean error of their weighted mean."""

    def relative(self, error: Float[Tensor, " t"], label: Float[Tensor, "n t"]) -> float:
        """Mean errors of the targets over those of the constant baseline for these labels, mean over the targets."""

    def score(self, value: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> float:
        """Error over that of the constant baseline on the same cases: 0 is perfect, 1 knows nothing."""

    def of_group(self, label: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
        """Means of several labels made labels of the kind again."""

    def aligned(self, probability: Float[Tensor, "n t k"] | None, other: Self) -> Float[Tensor, "n t k"] | None:
        """Probabilities that another fit of the same columns gave, at the places that this one has for them."""

    def further(self, value: Float[Tensor, "n t"], label: Float[Tensor, "n t"], target: int) -> dict[str, object]:
        """Further keys of a target's block in results.json, such as errors in a transformed unit."""

    def together(
        self,
        value: Float[Tensor, "n t"],
        raw: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        group: Sequence[str],
        *,
        seed: int | None,
        fold: Int[Tensor, " n"] | None = None,
    ) -> dict[str, dict[str, object]]:
        """Figures of all its columns together, by a key of ``core.beside.BESIDE``; nothing where there are none.

        ``raw``: values before what is said for certain corrects them. ``fold``: of each case, where several models read them.
        """

    def to_dict(self) -> dict[str, object]:
        """What was fitted, as plain JSON values; the coding is kept with the model's weights."""

    def restored(self, saved: Mapping[str, object], coding: LabelCoding) -> Self:
        """The inverse of ``to_dict``."""
