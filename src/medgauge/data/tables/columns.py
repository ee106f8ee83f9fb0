"""The columns of a CSV, Parquet or bundled table as text, and texts as numbers."""

import contextlib
import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.core.words import nearest
from medgauge.data.bundled import bundled_columns, bundled_path, is_bundled

SEPARATORS = (",", ";", "\t")
MISSING_WORDS = frozenset({"", "nan", "na", "n/a"})
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


class Wanted(NamedTuple):
    """A column that is asked for.

    Args:
        column: its name.
        role: what it is asked for, in a word: ``label``, ``group``.
        needed: whether a table without it is refused.
    """

    column: str
    role: str
    needed: bool = True


class Columns(NamedTuple):
    """Columns as text, exactly as they stand in the file.

    Args:
        text: the columns that were asked for and are there, n texts each; "" where the file has nothing.
        line: where each row stands in the file: its (first) line, header = line 1; in Parquet the row, from 1.
        place: how ``line`` is called: ``line`` or ``row``.
        decimal_comma: whether numbers may be written with a decimal comma (semicolon and tab tables).
        path: the file; paths in the table are relative to its folder.
    """

    text: dict[str, list[str]]
    line: list[int]
    place: str
    decimal_comma: bool
    path: Path


def read_columns(path: str | Path, wanted: Sequence[Wanted]) -> Columns:
    """Read the wanted columns of a table.

    - Raises: InputError if the table is missing, unreadable, empty or no table, has a column twice, or lacks a needed
      one.
    """
    if is_bundled(path):
        text = bundled_columns(str(path))
        check_columns(list(text), wanted, str(path))
        n = len(next(iter(text.values())))
        return Columns(text, list(range(1, n + 1)), "row", False, bundled_path(str(path)))
    file = Path(path).absolute()
    if not file.exists():
        raise InputError(f"the table {path} does not exist; check its path.")
    if file.is_dir():
        raise InputError(f"{path} is a folder; give a table (CSV or Parquet).")
    if file.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise InputError(f"{file.name} is a spreadsheet; save it as CSV (UTF-8) or Parquet.")
    read = _read_parquet if file.suffix.lower() in (".parquet", ".pq") else _read_csv
    columns = read(file, wanted)
    if not columns.line:
        raise InputError(f"the table {file.name} is empty: it has a header and no rows.")
    return columns


def check_columns(names: Sequence[str], wanted: Sequence[Wanted], source: str) -> None:
    """Raise one InputError for every column that is there twice, or for every needed column that is not there."""
    named = [name for name in names if name]  # columns without a name cannot be asked for and do no harm
    twice = [name for name in dict.fromkeys(named) if named.count(name) > 1]
    if twice:
        raise InputError(f"{source} has more than one column {_listed(twice)}; rename or remove all but one.")
    lacking = list(dict.fromkeys(want for want in wanted if want.needed and want.column not in named))
    if not lacking:
        return
    parts = []
    for want in lacking:
        near = nearest(want.column, named)
        parts.append(f"no column '{want.column}' for the {want.role}" + (f" (did you mean '{near}'?)" if near else ""))
    raise InputError(f"{source} has {' and '.join(parts)}; its columns are {_listed(named)}.")


def _listed(names: Sequence[str], limit: int = 40) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(f"'{name}'" for name in names[:limit]) + more


def _read_csv(file: Path, wanted: Sequence[Wanted]) -> Columns:
    text = _decode(file)
    asked = {want.column for want in wanted}
    headers = {separator: _first_record(text, separator) for separator in SEPARATORS}
    # the right separator is the one that shows most of the columns asked for, then the most columns
    separator = max(SEPARATORS, key=lambda s: (len(asked & set(headers[s])), len(headers[s])))
    header = headers[separator]
    if not any(header):
        raise InputError(f"the table {file.name} is empty: its first line must name the columns.")
    check_columns(header, wanted, file.name)
    present = [name for name in header if name in asked]
    pick = itemgetter(*[header.index(name) for name in present]) if present else lambda _: ()
    lines: list[int] = []
    rows: list[Any] = []
    for line, record in _records(text, separator, len(header), file.name):
        lines.append(line)
        rows.append(pick(record))
    values = [rows] if len(present) == 1 else zip(*rows, strict=True)
    columns = {name: list(column) for name, column in zip(present, values, strict=bool(rows))}
    return Columns(columns, lines, "line", separator != ",", file)


def _decode(file: Path) -> str:
    """The text of a UTF-8 file, without its byte order mark."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(f"the table {file.name} cannot be read: {error.strerror}.") from error
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{file.name} is UTF-16 text; save it as CSV in UTF-8.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"{file.name} is not UTF-8 text (line {line}); save the table as CSV in UTF-8.") from error
    if "\0" in text:
        raise InputError(f"{file.name} is not a table: it holds zero bytes; give a CSV (UTF-8) or a Parquet file.")
    return text


def _first_record(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), [])
    except csv.Error:
        return []


def _records(text: str, separator: str, width: int, source: str) -> Iterator[tuple[int, list[str]]]:
    """Every row below the header that is not empty, with its first line in the file."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    next(reader)
    start = reader.line_num + 1
    try:
        for record in reader:
            if any(record):  # rows of nothing but separators are no cases
                if len(record) != width:
                    raise InputError(
                        f"{source} is not a table: line {start} has {len(record)} fields and the header has {width}."
                    )
                yield start, record
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{source} is not a table: the row that begins on line {start}: {error}.") from error


def _read_parquet(file: Path, wanted: Sequence[Wanted]) -> Columns:
    import pyarrow.parquet

    asked = {want.column for want in wanted}
    try:
        names = list(pyarrow.parquet.read_schema(file).names)
        check_columns(names, wanted, file.name)
        present = [name for name in names if name in asked]
        table = pyarrow.parquet.read_table(file, columns=present)
    except (pyarrow.lib.ArrowException, OSError) as error:
        raise InputError(f"{file.name} is not a Parquet table that can be read; write it again or use CSV.") from error
    columns = {name: _texts(table.column(name)) for name in present}
    return Columns(columns, list(range(1, table.num_rows + 1)), "row", False, file)


def _texts(column: Any) -> list[str]:
    """A Parquet column as text: null is "", whole numbers have no point (a float column with gaps), true is 1."""
    texts = []
    for value in column.to_pylist():
        if value is None:
            texts.append("")
        elif isinstance(value, bool) or (isinstance(value, float) and value.is_integer() and abs(value) < 2**53):
            texts.append(str(int(value)))
        elif isinstance(value, bytes):
            texts.append(value.decode("utf-8", errors="replace"))
        else:
            texts.append(str(value))
    return texts


def parse_numbers(texts: Sequence[str], *, decimal_comma: bool) -> tuple[NDArray[np.float64], list[tuple[int, str]]]:
    """Texts as float64 (n,), NaN where there is nothing, and (position, what is wrong) for what is no finite number.

    A decimal comma is read where ``decimal_comma`` allows it, if no number of the column has a point and at least one
    cannot be a thousands separator; ``1,234`` alone could be either and is refused.
    """
    values, wrong = np.full(len(texts), np.nan), list[tuple[int, str]]()
    with contextlib.suppress(ValueError):  # the quick way, for a column of plain finite numbers
        plain = np.array(list(map(float, texts)), dtype=np.float64)
        if np.isfinite(plain).all() and "_" not in "".join(texts):
            return plain, wrong
    hint = ""
    with_comma = [text.strip() for text in texts if "," in text]
    if with_comma:
        point = any("." in text for text in texts)
        clear = all(_DECIMAL_COMMA.fullmatch(t) for t in with_comma) and not all(map(_THOUSANDS.fullmatch, with_comma))
        decimal_comma = decimal_comma and clear and not point
        hint = "" if decimal_comma else " (write decimals with a point, and no thousands separator)"
    for position, text in enumerate(texts):
        word = text.strip()
        if word.casefold() in MISSING_WORDS:
            continue
        value = _number(word.replace(",", ".") if decimal_comma else word)
        if value is None:
            shown = repr(word if len(word) <= 40 else word[:40] + "…")
            wrong.append((position, f"is not a number: {shown}{hint if ',' in word else ''}"))
        elif math.isinf(value):
            wrong.append((position, f"is infinite: {word}"))
        else:
            values[position] = value
    return values, wrong


def _number(word: str) -> float | None:
    try:
        return float(word) if "_" not in word else None
    except ValueError:
        return None


WORD = re.compile(r"(?!inf(inity)?$|nan$)[^\W\d_][^\d]*", re.IGNORECASE)
"""A text that begins with a letter and has no digit."""


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
