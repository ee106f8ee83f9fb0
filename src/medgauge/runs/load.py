"""From a run folder to a finished run; nothing in it is code."""

from collections.abc import Sequence

from medgauge.core.errors import InputError
from medgauge.data.tables.folds import fold_name
from medgauge.data.tables.words import model_covariates
from medgauge.inference.pooled import PooledReader
from medgauge.runfolder import RunFolder
from medgauge.runfolder.contents import read_finished, read_predictors
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.seal import LOADED
from medgauge.runfolder.whole import vouched
from medgauge.runs import files
from medgauge.runs.ensemble import Ensemble
from medgauge.runs.fitted import Fit
from medgauge.runs.reading import check_reader
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
    readers = files.read_readers(folder, tasks, gallery)
    results = read_finished(folder)
    return Fit(folder, recipe, model, tasks, gallery, readers, results, rows, train, validation)


def load_ensemble(folder: RunFolder, fits: Sequence[Fit] | None = None) -> Ensemble:
    """The folder of the whole and the run folder of each fold; ``fits``: the latter, where they are loaded already.

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
    fits = fits or [_load_fold(folder, fold) for fold in range(recipe.data.folds)]
    tasks = files.read_tasks(folder, fits[0].tasks, fits[0].tasks.coding)
    readers = [
        PooledReader([fit.readers[place] for fit in fits], task, files.read_calibrated(folder, task, saved[task.name]))
        for place, task in enumerate(tasks)
    ]
    for reader in readers:
        check_reader(reader, [one.gallery for one in reader.readers], folder / "predictors.json")
    return Ensemble(folder, recipe, fits, tasks, readers, read_finished(folder))


def _load_fold(folder: RunFolder, fold: int) -> Fit:
    inner = folder.inner(fold_name(fold))
    if not inner.path.is_dir():
        raise InputError(f"{inner.path.name} of {folder.path} is missing; {AGAIN}")
    fit = load_fit(inner)
    if fit.recipe.data.fold != fold:
        raise InputError(f"{inner.path} holds fold {fit.recipe.data.fold} and not fold {fold}; remove it, then {AGAIN}")
    return fit
