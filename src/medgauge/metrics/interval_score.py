"""One figure for an interval's width and for how far labels lie outside it."""

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_number


def interval_score(
    lower: Float[Tensor, "n *t"], upper: Float[Tensor, "n *t"], label: Float[Tensor, "n *t"], level: float
) -> Float[Tensor, "*t"]:
    """Mean of (upper - lower) + 2 / (1 - level) times the distance of the label from the interval, in label units.

    Smaller is better; it is least, on average, for the interval between the (1 - level) / 2 quantiles at both ends. Missing
    labels are left out, NaN where none is left; an infinite interval makes it infinite; ends that are NaN make it NaN.

    - Shape: (n, t) each -> (t,) float64; or (n,) each -> ().
    - Raises: ValueError for a level that is not in (0, 1), and any difference of shape.
    - Source: Gneiting and Raftery, JASA 102 (2007), Eq. 43.

    >>> low, high = torch.tensor([0.0]), torch.tensor([10.0])
    >>> interval_score(low, high, torch.tensor([12.0]), 0.9)
    tensor(50.0000, dtype=torch.float64)
    """
    check_number("level", level, above=0, below=1)
    if not lower.shape == upper.shape == label.shape or label.ndim not in (1, 2):
        shapes = ", ".join(str(tuple(one.shape)) for one in (lower, upper, label))
        raise ValueError(f"lower, upper and label must have one shape, (n, t) or (n,), got {shapes}")
    low, high, truth = (end.detach().cpu().double() for end in (lower, upper, label))
    outside = (low - truth).clamp(min=0) + (truth - high).clamp(min=0)
    return (high - low + 2 / (1 - level) * outside).where(~truth.isnan(), torch.nan).nanmean(0) + _unsaid(
        low, high, truth
    )


def _unsaid(low: Tensor, high: Tensor, truth: Tensor) -> Tensor:
    """NaN where an interval of a known label has an end that is NaN, else 0."""
    unsaid = ((low.isnan() | high.isnan()) & ~truth.isnan()).any(0)
    return torch.where(unsaid, torch.nan, 0.0).double()
