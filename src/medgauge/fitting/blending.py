"""Blends finished candidates: weights of their values from out-of-fold cases, and a run of its own that reads by them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.data.tables.folds import fold_name
from medgauge.evaluation.choosing import Weigh, blend_weights, nested_blend_weights
from medgauge.evaluation.scored import Scored
from medgauge.fitting.fit import finished, looked
from medgauge.fitting.folds import shared_recipe
from medgauge.fitting.mend import reopen
from medgauge.fitting.pooling import fold_baselines, places_of, score_parts, write_pooled
from medgauge.fitting.stamp import run_stamp
from medgauge.inference.blended import BlendedReader
from medgauge.inference.pooled import PooledReader
from medgauge.runfolder import RunFolder
from medgauge.runfolder.blend import Blend, fits_digest, read_blend, write_blend
from medgauge.runfolder.claim import claim_folder
from medgauge.runfolder.lock import held
from medgauge.runfolder.seal import MODEL, rewriting
from medgauge.runfolder.whole import is_whole
from medgauge.runs import files
from medgauge.runs.fitted import Fit, cases_of_fits
from medgauge.runs.load import load_fit
from medgauge.runs.outputs import Outputs
from medgauge.runs.run import Run, of_folds
from medgauge.study import Study
from medgauge.study.folds import fold_study
from medgauge.tasks import Tasks


class Unblended(InputError):
    """Why candidates cannot be blended, in a sentence."""


@dataclass(frozen=True)
class Member:
    """A finished candidate: its name, its run over folds, its cases."""

    name: str
    folder: RunFolder
    study: Study


def fit_blend(folder: RunFolder, members: Sequence[Member], outputs: Outputs, display: Display) -> Run:
    """Blend candidates, the cheapest first, that are finished over the same folds; a blend that is there is loaded.

    Its recipe is that of the first candidate, or of the one whose labels are divided, so that new tables have that column.

    Raises:
        Unblended: they have other cases or folds, or too few cases have values and labels.
        InputError: the folder is another run's, or a candidate is damaged.
    """
    base = next((one.study for one in members if one.study.divisor is not None), members[0].study)
    for one in members:
        if (one.study.table.id, one.study.splits) != (base.table.id, base.splits):
            raise Unblended(f"{one.name} has other cases or folds than the others")
    folds = range(base.recipe.data.folds)
    studies = [[fold_study(one.study, fold) for one in members] for fold in folds]
    own = [part[members.index(next(one for one in members if one.study is base))] for part in studies]
    with held(folder.path, say=display.say):
        for line in claim_folder(folder, run_stamp(base, shared_recipe(base, own))):
            display.say(line)
        digests = {one.name: fits_digest(one.folder, len(folds)) for one in members}
        if is_whole(folder):
            if dict(read_blend(folder, base.recipe.data.label).members) == digests:
                return finished(base, folder, outputs, display)
            reopen(folder, source="the candidates")
            display.note(f"{folder.path} was made of other candidates than those that are there; it is made anew")
        else:
            display.note(reopen(folder, source="the candidates"))
        fits = [[load_fit(one.folder.inner(fold_name(fold))) for one in members] for fold in folds]
        _write(folder, base, studies, fits, digests, outputs)
        run = of_folds(folder, fits=[fit for part in fits for fit in part])
        return looked(base, run, outputs, display)


def _write(
    folder: RunFolder,
    study: Study,
    studies: Sequence[Sequence[Study]],
    fits: Sequence[Sequence[Fit]],
    digests: dict[str, str],
    outputs: Outputs,
) -> None:
    """Weigh, judge and write; results.json comes last but for the page."""
    rows = [row for row, split in enumerate(study.splits) if split != "test"]
    tasks = fits[0][0].tasks.stratified(torch.from_numpy(study.table.label)[rows])
    read = [
        [files.read_cases(fit.folder, one, ["test"])["test"] for fit, one in zip(own, parts, strict=True)]
        for own, parts in zip(fits, studies, strict=True)
    ]
    blended = [
        _blended(study, rows, [part[0] for part in studies], fits, read, tasks, place, list(digests))
        for place in range(len(tasks))
    ]
    weights: dict[str, list[float]] = {}
    by_fold: dict[str, list[list[float]]] = {}
    for one in blended:
        for target, name in enumerate(one.scored.task.columns):
            weights[name] = one.weights[:, target].tolist()
            by_fold[name] = [part[:, target].tolist() for part in one.by_fold]
    with rewriting(folder, MODEL):
        write_blend(folder, Blend(digests, weights), by_fold)
    write_pooled(folder, study, tasks, [one.scored for one in blended], fits, outputs)


@dataclass(frozen=True)
class _Blended:
    """One task: what was read and judged with the weights of each fold, (c, t), and those of new cases."""

    scored: Scored
    weights: Float[Tensor, "c t"]
    by_fold: Sequence[Float[Tensor, "c t"]]


def _blended(
    study: Study,
    rows: Sequence[int],
    studies: Sequence[Study],
    fits: Sequence[Sequence[Fit]],
    read: Sequence[Sequence[Cases]],
    tasks: Tasks,
    place: int,
    names: Sequence[str],
) -> _Blended:
    """Each fold's cases, read by the fits that left them out, with weights that were found without its groups."""
    task, places = tasks.parts[place], places_of(rows, studies)
    readers = [[fit.readers[place] for fit in own] for own in fits]
    cases = [cases_of_fits(own, of)[place] for own, of in zip(fits, read, strict=True)]
    parts = [
        [reader.read([one]) for reader, one in zip(own, of, strict=True)]
        for own, of in zip(readers, cases, strict=True)
    ]
    table = study.table.take(rows)
    label = torch.from_numpy(table.label)[:, tasks.places[task.name].columns]
    shape = len(names), *label.shape, *parts[0][0].observed.value.shape[2:]
    value = torch.full(shape, torch.nan, dtype=torch.float64)
    fold = torch.zeros(len(rows), dtype=torch.int64)
    for number, (where, own) in enumerate(zip(places, parts, strict=True)):
        value[:, where] = torch.stack([part.observed.value.double() for part in own])
        fold[where] = number
    weights, by_fold = fold_weights(value, label, table.group, fold, len(fits), task.weigh)
    blends = [BlendedReader(names, own, weight, task) for own, weight in zip(readers, by_fold, strict=True)]
    whole = PooledReader(blends, task, blends[0].calibrated)
    joined = whole.aligned([blend.blend(own) for blend, own in zip(blends, parts, strict=True)])
    baselines = fold_baselines(study, rows, places, [own[0] for own in fits], place)
    return _Blended(score_parts(study, rows, tasks, place, whole, joined, places, baselines), weights, by_fold)


def fold_weights(
    value: Float[Tensor, "c n t"],
    label: Float[Tensor, "n t"],
    group: Sequence[str],
    fold: Int[Tensor, " n"],
    folds: int,
    weigh: Weigh,
) -> tuple[Float[Tensor, "c t"], list[Float[Tensor, "c t"]]]:
    """Weights of the candidates' values of each target: from all cases, and for each fold those found without its groups.

    Cases without a label, or without a value of some candidate, count for nothing.

    Raises:
        Unblended: no case, or none beside a fold, has all of them.
    """
    whole = torch.empty(len(value), label.shape[1], dtype=torch.float64)
    parts = [torch.empty_like(whole) for _ in range(folds)]
    for target in range(label.shape[1]):
        own = value[:, :, target]
        there = own.isfinite().reshape(*own.shape[:2], -1).all(-1).all(0)
        known = label[:, target].double().where(there, torch.nan)
        try:
            whole[:, target] = blend_weights(own, known, weigh)
            nested = nested_blend_weights(own, known, group, fold.tolist(), weigh)
        except ValueError as error:
            raise Unblended("too few cases have a label and a value of every candidate") from error
        for number, part in enumerate(parts):
            mine = torch.nonzero(fold == number).flatten()
            part[:, target] = nested[:, mine[0]] if len(mine) else whole[:, target]
    return whole, parts
