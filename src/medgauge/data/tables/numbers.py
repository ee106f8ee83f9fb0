"""Texts as numbers: decimal points and commas, thousands marks, words for nothing."""

import contextlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgauge.core.words import counted
from medgauge.data.tables.missing import is_missing, trim

Mark = Literal["auto", "point", "comma"]
"""What ``1.234`` or ``1,234`` is where nothing in the column tells: the mark of decimals, or ``auto``, not known."""

_SPACED = re.compile(r"[+-]?\d{1,3}(?:(['\u2019 \xa0\u2007\u2009\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_POINT = re.compile(r"[+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?(?:\d+,\d*|,\d+)(?:[eE][+-]?\d+)?")
_POINT_OR_THOUSAND = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_COMMA_OR_THOUSAND = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_POINTS_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})")
_COMMAS_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})")
DATE = re.compile(
    r"(?:\d{4}([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2(?:\d{4}|\d{2})|\d{1,2}[- ][^\W\d_]{3,9}[- ]\d{2,4})(?:[T ]\d.*)?"
)
_SPREAD = re.compile(r"[+-]?[\d.,]+\s*(?:±|\+/-|\+-)\s*[\d.,]+")

_WITH_UNIT = re.compile(r"[+-]?\d[\d.,]*(?<![.,])\s*(?:[^\W\d_]{1,6}[²³]?|%|°)")
_BOUND = re.compile(r"(?:[<>≤≥]|<=|>=)\s*[+-]?\d[\d.,]*|[+-]?\d[\d.,]*\s*[+<>]")
WORD = re.compile(r"(?!inf(inity)?$|nan$)[^\W\d_][^\d]*", re.IGNORECASE)
"""A text that begins with a letter and has no digit."""


class Marks(NamedTuple):
    """Marks of decimals that do not fit a column.

    Args:
        rows: positions of the cells that are no number for it.
        comma: of the first cell with a decimal comma.
        point: of the first cell with a decimal point, None: no cell has one.
    """

    rows: list[int]
    comma: int
    point: int | None


class Numbers(NamedTuple):
    """A column as numbers.

    Args:
        values: float64 (n,), NaN where there is nothing or what is wrong.
        wrong: position and what is wrong, for cells that are no finite number.
        unclear: position of the first cell that could be one of two numbers, and what it could be; None: all are clear.
        notes: what was read otherwise than it stands there.
        marks: what is wrong with the column as a whole where its marks of decimals are not those that are read.
    """

    values: NDArray[np.float64]
    wrong: list[tuple[int, str]]
    unclear: tuple[int, str] | None = None
    notes: tuple[str, ...] = ()
    marks: Marks | None = None


def parse_numbers(texts: Sequence[str], *, decimal_comma: bool, mark: Mark = "auto") -> Numbers:
    """Texts as numbers, one way of writing for the whole column.

    A decimal comma is read where ``decimal_comma`` allows it and no cell of the column has a decimal point. Points or
    commas between thousands are read where a cell can be nothing else (``1.234.567``, ``1.234,5``), apostrophes and
    blanks, narrow and unbroken ones too, always. Where no cell tells whether ``1,234`` (or, with ``decimal_comma``, ``1.234``) has
    thousands or decimals, ``mark`` tells; ``auto``: the column is unclear.
    """
    values = np.full(len(texts), np.nan)
    with contextlib.suppress(ValueError):  # the quick way, for a column of plain finite numbers
        plain = np.array(list(map(float, texts)), dtype=np.float64)
        if np.isfinite(plain).all() and "_" not in "".join(texts) and not (decimal_comma and _any_unclear(texts)):
            return Numbers(plain, [])
    words = [trim(text) for text in texts]
    there = [position for position, word in enumerate(words) if not is_missing(word)]
    bare = {position: _without_marks(words[position]) for position in there}
    way = _way(list(bare.values()), decimal_comma, mark)
    wrong, unclear, grouped = list[tuple[int, str]](), list[int](), list[int]()
    for position, word in bare.items():
        if way.is_unclear(word):
            unclear.append(position)
            continue
        read = way.read(word)
        value = _number(read)
        if value is None:
            wrong.append((position, _no_number(words[position])))
        elif math.isinf(value):
            wrong.append((position, f"is infinite: {words[position]}"))
        else:
            values[position] = value
            grouped += [position] if len(read) < len(words[position]) else []
    marks = _marks(bare, [position for position, _ in wrong])
    notes = list[str]()
    if grouped:
        first = grouped[0]
        notes.append(
            f"thousands marks in {counted(len(grouped), 'cell')} are left out ({words[first]!r} is {values[first]:.12g})"
        )
    nothing = dict.fromkeys(word for word in words if word and is_missing(word))
    if nothing:
        count = sum(word in nothing for word in words)
        named = ", ".join(map(repr, list(nothing)[:5]))
        notes.append(f"{counted(count, 'cell is', 'cells are')} missing, written {named}")
    first_unclear = (unclear[0], _two_readings(words[unclear[0]])) if unclear else None
    return Numbers(values, wrong, first_unclear, tuple(notes), marks)


def _marks(words: Mapping[int, str], wrong: Sequence[int]) -> Marks | None:
    """What the marks of decimals are where cells that are numbers by themselves are none in their column."""
    points, commas = list[int](), list[int]()
    for position, word in words.items():
        if _COMMAS_GROUP.fullmatch(word) or (_POINT.fullmatch(word) and not _POINT_OR_THOUSAND.fullmatch(word)):
            points.append(position)
        elif _POINTS_GROUP.fullmatch(word) or (_COMMA.fullmatch(word) and not _COMMA_OR_THOUSAND.fullmatch(word)):
            commas.append(position)
    forms = (_COMMA, _POINTS_GROUP, _COMMAS_GROUP)
    rows = [position for position in wrong if any(form.fullmatch(words[position]) for form in forms)]
    return Marks(rows, commas[0], points[0] if points else None) if rows and commas else None


def _any_unclear(texts: Sequence[str]) -> bool:
    """Whether a column of numbers with points could have thousands in all of them."""
    with_point = [word for word in map(str.strip, texts) if "." in word]
    return bool(with_point) and all(_POINT_OR_THOUSAND.fullmatch(word) for word in with_point)


def _no_number(word: str) -> str:
    hint = number_hint(word)
    return f"is not a number: {word if len(word) <= 40 else word[:40] + '…'!r}{f' ({hint})' if hint else ''}"


def number_hint(word: str) -> str:
    """What can be done with a cell that is no number; no text where nothing is known of it.

    >>> number_hint("1.5±0.2"), number_hint("3 mm")
    ('write the value alone, and its spread in a column of its own', 'write numbers alone, all in one unit')
    """
    if DATE.fullmatch(word):
        return "a date is no quantity: give a number, as the years from one date to another"
    if _SPREAD.fullmatch(word):
        return "write the value alone, and its spread in a column of its own"
    if _WITH_UNIT.fullmatch(word):
        return "write numbers alone, all in one unit"
    if _BOUND.fullmatch(word):
        return "a bound is no value: write the number where it is known; a label that is not known is an empty cell"
    if WORD.fullmatch(word):
        return "write a number; a label that is not known is an empty cell"
    marked = "," in word or word.count(".") > 1
    return "write decimals with a point, and no thousands separator" if marked else ""


def _two_readings(word: str) -> str:
    thousands, decimals = word.replace(".", "").replace(",", ""), word.replace(",", ".")
    return f"{word} could be {float(thousands):g} or {float(decimals):g}"


def _without_marks(word: str) -> str:
    """A number without apostrophes or spaces between thousands; anything else as it is."""
    return re.sub(r"['\u2019 \xa0\u2007\u2009\u202f]", "", word) if _SPACED.fullmatch(word) else word


class _Way(NamedTuple):
    """How the numbers of one column are written."""

    is_unclear: Callable[[str], bool]
    read: Callable[[str], str]


def _way(words: Sequence[str], decimal_comma: bool, mark: Mark) -> _Way:
    """The one way that fits all words of a column which can only be read in one way."""

    def any_is(pattern: re.Pattern[str], *but: re.Pattern[str]) -> bool:
        return any(pattern.fullmatch(word) and not any(other.fullmatch(word) for other in but) for word in words)

    points, commas = any_is(_POINTS_GROUP), any_is(_COMMAS_GROUP)
    decimal_point = any_is(_POINT, _POINT_OR_THOUSAND)
    comma = points or ((decimal_comma or mark == "comma") and any_is(_COMMA, _COMMA_OR_THOUSAND))
    point = commas or decimal_point
    if comma and point:  # of two minds: only what has no comma is read
        return _Way(lambda word: bool(_POINT_OR_THOUSAND.fullmatch(word)) and decimal_comma, lambda word: word)
    open_question = any_is(_COMMA_OR_THOUSAND) or (decimal_comma and any_is(_POINT_OR_THOUSAND))
    if open_question and not (comma or point) and mark != "auto":
        comma, point = mark == "comma", mark == "point"
        points, commas = comma, point
    if comma:
        return _Way(
            lambda word: not points and bool(_POINT_OR_THOUSAND.fullmatch(word)), lambda word: _of_comma(word, points)
        )
    return _Way(
        lambda word: _unclear_beside_points(word, point, commas, decimal_comma), lambda word: _of_point(word, commas)
    )


def _unclear_beside_points(word: str, point: bool, commas: bool, decimal_comma: bool) -> bool:
    if _COMMA_OR_THOUSAND.fullmatch(word):
        return not commas
    return decimal_comma and not point and bool(_POINT_OR_THOUSAND.fullmatch(word))


def _of_comma(word: str, points: bool) -> str:
    """A word with decimal comma (and points between thousands) with a decimal point."""
    if points and (_POINTS_GROUP.fullmatch(word) or _POINT_OR_THOUSAND.fullmatch(word)):
        word = word.replace(".", "")
    return word.replace(",", ".") if _COMMA.fullmatch(word) else word


def _of_point(word: str, commas: bool) -> str:
    """A word with decimal point, without commas between thousands."""
    return (
        word.replace(",", "")
        if commas and (_COMMAS_GROUP.fullmatch(word) or _COMMA_OR_THOUSAND.fullmatch(word))
        else word
    )


def _number(word: str) -> float | None:
    try:
        return float(word) if "_" not in word else None
    except ValueError:
        return None


def words_among(cells: Sequence[str], wrong: Sequence[int]) -> str:
    """The first words of a column that holds words where numbers are wanted; nothing for a few slips among numbers.

    >>> words_among(["mild", "severe", "mild", ""], [0, 1, 2]), words_among(["1", "2", "x"], [2])
    ("'mild', 'severe'", '')
    """
    known = sum(bool(cell.strip()) for cell in cells)
    words = [cells[row].strip() for row in wrong if WORD.fullmatch(cells[row].strip())]
    if 2 * len(words) <= known:
        return ""
    found = list(dict.fromkeys(words))
    return ", ".join(f"'{word[:30]}'" for word in found[:3]) + (", …" if len(found) > 3 else "")
