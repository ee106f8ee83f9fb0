"""The predictors of one task, fitted on a gallery, tuned on validation cases, with the one of record chosen."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.core.task import Learned, Predictor, Surroundings, Task
from medgauge.core.threads import few_threads
from medgauge.inference.far import far_threshold
from medgauge.inference.predictor import values_of
from medgauge.inference.prototypes import PrototypePredictor
from medgauge.inference.similarity import PrototypeSimilarity

AUTO, REGRESSION = "auto", "regression"
NEIGHBOURS = "neighbours"
"""The predictor whose evidence is shown beside a value that rests on no cases; every task has it."""


@dataclass(frozen=True)
class Tuned:
    """A task's predictors, ready to read.

    Args:
        task: fitted on the training labels.
        gallery: the training cases, with the task's columns alone.
        predictors: by name, fitted; ``neighbours`` among them.
        record: the one whose value is the task's.
        validation: mean validation error of each predictor, mean over the targets, in label units.
        score: of the one of record, as ``Task.score``; NaN where it was not taken.
        far_distance: cases farther than this from the gallery are flagged.
    """

    task: Task
    gallery: Cases
    predictors: Mapping[str, Predictor]
    surroundings: Surroundings
    record: str
    validation: Mapping[str, float]
    score: float
    far_distance: float

    @classmethod
    def fit(cls, task: Task, gallery: Cases, validation: Cases, *, record: str) -> "Tuned":
        """Tune on validation cases.

        ``record``: a predictor's name, regression for what the kind says, or auto for the one with the lowest error there.
        """
        surroundings = task.surroundings()
        made = {NEIGHBOURS: surroundings, **task.predictors()}
        with few_threads(len(gallery)):
            fitted = {name: one.fit(gallery, validation, task.error) for name, one in made.items()}
            nearest = surroundings.nearest_distance(validation.embedding, group=validation.group)
        scores = {name: task.relative(one.validation, validation.label) for name, one in fitted.items()}
        best = min(scores, key=lambda name: scores[name])
        wanted = task.regression if record == REGRESSION else record
        chosen = best if wanted == AUTO else wanted
        errors = {name: float(one.validation.nanmean(-1)) for name, one in fitted.items()}
        return cls(task, gallery, fitted, surroundings, chosen, errors, scores[chosen], far_threshold(nearest))

    @classmethod
    def restore(
        cls,
        task: Task,
        gallery: Cases,
        *,
        record: str,
        tuned: Mapping[str, dict[str, float]],
        learned: Mapping[str, Mapping[str, Tensor]],
        validation: Mapping[str, float],
        far_distance: float,
    ) -> "Tuned":
        """As fitted before, from what was written of it."""
        surroundings = task.surroundings()
        made = {NEIGHBOURS: surroundings, **task.predictors()}
        if record not in made:
            raise ValueError(f"record must be one of {', '.join(made)}, got {record}")
        with few_threads(len(gallery)):
            fitted = {name: one.restore(gallery, tuned[name]) for name, one in made.items()}
        for name, one in fitted.items():
            if isinstance(one, Learned):
                one.take_learned(learned[name])
        return cls(task, gallery, fitted, surroundings, record, validation, float("nan"), far_distance)

    def learned(self) -> dict[str, dict[str, Tensor]]:
        """What predictors have learned, by their names."""
        return {name: one.learned() for name, one in self.predictors.items() if isinstance(one, Learned)}

    def read(self, cases: Cases) -> tuple[Reading, dict[str, Float[Tensor, "n t"]], Reading]:
        """The reading of record, every predictor's values, and the reading whose evidence is shown.

        That is the one of record where its value rests on training cases, else the neighbours'.
        """
        with few_threads(len(self.gallery)):
            readings = {name: self.predictors[name].read(cases) for name in dict.fromkeys((self.record, NEIGHBOURS))}
            values = {
                name: readings[name].value if name in readings else values_of(one, cases)
                for name, one in self.predictors.items()
            }
        record = readings[self.record]
        shown = record if record.evidence is not None else readings[NEIGHBOURS]
        return record, values, shown

    def similarity(self, cases: Cases) -> PrototypeSimilarity | None:
        """How near cases are to prototypes, where a predictor reads by them."""
        found = (one.similarity(cases) for one in self.predictors.values() if isinstance(one, PrototypePredictor))
        return next(found, None)

    def nearest(self, cases: Cases) -> Float[Tensor, " n"]:
        """Distance of each case to the nearest training case of another group."""
        with few_threads(len(self.gallery)):
            return self.surroundings.nearest_distance(cases.embedding, group=cases.group)
