"""Trains the encoder of a run: sets up Fabric and runs the loop."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from medgauge.core.batch import Batch, Cases
from medgauge.core.display import Display
from medgauge.fitting.ended import read_end, write_end, write_log
from medgauge.fitting.parts import Parts
from medgauge.fitting.sampling import augmented_batch, build_sampler, micro_batches
from medgauge.inference.tuned import Tuned
from medgauge.runfolder import RunFolder
from medgauge.study import Study
from medgauge.study.embedding import embed
from medgauge.tasks import Tasks
from medgauge.training.averaging import AveragedWeights
from medgauge.training.collect import bare
from medgauge.training.loop import Trainer, Validation
from medgauge.training.plan import build_optimiser
from medgauge.training.progress import Keeper, Progress

if TYPE_CHECKING:
    from lightning_fabric import Fabric  # here: the import takes as long as torch's, and a frozen run needs none


def train(folder: RunFolder, study: Study, parts: Parts, display: Display) -> "tuple[Progress, Fabric | None]":
    """Train the model of ``parts`` in place, unless that has ended, and on the first process move it to the CPU.

    Returns:
        How it went, and the processes that took part; None where there was nothing to train.
    """
    if parts.objective is None:
        return Progress(stopped_because="nothing to train"), None
    from lightning_fabric import Fabric

    training = study.recipe.training
    fabric = Fabric(
        accelerator=training.accelerator,
        devices=training.devices,
        precision=training.precision,
        loggers=_loggers(folder, training.loggers),
    )
    fabric.launch()
    ended = read_end(folder)
    if ended is not None:
        if fabric.is_global_zero:
            write_log(folder, ended)
        return ended, fabric
    if folder.has("checkpoints/best.ckpt") and not folder.has("checkpoints/last.ckpt"):
        display.say(f"{folder.path} has no last.ckpt to go on from; training begins anew")
    trainer = build_trainer(study, parts, fabric, folder, display)
    outcome = trainer.fit()
    display.say(
        f"trained {outcome.step} steps in {outcome.elapsed:.0f} s (stopped by {outcome.stopped_because}); best validation "
        f"score {outcome.best:.3g} at step {outcome.best_step} (0 is perfect, 1 the constant baseline)"
    )
    if fabric.is_global_zero:
        write_end(folder, outcome)
        parts.model.to("cpu")
        parts.tasks.coding.to("cpu")
    return outcome, fabric


def build_trainer(study: Study, parts: Parts, fabric: "Fabric", keeper: Keeper, display: Display) -> Trainer:
    """The loop of a run, ready to begin or to go on.

    Raises:
        ValueError: there is nothing to train.
    """
    if parts.objective is None:
        raise ValueError("a recipe without terms trains nothing")
    recipe, training, objective = study.recipe, study.recipe.training, parts.objective
    slow = parts.model.encoder if recipe.represent.is_tuned else None
    wrapped, optimiser = fabric.setup(
        parts.model,
        build_optimiser([parts.model, objective], recipe.optimiser, slow=slow, fused=training.precision != "16-mixed"),
    )
    sampler, rows = build_sampler(study, rank=fabric.global_rank, world_size=fabric.world_size), study.rows("train")
    coding = parts.tasks.coding.to(fabric.device)

    def show(progress: Progress) -> None:
        by_time = progress.elapsed / parts.schedule.seconds if parts.schedule.seconds else 0.0
        best = f"best validation score {progress.best:.3g}" if progress.evaluated else ""
        display.training(max(progress.step / parts.schedule.steps, by_time), f"step {progress.step} {best}")

    def micro(step: int) -> Sequence[Callable[[], Batch]]:
        return micro_batches(parts.arrays, study, sampler, rows, step, fabric.device, coding)

    return Trainer(
        fabric=fabric,
        model=wrapped,
        objective=objective.to(fabric.device),
        optimiser=optimiser,
        batch=lambda step: augmented_batch(parts.arrays, study, sampler, rows, step, fabric.device, coding),
        coding=coding,
        schedule=parts.schedule,
        rates=recipe.optimiser,
        validate=lambda: validate(wrapped, study, parts, fabric),
        keeper=keeper,
        report=show,
        parts=micro if training.micro_batch else None,
        average=AveragedWeights(bare(wrapped)) if training.ema else None,
    )


def validate(model: nn.Module, study: Study, parts: Parts, fabric: "Fabric") -> Validation:
    """What selects the checkpoint: the score of the predictors of record, and the errors of each to be logged."""
    both = {
        split: embed(model, parts.arrays, study.table, study.rows(split), fabric, recipe=study.recipe)
        for split in ("train", "val")
    }
    return validation_of(tune(parts.tasks, both["train"].observed(), both["val"], study.recipe.prediction.predictor))


def tune(tasks: Tasks, gallery: Cases, validation: Cases | None, record: str) -> list[Tuned]:
    """The predictors of each task, tuned on validation cases; without any on the gallery, each case's group left out."""
    found = []
    for task in tasks:
        part, divides = tasks.places[task.name], task.coding.divides
        own = gallery.of(part, divides=divides)
        val = own if validation is None else validation.of(part, divides=divides)
        found.append(Tuned.fit(task, own, val, record=record))
    return found


def validation_of(tuned: Sequence[Tuned]) -> Validation:
    """The score of a run, and its columns of the log.

    With one target: the error of record, of each predictor, and what was tuned. With several: the score, and the same
    for each target.
    """
    score = sum(one.score for one in tuned) / len(tuned)
    single = len(tuned) == 1 and len(tuned[0].task.columns) == 1
    figures: dict[str, float] = {} if single else {"val_score": score}
    for one in tuned:
        main = next(iter(one.task.figures))
        for place, target in enumerate(one.task.columns):
            after = "" if single else f"_{target}"
            errors = {name: float(by.validation[place]) for name, by in one.predictors.items()}
            figures[f"val_{main}{after}"] = errors[one.records[place]]
            figures |= {f"val_{main}_{name}{after}": error for name, error in errors.items()}
        before = "val_" if len(tuned) == 1 else f"val_{one.task.name}_"
        figures |= {f"{before}{name}": number for by in one.predictors.values() for name, number in by.tuned.items()}
    return Validation(score, figures)


def first_process() -> bool:
    """Whether this is the process that speaks, before Fabric is set up."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def _loggers(folder: RunFolder, names: Sequence[str]) -> list[Any]:
    """Fabric's loggers; log.csv is written beside them in any case."""
    if "tensorboard" not in names:
        return []
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger

    return [TensorBoardLogger(root_dir=str(folder.path), name="tensorboard", version="")]
