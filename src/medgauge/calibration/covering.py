"""How well intervals cover: shares, widths, and how far a share could be off."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from medgauge.calibration.scores import check_level, conformal_rank
from medgauge.core.checks import check_same_shape


def coverage(
    lower: Float[Tensor, "n t"],
    upper: Float[Tensor, "n t"],
    label: Float[Tensor, "n t"],
    where: Bool[Tensor, "n t"] | None = None,
) -> Float[Tensor, " t"]:
    """Share of the labels inside their intervals, ends included, for each target; the level is what it should be.

    Missing labels are left out, and cases outside ``where`` (a region); NaN where none is left. An interval whose ends
    are NaN covers nothing: a case for which nothing was said is not covered.

    >>> low, high = torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [1.0]])
    >>> coverage(low, high, torch.tensor([[1.0], [2.0]]))
    tensor([0.5000], dtype=torch.float64)
    """
    check_same_shape(lower=lower, upper=upper, label=label)
    seen = ~label.isnan()
    return _share(((lower <= label) & (label <= upper)).double(), seen if where is None else seen & where)


def mean_width(
    lower: Float[Tensor, "n t"], upper: Float[Tensor, "n t"], where: Bool[Tensor, "n t"] | None = None
) -> Float[Tensor, " t"]:
    """Mean width of the intervals of each target, in label units; smaller is better at equal coverage.

    Intervals whose ends are NaN are left out, and cases outside ``where``; an infinite interval makes it infinite; NaN
    where none is left.
    """
    check_same_shape(lower=lower, upper=upper)
    width = upper.double() - lower.double()
    return _share(width, ~width.isnan() if where is None else ~width.isnan() & where)


def binomial_interval(covered: int, count: int, *, level: float = 0.95) -> tuple[float, float]:
    """Exact (Clopper-Pearson) interval of a share, from ``covered`` of ``count`` independent cases; NaN for none.

    - Raises: ValueError if covered is not in 0..count, or level is not in (0, 1).
    - Source: Clopper and Pearson, Biometrika 26 (1934).

    >>> [round(end, 4) for end in binomial_interval(9, 10)]
    [0.555, 0.9975]
    """
    from scipy.special import betaincinv

    check_level(level)
    if not 0 <= covered <= count:
        raise ValueError(f"covered must be in 0..{count}, got {covered}")
    if count == 0:
        return math.nan, math.nan
    tail = (1 - level) / 2
    low = float(betaincinv(covered, count - covered + 1, tail)) if covered else 0.0
    high = float(betaincinv(covered + 1, count - covered, 1 - tail)) if covered < count else 1.0
    return low, high


def by_chance(level: float, parts: Sequence[tuple[int, int]], *, chance: float = 0.95) -> tuple[float, float]:
    """Between which shares of new groups conformal sets cover; NaN where a part has too few groups, or none is new.

    One case a group: with g calibration groups and k = ceil((g + 1) level) the number that is covered is beta-binomial
    with the parameters k and g + 1 - k, for exchangeable groups and residuals without ties. Those of several parts (label
    regions), each with a quantile of its own, are added.

    - Raises: ValueError if level or chance is not in (0, 1).
    - Source: Vovk, Conditional validity of inductive conformal predictors, ACML 2012, proposition 2.

    >>> [round(end, 3) for end in by_chance(0.9, [(64, 129)])]
    [0.806, 0.977]

    Args:
        level: that is promised.
        parts: number of calibration groups and of new groups in each.
        chance: that the share is between the two.
    """
    check_level(level)
    check_level(chance)
    held = [(conformal_rank(count, level), count, tested) for count, tested in parts if tested]
    if not held or any(rank > count for rank, count, _ in held):
        return math.nan, math.nan
    covered = np.ones(1)
    for rank, count, tested in held:
        covered = np.convolve(covered, _beta_binomial(tested, rank, count + 1 - rank))
    below, tail = covered.cumsum(), (1 - chance) / 2
    low, high = (int((below < end - 1e-12).sum()) for end in (tail, 1 - tail))
    return low / (len(covered) - 1), high / (len(covered) - 1)


def _beta_binomial(count: int, first: int, second: int) -> NDArray[np.float64]:
    """The chance of 0 to ``count`` hits."""
    hits = torch.arange(count + 1, dtype=torch.float64)
    log = _log_beta(hits + first, count - hits + second) - _log_beta(hits + 1, count - hits + 1)
    return torch.softmax(log, dim=0).numpy()


def _log_beta(first: Tensor, second: Tensor) -> Tensor:
    return torch.lgamma(first) + torch.lgamma(second) - torch.lgamma(first + second)


def _share(number: Tensor, seen: Tensor) -> Tensor:
    return torch.where(seen, number, torch.zeros_like(number)).sum(0) / seen.sum(0)
