"""What plain values that come from a file must look like: types, ranges and names, checked all the way down.

A form is a leaf, a group with named parts, a group whose parts are alike, or a list of parts that are alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from medgauge.core.words import shown

LARGEST = 1e300  # of numbers, so that sums of them are finite


@dataclass(frozen=True)
class Leaf:
    """A value without parts: what it must be, in words, and whether one is."""

    words: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Group:
    """A group of values by name; a name that ends with ``?`` may be absent, and names that are not given are not looked at.

    Args:
        parts: the form of each.
        others: the form of parts that are not named; None: any.
    """

    parts: Mapping[str, "Form"]
    others: "Form | None" = None


@dataclass(frozen=True)
class Named:
    """A group of alike values under any names."""

    each: "Form"


@dataclass(frozen=True)
class Listed:
    """A list of alike values."""

    each: "Form"
    least: int = 0


@dataclass
class Again:
    """A form that is named before it is made: a part that looks like the whole."""

    form: "Form | None" = field(default=None, repr=False)


@dataclass(frozen=True)
class Chosen:
    """A group whose form is chosen by a text in it.

    Args:
        by: the name of that text.
        forms: the form for each that it may be.
    """

    by: str
    forms: Mapping[str, "Form"]


Form = Leaf | Group | Named | Listed | Again | Chosen


def check_form(place: str, value: Any, form: Form) -> None:
    """Raise ValueError, naming the place, unless a value is of a form.

    >>> check_form("looks", {"test": -1}, Group({"test": COUNT}))
    Traceback (most recent call last):
    ValueError: looks.test must be a whole number >= 0, got -1
    """
    match form:
        case Leaf(words, holds):
            if not holds(value):
                raise ValueError(f"{place or 'it'} must be {words}, got {shown(value)}")
        case Listed(each, least):
            if not isinstance(value, list) or len(value) < least:
                raise ValueError(
                    f"{place or 'it'} must be a list{f' of {least} or more' * (least > 0)}, got {shown(value)}"
                )
            for at, part in enumerate(value):
                check_form(f"{place}[{at}]", part, each)
        case Again(whole):
            if whole is None:
                raise TypeError("the form was never made")
            check_form(place, value, whole)
        case Chosen(by, forms):
            check_form(place, value, Group({by: one_of(*forms)}))
            check_form(place, value, forms[value[by]])
        case _:
            if not isinstance(value, Mapping):
                raise ValueError(f"{place or 'it'} must be a group of values, got {shown(value)}")
            _check_group(place, value, form)


def _check_group(place: str, value: Mapping[str, Any], form: Group | Named) -> None:
    inside = f"{place}." if place else ""
    parts = form.parts if isinstance(form, Group) else {}
    others = form.others if isinstance(form, Group) else form.each
    known = {name.removesuffix("?"): part for name, part in parts.items()}
    for name in parts:
        if not name.endswith("?") and name not in value:
            raise ValueError(f"{inside}{name} is missing")
    for name, part in value.items():
        wanted = known.get(name, others)
        if wanted is not None:
            check_form(f"{inside}{name}", part, wanted)


def optional(leaf: Leaf) -> Leaf:
    """What a leaf allows, or null."""
    return Leaf(f"{leaf.words} or null", lambda value: value is None or leaf.holds(value))


def _is_real(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and abs(value) <= LARGEST


REAL = Leaf("a number", _is_real)
NUMBER = optional(REAL)
"""A number; null stands for NaN and infinity."""
COUNT = Leaf("a whole number >= 0", lambda value: type(value) is int and 0 <= value < 2**53)
TEXT = Leaf("a text", lambda value: isinstance(value, str))
FLAG = Leaf("true or false", lambda value: isinstance(value, bool))
CHANCE = Leaf("a number above 0 and below 1", lambda value: _is_real(value) and 0 < value < 1)
ANY_GROUP = Group({})
ANYTHING = Leaf("anything", lambda value: True)
PAIR = Leaf("two numbers", lambda value: isinstance(value, list) and len(value) == 2 and all(map(NUMBER.holds, value)))
ENDS = Leaf(
    "two numbers, or a text that says why there are none",
    lambda value: isinstance(value, str) or PAIR.holds(value),
)
NUMBERS = Leaf("a list of numbers", lambda value: isinstance(value, list) and all(map(_is_real, value)))
"""Checked without naming the place of one that is none: such lists are long."""


def one_of(*choices: str) -> Leaf:
    """One of some texts."""
    return Leaf(f"one of {', '.join(choices)}", lambda value: isinstance(value, str) and value in choices)
