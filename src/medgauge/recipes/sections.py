"""From plain values to sections of settings; all that is wrong is told at once, by the declarations beside the fields."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from medgauge.core.settings import Section, read_as
from medgauge.core.words import did_you_mean, shown

S = TypeVar("S", bound=Section)


def read_section(schema: type[S], values: Any, found: list[str], where: str = "") -> S | None:
    """A section made of ``values``, with defaults for what they lack; None where anything was wrong.

    Args:
        schema: the section's class.
        values: settings by name, as YAML gives them.
        found: mistakes are added to it, a sentence each.
        where: the section's place in a recipe.
    """
    if not isinstance(values, Mapping):
        found.append(f"{where or 'a recipe'} must be a group of settings, got {shown(values)}")
        return None
    fields = {field.name: field for field in dataclasses.fields(schema)}  # type: ignore[arg-type]  # sections are dataclasses
    before = len(found)
    made = {}
    for key, value in values.items():
        place = f"{where}.{key}" if where else str(key)
        if key not in fields:
            found.append(f"{shown(place)[1:-1]} is not a setting ({did_you_mean(str(key), fields)})")
            continue
        kind = fields[key].type
        if isinstance(kind, type) and issubclass(kind, Section):
            made[key] = read_section(kind, value, found, place)
            continue
        try:
            made[key] = read_as(place, value, kind)
        except ValueError as error:
            found.append(str(error))
    if len(found) > before:
        return None
    try:
        return schema(**made)
    except ValueError as error:
        found.append(str(error))
        return None
