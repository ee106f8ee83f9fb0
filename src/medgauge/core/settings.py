"""Settings whose types and ranges are declared beside them, and values read against that one declaration.

A field says what it may be by its type: ``Annotated[float, Range(above=0)] | Literal["auto"]``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from operator import index
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, cast, get_args, get_origin

from medgauge.core.checks import check_choice, check_number, range_words
from medgauge.core.words import nearest, shown

LARGEST = 2**63 - 1  # of whole numbers: what an int64 holds
EXACT = 2**53  # up to which every whole number is a float


@dataclass(frozen=True)
class Range:
    """The ends of a number, as :func:`medgauge.core.checks.check_number` takes them; it is finite in any case."""

    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None

    def words(self) -> str:
        """The ends, as ``in (0, 1]``."""
        return range_words(self.above, self.least, self.below, self.most)


@dataclass(frozen=True)
class Size:
    """How many parts a list or characters a text has, and whether the parts differ from one another."""

    least: int = 0
    most: int | None = None
    distinct: bool = False


@dataclass(frozen=True)
class Declared:
    """One of the types that a setting may have, without its annotations, and these."""

    kind: Any  # a type
    range: Range = Range()
    size: Size = Size()


def declared(kind: Any, range_: Range = Range(), size: Size = Size()) -> list[Declared]:  # noqa: B008  # frozen
    """The types that a declared type stands for, one each of a union.

    >>> declared(Annotated[int, Range(least=1)] | None)[0].range.words()
    '>= 1'
    """
    if get_origin(kind) is Annotated:
        kind, *notes = get_args(kind)
        range_ = next((note for note in notes if isinstance(note, Range)), range_)
        size = next((note for note in notes if isinstance(note, Size)), size)
        return declared(kind, range_, size)
    if get_origin(kind) in (Union, UnionType):
        return [one for part in get_args(kind) for one in declared(part, range_, size)]
    return [Declared(kind, range_, size)]


def words_of(kind: Any) -> str:  # a declared type
    """A declared type in words.

    >>> words_of(Annotated[float, Range(above=0)] | Literal["auto"])
    'a number > 0 or auto'
    """
    return " or ".join(_words(one) for one in declared(kind))


def _words(one: Declared) -> str:
    inside, ends = get_args(one.kind), f" {one.range.words()}" if one.range != Range() else ""
    match get_origin(one.kind) or one.kind:
        case found if found is Literal:
            return ("one of " if len(inside) > 1 else "") + ", ".join(map(str, inside))
        case found if found is list:
            return f"a list{f' of {_count(one.size)}' if one.size.most else ''}, each {words_of(inside[0])}"
        case found if found is dict:
            free = inside[1] is Any
            return "a group of settings by name" if free else f"a group by name, each {words_of(inside[1])}"
        case found if found is str:
            return "a text that is not empty" if one.size.least else "a text"
        case found:
            named = {int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}
            return f"{named.get(found, 'any value')}{ends}"


def range_of(kind: Any) -> str:  # a declared type
    """What a declared type allows beside the type itself, in words; empty where that is nothing.

    >>> range_of(Annotated[list[Annotated[int, Range(least=1)]], Size(2, 3)] | Literal["auto"])
    '2 or 3, each >= 1'
    """
    return " or ".join(filter(None, map(_range, declared(kind))))


def _range(one: Declared) -> str:
    if get_origin(one.kind) not in (list, dict):
        return "" if one.range == Range() else one.range.words()
    inside = range_of(get_args(one.kind)[-1])
    return ", ".join(filter(None, [_count(one.size) if one.size.most else "", inside and f"each {inside}"]))


def _count(size: Size) -> str:
    return str(size.least) if size.least == size.most else f"{size.least} or {size.most}"


def read_as(place: str, value: Any, kind: Any) -> Any:  # any value, a declared type
    """The value as its declared type has it: whole numbers become floats where floats are declared, tuples lists.

    Raises:
        ValueError: one sentence: the place, what must hold, what came.
    """
    options = declared(kind)
    for one in options:
        if _is_of(value, one):
            return _read(place, value, one)
    if len(options) == 1 and get_origin(kind) is Literal:
        check_choice(place, value, get_args(kind), hint=True)
    choices = [choice for one in options if get_origin(one.kind) is Literal for choice in get_args(one.kind)]
    near = nearest(value, map(str, choices), likeness=0.5) if isinstance(value, str) else None
    hint = f" (did you mean {near}?)" if near else ""
    if not hint and isinstance(value, str) and any(_is_of([value], one) and _is_text_list(one) for one in options):
        hint = f" (one name is written [{value}])"
    raise ValueError(f"{place} must be {words_of(kind)}, got {shown(value)}{hint}")


def _is_text_list(one: Declared) -> bool:
    """Whether it is a list of texts."""
    return get_origin(one.kind) is list and any(inner.kind is str for inner in declared(get_args(one.kind)[0]))


def _is_of(value: Any, one: Declared) -> bool:
    """Whether a value is of a type, whatever its range."""
    kind = get_origin(one.kind) or one.kind
    if kind is Any:
        return True
    if kind is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(one.kind))
    if isinstance(value, bool):
        return kind is bool
    if kind is int:
        return _whole(value) is not None
    if kind is float:
        return isinstance(value, Real) or _exponential(value)
    accepted: dict[Any, Any] = {list: (list, tuple), dict: Mapping, str: (str, os.PathLike), NoneType: NoneType}
    return isinstance(value, accepted.get(kind, ()))


def _whole(value: Any) -> int | None:
    """A whole number, also one that is written as a float (1e3); None for anything else."""
    if isinstance(value, float) or _exponential(value):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) <= EXACT else None
    try:
        return index(value)
    except Exception:  # of a tensor or an array with several values: any
        return None


def _exponential(value: Any) -> bool:
    """Whether it is a text that YAML does not know as a number (1e-3)."""
    if not isinstance(value, str) or "e" not in value.lower():
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def _read(place: str, value: Any, one: Declared) -> Any:
    kind = get_origin(one.kind) or one.kind
    if kind in (int, float):
        return _number(place, value, one)
    if kind is str:
        value = os.fspath(value)
        if "\0" in value or not isinstance(value, str):
            raise ValueError(f"{place} must be a text without the character of number 0, got {shown(value)}")
    if kind is list:
        value = [read_as(f"{place}[{at}]", part, get_args(one.kind)[0]) for at, part in enumerate(value)]
    if kind is dict:
        names, parts = get_args(one.kind)
        value = {read_as(f"name in {place}", key, names): read_as(f"{place}.{key}", value[key], parts) for key in value}
    size = one.size
    if size != Size() and not size.least <= len(value) <= (len(value) if size.most is None else size.most):
        raise ValueError(f"{place} must be {_words(one)}, got {shown(value)}")
    if size.distinct and len(set(value)) < len(value):
        twice = next(part for part in value if value.count(part) > 1)
        raise ValueError(f"{place} must name each once, got {shown(twice)} more than once")
    return value


def _number(place: str, value: Any, one: Declared) -> int | float:
    ends: dict[str, Any] = {name: getattr(one.range, name) for name in ("above", "least", "below", "most")}
    if one.kind is int:
        number = cast(int, _whole(value))
        check_number(place, number, **ends, whole=True)
        if abs(number) > LARGEST:
            raise ValueError(f"{place} must be a whole number below 2**63, got {shown(number)}")
        return number
    try:
        real = float(value)
    except OverflowError as error:
        raise ValueError(f"{place} must be a number below 1.8e308, got {shown(value)}") from error
    check_number(place, real, **ends)
    return real


class Section:
    """A dataclass of settings: each is read against its declaration when it is made, then all against one another."""

    place: ClassVar[str] = ""  # in a recipe, dotted

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]  # whoever inherits is a dataclass
            place = f"{self.place}.{field.name}" if self.place else field.name
            if not (isinstance(field.type, type) and issubclass(field.type, Section)):
                setattr(self, field.name, read_as(place, getattr(self, field.name), field.type))
        for conflict in self.conflicts():
            raise ValueError(conflict)

    def conflicts(self) -> list[str]:
        """What does not hold between settings, a sentence each."""
        return []
