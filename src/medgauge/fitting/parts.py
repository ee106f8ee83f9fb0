"""What a study's recipe becomes before any training: all that can be wrong in it is found here."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, cast

import torch
from torch import Tensor

from medgauge import losses
from medgauge.core.errors import InputError
from medgauge.data.cases import CaseArrays, make_cases
from medgauge.fitting.mixing import check_mixup
from medgauge.fitting.sampling import StepCases, build_sampler, case_regions, case_weights, weighting_notes
from medgauge.fitting.trial import check_devices, check_norms, tried_cases, try_batch
from medgauge.inference.tuned import AUTO, NEIGHBOURS, REGRESSION
from medgauge.models import Encoder, Model
from medgauge.models.description import check_storable
from medgauge.models.standardised import StandardisedNeck
from medgauge.models.table_columns import TableColumns
from medgauge.recipes.build import (
    build_objective,
    build_schedule,
    build_seeded_model,
    build_tasks,
    model_description,
)
from medgauge.recipes.entries import read_entries
from medgauge.recipes.schema import Recipe
from medgauge.study import Study
from medgauge.study.representation import stage_notes
from medgauge.study.source_run import load_encoder, read_source
from medgauge.tasks import Tasks
from medgauge.training.loop import Schedule
from medgauge.training.objective import Objective
from medgauge.training.settings import OptimiserSettings

OF_ONE_CASE = {
    "AsymmetricLoss",
    "BinaryCrossEntropyLoss",
    "DistributionLoss",
    "DualWeightedMetricLoss",
    "FocalLoss",
    "LDAMLoss",
    "LabelRankingLoss",
    "OrdinalRegressionLoss",
    "PointwiseLoss",
}
"""Losses of ours that judge each case by itself; the others compare the cases of a batch."""
SMALL_BATCH = (
    16  # cases of a batch, below which, as with parts of one, a tuned encoder keeps the statistics of its pretraining
)


class Parts(NamedTuple):
    """Model, objective and plan, with the tasks fitted on the training labels and the cases as arrays.

    Where nothing is trained there is no objective. ``notes`` tells what the training labels give reason to doubt of the head,
    and what weights leave of their number.
    """

    model: Model
    objective: Objective | None
    tasks: Tasks
    arrays: CaseArrays
    schedule: Schedule
    notes: list[str]


def build_parts(study: Study) -> Parts:
    """Build all parts; the model's weights and the scaling depend on seed and training split alone.

    Raises:
        InputError: a part cannot be built, the batch does not fit the training split, or the first one cannot be trained on.
    """
    check_devices(study.recipe.training)
    recipe, train = study.recipe, study.rows("train")
    shape, tasks = study.images.array.shape, fit_tasks(study)
    _check_predictor(recipe, tasks)
    _check_correction(study)
    label = tasks.coding.encode(*training_labels(study))
    description = model_description(recipe, ndim=len(shape) - 2, channels=shape[1], label=label, columns=study.columns)
    model = build_seeded_model(description, tasks, recipe.seed)
    check_storable(model.describe() | {"targets": len(tasks.targets)})
    encoder = cast(Encoder, model.encoder)
    if recipe.represent.is_run:
        load_encoder(encoder, read_source(recipe.represent.sources[0]).folder)
    encoder.check_size(shape[2:])
    few = _batch(recipe) < SMALL_BATCH or recipe.training.is_split
    encoder.keeps_statistics = recipe.represent.is_tuned and few
    if recipe.data.covariates and recipe.model.neck != "standardised":
        model.neck.fit(torch.from_numpy(study.covariates[train]))  # type: ignore[operator]  # a neck with covariates
    if len(shape) == 4:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as torch documents it
    arrays = make_cases(study.images, study.table.label, study.covariates, study.divisor)
    weight = case_weights(study) if recipe.training.steps else None
    arrays = replace(arrays, weight=weight, region=case_regions(study, tasks))
    if recipe.represent.is_table:
        _fit_columns(model, arrays, train)
    notes, schedule = tasks.notes(*training_labels(study)), build_schedule(recipe, len(train))
    notes += stage_notes(recipe, encoder)
    if not schedule.steps:
        return Parts(model, None, tasks, arrays, schedule, notes)
    objective, sampler = build_objective(recipe, tasks), build_sampler(study, world_size=recipe.training.devices)
    objective.fit_labels(label)
    check_mixup(recipe, tasks, objective)
    check_norms(model, recipe)
    first = StepCases(arrays, study, sampler, train, 0, torch.device("cpu"), tasks.coding)
    try_batch(model, objective, tasks.coding, first.part(range(min(tried_cases(recipe.training), len(first)))))
    _check_pairs(recipe)
    notes += unreached_notes(recipe, schedule)
    notes += weighting_notes(study, arrays.weight, sampler)
    if arrays.weight is not None and "weight" not in objective.needs:
        notes.append(f"weights.scheme {recipe.weights.scheme} has no effect: no term of the objective takes weights")
    return Parts(model, objective, tasks, arrays, schedule, notes)


def _fit_columns(model: Model, arrays: CaseArrays, train: Sequence[int]) -> None:
    """Standardise features of a table by the training cases: in the neck where that does it, else before it."""
    batch = arrays.batch(train)
    if isinstance(model.neck, StandardisedNeck):
        model.neck.fit_features(batch.image, batch.covariates)
        return
    network = cast(Encoder, model.encoder).network
    cast(TableColumns, network).fit_features(batch.image)


def _check_pairs(recipe: Recipe) -> None:
    """Raise InputError where a batch is of one case and a term is over pairs: it would be 0 in every step."""
    if _batch(recipe) > 1:
        return
    alone = [
        f"objective.{name} ({entry.class_path})"
        for name, entry in read_entries(recipe.objective).items()
        if entry.class_path.removeprefix("medgauge.losses.") in set(losses.__all__) - OF_ONE_CASE
    ]
    if alone:
        raise InputError(
            f"{' and '.join(alone)} {'compares' if len(alone) == 1 else 'compare'} cases with one another, and "
            "training.batch_size leaves one case a batch; give 2 or more"
        )


def _check_correction(study: Study) -> None:
    """Raise InputError where a correction is asked for and there are no cases to fit it on."""
    recipe = study.recipe
    if recipe.prediction.correction != "none" and not recipe.data.folds and not study.rows("calibration"):
        raise InputError(
            f"prediction.correction {recipe.prediction.correction} is fitted on calibration cases, and there are none; give "
            "calibration a share (data.shares) or folds (data.folds), or leave the correction out"
        )


def unreached_notes(recipe: Recipe, schedule: Schedule) -> list[str]:
    """What a run is too short for, of what a recipe says."""
    found, passes = [], math.ceil(schedule.steps / schedule.epoch)
    warmup, first = recipe.optimiser.warmup, recipe.model.smoothing.start_epoch
    if warmup >= schedule.steps and warmup != OptimiserSettings().warmup:
        found.append(
            f"optimiser.warmup {warmup} is not over after {schedule.steps} steps, so the learning rate stays below its peak; give "
            "fewer"
        )
    if recipe.model.neck == "feature_smoothing" and first >= passes:
        found.append(
            f"model.smoothing.start_epoch {first} is not reached in {passes} passes over the training cases, so nothing is "
            "smoothed; give an earlier one, or more training.steps"
        )
    return found


def _check_predictor(recipe: Recipe, tasks: Tasks) -> None:
    """Raise InputError for a predictor of record that a kind of label does not have."""
    asked = recipe.prediction.predictor
    others = {
        "kernel": ", or read it as a number (without --kind)",
        "ridge": ", or read it as a number (without --kind)",
        "svm": ", or read it as a grade, a class or a finding (--kind COLUMN=grade)",
        "prototypes": ", or give model.head prototypes",
        "logistic": ", or read it as a grade (--kind COLUMN=grade)",
    }
    for task in tasks:
        known = [NEIGHBOURS, *task.predictors()]
        if asked not in (AUTO, REGRESSION, *known):
            raise InputError(
                f"prediction.predictor {asked} does not read {task.columns[0]}, a {task.name}; give auto or {' or '.join(known)}"
                + others.get(asked, "")
            )


def _batch(recipe: Recipe) -> int:
    """Cases a step; decided by now."""
    size = recipe.training.batch_size
    return SMALL_BATCH if size == "auto" else size // recipe.training.devices


def fit_tasks(study: Study) -> Tasks:
    """The tasks, fitted on the training split."""
    return build_tasks(study.recipe).fit(*training_labels(study))


def training_labels(study: Study) -> tuple[Tensor, Tensor | None]:
    """Labels (n, t) of the training split, and what they are divided by before scaling (n,), if by anything."""
    rows = study.rows("train")
    divisor = None if study.divisor is None else torch.from_numpy(study.divisor[rows])
    return torch.from_numpy(study.table.label[rows]), divisor
