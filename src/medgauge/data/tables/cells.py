"""What is wrong with the cells of a table: names that are absent or twice, numbers that are none."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgauge.core.problem import Problem
from medgauge.data.tables.columns import Columns
from medgauge.data.tables.missing import is_no_name, trim
from medgauge.data.tables.names import SHORTENED
from medgauge.data.tables.numbers import Mark, parse_numbers, words_among


class NumberColumns(NamedTuple):
    """Columns of numbers, float64 (n, names) with NaN for what is missing, what is wrong in them, and what is said."""

    values: NDArray[np.float64]
    problems: list[Problem]
    notes: list[str]


def name_problems(
    pictures: Sequence[str], ids: Sequence[str], groups: Sequence[str] | None, columns: Columns, *, exact: bool
) -> list[Problem]:
    """Cells of image, id and group that name nothing, ids that occur twice, and groups that a spreadsheet has cut.

    Args:
        pictures: the image cells, trimmed.
        ids: the ids, trimmed.
        groups: the groups, trimmed; None: each case is its own.
        columns: where the rows stand.
        exact: groups are what they seem, also those that look like a shortened number.
    """
    problems = []
    first: dict[str, int] = {}
    for row, (picture, case) in enumerate(zip(pictures, ids, strict=True)):
        place = f"{columns.place} {columns.line[row]}"
        if is_no_name(picture):
            problems.append(Problem(case, f"names no image on {place}{_written(picture)}", "file", row))
        elif is_no_name(case):
            problems.append(Problem(case, f"has no id on {place}{_written(case)}", "table", row))
        if groups is not None and is_no_name(groups[row]):
            problems.append(Problem(case, f"has no group on {place}{_written(groups[row])}", "group", row))
        elif groups is not None and not exact and SHORTENED.fullmatch(groups[row]):
            what = f"has a group on {place} that a spreadsheet has shortened ({groups[row]}), so that different ones look alike"
            remedy = "give the column as text, or say --groups-are-exact"
            problems.append(Problem(case, f"{what}; {remedy}", "group", row))
        earlier = first.setdefault(case, row)
        if earlier != row and not is_no_name(case):
            what = f"has its id twice: on {columns.place} {columns.line[earlier]} and {columns.line[row]}"
            problems.append(Problem(case, what, "table", row))
    return problems


def _written(cell: str) -> str:
    return f" (written {cell!r})" if cell else ""


def index_problems(rows: Sequence[str], ids: Sequence[str], columns: Columns) -> list[Problem]:
    """Cells of the index column that are no row number."""
    return [
        Problem(
            ids[row], f"its array index on {columns.place} {columns.line[row]} is no row number: {text!r}", "file", row
        )
        for row, text in enumerate(rows)
        if not re.fullmatch(r"[0-9]+", trim(text))
    ]


def number_columns(
    columns: Columns,
    names: Sequence[str],
    ids: Sequence[str],
    role: Literal["label", "covariate"],
    missing: float | None,
    mark: Mark,
) -> NumberColumns:
    """The named columns as numbers, and what is wrong in them, in the order of the file."""
    numbers = np.full((len(ids), len(names)), np.nan)
    problems, notes = list[Problem](), list[str]()
    kind: Literal["label", "table"] = "label" if role == "label" else "table"
    for column, name in enumerate(names):
        if name not in columns.text:
            continue
        read = parse_numbers(columns.text[name], decimal_comma=columns.decimal_comma, mark=mark)
        values, wrong = read.values, read.wrong
        notes += [f"{role} {name}: {note}" for note in read.notes]
        if missing is not None:
            values[values == missing] = np.nan
        numbers[:, column] = values
        words = words_among(columns.text[name], [row for row, _ in wrong]) if role == "label" else ""
        if words:
            what = f"holds words ({words}), and only numbers and grades are read; give it as numbers"
            problems.append(Problem(f"label {name}", what, kind))
            continue
        if read.unclear is not None:
            row, what = read.unclear
            remedy = "say which mark its decimals have, --decimal point or --decimal comma, or write no thousands marks"
            place = f"on {columns.place} {columns.line[row]} {what}, and no cell of the column tells"
            problems.append(Problem(f"{role} {name}", f"{place}; {remedy}", kind))
        elif role == "covariate":
            absent = set(np.flatnonzero(np.isnan(values)).tolist()) - {row for row, _ in wrong}
            wrong = sorted([*wrong, *((row, "is missing") for row in absent)])
        for row, what in wrong:
            place = f"on {columns.place} {columns.line[row]}"
            problems.append(Problem(ids[row], f"{role} {name} {place} {what}", kind, row))
    return NumberColumns(numbers, problems, notes)
