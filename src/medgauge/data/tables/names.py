"""Ids and groups as they are compared: blanks that do not count, and spellings that are nearly the same."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from medgauge.core.problem import Problem
from medgauge.data.tables.missing import UNSEEN, tidy, trim

Spelling = Literal["alike", "exact", "merge"]
"""Of groups whose spellings differ a little: refused (they must be alike), each its own, or one."""

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-") | dict.fromkeys(map(ord, UNSEEN))
_NUMBERED = re.compile(r"([^\W\d_]*[-_.#]?)0*(\d+)(?:\.0+)?")
SHORTENED = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+\d+")
"""A long number as a spreadsheet shortens it: its last figures are gone."""


def trimmed(cells: Sequence[str], what: str, place: str, line: Sequence[int]) -> tuple[list[str], list[str]]:
    """The cells without blanks at their ends, and a note where there were any.

    >>> trimmed(["P1", "P1 "], "groups", "line", [2, 3])
    (['P1', 'P1'], ["blanks at the ends of 1 groups are left out (the first: 'P1 ' on line 3)"])
    """
    names = [trim(cell) for cell in cells]
    changed = [row for row, (name, cell) in enumerate(zip(names, cells, strict=True)) if name != cell and name]
    if not changed:
        return names, []
    first = f"the first: {cells[changed[0]]!r} on {place} {line[changed[0]]}"
    return names, [f"blanks at the ends of {len(changed)} {what} are left out ({first})"]


def spelling_key(name: str) -> str:
    """What names have in common that differ in case, blanks, kinds of dashes, ``.0`` or leading zeros alone.

    >>> spelling_key("p 007"), spelling_key("P7"), spelling_key("12.0"), spelling_key("A-1b")
    ('p7', 'p7', '12', 'a-1b')
    """
    text = unicodedata.normalize("NFKC", name).translate(_DASHES).casefold()
    text = "".join(text.split())
    found = _NUMBERED.fullmatch(text)
    return f"{found[1]}{found[2]}" if found else text


def spellings(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by what they have in common, in the order of their first place."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        found.setdefault(spelling_key(name), []).append(name)
    return found


def join_names(parts: Sequence[str], known: Collection[str]) -> list[str]:
    """Parts of a list that was cut at its commas, put together again where that makes a name that is known.

    Parts that are all known stay as they are.

    >>> join_names(["age", "HC", " mm"], ["age", "HC, mm", "mm"]), join_names(["a", "b"], ["a", "b", "a,b"])
    (['age', 'HC, mm'], ['a', 'b'])
    """
    whole = set(map(tidy, known))
    found, start = list[str](), 0
    if all(part in whole for part in parts):
        return list(parts)
    while start < len(parts):
        ends = range(len(parts), start + 1, -1)
        end = next((end for end in ends if tidy(",".join(parts[start:end])) in whole), start + 1)
        found.append(",".join(parts[start:end]))
        start = end
    return found


class Groups(NamedTuple):
    """Groups as they are used: one name each, what is wrong with them, and what is said."""

    names: list[str]
    problems: list[Problem]
    notes: list[str]


def settle_groups(names: Sequence[str], spelling: Spelling, line: Sequence[int], place: str) -> Groups:
    """Groups whose names differ in spelling alone: refused with a list, left as they are, or made one.

    Args:
        names: the group of each case, trimmed.
        spelling: what is done.
        line: where each stands.
        place: what ``line`` counts.
    """
    unlike = [found for found in spellings(name for name in names if name).values() if len(found) > 1]
    if not unlike or spelling == "exact":
        return Groups(list(names), [], [])
    if spelling == "merge":
        first = {name: found[0] for found in unlike for name in found}
        shown = in_words(unlike)
        note = f"groups that differ in spelling alone are one ({len(unlike)}: {shown})"
        return Groups([first.get(name, name) for name in names], [], [note])
    at = {name: line[row] for row, name in reversed(list(enumerate(names)))}
    places = f"on {place} {' and '.join(str(at[name]) for name in unlike[0][:5])}"
    what = (
        f"{len(unlike)} are spelled in more than one way: {in_words(unlike)}, the first {places}; write them alike, or "
        "say --merge-groups if each of these is one group, --groups-are-exact if they are different groups"
    )
    return Groups(list(names), [Problem("groups", what, "group")], [])


def spelled_as(names: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """Names that are not known but differ from a known one in spelling alone, each with that one.

    >>> spelled_as(["p1", "P2", "q"], ["P1", "P2"])
    {'p1': 'P1'}
    """
    there, by_key = set(known), {key: found[0] for key, found in spellings(known).items()}
    pairs = {name: by_key.get(spelling_key(name)) for name in dict.fromkeys(names) if name not in there}
    return {name: other for name, other in pairs.items() if other is not None}


def in_words(unlike: Sequence[Sequence[str]], limit: int = 5) -> str:
    """A few sets of spellings in words.

    >>> in_words([["P1", "p1"], ["2", "02", "2.0"]])
    "'P1' = 'p1', '2' = '02' = '2.0'"
    """
    shown = ", ".join(" = ".join(map(repr, names[:5])) for names in unlike[:limit])
    return shown + (f" and {len(unlike) - limit} more" if len(unlike) > limit else "")
