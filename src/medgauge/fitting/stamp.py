"""Which run it is: the checked recipe of a call, and what makes a run the same run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medgauge.core.errors import InputError, came
from medgauge.core.version import __version__
from medgauge.core.words import shown
from medgauge.recipes.idle import idle_settings, refuse_idle
from medgauge.recipes.label_columns import label_changes
from medgauge.recipes.read import build_recipe, default_values, load_values, override, recipe_values
from medgauge.recipes.schema import Recipe
from medgauge.recipes.whole_names import whole_names
from medgauge.study import Study
from medgauge.study.source_run import source_digest

EXAMPLES = {"columns": '"table": "cases.csv"', "changes": '"training.steps": 500'}
LISTS = ("label", "findings", "covariates", "subgroups")


def make_recipe(
    recipe: str | Path | Mapping[str, Any] | None,
    columns: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    *,
    pretraining: bool = False,
) -> Recipe:
    """A checked recipe from a file, a name, a mapping or nothing, with settings of its data section and changes by place.

    With nothing, the recipe is that of the kinds of the labels; ``pretraining``: it may be one of a pretraining.

    Raises:
        InputError: a setting is wrong, or one that is given beside the recipe does nothing.
    """
    if not isinstance(recipe, str | Path | Mapping | None):
        raise InputError(f"the recipe must be a file, a name or a mapping of settings, got {came(recipe)}")
    placed = placed_settings({} if columns is None else columns, {} if changes is None else changes)
    given = dict(recipe) if isinstance(recipe, Mapping) else load_values(recipe) if recipe else None
    placed |= whole_names(override(given or {}, placed))
    placed |= label_changes(override(given or {}, placed))
    wanted = override(default_values(override({}, placed)) if given is None else given, placed)
    made = build_recipe({"objective": default_values(wanted)["objective"], **wanted})
    refuse_idle(idle_settings(made), placed)
    if made.pretraining.is_on and not pretraining:
        raise InputError(
            f"pretraining.method {made.pretraining.method} is of `medgauge pretrain`, which reads no labels; give the recipe there, or "
            "another one here"
        )
    return made


def given_settings(columns: dict[str, Any], changes: Mapping[str, Any] | None, **named: object) -> dict[str, Any]:
    """What a function of the Python interface was given, as changes by dotted place; ``named`` columns may be None.

    ``represent.name`` auto is left out, since it says nothing.
    """
    own = {name: value for name, value in named.items() if value is not None} | columns
    given = placed_settings(own, {} if changes is None else changes)
    return {place: value for place, value in given.items() if (place, value) != ("represent.name", "auto")}


def placed_settings(columns: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the data section by name, and settings by dotted place over them, as changes by dotted place."""
    for name, given, what in (("columns", columns, "name"), ("changes", changes, "place")):
        if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
            raise InputError(f"{name} must be settings by {what}, as {{{EXAMPLES[name]}}}, got {came(given)}")
    named = column_changes(columns)
    for place in named.keys() & changes.keys():
        if named[place] != plain_value(changes[place]):
            raise InputError(
                f"{place} is given twice, as {shown(named[place])} and in changes as {shown(changes[place])}; give it once"
            )
    return {**named, **changes}


def column_changes(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the data section given by name, as changes by dotted place."""
    return {
        f"data.{name}": plain_value([value] if name in LISTS and isinstance(value, str) else value)
        for name, value in columns.items()
    }


def plain_value(value: Any) -> Any:  # a setting may be of any type
    """Paths as texts, sequences as lists, mappings as plain ones."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple | list) else value


def run_stamp(study: Study, recipe: Recipe | None = None) -> dict[str, Any]:
    """What makes a run the same run: every setting, the table's content, the version."""
    recipe = study.recipe if recipe is None else recipe
    made = {"medgauge": __version__, "seed": recipe.seed, "table_sha256": study.table.digest}
    if weights := source_digest(recipe):
        made["source_sha256"] = weights
    return {"made": made, **recipe_values(recipe)}
