"""Notes on columns of numbers: values far from the others, and numbers that may stand for nothing.

A note is no refusal: what looks odd may be right. Skewed labels are no outliers: a value is far only where it is so in
the column's own units and, for positive numbers, by ratio too.
"""

import datetime
import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgauge.core.problem import name_cases
from medgauge.core.words import counted, plural
from medgauge.data.tables.clumps import Clumps, find_clumps
from medgauge.data.tables.table import Table

LEAST = 10
"""Values that a column must have beside what is judged."""
FAR = 6.0
"""How many times as far from the median as a tenth of the values is, at the least, a value lies that is far."""
FAR_RATIO = 4.0
"""The same for the logarithm of positive values."""
APART = 3.0
"""How many times as far from the median as the next value the first far one lies."""
MOST_FAR = 0.05
"""Share of the values that may be far at the most; more of them are no exception."""

MOST_CODES = 4
"""Numbers side by side that may all mean missing."""
MOST_ZEROS = 0.2
"""Share of the values that are 0 at the most where it seems to mean missing; more of them are a quantity's own zeros."""

ANSWER = 0.9999
"""Correlation with a label above which a covariate is the label in another unit."""

LEAST_NAMES = 3
"""Values of a column that seem to be dates or ids, at the least."""
MOST_LINES = 3
"""Targets whose missing labels are told in a line each."""
LARGE = 1e9
"""Whole numbers above it that are all different seem to be ids."""
FIRST_YEAR, LAST_YEAR = 1900, 2100
"""Of dates, the last not among them."""

_NINES = re.compile(r"-?(9+|9+\.9+|7{2,}|8{2,}|99+[6-8])|-9[6-8]")
_CODES = frozenset([-1.0, -2.0, -7.0, -8.0])


def table_notes(table: Table, *, missing: bool = True) -> list[str]:
    """What is odd in the labels and covariates of a table; ``missing``: a label can be said to mean missing (``--missing``)."""
    labels = [(at, name) for at, name in enumerate(table.target) if name not in table.classes]
    covariates = enumerate(table.covariate)
    found = [number_notes(f"label {name}", table.label[:, at], table.id, missing=missing) for at, name in labels]
    found += [
        number_notes(f"covariate {name}", table.covariates[:, at], table.id, missing=False) for at, name in covariates
    ]
    found.append(answer_notes(table))
    return [note for notes in found for note in notes]


def unlabelled_notes(table: Table) -> list[str]:
    """How many cases have no label at all, and how many further ones none of each target that others have one of."""
    missing = np.isnan(table.label)
    whole = missing.all(axis=1)
    if len(table.target) == 1 or whole.all():
        whole = np.zeros_like(whole)
    notes = [_kept_out("", np.flatnonzero(whole), table)] if whole.any() else []
    lacking = {
        name: rows
        for name, column in zip(table.target, missing.T, strict=True)
        if len(rows := np.flatnonzero(column & ~whole)) and not column.all()
    }
    if len(lacking) <= MOST_LINES:
        return notes + [_kept_out(name, rows, table) for name, rows in lacking.items()]
    told = ", ".join(f"{name} in {len(rows)}" for name, rows in lacking.items())
    return [
        *notes,
        f"labels are missing in some cases ({told}), which take no part in what is learned and judged of these",
    ]


def _kept_out(target: str, rows: NDArray[np.int64], table: Table) -> str:
    """That cases have no label, of a target or at all, and what follows."""
    named = name_cases([table.id[row] for row in rows])
    verb, takes = counted(len(rows), "case has", "cases have"), plural(len(rows), "takes", "take")
    if not target:
        return f"{verb} no label ({named}), and {takes} no part in what is learned and judged"
    return f"label {target}: {verb} none ({named}), and {takes} no part in what is learned and judged of it"


def answer_notes(table: Table) -> list[str]:
    """Covariates that are a label times a number, and some number more, in all cases that have both."""
    notes = []
    for name, values in zip(table.covariate, table.covariates.T, strict=True):
        for target, label in zip(table.target, table.label.T, strict=True):
            both = np.isfinite(values) & np.isfinite(label)
            if both.sum() < LEAST or not np.ptp(values[both]) or not np.ptp(label[both]):
                continue
            likeness = float(np.corrcoef(values[both], label[both])[0, 1])
            if abs(likeness) > ANSWER:
                notes.append(
                    f"covariate {name} is the label {target} itself, times a number (correlation {likeness:.5f}), which gives the "
                    "answer away; leave it out"
                )
    return notes


def number_notes(what: str, values: NDArray[np.float64], ids: Sequence[str], *, missing: bool) -> list[str]:
    """What is odd in a column, a line each, with what can be done.

    Args:
        what: the column in words, ``label age``.
        values: (n,), NaN = missing.
        ids: of the cases.
        missing: whether a number can be said to mean missing (``--missing``).
    """
    notes, rest = list[str](), np.array(values, dtype=np.float64)
    if name := like_names(rest):
        return [f"{what}: {name}; give the column that holds the quantity, if this is not it"]
    while codes := find_codes(rest):
        counts = [int((rest == code).sum()) for code in codes]
        rest[np.isin(rest, codes)] = np.nan
        ends = f"{np.nanmin(rest):.6g} to {np.nanmax(rest):.6g}"
        for code, count in zip(codes, counts, strict=True):
            remedy = f"give --missing {code:g}" if missing and not notes else "leave these cells empty"
            notes.append(
                f"{what}: {counted(count, 'case is', 'cases are')} {code:g}, apart from the others "
                f"({ends}); if it means missing, {remedy}"
            )
    rows = far_rows(rest)
    if rows:
        others = np.delete(rest, rows)
        named = name_cases([ids[row] for row in rows])
        verb = counted(len(rows), "case is", "cases are")
        notes.append(
            f"{what}: {verb} far outside the others ({named}): {', '.join(f'{rest[row]:.6g}' for row in rows[:5])} "
            f"where the others are {np.nanmin(others):.6g} to {np.nanmax(others):.6g}; correct or empty these cells if they are wrong"
        )
    elif found := find_clumps(rest):
        notes.append(f"{what}: {clump_words(found, ids)}")
    return notes


def like_names(values: NDArray[np.float64]) -> str:
    """What a column is where its numbers stand for days or name things, as it seems; no text for quantities."""
    known = values[np.isfinite(values)]
    if len(known) < LEAST_NAMES or (known != np.floor(known)).any():
        return ""
    if all(_is_date(int(value)) for value in known):
        return f"all values look like dates ({known[0]:.0f} is a day), which are no quantity"
    if known.min() > LARGE and len(np.unique(known)) == len(known):
        return f"all values are different whole numbers above 10^9 ({known[0]:.0f}, …), as ids are"
    return ""


def _is_date(value: int) -> bool:
    """Whether a number is a day, written as year, month and day (20240312)."""
    if not FIRST_YEAR * 10_000 <= value < LAST_YEAR * 10_000:
        return False
    try:
        datetime.date(value // 10_000, value // 100 % 100, value % 100)
    except ValueError:
        return False
    return True


def clump_words(found: Clumps, ids: Sequence[str]) -> str:
    """Two clumps of a column in words, with what can be done."""
    named, (low, high) = name_cases([ids[row] for row in found.rows]), found.larger
    others = f"apart from the others ({low:.6g} to {high:.6g})"
    if math.isnan(found.factor):
        return f"{named} ({len(found.rows)}) are {found.smaller[0]:.6g}, {others}; if it means nothing, leave these cells empty"
    first, last = found.smaller
    return (
        f"{named} ({len(found.rows)}) are {first:.6g} to {last:.6g}, {others} by a factor of about {round(found.factor)} with "
        "nothing between; if these are two units, write all in one"
    )


def find_codes(values: NDArray[np.float64]) -> list[float]:
    """Numbers that stand apart at one end and are written as one writes a missing value, the outermost first.

    Such are 0 among numbers above it, -1, numbers of nines (-96 and 996 too), sevens or eights, and up to three whole numbers
    that follow one of these (-99, -98, -97). One of them comes more than once, or all are negative and nothing else is.
    """
    known = values[~np.isnan(values)]
    there, count = np.unique(known, return_counts=True)
    for order in (slice(None), slice(None, None, -1)):
        for length in range(_run(there[order]), 0, -1):
            codes, often = there[order][:length], count[order][:length]
            others = known[~np.isin(known, codes)]
            if len(others) < LEAST or others.min() == others.max():
                continue
            only_negative = bool(codes.max() < 0 <= others.min())
            if (often.sum() if only_negative else often.max()) < 2:
                continue
            middle = np.quantile(others, 0.9) - np.quantile(others, 0.1) or others.max() - others.min()
            gap = np.abs(others - codes[-1]).min()
            if codes[0] == 0:
                apart = others.min() > 0 and (gap > middle or _no_end(gap, middle, others, int(often[0])))
            else:
                apart = only_negative or bool(gap > max(middle / 2, APART * (length > 1)))
            if apart:
                return [float(code) for code in codes]
    return []


def _run(there: NDArray[np.float64]) -> int:
    """How many of some different numbers, from the first on, are written as one writes a missing value."""
    if not len(there) or not (there[0] == 0 or like_code(there[0])):
        return 0
    length = 1
    while there[0] != 0 and length < min(len(there), MOST_CODES):
        follows = abs(there[length] - there[length - 1]) == 1 and there[length] == np.floor(there[length])
        if not (follows or like_code(there[length])):
            break
        length += 1
    return length


def like_code(value: float) -> bool:
    """Whether a number is written as one writes a missing value.

    >>> [like_code(value) for value in (9, 99, -1, 2, 98)]
    [True, True, True, False, False]
    """
    return value in _CODES or _NINES.fullmatch(f"{value:.10g}") is not None


def _no_end(gap: float, middle: float, others: NDArray[np.float64], often: int) -> bool:
    """Whether a 0 that comes in a fifth of the values at the most is no natural end of the numbers above it.

    So it is where the way to them is longer than half of their middle, and thrice as long as any step in their lower half.
    """
    there = np.unique(others)
    step = np.diff(there[: len(there) // 2 + 1]).max()
    return bool(gap > middle / 2 and gap > APART * step and often <= MOST_ZEROS * (often + len(others)))


def far_rows(values: NDArray[np.float64]) -> list[int]:
    """Positions of the values that are far from all others, at most a twentieth of them; NaN are passed over."""
    known = values[~np.isnan(values)]
    found, count = np.unique(known, return_counts=True)
    # a value that is usual by itself, such as 0, is no scale for others
    if len(found) and count.max() > len(known) / 5:
        known = known[known != found[count.argmax()]]
    if len(known) < LEAST:
        return []
    far = _above(values, known) | _above(-values, -known) | _far_below(values, known)
    return np.flatnonzero(far).tolist() if 0 < far.sum() <= max(1.0, MOST_FAR * len(known)) else []


def _above(values: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values are far above the others, in their units and by ratio."""
    low, median, high = map(float, np.quantile(known, [0.1, 0.5, 0.9]))
    if high == median:
        return np.zeros(len(values), dtype=bool)
    far: NDArray[np.bool_] = values > median + FAR * max(high - median, (median - low) / 2)
    if known.min() > 0:
        with np.errstate(invalid="ignore", divide="ignore"):
            far &= np.log(values / median) > FAR_RATIO * np.log(high / median)
    if not far.any():
        return far
    away = np.sort(values[values > median] - median)  # long tails have no gap
    steps = np.flatnonzero(away[1:] >= APART * away[:-1])
    starts = [float(away[step + 1]) for step in steps if away[step + 1] >= (values[far] - median).min()]
    far &= values - median >= (starts[0] if starts else np.inf)
    return far


def _far_below(values: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which positive values are far below the others by ratio: a gap wider than three times the middle of the others."""
    far: NDArray[np.bool_] = np.zeros(len(values), dtype=bool)
    if known.min() <= 0:
        return far
    logs = np.sort(np.log(known))
    middle = np.quantile(logs, 0.9) - np.quantile(logs, 0.1)
    few = max(1, int(MOST_FAR * len(logs)))
    gaps = np.diff(logs)[:few]
    if middle == 0 or gaps.max() <= 3 * middle:
        return far
    positive = values > 0
    far[positive] = np.log(values[positive]) <= logs[gaps.argmax()] + 1e-12
    return far
