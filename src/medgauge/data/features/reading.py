"""Tables of features that another program made: one row a case, a column of ids, and columns of numbers."""

import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.core.words import counted, did_you_mean, plural, printable
from medgauge.data.features.about import about_notes, read_about
from medgauge.data.tables.columns import Wanted, column_names, read_columns
from medgauge.data.tables.missing import tidy, trim
from medgauge.data.tables.numbers import Mark, parse_numbers

PARQUET = (".parquet", ".pq")
MOST_COLUMNS = 65_536
LISTED = 5
_ROW_NUMBER = re.compile(r"Unnamed: \d+|__index_level_\d+__|")
"""How programs call the numbers of rows that they write beside a table."""


class FeatureBlock(NamedTuple):
    """The features of one file.

    - Shape: key n different texts; columns f names; values (n, f) float64, NaN = missing.

    Args:
        path: the file.
        by: the column that ``key`` is.
        key: what joins a row to a case.
        columns: names of the features.
        values: as they stand there.
        notes: what was left out, and what was read otherwise than it stands there.
    """

    path: Path
    by: str
    key: list[str]
    columns: list[str]
    values: NDArray[np.float64]
    notes: list[str]


class _Read(NamedTuple):
    """What a file holds: the key, columns of numbers, and of the other columns what is in them."""

    key: list[str]
    numbers: dict[str, NDArray[np.float64]]
    texts: dict[str, str]
    notes: list[str]


def read_features(
    path: str | Path,
    joins: Sequence[str],
    *,
    aside: Mapping[str, str],
    wanted: Sequence[str] | None = None,
    decimal: Mark = "auto",
) -> FeatureBlock:
    """Read a table of features from Parquet, CSV or npz.

    In an npz file each array of n numbers is a column, and one of (n, f) numbers is f columns, NAME_0 and so on; an array of n
    texts or whole numbers has the ids.

    Args:
        path: the file.
        joins: columns that may name the case, the first that is there does.
        aside: further columns of the cases' table, with what they are there; such a column is no feature and is left out.
        wanted: the features, in this order; None: all columns.
        decimal: the mark of decimals of a CSV file, for columns that do not tell it.

    Raises:
        InputError: the file cannot be read, has no column that names the case or an id twice, lacks a feature, or a
            feature holds something else than numbers.
    """
    file = Path(path)
    reader = _read_npz if file.suffix.lower() == ".npz" else _read_table
    names = _npz_names(file) if file.suffix.lower() == ".npz" else column_names(path, joins)
    by = next((name for name in joins if tidy(name) in names), "")
    if not by:
        _refuse_unjoined(file, joins, names)
    left_out = {name: _role(name, by, aside) for name in names if wanted is None}
    asked = [name for name in names if name != tidy(by) and not left_out.get(name)]
    if wanted is not None:
        asked = _all_there(file, names, wanted)
    if not asked:
        raise InputError(f"{file.name} has no column of features beside {by}; give a table with some")
    read = reader(file, by, asked, decimal)
    _check_key(file, by, read.key)
    _refuse_texts(file, read.texts)
    columns = list(read.numbers)
    if len(columns) > MOST_COLUMNS:
        raise InputError(f"{file.name} has {len(columns)} columns of features; give at most {MOST_COLUMNS}")
    values = np.stack([read.numbers[name] for name in columns], axis=1)
    told = [f"{name} ({role})" for name, role in left_out.items() if role]
    notes = [
        f"{file.name}: {', '.join(told)} {plural(len(told), 'is no feature and is', 'are no features and are')} left out"
    ]
    return FeatureBlock(
        file, by, read.key, columns, values, [*(notes if told else []), *read.notes, *about_notes(file)]
    )


def _role(name: str, by: str, aside: Mapping[str, str]) -> str:
    """What a column is, where it is no feature and not the one that joins; no text of a feature."""
    if name == tidy(by):
        return ""
    return "numbers of rows" if _ROW_NUMBER.fullmatch(name) else aside.get(name, "")


def _refuse_unjoined(file: Path, joins: Sequence[str], names: Sequence[str]) -> None:
    if file.suffix.lower() == ".npy":
        raise InputError(
            f"{file.name} is an array without ids; give an npz file with an array of ids, a Parquet or a CSV table"
        )
    if names:
        asked = " or ".join(map(repr, joins))
        raise InputError(
            f"{file.name} has no column {asked}, by which its rows are joined to the cases; {did_you_mean(joins[0], names)}"
        )
    read_columns(file, [Wanted(joins[0], "case id")])  # which says what is wrong with the file
    raise InputError(f"{file.name} has no columns")


def _all_there(file: Path, names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    lacking = [name for name in wanted if name not in names]
    if lacking:
        shown = ", ".join(map(repr, lacking[:LISTED]))
        again = "make it as that of the run was made"
        if read_about(file):
            again += " (medgauge embed with that file, or that run, in the place of an encoder)"
        raise InputError(
            f"{file.name} lacks {counted(len(lacking), 'column')} of the {len(wanted)} features that the run was made with ({shown}"
            f"{f' and {len(lacking) - LISTED} more' if len(lacking) > LISTED else ''}); {again}"
        )
    return list(wanted)


def _check_key(file: Path, by: str, key: Sequence[str]) -> None:
    if "" in key:
        raise InputError(
            f"{file.name} has a row without {by} (row {key.index('') + 1}); name its case, or leave the row out"
        )
    seen, twice = set[str](), dict[str, None]()
    for name in key:
        twice |= {name: None} if name in seen else {}
        seen.add(name)
    if twice:
        shown = ", ".join(printable(name, line=True) for name in list(twice)[:LISTED])
        raise InputError(
            f"{file.name} has more than one row of {counted(len(twice), 'case')} (column {by}: {shown}); give one row a case"
        )


def _refuse_texts(file: Path, texts: Mapping[str, str]) -> None:
    if not texts:
        return
    shown = ", ".join(f"{name} ({what})" for name, what in list(texts.items())[:LISTED])
    more = f" and {len(texts) - LISTED} more" if len(texts) > LISTED else ""
    raise InputError(
        f"{counted(len(texts), 'column')} of {file.name} {plural(len(texts), 'holds', 'hold')} something else than numbers: {shown}"
        f"{more}; features are numbers, so write them as numbers or leave such columns out"
    )


def _read_table(file: Path, by: str, asked: Sequence[str], decimal: Mark) -> _Read:
    if file.suffix.lower() in PARQUET:
        return _read_parquet(file, by, asked)
    columns = read_columns(file, [Wanted(by, "case id"), *(Wanted(name, "feature") for name in asked)])
    read = _Read([trim(cell) for cell in columns.text[by]], {}, {}, list(columns.notes))
    for name in asked:
        cells = columns.text[name]
        found = parse_numbers(cells, decimal_comma=columns.decimal_comma, mark=decimal)
        values, infinite = found.values, [row for row, what in found.wrong if what.startswith("is infinite")]
        values[infinite] = np.inf
        wrong = [row for row, _ in found.wrong if row not in infinite] + ([found.unclear[0]] if found.unclear else [])
        if wrong:
            read.texts[name] = f"{trim(cells[wrong[0]])[:40]!r} on {columns.place} {columns.line[wrong[0]]}"
        read.numbers[name] = values
    return read


def _read_parquet(file: Path, by: str, asked: Sequence[str]) -> _Read:
    import pyarrow.parquet
    from pyarrow import types

    key = read_columns(file, [Wanted(by, "case id")])
    whole = pyarrow.parquet.read_table(file)
    places = {tidy(name): place for place, name in enumerate(whole.column_names)}
    read = _Read([trim(cell) for cell in key.text[by]], {}, {}, list(key.notes))
    for name in asked:
        column = whole.column(places[name])
        if types.is_boolean(column.type) or types.is_decimal(column.type):
            column = column.cast(pyarrow.float64())
        if types.is_integer(column.type) or types.is_floating(column.type):
            read.numbers[name] = column.to_numpy().astype(np.float64)
        elif column.null_count == len(column):
            read.numbers[name] = np.full(len(column), np.nan)
        else:
            read.texts[name] = str(column.type)
    return read


def _opened(file: Path) -> Any:  # as NumPy opens it
    try:
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        what = "is not there" if not file.exists() else "cannot be read as one"
        raise InputError(f"{file} is to be an npz file with features, and {what}; check its path") from error


def _npz_names(file: Path) -> list[str]:
    """Names of the columns that an npz file stands for."""
    with _opened(file) as arrays:
        return [name for key in arrays.files for name in _columns_of(file, key, arrays)]


def _columns_of(file: Path, key: str, arrays: Any) -> list[str]:  # as NumPy opened it
    shape = _array(file, key, arrays).shape
    if len(shape) == 1:
        return [tidy(key)]
    if len(shape) == 2:
        return [f"{tidy(key)}_{place}" for place in range(shape[1])]
    raise InputError(
        f"the array {key} of {file.name} has {counted(len(shape), 'axis', 'axes')}; features are (n,) or (n, f) numbers"
    )


def _array(file: Path, key: str, arrays: Any) -> NDArray[Any]:  # as NumPy opened it
    try:
        found: NDArray[Any] = arrays[key]
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"the array {key} of {file.name} cannot be read without running code; save texts as np.array(ids, dtype=str)"
        ) from error
    return found


def _read_npz(file: Path, by: str, asked: Sequence[str], decimal: Mark) -> _Read:
    with _opened(file) as arrays:
        held = {key: _array(file, key, arrays) for key in arrays.files}
        flat = {
            name: (array if array.ndim == 1 else array[:, place])
            for key, array in held.items()
            for place, name in enumerate(_columns_of(file, key, arrays))
        }
    lengths = {name: len(flat[name]) for name in (tidy(by), *asked)}
    unlike = next((name for name, length in lengths.items() if length != lengths[tidy(by)]), None)
    if unlike is not None:
        raise InputError(
            f"the arrays of {file.name} differ in length: {by} has {lengths[tidy(by)]} rows, {unlike} {lengths[unlike]}"
        )
    ids = flat[tidy(by)]
    if ids.dtype.kind not in "USiu":
        raise InputError(f"the array {by} of {file.name} must be texts or whole numbers, got {ids.dtype}")
    key = [trim(one.decode() if isinstance(one, bytes) else str(one)) for one in ids.tolist()]
    numbers = {name: flat[name].astype(np.float64) for name in asked if flat[name].dtype.kind in "biuf"}
    texts = {name: str(flat[name].dtype) for name in asked if name not in numbers}
    return _Read(key, numbers, texts, [])
