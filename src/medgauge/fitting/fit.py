"""Fit: from a recipe to a whole run folder. A stopped run goes on; another run's folder is refused."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from medgauge.core.display import Display
from medgauge.core.errors import check_switches
from medgauge.core.threads import few_threads
from medgauge.data.tables.folds import fold_name
from medgauge.fitting.begin import begin, refuse_changes
from medgauge.fitting.finish import finish
from medgauge.fitting.folds import plan_folds, shared_recipe, untrained_fold
from medgauge.fitting.mend import mend_page, reopen
from medgauge.fitting.parts import build_parts
from medgauge.fitting.pooling import pool_folds
from medgauge.fitting.represent import represent
from medgauge.fitting.stamp import make_recipe, run_stamp
from medgauge.fitting.train import first_process, train
from medgauge.recipes.mistakes import foreign_code
from medgauge.runfolder import RunFolder
from medgauge.runfolder.claim import claim_folder
from medgauge.runfolder.lock import held
from medgauge.runfolder.looks import is_unfinished
from medgauge.runfolder.whole import is_whole, other_fits, refuse_mixed_folds
from medgauge.runs.outputs import Outputs
from medgauge.runs.run import Run, load, of_folds
from medgauge.study import Study, load_study


def fit(
    recipe: str | Path | Mapping[str, Any] | None = None,
    *,
    out: str | Path,
    changes: Mapping[str, Any] | None = None,
    test: bool = False,
    images: bool = True,
    terminal: bool = False,
    report: bool = True,
) -> Run:
    """Fit one recipe, as ``medgauge.fit`` says, with all settings by dotted place.

    Raises:
        InputError: for anything wrong in recipe, table, files or settings, before training.
    """
    check_switches(terminal=terminal)
    wanted, outputs = make_recipe(recipe, changes=changes), Outputs(test, images, report)
    folder = RunFolder(out)
    with torch.random.fork_rng(devices=[]), Display(terminal and first_process()) as display:
        for line in foreign_code(wanted.objective):
            display.say(line)
        study = load_study(wanted, progress=display.images)
        for note in study.notes:
            display.say(note)
        return fit_cases(study, folder, outputs, display)


def fit_cases(study: Study, folder: RunFolder, outputs: Outputs, display: Display) -> Run:
    """All fits of a study: one, or one a fold."""
    if study.recipe.data.folds and study.recipe.data.fold is None:
        return fit_folds(study, folder, outputs, display)
    if not study.rows(
        "val"
    ):  # a fold by itself, of which nothing is trained, is judged by the cases that it leaves out
        outputs = replace(outputs, test=True)
    return fit_study(study, folder, outputs, display)


def fit_study(study: Study, folder: RunFolder, outputs: Outputs, display: Display, *, notes: bool = True) -> Run:
    """One fit, once the cases are read; ``notes``: what they give reason to doubt is said, not only written down."""
    return make_whole(study, folder, outputs, display, notes=notes) or load(folder.path)


def make_whole(
    study: Study, folder: RunFolder, outputs: Outputs, display: Display, *, notes: bool = True
) -> Run | None:
    """Fit what is missing of a run of one fit; the run where nothing was, which is then loaded already."""
    parts, first = build_parts(study), first_process()
    for note in parts.notes:
        display.say(note)
    with held(folder.path, wanted=first, say=display.say):
        if first:
            for line in begin(folder, study, parts.tasks, run_stamp(study)):
                display.say(line)
        if is_whole(folder):
            return finished(study, folder, outputs, display)
        if first:
            display.note(reopen(folder, source="the features" if parts.objective is None else "the checkpoint"))
        trained = represent(parts, study, display)
        outcome, fabric = train(folder, study, trained, display)
        if fabric is None or fabric.is_global_zero:
            found = finish(folder, study, parts, trained, outcome, outputs, display)
            for note in found if notes else []:
                display.say(note)
        if fabric is not None:
            fabric.barrier()
    return None


def fit_folds(study: Study, folder: RunFolder, outputs: Outputs, display: Display) -> Run:
    """Fit every fold in a run folder of its own inside ``folder``, one after the other, and pool them.

    Raises:
        InputError: a fold cannot be fitted, which is found before any is; or several devices are asked for.
    """
    studies = plan_folds(study)
    folders = [RunFolder(folder / fold_name(fold)) for fold in range(len(studies))]
    with held(folder.path, wanted=first_process(), say=display.say):
        if first_process():
            for line in claim_folder(folder, run_stamp(study, shared_recipe(study, studies))):
                display.say(line)
        if is_whole(folder):
            refuse_changes(folder, study)
            if all(map(is_whole, folders)):
                refuse_mixed_folds(folder)
                return finished(study, folder, outputs, display)
        untrained_fold(folder, studies)
        for fold, (part, own) in enumerate(zip(studies, folders, strict=True)):
            display.say(f"fold {fold + 1} of {len(studies)} ({own.path.name})")
            make_whole(part, own, Outputs(test=True, images=False, report=False), display, notes=False)
        whole = is_whole(folder)
        if whole and not other_fits(folder):
            return finished(study, folder, outputs, display)
        told = reopen(folder, source="the folds")
        display.note(f"{folder.path} was made of other fits of its folds; it is made anew" if whole else told)
        with few_threads(len(study.table)):
            run = of_folds(folder, fits=pool_folds(folder, study, studies, outputs))
        for note in run.results["notes"]:
            display.say(note)
        return looked(study, run, outputs, display)


def finished(study: Study, folder: RunFolder, outputs: Outputs, display: Display) -> Run:
    """A run that is finished already, with what it still lacks of the outputs."""
    run = load(folder.path)
    if not first_process():
        return run
    display.say(f"{folder.path} is finished; its results are loaded")
    for note in run.results.get("notes", []):
        display.say(note)
    if not is_unfinished(folder, run.results):  # which makes its page itself
        display.note(mend_page(folder, study, outputs))
    return looked(study, run, outputs, display)


def looked(study: Study, run: Run, outputs: Outputs, display: Display) -> Run:
    """The run after a look at its test split, if one is asked for and was not made, or was not finished."""
    unfinished = is_unfinished(run.folder, run.results)
    if not unfinished and (not outputs.test or "test" in run.results):
        return run
    if not study.rows("test"):
        display.say("no test cases are kept out of the folds; the figures are out of fold")
        return run
    if unfinished:
        display.say(f"a look at the test split of {run.folder.path} was begun and not finished; it is finished now")
    run.look("test", images=outputs.images)
    return load(run.folder.path)
