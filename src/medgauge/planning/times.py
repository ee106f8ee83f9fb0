"""Whether what is trained learns labels divided by the size of a pixel: as the quick candidates tell, or short fits."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.planning.candidates import QUICK, SCRATCH, TIMES, Candidate, seeds_of
from medgauge.planning.judge import Judge
from medgauge.planning.outcomes import Outcome, gain


def divides(
    times: Float[Tensor, " n"], quick: Float[Tensor, " n"], constant: Float[Tensor, " n"], judge: Judge
) -> bool:
    """Whether labels divided by the size of a pixel are more than one standard error better, in every training part.

    Of each fold its own cases have no say. Errors above those of a constant tell nothing.

    Args:
        times: error of each case with labels that are divided.
        quick: with labels as they are.
        constant: of the constant baseline.
        judge: groups and folds of the cases.
    """
    return better_in_all(times, quick, judge) and better_in_all(times, constant, judge)


def better_in_all(error: Float[Tensor, " n"], other: Float[Tensor, " n"], judge: Judge) -> bool:
    """Whether an error is more than one standard error below another one in every training part, without its fold's cases."""
    fold = torch.tensor(judge.fold)
    parts = (
        [fold != one for one in sorted(set(judge.fold))] if judge.folds else [torch.ones_like(fold, dtype=torch.bool)]
    )
    for part in parts:
        group = [judge.group[row] for row in torch.nonzero(part).flatten().tolist()]
        better, spread = gain(error[part], other[part], group)
        if not better > spread:
            return False
    return True


def settled(
    candidate: Candidate, before: Sequence[Outcome], judge: Judge, tried: Callable[[Candidate], Candidate]
) -> Candidate:
    """A candidate that is trained, with its labels divided where that is found better; any other one as it is.

    The quick candidates tell where one of them is better than the constant baseline in every training part. Else short fits do,
    once for all that is trained.

    Args:
        candidate: to be tried.
        before: outcomes so far, those that wait among them.
        judge: of all development cases.
        tried: makes the short fits of a candidate and gives it back with what they told.
    """
    if not candidate.trains:
        return candidate
    quick = [one.error for one in before if one.candidate.name in (QUICK, TIMES) and one.error is not None]
    if any(better_in_all(error, judge.constant, judge) for error in quick):
        return as_quick_tells(candidate, before, judge)
    of_others = (one.candidate.short for one in before if one.candidate.short and "divided" in one.candidate.short)
    told = next(of_others, None)
    if told is None and candidate.short is not None:
        candidate = tried(candidate)
        told = candidate.short
    return candidate if told is None else as_short_fits_tell(replace(candidate, short=told))


def as_short_fits_tell(candidate: Candidate) -> Candidate:
    """A candidate with its labels divided where short fits told so; of the kind that was tried, with the steps that are left."""
    told, changes = candidate.short or {}, dict(candidate.changes)
    if seeds_of(candidate.name)[0] == SCRATCH:
        changes["training.steps"] = told["left"]
    if told["divided"]:
        changes["data.label_times"] = told["column"]
    return replace(candidate, changes=changes, why=f"{candidate.why}; {told['why']}")


def as_quick_tells(candidate: Candidate, before: Sequence[Outcome], judge: Judge) -> Candidate:
    """A candidate that is trained, with its labels divided where that is kept; any other one as it is.

    Args:
        candidate: to be tried.
        before: outcomes so far.
        judge: of all development cases.
    """
    found = {one.candidate.name: one for one in before if one.error is not None}
    if not candidate.trains or QUICK not in found or TIMES not in found:
        return candidate
    quick, times = found[QUICK].error, found[TIMES].error
    if quick is None or times is None or not divides(times, quick, judge.constant, judge):
        return candidate
    column = found[TIMES].candidate.changes["data.label_times"]
    why = f"{candidate.why}; its labels are divided by {column}, which is more than a standard error better for {QUICK}"
    return replace(candidate, changes={**candidate.changes, "data.label_times": column}, why=why)
