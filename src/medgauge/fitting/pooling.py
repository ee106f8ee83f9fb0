"""Pools what each fold's fit says of the cases that it left out, and keeps that as a run of its own."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import stdev

import torch
from jaxtyping import Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.task import Observed
from medgauge.core.version import __version__
from medgauge.data.tables.folds import fold_name
from medgauge.evaluation.baselines import joined_sorts, read_baselines
from medgauge.evaluation.scored import Scored
from medgauge.evaluation.shown import training_reasons, with_reasons
from medgauge.evaluation.space import mean_space
from medgauge.inference.pooled import PooledReader
from medgauge.inference.readings import Readings
from medgauge.inference.records import kept_records
from medgauge.metrics.groups import group_means
from medgauge.report import write_report
from medgauge.runfolder import RunFolder
from medgauge.runfolder.headline import first_shown
from medgauge.runfolder.seal import BEGUN, LOOKED, MODEL, PAGE, fit_digest, rewriting
from medgauge.runs import files
from medgauge.runs.ensemble import OUT_OF_FOLD
from medgauge.runs.fitted import Fit, cases_of_fits, task_known
from medgauge.runs.load import load_fit
from medgauge.runs.outputs import Outputs
from medgauge.runs.tables import write_predictions, write_problems
from medgauge.runs.thumbnails import write_thumbnails
from medgauge.study import Study
from medgauge.study.counts import case_counts
from medgauge.study.folds import fold_of_cases
from medgauge.study.representation import source_notes
from medgauge.study.source_run import KNOWN
from medgauge.tasks import Tasks


def pool_folds(folder: RunFolder, study: Study, studies: Sequence[Study], outputs: Outputs) -> list[Fit]:
    """Write everything of the whole; results.json comes last but for the page.

    Returns:
        The fits of the folds, as they are read from their folders.
    """
    fits = [load_fit(RunFolder(folder / fold_name(fold))) for fold in range(len(studies))]
    rows = [row for row, split in enumerate(study.splits) if split != "test"]
    tasks = fits[0].tasks.stratified(torch.from_numpy(study.table.label)[rows])
    scored = [score_out_of_fold(study, rows, studies, fits, tasks, place) for place in range(len(tasks))]
    write_pooled(folder, study, tasks, scored, [[fit] for fit in fits], outputs)
    return fits


def write_pooled(
    folder: RunFolder,
    study: Study,
    tasks: Tasks,
    scored: Sequence[Scored],
    folds: Sequence[Sequence[Fit]],
    outputs: Outputs,
) -> None:
    """Write a run whose cases were read out of fold; results.json comes last but for the page.

    Args:
        folder: of the whole.
        study: with folds as splits.
        tasks: with the strata of all development cases.
        scored: of each task all cases that are in a fold.
        folds: the fits of each; of a blend one a candidate.
        outputs: what to write.
    """
    fits = [fit for own in folds for fit in own]
    rows = [row for row, split in enumerate(study.splits) if split != "test"]
    by_group, seed = study.recipe.prediction.aggregate == "mean", study.recipe.seed if outputs.report else None
    block, reasons = dict[str, object](), training_reasons([fit.results["training"] for fit in fits])
    for one in scored:
        for place, (target, figures) in enumerate(one.blocks(seed=seed, by_group=by_group).items()):
            with_reasons({target: figures}, reasons)
            block[target] = figures | figures_by_fold(one, place)
        block |= one.together(seed=seed)
    block["space"] = mean_space([fit.results["test"]["space"] for fit in fits])
    names = fold_of_cases(study)
    splits = ["test" if fold == "" else OUT_OF_FOLD for _, fold in names]
    with rewriting(folder, (BEGUN[1], *MODEL, *LOOKED, *PAGE)):
        files.write_splits(folder, study, tasks, splits, [fold for _, fold in names])
        files.write_gallery_table(folder, study.table, files.labelled(study, rows))
        values = {
            one.task.name: {
                **kept_records(one.reader.record, one.task.columns, one.reader.records),
                **files.calibrated_values(one.task, one.reader.calibrated),
            }
            for one in scored
        }
        own = (
            {"fits": [fit_digest(fit.folder) for fit in fits]} if len(fits) == len(folds) else {}
        )  # a blend has its own
        folder.write_json("predictors.json", {"medgauge": __version__, "folds": len(folds), **own, "tasks": values})
        gallery_rows = [row for fit in fits for row in fit.gallery_rows]
        write_predictions(folder, [(OUT_OF_FOLD, rows, scored)], gallery_rows, by_group=by_group)
        write_problems(folder, study)
        if outputs.images and outputs.report:
            write_thumbnails(folder, study)
        folder.write_json("results.json", first_shown(_results(study, folds, block)))
        if outputs.report:
            write_report(folder.path, images=outputs.images)


def places_of(rows: Sequence[int], studies: Sequence[Study]) -> list[Int[Tensor, " n"]]:
    """For each fold the places of its cases among ``rows``."""
    at = {row: here for here, row in enumerate(rows)}
    return [torch.tensor([at[row] for row in part.rows("test")], dtype=torch.int64) for part in studies]


def score_out_of_fold(
    study: Study, rows: Sequence[int], studies: Sequence[Study], fits: Sequence[Fit], tasks: Tasks, place: int
) -> Scored:
    """One task's values of every case that is in a fold, read by the fit that left it out.

    What is said of a fold's cases comes from the residuals of the other folds, so that it can be judged.
    """
    places = places_of(rows, studies)
    read = [files.read_cases(fit.folder, part, ["test"])["test"] for fit, part in zip(fits, studies, strict=True)]
    cases = cases_of_fits(fits, read)[place]
    readers = [fit.readers[place] for fit in fits]
    whole = PooledReader(readers, tasks.parts[place], readers[0].calibrated)
    parts = whole.aligned([reader.read([own]) for reader, own in zip(readers, cases, strict=True)])
    baselines = fold_baselines(study, rows, places, fits, place)
    return score_parts(study, rows, tasks, place, whole, parts, places, baselines)


Baselines = tuple[dict[str, Tensor], dict[str, Sequence[str]]]
"""Values of each by name, and what each became."""


def score_parts(
    study: Study,
    rows: Sequence[int],
    tasks: Tasks,
    place: int,
    whole: PooledReader,
    parts: Sequence[Readings],
    places: Sequence[Int[Tensor, " n"]],
    baselines: Baselines,
) -> Scored:
    """One task's readings of each fold's cases, put into one order, with what is said of them.

    Args:
        study: with folds as splits.
        rows: of all cases that are in a fold.
        tasks: with the strata of all development cases.
        place: of the task.
        whole: the readers of the folds as one.
        parts: what the reader of each fold says of the cases that its fits left out.
        places: where these are among ``rows``.
        baselines: of all cases.
    """
    table, recipe = study.table.take(rows), study.recipe
    part_of = tasks.places[tasks.parts[place].name]
    where, count = torch.cat(list(places)), len(rows)
    chances = [part.observed.probability for part in parts if part.observed.probability is not None]
    observed = Observed(
        value=group_means(torch.cat([part.observed.value for part in parts]), where, count),
        label=torch.from_numpy(table.label)[:, part_of.columns],
        group=table.group,
        probability=_ordered(chances, where, count),
        scale=_ordered([part.observed.scale for part in parts if part.observed.scale is not None], where, count),
    )
    reader = whole.leaving_out(observed, places, recipe.prediction, seed=recipe.seed)
    values, sorts = baselines
    divides = any(reader.divides for reader in whole.readers)
    divisor = torch.from_numpy(study.divisor[list(rows)]) if divides and study.divisor is not None else None
    return Scored(
        cases=Cases(torch.empty(count, 0), observed.label, table.id, table.group, divisor=divisor),
        readings=reader.pool(parts, places, table.group),
        reader=reader,
        saying=reader.certainty,
        baselines=values,
        sorts=sorts,
        subgroups={name: [of[row] for row in rows] for name, of in study.subgroups.items()},
    )


def _ordered(chances: Sequence[Tensor], where: Int[Tensor, " n"], count: int) -> Tensor | None:
    """Probabilities (or expected errors) of all folds' cases in one order."""
    if not chances:
        return None
    return group_means(torch.cat(list(chances)), where, count)


def fold_baselines(
    study: Study, rows: Sequence[int], places: Sequence[Int[Tensor, " n"]], fits: Sequence[Fit], place: int
) -> Baselines:
    """What each fold's training cases say of the cases that it left out."""
    covariates, found = torch.from_numpy(study.table.covariates)[list(rows)], []
    for fit, own in zip(fits, places, strict=True):
        known = [task_known(fit.tasks, part)[place] for part in (fit.train, fit.validation)]
        columns = known[0].covariates.shape[1]  # those of the fit come first
        found.append(read_baselines(fit.tasks.parts[place], known[0], known[1], covariates[own, :columns]))
    where = torch.cat(list(places))
    values = {name: group_means(torch.cat([one[0][name] for one in found]), where, len(rows)) for name in found[0][0]}
    return values, joined_sorts([sorts for _, sorts in found])


def figures_by_fold(scored: Scored, place: int) -> dict[str, object]:
    """One target's figures of each fold, and their standard deviation over the folds."""
    label = scored.cases.label[:, place : place + 1].double()
    read = {name: scored.readings.of_figure(figure, place) for name, figure in scored.task.figures.items()}
    blocks: list[dict[str, object]] = []
    spread: dict[str, list[float]] = {name: [] for name in scored.task.figures}
    folds, sources = scored.reader.origins(len(label)), scored.reader.sources(len(label))
    for fold in sorted({int(str(number)) for number, _ in folds}):
        rows = [row for row, (number, _) in enumerate(folds) if number == fold]
        known = [row for row in rows if not bool(label[row].isnan())]
        block: dict[str, object] = {"fold": fold, "predictor": sources[rows[0]][place], "n": len(known)}
        block["groups"] = len({scored.cases.group[row] for row in known})
        for name, figure in scored.task.figures.items():
            block[name] = number = float(figure.of(read[name][rows], label[rows])[0])
            spread[name] += [] if math.isnan(number) else [number]
        blocks.append(block)
    deviations = {name: stdev(known) if len(known) > 1 else math.nan for name, known in spread.items()}
    return {"by_fold": blocks, "spread_over_folds": deviations}


def _results(study: Study, folds: Sequence[Sequence[Fit]], block: dict[str, object]) -> dict[str, object]:
    """What results.json of the whole holds before any look at the test cases.

    Of a fold with fits of several candidates the training told is that of the last one, the seconds are those of all.
    """
    fits = [fit for own in folds for fit in own]
    named = [split if split == "test" else OUT_OF_FOLD for split in study.splits]
    counts = case_counts(replace(study, splits=named), (OUT_OF_FOLD, *(["test"] if "test" in named else [])))
    known = source_notes(study.recipe, study.images.digests, study.table, study.splits)
    told = [[note for note in fit.results.get("notes", []) if not (known and KNOWN in note)] for fit in fits]
    return {
        "cases": counts,
        "notes": [*known, *shared_notes(told, "folds" if len(fits) == len(folds) else "fits")],
        "looks": {"test": 0},
        OUT_OF_FOLD: block,
        "folds": [
            {"fold": fold, **own[-1].results["training"], "seconds": sum(fit.results["seconds"] for fit in own)}
            for fold, own in enumerate(folds)
        ],
        "seconds": sum(fit.results["seconds"] for fit in fits),
        "peak_memory_mb": max(fit.results["peak_memory_mb"] for fit in fits),
    }


def shared_notes(notes: Sequence[Sequence[str]], what: str) -> list[str]:
    """Each note of the fits once, as the first that has it words it, with how many have one that differs by numbers alone.

    >>> shared_notes([["near 2 cases"], [], ["near 3 cases", "a is rare"]], "folds")
    ['near 2 cases (in 2 of 3 folds)', 'a is rare (in 1 of 3 folds)']
    """
    first, fits = dict[str, str](), dict[str, set[int]]()
    for fit, own in enumerate(notes):
        for note in own:
            alike = re.sub(r"\d+", "0", note)
            first.setdefault(alike, note)
            fits.setdefault(alike, set()).add(fit)
    return [f"{note} (in {len(fits[alike])} of {len(notes)} {what})" for alike, note in first.items()]
