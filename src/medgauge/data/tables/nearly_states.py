"""Number columns that but for a value or two would be findings."""

from collections.abc import Collection

import numpy as np

from medgauge.core.problem import name_cases
from medgauge.data.tables.table import Table

MOST_OTHERS = 2
"""Values other than 0 and 1 in a column that would be a finding; in a long one a hundredth of the values."""
LEAST = 50
"""Values that a column must have; a short one of grades or counts may have one 2."""


def nearly_states_notes(table: Table, given: Collection[str]) -> list[str]:
    """Label columns of 0 and 1 that are read as numbers because of a few other values.

    Args:
        table: with the labels.
        given: columns whose kind was said, or that are no numbers.
    """
    notes = []
    for at, name in enumerate(table.target):
        label = table.label[:, at]
        known = int((~np.isnan(label)).sum())
        others = np.flatnonzero(~np.isnan(label) & (label != 0) & (label != 1))
        both = bool((label == 0).any() and (label == 1).any())
        if name in given or known < LEAST or not both or not 0 < len(others) <= max(MOST_OTHERS, known // 100):
            continue
        first = others[0]
        one, more = ("it", "") if len(others) == 1 else ("them", ", the first")
        notes.append(
            f"label {name} is read as a number, not as a finding: of {known} values all but {len(others)} are 0 or 1 "
            f"({label[first]:g} in {name_cases([table.id[first]])}{more}); mend {one} if it is a finding, or say "
            f"--kind {name}=number"
        )
    return notes
