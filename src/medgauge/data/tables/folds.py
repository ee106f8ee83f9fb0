"""Splits that are not drawn at random: cases held out by the value of a column, and the fits of a cross-validation."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Float64

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem
from medgauge.core.words import counted, nearest
from medgauge.data.tables.missing import trim
from medgauge.data.tables.names import join_names, spelled_as
from medgauge.data.tables.numbers import parse_numbers
from medgauge.data.tables.splits import group_problems, make_folds, make_splits
from medgauge.data.tables.table import Table

KEPT_OUT = "kept_out"
"""Split of the test cases in the fit of one fold, which never sees them."""
UNUSED = "unused"
"""Split of training and validation cases that the fit of one fold leaves out (``data.fraction``)."""


def fold_name(fold: int) -> str:
    """How a fold is called in files and folders.

    >>> fold_name(0)
    'fold-0'
    """
    return f"fold-{fold}"


def part_by_folds(
    split: Sequence[str],
    group: Sequence[str],
    label: Float64[np.ndarray, "n t"],
    *,
    folds: int,
    seed: int,
    states: Collection[int] = (),
) -> list[str]:
    """The fold (``fold-0`` on) of every case that is not in the test split, and ``test`` for the others.

    - Raises: InputError for more folds than groups.
    """
    rows = [row for row, name in enumerate(split) if name != "test"]
    parts = make_folds([group[row] for row in rows], np.asarray(label)[rows], folds=folds, seed=seed, states=states)
    found = ["test"] * len(split)
    for row, part in zip(rows, parts, strict=True):
        found[row] = fold_name(part)
    return found


def fold_splits(
    parts: Sequence[str],
    fold: int,
    group: Sequence[str],
    label: Float64[np.ndarray, "n t"],
    *,
    shares: Mapping[str, float],
    seed: int,
    states: Collection[int] = (),
) -> list[str]:
    """The splits of the fit that leaves one fold out: that fold is its test split, the others its train and val.

    Test cases of the whole are ``kept_out``. No calibration: intervals come from the residuals of all folds.

    - Raises: InputError if the other folds have too few groups.

    Args:
        parts: what :func:`part_by_folds` gives.
        fold: the fold that is left out.
        group: the group of each case.
        label: labels, (n, t), NaN = missing.
        shares: of which those of train and val count; without val all others are train.
        seed: of the cut into train and val.
        states: columns of ``label`` whose values are states.
    """
    both = {name: shares[name] for name in ("train", "val") if shares.get(name, 0.0) > 0}
    whole = sum(both.values()) or 1.0
    mine = fold_name(fold)
    found = ["test" if name == mine else KEPT_OUT for name in parts]
    rows = [row for row, name in enumerate(parts) if name not in (mine, "test")]
    left = len({group[row] for row in rows})
    if left < len(both):
        raise InputError(
            f"{' and '.join(both)} need a group each, and without {mine} there is {left}; give more groups."
        )
    if "val" not in both:
        trained = set(rows)
        return ["train" if row in trained else name for row, name in enumerate(found)]
    cut = make_splits(
        [group[row] for row in rows],
        np.asarray(label)[rows],
        shares={name: share / whole for name, share in both.items()},
        seed=seed,
        states=states,
    )
    for row, name in zip(rows, cut, strict=True):
        found[row] = name
    return found


def parse_holdout(text: str) -> tuple[str, list[str]]:
    """The column and the values of ``column=value,value``.

    - Raises: InputError if there is no column or no value.

    >>> parse_holdout("site=B,C")
    ('site', ['B', 'C'])
    """
    column, _, values = (part.strip() for part in text.partition("="))
    found = [value.strip() for value in values.split(",") if value.strip()]
    if not column or not found:
        raise InputError(f"data.holdout must be column=value (site=B, or site=B,C), got {text!r}.")
    return column, found


def holdout_splits(
    table: Table, holdout: str, *, shares: Mapping[str, float], seed: int, states: Collection[int] = ()
) -> tuple[list[str], list[Problem]]:
    """Test for the cases whose column has a value of ``holdout``; the others cut by ``shares`` without test.

    - Raises: InputError if no case, or every case, has such a value, and as ``make_splits`` does.

    Args:
        table: the cases, with the column in ``extra``.
        holdout: ``column=value,value``.
        shares: of train, val and calibration; that of test does not count.
        seed: of the cut.
        states: label columns whose values are states.
    """
    column, _ = parse_holdout(holdout)
    cells = [trim(cell) for cell in table.extra[column]]
    there = Counter(cells)
    parts = holdout.partition("=")[2].split(",")
    values = [trim(value) for value in join_names(parts, there) if trim(value)]
    for value in values:
        if value not in there:
            raise InputError(_no_such_value(column, value, there))
    _check_spellings(column, values, there)
    split = ["test" if cell in values else "" for cell in cells]
    rows = [row for row, name in enumerate(split) if not name]
    if not rows:
        raise InputError(f"every case has {column} = {' or '.join(values)}, so nothing is left to train on.")
    kept = {name: share for name, share in shares.items() if name != "test" and share > 0}
    whole = sum(kept.values()) or 1.0
    part = table.take(rows)
    kept = {name: of / whole for name, of in kept.items()}
    cut = make_splits(part.group, part.label, shares=kept, seed=seed, states=states)
    for row, name in zip(rows, cut, strict=True):
        split[row] = name
    return split, group_problems(table.group, split, table.id)


def _check_spellings(column: str, values: Sequence[str], there: Mapping[str, int]) -> None:
    """Raise if a value that is not held out differs from one that is in its spelling alone."""
    near = spelled_as(list(there), values)
    if near:
        cell, value = next(iter(near.items()))
        raise InputError(
            f"column '{column}' holds '{cell}' ({counted(there[cell], 'case')}) beside the held-out '{value}'; write them alike, or hold "
            f"both out ({column}={value},{cell})."
        )


def _no_such_value(column: str, value: str, there: Mapping[str, int]) -> str:
    """One sentence: what is not there, the nearest of what is, and what is there if that is not much.

    Of numbers only an equal one is near, and digits in common are nothing.
    """
    names = list(there)
    numbers = parse_numbers([value, *names], decimal_comma=False)
    if len(names) > 1 and not numbers.wrong and np.isfinite(numbers.values).all():
        equal = [name for name, number in zip(names, numbers.values[1:], strict=True) if number == numbers.values[0]]
        if equal:
            return f"no case has {column} = {value}; did you mean '{equal[0]}'?"
        low, high = (names[int(of(numbers.values[1:]))] for of in (np.argmin, np.argmax))
        return (
            f"no case has {column} = {value}; it holds numbers from {low} to {high}, and whole values are held out, no ranges: "
            "name those to hold out, or a column that says which cases are"
        )
    near = nearest(value, there)
    if near:
        return f"no case has {column} = {value}; did you mean '{near}'?"
    few = f"; it has {', '.join(repr(name) for name in sorted(there))}" if len(there) <= 20 else ""
    return f"no case has {column} = {value}{few}."
