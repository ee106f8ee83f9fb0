"""From a recipe to cases ready for training: table, splits, decoded images, and every problem on the way, told at once."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.core.seeding import derive_seed
from medgauge.data.bundled import is_bundled
from medgauge.data.cache import PreparedImages, prepare_images
from medgauge.data.columns import Wanted, read_columns
from medgauge.data.problems import Problem, label_problems, raise_problems, too_few
from medgauge.data.splits import given_splits, make_splits, shared_pictures
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
    )


def has_column(path: str | Path, name: str | None) -> bool:
    """Whether the table has the column."""
    return name is not None and name in read_columns(path, [Wanted(name, "column", needed=False)]).text


def load_study(recipe: Recipe, *, progress: Callable[[int, int], None] | None = None) -> Study:
    """Read, check and decode everything; raise one InputError with all problems unless ``skip_bad`` leaves them out."""
    from medgauge.api.settle import settle_image, settle_training

    check_columns(recipe)
    if is_bundled(str(recipe.data.table)):
        recipe = replace(
            recipe, data=replace(recipe.data, image=recipe.data.image or "image", id=recipe.data.id or "id")
        )
    table, problems = open_table(recipe)
    read = len(table)
    problems += label_problems(table, log_scaling=recipe.data.label_scaling == "log2") + missing_files(table)
    try:
        splits, more = split_cases(table, recipe)
    except InputError as error:
        raise_problems(
            [*problems, Problem("the splits", str(error).rstrip("."), "group")] if problems else [], table.path
        )
        raise
    left_out, problems = _skip(problems, splits, recipe)
    problems += more
    if left_out:
        dropped = {problem.row for problem, _ in left_out}
        good = [row for row in range(read) if row not in dropped]
        table, splits = table.take(good), [splits[row] for row in good]
    used = used_rows(table, splits, recipe)
    unlike = [problem for problem in problems if problem.kind == "file"]
    readable = sorted(set(used) - {problem.row for problem in unlike if problem.row is not None})
    if not readable or any(problem.row is None for problem in unlike):
        raise_problems(problems, table.path)
    recipe = settle_image(recipe, table, [row for row in readable if splits[row] == "train"])
    images, bad = _decode(table, readable, recipe, progress)
    problems += bad
    unread = {problem.row for problem in bad}
    kept = [row for row in readable if row not in unread]
    if not bad:
        digests = dict(zip(readable, images.digests, strict=True))
        problems += shared_pictures(
            [digests[row] for row in kept], [splits[row] for row in kept], [table.id[row] for row in kept]
        )
    elif recipe.data.skip_bad:
        left_out += [(problem, splits[problem.row]) for problem in bad if problem.row is not None]
        problems = [problem for problem in problems if problem not in bad]
        images, _ = _decode(table, kept, recipe, progress)
        problems += shared_pictures(images.digests, [splits[row] for row in kept], [table.id[row] for row in kept])
    few = too_few(table.take(kept), [splits[row] for row in kept])
    raise_problems([*problems, *few], table.path)
    chosen = correct_sizes(table.take(kept), images.zoom, recipe)
    study = Study(recipe, chosen, [splits[row] for row in kept], images, left_out, read, images.notes)
    return replace(study, recipe=settle_training(recipe, study))


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


def split_cases(table: Table, recipe: Recipe) -> tuple[list[str], list[Problem]]:
    """The split of each case: the table's, or made here."""
    data = recipe.data
    if table.split is not None and not data.resplit:
        return given_splits(table, resplit=False, shares=data.shares, seed=recipe.seed)
    made = make_splits(table.group, table.label, shares=data.shares, seed=recipe.seed, test_seed=data.test_seed)
    return made, []


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


def correct_sizes(table: Table, zoom: np.ndarray[Any, Any], recipe: Recipe) -> Table:
    """Divide pixel sizes by the zoom that images were resized with."""
    sizes = [table.covariate.index(name) for name in recipe.augmentation.size_covariates if name in table.covariate]
    if not sizes or bool((zoom == 1).all()):
        return table
    covariates = table.covariates.copy()
    covariates[:, sizes] /= zoom[:, None]
    return replace(table, covariates=covariates)
