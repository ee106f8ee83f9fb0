"""The figures of several findings together: macro means, whole and by how frequent findings are, with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.figure import Figure
from medgauge.functional.regions import REGION_NAMES
from medgauge.metrics.bootstrap import MIN_GROUPS, TOO_FEW_GROUPS, group_times
from medgauge.metrics.groups import group_codes
from medgauge.metrics.macro import LEAST_POSITIVES, enough_positives, macro_by_region, macro_mean, ranking_precision

DRAWS = 1000


def findings_block(
    figures: Mapping[str, Figure],
    value: Float[Tensor, "n t"],
    raw: Float[Tensor, "n t"],
    label: Float[Tensor, "n t"],
    group: Sequence[str],
    columns: Sequence[str],
    region: Mapping[str, str],
    *,
    seed: int | None,
    fold: Int[Tensor, " n"] | None = None,
) -> dict[str, object]:
    """Of each figure ``macro`` (value, columns, left_out, ci95) and ``by_frequency``, and the label ranking of the cases.

    Only columns with 10 present cases or more, and of two groups or more both with the finding and without, are in a mean; the
    others are listed. Intervals draw groups with replacement,
    the same draws for all columns; without a seed there are none.

    Args:
        figures: of findings.
        value: probabilities.
        raw: before calibration, by which cases are ordered.
        label: 1, 0, NaN = missing.
        group: of each case.
        columns: names of the findings.
        region: how frequent each is among the training cases: many, medium, few.
        seed: of the draws.
        fold: of each case, where several models read them: cases are ordered within one alone.
    """
    value, raw, label = (part.detach().cpu().double() for part in (value, raw, label))
    counted, found = _counted(label, group, columns), dict[str, object]()
    positives = (label == 1).sum(0).tolist()
    for name, figure in figures.items():
        said = raw if figure.ranks else value
        each = dict(zip(columns, figure.within(fold).of(said, label).tolist(), strict=True))
        mean = macro_mean(each, counted)
        at = [list(columns).index(one) for one in mean.columns]
        interval = _interval(figure, said[:, at], label[:, at], group, seed, fold)
        parts = macro_by_region(each, region, counted, REGION_NAMES)
        found[name] = {
            "macro": mean.to_dict() | {"ci95": interval},
            "by_frequency": {part: one.to_dict() for part, one in parts.items()},
        }
    few = {name: count for name, count in zip(columns, positives, strict=True) if name not in counted}
    return {
        "least_positives": LEAST_POSITIVES,
        "columns": list(counted),
        "few_positives": few,
        "figures": found,
        "ranking_precision": ranking_precision(raw, label),
    }


def _counted(label: Float[Tensor, "n t"], group: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """Columns with enough present cases, and more than one group in either state: else the fold of the one knows nothing."""
    kept, (codes,) = set(enough_positives(label, columns)), group_codes(list(group))
    lone = {
        name
        for name, column in zip(columns, label.unbind(1), strict=True)
        if any(len(set(codes[column == state].tolist())) == 1 for state in (0, 1))
    }
    return tuple(name for name in columns if name in kept - lone)


def _interval(
    figure: Figure,
    value: Float[Tensor, "n t"],
    label: Float[Tensor, "n t"],
    group: Sequence[str],
    seed: int | None,
    fold: Int[Tensor, " n"] | None,
) -> list[float] | str:
    """The 95 % interval of the mean of a figure over columns; draws in which a column has none take the mean of the others."""
    seen: Any = ~label.isnan()
    rows = seen.any(1)
    named = [name for name, kept in zip(group, rows.tolist(), strict=True) if kept]
    if seed is None or figure.drawn is None:
        return "not computed"
    if not label.shape[1] or len(set(named)) < MIN_GROUPS:
        return TOO_FEW_GROUPS
    codes, means = group_codes(named)[0], []
    value, label, seen = value[rows], label[rows], seen[rows]
    folds = [None if fold is None else fold[rows][known] for known in seen.unbind(1)]
    columns = [figure.within(own).drawn for own in folds]
    for times in group_times(int(codes.max()) + 1, DRAWS, seed):
        each = [
            drawn(value[known, at], label[known, at], times[codes[known]])
            for at, (drawn, known) in enumerate(zip(columns, seen.unbind(1), strict=True))
            if drawn is not None
        ]
        means.append(torch.stack(each).nanmean(0))
    ends = torch.nanquantile(torch.cat(means), torch.tensor([0.025, 0.975], dtype=torch.float64))
    return [float(end) for end in ends]
