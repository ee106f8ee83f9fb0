"""Power: the smallest true difference of two methods that a comparison shows with a given chance."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_number
from medgauge.metrics.groups import group_codes


def shown_by(standard_error: float, *, level: float = 0.95, power: float = 0.8) -> float:
    """The smallest true difference that is shown with that power where it is estimated with a standard error.

    (z + z') x SE: z the normal quantile of (1 + level) / 2, z' that of the power.

    >>> round(shown_by(1.0), 3)
    2.802

    - Raises: ValueError for a setting out of range.

    Args:
        standard_error: of the estimated difference, in its unit.
        level: of the interval that must exclude 0.
        power: chance that it does.
    """
    check_number("level", level, above=0, below=1)
    check_number("power", power, above=0, below=1)
    normal = NormalDist()
    return (normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)) * standard_error


def smallest_difference(
    difference: Float[Tensor, " n"], group: Sequence[str], *, groups: int, level: float = 0.95, power: float = 0.8
) -> float:
    """The smallest true difference of two methods' mean errors that ``groups`` groups would show with that power.

    ``shown_by`` the standard error of the mean difference over ``groups`` groups like those given: the standard deviation
    of the groups' contributions (sum of a group's deviations from the mean, over the mean group size), over the root of
    ``groups``. The spread over seeds beyond what is in the differences given is not in it.

    - Raises: ValueError for fewer than two groups, or a setting out of range.

    Args:
        difference: paired differences of the errors of development cases.
        group: their groups.
        groups: number of groups that will be judged.
        level: of the interval that must exclude 0.
        power: chance that it does.
    """
    check_number("groups", groups, least=1, whole=True)
    if difference.shape != (len(group),):
        raise ValueError(f"group must have a name a case, got {len(group)} for shape {tuple(difference.shape)}")
    difference = difference.detach().cpu().double()
    codes = group_codes(list(group))[0]
    count = int(codes.max()) + 1
    if count < 2:
        raise ValueError("group must name at least two groups, got 1")
    part = torch.zeros(count, dtype=torch.float64).index_add_(0, codes, difference - difference.mean())
    spread = float((part * count / len(codes)).std())
    return shown_by(spread / math.sqrt(groups), level=level, power=power)
