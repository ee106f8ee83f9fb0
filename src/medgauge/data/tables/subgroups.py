"""Columns of the table by whose values figures are given: sex, site, device."""

from collections.abc import Mapping, Sequence

from medgauge.core.errors import InputError
from medgauge.core.words import counted
from medgauge.data.tables.missing import is_missing, trim
from medgauge.data.tables.numbers import parse_numbers

MISSING = "(missing)"
MOST_VALUES = 20
"""Different values that a subgroup column may have; more would tell single patients apart."""


def subgroup_values(columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The values of subgroup columns as text, spaces around them removed and nothing as ``(missing)``.

    - Raises: InputError if a column has more than 20 different values.

    >>> subgroup_values({"sex": ["F", " M", ""]})
    {'sex': ['F', 'M', '(missing)']}
    """
    found = {}
    for name, cells in columns.items():
        values = [trim(cell) for cell in cells]
        found[name] = [MISSING if is_missing(value) else value for value in values]
        count = len(set(found[name]))
        if count > MOST_VALUES:
            raise InputError(_too_many(name, values, count))
    return found


def missing_notes(name: str, cells: Sequence[str]) -> list[str]:
    """A note where cells of a subgroup column hold a word that is read as nothing.

    >>> missing_notes("smoking", ["None", "yes", ""])
    ["subgroups of smoking: 1 cell is missing, written 'None'; if that is an answer, write another word for it (no)"]
    """
    words = [word for word in map(trim, cells) if word and is_missing(word)]
    if not words:
        return []
    named = ", ".join(map(repr, list(dict.fromkeys(words))[:5]))
    answer = any(word.casefold() == "none" for word in words)
    remedy = "; if that is an answer, write another word for it (no)" if answer else ""
    return [f"subgroups of {name}: {counted(len(words), 'cell is', 'cells are')} missing, written {named}{remedy}"]


def check_subgroup_names(names: Sequence[str], *, group: str | None, id: str | None, image: str | None) -> None:
    """Raise an InputError if a subgroup column is given twice, or is one that names patients, cases or files."""
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"the subgroup column '{name}' is given twice; name it once.")
        for role, other in (("group", group), ("case id", id), ("image", image)):
            if name == other:
                raise InputError(f"column '{name}' is the {role}, which cannot be a subgroup; drop it from subgroups.")


def _too_many(name: str, values: Sequence[str], count: int) -> str:
    numeric = not parse_numbers(values, decimal_comma=False).wrong
    what = (
        f"holds {count} different numbers; put them into a few ranges in a column of its own and name that"
        if numeric
        else f"has {count} different values, and figures of so many could tell who is who; give at most {MOST_VALUES}"
    )
    return f"the subgroup column '{name}' {what}."
