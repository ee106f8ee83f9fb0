"""Ids and groups as they are compared: blanks that do not count, and spellings that are nearly the same."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from medgauge.core.problem import Problem
from medgauge.data.tables.missing import UNSEEN, is_nobody, tidy, trim

Spelling = Literal["alike", "exact", "merge"]
"""Of groups whose spellings differ a little: refused (they must be alike), each its own, or one."""

_LOOKS = str.maketrans(
    "\u0430\u0432\u0441\u0501\u0435\u043d\u0456\u0458\u043a\u043c\u043e\u0440\u051b\u0455\u0442\u0443\u0445\u051d"
    "\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7",
    "abcdehijkmopqstyxwabezhikmnoptyx",
)
"""Small Cyrillic and Greek letters of which the small or the capital form looks as the Latin one does."""
_GREEK = re.compile("[\u0370-\u03ff]")
_MICRO = "\u03bc"
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-") | dict.fromkeys(map(ord, UNSEEN))
_POINT_ZERO = re.compile(r"(\D*\d+)\.0+")
_SEPARATORS = re.compile(r"(?<=[^\W_])[-_.,;:/\\|^~#'\"`\u2018\u2019\xb7\s]+(?=[^\W_])")
_AT_ENDS = re.compile(r"^[_,;:^|~'\"]+(?=.)|(?<=.)[_.,;:^|~'\"]+$")
_ZEROS = re.compile(r"(^[\W_]*|[^\W\d_])0+(?=\d)")
_HEXADECIMAL = re.compile(r"(?=.*\d[a-f])[\da-f]+")
SHORTENED = re.compile(r"[+-]?\d(?:[.,]\d+[eE]\+?|[eE]\+)\d+")
"""A long number as a spreadsheet shortens it: its last figures are gone."""
_BLANKET = re.compile(r"0+|-1|-?9{2,}")
MORE_CASES = 3
"""Times as many cases as any other name a number has that stands for nobody, as it seems."""
_EXPONENT = re.compile(r"([1-9]\d*)[eE]\+?(\d{1,2})")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+|[1-9]\d{0,2}(?:,\d{3})+")

LONG = re.compile(r"[1-9]\d{15,}")
"""A number of more figures than a spreadsheet keeps."""
LEAST_ZEROS = 3
"""Zeros behind the 15th figure, in all, that are no chance any more."""


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


def spelling_key(name: str, *, blank: str = "") -> str:
    r"""What names have in common that differ in spelling alone.

    That is: case; blanks; letters and digits of other scripts that look as Latin ones do or mean the same; separators
    (``- _ . , ; : / \ | ^ ~ # ' "``) beside a letter, and which of them stand between two digits; separators at the ends,
    but not a dash; ``.0`` behind the only number; zeros that lead a number at the start or behind a letter, except in
    what may be hexadecimal. So P-0 is P0 and P_0, and 1-1 is 1_1; but 1-1 is not 11, P1-1 not P11, A- not A.

    Args:
        name: as it is written.
        blank: what blanks between two digits are taken for.

    >>> spelling_key("p 007"), spelling_key("P_7"), spelling_key("12.0"), spelling_key("A-1b"), spelling_key("P1-1")
    ('p7', 'p7', '12', 'a1b', 'p1-1')
    """
    text = unicodedata.normalize("NFKC", name).translate(_DASHES)
    micro = set(_GREEK.findall(text)) == {_MICRO}
    text = text.casefold()
    text = _MICRO.join(part.translate(_LOOKS) for part in text.split(_MICRO)) if micro else text.translate(_LOOKS)
    text = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)
    whole = _POINT_ZERO.fullmatch(text)
    text = _AT_ENDS.sub("", whole[1] if whole else text)
    text = "".join(_SEPARATORS.sub(lambda found: _between(found, blank), text).split())
    return text if _HEXADECIMAL.fullmatch(text) else _ZEROS.sub(r"\1", text)


def _between(found: re.Match[str], blank: str) -> str:
    """What separators become: nothing beside a letter, one dash between two digits."""
    if not (found.string[found.start() - 1].isdigit() and found.string[found.end()].isdigit()):
        return ""
    return blank if found[0].isspace() else "-"


def spellings(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by what they have in common, in the order of their first place.

    Blanks between two digits are nothing, or a separator where only that makes a name one of the others; so are exponents and
    points or commas between thousands what makes a name one of the others.

    >>> list(spellings(["20 1", "20-1"]).values()), list(spellings(["20 1", "20-1", "201"]).values())
    ([['20 1', '20-1']], [['20 1', '201'], ['20-1']])
    >>> list(spellings(["100e3", "100000", "1.200", "1200", "1.3"]).values())
    [['100e3', '100000'], ['1.200', '1200'], ['1.3']]
    """
    keys = {name: (spelling_key(name), _whole(name) or spelling_key(name, blank="-")) for name in names}
    sure = {key for key, other in keys.values() if key == other}
    found: dict[str, list[str]] = {}
    for name, (key, other) in keys.items():
        found.setdefault(other if other in sure and key not in sure else key, []).append(name)
    return found


def _whole(name: str) -> str:
    """The whole number that a name is with an exponent or with marks between thousands; no text for other names."""
    if exponent := _EXPONENT.fullmatch(name):
        return exponent[1] + "0" * int(exponent[2])
    return re.sub(r"[.,]", "", name) if _THOUSANDS.fullmatch(name) else ""


def alike_sets(names: Iterable[str]) -> list[list[str]]:
    """Names that differ in spelling alone, those of one together.

    >>> alike_sets(["P1", "Q", "p-1", ""])
    [['P1', 'p-1']]
    """
    return [found for found in spellings(name for name in names if name).values() if len(found) > 1]


def alike_ids(ids: Sequence[str], groups: Sequence[str], column: str, group: str | None) -> list[str]:
    """A note where ids of different groups differ in spelling alone: one patient's cases may be in two splits.

    Args:
        ids: of the cases.
        groups: of the cases.
        column: of the ids.
        group: the column of the groups; None: every case is its own.

    >>> alike_ids(["P1", "P-1"], ["a", "a"], "id", "group")
    []
    """
    own = dict(zip(ids, groups, strict=True))
    unlike = [found for found in alike_sets(ids) if len({own[name] for name in found}) > 1]
    if not unlike:
        return []
    remedy = f"name the column of patients with --group (the same one: --group {column} --merge-groups)"
    if group:
        remedy = f"give them one group in {group}"
    told = f"ids in {column} that differ in spelling alone are cases of different groups"
    return [f"{told} ({len(unlike)}: {in_words(unlike)}); if each of these is one patient, {remedy}"]


def alike_words(words: Iterable[str], column: str) -> list[str]:
    """A note where words of a subgroup column differ in spelling alone.

    >>> alike_words(["A 1", "B", "A-1"], "site")
    ["subgroups of site differ in spelling alone ('A 1' = 'A-1') and have figures of their own; write them alike"]
    """
    unlike = alike_sets(words)
    told = f"subgroups of {column} differ in spelling alone ({in_words(unlike)}) and have figures of their own"
    return [f"{told}; write them alike"] if unlike else []


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
    unlike = alike_sets(names)
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


def nobody_notes(names: Sequence[str], column: str) -> list[str]:
    """A note for each name of several cases that says that nobody is known: these cases are one group and may not be one patient.

    Such are words, and 0, -1 and numbers of nines that have thrice as many cases as any other name.

    >>> nobody_notes(["p1", "unknown", "unknown"], "patient")
    ["2 cases have the patient 'unknown' and are taken for one; if they are not, name each apart, or leave them out"]
    """
    counts = Counter(names)
    usual = max((count for name, count in counts.items() if not _BLANKET.fullmatch(name)), default=1)
    return [
        f"{count} cases have the {column} {name!r} and are taken for one; if they are not, name each apart, or leave them out"
        for name, count in counts.items()
        if count > 1 and (is_nobody(name) or (_BLANKET.fullmatch(name) and count >= MORE_CASES * usual))
    ]


def rounded_notes(names: Sequence[str], column: str) -> list[str]:
    """A note where all long numbers among the names end in zeros from the 16th figure on, as a spreadsheet rounds them.

    >>> rounded_notes(["123456789012345000", "123456789012346000"], "patient")[0][:69]
    'the numbers of more than 15 figures in patient all end in 0 from the '
    >>> rounded_notes(["123456789012345670"], "patient")
    []
    """
    long = [name for name in dict.fromkeys(names) if LONG.fullmatch(name)]
    chance = sum(len(name) - 15 for name in long)
    if chance < LEAST_ZEROS or any(name[15:].strip("0") for name in long):
        return []
    told = f"the numbers of more than 15 figures in {column} all end in 0 from the 16th on ({len(long)}, the first {long[0]!r})"
    return [
        f"{told}, as a spreadsheet rounds them, so that different ones may look alike; give the column as text from its source"
    ]


def spelled_as(names: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """Names that are not known but differ from a known one in spelling alone, each with that one.

    >>> spelled_as(["p1", "P2", "q"], ["P1", "P2"])
    {'p1': 'P1'}
    """
    there = set(known)
    pairs = dict[str, str]()
    for found in spellings([*known, *names]).values():
        own = [name for name in found if name in there]
        pairs |= {name: own[0] for name in found if own and name not in there}
    return pairs


def in_words(unlike: Sequence[Sequence[str]], limit: int = 5) -> str:
    """A few sets of spellings in words, with the letters named that only look as Latin ones do.

    >>> in_words([["P1", "p1"], ["2", "02", "2.0"]])
    "'P1' = 'p1', '2' = '02' = '2.0'"
    >>> in_words([["P1", "\u0420" + "1"]]).encode("ascii", "replace").decode()
    "'P1' = '?1' (with cyrillic capital letter er)"
    """
    shown = ", ".join(" = ".join(_told(name, names) for name in names[:5]) for names in unlike[:limit])
    return shown + (f" and {len(unlike) - limit} more" if len(unlike) > limit else "")


def _told(name: str, beside: Sequence[str]) -> str:
    foreign = [_foreign(one) for one in beside]
    letter = _foreign(name)
    return repr(name) if not letter or all(foreign) else f"{name!r} (with {unicodedata.name(letter).lower()})"


def _foreign(name: str) -> str:
    """The first letter or digit that is not Latin but stands for one; empty without any."""
    return next((sign for sign in name if sign > "\x7f" and _stands_for_latin(sign)), "")


def _stands_for_latin(sign: str) -> bool:
    return sign.isalnum() and spelling_key(sign).isascii()
