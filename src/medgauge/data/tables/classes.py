"""Labels that are classes: which names a column has, and the place of each case's among them.

Names are words, or whole numbers; those that are found stand in alphabetical order, whole numbers in theirs.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgauge.core.cells import cell
from medgauge.core.problem import Problem
from medgauge.core.words import counted, nearest
from medgauge.data.tables.cells import NumberColumns, number_columns
from medgauge.data.tables.columns import Columns
from medgauge.data.tables.missing import is_missing, is_nobody, trim
from medgauge.data.tables.names import in_words, spellings, trimmed
from medgauge.data.tables.numbers import Mark, parse_numbers
from medgauge.data.tables.words import found_words

MOST_CLASSES = 50
"""Different classes that a column may have."""
LEAST_GROUPS = 2
"""Of each class: one to learn from and one to judge by."""
_WHOLE = re.compile(r"[+-]?\d+(?:\.0*)?")


class LabelColumns(NamedTuple):
    """Labels as numbers, those of classes as places.

    - Shape: values (n, t), NaN where missing or wrong; classes: the names of each column of classes, in order of their places.
    """

    values: NDArray[np.float64]
    classes: dict[str, list[str]]
    problems: list[Problem]
    notes: list[str]


def label_columns(
    columns: Columns,
    names: Sequence[str],
    ids: Sequence[str],
    *,
    classes: Mapping[str, Sequence[str]],
    missing: float | None,
    mark: Mark,
) -> LabelColumns:
    """Labels as numbers, and what is wrong in them.

    Args:
        columns: the table.
        names: of the label columns.
        ids: of the cases.
        classes: of each column of classes its names, in order of their places; none: those that are found.
        missing: a number that means a missing label.
        mark: the mark of decimals, for columns that do not tell it.
    """
    values, found = np.full((len(ids), len(names)), np.nan), dict[str, list[str]]()
    problems, notes = list[Problem](), list[str]()
    for at, name in enumerate(names):
        if name not in classes:
            read = number_columns(columns, [name], ids, "label", missing, mark)
        elif name in columns.text:
            own, read = _class_column(columns, name, ids, list(classes[name]), missing)
            found[name] = own
        else:
            found[name] = list(classes[name])
            continue
        values[:, at] = read.values[:, 0]
        problems += read.problems
        notes += read.notes
    return LabelColumns(values, found, problems, notes)


def lone_classes(
    target: Sequence[str],
    classes: Mapping[str, Sequence[str]],
    label: NDArray[np.float64],
    group: Sequence[str],
) -> list[Problem]:
    """Classes that too few groups have, a sentence a column.

    Args:
        target: names of the label columns.
        classes: of those that are classes their names.
        label: (n, t), places of classes.
        group: of each case.
    """
    problems = []
    for at, name in enumerate(target):
        own = classes.get(name, ())
        groups = [{group[int(row)] for row in np.flatnonzero(label[:, at] == place)} for place in range(len(own))]
        lone = [
            f"{word!r} in {counted(len(of), 'group')}"
            for word, of in zip(own, groups, strict=True)
            if len(of) < LEAST_GROUPS
        ]
        if lone and len(own) > 1:
            what = f"needs each class in {LEAST_GROUPS} groups or more, to learn and to judge it, and has {', '.join(lone)}"
            remedy = "empty these cells, or write another class there"
            problems.append(Problem(f"label {name}", f"{what}; {remedy}", "label"))
    return problems


def lacking_classes(classes: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Columns of fewer than two classes, a sentence each.

    >>> str(lacking_classes({"view": ["PA"], "sex": ["F", "M"]})[0])
    "label view: is 'PA' in every labelled case, and a class needs two or more; leave the column out, or write the others there"
    """
    return [
        Problem(
            f"label {name}",
            f"{f'is {own[0]!r} in every labelled case' if own else 'is missing in all cases'}, and a class needs two or more; "
            "leave the column out, or write the others there",
            "label",
        )
        for name, own in classes.items()
        if len(own) < 2
    ]


def class_notes(classes: Mapping[str, Sequence[str]]) -> list[str]:
    """The classes of each column, in a line, with those whose name says that it is not known.

    >>> class_notes({"view": ["AP", "PA"]})
    ['label view has 2 classes: AP, PA']
    """
    notes = []
    for name, own in classes.items():
        nobody = [repr(word) for word in own if is_nobody(word)]
        doubt = (
            f"; {', '.join(nobody)} counts as one of them: where it means not known, empty the cells" if nobody else ""
        )
        notes.append(f"label {name} has {len(own)} classes: {', '.join(own)}{doubt}")
    return notes


def label_cells(
    label: NDArray[np.float64], target: Sequence[str], classes: Mapping[str, Sequence[str]]
) -> list[list[object]]:
    """Labels (n, t) as cells of a CSV file: numbers, and names of classes.

    >>> label_cells(np.array([[1.5, 1.0], [np.nan, np.nan]]), ["age", "view"], {"view": ["AP", "PA"]})
    [[1.5, 'PA'], ['', '']]
    """
    known = [classes.get(name) for name in target]
    return [
        [cell(one) if names is None or one != one else names[int(one)] for one, names in zip(row, known, strict=True)]
        for row in label.tolist()
    ]


def spread_labels(
    label: NDArray[np.float64], target: Sequence[str], classes: Mapping[str, Sequence[str]]
) -> NDArray[np.float64]:
    """Labels (n, t) with a 0/1 column a class in place of its column of places, so that all differences mean something.

    >>> spread_labels(np.array([[1.5, 1.0], [2.0, np.nan]]), ["age", "view"], {"view": ["AP", "PA"]}).tolist()
    [[1.5, 0.0, 1.0], [2.0, nan, nan]]
    """
    columns = []
    for name, column in zip(target, label.T, strict=True):
        places = range(len(classes.get(name, ())))
        known = np.where(np.isnan(column), np.nan, 0.0)
        columns += [known + (column == place) for place in places] or [column]
    return np.stack(columns, axis=1)


def _class_column(
    columns: Columns, name: str, ids: Sequence[str], known: list[str], missing: float | None
) -> tuple[list[str], NumberColumns]:
    """The names of one column, and the places of its cells among them."""
    cells = ["" if is_missing(cell) or _means(cell, missing) else trim(cell) for cell in columns.text[name]]
    given = bool(known)
    if all(map(_WHOLE.fullmatch, known if given else [cell for cell in cells if cell])):
        cells = [str(_whole(cell)) if _WHOLE.fullmatch(cell) else cell for cell in cells]
    problems = [] if given else _found_problems(name, cells, columns)
    own = known or sorted(found_words(cells), key=_order)
    if not given and problems:
        return own, NumberColumns(np.full((len(ids), 1), np.nan), problems, [])
    place = {word: at for at, word in enumerate(own)}
    values = np.array([float(place.get(cell, np.nan)) for cell in cells]).reshape(-1, 1)
    problems += _unknown_problems(name, own, cells, ids, columns)
    notes = trimmed(columns.text[name], f"cells of the label {name}", columns.place, columns.line)[1]
    return own, NumberColumns(values, problems, notes)


def _means(cell: str, missing: float | None) -> bool:
    """Whether a cell is the number that means a missing label."""
    try:
        return missing is not None and float(trim(cell)) == missing
    except ValueError:
        return False


def _whole(cell: str) -> int:
    """A whole number, of which not all digits need to fit a float."""
    return int(cell.partition(".")[0])


def _order(word: str) -> tuple[int, str, str]:
    """Whole numbers in their order, then words."""
    return (_whole(word), "", "") if _WHOLE.fullmatch(word) else (0, word.casefold(), word)


def _found_problems(name: str, cells: Sequence[str], columns: Columns) -> list[Problem]:
    """What is wrong with the names that were found in a column as a whole."""
    known = [cell for cell in cells if cell]
    words = found_words(cells)
    twice = [found for found in spellings(words).values() if len(found) > 1]
    numbers = parse_numbers(known, decimal_comma=columns.decimal_comma)
    what = ""
    if known and not numbers.wrong and not all(map(_WHOLE.fullmatch, known)):
        odd = next(row for row, cell in enumerate(cells) if cell and not _WHOLE.fullmatch(cell))
        first = f"the first on {columns.place} {columns.line[odd]}: {cells[odd]!r}"
        what = (
            f"holds numbers that are not whole ({first}), and a class is a word or a whole number; read it as a number"
        )
        what += f" (--kind {name}=number)"
    elif twice and not all(map(_WHOLE.fullmatch, words)):
        what = f"has classes that differ in spelling alone ({in_words(twice)}); write each in one way"
    elif len(words) > MOST_CLASSES:
        first = ", ".join(repr(word[:30]) for word in words[:3])
        what = f"holds {len(words)} different words or numbers in {counted(len(known), 'case')} ({first}, …), and a label has at most "
        what += f"{MOST_CLASSES} classes; read numbers as such (--kind {name}=number), or join classes"
    return [Problem(f"label {name}", what, "label")] if what else []


def _unknown_problems(
    name: str, own: Sequence[str], cells: Sequence[str], ids: Sequence[str], columns: Columns
) -> list[Problem]:
    """Cells that are none of the classes, with one sentence for all."""
    rows = [row for row, cell in enumerate(cells) if cell and cell not in own]
    if not rows:
        return []
    near = nearest(cells[rows[0]], own, likeness=0.5)
    count = Counter(cells[row] for row in rows)
    told = ", ".join(f"{word[:30]!r} in {counted(many, 'case')}" for word, many in count.most_common(5))
    told += f" and {len(count) - 5} more" if len(count) > 5 else ""
    hint = f" (did you mean {near}?)" if near else ""
    together = (
        f"label {name}: it holds {told}, the first on {columns.place} {columns.line[rows[0]]}{hint}; the classes are "
        f"{', '.join(own)}: write one of these, or empty such cells"
    )
    where = f"label {name} on {columns.place}"
    return [
        Problem(
            ids[row], f"{where} {columns.line[row]} is {cells[row][:40]!r}, which is no class", "label", row, together
        )
        for row in rows
    ]
