"""The fits of all folds as one run: values are averaged, evidence is joined, certainty comes from out-of-fold residuals.

Of a blend each fold has a fit of every candidate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medgauge.inference.pooled import PooledReader
from medgauge.recipes.schema import Recipe
from medgauge.runfolder import RunFolder
from medgauge.runs.fitted import Fit
from medgauge.tasks import Tasks

OUT_OF_FOLD = "out_of_fold"
"""Split of the cases that were each read by the fit that left them out."""


@dataclass(frozen=True)
class Ensemble:
    """A finished run of several folds.

    Args:
        folder: the folder of the whole, with a run folder a fold inside; that of a blend is beside its candidates'.
        recipe: the recipe as used, without what the folds do not share.
        fits: one a fold; of a blend one a candidate, fold after fold.
        tasks: with the strata of all development cases.
        readers: those of the fits as one, a task each.
        results: what results.json holds.
    """

    folder: RunFolder
    recipe: Recipe
    fits: Sequence[Fit]
    tasks: Tasks
    readers: Sequence[PooledReader]
    results: dict[str, Any]

    @property
    def is_blend(self) -> bool:
        """Whether each fold has fits of several candidates."""
        return len(self.fits) > self.recipe.data.folds

    @property
    def recipes(self) -> Sequence[Recipe]:
        """By what cases are prepared for each fit: the settings of the whole, of a blend those of each candidate."""
        return [fit.recipe if self.is_blend else self.recipe for fit in self.fits]

    @property
    def gallery_rows(self) -> list[int]:
        """Rows of the cases of all galleries in splits.csv, one gallery after the other."""
        return [row for fit in self.fits for row in fit.gallery_rows]


Finished = Fit | Ensemble
"""A run of one fit, or of several folds."""
