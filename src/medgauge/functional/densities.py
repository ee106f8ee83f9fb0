"""Kernel densities of labels on the real line."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.checks import check_number

ENTRIES = 1 << 17  # entries of one chunk of the kernel matrix: 1 MiB in float64, which stays in the cache


def scott_bandwidth(points: Float[Tensor, " n"]) -> float:
    """Scott's bandwidth, the sample standard deviation (n - 1) times n^(-1/5), in the unit of ``points``.

    - Raises: ValueError if all points are equal, fewer than two, or not finite: there is no width then.

    >>> round(scott_bandwidth(torch.tensor([1.0, 2.0, 3.0, 4.0])), 6)
    0.978391
    """
    if points.ndim != 1 or not torch.isfinite(points).all():
        raise ValueError(f"points must be 1-D and finite, got shape {tuple(points.shape)}")
    if points.numel() < 2 or bool(points.max() == points.min()):
        raise ValueError("points must hold two different values: equal points have no bandwidth")
    return float(points.double().std()) * float(points.numel() ** -0.2)


def gaussian_density(
    points: Float[Tensor, " n"], at: Float[Tensor, " m"], bandwidth: float | None = None
) -> Float[Tensor, " m"]:
    """Gaussian kernel density of ``points``, evaluated ``at`` the given places, in float64, per unit of ``points``.

    Equal to ``scipy.stats.gaussian_kde`` with Scott's rule. Repeated values are evaluated once and memory stays
    bounded; time grows with the number of different points times the number of different places.

    - Raises: ValueError if the bandwidth is not > 0 or, with Scott's rule, if all points are equal.

    Args:
        points: what the density is of; finite.
        at: where it is wanted; a NaN gives NaN.
        bandwidth: standard deviation of the kernel; None stands for Scott's rule.

    >>> gaussian_density(torch.tensor([0.0]), torch.tensor([0.0]), bandwidth=1.0)
    tensor([0.3989], dtype=torch.float64)
    """
    width = scott_bandwidth(points) if bandwidth is None else bandwidth
    check_number("bandwidth", width, above=0, infinite=True)
    centre, count = torch.unique(points.double(), return_counts=True)
    place, origin = torch.unique(at.double(), return_inverse=True)
    scale = 1.0 / (points.numel() * width * math.sqrt(2.0 * math.pi))
    share = count.double() * scale
    steepness = -0.5 / width**2
    parts = []
    for some in place.split(max(1, ENTRIES // max(1, centre.numel()))):
        gap = some[:, None] - centre
        parts.append(gap.mul_(gap).mul_(steepness).exp_() @ share)
    return torch.cat(parts)[origin] if parts else at.double()
