"""Weights of training cases by the density of their labels."""

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv1d

from medgauge.core.checks import check_choice
from medgauge.core.errors import InputError
from medgauge.functional.densities import gaussian_density, scott_bandwidth
from medgauge.functional.kernels import published_kernel, truncated_kernel

Scheme = Literal["inverse", "sqrt_inverse"]
Smoothing = Literal["none", "lds", "kernel_density"]
Kernel = Literal["published", "gaussian"]

MOST_BINS = 10_000_000
LEAST_COUNT, MOST_COUNT = 5, 1000  # between which the published code holds counts of the scheme inverse


def density_weights(
    label: Float[Tensor, "n 1"] | Float[Tensor, " n"],
    scheme: Scheme = "sqrt_inverse",
    smoothing: Smoothing = "lds",
    kernel: Kernel = "published",
    bin_width: float = 1.0,
    kernel_size: int = 5,
    sigma: float = 2.0,
) -> Float[Tensor, " n"]:
    """Weight of each case by one over the density of its label, in float64, with mean 1: rare labels weigh more.

    With ``none`` and ``lds``, the density is the count of the bin floor(label / bin_width), bin by bin from the lowest to
    the highest label. ``sqrt_inverse`` takes the count's root, ``inverse`` holds it between 5 and 1000, also in empty
    bins. ``lds`` smooths what came out over neighbouring bins, with 0 outside the labels' range. The floor is taken as
    it is: 0.3 / 0.1 rounds to a little under 3 and is in bin 2, so let labels lie inside bins, not on their edges.
    With ``kernel_density``, it is the Gaussian kernel density of the labels themselves (Scott's bandwidth), with no bins;
    ``inverse`` holds between 5 and 1000 the count that it stands for, sum over the cases of exp(-gap^2 / (2 bandwidth^2)),
    which is 1 for a label that is alone.

    - Shape: label (n,) or (n, 1) -> (n,). A missing label (NaN) has the weight 1, the mean of the others.
    - Raises: InputError if all labels lie in one bin or are equal, if one is infinite, for more than one target, or for
      more than ten million bins; ValueError for unknown settings or settings out of range.
    - Source: Yang et al., ICML 2021 (label distribution smoothing), published code: order of root and smoothing, clip,
      kernel and scaling. Kernel densities as weights: Steininger et al., 2021, here as one over the density.
    - Departs: bins end with the labels; the published ones run from 0 to a fixed highest label, which is the same for
      ``sqrt_inverse`` and gives ``inverse`` bins of 5 beyond the labels. Labels may be negative. What ``kernel_density``
      clips is a count as well, of the cases under the kernel; Steininger et al. clip nothing.

    Args:
        label: training labels of one target; NaN = missing.
        scheme: ``inverse`` or ``sqrt_inverse``, of the density.
        smoothing: ``none``, ``lds`` or ``kernel_density``.
        kernel: of ``lds``: ``published`` (a Gaussian filter's answer to an impulse between reflecting borders) or
            ``gaussian`` (a truncated one).
        bin_width: in label units; > 0.
        kernel_size: of ``lds``, in bins; odd.
        sigma: of ``lds``, in bins; > 0.

    >>> density_weights(torch.tensor([1.0, 1.2, 1.4, 1.6, 9.0]), smoothing="none")
    tensor([0.8333, 0.8333, 0.8333, 0.8333, 1.6667], dtype=torch.float64)
    """
    for name, value, kind in (
        ("scheme", scheme, Scheme),
        ("smoothing", smoothing, Smoothing),
        ("kernel", kernel, Kernel),
    ):
        check_choice(name, value, get_args(kind))
    window = (published_kernel if kernel == "published" else truncated_kernel)(kernel_size, sigma)
    if not 0 < bin_width < float("inf"):
        raise ValueError(f"bin_width must be finite and > 0, got {bin_width}")
    values = one_target(label)
    seen = ~values.isnan()
    if smoothing == "kernel_density":
        density = _kernel_density(values[seen], scheme)
    else:
        density = _bin_density(values[seen], scheme, bin_width, window if smoothing == "lds" else None)
    inverse = 1 / density
    weight = torch.ones_like(values)
    weight[seen] = inverse / inverse.mean()
    if not weight.isfinite().all():
        raise InputError(
            "density weights need labels in a range of ordinary numbers; these differ too much or too little"
        )
    return weight


def one_target(label: Float[Tensor, "n 1"] | Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The labels of one target as (n,) float64 on the CPU; InputError for several targets or infinite labels."""
    values = torch.as_tensor(label).detach().cpu().double()
    if values.ndim == 2 and values.shape[1] > 1:
        raise InputError(
            f"one target is needed, got {values.shape[1]}: the density of labels is known for one at a time"
        )
    if values.ndim not in (1, 2) or values.ndim == 2 and values.shape[1] != 1:
        raise ValueError(f"label must have shape (n,) or (n, 1), got {tuple(values.shape)}")
    if values.isinf().any():
        raise InputError("labels must be finite, or missing; at least one is infinite")
    return values.flatten()


def _bin_density(
    label: Float[Tensor, " m"], scheme: Scheme, bin_width: float, window: Float[Tensor, " k"] | None
) -> Float[Tensor, " m"]:
    """Transformed, smoothed count of each label's bin."""
    place = torch.floor(label / bin_width)
    if label.numel() == 0 or bool(place.min() == place.max()):
        raise InputError(
            f"density weights need labels in at least two bins, and the {label.numel()} labels are in fewer; "
            f"use a smaller bin_width than {bin_width}, or no weights"
        )
    bins = float(place.max() - place.min()) + 1
    if not bins <= MOST_BINS:
        raise InputError(
            f"density weights allow {MOST_BINS} bins, and the labels span {bins:.4g}; use a larger bin_width than {bin_width}"
        )
    row = (place - place.min()).long()
    count = torch.bincount(row).double()
    density = count.sqrt() if scheme == "sqrt_inverse" else count.clamp(LEAST_COUNT, MOST_COUNT)
    if window is not None:
        density = conv1d(density[None, None], window[None, None], padding=window.numel() // 2)[0, 0]
    return density[row]


def _kernel_density(label: Float[Tensor, " m"], scheme: Scheme) -> Float[Tensor, " m"]:
    if label.numel() == 0 or bool(label.min() == label.max()):
        raise InputError(
            f"density weights need at least two different labels, and the {label.numel()} labels are all equal; use no weights"
        )
    density = gaussian_density(label, label)
    if scheme == "sqrt_inverse":
        return density.sqrt()
    count = density * (label.numel() * scott_bandwidth(label) * math.sqrt(2 * math.pi))  # of cases under the kernel
    return count.clamp(LEAST_COUNT, MOST_COUNT)


def effective_size(weight: Float[Tensor, " n"]) -> float:
    """How many cases of equal weight would give a weighted mean the same variance: (sum w)^2 / sum w^2.

    >>> effective_size(torch.tensor([1.0, 1.0, 1.0, 1.0])), effective_size(torch.tensor([3.0, 1.0]))
    (4.0, 1.6)
    """
    share = weight.double() / weight.double().sum()
    return 1 / float(share.square().sum())
