"""Whether what is trained learns labels divided by the size of a pixel: as the quick candidates tell."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.planning.candidates import QUICK, TIMES, Candidate
from medgauge.planning.judge import Judge
from medgauge.planning.outcomes import Outcome, gain


def divides(
    times: Float[Tensor, " n"], quick: Float[Tensor, " n"], baseline: Float[Tensor, " n"], judge: Judge
) -> bool:
    """Whether labels divided by the size of a pixel are more than one standard error better, in every training part.

    Of each fold its own cases have no say. Errors above those of the baseline tell nothing.

    Args:
        times: error of each case with labels that are divided.
        quick: with labels as they are.
        baseline: of the better baseline.
        judge: groups and folds of the cases.
    """
    fold = torch.tensor(judge.fold)
    parts = (
        [fold != one for one in sorted(set(judge.fold))] if judge.folds else [torch.ones_like(fold, dtype=torch.bool)]
    )
    for part in parts:
        group = [judge.group[row] for row in torch.nonzero(part).flatten().tolist()]
        for other in (quick, baseline):
            better, spread = gain(times[part], other[part], group)
            if not better > spread:
                return False
    return True


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
    if quick is None or times is None or not divides(times, quick, judge.baseline, judge):
        return candidate
    column = found[TIMES].candidate.changes["data.label_times"]
    why = f"{candidate.why}; its labels are divided by {column}, which is more than a standard error better for {QUICK}"
    return replace(candidate, changes={**candidate.changes, "data.label_times": column}, why=why)
