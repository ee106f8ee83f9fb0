"""The recipe of a run folder, read as data: nothing that it names is imported or built."""

import dataclasses
import types
from collections.abc import Mapping
from math import isfinite, prod
from typing import Any, Literal, Union, get_args, get_origin

from medgauge.core.errors import InputError
from medgauge.recipes.mistakes import unknown_keys
from medgauge.recipes.schema import Recipe

MOST_PIXELS = 2**28  # of an image as the model reads it
MOST_FOLDS = 1000
FINEST = 1e-3  # spacing, millimetres


def stored_recipe(values: Any) -> Recipe:
    """The recipe that a run was made with, from what its recipe.yaml holds.

    The objective stays as it is: predicting, evaluating and reporting need none. Settings that are absent have their
    defaults.

    Raises:
        InputError: a setting is unknown, of a wrong type or out of range.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"it must be a group of settings, got {type(values).__name__}")
    values = {key: value for key, value in values.items() if key != "made"}
    found = unknown_keys(values, Recipe)
    found = found or _wrong_types(Recipe, values)
    if found:
        raise InputError(found[0])
    try:
        recipe: Recipe = _construct(Recipe, values)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(str(error)) from error
    _check_sizes(recipe)
    return recipe


def _check_sizes(recipe: Recipe) -> None:
    """Raise for what would make cases of any size."""
    size, spacing, folds = recipe.image.size, recipe.image.spacing, recipe.data.folds
    if size != "auto" and not (len(size) in (2, 3) and min(size) >= 1 and prod(size) <= MOST_PIXELS):
        raise InputError(f"image.size must be 2 or 3 numbers >= 1, at most {MOST_PIXELS} pixels in all, got {size[:4]}")
    if spacing is not None and not all(one >= FINEST and isfinite(one) for one in spacing):
        raise InputError(f"image.spacing must be numbers >= {FINEST}, got {spacing[:4]}")
    if folds > MOST_FOLDS:
        raise InputError(f"data.folds must be <= {MOST_FOLDS}, got {folds}")


def _nested(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _wrong_types(kind: Any, values: Mapping[str, Any], where: str = "") -> list[str]:
    """The settings whose values are not of their type, in words."""
    found = []
    for field in dataclasses.fields(kind):
        if field.name not in values:
            continue
        value, place = values[field.name], f"{where}{field.name}"
        if _nested(field.type):
            found += _wrong_types(field.type, value, f"{place}.")
        elif not _fits(value, field.type):
            wanted = getattr(field.type, "__name__", str(field.type)) if get_origin(field.type) is None else field.type
            shown = repr(value) if isinstance(value, str | float | bool) else type(value).__name__
            found.append(f"{place} must be {str(wanted).replace('typing.', '')}, got {shown[:60]}")
    return found


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a type: of those that the recipe's settings have."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is list:
        return isinstance(value, list) and all(_fits(one, inner[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            isinstance(key, str) and _fits(one, inner[1]) for key, one in value.items()
        )
    if kind is float:
        return isinstance(value, float) or (type(value) is int and abs(value) < 2**63)
    if kind is int:
        return type(value) is int and abs(value) < 2**63
    return value is None if kind is types.NoneType else type(value) is kind


def _construct(kind: Any, values: Mapping[str, Any]) -> Any:
    made = {
        field.name: _construct(field.type, values[field.name]) if _nested(field.type) else values[field.name]
        for field in dataclasses.fields(kind)
        if field.name in values
    }
    return kind(**made)
