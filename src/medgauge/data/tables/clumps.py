"""Columns whose values fall into two clumps with nothing between: two units in one column, or a number that stands for nothing."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST = 10
"""Different values that the larger clump must have."""
FEWEST, MORE = 3, 0.05
"""Values that the smaller clump must have, and their share; fewer are single values that are far."""
WIDE = 8.0
"""Factor across the gap between two clumps that is wide whatever the units may be."""
UNITS = (2.54, 10.0, 12.0, 25.4, 100.0, 1000.0)
"""Factors between units of lengths and times, by which two narrower clumps may be told."""
NEAR = 0.1
"""How far the factor between the medians may be from one of these, of it."""
LONELY = 3.0
"""How many times as wide as any gap inside the clumps the gap between them must be."""
SHARE = 0.2
"""Of the values, that the smaller of two narrower clumps must have."""


class Clumps(NamedTuple):
    """Two clumps of a column.

    Args:
        rows: positions of the values of the smaller one.
        smaller: its least and largest value.
        larger: those of the larger one.
        factor: between their medians, > 1; NaN where the smaller one is one number.
    """

    rows: list[int]
    smaller: tuple[float, float]
    larger: tuple[float, float]
    factor: float


def find_clumps(values: NDArray[np.float64]) -> Clumps | None:
    """Two clumps of a column, if it has such; NaN are passed over.

    Positive values (beside zeros) fall into two where the widest gap between them, by ratio, is

    - at least a factor of 8, and wider than the middle four fifths of either clump; or
    - three times as wide as any gap inside them, with a fifth of the values on either side, and the one clump is the other
      one in another unit: medians a factor of 2.54, 10, 12, 25.4, 100 or 1,000 apart (by a tenth), spreads within a half.

    The smaller clump has at least three values and a twentieth of all; fewer are values that are far by themselves. Where the
    spreads of two units overlap nothing is told. Of drawn columns of 20 to 2,000 normal, log-normal, gamma, Pareto, uniform,
    bimodal, zero-inflated and whole numbers 0 to 0.2 % were found to have clumps (2 % of 20 gamma values of shape 0.5).

    Of any sign, the outermost number is a clump of its own where it comes more than once, at most as often as the others, and
    lies farther from them than they reach.

    >>> find_clumps(np.array([2.0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1000, 1000]))
    Clumps(rows=[10, 11], smaller=(1000.0, 1000.0), larger=(2.0, 11.0), factor=nan)
    """
    known = np.flatnonzero(~np.isnan(values))
    return _repeated(values, known) or _two_units(values, known[values[known] != 0])


def _repeated(values: NDArray[np.float64], known: NDArray[np.int64]) -> Clumps | None:
    there, count = np.unique(values[known], return_counts=True)
    for at, others in ((-1, there[:-1]), (0, there[1:])):
        if len(others) < LEAST or count[at] < 2 or 2 * count[at] > len(known):
            continue
        if np.abs(others - there[at]).min() > others[-1] - others[0]:
            rows = known[values[known] == there[at]]
            return Clumps(rows.tolist(), (float(there[at]),) * 2, (float(others[0]), float(others[-1])), float("nan"))
    return None


def _two_units(values: NDArray[np.float64], known: NDArray[np.int64]) -> Clumps | None:
    if len(known) <= LEAST or values[known].min() <= 0:
        return None
    order = known[np.argsort(values[known], kind="stable")]
    logs = np.log(values[order])
    gaps = np.diff(logs)
    cut = int(gaps.argmax()) + 1
    parts = logs[:cut], logs[cut:]
    smaller, larger = sorted((0, 1), key=lambda part: len(parts[part]))
    if len(parts[smaller]) < max(FEWEST, MORE * len(logs)) or len(np.unique(parts[larger])) < LEAST:
        return None
    gap, inside = gaps[cut - 1], np.delete(gaps, cut - 1).max()
    spread = [float(np.quantile(part, 0.9) - np.quantile(part, 0.1)) for part in parts]
    factor = float(np.exp(np.median(parts[1]) - np.median(parts[0])))
    wide = gap >= np.log(WIDE) and gap > max(spread)
    alike = max(spread) <= 1.5 * min(spread) and any(abs(factor / unit - 1) <= NEAR for unit in UNITS)
    split = gap >= LONELY * inside and len(parts[smaller]) >= SHARE * len(logs)
    if not (wide or (alike and split)):
        return None
    rows = [order[:cut], order[cut:]]
    ends = [(float(values[part[0]]), float(values[part[-1]])) for part in rows]
    return Clumps(sorted(rows[smaller].tolist()), ends[smaller], ends[larger], factor)
