"""Which split each case is in: as the table says, held out by a column, drawn, or by folds."""

from collections.abc import Sequence

from medgauge.core.problem import Problem
from medgauge.core.seeding import derive_seed
from medgauge.data.tables.folds import holdout_splits, part_by_folds
from medgauge.data.tables.splits import given_splits, make_splits
from medgauge.data.tables.table import Table
from medgauge.recipes.schema import Recipe


def split_cases(table: Table, recipe: Recipe) -> tuple[list[str], list[Problem]]:
    """The split of each case: the table's, held out by a column, or drawn; with folds the fold, or test where kept out."""
    data, problems = recipe.data, list[Problem]()
    if data.holdout is not None:
        split, problems = holdout_splits(table, data.holdout, shares=data.shares, seed=recipe.seed)
    elif table.split is not None and not data.resplit:
        split, problems = given_splits(table, resplit=False, shares=data.shares, seed=recipe.seed)
    elif data.folds:
        split = ["train"] * len(table)
    else:
        split = make_splits(table.group, table.label, shares=data.shares, seed=recipe.seed, test_seed=data.test_seed)
    if data.folds:
        seed = recipe.seed if data.test_seed is None else data.test_seed
        split = part_by_folds(split, table.group, table.label, folds=data.folds, seed=seed)
    return split, problems


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
