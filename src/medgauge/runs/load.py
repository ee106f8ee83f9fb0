"""From a run folder to a finished run; nothing in it is code."""

from collections.abc import Sequence

import torch

from medgauge.core.errors import InputError
from medgauge.core.task import Task
from medgauge.data.tables.folds import fold_name
from medgauge.data.tables.words import model_covariates
from medgauge.inference.blended import BlendedReader, FoldReader
from medgauge.inference.pooled import PooledReader
from medgauge.inference.reader import know_head
from medgauge.runfolder import RunFolder
from medgauge.runfolder.blend import Blend, member_folder, read_blend
from medgauge.runfolder.contents import read_finished, read_predictors
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.seal import LOADED
from medgauge.runfolder.whole import refuse_mixed_folds, vouched
from medgauge.runs import files
from medgauge.runs.ensemble import Ensemble
from medgauge.runs.fitted import Fit
from medgauge.runs.reading import check_divisor, check_reader
from medgauge.study.table import columns_of


def load_fit(folder: RunFolder) -> Fit:
    """A run of one fit.

    Raises:
        InputError: it is no whole run folder, damaged, or of another version.
    """
    folder.check_complete()
    with vouched(folder, LOADED):
        return _read_fit(folder)


def _read_fit(folder: RunFolder) -> Fit:
    recipe = files.read_recipe(folder)
    model, tasks = files.read_model(folder, recipe)
    gallery, rows = files.read_gallery(folder, len(recipe.data.label))
    train, validation = files.read_known(
        folder, gallery, len(model_covariates(columns_of(recipe), recipe.data.covariate_words))
    )
    check_divisor(folder / "recipe.yaml", recipe.data.label_times, gallery)
    readers = files.read_readers(folder, tasks, gallery)
    know_head(readers, model.head)
    results = read_finished(folder)
    return Fit(folder, recipe, model, tasks, gallery, readers, results, rows, train, validation)


def load_ensemble(folder: RunFolder, fits: Sequence[Fit] | None = None) -> Ensemble:
    """The folder of the whole and the run folder of each fold; ``fits``: the latter, where they are loaded already.

    Of a blend those are the folds of each candidate, whose folders stand beside it.

    Raises:
        InputError: one of them is not whole, damaged, or of another version.
    """
    folder.check_complete()
    with vouched(folder, ("splits.csv", *LOADED)):
        return _read_ensemble(folder, fits)


def _read_ensemble(folder: RunFolder, fits: Sequence[Fit] | None) -> Ensemble:
    recipe, saved = files.read_recipe(folder), files.saved_values(folder)
    if read_predictors(folder).get("folds") != recipe.data.folds:
        raise InputError(f"{folder / 'predictors.json'} and recipe.yaml name different numbers of folds; {AGAIN}")
    blend = read_blend(folder, recipe.data.label) if folder.is_blend() else None
    fits = fits or _load_fits(folder, blend, recipe.data.folds)
    if blend is None:  # of one each candidate's own settings count
        check_divisor(folder / "recipe.yaml", recipe.data.label_times, fits[0].gallery)
    tasks = files.read_tasks(folder, fits[0].tasks, fits[0].tasks.coding)
    readers = [
        PooledReader(_of_folds(fits, place, task, blend), task, files.read_calibrated(folder, task, saved[task.name]))
        for place, task in enumerate(tasks)
    ]
    for place, reader in enumerate(readers):
        check_reader(reader, [fit.readers[place].gallery for fit in fits], folder / "predictors.json")
    return Ensemble(folder, recipe, fits, tasks, readers, read_finished(folder))


def _load_fits(folder: RunFolder, blend: Blend | None, folds: int) -> list[Fit]:
    """The fit of each fold; of a blend those of all candidates, fold after fold."""
    if blend is None:
        fits = [_load_fold(folder, fold) for fold in range(folds)]
        refuse_mixed_folds(folder)
        return fits
    members = [member_folder(folder, name, digest, folds) for name, digest in blend.members.items()]
    return [_load_fold(member, fold) for fold in range(folds) for member in members]


def _of_folds(fits: Sequence[Fit], place: int, task: Task, blend: Blend | None) -> Sequence[FoldReader]:
    """What reads each fold: its fit, or those of all candidates blended."""
    readers = [fit.readers[place] for fit in fits]
    if blend is None:
        return readers
    names = list(blend.members)
    weights = torch.tensor([blend.weights[target] for target in task.columns], dtype=torch.float64).T
    starts = range(0, len(readers), len(names))
    return [BlendedReader(names, readers[start : start + len(names)], weights, task) for start in starts]


def _load_fold(folder: RunFolder, fold: int) -> Fit:
    inner = folder.inner(fold_name(fold))
    if not inner.path.is_dir():
        raise InputError(f"{inner.path.name} of {folder.path} is missing; {AGAIN}")
    return load_fit(inner)
