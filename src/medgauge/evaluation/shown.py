"""Whether the cases show that a target is read better than the better of its baselines does, and the likely reason if not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.evaluation.chances import shares_words
from medgauge.evaluation.figures import Judged
from medgauge.metrics import skill
from medgauge.metrics.bootstrap import MIN_GROUPS, TOO_FEW_GROUPS
from medgauge.metrics.comparison import ends
from medgauge.metrics.crossed import crossed_means

DRAWS = 1000
FLAT = 0.1
"""Of the labels' standard deviation: values that differ less hardly differ."""
FLAT_CHANCES = 0.01
"""The same of chances of a state, which lie together where it is rare."""
WITHIN_REACH = 20
"""How many times more groups are still named as what would tell."""
EARLY = 0.1
"""Of the steps: a checkpoint from before them is an early one."""


@dataclass(frozen=True)
class _Against:
    """Errors of n labelled cases beside those of the better baseline.

    Args:
        error: of the values.
        blind: of the baseline.
        group: the group of each case.
        key: the baseline's name.
        words: the baseline in words.
    """

    error: Float[Tensor, " n"]
    blind: Float[Tensor, " n"]
    group: Sequence[str]
    key: str
    words: str

    @property
    def groups(self) -> int:
        return len(set(self.group))

    @property
    def skill(self) -> float:
        return float(skill(self.error.mean(), self.blind.mean()))

    def interval(self) -> list[float] | str:
        """Of the skill, both errors from the same draws of groups; NaN where the baseline makes no error in a draw."""
        if self.groups < MIN_GROUPS:
            return TOO_FEW_GROUPS
        model, blind = crossed_means(torch.stack([self.error, self.blind])[:, None], self.group, draws=DRAWS).unbind(1)
        return [math.nan, math.nan] if (blind == 0).any() else ends((1 - model / blind)[:, None])[0].tolist()


def shown_block(judged: Judged, target: int) -> dict[str, object]:
    """``baseline``, ``skill``, ``ci95``, ``verdict`` and ``reason`` of one target; nothing where it has no baseline.

    The better baseline is that with the smaller error on these very cases. Verdict and interval are drawn with the same
    seed in every run, whether or not other intervals are. Values that hardly differ are told beside either verdict: where
    labels are others than those of the training cases, another constant is better than theirs.
    """
    against = _against(judged, target)
    if against is None:
        return {}
    interval = against.interval()
    few = _few_reasons(judged, target)
    is_shown = not few and not isinstance(interval, str) and interval[0] > 0
    flat = _value_reasons(judged, target)
    reasons = [f"yet {one}, so that they tell hardly any case from another" for one in flat]
    if not is_shown:
        reasons = few or [*_error_reasons(against, interval), *flat]
    return {
        "baseline": against.key,
        "skill": against.skill,
        "ci95": interval,
        "verdict": f"{'' if is_shown else 'not '}shown better than {against.words}",
        "reason": "; ".join(reasons),
    }


def with_reasons(blocks: Mapping[str, dict[str, object]], reasons: Sequence[str]) -> None:
    """Add further likely reasons to all targets that are not shown better, and to those of groups as one value."""
    for block in blocks.values():
        for part in (block, block.get("by_group_mean")):
            found = part.get("shown") if isinstance(part, dict) else None
            if isinstance(found, dict) and found["verdict"].startswith("not "):
                found["reason"] = "; ".join(filter(None, [found["reason"], *reasons]))


def training_reasons(trainings: Sequence[Mapping[str, object]]) -> list[str]:
    """What the training of a fit, or of most of several fits, may have to do with it: steps and best_step tell.

    >>> training_reasons([{"steps": 60, "best_step": 6}])
    ['validation did not improve after step 6 of 60']
    """
    known = [(int(str(one["best_step"])), int(str(one["steps"]))) for one in trainings if one.get("steps")]
    early = [one for one in known if 0 < one[0] <= max(1, EARLY * one[1]) and one[1] > 1]
    late = [one for one in known if one[0] == one[1]]
    if not trainings or 2 * max(len(early), len(late)) <= len(trainings):
        return []
    of = f" in {max(len(early), len(late))} of {len(trainings)} folds" if len(trainings) > 1 else ""
    if len(late) >= len(early):
        return [f"validation was best at the last step{of}, so longer training may help"]
    best, steps = early[0]
    where = "the first tenth of the steps" if of else f"step {best} of {steps}"
    return [f"validation did not improve after {where}{of}"]


def _against(judged: Judged, target: int) -> _Against | None:
    """The better baseline, the first of equal ones."""
    value, label = judged.pair(target)
    known = ~label[:, 0].isnan()
    kinds = [kind for kind in judged.task.baselines if kind.name in judged.baselines]
    if not kinds:
        return None
    said = {kind.name: judged.baselines[kind.name][:, target : target + 1].double() for kind in kinds}
    errors = {name: judged.task.error(values, label)[known, 0] for name, values in said.items()}
    means = {name: float(one.mean()) for name, one in errors.items()}
    best = min(kinds, key=lambda kind: math.inf if math.isnan(means[kind.name]) else means[kind.name])
    return _Against(
        error=judged.task.error(value, label)[known, 0],
        blind=errors[best.name],
        group=[name for name, kept in zip(judged.group, known.tolist(), strict=True) if kept],
        key=best.name,
        words="the covariates alone"
        if best.of_covariates
        else _constant_words(best.name, said[best.name][:, 0], judged, target),
    )


def _constant_words(name: str, values: Float[Tensor, "n *k"], judged: Judged, target: int) -> str:
    """What a constant baseline of that name says; of several fits it may be several constants."""
    there = values[~values.reshape(len(values), -1).isnan().any(1)]
    if not len(there):
        return "a constant"
    if values.ndim == 2:
        return shares_words(there, judged.task.strata, target, len(judged.task.columns))
    low, high = f"{float(there.min()):.4g}", f"{float(there.max()):.4g}"
    return (
        f"always saying {low}"
        if low == high
        else f"always saying the training {name.replace('_', ' ')} ({low} to {high})"
    )


def _error_reasons(against: _Against, interval: list[float] | str) -> list[str]:
    """Why the errors do not show it."""
    if not len(against.error):
        return ["no case has a label"]
    own, blind, size = float(against.error.mean()), float(against.blind.mean()), against.skill
    if blind == 0:
        return [f"{against.words} makes no error on these cases"]
    found = [] if own < blind else [f"its error, {own:.3g}, is not below {blind:.3g}, that of {against.words}"]
    if isinstance(interval, str):
        return [*found, f"{against.groups} groups with labels are too few for an interval, which needs {MIN_GROUPS}"]
    if math.isnan(interval[0]):
        return [*found, f"too few groups have labels of which {against.words} is wrong"]
    if size > 0:
        needed = math.ceil(against.groups * ((size - interval[0]) / size) ** 2)
        few = f"few cases: to show a skill of {size:.2f}, about {needed} groups are needed, and there are {against.groups}"
        found.append(few if needed <= WITHIN_REACH * against.groups else "its error is hardly smaller")
    return found


def _few_reasons(judged: Judged, target: int) -> list[str]:
    """Parts of the labels with too few cases for the figure to show anything."""
    strata, least = judged.task.strata, judged.main.least
    if not least:
        return []
    place = strata.of(judged.readings.observed.label)[:, target]
    counts = {name: int((place == code).sum()) for code, name in enumerate(strata.names)}
    whole = sum(counts.values())
    return [
        f"{name} in {count} of {whole} cases, and fewer than {least} show nothing"
        for name, count in counts.items()
        if count < least
    ]


def _value_reasons(judged: Judged, target: int) -> list[str]:
    """What the values themselves tell."""
    value, label = judged.pair(target)
    known = ~label[:, 0].isnan()
    if int(known.sum()) < 2 or value.ndim > 2:  # chances of classes
        return []
    least = FLAT if judged.main.unit == "label" else FLAT_CHANCES
    spread, wanted = float(value[known].std()), float(label[known].std())
    if wanted > 0 and spread < least * wanted:
        return [f"its values hardly differ: their standard deviation is {spread:.2g}, that of the labels {wanted:.2g}"]
    return []
