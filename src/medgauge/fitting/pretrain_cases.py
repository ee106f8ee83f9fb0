"""The cases of a pretraining: those of the training split, or all, with labels or without."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem
from medgauge.core.words import counted
from medgauge.data.images.cache import PreparedImages, prepare_images
from medgauge.data.tables.files import missing_files
from medgauge.data.tables.problems import image_problems, raise_problems
from medgauge.data.tables.table import Table
from medgauge.recipes.idle import idle_notes, whole_batch_notes
from medgauge.recipes.pretraining import decide_before, whole_norm
from medgauge.recipes.schema import Recipe
from medgauge.study import Study, load_study
from medgauge.study.decide import decide_image, decide_training, prepare_settings
from medgauge.study.image_notes import image_notes
from medgauge.study.loading import cache_folder
from medgauge.study.spacing_notes import spacing_notes
from medgauge.study.table import open_table, with_bundled_columns

PASSES, SELECTED_STEPS, USUAL_BATCH = 50, 2000, 30
"""Passes over the cases without a selection, steps with one, and cases a step: those of the paper."""


class PretrainCases(NamedTuple):
    """The cases as a study, those that are trained on, and what is said of the choice."""

    study: Study
    rows: list[int]
    notes: list[str]


def load_cases(recipe: Recipe, progress: Callable[[int, int], None] | None = None) -> PretrainCases:
    """Read a recipe's cases for training without labels.

    With label columns the splits are those that ``fit`` makes with the same settings. Without them a split column counts, and
    a table without one is taken whole.

    Raises:
        InputError: for anything wrong in the table, its files or settings; folds of which none is chosen; too few cases.
    """
    data, scope, batch = recipe.data, recipe.pretraining.scope, recipe.training.batch_size
    for said in recipe.pretraining.batch_conflicts(USUAL_BATCH if batch == "auto" else batch):
        raise InputError(said)
    if data.folds and data.fold is None and scope == "inductive":
        raise InputError(
            "an inductive pretraining is of the training cases of one fold; name it with data.fold (0 to "
            f"{data.folds - 1}), or take pretraining.scope transductive"
        )
    labelled = bool(data.label) or data.findings_from is not None
    decided = decide_before(recipe)
    study = load_study(decided, progress=progress) if labelled else _unlabelled(recipe, progress)
    inductive = scope == "inductive"
    rows = study.rows("train") if inductive else list(range(len(study.table)))
    of_a_fit = [*idle_notes(decided), *whole_batch_notes(decided, study.recipe)]
    study = replace(study, recipe=_decide_after(study.recipe, recipe, len(rows)))
    notes = [*idle_notes(recipe), *whole_batch_notes(recipe, study.recipe)]
    notes += [note for note in study.notes if note not in of_a_fit]
    notes += study.recipe.pretraining.batch_notes(int(study.recipe.training.batch_size))
    notes += left_out_notes(study.left_out)
    return PretrainCases(study, rows, [*notes, scope_note(study, len(rows), inductive=inductive)])


def scope_note(study: Study, count: int, *, inductive: bool) -> str:
    """Which cases an encoder was trained on."""
    whole = len(study.table)
    if not inductive:
        return f"transductive: the images of all {whole} cases were taken, test cases among them, without labels"
    if count == whole:
        return f"inductive: all {counted(whole, 'case')} of the table are taken for training cases, as nothing says which are not (--split)"
    return f"inductive: the {counted(count, 'training case')} of {whole} were taken, without labels"


def _unlabelled(recipe: Recipe, progress: Callable[[int, int], None] | None) -> Study:
    """The cases of a table of which no label is asked; of an inductive pretraining with splits the training cases alone are read."""
    recipe = with_bundled_columns(decide_before(recipe))
    data = recipe.data
    if data.table is None or (data.image is None and data.array is None):
        raise InputError(
            "still needed: a table (--table cases.csv) and its image column (--image path), or an array file with its index column"
        )
    table, problems = open_table(recipe, need_label=False, need_group=data.group is not None)
    read = len(table)
    table, left_out = _set_aside(table, [*problems, *missing_files(table)], recipe)
    train = _training_rows(table, left_out)
    _decide_after(recipe, recipe, len(train) if recipe.pretraining.scope == "inductive" else len(table))
    recipe = decide_image(recipe, table, train)
    images, bad = _decode(table, recipe, progress)
    if bad:
        table, more = _set_aside(table, bad, recipe)
        images, _ = _decode(table, recipe, progress)
        left_out, train = [*left_out, *more], _training_rows(table, [*left_out, *more])
    recipe = decide_training(recipe, images.array.ndim - 2, np.zeros((len(train), 1)))
    notes = [*table.notes, *spacing_notes(recipe, table, images.facts)]
    notes += [*images.notes, *image_notes(images, table.id, recipe, recipe.image)]
    return Study(recipe, table, _splits(table), images, left_out, read, notes)


def _set_aside(table: Table, problems: Sequence[Problem], recipe: Recipe) -> tuple[Table, list[tuple[Problem, str]]]:
    """With ``skip_bad`` the table without the cases of problems, and these, each with the split of its case.

    Raises:
        InputError: with all problems that no case can be left out for; without ``skip_bad`` with any.
    """
    skip, splits = recipe.data.skip_bad, _splits(table)
    raise_problems([problem for problem in problems if not skip or problem.row is None], table.path)
    aside = {problem.row: (problem, splits[problem.row]) for problem in problems if problem.row is not None}
    return table.take([row for row in range(len(table)) if row not in aside]), list(aside.values())


def _training_rows(table: Table, left_out: Sequence[tuple[Problem, str]]) -> list[int]:
    """The rows whose split is train.

    Raises:
        InputError: there are none.
    """
    rows = [row for row, split in enumerate(_splits(table)) if split == "train"]
    if not rows and left_out:
        raise InputError(f"{table.path.name} has no case to train on; {left_out_notes(left_out)[0]}")
    if not rows:
        raise InputError(f"{table.path.name} has no case whose split is train; name the training cases train")
    return rows


def _decode(
    table: Table, recipe: Recipe, progress: Callable[[int, int], None] | None
) -> tuple[PreparedImages, list[Problem]]:
    """The images of all cases, and what is wrong with them."""
    folder = cache_folder(recipe.data.cache)
    images = prepare_images(table.image, prepare_settings(recipe), cache_dir=folder, progress=progress)
    return images, image_problems(images.problems, table.id, table.image)


def left_out_notes(left_out: Sequence[tuple[Problem, str]]) -> list[str]:
    """What is said of cases that ``data.skip_bad`` left out."""
    if not left_out:
        return []
    first = str(left_out[0][0])
    are = "case is" if len(left_out) == 1 else "cases are"
    return [f"{len(left_out)} {are} left out (data.skip_bad){'' if len(left_out) == 1 else ', the first'}: {first}"]


def _splits(table: Table) -> list[str]:
    return ["train"] * len(table) if table.split is None else list(table.split)


def _decide_after(decided: Recipe, asked: Recipe, cases: int) -> Recipe:
    """The recipe with batch, steps and warm-up for so many cases.

    Raises:
        InputError: the cases are fewer than a batch, or a batch than the clusters.
    """
    training, wanted = decided.training, decided.pretraining
    batch = min(USUAL_BATCH, cases) if asked.training.batch_size == "auto" else int(asked.training.batch_size)
    if batch > cases or cases < 2:
        raise InputError(
            f"a step of {counted(max(batch, 2), 'case')} is more than the {counted(cases, 'case')} to train on; set "
            f"training.batch_size to {cases} or less, or give a larger table"
        )
    for said in wanted.batch_conflicts(batch):
        raise InputError(said)
    first, selects = min(wanted.warmup_batch, batch), wanted.selection != "none"
    usual = SELECTED_STEPS if selects else max(1, PASSES * cases // batch)
    steps = usual if asked.training.steps == "auto" else asked.training.steps
    one_pass = max(1, cases // first) if selects else 0
    warmup = one_pass if wanted.warmup == "auto" else wanted.warmup
    if selects and warmup >= steps:
        raise InputError(
            f"the warm-up takes {warmup} steps of {steps}, so nothing would be selected; give more training.steps, or fewer "
            "pretraining.warmup"
        )
    training = replace(training, batch_size=batch, steps=steps)
    wanted = replace(wanted, warmup=warmup, warmup_batch=first)
    return whole_norm(asked, replace(decided, training=training, pretraining=wanted))
