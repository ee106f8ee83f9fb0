"""From the logits of an ordinal head to values: levels between thresholds, and the chance of being above each."""

from collections.abc import Sequence
from math import isfinite
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_choice
from medgauge.functional.constants import on_device

Kind = Literal["binary", "corn"]


def check_thresholds(thresholds: Sequence[float]) -> tuple[float, ...]:
    """The thresholds as numbers; ValueError unless there is one at least and they are finite and rise.

    >>> check_thresholds([0.5, 1.5])
    (0.5, 1.5)
    """
    values = tuple(float(value) for value in thresholds)
    rising = all(low < high for low, high in zip(values, values[1:], strict=False))
    if not values or not rising or not all(isfinite(value) for value in values):
        raise ValueError(f"thresholds must be finite, rising and at least one, got {list(thresholds)}")
    return values


def rank_thresholds(count: int) -> tuple[float, ...]:
    """``count`` thresholds between the ranks 0, 1, 2 …

    >>> rank_thresholds(3)
    (0.5, 1.5, 2.5)
    """
    return tuple(place + 0.5 for place in range(count))


def check_kind(kind: Kind) -> Kind:
    """The kind; ValueError unless it is ``binary`` or ``corn``."""
    check_choice("kind", kind, get_args(Kind))
    return kind


def threshold_levels(thresholds: Sequence[float]) -> tuple[float, ...]:
    """The value that stands for each interval: midpoints, and half the neighbouring spacing beyond both ends.

    One threshold has the spacing 1.

    - Raises: ValueError unless the thresholds are finite and rise.

    >>> threshold_levels([0.5, 1.5, 2.5, 3.5])
    (0.0, 1.0, 2.0, 3.0, 4.0)
    """
    values = check_thresholds(thresholds)
    steps = [high - low for low, high in zip(values, values[1:], strict=False)] or [1.0]
    between = [low + (high - low) / 2 for low, high in zip(values, values[1:], strict=False)]
    return values[0] - steps[0] / 2, *between, values[-1] + steps[-1] / 2


def expected_level(logits: Float[Tensor, "n t k"], levels: Sequence[float], kind: Kind) -> Float[Tensor, "n t"]:
    """Lowest level + sum over k of P(above threshold k) times the step to the next level.

    ``binary``: P is the sigmoid of the k-th logit. ``corn``: logits are conditional on the threshold before, and P is the
    product of the sigmoids up to the k-th, taken in logs.

    - Shape: logits (n, t, k), k + 1 levels -> (n, t), in the unit of the levels; float16 and bfloat16 become float32.
    - Raises: ValueError for an unknown kind or if the number of levels is not k + 1.

    >>> expected_level(torch.zeros(1, 1, 2), (0.0, 1.0, 2.0), "corn")
    tensor([[0.7500]])
    """
    check_kind(kind)
    if len(levels) != logits.shape[-1] + 1:
        raise ValueError(f"levels must be one more than logits, got {len(levels)} for {logits.shape[-1]}")
    with torch.autocast(logits.device.type, enabled=False):
        wide = logits.float() if logits.dtype.itemsize < 4 else logits
        log_above = torch.nn.functional.logsigmoid(wide)
        above = (log_above.cumsum(-1) if kind == "corn" else log_above).exp()
        places = on_device(levels, wide)
        return places[0] + (above * places.diff()).sum(-1)


def level_probabilities(logits: Float[Tensor, "n t k_minus_1"], kind: Kind) -> Float[Tensor, "n t k"]:
    """The chance of each level: that of being above the threshold below it and not above its own.

    ``corn``: the product of the sigmoids before the k-th and of 1 - the k-th. ``binary``: differences of neighbouring
    sigmoids. Both are products of sigmoids, so that a chance of 1e-26 keeps its digits; none is below 0, and they sum to 1.

    - Shape: logits (n, t, k - 1) -> (n, t, k); float16 and bfloat16 become float32.
    - Raises: ValueError for an unknown kind or for logits that are not 3-D with one threshold at least.
    - Source: ``corn``: Shi, Cao, Raschka 2023 (arXiv 2111.08851); ``binary``: as in McCullagh, JRSS B 42 (1980).
    - Departs: ``binary``'s sigmoids are not bound to fall with the threshold, and where one rises its level's difference
      would be negative. Here the chance of being above a threshold is the smallest of those up to it (a running minimum):
      nothing can be above a threshold and not above one before. The expected value is then that of these chances, at most
      ``expected_level``; where no sigmoid rises, and for ``corn``, both are equal.

    >>> level_probabilities(torch.zeros(1, 1, 2), "corn")
    tensor([[[0.5000, 0.2500, 0.2500]]])
    """
    check_kind(kind)
    if logits.ndim != 3 or logits.shape[-1] < 1:
        raise ValueError(f"logits must be of shape (n, t, k) with k >= 1, got {tuple(logits.shape)}")
    with torch.autocast(logits.device.type, enabled=False):
        wide = logits.float() if logits.dtype.itemsize < 4 else logits
        if kind == "binary":
            wide = wide.cummin(-1).values
        ends = torch.nn.functional.logsigmoid(wide), torch.nn.functional.logsigmoid(-wide)
        if kind == "corn":
            before = torch.nn.functional.pad(ends[0].cumsum(-1), (1, 0))
            return (before + torch.nn.functional.pad(ends[1], (0, 1))).exp()
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), without the cancellation
        between = (ends[0][..., :-1] + ends[1][..., 1:]).exp() * -torch.expm1(wide.diff(dim=-1))
        return torch.cat([ends[1][..., :1].exp(), between, ends[0][..., -1:].exp()], dim=-1)
