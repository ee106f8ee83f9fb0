"""Words for people: hints for names that are not known, numbers with their nouns, texts that steer no terminal."""

import difflib
import re
from collections.abc import Iterable

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, *, line: bool = False) -> str:
    """A text without what steers a terminal: control characters, marks of direction, halves of characters; as their escapes.

    >>> printable("a\\x1b[31mred\\u202e")
    'a\\\\x1b[31mred\\\\u202e'

    Args:
        text: from a table, a file's name, a recipe.
        line: whether line ends and tabs are escaped too.
    """
    clean = _STEERING.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)
    return clean.replace("\n", "\\n").replace("\t", "\\t") if line else clean


def plural(count: int, one: str, many: str = "") -> str:
    """The form of a noun, or of a noun and its verb, that goes with a number.

    >>> plural(1, "case"), plural(0, "case"), plural(2, "case is", "cases are")
    ('case', 'cases', 'cases are')
    """
    return one if count == 1 else many or f"{one}s"


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun, and its verb where one is given.

    >>> counted(1, "group"), counted(3, "group"), counted(1, "cell is", "cells are")
    ('1 group', '3 groups', '1 cell is')
    """
    return f"{count} {plural(count, one, many)}"


def nearest_names(name: str, known: Iterable[str], *, most: int = 3, likeness: float = 0.6) -> list[str]:
    """Those of ``known`` that are most like ``name``, nearest first, blind to case and to spaces around it.

    >>> nearest_names("resnet", ["small", "ResNet18", "resnet34"])
    ['resnet34', 'ResNet18']

    Args:
        name: what was written.
        known: what could have been.
        most: how many names at most.
        likeness: the least that counts, from 0 (anything) to 1 (equal), as difflib measures it.
    """
    by_key = {one.strip().casefold(): one for one in reversed(list(known))}  # of equal ones the first
    found = difflib.get_close_matches(name.strip().casefold(), list(by_key), n=most, cutoff=likeness)
    return [by_key[key] for key in found]


def nearest(name: str, known: Iterable[str], *, likeness: float = 0.55) -> str | None:
    """The one of ``known`` most like ``name``; None when nothing is near.

    >>> nearest("HC_mm ", ["path", "hc_mm"]), nearest("age", ["path", "hc_mm"])
    ('hc_mm', None)
    """
    return next(iter(nearest_names(name, known, most=1, likeness=likeness)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a wrong name: the nearest known one, else all of them.

    >>> did_you_mean("sed", ["seed", "data"]), did_you_mean("x", ["seed", "data"])
    ('did you mean seed?', 'known: data, seed')
    >>> did_you_mean("x", [])
    'there are none'
    """
    known = sorted(known)
    if not known:
        return "there are none"
    near = nearest(name, known, likeness=0.5)
    return f"did you mean {near}?" if near else f"known: {', '.join(known)}"


def shown(value: object, most: int = 60) -> str:
    """What came, in one line of at most ``most`` characters.

    >>> shown("age"), shown(1.5), shown(list(range(100)), most=12)
    ("'age'", '1.5', '[0, 1, 2, 3…')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an integer of thousands of digits, or an object that cannot be told
        text = f"a value of type {type(value).__name__} that cannot be shown"
    return text if len(text) <= most else f"{text[: most - 1]}…"
