"""Types in words, and values from text, as they are typed on the command line."""

import re
from collections.abc import Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from medgauge.core.errors import InputError
from medgauge.core.words import shown

WORDS = {str: "TEXT", int: "INTEGER", float: "NUMBER", bool: "true|false"}


def kind_words(kind: Any) -> str:  # a type, or several of them
    """A type as one types its values.

    >>> kind_words(list[int] | Literal["auto"])
    'INTEGER,…|auto'
    >>> kind_words(dict[str, Literal["number", "grade"]])
    'NAME=number|grade,…'
    """
    home, inside = get_origin(kind), get_args(kind)
    if home is Literal:
        return "|".join(map(str, inside))
    if home is list:
        return f"{kind_words(inside[0])},…"
    if home is dict:
        return f"NAME={kind_words(inside[1])},…"
    if inside:
        return "|".join(kind_words(one) for one in inside if one is not NoneType)
    return WORDS.get(kind, "VALUE")


def default_words(value: Any) -> str:  # a default, of any type
    """A default as one would type it.

    >>> default_words({"train": 0.8, "val": 0.2}), default_words([]), default_words(None), default_words(False)
    ('train=0.8,val=0.2', 'empty', 'null', 'false')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | dict) and not value:
        return "empty"
    if isinstance(value, dict) and any(isinstance(part, dict) for part in value.values()):
        import yaml

        return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).strip()
    if isinstance(value, dict):
        return ",".join(f"{name}={default_words(part)}" for name, part in value.items())
    return ",".join(map(default_words, value)) if isinstance(value, list) else str(value)


def read_values(kind: Any, texts: Sequence[str], flag: str) -> Any:  # a type, and a value of it
    """The value of a flag given once or more: lists are joined, names put together, anything else is the same each time.

    >>> read_values(list[str], ["a,b", "c"], "--label")
    ['a', 'b', 'c']

    Raises:
        InputError: names and values are asked for, and there is no ``=``; or there are two values where one holds.
    """
    values = [_read(kind, text, flag) for text in texts]
    if all(isinstance(value, list) for value in values):
        return [part for value in values for part in value]
    if all(isinstance(value, dict) for value in values):
        return _together(flag, [pair for value in values for pair in value.items()])
    other = next((value for value in values if value != values[0]), values[0])
    if other != values[0]:
        raise InputError(twice(flag, values[0], other))
    return values[0]


def twice(flag: str, one: object, other: object) -> str:
    """What is said of a flag with two values.

    >>> twice("--seed", 1, 2)
    '--seed is given twice, with 1 and with 2; give it once'
    """
    return f"{flag} is given twice, with {shown(one)} and with {shown(other)}; give it once"


def _together(flag: str, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            raise InputError(twice(f"{flag} {name}", found[name], value))
    return found


def _read(kind: Any, text: str, flag: str) -> Any:  # a type, and a value of it
    from medgauge.recipes.read import parse_value

    home = get_origin(kind)
    parts = get_args(kind) if get_args(kind) and home not in (list, dict, Literal) else (kind,)
    choices = [choice for part in parts if get_origin(part) is Literal for choice in get_args(part)]
    if text in choices or (NoneType in parts and text == "null"):
        return None if text == "null" else text
    for part in parts:
        if get_origin(part) in (list, dict):
            written = parse_value(text) if text[:1] in ("[", "{") else None
            made = _read_names if get_origin(part) is dict else _read_list
            return written if isinstance(written, get_origin(part)) else made(part, text, flag)
    as_it_is = str in parts or (choices and all(isinstance(choice, str) for choice in choices) and len(parts) == 1)
    return text if as_it_is else parse_value(text)


def _read_list(kind: Any, text: str, flag: str) -> list[Any] | None:  # a type
    if text == "null" and get_args(kind)[0] is not str:  # which a column may be called
        return None
    return [_read(get_args(kind)[0], part, flag) for part in text.split(",") if part]


def _read_names(kind: Any, text: str, flag: str) -> dict[str, Any]:  # a type
    parts = text.split(",")
    if get_origin(get_args(kind)[1]) is list:  # NAME=a,b,NAME=c,d
        parts = re.split(r",(?=[^,=]+=)", text)
    last = get_origin(get_args(kind)[1]) is Literal  # such a value has no =, and a name may
    pairs = [part.rpartition("=") if last else part.partition("=") for part in _joined(parts) if part]
    if not all(name and equals for name, equals, _ in pairs):
        raise InputError(f"{flag} takes {kind_words(kind)}, got {text!r}")
    return _together(flag, [(name, _read(get_args(kind)[1], value, flag)) for name, _, value in pairs])


def _joined(parts: Sequence[str]) -> list[str]:
    """Parts between commas; one without ``=`` is the beginning of the next one's name.

    >>> _joined(["age=number", "HC", " mm=grade"])
    ['age=number', 'HC, mm=grade']
    """
    found, open_name = list[str](), ""
    for part in parts:
        if "=" in part or not part:
            found.append(f"{open_name}{part}")
            open_name = ""
        else:
            open_name += f"{part},"
    return [*found, open_name.removesuffix(",")] if open_name else found
