"""Means over findings of the methods of a comparison: macro ROC-AUC and the like, whole and by how frequent findings are."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.comparing.judged import Cases, Judged, spread_of
from medgauge.core.figure import Figure
from medgauge.functional.findings import frequency_regions
from medgauge.functional.regions import REGION_NAMES
from medgauge.metrics.bootstrap import MIN_GROUPS, TOO_FEW_GROUPS
from medgauge.metrics.catalogue import AUC, LOG_LOSS, PRECISION
from medgauge.metrics.comparison import ends, holm, paired_p
from medgauge.metrics.crossed import crossed_columns
from medgauge.metrics.macro import LEAST_POSITIVES

MEANS = (AUC, PRECISION, LOG_LOSS)
"""Figures whose mean over the findings is told."""


def macro_block(judged: Judged, *, draws: int, seed: int) -> dict[str, Any] | None:
    """Of each of ``MEANS`` the mean over findings with 10 training cases or more that have them, with the columns named.

    Whole (``all``) and by frequency (many, medium, few), for each method: mean and spread over the times that it was made, its
    interval, and the difference to the reference with its interval and p-value, adjusted by Holm: of the whole over the methods,
    by frequency over methods and regions. Draws are those of single findings (groups, seeds and partitions, crossed), the same
    for all columns and methods; a draw in which a finding has no figure has the mean of the others.

    How many training cases have a finding is the mean over the runs of the reference. A finding of which the judged cases
    are all present or all absent has no figure that orders them, and is in no mean of one.

    Returns:
        None unless there are several findings.

    Args:
        judged: cases, values and entries.
        draws: how many.
        seed: of the draws.
    """
    known = {target: _positives(judged, target) for target in judged.targets}
    positives = {target: count for target, count in known.items() if count is not None}
    if len(positives) < 2:
        return None
    region = dict(zip(positives, frequency_regions(list(positives.values())), strict=True))
    counted = [target for target, count in positives.items() if count >= LEAST_POSITIVES]
    return {
        "reference": judged.reference,
        "draws": draws,
        "least_positives": LEAST_POSITIVES,
        "positives": positives,
        "region": region,
        "figures": {figure.name: _means(figure, judged, counted, region, draws, seed) for figure in MEANS},
    }


def _positives(judged: Judged, target: str) -> int | None:
    """Training cases with a finding; None of what is none."""
    counts = [(run["test"][target].get("training") or {}).get("present") for run in judged.entries[judged.reference]]
    known = [int(count) for count in counts if count is not None]
    return round(sum(known) / len(known)) if len(known) == len(counts) else None


def _means(
    figure: Figure, judged: Judged, counted: Sequence[str], region: dict[str, str], draws: int, seed: int
) -> dict[str, Any]:
    """The columns that are in the means, those left out, and the means of all of them and of each region."""
    each = {target: _of_column(figure, judged, target) for target in counted}
    columns = [target for target, one in each.items() if not any(bool(made.isnan().any()) for made in one.values())]
    drawn = _drawn(figure, judged, columns, draws, seed)
    parts = {"all": columns} | {name: [target for target in columns if region[target] == name] for name in REGION_NAMES}
    found = dict[str, dict[str, Any]]()
    for name, own in parts.items():
        made = {method: [each[target][method] for target in own] for method in judged.entries}
        means = {method: torch.stack(one).mean(0).tolist() if own else [] for method, one in made.items()}
        places = [columns.index(target) for target in own]
        some = None if drawn is None or not own else drawn[places].nanmean(0)
        found[name] = {"columns": own, "methods": _methods(judged, means, some)}
    for family in (["all"], list(REGION_NAMES)):
        _adjust([one for name in family for one in found[name]["methods"].values() if "p" in one])
    return {"columns": columns, "left_out": [target for target in region if target not in columns], "parts": found}


def _of_column(figure: Figure, judged: Judged, target: str) -> dict[str, Float[Tensor, " r"]]:
    """The figure of one finding, of each method each time that it was made."""
    place = judged.targets.index(target)
    label = judged.label[:, place].double()
    rows = ~label.isnan()
    group = [name for name, kept in zip(judged.group, rows.tolist(), strict=True) if kept]
    fold = None if judged.fold is None else judged.fold[:, rows]
    cases = Cases(judged.value[..., rows, place].double(), label[rows], group, fold)
    return {name: judged.of_each(figure, name, cases) for name in judged.entries}


def _drawn(
    figure: Figure, judged: Judged, columns: Sequence[str], draws: int, seed: int
) -> Float[Tensor, "t b m"] | None:
    """The figure of every column and method in each draw; None with too few groups."""
    places = [judged.targets.index(target) for target in columns]
    label = judged.label[:, places].double()
    rows = ~label.isnan().all(1)
    group = [name for name, kept in zip(judged.group, rows.tolist(), strict=True) if kept]
    if len(set(group)) < MIN_GROUPS:
        return None
    value = judged.value[..., rows, :][..., places].double()
    fold = None if judged.fold is None else judged.fold[:, rows]
    return crossed_columns(figure, value, label[rows], group, fold=fold, draws=draws, seed=seed)


def _methods(judged: Judged, means: dict[str, list[float]], drawn: Float[Tensor, "b m"] | None) -> dict[str, Any]:
    """Of each method the mean, and its difference to the reference with its p-value."""
    names, nothing = list(judged.entries), float("nan")
    at, kept = names.index(judged.reference), None
    if drawn is not None:
        some = ~drawn.isnan().any(1)
        kept = drawn[some] if bool(some.any()) else None
    found: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(names):
        block: dict[str, Any] = spread_of(means[name])
        block["ci95"] = TOO_FEW_GROUPS if kept is None else ends(kept[:, [place]])[0].tolist()
        if place != at:
            own, other = (spread_of(means[one])["mean"] for one in (name, judged.reference))
            block["difference"] = None if own is None or other is None else own - other
            apart = None if kept is None else kept[:, [place]] - kept[:, [at]]
            block["difference_ci95"] = TOO_FEW_GROUPS if apart is None else ends(apart)[0].tolist()
            block["p"] = nothing if apart is None else float(paired_p(apart)[0])
        found[name] = block
    return found


def _adjust(family: Sequence[dict[str, Any]]) -> None:
    """Put Holm's p-value beside that of each difference of a family."""
    for one, p in zip(family, holm([one["p"] for one in family]), strict=True):
        one["p_holm"] = p
