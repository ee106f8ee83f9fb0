"""Further seeds of what is trained, for a blend of several fits of one kind."""

from collections.abc import Sequence
from dataclasses import replace

from medgauge.planning.candidates import Candidate

SEEDS = 3
"""Fits of one kind at most."""
AGAIN_WHY = "the mean of networks that differ by chance alone is better than each; as many as there is time for"


def further_seeds(candidates: Sequence[Candidate], seconds: float, folds: int) -> list[Candidate]:
    """The candidates that are trained, once more and a third time, as far as there is time.

    Without folds there are none: their validation cases differ, and a blend needs values out of fold.

    Args:
        candidates: of the plan.
        seconds: that are left.
        folds: of each.
    """
    found, left = [], seconds
    for seed in range(2, SEEDS + 1) if folds else ():
        for one in candidates:
            if one.tried and one.trains and 60 * one.minutes <= left:
                found.append(replace(one, name=f"{one.name}_{seed}"))
                left -= 60 * one.minutes
    return found
