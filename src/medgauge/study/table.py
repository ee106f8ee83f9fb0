"""Reads the table that a recipe names, or another one with the same columns."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem
from medgauge.core.words import nearest
from medgauge.data.bundled import is_bundled
from medgauge.data.tables.classes import lone_classes
from medgauge.data.tables.columns import Wanted, read_columns
from medgauge.data.tables.findings import Joined
from medgauge.data.tables.folds import parse_holdout
from medgauge.data.tables.names import Spelling, alike_sets, in_words
from medgauge.data.tables.subgroups import check_subgroup_names
from medgauge.data.tables.table import Table, read_table
from medgauge.data.tables.words import absent_words
from medgauge.recipes.entries import DEFAULT_KIND, FINDING
from medgauge.recipes.prediction_settings import PredictionSettings
from medgauge.recipes.schema import Recipe
from medgauge.tasks import KINDS
from medgauge.tasks.classes import class_columns


def check_columns(recipe: Recipe) -> None:
    """Raise if the recipe does not say which table and which columns."""
    data = recipe.data
    missing = []
    if data.table is None:
        missing.append("a table (--table cases.csv)")
    if recipe.represent.is_table and not data.image and not data.id and not is_bundled(str(data.table)):
        missing.append("the id column (--id case), by which features are joined to the cases")
    elif not recipe.represent.is_table and not data.image and not data.array and not is_bundled(str(data.table)):
        missing.append(
            "the image column (--image path), or an array file with its index column (--array volumes.npz#images --index index)"
        )
    if not data.label and data.findings_from is None:
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


def decide_kinds(recipe: Recipe) -> Recipe:
    """The recipe with the kind of every label column, columns of one kind side by side.

    Raises:
        InputError: a kind is given for what is no label column.
    """
    data = recipe.data
    for name in data.kind:
        if name not in data.label:
            near = nearest(name, data.label)
            hint = f"did you mean {near}?" if near else f"label columns are {', '.join(data.label)}"
            raise InputError(f"data.kind names {name!r}, which is no label column; {hint}")
    kinds = {name: data.kind.get(name, DEFAULT_KIND) for name in data.label}
    numbers = [name for name, kind in kinds.items() if KINDS[kind].divides]
    asked = {
        "data.label_times": data.label_times is not None,
        "data.label_scaling": data.label_scaling in ("log2", "min_max"),
        "prediction.scores": recipe.prediction.scores != "absolute",
        "prediction.correction": recipe.prediction.correction != "none",
        "prediction.age_gap": recipe.prediction.age_gap,
    }
    for setting in (setting for setting, given in asked.items() if given and not numbers):
        raise InputError(
            f"{setting} is for numbers, and {data.label[0]} is a {kinds[data.label[0]]}; leave it out, or read that as a number "
            f"(--kind {data.label[0]}=number)"
        )
    if recipe.prediction.threshold != PredictionSettings().threshold and FINDING not in kinds.values():
        raise InputError(
            f"prediction.threshold is for findings, and {data.label[0]} is a {kinds[data.label[0]]}; leave it out"
        )
    for name in data.classes:
        if name not in class_columns(data.label, kinds):
            raise InputError(
                f"data.classes names {name!r}, which is a {kinds.get(name)}; say --kind {name}=class, or leave it out"
            )
    ordered = [name for kind in KINDS for name in data.label if kinds[name] == kind]
    return replace(recipe, data=replace(data, label=ordered, kind={name: kinds[name] for name in ordered}))


def kind_notes(recipe: Recipe) -> list[str]:
    """As what each label column is read, in a line, and names that are easily taken for one another."""
    data = recipe.data
    findings = [name for name in data.label if data.kind.get(name) == FINDING]
    parts = [f"{name} a {data.kind[name]}" for name in data.label if data.kind and name not in findings]
    if findings:
        more = "" if data.findings_from else f" (0 and 1 as numbers: --kind {findings[0]}=number)"
        parts.append(f"{', '.join(findings)} {'a finding' if len(findings) == 1 else 'findings'}{more}")
    alike = alike_sets(data.label)
    differ = f"names of labels differ in spelling alone ({in_words(alike)}); see that each is the column that is meant"
    return [f"read as: {', '.join(parts)}"] * bool(parts) + [differ] * bool(alike)


def columns_of(recipe: Recipe) -> list[str]:
    """Number columns to read: the model's covariates, then the one that labels are divided by."""
    data = recipe.data
    extra = [data.label_times] if data.label_times and data.label_times not in data.covariates else []
    return [*data.covariates, *extra]


def with_array(recipe: Recipe, path: str | Path, array: str | Path | None, index: str | None) -> Recipe:
    """The recipe with the place of the images of a table from elsewhere.

    Args:
        recipe: of a run.
        path: the table.
        array: its array file, relative to its folder; None: the recipe's image column names its images.
        index: its column of rows in the array; None: called as the recipe's.

    Raises:
        InputError: the recipe's images are in an array file, which is not that of the table, or an index is of no array.
    """
    data = recipe.data
    if array is not None:
        return replace(recipe, data=replace(data, image=None, array=str(array), index=index or data.index))
    if index is not None:
        raise InputError(
            f"--index ({index}) names the column of rows in an array file; give the file too, with --array"
        )
    if data.array is not None:
        raise InputError(
            f"the run's own images are in an array file ({data.array}), and those of {path} are in another one: give it with "
            f"--array FILE, and the column of rows in it with --index COLUMN (without it {data.index!r})"
        )
    return recipe


def without_image(recipe: Recipe, path: str | Path) -> Recipe:
    """The recipe for another table, which needs no images where the run reads features of files."""
    data = recipe.data
    needed = not recipe.represent.is_table or data.id is None
    if needed or data.image is None or has_column(str(path), data.image):
        return recipe
    return replace(recipe, data=replace(data, image=None))


def spelling_of(recipe: Recipe) -> Spelling:
    """What the recipe says of groups whose names differ in spelling alone."""
    return "merge" if recipe.data.merge_groups else "exact" if recipe.data.groups_are_exact else "alike"


def open_table(
    recipe: Recipe,
    *,
    path: str | Path | None = None,
    need_label: bool = True,
    need_group: bool = True,
    spelling: Spelling | None = None,
) -> tuple[Table, list[Problem]]:
    """Read the recipe's table, or another one with the recipe's columns.

    Words in covariates that ``data.covariate_words`` does not know are coded in the recipe's own table, and are wrong in
    another one.

    Args:
        recipe: names table and columns.
        path: another table; None: the recipe's.
        need_label: whether a table without labels is refused.
        need_group: whether a table without the group column is.
        spelling: of the groups; None: as the recipe says.
    """
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
        mask=data.mask if own or recipe.image.around == "mask" else None,
        missing=data.missing,
        decimal=data.decimal,
        spelling=spelling or spelling_of(recipe),
        need_label=need_label,
        need_image=not recipe.represent.is_table,
        extra=extra,
        words=data.covariate_words,
        classes={name: data.classes.get(name, ()) for name in class_columns(data.label, data.kind)},
        numbers=[str(data.label_times), *recipe.augmentation.named_sizes] if own else columns_of(recipe),
        divisor=data.label_times,
        joined=joined_of(recipe),
        image_folders=data.image_folders,
        split_lists=data.split_lists if own and not data.resplit else None,
    )


def joined_of(recipe: Recipe) -> Joined | None:
    """The column of joined names with the labels that it holds: all findings; None where each label has its own."""
    data = recipe.data
    if data.findings_from is None:
        return None
    return Joined(data.findings_from, data.separator, [name for name in data.label if data.kind.get(name) == FINDING])


def decide_words(recipe: Recipe, table: Table, training: Sequence[int]) -> tuple[Recipe, list[Problem]]:
    """The recipe with the words that covariates have in the training cases, and columns that have one word there.

    Args:
        recipe: what it says of words stays.
        table: with the words of all cases coded.
        training: positions of the training cases.
    """
    absent = absent_words(columns_of(recipe), table.words, table.covariates[list(training)])
    decided, problems = dict(recipe.data.covariate_words), list[Problem]()
    for name, words in table.words.items():
        kept = [word for word in words if word not in absent.get(name, ())]
        if len(kept) > 1:
            decided.setdefault(name, kept)
        elif len(words) > 1:
            what = f"is {' or '.join(map(repr, kept)) or 'missing'} in all training cases, so nothing can be learned from it"
            problems.append(Problem(f"covariate {name}", f"{what}; leave it out", "table"))
    return replace(recipe, data=replace(recipe.data, covariate_words=decided)), problems


def decide_classes(recipe: Recipe, table: Table) -> tuple[Recipe, list[Problem]]:
    """The recipe with the classes of its table, and classes that too few groups have."""
    decided = {**recipe.data.classes, **table.classes}
    lone = lone_classes(table.target, table.classes, table.label, table.group)
    return replace(recipe, data=replace(recipe.data, classes=decided)), lone


def untrained_words(recipe: Recipe, covariates: np.ndarray[Any, Any]) -> list[Problem]:
    """Words of the coding that none of the training cases has, whose coded covariates (n, q) are given."""
    found = absent_words(recipe.data.covariates, recipe.data.covariate_words, covariates)
    remedy = "so nothing can be learned of them; give data.covariate_words without them, or write another word"
    return [
        Problem(f"covariate {name}", f"no training case is {' or '.join(map(repr, words))}, {remedy}", "table")
        for name, words in found.items()
    ]


def has_column(path: str | Path, name: str | None) -> bool:
    """Whether the table has the column."""
    return name is not None and name in read_columns(path, [Wanted(name, "column", needed=False)]).text


def correct_sizes(table: Table, zoom: np.ndarray[Any, Any], recipe: Recipe) -> Table:
    """Divide pixel sizes by the zoom that images were resized with."""
    sizes = [table.covariate.index(name) for name in recipe.augmentation.named_sizes if name in table.covariate]
    if not sizes or bool((zoom == 1).all()):
        return table
    covariates = table.covariates.copy()
    covariates[:, sizes] /= zoom[:, None]
    return replace(table, covariates=covariates)
