"""The entries of an objective: a term, how much it counts, and of which kind of label its columns are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_type_hints

from medgauge.core.settings import Range, read_as

KindName = Literal["number", "grade", "finding", "class"]
DEFAULT_KIND: KindName = "number"
"""Of a label column whose kind is not said."""
FINDING: KindName = "finding"
"""Of a column of 0 and 1."""
CLASS: KindName = "class"
"""Of a column of words."""
ENTRY = ("factor", "term", "task")
"""What an entry may say."""


@dataclass(frozen=True)
class ObjectiveEntry:
    """One entry, read as data: nothing that it names is imported.

    Args:
        class_path: a name in ``medgauge.losses``, or module.Class.
        init_args: arguments of the class.
        factor: how much the term counts.
        task: the kind of label whose columns the term sees; None: the only one of the run.
    """

    class_path: str
    init_args: Mapping[str, Any]
    factor: Annotated[float, Range(least=0)] = 1.0
    task: KindName | None = None


def read_entries(objective: Mapping[str, Any]) -> dict[str, ObjectiveEntry]:
    """The entries of an objective, by name; what is none is left out (``mistakes`` names it where a user gives it)."""
    found = {}
    for name, entry in objective.items():
        term = entry.get("term") if isinstance(entry, Mapping) else None
        if not isinstance(term, Mapping) or "class_path" not in term:
            continue
        arguments = term.get("init_args")
        found[name] = ObjectiveEntry(
            str(term["class_path"]),
            dict(arguments) if isinstance(arguments, Mapping) else {},
            _declared(entry, "factor", 1.0),
            _declared(entry, "task", None),
        )
    return found


def _declared(entry: Mapping[str, Any], name: str, default: Any) -> Any:
    try:
        return read_as(name, entry.get(name, default), get_type_hints(ObjectiveEntry, include_extras=True)[name])
    except ValueError:
        return default
