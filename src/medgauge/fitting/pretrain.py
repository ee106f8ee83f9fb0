"""Pretrain: an encoder from images without labels, in a folder that ``fit`` and ``embed`` take it from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from medgauge.core.cells import csv_text
from medgauge.core.display import Display
from medgauge.core.errors import InputError, check_switches
from medgauge.core.version import __version__
from medgauge.data.cases import CaseArrays, make_cases
from medgauge.fitting.pretrain_cases import PretrainCases, load_cases
from medgauge.fitting.pretrain_parts import PretrainParts, build_parts
from medgauge.fitting.pretrain_views import write_views
from medgauge.fitting.stamp import make_recipe, placed_settings, run_stamp
from medgauge.fitting.train import first_process
from medgauge.functional.feature_correlations import feature_correlations
from medgauge.models import Model
from medgauge.models.standardised import StandardisedNeck
from medgauge.recipes.doors import door
from medgauge.recipes.mistakes import foreign_code
from medgauge.recipes.pretraining import check_pretraining, method_objective
from medgauge.recipes.read import load_values, override
from medgauge.report.pretraining import write_pretraining_page
from medgauge.runfolder import RunFolder
from medgauge.runfolder.claim import claim_folder
from medgauge.runfolder.folder import PRETRAINED
from medgauge.runfolder.lock import held
from medgauge.runfolder.opening import said_of_pretraining
from medgauge.runfolder.seal import CORRELATIONS, seal
from medgauge.runfolder.whole import refuse_damaged
from medgauge.runs.tables import write_problems
from medgauge.study.changes import changed_cases
from medgauge.training.loop import Trainer, Validation
from medgauge.training.plan import build_optimiser
from medgauge.training.progress import Keeper, Progress

if TYPE_CHECKING:
    from lightning_fabric import Fabric

COLLAPSED = 0.1
"""Spread of outputs below which they are said to collapse."""


@door
def pretrain(
    recipe: str | Path | Mapping[str, Any] = "siamese",
    *,
    out: str | Path,
    table: str | Path | None = None,
    image: str | None = None,
    group: str | None = None,
    id: str | None = None,
    changes: Mapping[str, Any] | None = None,
    images: bool = True,
    terminal: bool = False,
    **columns: object,
) -> dict[str, Any]:
    """Train an encoder on images without labels and write its folder; one that was stopped goes on.

    >>> medgauge.pretrain("siamese_re", table="cases.csv", image="path", out="runs/ssl")  # doctest: +SKIP

    Args:
        recipe: file, name of a recipe of medgauge's, or mapping.
        out: the folder; ``fit`` takes it by ``represent: {name: run, source: OUT}``, ``embed`` as a run.
        table: CSV or Parquet file, or bundled:hc18; it needs no labels.
        image: column of image files.
        group: column of what may not be on both sides of a split.
        id: column of case ids.
        changes: settings by dotted place ("training.steps": 500), over the recipe.
        images: keep small pictures of two views of a few cases, which the page shows.
        terminal: show progress and notes.
        columns: further settings of the recipe's data section, by name (label, split, array, index, ...).

    Returns:
        What pretraining.json holds: cases, steps, spread of the outputs, notes.

    Raises:
        InputError: for anything wrong in recipe, table, files or settings, before training.
    """
    check_switches(terminal=terminal, images=images)
    given = {"table": table, "image": image, "group": group, "id": id}
    named = {name: value for name, value in given.items() if value is not None} | columns
    placed = placed_settings(named, {} if changes is None else changes)
    values = dict(recipe) if isinstance(recipe, Mapping) else load_values(recipe)
    values["objective"] = method_objective(override(values, placed))
    wanted = make_recipe(values, named, changes, pretraining=True)
    check_pretraining(wanted)
    folder = RunFolder(out)
    with torch.random.fork_rng(devices=[]), Display(terminal and first_process()) as display:
        for line in foreign_code(wanted.objective):
            display.say(line)
        cases = load_cases(wanted, progress=display.images)
        for note in cases.notes:
            display.say(note)
        with said_of_pretraining():
            return _pretrain(cases, folder, display, images=images)


def _pretrain(cases: PretrainCases, folder: RunFolder, display: Display, *, images: bool) -> dict[str, Any]:
    """Train what is missing of a pretraining, and write its files."""
    study, first = cases.study, first_process()
    arrays = make_cases(study.images, study.table.label, None, None)
    parts = build_parts(cases, arrays)
    with held(folder.path, wanted=first, say=display.say):
        if first:
            _begin(folder, cases, display)
            for note in parts.notes:
                display.say(note)
        if folder.has(PRETRAINED[-1]):
            refuse_damaged(folder, PRETRAINED)
            display.say(f"{folder.path} is finished; give another --out for another pretraining")
            return folder.read_json(PRETRAINED[-1])
        outcome, fabric = _train(folder, cases, parts, display)
        if fabric.is_global_zero:
            if images:
                write_views(folder, cases, parts)
            _write(folder, cases, parts, arrays, outcome, display)
        fabric.barrier()
    return folder.read_json(PRETRAINED[-1])


def _begin(folder: RunFolder, cases: PretrainCases, display: Display) -> None:
    """Claim the folder, and write its cases down or compare them.

    Raises:
        InputError: it is another run's, or an image has changed since it was begun.
    """
    study = cases.study
    for line in claim_folder(folder, run_stamp(study)):
        display.say(line)
    if folder.has("splits.csv"):
        changes = changed_cases(folder.read_table("splits.csv"), study)
        if changes:
            raise InputError(f"{changes} since {folder.path} was begun; put it back as it was, or give another --out")
        return
    taken = set(cases.rows)
    used = ["1" if row in taken else "0" for row in range(len(study.table))]
    columns = [study.table.id, study.table.group, study.splits, used, study.images.digests]
    write_problems(folder, study)
    folder.write_text(
        "splits.csv", csv_text(["id", "group", "split", "pretrained", "picture"], zip(*columns, strict=True))
    )
    seal(folder, ["splits.csv"])


def _train(
    folder: RunFolder, cases: PretrainCases, parts: PretrainParts, display: Display
) -> tuple[Progress, "Fabric"]:
    """Train from the last checkpoint to the end."""
    from lightning_fabric import Fabric

    training = cases.study.recipe.training
    fabric = Fabric(accelerator=training.accelerator, devices=training.devices, precision=training.precision)
    fabric.launch()
    trainer = build_trainer(cases, parts, fabric, folder, display)
    outcome = trainer.fit()
    display.say(f"trained {outcome.step} steps in {outcome.elapsed:.0f} s (stopped by {outcome.stopped_because})")
    parts.model.to("cpu")
    return outcome, fabric


def build_trainer(
    cases: PretrainCases, parts: PretrainParts, fabric: "Fabric", keeper: Keeper, display: Display
) -> Trainer:
    """The loop of a pretraining, ready to begin or to go on."""
    recipe, schedule = cases.study.recipe, parts.schedule
    if fabric.device.type == "cpu" and cases.study.images.array.ndim == 5:
        parts.model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # as torch documents it
    slow = parts.model.encoder if recipe.represent.is_tuned else None
    wrapped, optimiser = fabric.setup(
        parts.model,
        build_optimiser(
            [parts.model, parts.objective], recipe.optimiser, slow=slow, fused=recipe.training.precision != "16-mixed"
        ),
    )
    batches = parts.batches(rank=fabric.global_rank, world_size=fabric.world_size, device=fabric.device)
    said: list[str] = []

    def show(progress: Progress) -> None:
        display.training(progress.step / schedule.steps, f"step {progress.step}")
        warned = [] if said else collapse_notes(progress.rows)
        for note in warned:
            display.say(note)
        said.extend(warned)

    return Trainer(
        fabric=fabric,
        model=wrapped,
        objective=parts.objective.to(fabric.device),
        optimiser=optimiser,
        batch=batches,
        coding=parts.coding,
        schedule=schedule,
        parts=(lambda step: batches.parts(step, recipe.training.micro_batch)) if parts.is_split else None,
        rates=recipe.optimiser,
        validate=lambda: Validation(0.0, {}),  # no case is judged
        keeper=keeper,
        report=show,
    )


def collapse_notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A note where outputs collapsed, at the first such row of the log.

    >>> collapse_notes([{"step": 5, "spread": 0.8, "spread_predicted": 0.02}])[0][:49]
    'the outputs collapsed: spread_predicted is 0.02 a'
    """
    for row in rows:
        low = [name for name in ("spread", "spread_predicted") if row.get(name, 1.0) < COLLAPSED]
        if low:
            return [
                f"the outputs collapsed: {low[0]} is {row[low[0]]:.2g} at step {row['step']} (1 = directions spread over all outputs, 0 = "
                "one direction for all images), so that features tell little; try a lower optimiser.learning_rate, a larger "
                "training.batch_size or pretraining.method vicreg"
            ]
    return []


def emptied_notes(rows: Sequence[Mapping[str, Any]], clusters: int) -> list[str]:
    """A note where clusters were empty."""
    held = [row for row in rows if row.get(f"cluster_{clusters}", 1.0) == 0]
    if not held:
        return []
    return [
        f"of {clusters} clusters some were empty up to step {held[-1]['step']}: too many images of a step had equal features; what "
        "is empty counts for nothing (fewer pretraining.clusters have none)"
    ]


def _write(
    folder: RunFolder,
    cases: PretrainCases,
    parts: PretrainParts,
    arrays: CaseArrays,
    outcome: Progress,
    display: Display,
) -> None:
    """Write the encoder, with the mean and spread of its features over the cases it was trained on, and what it is."""
    recipe, encoder = cases.study.recipe, parts.model.encoder.eval()
    features = torch.cat(
        [parts.model.represent(arrays.batch(cases.rows[at : at + 64]).image) for at in range(0, len(cases.rows), 64)]
    )
    model = Model(encoder, StandardisedNeck(encoder.features, 0).fit_features(features), None)
    notes = [
        cases.notes[-1],
        *parts.notes,
        *collapse_notes(outcome.rows),
        *emptied_notes(outcome.rows, recipe.pretraining.clusters),
    ]
    for note in notes[1 + len(parts.notes) :]:
        display.say(note)
    folder.write_tensors("model.safetensors", {f"model.{name}": one for name, one in model.state_dict().items()})
    folder.write_json(
        "model.json", {"medgauge": __version__, "model": model.describe() | {"targets": 0}, "targets": []}
    )
    last = outcome.rows[-1] if outcome.rows else {}
    told = {
        "medgauge": __version__,
        "method": recipe.pretraining.method,
        "selection": recipe.pretraining.selection,
        "scope": recipe.pretraining.scope,
        "cases": len(cases.rows),
        "of": len(cases.study.table),
        "steps": outcome.step,
        "stopped_because": outcome.stopped_because,
        "seconds": outcome.elapsed,
        "spread": {name: last[name] for name in ("spread", "spread_predicted") if name in last},
        "notes": notes,
    }
    if len(features) > 2:
        found = feature_correlations(features)
        folder.write_tensors(CORRELATIONS, {"matrix": found.matrix})
        told["correlations"] = {"features": features.shape[1], "constant": found.constant, "mean": found.mean}
        seal(folder, [CORRELATIONS])
    folder.write_json(PRETRAINED[-1], told)
    seal(folder, PRETRAINED)
    write_pretraining_page(folder.path)
