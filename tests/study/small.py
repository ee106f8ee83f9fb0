"""Tables and studies without files, that the tests of studies and fitting share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medgauge.core.problem import Problem
from medgauge.data.images.decode import PreparedImages
from medgauge.data.images.image import ImageSource
from medgauge.data.tables.table import Table
from medgauge.recipes.read import build_recipe
from medgauge.study import Study


def table_of(label: Sequence[float], group: Sequence[str] | None = None, **more: Any) -> Table:
    """Cases c0, c1, ... with one label."""
    n = len(label)
    given: dict[str, Any] = {
        "id": [f"c{row}" for row in range(n)], "group": list(group or [f"g{row}" for row in range(n)]),
        "image": [ImageSource(Path(), None, None)] * n, "label": np.array(label, dtype=np.float64)[:, None],
        "covariates": np.zeros((n, 0)), "target": ["age"], "covariate": [], "split": None,
        "line": list(range(2, n + 2)), "path": Path("cases.csv"), "digest": "0",
    }  # fmt: skip
    return Table(**(given | more))


def recipe_of(**changes: Any) -> Any:
    """A recipe with some sections changed."""
    data = {"table": "cases.csv", "image": "path", "label": ["age"], "group": "patient", **changes.pop("data", {})}
    return build_recipe({"data": data, **changes})


def study_of(
    table: Table, splits: Sequence[str], recipe: Any, *, left_out: Sequence[tuple[Problem, str]] = (), read: int = 0
) -> Study:
    """Cases with images of two by three pixels, each different."""
    n = len(table)
    array = np.arange(n * 6, dtype=np.uint8).reshape(n, 1, 2, 3)
    images = PreparedImages(array, np.ones(n), [f"d{row}" for row in range(n)], [], [], 255.0, [None] * n)
    return Study(recipe, table, list(splits), images, list(left_out), read or n, [])
