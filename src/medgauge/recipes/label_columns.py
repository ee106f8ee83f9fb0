"""Which labels there are and of which kind each is, as the table of a recipe's values has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from medgauge.core.errors import InputError
from medgauge.recipes.entries import CLASS, FINDING
from medgauge.recipes.schema import Recipe
from medgauge.recipes.sections import read_section

STATES = {"0", "1", "0.0", "1.0"}
"""Cells of a finding."""
UNCERTAIN = {"-1", "-1.0"}
"""Cells by which some tables of findings say that it is not known."""


def label_changes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Changes by dotted place that name all labels and the kinds that the table tells.

    ``data.findings`` become labels of the kind finding; so do the names in the column ``data.findings_from``, all that occur
    where none is asked for, and a column of 0 and 1 whose kind is not given. A column of words is one of classes.

    Args:
        values: of a recipe, not checked yet.

    Raises:
        InputError: a name is in no cell, a column of words joins names, or a column of 0 and 1 has -1 too and nothing says what that means.
    """
    wrong: list[str] = []
    recipe = read_section(Recipe, {"data": values.get("data", {})}, wrong)
    if recipe is None or wrong:  # told where the recipe is built
        return {}
    data = recipe.data
    label, kind = list(data.label), dict[str, str](data.kind)
    for name in data.findings:
        if kind.setdefault(name, FINDING) != FINDING:
            raise InputError(
                f"data.findings names {name!r}, and data.kind says that it is a {kind[name]}; give one of them"
            )
    label += [name for name in data.findings if name not in label]
    if data.table is not None and data.findings_from is not None:
        joined = _joined_labels(data.table, data.findings_from, data.separator, label, kind)
        label += [name for name in joined if name not in label]
        kind |= dict.fromkeys(joined, FINDING)
    if data.table is not None:
        kind |= _told_by_cells(data.table, [name for name in label if name not in kind], data.missing)
    found = {"data.label": label, "data.kind": kind, "data.findings": []}
    before = {"data.label": data.label, "data.kind": data.kind, "data.findings": data.findings}
    return {place: value for place, value in found.items() if value != before[place]} if label else {}


def _joined_labels(table: str, column: str, separator: str, label: Sequence[str], kind: Mapping[str, str]) -> list[str]:
    """The labels that are names in a column."""
    from medgauge.data.tables.findings import labels_in  # late: flags are read before anything heavy is imported

    asked = [name for name in label if kind.get(name) == FINDING]
    found = labels_in(table, column, separator, [name for name in label if kind.get(name, FINDING) == FINDING])
    if found and set(asked) <= set(found):
        return found
    known = labels_in(table, column, separator, [])
    lacking = [name for name in asked if name not in known]
    if lacking:
        from medgauge.data.tables.findings import no_such_finding

        raise InputError(f"{no_such_finding(lacking[0], column, known)}.")
    return known


def _told_by_cells(table: str, names: Sequence[str], missing: float | None) -> dict[str, str]:
    """The kind of each column whose cells tell it; nothing of a table that cannot be read, which is told later."""
    from medgauge.data.tables.columns import Wanted, read_columns
    from medgauge.data.tables.missing import is_missing, trim
    from medgauge.data.tables.numbers import parse_numbers, words_among

    if not names:
        return {}
    try:
        columns = read_columns(table, [Wanted(name, "label", needed=False) for name in names])
    except InputError:
        return {}
    code = {f"{missing:g}", f"{missing:.1f}"} if missing is not None else set[str]()
    kinds = dict[str, str]()
    for name in names:
        cells = columns.text.get(name, [])  # bundled data give all their columns
        there = {trim(cell) for cell in cells if not is_missing(cell)} - code
        if there & STATES and there <= STATES:
            kinds[name] = FINDING
        elif words_among(cells, [row for row, _ in parse_numbers(cells, decimal_comma=columns.decimal_comma).wrong]):
            _refuse_joined(name, cells)
            kinds[name] = CLASS
        elif there & STATES and there & UNCERTAIN and there <= STATES | UNCERTAIN:
            row = next(row for row, cell in enumerate(cells) if trim(cell) in UNCERTAIN)
            raise InputError(
                f"label {name} has -1 beside 0 and 1 (first on {columns.place} {columns.line[row]}): --missing -1 reads it as not known, "
                f"--kind {name}=number as a number"
            )
    return kinds


def _refuse_joined(name: str, cells: Sequence[str]) -> None:
    """Raise where the words of a column are names that are joined."""
    from medgauge.data.tables.findings import joining_sign

    if sign := joining_sign(cells):
        cell = next(cell for cell in cells if sign in cell)
        own = "" if sign == "|" else f" --separator '{sign}'"
        raise InputError(
            f"label {name} joins names ({cell.strip()}): --findings-from '{name}'{own} splits them into findings, --kind '{name}=class' "
            "reads each cell as one class"
        )
