"""The radius of neighbour prediction, chosen in one pass over the distances."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.inference.index import ExactIndex, Exclusion

_SMALLEST, _LARGEST = 1e-3, 2.0  # ends of the grid, in root mean square distances between queries and gallery
_CHUNK = 2**24  # bytes: small enough for the processor's cache, over which each radius passes once


class RadiusCurve(NamedTuple):
    """Validation errors by radius: radius, mean error (original units) and score (in label spreads), all (r,) float64."""

    radius: Float[Tensor, " r"]
    error: Float[Tensor, " r"]
    score: Float[Tensor, " r"]


def radius_grid(
    gallery: Float[Tensor, "n d"], query: Float[Tensor, "q d"], count: int, maximum: float = math.inf
) -> Float[Tensor, " r"]:
    """``count`` radii in equal ratios, from 1/1000 to twice the root mean square distance between the two sets.

    That distance follows from means and variances, so that no distance is taken. The best radius of an informative
    embedding lies well inside: below the grid a prediction is its nearest case, at its end nearly the gallery's mean.
    ``maximum`` cuts the grid off; a grid that it would leave empty is ``maximum`` alone.
    """
    a, b = (points.detach().cpu().double() for points in (gallery, query))
    centre = a.mean(0)
    spread = (a - centre).square().sum(1).mean() + (b - centre).square().sum(1).mean()
    scale = float(spread.sqrt()) or 1.0  # all cases in one point: any radius will do
    steps = torch.linspace(math.log(_SMALLEST * scale), math.log(_LARGEST * scale), count, dtype=torch.float64).exp()
    kept = steps[steps <= maximum]
    return kept if len(kept) else torch.tensor([maximum], dtype=torch.float64)


def summed_errors(
    index: ExactIndex,
    coded: Float[Tensor, "n t"],
    query: Float[Tensor, "q d"],
    error: Callable[[Float[Tensor, "r c t"], slice], Float[Tensor, "r c t"]],
    radii: Float[Tensor, " r"],
    exclude: Exclusion | None,
) -> tuple[Float[Tensor, "r t"], Float[Tensor, " t"]]:
    """Sums of errors by radius and target, and their counts; each distance is taken once, no chunk is kept.

    ``coded`` are the gallery's labels in normalised label units; ``error`` turns the kernel means of a slice of the
    queries into errors, NaN where the label is missing.
    """
    total = torch.zeros(len(radii), coded.shape[1], dtype=torch.float64)
    count = torch.zeros(coded.shape[1], dtype=torch.float64)
    pair_bytes = math.ceil((64 + 40 * coded.shape[1]) * max(1.0, index.memory / _CHUNK))
    for part, distances in index.blocks(query, exclude=exclude, pair_bytes=pair_bytes):
        gap = error(kernel_means(distances, coded.to(distances), radii).cpu().double(), part)
        total += gap.nansum(1)
        count += (~gap[0].isnan()).sum(0)
    return total, count


def kernel_means(
    distances: Float[Tensor, "c n"], coded: Float[Tensor, "n t"], radii: Float[Tensor, " r"]
) -> Float[Tensor, "r c t"]:
    """Kernel mean of the labels within each radius; where none is observed, the label of the nearest observed case.

    The kernel is ``kernel.kernel``, written out so that each radius passes over the distances as seldom as possible.
    """
    targets, known = coded.shape[1], ~coded.isnan()
    distances, order = distances.sort(dim=1, stable=True)
    both = torch.cat([coded.nan_to_num(0.0), known.to(coded)], dim=1)[order]  # labels and whether they are there
    nearest = _nearest(both[..., :targets], both[..., targets:] > 0, distances)
    counts = torch.searchsorted(distances, radii.to(distances).expand(len(distances), -1).contiguous(), right=True)
    # Each radius takes as many columns as its fullest neighbourhood has, and cuts off only past its emptiest.
    widths = zip(radii.tolist(), counts.amin(0).tolist(), counts.amax(0).tolist(), strict=True)
    exponents = distances.square().mul_(-4.5)
    means = []
    for radius, full, width in widths:
        weights = (exponents[:, :width] * radius**-2.0).exp_()
        weights[:, full:].masked_fill_(distances[:, full:width] > radius, 0.0)
        sums = torch.bmm(weights[:, None, :], both[:, :width])[:, 0]
        weight = sums[:, targets:]
        means.append(torch.where(weight > 0, sums[:, :targets] / weight, nearest))
    return torch.stack(means)


def _nearest(label: Tensor, known: Tensor, distances: Tensor) -> Tensor:
    """Label of the first (nearest) observed case of each query and target (c, t); NaN if no case may be a neighbour."""
    places = torch.arange(label.shape[1], device=label.device)[:, None]
    allowed = known & (distances < torch.inf)[..., None]
    first = torch.where(allowed, places, label.shape[1]).amin(1, keepdim=True)
    found = label.gather(1, first.clamp(max=label.shape[1] - 1))
    return torch.where(first < label.shape[1], found, torch.nan)[:, 0]
