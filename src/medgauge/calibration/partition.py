"""The whole label line, cut into the pieces that each lie in one region."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.functional.densities import gaussian_density
from medgauge.metrics import REGION_NAMES, LabelRegions

FEW = 2
COARSE = 1 / 16  # of the bandwidth: width of the first cells
FINE = 1 / 1024  # of the bandwidth: cells are halved down to this

Density = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LabelPartition:
    """Which region each label lies in, as closed intervals of float64 numbers from -inf to inf.

    The first piece starts at -inf, and each ends at the last float64 number before the next one starts.

    Attributes:
        starts: where each piece but the first starts, rising.
        codes: the region of each piece; one more than starts.
        names: names of the regions, by code.
    """

    starts: tuple[float, ...]
    codes: tuple[int, ...]
    names: tuple[str, ...] = REGION_NAMES

    def __post_init__(self) -> None:
        rising = all(one < other for one, other in zip(self.starts, self.starts[1:], strict=False))
        if not rising or not all(map(math.isfinite, self.starts)) or len(self.codes) != len(self.starts) + 1:
            raise ValueError("starts must be finite and rising, with one code more than starts")
        if not all(0 <= code < len(self.names) for code in self.codes):
            raise ValueError(f"codes must be in 0..{len(self.names) - 1}, got {self.codes}")

    @classmethod
    def of_regions(cls, regions: LabelRegions) -> "LabelPartition":
        """Find every place where the region changes, to the last float64 number on either side.

        Equal to ``regions.of`` at every training label and everywhere else, but for two things: a piece narrower than
        1/1024 of the bandwidth that holds no training label may be missed, and right at a place of change rounding may
        let the density waver. Coverage does not suffer, as long as calibration and new cases are told apart by the
        same partition.

        - Departs: the density is evaluated on cells that are halved wherever a bound on its second derivative leaves
          room for a crossing, then at the training labels inside the cells still open, then bisected.
        """
        low, high = float(regions.points[0]), float(regions.points[-1])
        after = math.nextafter(high, math.inf)
        if not regions.bandwidth > 0:
            return cls((low, after), (FEW, 0, FEW))

        def density(place: Tensor) -> Tensor:
            return gaussian_density(regions.points, place, regions.bandwidth)

        thresholds = (regions.many_threshold, regions.medium_threshold)
        place = _cells(regions, density, thresholds)
        height = density(place)
        edges = [_edges(density, place, height, threshold) for threshold in thresholds]
        starts = torch.unique(torch.cat([place[:1], *edges]))
        sides = [
            _below(starts, edge, bool(height[0] < threshold)) for edge, threshold in zip(edges, thresholds, strict=True)
        ]
        codes = sides[0].long().masked_fill(sides[1], FEW)
        return _merged([-math.inf, *starts.tolist(), after], [FEW, *codes.tolist(), FEW])

    def of(self, label: Float[Tensor, " m"]) -> Int[Tensor, " m"]:
        """The region of each label; -1 where it is missing."""
        label = label.detach().cpu().double()
        place = torch.searchsorted(torch.tensor(self.starts, dtype=torch.float64), label.contiguous(), right=True)
        return torch.tensor(self.codes)[place].masked_fill(label.isnan(), -1)

    @property
    def bounds(self) -> tuple[Float[Tensor, " p"], Float[Tensor, " p"]]:
        """First and last number of each piece."""
        starts = torch.tensor(self.starts, dtype=torch.float64)
        infinite = torch.tensor([math.inf], dtype=torch.float64)
        return torch.cat([-infinite, starts]), torch.cat([torch.nextafter(starts, -infinite), infinite])


def _cells(regions: LabelRegions, density: Density, thresholds: tuple[float, float]) -> Float[Tensor, " m"]:
    """Rising places between which the density crosses each threshold at most once, down to the finest width."""
    low, high, width = regions.points[0], regions.points[-1], regions.bandwidth
    count = math.ceil(float(high - low) / (COARSE * width)) + 1
    place = torch.unique(torch.linspace(float(low), float(high), max(count, 2), dtype=torch.float64))
    place[0], place[-1] = low, high
    height = density(place)
    while True:
        open_cells = _open(place, height, thresholds, width)
        split = open_cells & (place.diff() > FINE * width)
        middle = (place[:-1] + place.diff() / 2)[split]
        if len(middle) == 0:
            break
        before = len(place)
        place, height = _with(place, height, middle, density)
        if len(place) == before:  # neighbouring float64 numbers: nothing lies between them
            break
    cell = torch.searchsorted(place, regions.points, right=True) - 1
    inside = (cell < len(open_cells)) & (place[cell] < regions.points)
    inside &= open_cells[cell.clamp(max=len(open_cells) - 1)]
    found: Tensor = torch.unique(torch.cat([place, regions.points[inside]]))
    return found


def _with(place: Tensor, height: Tensor, more: Tensor, density: Density) -> tuple[Tensor, Tensor]:
    """Places with further ones among them, and the density there."""
    both, origin = torch.unique(torch.cat([place, more]), return_inverse=True)
    found = torch.empty_like(both)
    found[origin] = torch.cat([height, density(more)])
    return both, found


def _open(place: Tensor, height: Tensor, thresholds: tuple[float, float], bandwidth: float) -> Bool[Tensor, " cells"]:
    """Cells in which the density may cross a threshold: it leaves the chord by no more than width^2 max |f''| / 8."""
    bend = place.diff().square() / (8 * bandwidth**3 * math.sqrt(2 * math.pi))
    found = torch.zeros(len(bend), dtype=torch.bool)
    for threshold in thresholds:
        left, right = height[:-1] - threshold, height[1:] - threshold
        found |= ((left >= 0) != (right >= 0)) | (torch.minimum(left.abs(), right.abs()) <= bend)
    return found


def _edges(density: Density, place: Tensor, height: Tensor, threshold: float) -> Float[Tensor, " e"]:
    """For every change of side of the threshold, the first float64 number on the new side."""
    above = height >= threshold
    cell = torch.nonzero(above[:-1] != above[1:]).flatten()
    left, right, side = place[cell], place[cell + 1], above[cell]
    while True:
        middle = left + (right - left) / 2
        inside = (middle > left) & (middle < right)
        if not inside.any():
            return right
        same = (density(middle) >= threshold) == side
        left = torch.where(inside & same, middle, left)
        right = torch.where(inside & ~same, middle, right)


def _below(starts: Tensor, edges: Tensor, first: bool) -> Bool[Tensor, " s"]:
    """Whether the density of each piece is below the threshold: it changes side at each edge."""
    return (torch.searchsorted(edges, starts, right=True) + int(first)) % 2 == 1


def _merged(starts: list[float], codes: list[int]) -> LabelPartition:
    """Neighbouring pieces of one region made one."""
    kept = [at for at in range(1, len(codes)) if codes[at] != codes[at - 1]]
    return LabelPartition(tuple(starts[at] for at in kept), (codes[0], *(codes[at] for at in kept)))
