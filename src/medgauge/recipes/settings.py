"""Every setting of a schema in the schema's own words: place, type, default and meaning."""

import dataclasses
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

from medgauge.core.settings import range_of


@dataclass(frozen=True)
class Setting:
    """One setting: its dotted place in a recipe, its type, its default, what it means and its range."""

    place: str
    kind: Any  # a type, or several of them
    default: Any  # of that type
    meaning: str = ""
    range: str = ""  # what is allowed beside the type, in words

    @property
    def told(self) -> str:
        """Its meaning, with the range."""
        return f"{self.meaning.rstrip('.')}{f' ({self.range})' if self.range else ''}"


def settings(schema: type, place: str = "") -> Iterator[Setting]:
    """The settings of a dataclass and of those in it, in their order.

    >>> from typing import Annotated
    >>> from medgauge.core.settings import Range
    >>> @dataclass
    ... class Plan:
    ...     '''A plan.
    ...
    ...     Args:
    ...         steps: how many.
    ...     '''
    ...     steps: Annotated[int, Range(least=1)] = 3
    >>> list(settings(Plan))
    [Setting(place='steps', kind=<class 'int'>, default=3, meaning='how many.', range='>= 1')]
    """
    kinds, told, usual = get_type_hints(schema), meanings(schema), schema()
    declared = get_type_hints(schema, include_extras=True)
    for field in dataclasses.fields(schema):
        kind, here = kinds[field.name], f"{place}{field.name}"
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            yield from settings(kind, f"{here}.")
        else:
            ends = range_of(declared[field.name])
            yield Setting(here, kind, getattr(usual, field.name), told.get(field.name, ""), ends)


def meanings(schema: type) -> dict[str, str]:
    """The meaning of each field, from the Args part of the docstring."""
    lines = (inspect.getdoc(schema) or "").partition("Args:\n")[2].splitlines()
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        text = line.strip()
        if line.startswith("    ") and not line.startswith("     ") and ":" in text:
            name, _, text = text.partition(": ")
            found[name] = text
        elif name:
            found[name] += f" {text}"
    return found
