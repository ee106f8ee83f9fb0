"""The columns of a CSV, Parquet or bundled table as text."""

import re
from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from medgauge.core.errors import InputError
from medgauge.core.words import counted, nearest
from medgauge.data.bundled import bundled_columns, bundled_path, is_bundled
from medgauge.data.tables.missing import tidy, trim
from medgauge.data.tables.text import read_text, records

NAMING = ("group", "case id", "subgroups")
"""Roles of columns whose cells name something."""
EXACT = {"halffloat": 2**11, "float": 2**24, "double": 2**53}
"""Whole numbers that a type of float holds exactly are below this."""

_FORMULA = re.compile(r'="([^"]*)"')


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
        text: the columns that were asked for and are there, by the names asked for, n texts each; "" where the file
            has nothing.
        line: where each row stands in the file: its (first) line, header = line 1; in Parquet the row, from 1.
        place: how ``line`` is called: ``line`` or ``row``.
        decimal_comma: whether numbers may be written with a decimal comma (semicolon and tab tables).
        path: the file; paths in the table are relative to its folder.
        notes: what was read otherwise than it stands there.
    """

    text: dict[str, list[str]]
    line: list[int]
    place: str
    decimal_comma: bool
    path: Path
    notes: list[str]


def read_columns(path: str | Path, wanted: Sequence[Wanted]) -> Columns:
    """Read the wanted columns of a table.

    - Raises: InputError if the table is missing, unreadable, empty or no table, has a column twice, or lacks a needed
      one.
    """
    if is_bundled(path):
        text = bundled_columns(str(path))
        find_columns(list(text), wanted, str(path))
        n = len(next(iter(text.values())))
        return Columns(text, list(range(1, n + 1)), "row", False, bundled_path(str(path)), [])
    file = Path(path).absolute()
    if "://" in str(path):
        raise InputError(f"the table {path} is an address; save it as a file on this machine and give its path.")
    if not file.exists():
        raise InputError(f"the table {path} does not exist; check its path.")
    if file.is_dir():
        raise InputError(f"{path} is a folder; give a table (CSV or Parquet).")
    if not file.is_file():
        raise InputError(f"{path} is no regular file; save the table as one (CSV or Parquet).")
    if file.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise InputError(f"{file.name} is a spreadsheet; save it as CSV (UTF-8) or Parquet.")
    if file.suffix.lower() in (".json", ".jsonl", ".html", ".xml"):
        raise InputError(f"{file.name} is named as no table is; save it as CSV (UTF-8) or Parquet, with that ending.")
    read = _read_parquet if file.suffix.lower() in (".parquet", ".pq") else _read_csv
    columns = read(file, wanted)
    if not columns.line:
        raise InputError(f"the table {file.name} is empty: it has a header and no rows.")
    return columns


def column_names(path: str | Path, asked: Sequence[str]) -> list[str]:
    """The names of a table's columns, tidied; none where it cannot be read.

    Args:
        path: the table.
        asked: names that are looked for, by which the separator of a CSV file is told.
    """
    file = Path(path)
    try:
        if is_bundled(path) or not file.is_file():
            return []
        if file.suffix.lower() in (".parquet", ".pq"):
            import pyarrow.parquet

            return [tidy(name) for name in pyarrow.parquet.read_schema(file).names]
        return [tidy(name) for name in read_text(file, asked).header]
    except (InputError, OSError, ValueError):
        return []


def find_columns(names: Sequence[str], wanted: Sequence[Wanted], source: str) -> tuple[dict[str, int], list[str]]:
    """Where each wanted column is, by the name that it is asked for, and what is said of names that differ a little.

    Blanks and unseen characters at the ends of a name do not count, and a line break within it is a blank.

    - Raises: InputError for every column that is there twice, or for every needed column that is not there.
    """
    tidied = [tidy(name) for name in names]
    named = [name for name in tidied if name]  # columns without a name cannot be asked for and do no harm
    twice = [name for name in dict.fromkeys(named) if named.count(name) > 1]
    if twice:
        raise InputError(f"{source} has more than one column {_listed(twice)}; rename or remove all but one.")
    places = {want.column: tidied.index(tidy(want.column)) for want in wanted if tidy(want.column) in named}
    lacking = list(dict.fromkeys(want for want in wanted if want.needed and want.column not in places))
    if not lacking:
        unlike = [names[place] for name, place in places.items() if name != names[place]]
        broken = [tidy(name) for name in unlike if "\n" in trim(name) or "\r" in trim(name)]
        blanks = [name for name in unlike if tidy(name) not in broken]
        notes = [f"blanks at the ends of column names are left out: {_listed(blanks)}"] if blanks else []
        return places, notes + (
            [f"line breaks in column names are read as blanks: {_listed(broken)}"] if broken else []
        )
    parts = []
    for want in lacking:
        near = nearest(want.column, named)
        parts.append(f"no column '{want.column}' for the {want.role}" + (f" (did you mean '{near}'?)" if near else ""))
    raise InputError(f"{source} has {' and '.join(parts)}; its columns are {_listed(named)}.")


def _listed(names: Sequence[str], limit: int = 40) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(f"'{name}'" for name in names[:limit]) + more


def _read_csv(file: Path, wanted: Sequence[Wanted]) -> Columns:
    text = read_text(file, [want.column for want in wanted])
    places, notes = find_columns(text.header, wanted, file.name)
    pick = itemgetter(*places.values()) if places else lambda _: ()
    lines: list[int] = []
    rows: list[Any] = []
    for line, record in records(text, file.name, set(places.values())):
        lines.append(line)
        rows.append(pick(record))
    values = [rows] if len(places) == 1 else zip(*rows, strict=True)
    columns = {name: list(column) for name, column in zip(places, values, strict=bool(rows))}
    for name, cells in columns.items():
        columns[name], said = without_formulas(cells, name)
        notes += said
    return Columns(columns, lines, "line", text.separator != ",", file, [*text.notes, *notes])


def without_formulas(cells: list[str], name: str) -> tuple[list[str], list[str]]:
    """The cells of a column with texts in place of the formulas that a spreadsheet writes them as, and what is said of them.

    >>> without_formulas(['="007"', "8"], "patient")
    (['007', '8'], ['1 cell of patient is written as a formula and read as its text (="007" is 007)'])
    """
    found = [_FORMULA.fullmatch(trim(cell)) for cell in cells]
    texts = [formula[1] if formula else cell for formula, cell in zip(found, cells, strict=True)]
    first = next((formula for formula in found if formula), None)
    if first is None:
        return cells, []
    told = counted(sum(map(bool, found)), f"cell of {name} is", f"cells of {name} are")
    return texts, [f"{told} written as a formula and read as its text ({first[0]} is {first[1]})"]


def _read_parquet(file: Path, wanted: Sequence[Wanted]) -> Columns:
    import pyarrow.parquet

    try:
        names = list(pyarrow.parquet.read_schema(file).names)
        places, notes = find_columns(names, wanted, file.name)
        table = pyarrow.parquet.read_table(file, columns=list(dict.fromkeys(names[place] for place in places.values())))
    except (pyarrow.lib.ArrowException, OSError) as error:
        raise InputError(f"{file.name} is not a Parquet table that can be read; write it again or use CSV.") from error
    columns = {}
    for name, place in places.items():
        column, source = table.column(names[place]), f"column '{name}' of {file.name}"
        role = next((want.role for want in wanted if want.column == name and want.role in NAMING), None)
        if role is not None:
            _check_digits(column, source, role)
        if pyarrow.types.is_boolean(column.type):
            notes.append(f"{source} holds true and false, which are read as 1 and 0")
        columns[name] = _texts(column, source)
    return Columns(columns, list(range(1, table.num_rows + 1)), "row", False, file, notes)


def _check_digits(column: Any, source: str, role: str) -> None:
    """Raise InputError where floats that name something are so large that whole numbers differ by less than they can tell."""
    most = EXACT.get(str(column.type))
    large = [value for value in column.to_pylist() if value is not None and most is not None and abs(value) >= most]
    if large:
        raise InputError(
            f"{source}, the {role}, is of type {column.type} and holds {large[0]:.0f}: numbers from {most} on lose their last "
            "digits in it, so that different ones look alike; write the column as text or as whole numbers (int64)."
        )


def _texts(column: Any, source: str) -> list[str]:
    """A Parquet column as text: null is "", whole numbers have no point (a float column with gaps), true is 1."""
    texts = []
    for value in column.to_pylist():
        if value is None:
            texts.append("")
        elif isinstance(value, bool) or (isinstance(value, float) and value.is_integer() and abs(value) < 2**53):
            texts.append(str(int(value)))
        elif isinstance(value, Decimal):
            text = f"{value:f}"  # normalize() would round to 28 digits
            texts.append(text.rstrip("0").rstrip(".") if "." in text else text)
        elif isinstance(value, bytes):
            try:
                texts.append(value.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise InputError(f"{source} holds bytes that are no UTF-8 text; write it as text.") from error
        else:
            texts.append(str(value))
    return texts
