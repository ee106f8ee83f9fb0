"""Reads values off embedded cases of one task, with what may be said of them for certain."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from medgauge.core.asked import Asked
from medgauge.core.batch import Cases
from medgauge.core.difficulty import Difficulty
from medgauge.core.evidence import Reading
from medgauge.core.task import Certainty, Observed, Saying, Task
from medgauge.inference.far import is_far
from medgauge.inference.joining import labels_of_groups
from medgauge.inference.prototypes import PrototypePredictor
from medgauge.inference.readings import Readings
from medgauge.inference.tuned import Tuned
from medgauge.metrics.groups import group_means, grouping
from medgauge.models.prototypes import find_prototypes


@dataclass(frozen=True)
class Calibrated:
    """What calibration cases serve: for cases, and for groups whose cases are one value."""

    cases: Certainty
    groups: Certainty

    @classmethod
    def fit(cls, task: Task, observed: Observed, settings: Asked, *, seed: int, cross: bool) -> "Calibrated":
        """Fit both; without any case what is said is infinitely wide."""
        fit = task.certainty.fit
        cases = fit(observed, task.strata, settings, seed=seed, cross=cross)
        names, code = grouping(observed.group)
        groups = fit(pooled(task, observed, code, names), task.strata, settings, seed=seed, cross=cross)
        return cls(cases, groups)


def pooled(task: Task, observed: Observed, code: Int[Tensor, " n"], names: Sequence[str]) -> Observed:
    """Groups as cases: means of values, labels and probabilities."""
    count = len(names)
    chance = observed.probability
    return Observed(
        value=group_means(observed.value, code, count),
        label=labels_of_groups(task, observed.label, code, count),
        group=list(names),
        probability=None if chance is None else group_means(chance, code, count),
        scale=None if observed.scale is None else group_means(observed.scale, code, count),
        fold=None if observed.fold is None else group_means(observed.fold[:, None], code, count)[:, 0].long(),
    )


def know_head(readers: Sequence["Reader"], head: nn.Module | None) -> None:
    """Tell the readers of prototypes the head of the model whose cases they read."""
    found = find_prototypes(head)
    for reader in readers if found is not None else []:
        for predictor in reader.tuned.predictors.values():
            if isinstance(predictor, PrototypePredictor) and found is not None:
                predictor.take_head(found)


@dataclass(frozen=True)
class Reader:
    """The tuned predictors of a task and what calibration cases serve; :class:`PooledReader` is that of several fits.

    ``difficulty`` is fitted on the gallery where the recipe asks for scaled scores.
    """

    tuned: Tuned
    calibrated: Calibrated
    difficulty: Difficulty | None = None

    @classmethod
    def fit(cls, tuned: Tuned, calibration: Cases | None, settings: Asked, *, seed: int) -> "Reader":
        """Calibrate on cases that selected nothing; without any, what is said is infinitely wide."""
        cases = tuned.gallery.take(torch.arange(0)) if calibration is None else calibration
        difficulty = tuned.task.difficulty() if settings.scores == "scaled" else None
        if difficulty is not None:
            difficulty.fit(tuned.gallery)
        observed = observe(tuned.of_record(cases), cases, difficulty)
        return cls(tuned, Calibrated.fit(tuned.task, observed, settings, seed=seed, cross=False), difficulty)

    @property
    def task(self) -> Task:
        """Whose values are read."""
        return self.tuned.task

    @property
    def record(self) -> str:
        """The predictor of record."""
        return self.tuned.record

    @property
    def records(self) -> tuple[str, ...]:
        """That of each column."""
        return self.tuned.records

    @property
    def mixed(self) -> bool:
        """Whether columns have different ones."""
        return len(set(self.records)) > 1

    @property
    def predictors(self) -> list[str]:
        """Names of the predictors."""
        return list(self.tuned.predictors)

    @property
    def gallery(self) -> Cases:
        """The training cases that evidence names."""
        return self.tuned.gallery

    @property
    def divides(self) -> bool:
        """Whether labels are divided by a covariate."""
        return self.task.coding.divides

    @property
    def divided(self) -> list[bool]:
        """Of each gallery case whether its label is divided."""
        return [self.gallery.divisor is not None] * self.size

    @property
    def size(self) -> int:
        """How many cases the gallery has."""
        return len(self.tuned.gallery)

    @property
    def gallery_fold(self) -> list[int]:
        """The fold of each gallery case, where the gallery is that of several fits; here nothing."""
        return []

    @property
    def certainty(self) -> Saying:
        """What is said of cases."""
        return self.calibrated.cases

    def grouped(self, code: Int[Tensor, " n"]) -> Saying:
        """What is said of groups whose cases are one value; ``code``: the group of each case that was read."""
        return self.calibrated.groups

    def read(self, cases: Sequence[Cases]) -> Readings:
        """Read off cases as the one fit embeds them; neighbours never come from a case's own group."""
        (own,) = cases
        record, by_predictor, shown = self.tuned.read(own)
        if shown.evidence is None:
            raise ValueError("the predictor neighbours must give evidence")
        observed, nearest = observe(record, own, self.difficulty), self.tuned.nearest(own)
        return Readings(
            observed=observed,
            stated=self.certainty.apply(observed),
            by_predictor=by_predictor,
            nearest=nearest,
            far=is_far(nearest, self.tuned.far_distance),
            evidence=shown.evidence,
            supported=shown.value.double(),
            similarity=self.tuned.similarity(own),
        )

    def sources(self, count: int, code: Int[Tensor, " n"] | None = None) -> list[list[object]]:
        """The predictor of each column of ``count`` cases (or groups) that were read."""
        return [list(self.records) for _ in range(count)]

    def origins(self, count: int, code: Int[Tensor, " n"] | None = None) -> list[list[object]]:
        """Fold and predictor of each of ``count`` cases (or groups) that were read, where the reader is of several fits."""
        return [[] for _ in range(count)]

    def rescaled(self, rows: Int[Tensor, " k"], divisor: Float[Tensor, " k"]) -> Float[Tensor, "k t"]:
        """Labels of gallery cases, each at the scale of the case of that ``divisor``: what that value is a mean of."""
        return rescaled(self.task, self.gallery, rows, divisor)


def observe(reading: Reading, cases: Cases, difficulty: Difficulty | None = None) -> Observed:
    """A predictor's reading beside what is known of the cases."""
    scale = None if difficulty is None else difficulty.read(cases)
    return Observed(reading.value.double(), cases.label.double(), list(cases.group), reading.probability, scale)


def rescaled(task: Task, gallery: Cases, rows: Int[Tensor, " k"], divisor: Float[Tensor, " k"]) -> Float[Tensor, "k t"]:
    """Labels of gallery cases, each at the scale of the case of that ``divisor``; as they are where nothing divides them."""
    if gallery.divisor is None:
        return gallery.label[rows]
    return task.coding.decode(task.coding.encode(gallery.label[rows], gallery.divisor[rows]), divisor)
