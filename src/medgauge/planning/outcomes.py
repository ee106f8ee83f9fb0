"""What each candidate came to, and which of them answers: candidates.json."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.version import __version__
from medgauge.evaluation.choosing import Choice, choose
from medgauge.metrics.groups import group_codes
from medgauge.planning.candidates import Candidate, what_it_is
from medgauge.planning.judge import Judge
from medgauge.report.candidates import choice_sentence
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import CANDIDATES, plan_digest, write_own
from medgauge.runfolder.seal import fit_digest

State = Literal["waiting", "left out", "given up", "diverged", "done"]


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate.

    Args:
        candidate: which.
        state: waiting, left out (by the plan, or a blend of nothing), given up (after its first fold), diverged or done.
        why: in a sentence.
        error: of every development case, (n,); of a candidate that is done.
    """

    candidate: Candidate
    state: State
    why: str
    error: Float[Tensor, " n"] | None = None


def chosen_of(outcomes: Sequence[Outcome], judge: Judge, *, seed: int) -> tuple[Outcome, Choice | None] | None:
    """The candidate that answers, and how good the choice is; None where none is done.

    Cases that a candidate says nothing of do not count. Of one group alone nothing can be told: the cheapest answers.
    """
    done = [one for one in outcomes if one.error is not None]
    if not done:
        return None
    errors = torch.stack([one.error for one in done if one.error is not None])
    rows = torch.nonzero(~torch.cat([errors, judge.baseline[None]]).isnan().any(0)).flatten()
    group = [judge.group[row] for row in rows.tolist()]
    if len(set(group)) < 2:
        return done[0], None
    fold = [judge.fold[row] for row in rows.tolist()]
    choice = choose(errors[:, rows], judge.baseline[rows], group, fold, seed=seed)
    return done[choice.index], choice


def promising(error: Float[Tensor, " m"], other: Float[Tensor, " m"], group: Sequence[str]) -> tuple[bool, str]:
    """Whether a candidate's first fold gives hope that it beats a finished one: it is not more than a standard error worse.

    Args:
        error: of the candidate on the cases of its first fold.
        other: of the finished one on the same cases.
        group: of each case; the standard error of the mean difference is that of the groups.

    Returns:
        Whether, and the figures in words.
    """
    known = ~(error.isnan() | other.isnan())
    better, spread = gain(error, other, group)
    said = (
        f"its error on its first fold is {float(error[known].mean()):.3g}, more than a standard error above the "
        f"{float(other[known].mean()):.3g} that the best so far has on the same cases"
    )
    return -better <= spread, said


def gain(error: Float[Tensor, " m"], other: Float[Tensor, " m"], group: Sequence[str]) -> tuple[float, float]:
    """By how much an error is smaller than another one on the same cases, and the standard error of that, by groups.

    Cases that one of them says nothing of do not count.
    """
    known = ~(error.isnan() | other.isnan())
    (codes,) = group_codes([group[row] for row in torch.nonzero(known).flatten().tolist()])
    difference = (other - error)[known]
    mean, count = difference.mean(), int(codes.max()) + 1 if len(codes) else 0
    sums = torch.zeros(count, dtype=difference.dtype).index_add_(0, codes, difference - mean)
    spread = sums.square().sum().sqrt() / max(1, len(difference)) * math.sqrt(count / max(1, count - 1))
    return float(mean), float(spread)


def write_candidates(
    folder: RunFolder, outcomes: Sequence[Outcome], judge: Judge, *, seed: int, minutes: dict[str, float]
) -> dict[str, Any]:
    """Write candidates.json: what each came to, which answers, and how good that choice is."""
    found = chosen_of(outcomes, judge, seed=seed)
    done = [one for one in outcomes if one.error is not None]
    values: dict[str, Any] = {
        "medgauge": __version__,
        "plan": plan_digest(folder),
        "finished": all(one.state != "waiting" for one in outcomes),
        "chosen": found[0].candidate.name if found else None,
        "targets": judge.targets,
        "unit": "that of the labels" if len(judge.targets) == 1 else "mean error of the better baseline of each target",
        "cases": len(judge.id),
        "groups": len(set(judge.group)),
        "read": "out of fold" if judge.folds else "on validation cases",
        "candidates": [
            {
                "name": one.candidate.name,
                "what": what_it_is(one.candidate.name),
                "state": one.state,
                "why": one.why,
                "error": None if one.error is None else float(one.error.nanmean()),
                "fit": None if one.error is None else fit_digest(folder.inner(one.candidate.name)),
                "minutes": minutes.get(one.candidate.name),
                "expected_minutes": one.candidate.minutes if one.candidate.tried else None,
                "settings": dict(one.candidate.changes),
                "short": None if one.candidate.short is None else dict(one.candidate.short),
            }
            for one in outcomes
        ],
    }
    if found and found[1]:
        choice = {key: value for key, value in asdict(found[1]).items() if key not in ("index", "picked")}
        values["choice"] = {"among": [one.candidate.name for one in done], "baselines": judge.names, **choice}
        values["choice"]["baseline_error"] = float(judge.baseline.nanmean())
    if found:
        values["sentence"] = choice_sentence(values)
    write_own(folder, CANDIDATES, values)
    return values


def done(candidate: Candidate, folder: RunFolder, judge: Judge) -> Outcome:
    """Of a candidate whose run is finished."""
    return Outcome(candidate, "done", candidate.why, judge.errors(folder))
