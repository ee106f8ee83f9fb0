"""Names of labels: those that are asked for, found among those that have a vector or a description."""

from collections.abc import Sequence
from typing import NamedTuple

from medgauge.core.errors import InputError
from medgauge.core.words import nearest


class Found(NamedTuple):
    """Where each label is among known names, and what is said of names that are written otherwise."""

    places: list[int]
    notes: tuple[str, ...]


def name_key(name: str) -> str:
    """A name without case, blanks, underscores and hyphens.

    >>> name_key("Pleural_Thickening") == name_key("pleural thickening")
    True
    """
    return "".join(sign for sign in name.casefold() if not sign.isspace() and sign not in "_-")


def check_labels(labels: Sequence[str]) -> None:
    """Raise InputError unless the labels are names, each once."""
    if not labels:
        raise InputError("there are no labels; give their names with --labels")
    empty = [name for name in labels if not name.strip()]
    if empty:
        raise InputError("a label has an empty name; give every label a name")
    by_key: dict[str, str] = {}
    for name in labels:
        other = by_key.setdefault(name_key(name), name)
        if other is not name or labels.count(name) > 1:
            twice = f"{name} is there twice" if other == name else f"{other} and {name} are one name in other letters"
            raise InputError(f"among the labels {twice}; give each label once")


def find_names(labels: Sequence[str], known: Sequence[str], source: str) -> Found:
    """Where each label is among the known names: as written, else without case, blanks, underscores and hyphens.

    - Raises: InputError for a known name that is there twice, a label that fits several, and one that is not there.

    Args:
        labels: those asked for, each once.
        known: names that the source has, in its order.
        source: how it is called.
    """
    twice = sorted({name for name in known if list(known).count(name) > 1})
    if twice:
        raise InputError(f"{source} has {twice[0]} more than once; leave one of them")
    places, notes, lacking = list[int](), list[str](), list[str]()
    for name in labels:
        alike = [name] if name in known else [one for one in known if name_key(one) == name_key(name)]
        if len(alike) > 1:
            raise InputError(f"{source} has {' and '.join(alike)} for the label {name}; write it as one of them")
        if not alike:
            near = nearest(name, known)
            lacking.append(name + (f" (did you mean {near}?)" if near else ""))
            continue
        places.append(list(known).index(alike[0]))
        if alike[0] != name:
            notes.append(f"the label {name} is read as {alike[0]} of {source}")
    if lacking:
        shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
        raise InputError(f"{source} does not have {', '.join(lacking)}; it has {shown}")
    return Found(places, tuple(notes))
