"""Fits every fold, pools what each fit says of the cases that it left out, and keeps that as a run of its own."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import stdev
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from medgauge.api.drawing import build_sampler, case_weights
from medgauge.api.elsewhere import baselines_of, score_table, space
from medgauge.api.ensemble import OUT_OF_FOLD, Ensemble, PooledReader, fold_of_cases
from medgauge.api.finish import case_counts, gather_cases, write_problems, write_thumbnails
from medgauge.api.fitting import build_parts, claim_folder, fit_study, run_stamp
from medgauge.api.merging import LeftOut
from medgauge.api.results import FIGURES, mean_space
from medgauge.api.run import Run
from medgauge.api.scoring import Scored, write_predictions
from medgauge.api.splitting import fold_study
from medgauge.api.study import Study
from medgauge.api.tables import cell
from medgauge.core.batch import Gallery
from medgauge.core.errors import InputError
from medgauge.data.cases import make_cases
from medgauge.data.folds import fold_name
from medgauge.data.table import Table
from medgauge.metrics import REGION_NAMES, LabelRegions
from medgauge.metrics.groups import group_means
from medgauge.recipes.read import build_recipe, recipe_values
from medgauge.recipes.schema import Recipe
from medgauge.report import write_report
from medgauge.runfolder import RunFolder

if TYPE_CHECKING:
    from medgauge.api.terminal import Display

PREDICTIONS = ("predictions.csv", "predictions_by_group.csv")


def fit_folds(study: Study, folder: RunFolder, display: "Display", *, test: bool, images: bool, report: bool) -> Run:
    """Fit every fold in a run folder of its own inside ``folder``, one after the other, and pool them.

    Raises:
        InputError: a fold cannot be fitted, which is found before any is; or several devices are asked for.
    """
    studies = plan_folds(study)
    if claim_folder(folder, run_stamp(replace(study, recipe=shared_recipe(study, studies)))):
        display.say(f"{folder.path} is finished; its results are loaded")
    else:
        _check_devices(folder, studies)
        for fold, part in enumerate(studies):
            display.say(f"fold {fold + 1} of {len(studies)}")
            fit_study(part, RunFolder(folder / fold_name(fold)), display, test=True, images=False, report=False)
        pool_folds(folder, study, studies, images=images, report=report)
    run = Run.load(folder.path)
    if test and not study.rows("test"):
        display.say("no test cases are kept out of the folds; the figures are out of fold")
    if test and study.rows("test") and "test" not in run.results:
        run.look("test", images=images)
    elif report and not (folder / "report.html").exists():
        write_report(folder.path, images=images)
    return run


def plan_folds(study: Study) -> list[Study]:
    """The study of each fold, with all that can be wrong in it found.

    Raises:
        InputError: a fold cannot be fitted.
    """
    studies = [fold_study(study, fold) for fold in range(study.recipe.data.folds)]
    for fold, part in enumerate(studies):
        try:
            build_sampler(part)
            case_weights(part)
            if fold == 0:  # what does not depend on the cases is the same in all
                build_parts(part)
        except InputError as error:
            raise InputError(f"fold {fold + 1} of {len(studies)}: {error}") from error
    return studies


def shared_recipe(study: Study, studies: Sequence[Study]) -> Recipe:
    """The settings that all folds share; where they differ (a width of bins, the fold itself) what was asked for."""

    def shared(wanted: Any, found: Sequence[Any]) -> Any:
        if isinstance(wanted, Mapping):
            return {key: shared(inner, [one[key] for one in found]) for key, inner in wanted.items()}
        return found[0] if all(one == found[0] for one in found) else wanted

    return build_recipe(shared(recipe_values(study.recipe), [recipe_values(part.recipe) for part in studies]))


def _check_devices(folder: RunFolder, studies: Sequence[Study]) -> None:
    """Refuse several processes while a fold is still to be trained: each fold's training ends all but one of them."""
    several = studies[0].recipe.training.devices > 1 or int(os.environ.get("WORLD_SIZE", "1")) > 1
    waiting = [fold for fold in range(len(studies)) if not (folder / fold_name(fold) / "results.json").exists()]
    if several and waiting:
        name = fold_name(waiting[0])
        raise InputError(
            "folds are trained one after the other on one device; on several train each by itself "
            f"(--data.fold {waiting[0]} --out {folder / name}), then give this command again to pool them"
        )


def pool_folds(folder: RunFolder, study: Study, studies: Sequence[Study], *, images: bool, report: bool) -> None:
    """Write everything of the whole; results.json comes last."""
    runs = [Run.load(folder / fold_name(fold)) for fold in range(len(studies))]
    rows = [row for row, split in enumerate(study.splits) if split != "test"]
    label = torch.from_numpy(study.table.label)[rows]
    reader = PooledReader([run.reader for run in runs], [LabelRegions.fit(column) for column in label.unbind(1)])
    scored = score_out_of_fold(study, rows, studies, runs, reader)
    by_group, seed = study.recipe.prediction.aggregate == "mean", study.recipe.seed if report else None
    block = scored.block(seed=seed, by_group=by_group)
    for place, target in enumerate(reader.targets):
        block[target] |= figures_by_fold(scored, place)
    block["space"] = mean_space([run.results["test"]["space"] for run in runs])
    gallery_rows = [row for run in runs for row in run.gallery_rows]
    _write_cases(folder, study, rows, reader)
    reader.keep(folder)
    write_predictions(folder, [(OUT_OF_FOLD, rows, scored)], gallery_rows, by_group=by_group)
    write_problems(folder, study)
    if images and report:
        write_thumbnails(folder, study)
    folder.write_json("results.json", _results(study, runs, block))
    if report:
        write_report(folder.path, images=images)


def score_out_of_fold(
    study: Study, rows: Sequence[int], studies: Sequence[Study], runs: Sequence[Run], reader: PooledReader
) -> Scored:
    """Every case that is in a fold, read by the fit that left it out; calibrates the reader on them.

    The intervals of a fold's cases come from the residuals of the other folds, so that their coverage can be judged.
    """
    table, recipe, at = study.table.take(rows), study.recipe, {row: place for place, row in enumerate(rows)}
    label = torch.from_numpy(table.label)
    places = [torch.tensor([at[row] for row in part.rows("test")]) for part in studies]
    parts = [run.reader.read(run.stored(part)["test"]) for run, part in zip(runs, studies, strict=True)]
    raw = group_means(torch.cat([part.uncorrected for part in parts]), torch.cat(places), len(rows))
    fitted = []
    for own in [*places, torch.empty(0, dtype=torch.int64)]:  # without each fold, then with all
        kept = torch.ones(len(rows), dtype=torch.bool).index_fill(0, own, value=False)
        group = [name for name, keep in zip(table.group, kept.tolist(), strict=True) if keep]
        reader.calibrate_on(raw[kept], label[kept], group, recipe.prediction, seed=recipe.seed, cross=True)
        fitted.append((reader.fitted, reader.fitted_by_group))
    reader.left_out = LeftOut(places, [cases for cases, _ in fitted[:-1]])
    reader.others_by_group = [groups for _, groups in fitted[:-1]]
    times = None if study.times is None else torch.from_numpy(study.times[list(rows)])
    baselines, kinds = _baselines(table, places, runs)
    return Scored(
        cases=Gallery(torch.empty(len(rows), 0), label, table.id, table.group, times=times),
        readings=reader.own_intervals(reader.pool(parts, places)),
        reader=reader,
        baselines=baselines,
        kinds=kinds,
        subgroups={name: [values[row] for row in rows] for name, values in study.subgroups.items()},
    )


def _baselines(table: Table, places: Sequence[Tensor], runs: Sequence[Run]) -> tuple[dict[str, Tensor], list[str]]:
    """What each fold's training cases say of the cases that it left out."""
    found = [baselines_of(run, table.take(place.tolist())) for run, place in zip(runs, places, strict=True)]
    where = torch.cat(list(places))
    values = {name: group_means(torch.cat([one[0][name] for one in found]), where, len(table)) for name in found[0][0]}
    return values, [" or ".join(dict.fromkeys(kinds)) for kinds in zip(*(one[1] for one in found), strict=True)]


def figures_by_fold(scored: Scored, place: int) -> dict[str, Any]:
    """One target's figures of each fold, and their standard deviation over the folds."""
    reader = scored.reader
    if not isinstance(reader, PooledReader) or reader.left_out is None:
        raise ValueError("figures by fold need out-of-fold cases")
    value, label = (part[:, place : place + 1].double() for part in (scored.readings.value, scored.cases.label))
    blocks: list[dict[str, Any]] = []
    for fold, rows in enumerate(reader.left_out.places):
        known = [row for row in rows.tolist() if not bool(label[row].isnan())]
        block = {"fold": fold, "predictor": reader.readers[fold].record, "n": len(known)}
        block["groups"] = len({scored.cases.group[row] for row in known})
        blocks.append(block | {name: float(figure(value[rows], label[rows])[0]) for name, figure in FIGURES.items()})
    spread = {}
    for name in FIGURES:
        known = [block[name] for block in blocks if not math.isnan(block[name])]
        spread[name] = stdev(known) if len(known) > 1 else math.nan
    return {"by_fold": blocks, "spread_over_folds": spread}


def _results(study: Study, runs: Sequence[Run], block: dict[str, Any]) -> dict[str, Any]:
    """What results.json of the whole holds before any look at the test cases."""
    named = [split if split == "test" else OUT_OF_FOLD for split in study.splits]
    counts = case_counts(replace(study, splits=named), (OUT_OF_FOLD, *(["test"] if "test" in named else [])))
    return {
        "cases": counts,
        "looks": {"test": 0},
        OUT_OF_FOLD: block,
        "folds": [
            {"fold": fold, **run.results["training"], "seconds": run.results["seconds"]}
            for fold, run in enumerate(runs)
        ],
        "seconds": sum(run.results["seconds"] for run in runs),
        "peak_memory_mb": max(run.results["peak_memory_mb"] for run in runs),
    }


def _write_cases(folder: RunFolder, study: Study, rows: Sequence[int], reader: PooledReader) -> None:
    """splits.csv, with the fold of each case, and gallery.csv, the labelled cases of all folds (which learn from them)."""
    table, targets = study.table, study.table.target
    region = reader.region(torch.from_numpy(table.label)).tolist()
    lines = [
        [name, table.group[row], "test" if fold == "" else OUT_OF_FOLD, fold]
        + [REGION_NAMES[code] if code >= 0 else "" for code in region[row]]
        + [study.images.digests[row]]
        for row, (name, fold) in enumerate(fold_of_cases(study))
    ]
    columns = ["id", "group", "split", "fold", *(f"region_{name}" for name in targets), "picture"]
    folder.write_table("splits.csv", columns, lines)
    known = [row for row in rows if not np.isnan(table.label[row]).all()]
    gallery = [[row, table.id[row], table.group[row], *map(cell, table.label[row].tolist())] for row in known]
    folder.write_table("gallery.csv", ["row", "id", "group", *(f"label_{name}" for name in targets)], gallery)


def look_at_test(run: Ensemble, *, images: bool) -> dict[str, Any]:
    """Score the averaged values on the test cases that were kept out of all folds, and write what changes by it.

    Raises:
        InputError: none were kept out.
    """
    study, folder, recipe = run.study(), run.folder, run.recipe
    rows = study.rows("test")
    if not rows:
        raise InputError(
            f"{folder.path} keeps no test cases out of its folds; see --split {OUT_OF_FOLD}, or give a table with --table"
        )
    cases = make_cases(study.images, study.table.label, study.covariates, study.times, times_is_size=False)
    gathered = [gather_cases(fit.model, cases, study, rows) for fit in run.fits]
    scored = score_table(run, study.table.take(rows), gathered, ids_are_local=False)
    by_group = recipe.prediction.aggregate == "mean"
    block = scored.block(seed=recipe.seed, by_group=by_group) | {"space": space(run, gathered)}
    looks = {"test": run.results["looks"]["test"] + 1}
    kept = {name: folder.read_table(name) for name in PREDICTIONS[: 1 + by_group]}
    write_predictions(folder, [("test", rows, scored)], run.gallery_rows, by_group=by_group)
    for name, before in kept.items():
        lines = [line for line in before if line["split"] != "test"] + folder.read_table(name)
        folder.write_table(name, list(lines[0]), [list(line.values()) for line in lines])
    if images:
        write_thumbnails(folder, study)
    results = run.results | {"looks": looks, "test": block}
    folder.write_json("results.json", results)
    write_report(folder.path, images=images)
    return results
