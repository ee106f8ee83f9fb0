"""From a run folder to a finished run; nothing in it is code."""

from medgauge.core.errors import InputError
from medgauge.data.tables.folds import fold_name
from medgauge.inference.pooled import PooledReader
from medgauge.runfolder import RunFolder
from medgauge.runs import files
from medgauge.runs.ensemble import Ensemble
from medgauge.runs.fitted import Fit


def load_fit(folder: RunFolder) -> Fit:
    """A run of one fit.

    Raises:
        InputError: it is no whole run folder, or of another version.
    """
    folder.check_complete()
    recipe = files.read_recipe(folder)
    model, tasks = files.read_model(folder, recipe)
    gallery, rows = files.read_gallery(folder)
    train, validation = files.read_known(folder, gallery)
    readers = files.read_readers(folder, tasks, gallery)
    results = folder.read_json("results.json")
    return Fit(folder, recipe, model, tasks, gallery, readers, results, rows, train, validation)


def load_ensemble(folder: RunFolder) -> Ensemble:
    """The folder of the whole and the run folder of each fold.

    Raises:
        InputError: one of them is not whole, or of another version.
    """
    folder.check_complete()
    recipe, saved = files.read_recipe(folder), files.saved_values(folder)
    if folder.read_json("predictors.json").get("folds") != recipe.data.folds:
        raise InputError(f"{folder / 'predictors.json'} and recipe.yaml name different numbers of folds; fit again")
    fits = [load_fit(folder.inner(fold_name(fold))) for fold in range(recipe.data.folds)]
    tasks = files.read_tasks(folder, fits[0].tasks, fits[0].tasks.coding)
    readers = [
        PooledReader([fit.readers[place] for fit in fits], task, files.read_calibrated(folder, task, saved[task.name]))
        for place, task in enumerate(tasks)
    ]
    return Ensemble(folder, recipe, fits, tasks, readers, folder.read_json("results.json"))
