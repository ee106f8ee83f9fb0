"""From a recipe to cases ready for training: table, splits, decoded images, and every problem on the way, told at once."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medgauge.api.splitting import fold_study, split_cases, used_rows
from medgauge.core.errors import InputError
from medgauge.data.bundled import is_bundled
from medgauge.data.cache import PreparedImages, prepare_images
from medgauge.data.columns import Wanted, read_columns
from medgauge.data.folds import fold_name, parse_holdout
from medgauge.data.problems import Problem, label_problems, raise_problems, too_few
from medgauge.data.splits import shared_pictures
from medgauge.data.subgroups import check_subgroup_names, subgroup_values
from medgauge.data.table import Table, missing_files, read_table
from medgauge.recipes.schema import Recipe


@dataclass(frozen=True)
class Study:
    """The cases of a recipe; ``recipe`` has nothing left to decide.

    - Shape: table, splits, images and ``times`` (n,) row for row; model covariates are the first columns of the table's.
    """

    recipe: Recipe
    table: Table
    splits: list[str]
    images: PreparedImages
    left_out: list[tuple[Problem, str]]
    read: int
    notes: list[str]

    def rows(self, split: str) -> list[int]:
        """Positions of a split's cases."""
        return [row for row, name in enumerate(self.splits) if name == split]

    @property
    def subgroups(self) -> dict[str, list[str]]:
        """The values of the subgroup columns, n texts each."""
        return subgroup_values({name: self.table.extra[name] for name in self.recipe.data.subgroups})

    @property
    def covariates(self) -> np.ndarray[Any, Any]:
        """Covariates of the model, (n, q)."""
        return self.table.covariates[:, : len(self.recipe.data.covariates)]

    @property
    def times(self) -> np.ndarray[Any, Any] | None:
        """What labels are divided by, (n,), or None."""
        name = self.recipe.data.label_times
        return None if name is None else self.table.covariates[:, self.table.covariate.index(name)]


def cache_folder(setting: str) -> Path:
    """The folder of decoded images: the setting, MEDGAUGE_CACHE, or the user's cache folder."""
    if setting != "auto":
        return Path(setting)
    home = (
        os.environ.get("MEDGAUGE_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medgauge"
    )
    return Path(home)


def check_columns(recipe: Recipe) -> None:
    """Raise if the recipe does not say which table and which columns."""
    data = recipe.data
    missing = []
    if data.table is None:
        missing.append("a table (--table cases.csv)")
    if not data.image and not data.array and not is_bundled(str(data.table)):
        missing.append(
            "the image column (--image path), or an array file with its index column (--array volumes.npz#images --index index)"
        )
    if not data.label:
        missing.append("a label column (--label age)")
    if data.group is None and not data.no_groups:
        missing.append(
            "the group column (--group patient_id), what may not be on both sides of a split, or --no-groups if every case stands alone"
        )
    if missing:
        raise InputError("still needed: " + "; ".join(missing))
    if data.group is not None and data.no_groups:
        raise InputError("give --group or --no-groups, not both")
    check_subgroup_names(data.subgroups, group=data.group, id=data.id, image=data.image)


def with_bundled_columns(recipe: Recipe) -> Recipe:
    """The recipe with the names that bundled data give their image and id columns."""
    data = recipe.data
    if not is_bundled(str(data.table)):
        return recipe
    return replace(recipe, data=replace(data, image=data.image or "image", id=data.id or "id"))


def columns_of(recipe: Recipe) -> list[str]:
    """Number columns to read: the model's covariates, then the one that labels are divided by."""
    data = recipe.data
    extra = [data.label_times] if data.label_times and data.label_times not in data.covariates else []
    return [*data.covariates, *extra]


def open_table(
    recipe: Recipe, *, path: str | Path | None = None, need_label: bool = True, need_group: bool = True
) -> tuple[Table, list[Problem]]:
    """Read the recipe's table, or another one with the recipe's columns."""
    data = recipe.data
    own = path is None
    extra = dict.fromkeys(data.subgroups, "subgroups")
    if own and data.holdout is not None:
        extra[parse_holdout(data.holdout)[0]] = "holdout"
    if extra and not own:
        there = read_columns(str(path), [Wanted(name, role, needed=False) for name, role in extra.items()]).text
        extra = {name: role for name, role in extra.items() if name in there}
    return read_table(
        str(data.table) if path is None else path,
        image=data.image,
        label=data.label,
        group=data.group if need_group else None,
        covariates=columns_of(recipe),
        id=data.id if own or has_column(str(path), data.id) else None,
        split=data.split if own and not data.resplit else None,
        array=data.array,
        index=data.index,
        missing=data.missing,
        need_label=need_label,
        extra=extra,
    )


def has_column(path: str | Path, name: str | None) -> bool:
    """Whether the table has the column."""
    return name is not None and name in read_columns(path, [Wanted(name, "column", needed=False)]).text


@dataclass
class _Found:
    """What was found while a table is read: it shrinks as bad cases are left out."""

    recipe: Recipe
    table: Table
    splits: list[str]
    problems: list[Problem]
    left_out: list[tuple[Problem, str]]
    read: int

    def keep(self, rows: Sequence[int]) -> None:
        """Leave all other cases out."""
        self.table, self.splits = self.table.take(rows), [self.splits[row] for row in rows]


def load_study(recipe: Recipe, *, progress: Callable[[int, int], None] | None = None) -> Study:
    """Read, check and decode everything; raise one InputError with all problems unless ``skip_bad`` leaves them out.

    With ``data.folds`` and no ``data.fold`` the splits are the folds and ``test``, and what depends on a fold's training
    cases is left undecided; with ``data.fold`` they are those of that fold's fit.
    """
    from medgauge.api.settle import settle_training

    data = recipe.data
    found = _read_table(recipe)
    images = _decode_all(found, progress)
    few = [] if data.folds else too_few(found.table, found.splits)
    raise_problems([*found.problems, *few], found.table.path)
    chosen = correct_sizes(found.table, images.zoom, found.recipe)
    study = Study(found.recipe, chosen, found.splits, images, found.left_out, found.read, images.notes)
    if data.folds:
        return study if data.fold is None else fold_study(study, data.fold)
    return replace(study, recipe=settle_training(study.recipe, study))


def _read_table(recipe: Recipe) -> _Found:
    """Read the table and give every case its split; with ``skip_bad`` without the cases whose cells are wrong."""
    check_columns(recipe)
    recipe = with_bundled_columns(recipe)
    table, problems = open_table(recipe)
    problems += label_problems(table, log_scaling=recipe.data.label_scaling == "log2") + missing_files(table)
    try:
        subgroup_values({name: table.extra[name] for name in recipe.data.subgroups})
    except InputError as error:
        problems.append(Problem("data.subgroups", str(error).rstrip("."), "table"))
    try:
        splits, more = split_cases(table, recipe)
    except InputError as error:
        raise_problems(
            [*problems, Problem("the splits", str(error).rstrip("."), "group")] if problems else [], table.path
        )
        raise
    left_out, problems = _skip(problems, splits, recipe)
    found = _Found(recipe, table, splits, [*problems, *more], left_out, len(table))
    dropped = {problem.row for problem, _ in left_out}
    if dropped:
        found.keep([row for row in range(len(table)) if row not in dropped])
    return found


def _decode_all(found: _Found, progress: Callable[[int, int], None] | None) -> PreparedImages:
    """Decode the images of the cases in use, and leave the other cases out; problems are added to those found."""
    from medgauge.api.settle import settle_image

    unlike = [problem for problem in found.problems if problem.kind == "file"]
    bad_rows = {problem.row for problem in unlike}
    used = range(len(found.table)) if found.recipe.data.folds else used_rows(found.table, found.splits, found.recipe)
    readable = [row for row in used if row not in bad_rows]
    if not readable or None in bad_rows:
        raise_problems(found.problems, found.table.path)
    learned_from = ("train", *map(fold_name, range(found.recipe.data.folds)))
    sample = [row for row in readable if found.splits[row] in learned_from]
    found.recipe = settle_image(found.recipe, found.table, sample)
    images, bad = _decode(found.table, readable, found.recipe, progress)
    unread = {problem.row for problem in bad}
    kept = [row for row in readable if row not in unread]
    skip = found.recipe.data.skip_bad
    if bad and skip:
        found.left_out += [(problem, found.splits[problem.row]) for problem in bad if problem.row is not None]
        images, _ = _decode(found.table, kept, found.recipe, progress)
    found.problems += [] if skip else bad
    found.keep(kept)
    if skip or not bad:
        found.problems += shared_pictures(images.digests, found.splits, found.table.id)
    return images


def _decode(
    table: Table, rows: Sequence[int], recipe: Recipe, progress: Callable[[int, int], None] | None
) -> tuple[PreparedImages, list[Problem]]:
    """Decode the images of the rows, or find them in the cache."""
    from medgauge.api.settle import prepare_settings

    folder = cache_folder(recipe.data.cache)
    images = prepare_images(
        [table.image[row] for row in rows], prepare_settings(recipe), cache_dir=folder, progress=progress
    )
    return images, [Problem(table.id[rows[place]], what, "file", rows[place]) for place, what in images.problems]


def _skip(
    problems: Sequence[Problem], splits: Sequence[str], recipe: Recipe
) -> tuple[list[tuple[Problem, str]], list[Problem]]:
    """With ``skip_bad``, the problems of single cases, with the split that each would be in, and the other problems."""
    if not recipe.data.skip_bad:
        return [], list(problems)
    bad = [(problem, splits[problem.row]) for problem in problems if problem.row is not None]
    return bad, [problem for problem in problems if problem.row is None]


def correct_sizes(table: Table, zoom: np.ndarray[Any, Any], recipe: Recipe) -> Table:
    """Divide pixel sizes by the zoom that images were resized with."""
    sizes = [table.covariate.index(name) for name in recipe.augmentation.size_covariates if name in table.covariate]
    if not sizes or bool((zoom == 1).all()):
        return table
    covariates = table.covariates.copy()
    covariates[:, sizes] /= zoom[:, None]
    return replace(table, covariates=covariates)
