"""The cases of a recipe, read and checked."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from medgauge.core.problem import Problem
from medgauge.data.features.joining import FeatureRows
from medgauge.data.images.decode import PreparedImages
from medgauge.data.tables.subgroups import subgroup_values
from medgauge.data.tables.table import Table
from medgauge.data.tables.words import model_covariates
from medgauge.recipes.schema import Recipe


@dataclass(frozen=True)
class Study:
    """The cases of a recipe; ``recipe`` has nothing left to decide.

    - Shape: table, splits, images and ``divisor`` (n,) row for row; model covariates are the first columns of the table's.
    """

    recipe: Recipe
    table: Table
    splits: list[str]
    images: PreparedImages
    left_out: list[tuple[Problem, str]]
    read: int
    notes: list[str]

    def rows(self, split: str) -> list[int]:
        """Positions of a split's cases."""
        return [row for row, name in enumerate(self.splits) if name == split]

    @property
    def columns(self) -> tuple[tuple[str, ...], ...]:
        """Names of the features of each file, where features stand in the place of images; else none."""
        return self.images.columns if isinstance(self.images, FeatureRows) else ()

    @property
    def subgroups(self) -> dict[str, list[str]]:
        """The values of the subgroup columns, n texts each."""
        return subgroup_values({name: self.table.extra[name] for name in self.recipe.data.subgroups})

    @property
    def covariates(self) -> np.ndarray[Any, Any]:
        """Covariates of the model, (n, q)."""
        data = self.recipe.data
        return self.table.covariates[:, : len(model_covariates(data.covariates, data.covariate_words))]

    @property
    def divisor(self) -> np.ndarray[Any, Any] | None:
        """What labels are divided by, (n,), or None."""
        return divisor_of(self.table, self.recipe)


def divisor_of(table: Table, recipe: Recipe) -> np.ndarray[Any, Any] | None:
    """The column of a table that the recipe's labels are divided by, (n,), or None."""
    name = recipe.data.label_times
    return None if name is None else table.covariates[:, table.covariate.index(name)]
