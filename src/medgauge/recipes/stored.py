"""The recipe of a run folder, read as data: nothing that it names is imported or built."""

from collections.abc import Mapping
from typing import Any

from medgauge.core.errors import InputError
from medgauge.recipes.schema import Recipe
from medgauge.recipes.sections import read_section


def stored_recipe(values: Any) -> Recipe:
    """The recipe that a run was made with, from what its recipe.yaml holds.

    The objective stays as it is: predicting, evaluating and reporting need none. Settings that are absent have their
    defaults.

    Raises:
        InputError: a setting is unknown, of a wrong type or out of range.
    """
    if isinstance(values, Mapping):
        values = {key: value for key, value in values.items() if key != "made"}
    found: list[str] = []
    recipe = read_section(Recipe, values, found)
    if recipe is None:
        raise InputError(found[0])
    return recipe
