"""Short fits with labels as they are and divided by the size of a pixel, inside each training part."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.data.tables.folds import UNUSED
from medgauge.data.tables.splits import make_splits
from medgauge.fitting.parts import build_parts
from medgauge.fitting.represent import represent
from medgauge.fitting.train import build_trainer, tune
from medgauge.planning.candidates import Candidate
from medgauge.planning.cost import Forgetful
from medgauge.planning.judge import Judge
from medgauge.planning.outcomes import gain
from medgauge.recipes.schema import Recipe
from medgauge.study import Study, load_study
from medgauge.study.embedding import embed
from medgauge.study.folds import fold_study
from medgauge.training.divergence import Diverged
from medgauge.training.loop import Stopped, Validation

INNER = {"train": 0.8, "val": 0.2}
"""Of the training cases of a single partition, whose validation cases judge the candidates."""


def by_short_fits(candidate: Candidate, given: Mapping[str, Any], judge: Judge, display: Display) -> Candidate:
    """The candidate with what its short fits told in ``short``: labels are divided where that is better in every training part.

    In each part two fits have the same seed and steps; the validation cases of that part, which its fold's own cases are not,
    judge them in original units. Better is by more than one standard error; the first part that is not ends it.

    Args:
        candidate: that has short fits.
        given: settings by dotted place, as given.
        judge: of the development cases.
        display: progress and lines.
    """
    short = candidate.short or {}
    column, steps = str(short["column"]), int(short["steps"])
    divided = replace(candidate, changes={**candidate.changes, "data.label_times": column})
    display.say(f"{candidate.name}: short fits of {steps} steps tell whether labels are divided by {column}")

    def answered(answer: bool, said: str) -> Candidate:
        why = f"{said} (short fits of {steps} steps, since the quick run tells nothing)"
        display.say(f"{candidate.name}: {why}")
        return replace(candidate, short={**short, "divided": answer, "why": why})

    for part in range(max(1, judge.folds)):
        found = []
        try:
            for one in (candidate, divided):
                study = _part(one.recipe(given), part, display)
                found.append(validation_errors(study, steps, judge, display))
        except Stopped as error:
            raise Stopped(f"stopped in a short fit of {candidate.name}; the same command makes it again") from error
        except (InputError, Diverged) as error:
            return answered(False, f"its labels are not divided by {column}: {error}")
        rows = study.rows("val")
        better, spread = gain(found[1], found[0], [study.table.group[row] for row in rows])
        if not better > spread > 0:
            return answered(
                False, f"its labels are not divided by {column}, which is not more than a standard error better"
            )
    return answered(True, f"its labels are divided by {column}, which is more than a standard error better")


def validation_errors(study: Study, steps: int, judge: Judge, display: Display) -> Float[Tensor, " m"]:
    """Error of each validation case after so many steps, of which nothing is kept; in original units, as ``Judge`` has them.

    Args:
        study: of one fit.
        steps: of training.
        judge: gives the unit of several targets.
        display: told nothing of these steps.
    """
    from lightning_fabric import Fabric  # here: the import takes as long as torch's

    parts = represent(build_parts(study), study, display)
    training = study.recipe.training
    fabric = Fabric(accelerator=training.accelerator, devices=1, precision=training.precision)
    fabric.launch()
    trainer = build_trainer(study, parts, fabric, Forgetful(), Display(False))
    trainer.validate = lambda: Validation(1.0, {})
    trainer.schedule = replace(trainer.schedule, steps=steps, evaluations=1, seconds=0.0)
    trainer.fit()
    gallery, cases = (
        embed(trainer.model, parts.arrays, study.table, study.rows(split), fabric, recipe=study.recipe)
        for split in ("train", "val")
    )
    error = torch.full((len(cases), len(judge.targets)), torch.nan, dtype=torch.float64)
    for one in tune(parts.tasks, gallery.observed(), cases, study.recipe.prediction.predictor):
        part = parts.tasks.places[one.task.name]
        own = cases.of(part, divides=one.task.coding.divides)
        error[:, part.columns] = one.task.error(one.read(own)[0].value.double().cpu(), own.label.double().cpu())
    return (error / torch.tensor(judge.scale, dtype=torch.float64)).nanmean(1)


def _part(recipe: Recipe, fold: int, display: Display) -> Study:
    """The study of one training part, with validation cases of its own."""
    study = load_study(recipe, progress=display.images)
    if recipe.data.folds:
        return fold_study(study, fold)
    rows = study.rows("train")
    inner = make_splits(
        [study.table.group[row] for row in rows], study.table.label[rows], shares=INNER, seed=recipe.seed
    )
    split = [UNUSED] * len(study.splits)
    for row, name in zip(rows, inner, strict=True):
        split[row] = name
    return replace(study, splits=split)
