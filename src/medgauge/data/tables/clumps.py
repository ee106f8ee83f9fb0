"""Columns whose values fall into two clumps with nothing between: two units in one column, or a number that stands for nothing."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST = 10
"""Different values that the larger clump must have."""
FEWEST = 3
"""Values that the smaller clump must have; fewer are single values that are far."""
MORE = 0.05
"""Their share, where the factor is that of no unit."""
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

    - at least a factor of 8, and wider than the middle four fifths of either clump, with a twentieth of the values at the
      least in the smaller one; or
    - three times as wide as any gap inside them, with a fifth of the values on either side, and the one clump is the other
      one in another unit: medians a factor of 2.54, 10, 12, 25.4, 100 or 1,000 apart (by a tenth), spreads within a half; or
    - at least a factor of 2, half as wide as the middle of the larger clump (a quarter in the column's own unit) and three
      times as wide as any gap inside it, and the smaller clump is within the larger one (by a tenth) in another of these
      units but 2.54.

    The smaller clump has at least three values. Where the spreads of two units overlap nothing is told. Of drawn columns of 20
    to 1,000 normal, log-normal, gamma, Pareto, uniform, bimodal, zero-inflated and whole numbers 0 to 0.5 % were found to have
    clumps (2 % of 20 gamma values of shape 0.5), and a tenth where a tenth is a population of its own, 8 times as small; of
    columns from 20 to 55 of which 3 % to 25 % are in a unit 10 times as large, more than 95 %.

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
    if len(parts[smaller]) < FEWEST or len(np.unique(parts[larger])) < LEAST:
        return None
    gap, inside = gaps[cut - 1], np.delete(gaps, cut - 1).max()
    spread = [float(np.quantile(part, 0.9) - np.quantile(part, 0.1)) for part in parts]
    factor = float(np.exp(np.median(parts[1]) - np.median(parts[0])))
    wide = gap >= np.log(WIDE) and gap > max(spread) and len(parts[smaller]) >= MORE * len(logs)
    alike = max(spread) <= 1.5 * min(spread) and any(abs(factor / unit - 1) <= NEAR for unit in UNITS)
    split = gap >= LONELY * inside and len(parts[smaller]) >= SHARE * len(logs)
    middle = np.ptp(np.quantile(np.exp(parts[larger]), [0.1, 0.9]))
    lonely = gap >= max(np.log(2), spread[larger] / 2, LONELY * np.diff(parts[larger]).max())
    lonely &= values[order[cut]] - values[order[cut - 1]] >= middle / 4
    if not (wide or (alike and split) or (lonely and _within(parts[smaller], parts[larger]))):
        return None
    rows = [order[:cut], order[cut:]]
    ends = [(float(values[part[0]]), float(values[part[-1]])) for part in rows]
    return Clumps(sorted(rows[smaller].tolist()), ends[smaller], ends[larger], factor)


def _within(few: NDArray[np.float64], many: NDArray[np.float64]) -> bool:
    """Whether some logarithms, all below or all above the others, are among them in one of the other units."""
    sign = 1 if few[-1] < many[0] else -1
    slack = np.log1p(NEAR)
    moved = [(few[0] + sign * np.log(unit), few[-1] + sign * np.log(unit)) for unit in UNITS if unit >= 10]
    return any(low >= many[0] - slack and high <= many[-1] + slack for low, high in moved)
