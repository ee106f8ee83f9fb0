"""Fit: from a recipe to a whole run folder. A stopped run goes on; another run's folder is refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from medgauge.core.display import Display
from medgauge.data.tables.folds import fold_name
from medgauge.fitting.finish import finish
from medgauge.fitting.folds import plan_folds, shared_recipe, untrained_fold
from medgauge.fitting.parts import build_parts
from medgauge.fitting.pooling import pool_folds
from medgauge.fitting.stamp import make_recipe, run_stamp
from medgauge.fitting.train import first_process, train
from medgauge.recipes.mistakes import foreign_code
from medgauge.report import write_report
from medgauge.runfolder import RunFolder
from medgauge.runfolder.claim import claim_folder
from medgauge.runs.outputs import Outputs
from medgauge.runs.run import Run, load
from medgauge.study import Study, load_study


def fit(
    recipe: str | Path | Mapping[str, Any] | None = None,
    *,
    out: str | Path,
    table: str | Path | None = None,
    image: str | None = None,
    label: str | Sequence[str] | None = None,
    group: str | None = None,
    covariates: str | Sequence[str] | None = None,
    kind: Mapping[str, str] | None = None,
    changes: Mapping[str, Any] | None = None,
    test: bool = False,
    images: bool = True,
    terminal: bool = False,
    report: bool = True,
    **columns: object,
) -> Run:
    """Train a model and write its run folder; a run that was stopped goes on, a finished one is loaded.

    >>> run = medgauge.fit(table="cases.csv", image="path", label="age", group="patient_id", out="runs/age")  # doctest: +SKIP

    Args:
        recipe: file, name of a recipe of medgauge's, mapping, or None for what suits the data.
        out: the run folder.
        table: CSV or Parquet file, or bundled:hc18.
        image: column of image files.
        label: label column or columns.
        group: column of what may not be on both sides of a split (patient, examination).
        covariates: number column or columns given to the model beside the image.
        kind: of label columns that are no numbers: {"dr_grade": "grade"}.
        changes: settings by dotted place ("training.steps": 500), over the recipe.
        test: read the test split at the end, and count that look.
        images: keep thumbnails for the report.
        terminal: show progress.
        report: write the page and what only it needs: thumbnails, and intervals of the figures in results.json.
        columns: further settings of the recipe's data section, by name (split, folds, no_groups, ...).

    Raises:
        InputError: for anything wrong in recipe, table, files or settings, before training.
    """
    given = {"table": table, "image": image, "label": label, "group": group, "covariates": covariates, "kind": kind}
    named = {name: value for name, value in given.items() if value is not None} | columns
    wanted, outputs = make_recipe(recipe, named, changes), Outputs(test, images, report)
    folder = RunFolder(out)
    with torch.random.fork_rng(devices=[]), Display(terminal and first_process()) as display:
        for line in foreign_code(wanted.objective):
            display.say(line)
        study = load_study(wanted, progress=display.images)
        for note in study.notes:
            display.say(note)
        if wanted.data.folds and wanted.data.fold is None:
            return fit_folds(study, folder, outputs, display)
        return fit_study(study, folder, outputs, display)


def fit_study(study: Study, folder: RunFolder, outputs: Outputs, display: Display) -> Run:
    """One fit, once the cases are read."""
    parts = build_parts(study)
    if claim_folder(folder, run_stamp(study)):
        return finished(folder, outputs, display)
    outcome, fabric = train(folder, study, parts, display)
    if fabric.is_global_zero:
        finish(folder, study, parts, outcome, outputs, display)
    fabric.barrier()
    return load(folder.path)


def fit_folds(study: Study, folder: RunFolder, outputs: Outputs, display: Display) -> Run:
    """Fit every fold in a run folder of its own inside ``folder``, one after the other, and pool them.

    Raises:
        InputError: a fold cannot be fitted, which is found before any is; or several devices are asked for.
    """
    studies = plan_folds(study)
    if not claim_folder(folder, run_stamp(study, shared_recipe(study, studies))):
        untrained_fold(folder, studies)
        for fold, part in enumerate(studies):
            display.say(f"fold {fold + 1} of {len(studies)}")
            own = Outputs(test=True, images=False, report=False)
            fit_study(part, RunFolder(folder / fold_name(fold)), own, display)
        pool_folds(folder, study, studies, outputs)
        if outputs.test and not study.rows("test"):
            display.say("no test cases are kept out of the folds; the figures are out of fold")
        return looked(load(folder.path), outputs) if study.rows("test") else load(folder.path)
    return finished(folder, outputs, display, has_test=bool(study.rows("test")))


def finished(folder: RunFolder, outputs: Outputs, display: Display, *, has_test: bool = True) -> Run:
    """A run that is finished already, with what it still lacks of the outputs."""
    display.say(f"{folder.path} is finished; its results are loaded")
    run = load(folder.path)
    if outputs.test and has_test and "test" not in run.results:
        return looked(run, outputs)
    if outputs.report and not (folder / "report.html").exists():
        write_report(folder.path, images=outputs.images)
    return run


def looked(run: Run, outputs: Outputs) -> Run:
    """The run after a look at its test split, if one is asked for and was not made."""
    if not outputs.test or "test" in run.results:
        return run
    run.look("test", images=outputs.images)
    return load(run.folder.path)
