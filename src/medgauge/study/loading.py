"""From a recipe to cases ready for training: every problem on the way is told at once."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem
from medgauge.core.words import counted
from medgauge.data.images.cache import PreparedImages, prepare_images
from medgauge.data.tables.classes import class_notes, lacking_classes
from medgauge.data.tables.files import missing_files
from medgauge.data.tables.folds import fold_name
from medgauge.data.tables.misspelt import misspelt_classes
from medgauge.data.tables.nearly_states import few_values_notes, nearly_states_notes
from medgauge.data.tables.notes import table_notes, unlabelled_notes
from medgauge.data.tables.pictures import picture_notes, pictures_of_groups, several_labels, shared_pictures
from medgauge.data.tables.problems import image_problems, lacking_states, lone_states, raise_problems, too_few
from medgauge.data.tables.subgroups import subgroup_values
from medgauge.data.tables.table import Table
from medgauge.data.tables.words import coding_words
from medgauge.recipes.build import build_tasks
from medgauge.recipes.idle import idle_notes, whole_batch_notes
from medgauge.recipes.kind_terms import kind_term_notes
from medgauge.recipes.schema import Recipe
from medgauge.study.decide import decide_image, decide_training, prepare_settings
from medgauge.study.feature_table import join_features, study_features
from medgauge.study.folds import fold_study
from medgauge.study.image_notes import image_notes
from medgauge.study.lone_findings import lone_finding_notes, refused_states
from medgauge.study.pixel_size import size_notes
from medgauge.study.representation import decide_representation, size_without_effect, source_notes
from medgauge.study.site_notes import site_notes
from medgauge.study.spacing_notes import spacing_notes
from medgauge.study.splits import calibration_notes, split_cases, split_notes, state_columns, used_rows
from medgauge.study.study import Study
from medgauge.study.table import (
    check_columns,
    correct_sizes,
    decide_classes,
    decide_kinds,
    decide_words,
    kind_notes,
    open_table,
    untrained_words,
    with_bundled_columns,
)
from medgauge.study.unnamed import unnamed_split_notes
from medgauge.study.window_notes import window_notes


def cache_folder(setting: str) -> Path:
    """The folder of decoded images: the setting, MEDGAUGE_CACHE, or the user's cache folder."""
    if setting != "auto":
        return Path(setting)
    home = (
        os.environ.get("MEDGAUGE_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medgauge"
    )
    return Path(home)


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
    data = recipe.data
    found = _read_table(recipe)
    images = _join_all(found) if recipe.represent.is_table else _decode_all(found, progress)
    unread = len({problem.row for problem in found.problems if problem.kind == "file"}) == len(found.table)
    labels = unread or any(problem.kind == "label" for problem in found.problems)  # splits may lack what is not read
    few = [] if data.folds or labels else too_few(found.table, found.splits)
    if not labels:
        states = (found.table, found.splits, state_columns(found.recipe))
        few += refused_states(lone_states(*states), found.recipe) if data.folds else lacking_states(*states)
    if not found.problems and not few:
        learned = [row for row, split in enumerate(found.splits) if split in _learned_from(found.recipe)]
        few = untrained_words(found.recipe, found.table.covariates[learned])
    raise_problems([*found.problems, *few], found.table.path)
    chosen = correct_sizes(found.table, images.zoom, found.recipe)
    notes = [*kind_notes(found.recipe), *idle_notes(recipe), *kind_term_notes(found.recipe)]
    notes += [*coding_words(found.recipe.data.covariate_words)]
    said = [*recipe.data.kind, *found.table.classes]
    notes += nearly_states_notes(found.table, said) + few_values_notes(found.table, said)
    notes += class_notes(found.table.classes)
    notes += misspelt_classes(found.table.target, found.table.classes, found.table.label)
    notes += size_without_effect(recipe, images.array.ndim - 2)
    notes += split_notes(found.table, found.splits, found.recipe) + unnamed_split_notes(found.recipe)
    notes += calibration_notes(found.table, found.splits, found.recipe)
    notes += lone_finding_notes(found.table, found.splits, found.recipe)
    notes += [*found.table.notes, *table_notes(found.table), *unlabelled_notes(found.table), *images.notes]
    notes += [] if recipe.represent.is_table else _notes_of_images(recipe, found, images, chosen)
    study = Study(found.recipe, chosen, found.splits, images, found.left_out, found.read, notes)
    ordered = [at for at, name in enumerate(chosen.target) if name not in chosen.classes]
    notes += site_notes(study.subgroups, images, chosen.label[:, ordered], [chosen.target[at] for at in ordered])
    part = fold_study(study, data.fold) if data.folds and data.fold is not None else study
    known = source_notes(part.recipe, images.digests, found.table, part.splits)
    notes += known
    if data.folds:
        return study if data.fold is None else replace(part, notes=[*part.notes, *known])
    decided = decide_training(study.recipe, images.array.ndim - 2, chosen.label[study.rows("train")])
    return replace(study, recipe=decided, notes=[*notes, *whole_batch_notes(study.recipe, decided)])


def _notes_of_images(recipe: Recipe, found: _Found, images: PreparedImages, table: Table) -> list[str]:
    """What is odd in images, and was changed in them; ``recipe``: as given."""
    notes = picture_notes(images.digests, table.group, table.id)
    notes += several_labels(images.digests, table.group, table.label, table.target, table.id)
    notes += image_notes(images, table.id, found.recipe, recipe.image)
    notes += window_notes(images, table.id, recipe.image)
    notes += spacing_notes(found.recipe, found.table, images.facts)
    return notes + size_notes(recipe, found.table, images.array.ndim - 2, resized=bool((images.zoom != 1).any()))


def _read_table(recipe: Recipe) -> _Found:
    """Read the table and give every case its split; with ``skip_bad`` without the cases whose cells are wrong."""
    check_columns(recipe)
    recipe = decide_representation(decide_kinds(with_bundled_columns(recipe)))
    recipe, table, problems = _open(recipe)
    try:
        splits, more = split_cases(table, recipe)
    except InputError as error:
        raise_problems(
            [*problems, Problem("the splits", str(error).rstrip("."), "group")] if problems else [], table.path
        )
        raise
    recipe, of_words = decide_words(
        recipe, table, [row for row, split in enumerate(splits) if split in _learned_from(recipe)]
    )
    whole = any(problem.row is None and problem.where.startswith("covariate ") for problem in problems)
    if table.words != recipe.data.covariate_words and not whole:  # words of val and test alone are none
        recipe, table, problems = _open(recipe)
    left_out, problems = _skip([*problems, *of_words], splits, recipe)
    found = _Found(recipe, table, splits, [*problems, *more], left_out, len(table))
    dropped = {problem.row for problem, _ in left_out}
    if dropped:
        found.keep([row for row in range(len(table)) if row not in dropped])
    return found


def _open(recipe: Recipe) -> tuple[Recipe, Table, list[Problem]]:
    """The recipe with its classes, and the table, with all that is wrong in its cells and in the files that it names."""
    table, problems = open_table(recipe)
    if lacking := lacking_classes(table.classes):
        told = {problem.where for problem in problems}
        raise_problems([*problems, *(problem for problem in lacking if problem.where not in told)], table.path)
    recipe, lone = decide_classes(recipe, table)
    told = {problem.where for problem in problems}
    for at, name in enumerate(table.target):  # no cell is a number: they are told, and that all are missing is not
        if (
            any(problem.what.startswith(f"label {name} on ") for problem in problems)
            and np.isnan(table.label[:, at]).all()
        ):
            told.add(f"label {name}")
    of_kinds = build_tasks(recipe).problems(torch.from_numpy(table.label), table.id)
    problems += [problem for problem in [*of_kinds, *lone] if problem.where not in told or problem.row is not None]
    problems += missing_files(table)
    try:
        subgroup_values({name: table.extra[name] for name in recipe.data.subgroups})
    except InputError as error:
        problems.append(Problem("data.subgroups", str(error).rstrip("."), "table"))
    return recipe, table, problems


def _learned_from(recipe: Recipe) -> tuple[str, ...]:
    """The splits whose cases something is learned from; with folds any of them may be."""
    return ("train", *map(fold_name, range(recipe.data.folds)))


def _decode_all(found: _Found, progress: Callable[[int, int], None] | None) -> PreparedImages:
    """Decode the images of the cases in use, and leave the other cases out; problems are added to those found."""
    readable, sample = _readable(found)
    found.recipe = decide_image(found.recipe, found.table, sample)
    images, bad = _decode(found.table, readable, found.recipe, progress)
    skip = found.recipe.data.skip_bad
    if skip:
        ids, groups = ([part[row] for row in readable] for part in (found.table.id, found.table.group))
        shared = pictures_of_groups(images.digests, groups, ids)
        bad += [problem._replace(row=readable[problem.row]) for problem in shared if problem.row is not None]
    dropped = {problem.row for problem in bad}
    kept = [row for row in readable if row not in dropped]
    if bad and skip:
        found.left_out += [(problem, found.splits[problem.row]) for problem in bad if problem.row is not None]
        _refuse_none(found, kept)
        images, _ = _decode(found.table, kept, found.recipe, progress)
    found.problems += [] if skip else bad
    found.keep(kept)
    if skip or not bad:
        found.problems += shared_pictures(images.digests, found.splits, found.table.id)
    return images


def _readable(found: _Found) -> tuple[list[int], list[int]]:
    """Rows of the cases in use with nothing wrong in their files, and of those the ones that something is learned from."""
    unlike = [problem for problem in found.problems if problem.kind == "file"]
    bad_rows = {problem.row for problem in unlike}
    used = range(len(found.table)) if found.recipe.data.folds else used_rows(found.table, found.splits, found.recipe)
    readable = [row for row in used if row not in bad_rows]
    sample = [row for row in readable if found.splits[row] in _learned_from(found.recipe)]
    if not sample or None in bad_rows:
        raise_problems(found.problems, found.table.path)
        _refuse_none(found, sample)
    return readable, sample


def _join_all(found: _Found) -> PreparedImages:
    """Join features to the cases in use, and leave the other cases out; problems are added to those found."""
    joined = join_features(found.recipe, found.table)
    readable, _ = _readable(found)
    used = set(readable)
    bad = [problem for problem in joined.problems if problem.row in used]
    dropped = {problem.row for problem in bad}
    kept = [row for row in readable if row not in dropped]
    if found.recipe.data.skip_bad:
        found.left_out += [(problem, found.splits[problem.row]) for problem in bad if problem.row is not None]
        _refuse_none(found, kept)
    else:
        raise_problems([*found.problems, *bad] if bad else [], found.table.path)
    features = study_features(joined, found.table, kept)
    found.table = replace(found.table, digest=joined.digest(found.table.digest))
    found.keep(kept)
    return features


def _refuse_none(found: _Found, rows: Sequence[int]) -> None:
    """Raise where none of the rows that something is learned from is left, with what is wrong with the first one."""
    if not rows:
        gone = f"; {len(found.left_out)} are left out, the first: {found.left_out[0][0]}" if found.left_out else ""
        raise InputError(f"{found.table.path.name} has {counted(found.read, 'case')} and none to train with{gone}.")


def _decode(
    table: Table, rows: Sequence[int], recipe: Recipe, progress: Callable[[int, int], None] | None
) -> tuple[PreparedImages, list[Problem]]:
    """Decode the images of the rows, or find them in the cache."""
    folder = cache_folder(recipe.data.cache)
    images = prepare_images(
        [table.image[row] for row in rows], prepare_settings(recipe), cache_dir=folder, progress=progress
    )
    return images, image_problems([(rows[place], what) for place, what in images.problems], table.id, table.image)


def _skip(
    problems: Sequence[Problem], splits: Sequence[str], recipe: Recipe
) -> tuple[list[tuple[Problem, str]], list[Problem]]:
    """With ``skip_bad``, the problems of single cases, with the split that each would be in, and the other problems."""
    if not recipe.data.skip_bad:
        return [], list(problems)
    bad = [(problem, splits[problem.row]) for problem in problems if problem.row is not None]
    return bad, [problem for problem in problems if problem.row is None]
