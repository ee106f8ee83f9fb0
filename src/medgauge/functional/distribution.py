"""Labels and values as distributions over bins of equal width."""

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_number
from medgauge.functional.constants import on_device

MOST_BINS = 1000


def check_bins(low: float, high: float, bins: int) -> None:
    """Raise ValueError unless low < high, both finite, and there are 2 to 1000 bins."""
    check_number("low", low)
    check_number("high", high, above=low)
    check_number("bins", bins, least=2, most=MOST_BINS, whole=True)


def bin_centres(low: float, high: float, bins: int) -> tuple[float, ...]:
    """The middle of each bin.

    >>> bin_centres(0, 10, 4)
    (1.25, 3.75, 6.25, 8.75)
    """
    width = (high - low) / bins
    return tuple(low + (place + 0.5) * width for place in range(bins))


def bin_masses(
    label: Float[Tensor, "n t"], low: float, high: float, bins: int, deviation: float
) -> Float[Tensor, "n t k"]:
    """The mass of a normal around each label in each bin, renormalised over the bins.

    A label outside the bins has its mass in the ones nearest to it, also where the normal has none left there.

    - Shape: label (n, t) -> (n, t, bins), 1 in sum; NaN where the label is.

    Args:
        label: in the unit of ``low`` and ``high``.
        low: lower end of the first bin.
        high: upper end of the last bin.
        bins: number of bins.
        deviation: standard deviation of the normal, > 0.
    """
    edges = torch.linspace(low, high, bins + 1, dtype=torch.float64, device=label.device)
    wide = label.double()[..., None]
    # differences of the tail that does not saturate: both ends are mirrored to the side where masses are small
    side = torch.where(edges[:-1] + edges[1:] > 2 * wide, -1.0, 1.0)
    above, below = (side * (edge - wide) / deviation for edge in (edges[1:], edges[:-1]))
    logs = torch.special.log_ndtr(torch.maximum(above, below))
    logs = logs + torch.log(-torch.expm1(torch.special.log_ndtr(torch.minimum(above, below)) - logs))
    masses: Tensor = torch.softmax(logs, dim=-1)
    return masses.to(label.dtype)


def expected_value(logits: Float[Tensor, "n t k"], low: float, high: float) -> Float[Tensor, "n t"]:
    """The mean of the bins' centres, each weighted by its chance (softmax of the logits)."""
    centres = on_device(bin_centres(low, high, logits.shape[-1]), logits)
    mean: Tensor = torch.softmax(logits, dim=-1) @ centres
    return mean
