"""A text column that holds the names of all findings of a case, joined by a separator, as 0/1 columns."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem
from medgauge.core.words import counted, nearest, plural
from medgauge.data.tables.columns import Columns, Wanted, read_columns
from medgauge.data.tables.missing import is_missing, trim
from medgauge.data.tables.misspelt import misspelt_words
from medgauge.data.tables.names import alike_sets, in_words, spelled_as, spelling_key

SEPARATORS = "|;,/+"
"""Signs that may stand between names."""
MOST_NAMES = 200
"""Names that are all taken as labels where nobody says which are."""
SHOWN = 20
"""Names that are told with their cases."""
NOTHING_FOUND = frozenset(["normal", "healthy", "negative", "unremarkable", "no abnormality"])
"""Words that may say that there is no finding; a finding may be called so too."""
_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?")


class Joined(NamedTuple):
    """Findings whose names stand in one column.

    Args:
        column: with the names of a case's findings; ``No Finding`` for a case without any; empty = not known.
        separator: between two names.
        names: of the findings that are labels, by which the column is split.
    """

    column: str
    separator: str
    names: Sequence[str]


class Findings(NamedTuple):
    """The columns as text: ``1`` where the name is in the cell, ``0`` where it is not, empty where the cell is."""

    text: dict[str, list[str]]
    problems: list[Problem]
    notes: list[str]


def names_in(cell: str, separator: str) -> list[str]:
    """The names in a cell, trimmed; none for ``No Finding`` alone.

    >>> names_in("Effusion | Mass", "|"), names_in("no_finding", "|"), names_in("No Finding|Mass", "|")
    (['Effusion', 'Mass'], [], ['No Finding', 'Mass'])
    """
    names = list(dict.fromkeys(name for part in cell.split(separator) if (name := trim(part))))
    return [] if len(names) == 1 and is_no_finding(names[0]) else names


def is_no_finding(name: str) -> bool:
    """Whether a name says that there is no finding.

    >>> is_no_finding("No Finding"), is_no_finding("NO_FINDINGS"), is_no_finding("Normal")
    (True, True, False)
    """
    return spelling_key(name.casefold()).rstrip("s") == spelling_key("no finding")


def count_names(cells: Sequence[str], separator: str) -> dict[str, int]:
    """The names of a column with the number of cells that each is in, the most frequent first, then in alphabetical order."""
    found = Counter[str]()
    for cell, count in Counter(cells).items():
        found.update(dict.fromkeys(() if is_missing(cell) else names_in(cell, separator), count))
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def split_findings(columns: Columns, joined: Joined, ids: Sequence[str]) -> Findings:
    """Split a column of joined names into one column a label; all labels are empty where the cell is.

    Args:
        columns: of a table; without the column nothing is split.
        joined: the column, and the labels.
        ids: of the cases.
    """
    if joined.column not in columns.text:
        return Findings({}, [], [])
    cells, separator = columns.text[joined.column], joined.separator
    counts = count_names(cells, separator)
    problems = [
        *_cell_problems(columns, joined, ids),
        *_spelling_problems(joined, counts),
        *_sign_problems(joined, counts),
    ]
    held = {cell: None if is_missing(cell) else names_in(cell, separator) for cell in set(cells)}
    text = {}
    for name in joined.names:
        written = {cell: "" if names is None else str(int(name in names)) for cell, names in held.items()}
        text[name] = [written[cell] for cell in cells]
    notes = [_note(joined, [held[cell] for cell in cells], counts)]
    nothing = sum(not held[cell] and not is_missing(cell) for cell in cells)
    notes += [f"{joined.column}: {words}" for words in misspelt_words({**counts, "No Finding": nothing})]
    return Findings(text, problems, [*notes, *_twin_notes(columns, joined.column, text)])


def labels_in(path: str, column: str, separator: str, asked: Sequence[str]) -> list[str]:
    """The findings that are labels: those of ``asked`` that occur in the column, or all that occur, the most frequent first.

    Args:
        path: the table.
        column: of joined names.
        separator: between two names.
        asked: names of labels; those that do not occur are looked for elsewhere. Empty: all names are labels.

    Raises:
        InputError: the table has no such column; or all names would be labels, and their separator is another, two differ in
            spelling alone, there are none or more than ``MOST_NAMES``; or an asked one occurs in another spelling.
    """
    columns = read_columns(path, [Wanted(column, "names of findings")])
    cells = columns.text[column]
    counts = count_names(cells, separator)
    for name, near in spelled_as(list(asked), list(counts)).items():
        raise InputError(f"column '{column}' of {columns.path.name} has no finding '{name}' (did you mean '{near}'?).")
    if asked:
        return [name for name in asked if name in counts]
    if counts and all(map(_NUMBER.fullmatch, counts)) and not any(separator in cell for cell in cells):
        raise InputError(
            f"column '{column}' of {columns.path.name} holds numbers ({', '.join(list(counts)[:3])}) and no names of findings; give a "
            f"column of 0 and 1 with --label '{column}'."
        )
    _check_separator(f"column '{column}' of {columns.path.name}", cells, separator)
    if unlike := alike_sets(counts):
        raise InputError(
            f"column '{column}' of {columns.path.name} has findings that differ in spelling alone ({in_words(unlike)}); write "
            "them alike."
        )
    if not counts:
        raise InputError(f"column '{column}' of {columns.path.name} has no name of a finding in any cell.")
    if len(counts) > MOST_NAMES:
        raise InputError(
            f"column '{column}' of {columns.path.name} has {len(counts)} different names ('{next(iter(counts))}' the most "
            "frequent); say which are labels, with --findings."
        )
    return list(counts)


def no_such_finding(name: str, column: str, known: Sequence[str]) -> str:
    """What is said of a label that is in no cell."""
    near = nearest(name, known)
    hint = f" (did you mean '{near}'?)" if near else f"; it has {', '.join(map(repr, known[:SHOWN]))}"
    return f"column '{column}' has no finding '{name}'{hint}"


def joining_sign(cells: Sequence[str]) -> str:
    """The sign that stands between names which occur alone as well; no text without one.

    >>> joining_sign(["Mass;Edema", "Mass"]), joining_sign(["T1/T2", "T1 fast"])
    (';', '')
    """
    whole = {trim(cell) for cell in set(cells)}
    return next(
        (
            sign
            for sign in SEPARATORS
            if any(trim(part) in whole for cell in whole if sign in cell for part in cell.split(sign))
        ),
        "",
    )


def _check_separator(where: str, cells: Sequence[str], separator: str) -> None:
    """Raise where no cell has the separator, and another sign stands between names that occur alone as well."""
    if any(separator in cell for cell in cells) or not (sign := joining_sign(cells)):
        return
    having = [trim(cell) for cell in cells if sign in cell]
    raise InputError(
        f"{where} has '{separator}' in no cell, and '{sign}' in {len(having)} ('{having[0]}'); give --separator '{sign}'."
    )


def _cell_problems(columns: Columns, joined: Joined, ids: Sequence[str]) -> list[Problem]:
    """Cells that say that there is no finding and name one, and cells whose word may mean either that or nothing."""
    cells, problems = columns.text[joined.column], []
    parts = {cell: names_in(cell, joined.separator) for cell in set(cells)}
    nothing = {cell: next(filter(is_no_finding, names), None) for cell, names in parts.items()}
    for row, cell in enumerate(cells):
        names, none = parts[cell], nothing[cell]
        place = f"{joined.column} on {columns.place} {columns.line[row]}"
        if none is not None:
            other = next(name for name in names if name != none)
            problems.append(Problem(ids[row], f"{place} has '{none}' beside '{other}'; drop one of them", "label", row))
        elif trim(cell).casefold() == "none":
            what = f"{place} is '{trim(cell)}', which may mean no finding or not known; write No Finding, or leave it empty"
            together = f"label {what}; so it is in all cells with that word"
            problems.append(Problem(ids[row], what, "label", row, together))
    return problems


def _spelling_problems(joined: Joined, counts: Mapping[str, int]) -> list[Problem]:
    """Names that differ from a label in spelling alone."""
    found = []
    for name, label in spelled_as(list(counts), joined.names).items():
        what = f"has '{name}' ({counted(counts[name], 'case')}) beside the label '{label}'; write them alike"
        found.append(Problem(f"column {joined.column}", what, "label"))
    return found


def _sign_problems(joined: Joined, counts: Mapping[str, int]) -> list[Problem]:
    """Names that another sign joins from names which the column or the labels have alone."""
    known, problems = {*counts, *joined.names}, []
    for sign in SEPARATORS.replace(joined.separator, ""):
        whole = [name for name in counts if sign in name and {trim(part) for part in name.split(sign)} <= known]
        if whole:
            cells = counted(sum(counts[name] for name in whole), "cell")
            what = f"has '{sign}' between names in {cells} ('{whole[0]}'), and is split at '{joined.separator}'"
            problems.append(
                Problem(f"column {joined.column}", f"{what}; write one sign in all cells, or give --separator", "label")
            )
    return problems


def _note(joined: Joined, held: Sequence[Sequence[str] | None], counts: Mapping[str, int]) -> str:
    """How the column was read, in a line.

    Args:
        joined: the column and the labels.
        held: the names in each cell; None: it is empty.
        counts: cells with each name.
    """
    labels = _told({name: counts.get(name, 0) for name in joined.names})
    said = [f"{joined.column} is split at '{joined.separator}' into {counted(len(joined.names), 'finding')}: {labels}"]
    without = sum(names is not None and not set(joined.names) & set(names) for names in held)
    empty = sum(names is None for names in held)
    said += [f"{counted(without, 'case has', 'cases have')} none of them"] if without else []
    said += [f"{counted(empty, 'empty cell is', 'empty cells are')} missing labels"] if empty else []
    others = {name: count for name, count in counts.items() if name not in joined.names}
    said += [f"not asked for: {_told(others)}"] if others else []
    alone = [name for name in joined.names if name.casefold() in NOTHING_FOUND and _stands_alone(name, held)]
    said += [
        f"'{name}' stands in cells by itself alone; if it says that nothing is found, write No Finding"
        for name in alone
    ]
    return "; ".join(said)


def _twin_notes(columns: Columns, column: str, text: Mapping[str, list[str]]) -> list[str]:
    """That labels have columns of their own too, which are not read, and in how many cases these say otherwise.

    Args:
        columns: of the table.
        column: of joined names.
        text: 1, 0 or nothing of each label and case, by what stands in it.
    """
    differing = {
        name: sum(
            {cell, trim(own).removesuffix(".0")} == {"0", "1"}
            for cell, own in zip(cells, columns.text[name], strict=True)
        )
        for name, cells in text.items()
        if name in columns.text
    }
    if not differing:
        return []
    named = [f"{name} (differs in {counted(count, 'case')})" if count else name for name, count in differing.items()]
    return [f"read from {column}, and not from the {plural(len(named), 'column')} of the same name: {', '.join(named)}"]


def _stands_alone(name: str, held: Sequence[Sequence[str] | None]) -> bool:
    """Whether a name is in some cell, and in none with another."""
    cells = [names for names in held if names and name in names]
    return bool(cells) and all(len(names) == 1 for names in cells)


def _told(counts: Mapping[str, int]) -> str:
    """Names with their cases, the most frequent first.

    >>> _told({"Mass": 3, "Hernia": 1})
    'Mass (3), Hernia (1)'
    """
    most = sorted(counts.items(), key=lambda one: -one[1])
    more = f" and {len(most) - SHOWN} more" if len(most) > SHOWN else ""
    return ", ".join(f"{name} ({count})" for name, count in most[:SHOWN]) + more
