"""Kernels that smooth over neighbouring label bins or nodes."""

import torch
from jaxtyping import Float
from torch import Tensor


def truncated_kernel(size: int, sigma: float) -> Float[Tensor, " size"]:
    """exp(-k^2 / (2 sigma^2)) for the places k = -(size - 1)/2 .. (size - 1)/2, in float64; 1 in the middle.

    - Raises: ValueError if ``size`` is not odd and >= 1 or ``sigma`` is not finite and > 0.

    >>> truncated_kernel(3, 2.0)
    tensor([0.8825, 1.0000, 0.8825], dtype=torch.float64)
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"kernel_size must be odd and >= 1, got {size}")
    if not 0 < sigma < float("inf"):
        raise ValueError(f"sigma must be finite and > 0, got {sigma}")
    place = torch.arange(size, dtype=torch.float64) - size // 2
    return torch.exp(-0.5 * (place / sigma).square())


def published_kernel(size: int, sigma: float) -> Float[Tensor, " size"]:
    """The kernel of the published label and feature smoothing, in float64, with 1 as its largest entry.

    It is a unit impulse of length ``size``, filtered with a Gaussian (cut at 4 sigma) under reflecting borders, divided
    by its maximum: what leaves the window comes back in, so the kernel is flatter than a truncated Gaussian.

    - Raises: ValueError if ``size`` is not odd and >= 1 or ``sigma`` is not finite and > 0.
    - Source: Yang et al., ICML 2021, published code; equal to SciPy's ``gaussian_filter1d`` of the impulse.

    >>> published_kernel(5, 2.0)
    tensor([0.8583, 0.9458, 1.0000, 0.9458, 0.8583], dtype=torch.float64)
    """
    truncated_kernel(size, sigma)
    reach = int(4 * sigma + 0.5)
    gaussian = truncated_kernel(2 * reach + 1, sigma)
    place = torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)
    place = place.remainder(2 * size)
    place = torch.minimum(place, 2 * size - 1 - place)  # borders reflect, the outermost entry twice
    kernel = (gaussian * (place == size // 2)).sum(dim=1)
    return kernel / kernel.max()
