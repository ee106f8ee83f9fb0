"""Which split each case is in: as the table says, held out by a column, drawn, or by folds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from medgauge.core.errors import InputError
from medgauge.core.seeding import derive_seed
from medgauge.data.folds import KEPT_OUT, UNUSED, fold_splits, holdout_splits, part_by_folds
from medgauge.data.problems import Problem, raise_problems, too_few
from medgauge.data.splits import given_splits, make_splits, shared_pictures
from medgauge.data.table import Table
from medgauge.recipes.schema import Recipe

if TYPE_CHECKING:
    from medgauge.api.study import Study


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


def fold_study(study: "Study", fold: int) -> "Study":
    """The study of one fold's fit, out of the study of all folds; the images are shared.

    Raises:
        InputError: the other folds are too few or too small to train on, or a picture is on two sides.
    """
    from medgauge.api.settle import settle_training

    recipe, table = study.recipe, study.table
    recipe = replace(recipe, data=replace(recipe.data, fold=fold))
    try:
        split = fold_splits(study.splits, fold, table.group, table.label, shares=recipe.data.shares, seed=recipe.seed)
        kept = set(used_rows(table, split, recipe))
        split = [name if row in kept else UNUSED for row, name in enumerate(split)]
        seen = [row for row, name in enumerate(split) if name not in (KEPT_OUT, UNUSED)]
        names = [split[row] for row in seen]
        digests, ids = ([part[row] for row in seen] for part in (study.images.digests, table.id))
        problems = [*shared_pictures(digests, names, ids), *too_few(table.take(seen), names)]
        raise_problems(problems, table.path)
    except InputError as error:
        raise InputError(f"fold {fold + 1} of {recipe.data.folds}: {error}") from error
    part = replace(study, recipe=recipe, splits=split)
    return replace(part, recipe=settle_training(recipe, part))


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
