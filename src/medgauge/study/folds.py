"""The study of one fold, out of the study of all folds, and where a case's fold is written."""

from collections.abc import Mapping
from dataclasses import replace

from medgauge.core.errors import InputError
from medgauge.data.tables.folds import KEPT_OUT, UNUSED, fold_name, fold_splits
from medgauge.data.tables.pictures import shared_pictures
from medgauge.data.tables.problems import LEAST_CASES, LEAST_GROUPS, lacking_states, raise_problems, too_few
from medgauge.recipes.idle import whole_batch_notes
from medgauge.recipes.schema import Recipe
from medgauge.study.decide import decide_training
from medgauge.study.lone_findings import refused_states
from medgauge.study.splits import state_columns, used_rows
from medgauge.study.study import Study
from medgauge.study.table import untrained_words


def fold_study(study: Study, fold: int) -> Study:
    """The study of one fold's fit, out of the study of all folds; the images are shared.

    Raises:
        InputError: the other folds are too few or too small to train on, or a picture is on two sides.
    """
    recipe, table = study.recipe, study.table
    recipe = replace(recipe, data=replace(recipe.data, fold=fold))
    try:
        shares, states = _shares(recipe), state_columns(recipe)
        split = fold_splits(
            study.splits, fold, table.group, table.label, shares=shares, seed=recipe.seed, states=states
        )
        kept = set(used_rows(table, split, recipe))
        split = [name if row in kept else UNUSED for row, name in enumerate(split)]
        seen = [row for row, name in enumerate(split) if name not in (KEPT_OUT, UNUSED)]
        names = [split[row] for row in seen]
        digests, ids = ([part[row] for row in seen] for part in (study.images.digests, table.id))
        shared = [] if study.columns else shared_pictures(digests, names, ids)
        problems = [*shared, *too_few(table.take(seen), names, **_least(recipe), folds=True)]
        problems += refused_states(lacking_states(table.take(seen), names, states), recipe)
        train = [row for row, name in enumerate(split) if name == "train"]
        raise_problems(problems or untrained_words(recipe, table.covariates[train]), table.path)
    except InputError as error:
        raise InputError(f"fold {fold + 1} of {recipe.data.folds} ({fold_name(fold)}): {error}") from error
    part = replace(study, recipe=recipe, splits=split)
    label = table.label[part.rows("train")]
    decided = decide_training(recipe, study.images.array.ndim - 2, label)
    return replace(part, recipe=decided, notes=[*study.notes, *whole_batch_notes(recipe, decided)])


def _shares(recipe: Recipe) -> Mapping[str, float]:
    """Of train and val; where nothing is trained no case is needed to stop by."""
    return {"train": 1.0} if recipe.model.neck == "standardised" else recipe.data.shares


def _least(recipe: Recipe) -> dict[str, Mapping[str, int]]:
    """Cases and groups that the splits need."""
    wanted = _shares(recipe)
    return {
        "cases": {name: least for name, least in LEAST_CASES.items() if wanted.get(name)},
        "groups": {name: least for name, least in LEAST_GROUPS.items() if wanted.get(name)},
    }


def fold_of_cases(study: Study) -> list[tuple[str, str]]:
    """Id and number of the fold of every case; no number for a test case, which is in none."""
    numbers = {fold_name(fold): str(fold) for fold in range(study.recipe.data.folds)}
    return [(name, numbers.get(split, "")) for name, split in zip(study.table.id, study.splits, strict=True)]
