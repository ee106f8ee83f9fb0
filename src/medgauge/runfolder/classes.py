"""Columns of a run's CSV files that hold names of classes, read as their places."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from medgauge.core.forms import TEXT, Group, Listed, Named, check_form
from medgauge.runfolder.folder import RunFolder
from medgauge.runfolder.tables import read_numbers, value_column

CLASSES = Group({"data?": Group({"classes?": Named(Listed(TEXT))})})
"""Where recipe.yaml has the names of classes."""
OTHERS = ("region", "set", "probability", "weights", "effects", "shown_share", "spread", "neighbour_values")
"""What stands before the name of a target in columns that hold no class."""


def classes_of(recipe: Mapping[str, Any]) -> dict[str, list[str]]:
    """The classes of each target that has any, from recipe.yaml; ValueError where they are none.

    >>> classes_of({"data": {"classes": {"view": ["AP", "PA"]}}}), classes_of({})
    ({'view': ['AP', 'PA']}, {})
    """
    check_form("", recipe, CLASSES)
    return {name: list(own) for name, own in ((recipe.get("data") or {}).get("classes") or {}).items()}


def with_places(columns: Mapping[str, Sequence[str]], classes: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The columns with names of classes as places, and for each target ``error_<target>``: 1 - the chance of the true class.

    >>> with_places({"label_v": ["PA"], "value_v": ["AP"], "probability_PA_v": ["0.25"]}, {"v": ["AP", "PA"]})["label_v"]
    ['1']
    """
    found = dict(columns)
    targets = [name.removeprefix("label_") for name in columns if name.startswith("label_")]
    for target, names in classes.items():
        place = {name: str(at) for at, name in enumerate(names)} | {"": ""}
        longer = [f"_{other}" for other in targets if other.endswith(f"_{target}")]
        own = [name for name in columns if name.endswith(f"_{target}") and not name.endswith(tuple(longer))]
        for name in own:
            of_other = any(name.startswith(f"{before}_") for before in OTHERS)
            if not of_other and all(cell in place for cell in columns[name]):
                found[name] = [place[cell] for cell in columns[name]]
        chances = [columns.get(f"probability_{name}_{target}") for name in names]
        if all(one is not None for one in chances) and (label := columns.get(f"label_{target}")) is not None:
            found[f"error_{target}"] = [_lacking(cell, row, names, chances) for row, cell in enumerate(label)]
    return found


def read_values(
    folder: RunFolder, name: str, columns: Mapping[str, Sequence[str]], target: str, classes: Sequence[str]
) -> Float64[np.ndarray, "n *k"]:
    """The values of record of one target: numbers, or the chance of each of its classes where it has any; NaN = missing.

    Of findings those before calibration.

    Raises:
        InputError: the file is damaged.
    """
    wanted = [f"probability_{one}_{target}" for one in classes] or [value_column(columns, target)]
    found = np.array([read_numbers(folder, name, columns, one) for one in wanted], dtype=np.float64)
    return found.T if classes else found[0]


def _lacking(cell: str, row: int, names: Sequence[str], chances: Sequence[Sequence[str] | None]) -> str:
    """What the chance of a case's true class lacks to 1, as a cell."""
    own = chances[names.index(cell)] if cell in names else None
    try:
        return "" if own is None or not own[row] else f"{1 - float(own[row]):.10g}"
    except ValueError:
        return ""
