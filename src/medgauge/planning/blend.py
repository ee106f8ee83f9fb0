"""The blend of the other candidates: whether it is tried, and how it is made of those that came to their end."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from medgauge.core.display import Display
from medgauge.data.tables.folds import fold_name
from medgauge.fitting.blending import Member, Unblended, fit_blend
from medgauge.fitting.fit import fit_cases
from medgauge.planning.budget import Budget
from medgauge.planning.candidates import BLEND, Candidate
from medgauge.planning.cost import EACH
from medgauge.runfolder import RunFolder
from medgauge.runfolder.whole import is_whole
from medgauge.runs.outputs import Outputs
from medgauge.runs.run import Run
from medgauge.study import Study, load_study


def blend_minutes(fixed: Mapping[str, Any], budget: Budget) -> float:
    """That a blend takes, which are kept for it; 0 where none is tried whatever the other candidates are."""
    return EACH * int(fixed["data.folds"]) / 60 if budget.trains else 0.0


def blending(others: Sequence[Candidate], fixed: Mapping[str, Any], budget: Budget) -> Candidate:
    """The blend of the candidates before it: tried where two of them are, over folds, by a budget that trains.

    Args:
        others: candidates of the plan.
        fixed: settings that all share, with the number of folds.
        budget: minutes for all.
    """
    tried, folds = [one for one in others if one.tried], int(fixed["data.folds"])
    why = ""
    if not budget.trains:
        why = f"the budget {budget.name} gives the first answer alone"
    elif not folds:
        why = "weights are found on values out of fold, and there is one partition"
    elif len(tried) < 2:
        why = "there are no two candidates to blend"
    if why:
        return Candidate(BLEND, {}, 0.0, why, tried=False)
    return Candidate(BLEND, dict(fixed), blend_minutes(fixed, budget), "it trains nothing")


def make_blend(
    folder: RunFolder, among: Sequence[Candidate], given: Mapping[str, Any], outputs: Outputs, display: Display
) -> Run:
    """The blend of finished candidates; what of these is damaged or lost is made anew first.

    Args:
        folder: of all candidates.
        among: those that are done, the cheapest first.
        given: settings by dotted place.
        outputs: what to write.
        display: progress and lines.

    Raises:
        Unblended: there are fewer than two, or they cannot be blended.
        InputError: the folder of the blend holds something else, or a candidate cannot be made whole.
    """
    if len(among) < 2:
        raise Unblended("fewer than two candidates came to their end")
    members = []
    for one in among:
        study, inner = load_study(one.recipe(given), progress=display.images), folder.inner(one.name)
        if not _are_whole(inner, study):
            fit_cases(study, inner, replace(outputs, test=False), display)
        members.append(Member(one.name, inner, study))
    return fit_blend(folder.inner(BLEND), members, outputs, display)


def _are_whole(folder: RunFolder, study: Study) -> bool:
    folds = [folder.inner(fold_name(fold)) for fold in range(study.recipe.data.folds)]
    return is_whole(folder) and all(map(is_whole, folds))
