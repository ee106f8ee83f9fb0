"""How well the intervals of a split cover, whole and by label region, as results.json holds it."""

from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from medgauge.api.intervals import Conformal
from medgauge.api.readers import Reader, Readings
from medgauge.core.batch import Gallery
from medgauge.inference import Hull, LabelConditionalConformal, SplitConformal, binomial_interval, coverage, mean_width
from medgauge.inference.scores import one_a_group
from medgauge.metrics import REGION_NAMES


def interval_blocks(
    readings: Readings, cases: Gallery, place: int, region: Int[Tensor, " n"], reader: Reader, seed: int
) -> dict[str, Any]:
    """The block ``interval`` of record and the one beside it (``plain_interval``, if the one of record is not plain).

    ``coverage`` and ``width`` are those of the hull, one interval a case. ``coverage_ci95`` is the Clopper-Pearson
    interval from one drawn case a group (``drawn`` of them, ``drawn_covered`` covered), since cases of one group are
    not independent; where every group has one case that is all of them. The level is promised for the set
    (``set_coverage``); ``over_coverage`` is what the hull has more than it: share of its length, and share of the cases.
    """
    fitted = reader.fitted
    both = {
        "interval": (fitted.record, readings.interval),
        f"{fitted.beside_name}_interval": (fitted.beside, readings.beside),
    }
    groups = next(one.groups[place] for one, _ in both.values() if isinstance(one, SplitConformal))
    found = {}
    sets = reader.in_sets(readings, cases.label.double())
    for (name, (conformal, hull)), in_set in zip(both.items(), sets, strict=True):
        found[name] = _block(conformal, hull, in_set[:, place], cases, place, region, seed) | {"n_groups": groups}
    return found


def _block(
    conformal: Conformal, hull: Hull, in_set: Tensor, cases: Gallery, place: int, region: Tensor, seed: int
) -> dict[str, Any]:
    lower, upper, pieces, excess = (part[:, place] for part in hull)
    truth = cases.label[:, place].double()
    covered = ((lower <= truth) & (truth <= upper)).double()

    def figures(rows: Tensor) -> dict[str, Any]:
        known = rows & ~truth.isnan()
        drawn, in_sets = (
            one_a_group(part.double().masked_fill(~known, torch.nan), cases.group, seed, place)
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
            "set_coverage_ci95": list(binomial_interval(int(sum(in_sets)), len(in_sets))),
            "over_coverage": {
                "length": _mean(excess, known & ~excess.isnan()),
                "coverage": share - _mean(in_set, known),
            },
        }

    block: dict[str, Any] = {"kind": conformal.kind, "level": conformal.level, "note": conformal.note(place)}
    block |= figures(torch.ones(len(truth), dtype=torch.bool))
    block["by_region"] = {name: figures(region == code) for code, name in enumerate(REGION_NAMES)}
    if isinstance(conformal, LabelConditionalConformal):
        for name, count in zip(REGION_NAMES, conformal.groups[place], strict=True):
            block["by_region"][name]["calibration_groups"] = count
    return block


def _mean(number: Tensor, rows: Tensor) -> float:
    """Mean over some rows; NaN without any."""
    return float(number[rows].double().mean())
