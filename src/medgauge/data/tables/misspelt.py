"""Names that a few cells have and that are spelled much like one which many have."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from medgauge.core.words import nearest

LIKE = 0.85
"""Least likeness of the two names, as difflib measures it."""
TIMES = 20
"""How many times as many cells the frequent name has at the least."""


def misspelt_words(counts: Mapping[str, int]) -> list[str]:
    """What is said of each rare name that may be a frequent one; names whose digits differ are different ones.

    >>> misspelt_words({"Effusion": 40, "Grade 1": 20, "Efusion": 2, "Grade 2": 1})
    ["'Efusion' (2) is spelled much like 'Effusion' (40); write them alike if they are one"]
    >>> misspelt_words({"HGG": 14, "No Finding": 0})
    []

    Args:
        counts: cells with each name.
    """
    found = []
    for name, count in counts.items():
        frequent = [
            other
            for other, often in counts.items()
            if often >= TIMES * max(count, 1) and _digits(other) == _digits(name)
        ]
        if near := nearest(name, frequent, likeness=LIKE):
            words = f"'{name}' ({count}) is spelled much like '{near}' ({counts[near]})"
            found.append(f"{words}; write them alike if they are one")
    return found


def misspelt_classes(
    target: Sequence[str], classes: Mapping[str, Sequence[str]], label: NDArray[np.float64]
) -> list[str]:
    """What is said of each rare class of a label whose name may be that of a frequent one.

    Args:
        target: names of the label columns.
        classes: of those that are classes their names.
        label: (n, t), places of classes.
    """
    notes = []
    for at, name in enumerate(target):
        counts = {word: int((label[:, at] == place).sum()) for place, word in enumerate(classes.get(name, ()))}
        present = {word: count for word, count in counts.items() if count}
        notes += [f"label {name}: {words}" for words in misspelt_words(present)]
    return notes


def _digits(name: str) -> str:
    return "".join(filter(str.isdigit, name))
