"""Columns of a run's CSV files, read as numbers, whole numbers and lists."""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from medgauge.core.forms import LARGEST, NUMBER, NUMBERS, TEXT, Leaf
from medgauge.core.words import shown
from medgauge.runfolder.folder import RunFolder

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf|nan|", re.ASCII)
_WHOLE = re.compile(r"\d{1,15}(\.0)?", re.ASCII)
Columns = Mapping[str, Sequence[str]]
WHOLES = Leaf(
    "a list of whole numbers >= 0",
    lambda value: isinstance(value, list) and all(type(one) is int and 0 <= one < 2**53 for one in value),
)
TEXTS = Leaf("a list of texts", lambda value: isinstance(value, list) and all(map(TEXT.holds, value)))
GAPPY = Leaf("a list of numbers", lambda value: isinstance(value, list) and all(map(NUMBER.holds, value)))
CASES = Leaf(
    "a list of id, distance and weight each",
    lambda value: (
        isinstance(value, list)
        and all(
            isinstance(one, list) and len(one) == 3 and TEXT.holds(one[0]) and all(map(NUMBER.holds, one[1:]))
            for one in value
        )
    ),
)
LISTS = {"neighbours": WHOLES, "neighbour_folds": WHOLES, "neighbour_ids": TEXTS, "distances": NUMBERS}
LIST_STARTS = {"weights_": GAPPY, "effects_": GAPPY, "neighbour_values_": GAPPY}
LIST_STARTS |= {"nearest_present_": CASES, "nearest_absent_": CASES}


def list_form(column: str) -> Leaf | None:
    """What the cells of a column must be, where they are lists; ``column`` without the kind before it."""
    starts = (leaf for start, leaf in LIST_STARTS.items() if column.startswith(start))
    return LISTS.get(column) or next(starts, None)


def need_columns(folder: RunFolder, name: str, columns: Collection[str], needed: Sequence[str]) -> None:
    """Raise InputError unless a table has some columns."""
    missing = [column for column in needed if column not in columns]
    if missing:
        raise folder.broken(name, f"it has no column {missing[0]}")


def read_rows(folder: RunFolder, name: str, needed: Sequence[str]) -> list[dict[str, str]]:
    """A table as one mapping a row, with the columns that are needed."""
    columns = folder.read_columns(name)
    need_columns(folder, name, columns, needed)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def read_numbers(folder: RunFolder, name: str, columns: Columns, column: str) -> list[float]:
    """A column of numbers; nothing is NaN."""
    need_columns(folder, name, columns, [column])
    cells = columns[column]
    found = _each(folder, name, column, cells, "a number", _NUMBER, lambda text: float(text or "nan"))
    for place, value in enumerate(found):
        if abs(value) > LARGEST and "inf" not in cells[place]:
            raise _wrong(folder, name, column, place, f"a number below {LARGEST:.0e}".replace("+", ""), cells[place])
    return found


def value_column(columns: Columns, target: str) -> str:
    """The column with the values of record of a target, before a calibration where there is one (findings).

    Methods and candidates are compared by these: a calibration rests on few cases, and may give rare findings one
    probability for all.
    """
    before = f"uncalibrated_{target}"
    return before if before in columns else f"value_{target}"


def read_wholes(folder: RunFolder, name: str, columns: Columns, column: str, *, below: int | None = None) -> list[int]:
    """A column of whole numbers >= 0, all different, below a number."""
    need_columns(folder, name, columns, [column])
    found = _each(
        folder, name, column, columns[column], "a whole number >= 0", _WHOLE, lambda text: int(text.removesuffix(".0"))
    )
    if below is not None and found and max(found) >= below:
        raise folder.broken(name, f"{column} must be below {below}, got {max(found)}")
    if len(set(found)) < len(found):
        raise folder.broken(name, f"{column} has a number twice")
    return found


def check_lists(
    folder: RunFolder, name: str, column: str, cells: Sequence[str], leaf: Leaf, *, below: int | None = None
) -> None:
    """Raise InputError unless each cell is empty or a list as JSON, of numbers below one where that is given."""
    for place, text in enumerate(cells):
        value: Any = None
        with suppress(ValueError, RecursionError):
            value = json.loads(text) if text.strip() else []
        if not leaf.holds(value):
            raise _wrong(folder, name, column, place, leaf.words, text)
        if below is not None and max(value, default=0) >= below:
            raise folder.broken(name, f"{column} in row {place + 1} must be below {below}, got {max(value)}")


def _each(
    folder: RunFolder,
    name: str,
    column: str,
    cells: Sequence[str],
    words: str,
    pattern: re.Pattern[str],
    read: Callable[[str], Any],
) -> list[Any]:
    for place, text in enumerate(cells):
        if pattern.fullmatch(text) is None:
            raise _wrong(folder, name, column, place, words, text)
    return [read(text) for text in cells]


def _wrong(folder: RunFolder, name: str, column: str, place: int, words: str, text: str) -> Exception:
    return folder.broken(name, f"{column} in row {place + 1} must be {words}, got {shown(text)}")
