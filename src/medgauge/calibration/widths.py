"""How well the intervals of a split cover and how wide they are, whole and by label region, as results.json holds it."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from medgauge.calibration.covering import binomial_interval, coverage, mean_width
from medgauge.calibration.scores import one_a_group
from medgauge.core.task import Observed, Strata


def interval_block(
    said: Mapping[str, Tensor], observed: Observed, strata: Strata, target: int, *, seed: int
) -> dict[str, Any]:
    """Coverage and width of one kind of interval, whole and ``by_region``.

    ``coverage`` and ``width`` are those of the hull, one interval a case. ``coverage_ci95`` is the Clopper-Pearson
    interval from one drawn case a group (``drawn`` of them, ``drawn_covered`` covered), since cases of one group are
    not independent; where every group has one case that is all of them. The level is promised for the set
    (``set_coverage``); ``over_coverage`` is what the hull has more than it: share of its length, and share of the cases.

    Args:
        said: lower, upper, pieces, excess, covered and in_set, (n, t) each.
        observed: labels and groups.
        strata: of the labels.
        target: which column.
        seed: of the draw of one case a group.
    """
    lower, upper, pieces, excess, in_set = (
        said[name][:, target] for name in ("lower", "upper", "pieces", "excess", "in_set")
    )
    truth = observed.label[:, target].double()
    covered = said["covered"][:, target].double()

    def figures(rows: Bool[Tensor, " n"]) -> dict[str, Any]:
        known = rows & ~truth.isnan()
        drawn, in_sets = (
            one_a_group(part.double().masked_fill(~known, torch.nan), observed.group, seed, target)
            for part in (covered, in_set)
        )
        ends = lower[:, None], upper[:, None]
        share = float(coverage(*ends, truth[:, None], known[:, None])[0])
        return {
            "n": int(known.sum()),
            "coverage": share,
            "coverage_ci95": list(binomial_interval(int(sum(drawn)), len(drawn))),
            "drawn": len(drawn),
            "drawn_covered": int(sum(drawn)),
            "width": float(mean_width(*ends, known[:, None])[0]),
            "pieces": _mean(pieces, known),
            "share_empty": _mean(pieces == 0, known),
            "share_infinite": _mean((upper - lower).isinf(), known),
            "set_coverage": _mean(in_set, known),
            "set_drawn_covered": int(sum(in_sets)),
            "set_coverage_ci95": list(binomial_interval(int(sum(in_sets)), len(in_sets))),
            "over_coverage": {
                "length": _mean(excess, known & ~excess.isnan()),
                "coverage": share - _mean(in_set, known),
            },
        }

    region = strata.of(observed.label)[:, target]
    block = figures(torch.ones(len(truth), dtype=torch.bool))
    block["by_region"] = {name: figures(region == code) for code, name in enumerate(strata.names)}
    return block


def _mean(number: Tensor, rows: Bool[Tensor, " n"]) -> float:
    """Mean over some rows; NaN without any."""
    return float(number[rows].double().mean())
