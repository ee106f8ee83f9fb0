"""What is wrong with the cells of a table: names that are absent or twice, numbers that are none."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgauge.core.problem import Problem, name_cases
from medgauge.core.words import counted
from medgauge.data.tables.columns import Columns
from medgauge.data.tables.missing import is_no_name, trim
from medgauge.data.tables.names import SHORTENED
from medgauge.data.tables.numbers import Mark, Marks, number_hint, parse_numbers, words_among

_TOO_NARROW = re.compile("#{3,}")
LEAST_ALIKE = 4
"""Cells of a column that are no numbers and are told in one line."""
GIVE_COMMA = " give --decimal comma, or"


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
    cut = {} if groups is None else _cut_groups(groups, exact=exact)
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
        elif groups is not None and row in cut:
            problems.append(Problem(case, f"has a group on {place} that a spreadsheet has {cut[row]}", "group", row))
        earlier = first.setdefault(case, row)
        if earlier != row and not is_no_name(case):
            what = f"has its id twice: on {columns.place} {columns.line[earlier]} and {columns.line[row]}"
            problems.append(Problem(case, what, "table", row))
    return told_together(problems, ("has a group on", "has its id twice"))


def mask_problems(masks: Sequence[str], ids: Sequence[str], columns: Columns) -> list[Problem]:
    """Cells of the mask column, trimmed, that name nothing; many of them are told by one sentence."""
    problems = [
        Problem(
            ids[row],
            f"names no mask on {columns.place} {columns.line[row]}{_written(cell)}; name one, or leave the case out",
            "file",
            row,
        )
        for row, cell in enumerate(masks)
        if is_no_name(cell)
    ]
    return told_together(problems, ("names no mask",))


def _cut_groups(groups: Sequence[str], *, exact: bool) -> dict[int, str]:
    """Positions of groups that a spreadsheet did not write as they are, and how it wrote them, with what can be done."""
    cut = dict[int, str]()
    for row, name in enumerate(groups):
        if not exact and SHORTENED.fullmatch(name):
            cut[row] = (
                f"shortened ({name}), so that different ones look alike; give the column as text, or say --groups-are-exact"
            )
        elif _TOO_NARROW.fullmatch(name):
            cut[row] = f"written as {name[:8]}, since its column was too narrow; widen it, and save the table again"
    return cut


def told_together(problems: Sequence[Problem], starts: Sequence[str]) -> list[Problem]:
    """The problems of cells, of which many that begin with the same words are told by one sentence with the first of them."""
    told = list(problems)
    for start in starts:
        alike = [one for one in problems if one.what.startswith(start)]
        if len(alike) >= LEAST_ALIKE:
            named = name_cases([one.where for one in alike])
            sentence = f"the same is wrong with {len(alike)} cases ({named}); the first {alike[0].what}"
            told = [one._replace(together=sentence) if one in alike else one for one in told]
    return told


def _written(cell: str) -> str:
    return f" (written {cell!r})" if cell else ""


def index_problems(name: str, cells: Sequence[str], ids: Sequence[str], columns: Columns) -> list[Problem]:
    """Cells of the index column, called ``name``, that are no row number; many of them are told by one sentence."""
    rows = [row for row, text in enumerate(cells) if not re.fullmatch(r"[0-9]+", trim(text))]
    together = ""
    if len(rows) >= LEAST_ALIKE:
        told = f"{len(rows)} cells are no row numbers ({_shown(cells, rows)}), the first on {columns.place} {columns.line[rows[0]]}"
        together = f"array index {name}: {told}; write whole numbers, from 0, without a point"
    return [
        Problem(
            ids[row],
            f"its array index on {columns.place} {columns.line[row]} is no row number: {cells[row]!r}",
            "file",
            row,
            together,
        )
        for row in rows
    ]


def missing_problems(
    called: str, cells: Sequence[str], rows: Sequence[int], ids: Sequence[str], columns: Columns
) -> list[Problem]:
    """Cells of a covariate that are missing, each with the word that is written there; ``None`` may be an answer."""
    none = [row for row in rows if trim(cells[row]).casefold() == "none"]
    together = ""
    if none:
        together = (
            f"{called}: {counted(len(none), 'cell is', 'cells are')} missing, written {trim(cells[none[0]])!r}, the first on "
            f"{columns.place} {columns.line[none[0]]}; if that is an answer, write another word for it (no), else fill these cells "
            "or leave such cases out"
        )
    return [
        Problem(
            ids[row],
            f"{called} on {columns.place} {columns.line[row]} is missing{_written(trim(cells[row]))}",
            "table",
            row,
            together if row in none else "",
        )
        for row in rows
    ]


def number_columns(
    columns: Columns,
    names: Sequence[str],
    ids: Sequence[str],
    role: Literal["label", "covariate"],
    missing: float | None,
    mark: Mark,
    divisor: str | None = None,
) -> NumberColumns:
    """The named columns as numbers, and what is wrong in them, in the order of the file.

    Args:
        columns: the table.
        names: of the columns.
        ids: of the cases.
        role: what the columns are.
        missing: a number that means a missing label.
        mark: the mark of decimals, for columns that do not tell it.
        divisor: the covariate that labels are divided by.
    """
    numbers = np.full((len(ids), len(names)), np.nan)
    problems, notes = list[Problem](), list[str]()
    kind: Literal["label", "table"] = "label" if role == "label" else "table"
    for column, name in enumerate(names):
        if name not in columns.text:
            continue
        read = parse_numbers(columns.text[name], decimal_comma=columns.decimal_comma, mark=mark)
        values, wrong = read.values, read.wrong
        called = f"{role} {name}" + (" (--label-times)" if name == divisor else "")
        notes += [f"{called}: {note}" for note in read.notes]
        if missing is not None:
            values[values == missing] = np.nan
        numbers[:, column] = values
        words = words_among(columns.text[name], [row for row, _ in wrong]) if role == "label" else ""
        if words:
            what = f"holds words ({words}); write numbers there (of a finding 1 and 0), or fit it as a class (--kind {name}=class)"
            problems.append(Problem(called, what, kind))
            continue
        absent = set(np.flatnonzero(np.isnan(values)).tolist()) - {row for row, _ in wrong}
        if read.marks is not None:
            what = _marks_in_words(read.marks, columns.text[name], columns)
            problems.append(Problem(called, what, kind))
            wrong = [(row, what) for row, what in wrong if row not in read.marks.rows]
        elif read.unclear is not None:
            row, what = read.unclear
            place = f"on {columns.place} {columns.line[row]} {what}, and no cell of the column tells"
            which = " say which mark its decimals have, --decimal point or --decimal comma, or"
            problems.append(Problem(called, f"{place};{which} write no thousands marks", kind))
        together = _together(called, [row for row, _ in wrong], columns.text[name], columns)
        told = [
            Problem(ids[row], f"{called} on {columns.place} {columns.line[row]} {what}", kind, row, together)
            for row, what in wrong
        ]
        if role == "covariate" and read.unclear is None:
            told += missing_problems(called, columns.text[name], sorted(absent), ids, columns)
        problems += sorted(told, key=lambda one: one.row or 0)
    return NumberColumns(numbers, problems, notes)


def _marks_in_words(marks: Marks, cells: Sequence[str], columns: Columns) -> str:
    comma = f"{columns.place} {columns.line[marks.comma]} ({trim(cells[marks.comma])!r})"
    if marks.point is not None:
        point = f"{columns.place} {columns.line[marks.point]} ({trim(cells[marks.point])!r})"
        return f"has decimals with a point, on {point}, and with a comma, on {comma}; write all with the same mark"
    count = counted(len(marks.rows), "cell")
    return f"has decimal commas ({count}, the first on {comma});{GIVE_COMMA} write decimals with a point"


def _together(called: str, rows: Sequence[int], cells: Sequence[str], columns: Columns) -> str:
    """One sentence for many cells of a column that are no numbers; no text for a few, which are told one by one."""
    if len(rows) < LEAST_ALIKE:
        return ""
    hint, many = Counter(number_hint(trim(cells[row])) for row in rows).most_common(1)[0]
    hint = hint if 2 * many > len(rows) else ""
    told = f"{called}: {len(rows)} cells are no finite numbers ({_shown(cells, rows)})"
    return f"{told}, the first on {columns.place} {columns.line[rows[0]]}{hint and '; '}{hint}"


def _shown(cells: Sequence[str], rows: Sequence[int]) -> str:
    """The first different texts of some cells."""
    found = list(dict.fromkeys(trim(cells[row])[:40] for row in rows))
    return ", ".join(map(repr, found[:3])) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def in_one_sentence(problems: Sequence[Problem]) -> list[Problem]:
    """The problems of a table, those of several columns with decimal commas told by one sentence."""
    alike = [one for one in problems if GIVE_COMMA in one.what]
    if len(alike) < 2:
        return list(problems)
    parts = [one.what.partition(f";{GIVE_COMMA}") for one in alike]
    told = " and ".join(f"{one.where} {part[0]}" for one, part in zip(alike, parts, strict=True))
    sentence = told + parts[0][1] + parts[0][2]
    return [one._replace(together=sentence) if one in alike else one for one in problems]


def without_name(problems: Sequence[Problem], pictures: Sequence[str], columns: Columns) -> list[Problem]:
    """The problems of a table, those of rows that name neither an image nor an id told by one sentence a row."""
    told = []
    for one in problems:
        nameless = one.row is not None and not one.where and is_no_name(pictures[one.row])
        line = f"{columns.place} {columns.line[one.row]}" if one.row is not None else ""
        sentence = f"{line} names no image, so that it is no case; remove it (a total, a remark?), or name its image"
        told.append(one._replace(together=sentence) if nameless else one)
    return told


def divisor_problems(name: str, values: NDArray[np.float64], ids: Sequence[str], columns: Columns) -> list[Problem]:
    """Cases that labels cannot be divided in: the covariate of ``--label-times`` is not above 0."""
    rows = np.flatnonzero(values <= 0).tolist()
    if not rows:
        return []
    first = f"the first on {columns.place} {columns.line[rows[0]]}, case {ids[rows[0]]}: {values[rows[0]]:g}"
    together = (
        f"covariate {name} (--label-times), by which labels are divided, is not above 0 in {counted(len(rows), 'case')} "
        f"({first}); correct the table, or leave --label-times out"
    )
    flag = ", or leave --label-times out"
    return [
        Problem(
            ids[row],
            f"covariate {name} (--label-times) on {columns.place} {columns.line[row]} is {values[row]:g}, not above 0",
            "table",
            row,
            together,
            flag,
        )
        for row in rows
    ]
