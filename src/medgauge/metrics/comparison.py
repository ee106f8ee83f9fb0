"""Methods compared on the same cases over several seeds: intervals, differences, and what may be said of them."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_number

Verdict = Literal[
    "better", "worse", "not worse", "not shown", "not decided: one seed", "not decided: two seeds",
    "not decided: one partition", "not decided: two partitions",
]  # fmt: skip
LEAST_SEEDS = 3  # with fewer, chance in training makes a "better" or "worse" that is none in a fifth of the cases
MARGIN = 0.03  # largest relative increase of the MAE that still counts as not worse
MARGIN_FEW = 0.10  # the same in the region few


def ends(drawn: Float[Tensor, "b m"], *, level: float = 0.95) -> Float[Tensor, "m 2"]:
    """Percentile interval of each column.

    >>> ends(torch.arange(12.0).double()[:, None], level=0.9)
    tensor([[ 0.5500, 10.4500]], dtype=torch.float64)
    """
    check_number("level", level, above=0, below=1)
    tail = (1 - level) / 2
    return torch.quantile(drawn.double(), torch.tensor([tail, 1 - tail], dtype=torch.float64), dim=0).T


def paired_p(difference: Float[Tensor, "b m"]) -> Float[Tensor, " m"]:
    """Two-sided bootstrap p-value of a difference of 0 for each column of drawn differences.

    Twice the smaller share of the draws on one side of 0 (0 counts on both), plus one draw, at most 1: a method that
    equals the reference has 1, and no p-value is 0.

    >>> paired_p(torch.tensor([[1.0], [2.0], [3.0]]))
    tensor([0.5000], dtype=torch.float64)
    """
    draws = difference.shape[0]
    side = torch.minimum((difference <= 0).sum(dim=0), (difference >= 0).sum(dim=0)).double()
    found = (2 * (side + 1) / (draws + 1)).clamp(max=1.0)
    return found.masked_fill(torch.isnan(difference).any(dim=0), torch.nan)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: below alpha together with at most alpha chance of any false one. NaN stays NaN.

    - Source: Holm, Scandinavian Journal of Statistics 1979.

    >>> [round(value, 3) for value in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    known = sorted((value, place) for place, value in enumerate(p) if value == value)
    adjusted, highest = [float("nan")] * len(p), 0.0
    for rank, (value, place) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * value))
        adjusted[place] = highest
    return adjusted


def verdict(
    p_holm: float,
    difference: tuple[float, float],
    relative_high: float,
    relative_high_few: float,
    *,
    seeds: int,
    partitions: int | None = None,
    alpha: float = 0.05,
) -> Verdict:
    """What may be said of a method against the reference.

    "better" or "worse": Holm's p below alpha and the interval on one side of 0. "not worse": the upper limit of the
    relative increase of the MAE is at most 3 % overall and at most 10 % in the region few. Everything else, also what
    could not be computed (NaN), is "not shown". Of fewer than three seeds nothing else is said: what is in the intervals
    then is hardly the chance of training, or not at all. Of a method that every seed makes the same, partitions count.

    >>> verdict(0.5, (-1.0, 0.2), 0.02, 0.08, seeds=3), verdict(0.5, (-1.0, 0.2), 0.02, 0.2, seeds=3)
    ('not worse', 'not shown')
    >>> verdict(0.01, (-2.0, -1.0), -0.1, 0.2, seeds=3), verdict(0.01, (-2.0, -1.0), -0.1, 0.2, seeds=1)
    ('better', 'not decided: one seed')
    >>> verdict(0.01, (-2.0, -1.0), -0.1, 0.2, seeds=1, partitions=2)
    'not decided: two partitions'

    Args:
        p_holm: adjusted p-value.
        difference: its interval; more is worse.
        relative_high: upper limit of the relative difference.
        relative_high_few: the same in the region few.
        seeds: of the method.
        partitions: into folds, of a method that every seed makes the same; None: of another.
        alpha: of the adjusted p-value.
    """
    low, high = difference
    shown: Verdict = "not shown"
    if p_holm < alpha and high < 0:
        shown = "better"
    elif p_holm < alpha and low > 0:
        shown = "worse"
    elif relative_high <= MARGIN and relative_high_few <= MARGIN_FEW:
        shown = "not worse"
    repeats = seeds if partitions is None else partitions
    if shown == "not shown" or repeats >= LEAST_SEEDS:
        return shown
    if partitions is None:
        return "not decided: one seed" if seeds == 1 else "not decided: two seeds"
    return "not decided: one partition" if partitions == 1 else "not decided: two partitions"
