"""Fit: from a recipe to a whole run folder. A stopped run goes on; another run's folder is refused."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
import yaml

from medgauge.api.drawing import Sampler, build_sampler, case_regions, case_weights
from medgauge.api.finish import finish_run, validation_figures
from medgauge.api.run import Run
from medgauge.api.settle import augment_settings
from medgauge.api.study import Study, load_study
from medgauge.core.batch import Batch
from medgauge.core.errors import InputError
from medgauge.core.seeding import generator
from medgauge.core.version import __version__
from medgauge.data.augment import augment_batch, draw
from medgauge.data.cases import CaseArrays, make_cases
from medgauge.data.folds import fold_name
from medgauge.models import Encoder, LabelScaling, Model
from medgauge.models.description import check_storable
from medgauge.recipes.build import build_objective, build_schedule, build_seeded_model, model_description
from medgauge.recipes.mistakes import foreign_code
from medgauge.recipes.read import build_recipe, load_values, override, recipe_values
from medgauge.recipes.schema import Recipe, default_objective
from medgauge.report import write_report
from medgauge.runfolder import RunFolder
from medgauge.runfolder.parts import is_part, sweep_parts
from medgauge.training.loop import Schedule, Trainer
from medgauge.training.objective import Objective
from medgauge.training.plan import build_optimiser

if TYPE_CHECKING:
    from medgauge.api.terminal import Display


def make_recipe(recipe: str | Path | Mapping[str, Any] | None, changes: Mapping[str, Any] | None = None) -> Recipe:
    """A checked recipe from a file, a name, a mapping or nothing (defaults), with changes by dotted place."""
    values = dict(recipe) if isinstance(recipe, Mapping) else load_values(recipe or "default")
    return build_recipe(override({"objective": default_objective(), **values}, changes or {}))


def fit(
    recipe: str | Path | Mapping[str, Any] | None = None,
    *,
    out: str | Path,
    changes: Mapping[str, Any] | None = None,
    test: bool = False,
    images: bool = True,
    terminal: bool = False,
    report: bool = True,
    **columns: Any,
) -> Run:
    """Train a model and write its run folder; a run that was stopped goes on, a finished one is loaded.

    >>> run = medgauge.fit(table="cases.csv", image="path", label="age", group="patient_id", out="runs/age")  # doctest: +SKIP

    Args:
        recipe: file, name of a recipe of medgauge's, mapping, or None for what suits the data.
        out: the run folder.
        changes: settings by dotted place ("training.steps": 500), over the recipe.
        test: read the test split at the end, and count that look.
        images: keep thumbnails for the report.
        terminal: show progress.
        report: write the page and what only it needs: thumbnails, and intervals of the figures in results.json.
        columns: settings of the recipe's data section, by name (table, image, label, group, covariates, split, folds, ...).

    Raises:
        InputError: for anything wrong in recipe, table, files or settings, before training.
    """
    wanted = make_recipe(recipe, {**column_changes(columns), **(changes or {})})
    folder = RunFolder(out)
    from medgauge.api.terminal import Display

    with torch.random.fork_rng(devices=[]), Display(terminal and os.environ.get("LOCAL_RANK", "0") == "0") as display:
        for line in foreign_code(wanted.objective):
            display.say(line)
        study = load_study(wanted, progress=display.images)
        for note in study.notes:
            display.say(note)
        if wanted.data.folds and wanted.data.fold is None:
            from medgauge.api.crossfit import fit_folds

            return fit_folds(study, folder, display, test=test, images=images, report=report)
        return fit_study(study, folder, display, test=test, images=images, report=report)


def fit_study(study: Study, folder: RunFolder, display: "Display", *, test: bool, images: bool, report: bool) -> Run:
    """What :func:`fit` does once the cases are read."""
    parts = build_parts(study)
    if not claim_folder(folder, run_stamp(study)):
        _train(folder, study, parts, display, test=test, images=images, report=report)
        return Run.load(folder.path)
    display.say(f"{folder.path} is finished; its results are loaded")
    run = Run.load(folder.path)
    if test and "test" not in run.results:
        run.look("test", images=images)
    elif report and not (folder / "report.html").exists():
        write_report(folder.path, images=images)
    return run


def column_changes(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the data section given by name, as changes by dotted place."""
    lists = ("label", "covariates", "subgroups")
    return {
        f"data.{name}": [value] if name in lists and isinstance(value, str) else value
        for name, value in columns.items()
    }


class Parts(NamedTuple):
    """What a study's recipe becomes before any training: all that can be wrong in it is found here."""

    model: Model
    objective: Objective
    coding: LabelScaling
    cases: CaseArrays
    schedule: Schedule


def build_parts(study: Study) -> Parts:
    """Build model, objective and plan; the model's weights and the scaling depend on seed and training split alone.

    Raises:
        InputError: a part cannot be built, or the batch does not fit the training split.
    """
    recipe, train = study.recipe, study.rows("train")
    shape = study.images.array.shape
    description = model_description(recipe, ndim=len(shape) - 2, channels=shape[1], targets=len(study.table.target))
    check_storable(description)
    model = build_seeded_model(description, recipe.seed)
    encoder = cast(Encoder, model.encoder)
    encoder.check_size(shape[2:])
    if recipe.data.covariates:
        model.neck.fit(torch.from_numpy(study.covariates[train]))  # type: ignore[operator]  # a neck with covariates
    if len(shape) == 4:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as torch documents it
    cases = make_cases(study.images, study.table.label, study.covariates, study.times, times_is_size=False)
    cases = replace(cases, weight=case_weights(study), region=case_regions(study))
    build_sampler(study)
    return Parts(model, build_objective(recipe), build_coding(study), cases, build_schedule(recipe, len(train)))


def run_stamp(study: Study) -> dict[str, Any]:
    """What makes a run the same run: every setting, the table's content, the version."""
    made = {"medgauge": __version__, "seed": study.recipe.seed, "table_sha256": study.table.digest}
    return {"made": made, **recipe_values(study.recipe)}


def claim_folder(folder: RunFolder, stamp: Mapping[str, Any]) -> bool:
    """Write recipe.yaml into a new folder, or compare it with the one there; True when that run is finished.

    Raises:
        InputError: the folder holds another run (all differences are listed), or something else.
    """
    path = folder / "recipe.yaml"
    if not path.exists():
        if folder.path.exists() and (not folder.path.is_dir() or foreign_files(folder, stamp)):
            raise InputError(f"{folder.path} exists and is no run folder of medgauge; give another --out")
        sweep_parts(folder.path)
        folder.write_text("recipe.yaml", yaml.safe_dump(dict(stamp), sort_keys=False, allow_unicode=True))
        return False
    try:
        there = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is damaged; give another --out") from error
    found = differences(there, stamp)
    if found:
        raise InputError(
            f"{folder.path} holds another run ({'; '.join(found)}); give another --out, or the same settings to go on"
        )
    sweep_parts(folder.path)
    return (folder / "results.json").exists()


def foreign_files(folder: RunFolder, stamp: Mapping[str, Any]) -> bool:
    """Whether a folder holds anything that the run is not made of; single folds may have been fitted before the whole."""
    own = {fold_name(fold) for fold in range(stamp["data"]["folds"])} if stamp["data"]["fold"] is None else set()
    return any(path.name not in own and not is_part(path) for path in folder.path.iterdir())


def differences(there: Any, here: Any, place: str = "") -> list[str]:
    """Settings in which two runs differ, in words.

    >>> differences({"seed": 1, "data": {"table": "a"}}, {"seed": 2, "data": {"table": "a"}})
    ['seed is 1 there and 2 here']
    """
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        keys = list(dict.fromkeys([*there, *here]))
        return [
            line
            for key in keys
            for line in differences(there.get(key), here.get(key), f"{place}.{key}" if place else str(key))
        ]
    plain = [list(value) if isinstance(value, tuple) else value for value in (there, here)]
    return [] if plain[0] == plain[1] else [f"{place} is {there} there and {here} here"]


def build_coding(study: Study) -> LabelScaling:
    """The label scaling, fitted on the training split."""
    rows = study.rows("train")
    times = None if study.times is None else torch.from_numpy(study.times[rows])
    coding = LabelScaling(study.recipe.data.label_scaling)
    coding.fit(torch.from_numpy(study.table.label[rows]), times, study.table.target)
    return coding


def _train(
    folder: RunFolder, study: Study, parts: Parts, display: "Display", *, test: bool, images: bool, report: bool
) -> None:
    """Set up Fabric, run the loop, and finish on the first process."""
    from lightning_fabric import Fabric

    recipe, model, coding = study.recipe, parts.model, parts.coding
    training, train = recipe.training, study.rows("train")
    fabric = Fabric(
        accelerator=training.accelerator,
        devices=training.devices,
        precision=training.precision,  # type: ignore[arg-type]  # Fabric's literal of names
        loggers=_loggers(folder, training.loggers),
    )
    fabric.launch()
    wrapped, optimiser = fabric.setup(model, build_optimiser([model, parts.objective], recipe.optimiser))
    sampler = build_sampler(study, rank=fabric.global_rank, world_size=fabric.world_size)
    trainer = Trainer(
        fabric=fabric,
        model=wrapped,
        objective=parts.objective.to(fabric.device),
        optimiser=optimiser,
        batch=lambda step: augmented_batch(parts.cases, study, sampler, train, step, fabric.device),
        coding=coding.to(fabric.device),
        schedule=parts.schedule,
        rates=recipe.optimiser,
        validate=lambda: validation_figures(wrapped, study, parts.cases, coding, fabric),
        keeper=folder,
        report=lambda progress: display.training(progress, parts.schedule),
    )
    outcome = trainer.fit()
    display.say(
        f"trained {outcome.step} steps in {outcome.elapsed:.0f} s (stopped by {outcome.stopped_because}); "
        f"best val MAE {outcome.best:.4g} at step {outcome.best_step}"
    )
    if fabric.is_global_zero:
        parts = parts._replace(model=model.to("cpu"), coding=coding.to("cpu"))
        finish_run(folder, study, parts, outcome, test=test, images=images, display=display, report=report)
    fabric.barrier()
    if not fabric.is_global_zero:
        raise SystemExit(0)


def augmented_batch(
    cases: CaseArrays, study: Study, sampler: Sampler, train: Sequence[int], step: int, device: torch.device
) -> Batch:
    """The local batch of a step; changes are drawn for the whole batch, so that several processes agree with one."""
    wanted, recipe = augment_settings(study.recipe), study.recipe
    batch = cases.batch([train[place] for place in sampler.batch(step)], device)
    if wanted.kinds():
        ndim = batch.image.ndim - 2
        drawn = draw(wanted, sampler.batch_size, ndim, generator(recipe.seed, "augmentation", step))
        sizes = recipe.augmentation.size_covariates
        columns = [place for place, name in enumerate(recipe.data.covariates) if name in sizes]
        mine = drawn.take(range(sampler.rank, sampler.batch_size, sampler.world_size))
        batch = augment_batch(batch, mine, size_columns=columns, times_is_size=recipe.data.label_times in sizes)
    if batch.image.ndim == 4:
        batch = replace(batch, image=batch.image.contiguous(memory_format=torch.channels_last))
    return batch


def _loggers(folder: RunFolder, names: Sequence[str]) -> list[Any]:
    """Fabric's loggers; log.csv is written beside them in any case."""
    if "tensorboard" not in names:
        return []
    try:
        from lightning_fabric.loggers.tensorboard import TensorBoardLogger

        return [TensorBoardLogger(root_dir=str(folder.path), name="tensorboard", version="")]
    except ModuleNotFoundError as error:
        raise InputError(
            "training.loggers asks for tensorboard, which is not installed: pip install 'medgauge[tensorboard]'"
        ) from error
