"""Figures of subgroups, and how much labels differ within groups."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from medgauge.calibration.covering import binomial_interval
from medgauge.calibration.scores import one_a_group
from medgauge.core.batch import Cases
from medgauge.evaluation.figures import Judged, count_groups, interval_of
from medgauge.metrics.groups import grouping

SEVERAL = "(several)"
"""The subgroup of a group whose cases are in different ones."""


def subgroup_blocks(judged: Judged, target: int, values: Sequence[str], seed: int | None) -> dict[str, object]:
    """The figures of one target for each value of a column, in the order of the alphabet."""
    return {
        name: _subgroup(judged, target, torch.tensor([value == name for value in values]), seed)
        for name in sorted(set(values))
    }


def _subgroup(judged: Judged, target: int, rows: Bool[Tensor, " n"], seed: int | None) -> dict[str, object]:
    """Size, the figures of cases and coverage of one subgroup; coverage from one drawn case a group, as elsewhere."""
    label = judged.pair(target)[1]
    label = label.masked_fill(~rows[:, None], torch.nan)
    known = ~label[:, 0].isnan()
    covered = judged.readings.stated["covered"][:, target].double()
    drawn = one_a_group(covered.masked_fill(~known, torch.nan), judged.group, seed or 0, target)
    figures = {name: one for name, one in judged.task.figures.items() if one.headline and one.in_strata}
    block: dict[str, object] = {"n": int(known.sum()), "groups": count_groups(judged.group, known)}
    block |= {name: float(one.of(judged.readings.of_figure(one, target), label)[0]) for name, one in figures.items()}
    block["coverage"] = float(covered[known].mean())
    intervals: dict[str, object] = {
        name: interval_of(one, judged.readings.of_figure(one, target), label, judged.group, seed)
        for name, one in figures.items()
    }
    block |= {"drawn": len(drawn), "drawn_covered": int(sum(drawn))}
    return block | {"ci95": {**intervals, "coverage": list(binomial_interval(int(sum(drawn)), len(drawn)))}}


def label_ranges(cases: Cases, target: int) -> dict[str, object]:
    """In how many groups the labels of one target differ, and by how much at most."""
    names, code = grouping(cases.group)
    label = cases.label[:, target].double()
    known = ~label.isnan()
    nothing = torch.zeros(len(names), dtype=torch.float64)
    high, low = (
        nothing.scatter_reduce(0, code[known], label[known], way, include_self=False) for way in ("amax", "amin")
    )
    return {"differ": int((high > low).sum()), "largest_range": float((high - low).max())}


def common(values: Sequence[str], code: Int[Tensor, " n"], count: int) -> list[str]:
    """For each group the value that its cases have in common."""
    found: list[set[str]] = [set() for _ in range(count)]
    for value, place in zip(values, code.tolist(), strict=True):
        found[place].add(value)
    return [next(iter(of)) if len(of) == 1 else SEVERAL for of in found]
