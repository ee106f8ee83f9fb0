"""From a YAML file and overrides to a checked :class:`Recipe`, and back."""

import copy
import dataclasses
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from medgauge.core.errors import InputError
from medgauge.core.faults import os_words
from medgauge.core.settings_text import MOST_BYTES, read_settings
from medgauge.core.words import did_you_mean
from medgauge.recipes.entries import DEFAULT_KIND
from medgauge.recipes.idle import idle_settings, refuse_idle
from medgauge.recipes.mistakes import objective_mistakes
from medgauge.recipes.represent_settings import TABLE
from medgauge.recipes.schema import Recipe
from medgauge.recipes.sections import read_section

_MARKS = tuple("?-!>|&*")
"""Signs that YAML reads as something other than themselves."""


def recipe_names() -> list[str]:
    """Names of the recipes that come with medgauge."""
    home = resources.files("medgauge.recipes")
    return sorted(entry.name.removesuffix(".yaml") for entry in home.iterdir() if entry.name.endswith(".yaml"))


def load_values(recipe: str | Path) -> dict[str, Any]:
    """The raw values of a YAML file, or of a recipe that comes with medgauge, by name."""
    path, name = Path(recipe), str(recipe).removesuffix(".yaml")
    if path.suffix.lower() in (".csv", ".tsv", ".parquet", ".pq"):
        raise InputError(f"{recipe} is a table and no recipe; give it with --table {recipe}")
    if path.is_dir():
        of = "a run folder" if (path / "recipe.yaml").is_file() else "a folder"
        more = f"; its recipe is {path / 'recipe.yaml'}" if of == "a run folder" else ""
        raise InputError(f"{recipe} is {of} and no recipe{more}")
    if path.is_file():
        values = _read(recipe, path)
    elif name in recipe_names():
        values = read_settings((resources.files("medgauge.recipes") / f"{name}.yaml").read_text(encoding="utf-8"))
    else:
        raise InputError(
            f"there is no recipe {str(recipe)!r}: neither a file nor one of medgauge's ({did_you_mean(str(recipe), recipe_names())})"
        )
    if not isinstance(values, dict):
        raise InputError(f"the recipe {recipe} must be a mapping of settings, got {type(values).__name__}")
    return values


def _read(recipe: str | Path, path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has {path.stat().st_size} bytes, a recipe has at most {MOST_BYTES}")
        return read_settings(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"the recipe {recipe} cannot be read: it is no UTF-8 text") from error
    except OSError as error:
        raise InputError(f"the recipe {recipe} cannot be read: {os_words(error)}") from error
    except ValueError as error:
        raise InputError(f"the recipe {recipe} cannot be read: {error}") from error


def default_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe for the kinds that ``values`` give its labels: of one kind its own, of several their objectives side by side.

    Where features are columns of a table it is the recipe ``table``.
    """
    from medgauge.tasks import KINDS

    represent = values.get("represent")
    if isinstance(represent, Mapping) and represent.get("name") == TABLE:
        return load_values(TABLE)
    data = values.get("data")
    said, labels = (data.get("kind"), data.get("label")) if isinstance(data, Mapping) else (None, None)
    given = said if isinstance(said, Mapping) else {}
    names = [name for name in labels if isinstance(name, str)] if isinstance(labels, list | tuple) else []
    kinds = {str(given.get(name, DEFAULT_KIND)) for name in names} or set(map(str, given.values()))
    wanted = [kind for name, kind in KINDS.items() if name in kinds] or [next(iter(KINDS.values()))]
    whole = load_values(wanted[0].recipe)
    if len(wanted) == 1:
        return whole
    whole["objective"] = {
        f"{kind.kind}_{name}": {**entry, "task": kind.kind}
        for kind in wanted
        for name, entry in load_values(kind.recipe)["objective"].items()
    }
    return whole


def override(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with each change put at its dotted place (``objective.isometry.term.init_args.sigma``)."""
    result = copy.deepcopy(dict(values))
    for place, value in changes.items():
        *path, last = place.split(".")
        here = result
        for key in path:
            inner = here.setdefault(key, {})
            if not isinstance(inner, dict):
                raise InputError(f"{place} cannot be set: {key} is {inner!r}, not a group of settings")
            here = inner
        here[last] = value
    return result


def parse_value(text: str) -> Any:
    """A value as typed on the command line, read as YAML (``1e-3`` is a number too, and ``?`` or ``!`` a text)."""
    if text[:1] in _MARKS and not _is_number(text):
        return text
    try:
        return float(text) if _is_number(text) and not text.lstrip("+-").isdigit() else read_settings(text)
    except ValueError:
        return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().lower() not in {"nan", "inf", "-inf", "infinity"}


def check_changes(recipe: str | Path | None, changes: Mapping[str, Any], *, shared: bool = False) -> None:
    """Raise for changes that no recipe can have, before PyTorch is imported; the terms of the objective are not looked at.

    Args:
        recipe: that they are laid over.
        changes: settings by dotted place.
        shared: whether they are laid over several recipes, so that what does nothing in this one may do something.

    Raises:
        InputError: there is no such recipe, or a change is wrong: one sentence that lists every mistake of its settings.
    """
    own = load_values(recipe) if recipe else {}
    before, found = _mistakes(own), _mistakes(changed := override(own, changes))
    made = None if found or shared else read_section(Recipe, _settings(changed), [])
    if made is not None:
        refuse_idle(idle_settings(made), changes)
    if set(found) - set(before):
        from medgauge.recipes.whole_names import whole_names  # it reads the head of the table

        found = _mistakes(override(changed, whole_names(changed)))
    if set(found) - set(before):
        raise _mistaken(found)


def _mistakes(values: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    read_section(Recipe, _settings(values), found)
    return found


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "made"}


def _mistaken(found: list[str]) -> InputError:
    return InputError(f"the recipe has {len(found)} mistake{'s' * (len(found) > 1)}: " + "; ".join(found))


def build_recipe(values: Mapping[str, Any]) -> Recipe:
    """Check values against the schema and build the recipe; all mistakes are told at once.

    Raises:
        InputError: one sentence that lists every mistake.
    """
    values = _settings(values)
    found: list[str] = []
    recipe = read_section(Recipe, values, found)
    model = values.get("model")
    untrained = isinstance(model, Mapping) and model.get("neck") == "standardised"
    if isinstance(values.get("objective"), Mapping) and not (untrained and not values["objective"]):
        found += objective_mistakes(values["objective"])
    if recipe is None or found:
        raise _mistaken(found)
    return recipe


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """All values of a recipe as plain mappings, ready for YAML."""
    return dataclasses.asdict(recipe)
