"""The predictors of one task, fitted on a gallery, tuned on validation cases, with the one of record chosen."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.core.task import Learned, Predictor, Surroundings, Task
from medgauge.core.threads import few_threads
from medgauge.inference.far import far_threshold
from medgauge.inference.mixture import by_column, mixed_reading
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
        records: of each column, the one whose value is that column's; all ``record`` but where the kind lets them differ.
        validation: mean validation error of each predictor, mean over the targets, in label units.
        score: of those of record, as ``Task.score``; NaN where it was not taken.
        far_distance: cases farther than this from the gallery are flagged.
    """

    task: Task
    gallery: Cases
    predictors: Mapping[str, Predictor]
    surroundings: Surroundings
    record: str
    records: tuple[str, ...]
    validation: Mapping[str, float]
    score: float
    far_distance: float

    @classmethod
    def fit(cls, task: Task, gallery: Cases, validation: Cases, *, record: str) -> "Tuned":
        """Tune on validation cases.

        ``record``: a predictor's name, regression for what the kind says, or auto for the one with the lowest error there,
        from which single columns may then differ (``Task.records``).
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
        records = (chosen,) * len(task.columns)
        if wanted == AUTO:
            with few_threads(len(gallery)):
                records = task.records(fitted, validation, chosen)
        of_record = torch.stack([fitted[name].validation[place] for place, name in enumerate(records)])
        errors = {name: float(one.validation.nanmean(-1)) for name, one in fitted.items()}
        score, far = task.relative(of_record, validation.label), far_threshold(nearest)
        return cls(task, gallery, fitted, surroundings, chosen, records, errors, score, far)

    @classmethod
    def restore(
        cls,
        task: Task,
        gallery: Cases,
        *,
        record: str,
        records: Mapping[str, str],
        tuned: Mapping[str, dict[str, float]],
        learned: Mapping[str, Mapping[str, Tensor]],
        validation: Mapping[str, float],
        far_distance: float,
    ) -> "Tuned":
        """As fitted before, from what was written of it; ``records``: of columns whose predictor is not ``record``."""
        surroundings = task.surroundings()
        made = {NEIGHBOURS: surroundings, **task.predictors()}
        for name in (record, *records.values()):
            if name not in made:
                raise ValueError(f"record must be one of {', '.join(made)}, got {name}")
        for column in records:
            if column not in task.columns:
                raise ValueError(f"records must be of {', '.join(task.columns)}, got {column}")
        each = tuple(records.get(column, record) for column in task.columns)
        with few_threads(len(gallery)):
            fitted = {name: one.restore(gallery, tuned[name]) for name, one in made.items()}
        for name, one in fitted.items():
            if isinstance(one, Learned):
                one.take_learned(learned[name])
        return cls(task, gallery, fitted, surroundings, record, each, validation, float("nan"), far_distance)

    def learned(self) -> dict[str, dict[str, Tensor]]:
        """What predictors have learned, by their names."""
        return {name: one.learned() for name, one in self.predictors.items() if isinstance(one, Learned)}

    def read(self, cases: Cases) -> tuple[Reading, dict[str, Float[Tensor, "n t"]], Reading]:
        """The reading of record, every predictor's values, and the reading whose evidence is shown.

        That is the one of record where its value rests on training cases, else the neighbours'; each column has its own.
        """
        with few_threads(len(self.gallery)):
            readings = {name: self.predictors[name].read(cases) for name in dict.fromkeys((*self.records, NEIGHBOURS))}
            values = {
                name: readings[name].value if name in readings else values_of(one, cases)
                for name, one in self.predictors.items()
            }
        supporting = [name if readings[name].evidence is not None else NEIGHBOURS for name in self.records]
        alone = readings[supporting[0]] if len(set(supporting)) == 1 else None
        shown = alone or mixed_reading(readings, supporting, self.gallery, cases)
        if len(set(self.records)) == 1:
            return readings[self.records[0]], values, shown
        return Reading(by_column(readings, self.records), None), values, shown

    def of_record(self, cases: Cases) -> Reading:
        """The reading of record alone; of several predictors, values without what they rest on."""
        if len(set(self.records)) == 1:
            return self.predictors[self.records[0]].read(cases)
        with few_threads(len(self.gallery)):
            made = {
                name: Reading(values_of(self.predictors[name], cases), None) for name in dict.fromkeys(self.records)
            }
        return Reading(by_column(made, self.records), None)

    def similarity(self, cases: Cases) -> PrototypeSimilarity | None:
        """How near cases are to prototypes, where a predictor reads by them."""
        found = (one.similarity(cases) for one in self.predictors.values() if isinstance(one, PrototypePredictor))
        return next(found, None)

    def nearest(self, cases: Cases) -> Float[Tensor, " n"]:
        """Distance of each case to the nearest training case of another group."""
        with few_threads(len(self.gallery)):
            return self.surroundings.nearest_distance(cases.embedding, group=cases.group)
