"""After training: embed all splits, tune and calibrate the readers, score, and write the rest of the run folder."""

import resource
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from medgauge.core.batch import Cases
from medgauge.core.display import Display
from medgauge.core.errors import InputError, said_as
from medgauge.core.threads import few_threads
from medgauge.data.features.about import about_notes
from medgauge.data.tables.classes import spread_labels
from medgauge.data.tables.splits import SPLITS
from medgauge.evaluation.side_by_side import side_by_side_notes
from medgauge.fitting.parts import Parts
from medgauge.fitting.train import tune
from medgauge.inference.reader import Reader, know_head
from medgauge.runfolder import RunFolder
from medgauge.runfolder.looks import begin_look, counted_looks
from medgauge.runfolder.seal import LOOKED, MODEL, PAGE, rewriting
from medgauge.runfolder.tensors import not_finite
from medgauge.runs import files
from medgauge.runs.fitted import task_cases
from medgauge.runs.outputs import Outputs
from medgauge.runs.score import Scorer
from medgauge.study import Study
from medgauge.study.counts import case_counts
from medgauge.study.embedding import embed
from medgauge.study.representation import source_notes
from medgauge.study.seen import seen_images
from medgauge.training.progress import Progress, best_weights


def finish(
    folder: RunFolder,
    study: Study,
    parts: Parts,
    trained: Parts,
    outcome: Progress,
    outputs: Outputs,
    display: Display,
) -> list[str]:
    """Write everything that comes after training; results.json makes the run whole, and the seal tells it whole later.

    A test split that was looked at before, or that a killed command began to look at, is read again, and that look is
    not counted twice.

    Returns:
        What the embedded cases give reason to doubt, in sentences.
    """
    weights, best_step = best_weights(folder, outcome)
    if weights is not None:
        with said_as("the checkpoint best.ckpt is of another run", "remove the run folder and fit again"):
            trained.model.load_state_dict(weights)
    display.say("reading all splits")
    collected = {
        split: embed(trained.model, trained.arrays, study.table, study.rows(split), recipe=study.recipe)
        for split in SPLITS
        if study.rows(split)
    }
    for cases in collected.values():
        wrong = not_finite(cases.embedding)
        if wrong:
            raise InputError(
                f"the weights of step {best_step} cannot be used (embedding of {len(cases)} images {wrong}); "
                "remove the run folder and fit again"
            )
    training = {"steps": outcome.step, "best_step": best_step, "stopped_because": outcome.stopped_because}
    with few_threads(len(study.table)):
        return write_run(folder, study, parts, collected, {"training": training, "seconds": outcome.elapsed}, outputs)


def write_run(
    folder: RunFolder,
    study: Study,
    parts: Parts,
    collected: dict[str, Cases],
    training: Mapping[str, object],
    outputs: Outputs,
) -> list[str]:
    """Write everything that rests on the embedded cases of all splits.

    Args:
        folder: of the run.
        study: its cases.
        parts: with the weights of the best checkpoint.
        collected: the embedded cases of each split.
        training: what results.json holds of it.
        outputs: what to write.

    Returns:
        What the embedded cases give reason to doubt, in sentences.
    """
    gallery_rows = files.labelled(study, study.rows("train"))
    readers = read_tasks(study, parts, collected)
    notes = space_notes(study, collected)
    with rewriting(folder, (*MODEL, *LOOKED, *PAGE)):
        files.write_model(folder, parts.model, parts.tasks)
        files.write_cases(folder, study, collected, gallery_rows)
        train, validation = files.known_of(study, gallery_rows), files.known_of(study, study.rows("val"))
        files.write_readers(folder, readers, train, validation)
        results: dict[str, object] = {
            "cases": case_counts(study),
            "images": seen_images(study.images, study.rows("train")),
            "notes": [*_source_notes(study), *parts.notes, *notes],
            "looks": {"test": 0},
            **training,
            "peak_memory_mb": peak_memory(),
        }
        looks = counted_looks(folder, results)
        test = outputs.test or looks > 0
        if test:
            results["looks"] = {"test": looks or begin_look(folder, results)}
        splits = [split for split in SPLITS if split != "test" or test]
        Scorer(folder, study, parts.tasks, readers, collected, gallery_rows).write(splits, results, outputs)
    return notes


def _source_notes(study: Study) -> list[str]:
    """Where cases that are judged had a part in the training of the encoder, or of what made the features of a file."""
    wanted = study.recipe.represent
    if wanted.is_table:
        return [note for place in wanted.sources for note in about_notes(Path(place))]
    return source_notes(study.recipe, study.images.digests, study.table, study.splits)


def space_notes(study: Study, collected: Mapping[str, Cases]) -> list[str]:
    """What the embedded cases of all splits give reason to doubt."""
    table = study.table
    rows = [row for split in collected for row in study.rows(split)]
    fitted = np.concatenate([np.full(len(cases), split == "train") for split, cases in collected.items()])
    known = [spread_labels(table.label, table.target, table.classes), table.covariates]
    if study.divisor is not None:
        known.append(table.label / study.divisor[:, None])
    embedding = torch.cat([cases.embedding for cases in collected.values()])
    values, group = np.concatenate(known, axis=1)[rows], [table.group[row] for row in rows]
    return side_by_side_notes(embedding.cpu(), values, group, rows, fitted)


def read_tasks(study: Study, parts: Parts, collected: dict[str, Cases]) -> list[Reader]:
    """One reader a task: tuned on val, calibrated on cases that selected nothing."""
    recipe, tasks = study.recipe, parts.tasks
    tuned = tune(tasks, collected["train"].observed(), collected.get("val"), recipe.prediction.predictor)
    calibration = collected.get("calibration")
    own = [None] * len(tasks) if calibration is None else task_cases(tasks, calibration)
    readers = [
        Reader.fit(one, cases, recipe.prediction, seed=recipe.seed) for one, cases in zip(tuned, own, strict=True)
    ]
    know_head(readers, parts.model.head)
    return readers


def peak_memory() -> float:
    """Of this process so far, in MB."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 1024)
