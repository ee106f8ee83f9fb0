"""Names that a few cells have and that are spelled much like one which many have."""

from collections.abc import Mapping

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


def _digits(name: str) -> str:
    return "".join(filter(str.isdigit, name))
