"""From a YAML file and overrides to a checked :class:`Recipe`, and back."""

import copy
import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from medgauge.core.errors import InputError
from medgauge.core.words import did_you_mean
from medgauge.recipes.entries import DEFAULT_KIND
from medgauge.recipes.mistakes import choice_mistakes, objective_mistakes, unknown_keys
from medgauge.recipes.schema import Recipe


def recipe_names() -> list[str]:
    """Names of the recipes that come with medgauge."""
    home = resources.files("medgauge.recipes")
    return sorted(entry.name.removesuffix(".yaml") for entry in home.iterdir() if entry.name.endswith(".yaml"))


def load_values(recipe: str | Path) -> dict[str, Any]:
    """The raw values of a YAML file, or of a recipe that comes with medgauge, by name."""
    path = Path(recipe)
    if path.is_file():
        text = path.read_text(encoding="utf-8-sig")
    elif str(recipe).removesuffix(".yaml") in recipe_names():
        text = (resources.files("medgauge.recipes") / f"{str(recipe).removesuffix('.yaml')}.yaml").read_text(
            encoding="utf-8"
        )
    else:
        raise InputError(
            f"there is no recipe {str(recipe)!r}: neither a file nor one of medgauge's ({did_you_mean(str(recipe), recipe_names())})"
        )
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"the recipe {recipe} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError(f"the recipe {recipe} must be a mapping of settings, got {type(values).__name__}")
    return values


def default_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe for the kinds that ``values`` give its labels: of one kind its own, of several their objectives side by side."""
    from medgauge.tasks import KINDS

    given = values.get("data", {}).get("kind") or {}
    labels = values.get("data", {}).get("label") or []
    kinds = {given.get(name, DEFAULT_KIND) for name in labels} or set(given.values())
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
    """A value as typed on the command line, read as YAML (``1e-3`` is a number too)."""
    try:
        return float(text) if _is_number(text) and not text.lstrip("+-").isdigit() else yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().lower() not in {"nan", "inf", "-inf", "infinity"}


def build_recipe(values: Mapping[str, Any]) -> Recipe:
    """Check values against the schema and build the recipe; all mistakes are told at once.

    Raises:
        InputError: one sentence that lists every mistake.
    """
    values = {key: value for key, value in values.items() if key != "made"}
    found, plain = unknown_keys(values, Recipe), {}
    if not found:
        try:
            plain = _parsed(_floats(values))
        except Exception as error:  # jsonargparse raises several kinds
            found = _type_mistakes(values) or [" ".join(str(error).split())]
    if "objective" in values:
        found += objective_mistakes(values["objective"] or {})
    if found:
        raise InputError(f"the recipe has {len(found)} mistake{'s' * (len(found) > 1)}: " + "; ".join(found))
    try:
        return _construct(Recipe, plain)  # type: ignore[no-any-return]  # _construct returns what it is given
    except ValueError as error:
        raise InputError(f"the recipe is wrong: {error}") from error


def _leaves(values: Mapping[str, Any], kind: type, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for field in dataclasses.fields(kind):
        if field.name not in values or field.name == "objective":
            continue
        if isinstance(field.type, type) and dataclasses.is_dataclass(field.type):
            found += _leaves(values[field.name], field.type, (*path, field.name))
        else:
            found.append(((*path, field.name), values[field.name]))
    return found


def _nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return value  # type: ignore[no-any-return]  # a path has at least one key


def _floats(values: Mapping[str, Any]) -> dict[str, Any]:
    """YAML reads 1e-3 as text; make numbers of such texts."""
    return {
        key: _floats(value)
        if isinstance(value, Mapping)
        else parse_value(value)
        if isinstance(value, str) and _is_number(value) and "e" in value.lower()
        else value
        for key, value in values.items()
    }


def _type_mistakes(values: Mapping[str, Any]) -> list[str]:
    """Values of a wrong type, read one by one: it takes seconds, so only where reading all at once has failed."""
    found, choices = [], choice_mistakes(values, Recipe)
    for path, value in _leaves(_floats(values), Recipe):
        if ".".join(path) in choices:
            found.append(choices[".".join(path)])
            continue
        try:
            _parser().parse_object(_nested(path, value))
        except Exception as error:  # jsonargparse raises several kinds
            wanted = [line.split("- ", 1)[-1].strip() for line in str(error).splitlines() if "Expected" in line]
            found.append(f"{'.'.join(path)} has the value {value!r}: " + _wanted(wanted))
    return found


def _wanted(lines: Sequence[str]) -> str:
    text = "; or ".join(
        line.split(". Got")[0].replace("<class '", "").replace("'>", "").replace("typing.", "") for line in lines
    )
    return text[:1].lower() + text[1:] if text else "not a valid value"


_PARSER: list[Any] = []


def _parser() -> Any:
    if not _PARSER:
        from jsonargparse import ArgumentParser

        parser = ArgumentParser(exit_on_error=False)
        parser.add_class_arguments(Recipe, None)
        _PARSER.append(parser)
    return _PARSER[0]


def _parsed(values: Mapping[str, Any]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(_parser().parse_object(dict(values)).as_dict())


def _construct(kind: type, values: Mapping[str, Any]) -> Any:
    made = {}
    for field in dataclasses.fields(kind):
        value = values[field.name]
        nested = isinstance(field.type, type) and dataclasses.is_dataclass(field.type)
        made[field.name] = _construct(field.type, value) if nested else value  # type: ignore[arg-type]  # checked above
    return kind(**made)


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """All values of a recipe as plain mappings, ready for YAML."""
    return dataclasses.asdict(recipe)
