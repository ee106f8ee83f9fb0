"""How well sets of levels hold, whole, by region and by true level, as results.json holds it."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from medgauge.calibration.covering import binomial_interval
from medgauge.calibration.scores import one_a_group
from medgauge.core.task import Observed, Stated, Strata
from medgauge.functional.grades import level_places, level_word


def set_figures(
    stated: Stated,
    observed: Observed,
    strata: Strata,
    levels: Sequence[float],
    target: int,
    *,
    seed: int,
    words: Sequence[str] | None = None,
    by: str = "by_grade",
) -> dict[str, Any]:
    """Coverage and size of the sets of one target's labelled cases; NaN where there is none.

    ``coverage_ci95`` is the Clopper-Pearson interval from one drawn case a group (``drawn`` of them, ``drawn_covered``
    covered), since cases of one group are not independent. ``off_levels`` cases have a label that is no training level:
    they count as not covered, and are in no entry of ``by``.

    Args:
        stated: ``set`` (n, t, k) and ``covered`` (n, t).
        observed: the cases.
        strata: regions for ``by_region``.
        levels: of this target.
        target: its place.
        seed: of the draw of one case a group.
        words: what the levels are called; None: as the numbers that they are.
        by: the key of the entries of each true level.
    """
    label = observed.label[:, [target]].cpu()
    place = level_places(label, [levels])[:, 0]
    region = strata.of(observed.label)[:, target].cpu()
    known = ~label[:, 0].isnan()
    covered = stated["covered"][:, target].double()
    size = stated["set"][:, target].sum(-1).double()

    def brief(rows: Bool[Tensor, " n"]) -> dict[str, Any]:
        return {"n": int(rows.sum()), "coverage": _mean(covered, rows), "size": _mean(size, rows)}

    def full(rows: Bool[Tensor, " n"]) -> dict[str, Any]:
        drawn = one_a_group(covered.masked_fill(~rows, torch.nan), observed.group, seed, target)
        sure = {"coverage_ci95": list(binomial_interval(int(sum(drawn)), len(drawn)))}
        return brief(rows) | sure | {"drawn": len(drawn), "drawn_covered": int(sum(drawn))}

    whole = full(known) | {
        "share_whole": _mean(size == len(levels), known),
        "share_empty": _mean(size == 0, known),
        "off_levels": int((known & (place < 0)).sum()),
    }
    return whole | {
        "by_region": {name: brief(known & (region == code)) for code, name in enumerate(strata.names)},
        by: {word: full(place == at) for at, word in enumerate(words or map(level_word, levels))},
    }


def _mean(number: Tensor, rows: Bool[Tensor, " n"]) -> float:
    """Mean over some rows; NaN without any."""
    return float(number[rows].double().mean())
