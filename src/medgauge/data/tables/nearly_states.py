"""Number columns that may be meant as something else: they have a few values alone, or but for one or two would be findings."""

from collections.abc import Collection

import numpy as np
from jaxtyping import Float64, Int64

from medgauge.core.problem import name_cases
from medgauge.data.tables.table import Table

MOST_OTHERS = 2
"""Values other than 0 and 1 in a column that would be a finding; in a long one a hundredth of the values."""
LEAST = 50
"""Values that a column must have; a short one of grades or counts may have one 2."""
MOST_VALUES = 5
"""Different values of a column that may be grades, classes or a finding in another code."""


def nearly_states_notes(table: Table, given: Collection[str]) -> list[str]:
    """Label columns of 0 and 1 that are read as numbers because of a few other values.

    Args:
        table: with the labels.
        given: columns whose kind was said, or that are no numbers.
    """
    notes = []
    for at, name in enumerate(table.target):
        label = table.label[:, at]
        known, others = int((~np.isnan(label)).sum()), _others(label)
        if name in given or not len(others):
            continue
        first = others[0]
        one, more = ("it", "") if len(others) == 1 else ("them", ", the first")
        notes.append(
            f"label {name} is read as a number, not as a finding: of {known} values all but {len(others)} are 0 or 1 "
            f"({label[first]:g} in {name_cases([table.id[first]])}{more}); mend {one} if it is a finding, or say "
            f"--kind {name}=number"
        )
    return notes


def few_values_notes(table: Table, given: Collection[str]) -> list[str]:
    """Label columns of a few different values that are read as numbers, as are 1 and 2, or 0, 1 and 2.

    Args:
        table: with the labels.
        given: columns whose kind was said, or that are no numbers.
    """
    notes = []
    for at, name in enumerate(table.target):
        label = table.label[:, at]
        known = label[~np.isnan(label)]
        values = np.unique(known).tolist()
        few = 2 <= len(values) <= MOST_VALUES and values != [0, 1]
        if name in given or len(known) < LEAST or not few or len(_others(label)):
            continue
        told = ", ".join(f"{value:g}" for value in values)
        ways = [f"a class is --kind {name}=class"]
        if all(value == round(value) for value in values):
            ways.insert(0, f"a grade is --kind {name}=grade")
        else:
            ways = ["grades and classes are whole numbers"]
        ways += ["a finding is written 1 and 0"] if len(values) == 2 else []
        notes.append(f"label {name} is read as a number and has {len(values)} values alone ({told}); {', '.join(ways)}")
    return notes


def _others(label: Float64[np.ndarray, " n"]) -> Int64[np.ndarray, " k"]:
    """Rows of the values that keep a column from being a finding, where they are as few as slips; none elsewhere."""
    known = int((~np.isnan(label)).sum())
    others = np.flatnonzero(~np.isnan(label) & (label != 0) & (label != 1))
    both = bool((label == 0).any() and (label == 1).any())
    return others if known >= LEAST and both and len(others) <= max(MOST_OTHERS, known // 100) else others[:0]
