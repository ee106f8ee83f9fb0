"""One fit of a run: its model, its readers, its results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medgauge.core.batch import Cases
from medgauge.core.task import Known
from medgauge.inference.reader import Reader
from medgauge.models import Model
from medgauge.recipes.schema import Recipe
from medgauge.runfolder import RunFolder
from medgauge.tasks import Tasks


@dataclass(frozen=True)
class Fit:
    """A finished fit, ready to read values off new images.

    Args:
        folder: its run folder.
        recipe: the recipe as used.
        model: with the weights of the best checkpoint, in evaluation mode, on the CPU.
        tasks: fitted.
        gallery: the training cases with a label, all columns.
        readers: one a task.
        results: what results.json holds.
        gallery_rows: rows of the gallery's cases in splits.csv.
        train: labels and covariates of the gallery, for baselines.
        validation: those of the validation cases.
    """

    folder: RunFolder
    recipe: Recipe
    model: Model
    tasks: Tasks
    gallery: Cases
    readers: Sequence[Reader]
    results: dict[str, Any]
    gallery_rows: list[int]
    train: Known
    validation: Known

    @property
    def recipes(self) -> Sequence[Recipe]:
        """By what cases are prepared for each fit."""
        return [self.recipe]

    @property
    def fits(self) -> "Sequence[Fit]":
        """The fits that a value is made of: this one alone."""
        return [self]


def task_cases(tasks: Tasks, cases: Cases) -> list[Cases]:
    """For each task the cases with its columns."""
    places = tasks.places
    return [cases.of(places[task.name], divides=task.coding.divides) for task in tasks]


def cases_of_fits(fits: Sequence[Fit], cases: Sequence[Cases]) -> list[list[Cases]]:
    """For each task the cases with its columns, one of each fit: these may know different numbers of levels."""
    parts = [task_cases(fit.tasks, own) for fit, own in zip(fits, cases, strict=True)]
    return [list(of_task) for of_task in zip(*parts, strict=True)]


def task_known(tasks: Tasks, known: Known) -> list[Known]:
    """For each task labels and covariates with its columns."""
    return [Known(known.label[:, part.columns], known.covariates) for part in tasks.places.values()]
