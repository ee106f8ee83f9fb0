"""Which split each case is in: as the table says, held out by a column, drawn, or by folds."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from medgauge.calibration.calibrators import LEAST_GROUPS
from medgauge.core.problem import Problem
from medgauge.core.seeding import derive_seed
from medgauge.data.tables.folds import holdout_splits, part_by_folds
from medgauge.data.tables.splits import SPLITS, given_splits, make_splits
from medgauge.data.tables.table import Table
from medgauge.recipes.entries import DEFAULT_KIND, FINDING
from medgauge.recipes.schema import Recipe
from medgauge.tasks import KINDS

MOST_TOLD = 8
"""Findings that are named in a note."""


def split_cases(table: Table, recipe: Recipe) -> tuple[list[str], list[Problem]]:
    """The split of each case: the table's, held out by a column, or drawn; with folds the fold, or test where kept out."""
    data, problems, states = recipe.data, list[Problem](), state_columns(recipe)
    if data.holdout is not None:
        split, problems = holdout_splits(table, data.holdout, shares=data.shares, seed=recipe.seed, states=states)
    elif table.split is not None and not data.resplit:
        split, problems = given_splits(
            table, resplit=False, shares=data.shares, seed=recipe.seed, name=data.split, states=states
        )
    elif data.folds:
        split = ["train"] * len(table)
    else:
        split = make_splits(
            table.group, table.label, shares=data.shares, seed=recipe.seed, test_seed=data.test_seed, states=states
        )
    if data.folds:
        seed = recipe.seed if data.test_seed is None else data.test_seed
        split = part_by_folds(split, table.group, table.label, folds=data.folds, seed=seed, states=states)
    return split, problems


def state_columns(recipe: Recipe) -> list[int]:
    """Positions of the label columns whose values are states (findings), not amounts."""
    data = recipe.data
    return [at for at, name in enumerate(data.label) if KINDS[data.kind.get(name, DEFAULT_KIND)].states]


def split_notes(table: Table, splits: Sequence[str], recipe: Recipe) -> list[str]:
    """What was made of a given split column that does not say all splits; nothing where all is as given.

    Args:
        table: the cases, with the splits that the column says.
        splits: what they became; names of folds where there are folds.
        recipe: its settings say whether the column counts.
    """
    data = recipe.data
    if table.split is None or data.resplit or data.holdout is not None:
        return []
    given, became = _counts(table.split), _counts(splits)
    as_test = set(given) == {"train", "val"}
    cut = [] if data.folds else [name for name in ("val", "calibration") if name in became and name not in given]
    if as_test and "val" in became and not data.folds:
        cut = [name for name in ("val", "calibration") if name in became]
    done = ["val is kept as the test split"] if as_test else []
    if cut:
        done.append(f"{' and '.join(cut)} {'is' if len(cut) == 1 else 'are'} cut from train")
    if not done:
        return []
    now = "" if data.folds else f"; the run has {_numbers(became)}"
    way = "; name it test in the column to say so, or give a test split of its own" if as_test else ""
    source = "the split column has" if data.split else "the split lists have"
    return [f"{source} {_numbers(given)}: {', '.join(done)}{now}{way}"]


def calibration_notes(table: Table, splits: Sequence[str], recipe: Recipe) -> list[str]:
    """Findings with too few calibration groups, with or without them, for more than one probability; in a line.

    Args:
        table: the cases.
        splits: the split of each; names of folds where there are folds, of which nothing is said.
        recipe: its settings say which columns are findings.
    """
    findings = [name for name in recipe.data.label if recipe.data.kind.get(name) == FINDING]
    if "calibration" not in splits or not findings:
        return []
    own, split, group = table.label, np.asarray(splits), np.asarray(table.group)

    def rarer(name: str, rows: NDArray[np.bool_]) -> int:
        label = own[:, table.target.index(name)]
        return min(len(np.unique(group[rows & (label == state)])) for state in (0, 1))

    few = {name: count for name in findings if (count := rarer(name, split == "calibration")) < LEAST_GROUPS}
    if not few:
        return []
    first = sorted(few, key=few.__getitem__)
    told = ", ".join(f"{name} ({few[name]})" for name in first[:MOST_TOLD])
    more = f" and {len(few) - MOST_TOLD} more" if len(few) > MOST_TOLD else ""
    serve = any(rarer(name, split != "test") >= LEAST_GROUPS for name in few)
    way = "; with --folds 5 all development cases calibrate" if serve else ""
    return [
        f"fewer than {LEAST_GROUPS} calibration groups are with the finding, or without it, of {told}{more}: every case is given "
        f"one probability of it{way}"
    ]


def _counts(splits: Sequence[str]) -> dict[str, int]:
    """Cases of each split, in the order of SPLITS."""
    return {name: count for name in SPLITS if (count := splits.count(name))}


def _numbers(counts: Mapping[str, int]) -> str:
    *first, last = [f"{name} {count}" for name, count in counts.items()]
    return f"{', '.join(first)} and {last}" if first else last


def used_rows(table: Table, splits: Sequence[str], recipe: Recipe) -> list[int]:
    """All rows, or with ``fraction`` those of a drawn share of the training groups and of the validation groups.

    Groups are drawn in a fixed order, so that a smaller fraction's groups are among a larger one's.
    """
    share = recipe.data.fraction
    if share == 1:
        return list(range(len(table)))
    dropped: set[str] = set()
    for split in ("train", "val"):
        groups = {group for group, name in zip(table.group, splits, strict=True) if name == split}
        order = sorted(groups, key=lambda group: derive_seed(recipe.seed, "fraction", group))
        dropped |= set(order[max(1, round(share * len(order))) :])
    return [row for row, group in enumerate(table.group) if group not in dropped]
