"""Parts of the label range by how dense the training labels are: many, medium, few."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.forms import NUMBERS, REAL, Group, Listed, check_form
from medgauge.functional.densities import gaussian_density, scott_bandwidth

_PARTS = {"points": NUMBERS, "bandwidth": REAL, "many_threshold": REAL, "medium_threshold": REAL}
SAVED = Group({"targets": Listed(Group(_PARTS))})
"""What ``Regions.to_dict`` gives."""
REGION_NAMES = ("many", "medium", "few")
MISSING = -1
TIE = 1e-9  # densities this close (relative) are one density: rounding must not part equal labels


@dataclass(frozen=True, eq=False)
class LabelRegions:
    """Regions of one target by the kernel density of its training labels (Gaussian, Scott's bandwidth).

    The densest half of the training cases is many, the next 30 % medium, the last 20 % few. Cases of equal density
    stay together, in the denser region, so a heap of equal labels can make many or medium larger than its share and
    few smaller (down to none). A label outside the range of the training labels is few.

    The four attributes are all there is: store them, and give them back to the constructor.

    - Shape: points (n,) float64, the observed training labels in rising order; bandwidth in label units;
      many_threshold >= medium_threshold, densities per label unit. All training labels equal: bandwidth and thresholds
      are 0, that label is many and any other few.
    """

    points: Float[Tensor, " n"]
    bandwidth: float
    many_threshold: float
    medium_threshold: float

    def __post_init__(self) -> None:
        points = self.points
        if points.ndim != 1 or not len(points) or not bool(points.isfinite().all() & (points.diff() >= 0).all()):
            raise ValueError("points must be one or more finite labels in rising order")
        if self.bandwidth and not 1e-150 <= self.bandwidth <= 1e150:  # its square is a number
            raise ValueError(f"bandwidth must be 0 or from 1e-150 to 1e150, got {self.bandwidth}")
        if not (torch.inf > self.many_threshold >= self.medium_threshold >= 0):
            raise ValueError("many_threshold >= medium_threshold >= 0 must hold, all finite")

    @classmethod
    def fit(cls, label: Float[Tensor, " n"], *, many: float = 0.5, medium: float = 0.3) -> "LabelRegions":
        """Find the two thresholds from the training labels (n,) of one target; NaN = missing, left out.

        - Raises: ValueError if no label is observed, one is infinite, or the shares do not fit.

        Args:
            label: training labels of one target.
            many: share of the training cases that is many; > 0.
            medium: share that is medium; >= 0, and many + medium <= 1.
        """
        if label.ndim != 1:
            raise ValueError(f"label must be 1-D, the labels of one target, got shape {tuple(label.shape)}")
        if not (many > 0 and medium >= 0 and many + medium <= 1):
            raise ValueError(f"many must be > 0, medium >= 0 and their sum <= 1, got {many} and {medium}")
        points = label.detach().cpu().double()
        points = points[~torch.isnan(points)].sort().values
        if points.numel() == 0 or torch.isinf(points).any():
            raise ValueError("label must hold at least one observed label, all finite")
        if bool(points[0] == points[-1]):
            return cls(points, 0.0, 0.0, 0.0)
        bandwidth = scott_bandwidth(points)
        density = gaussian_density(points, points, bandwidth).sort(descending=True).values
        thresholds = [_share_threshold(density, share) for share in (many, many + medium)]
        return cls(points, bandwidth, *thresholds)

    def of(self, label: Float[Tensor, " m"]) -> Int[Tensor, " m"]:
        """The region of each label (m,): 0 many, 1 medium, 2 few, -1 where it is missing."""
        if label.ndim != 1:
            raise ValueError(f"label must be 1-D, the labels of one target, got shape {tuple(label.shape)}")
        label = label.detach().cpu().double()
        inside = (label >= self.points[0]) & (label <= self.points[-1])
        density = torch.zeros_like(label)
        if self.bandwidth > 0:
            density[inside] = gaussian_density(self.points, label[inside], self.bandwidth)
        code = (density < self.many_threshold).long() + (density < self.medium_threshold).long()
        return code.masked_fill(~inside, 2).masked_fill(torch.isnan(label), MISSING)


def _share_threshold(density: Float[Tensor, " n"], share: float) -> float:
    """The density (falling order) above which the densest ``share`` of the cases lies, a little lower for ties."""
    last = max(1, round(share * density.numel()))
    return float(density[last - 1]) * (1 - TIE)


@dataclass(frozen=True, eq=False)
class ClassRegions:
    """Regions of classes by how many training cases are of each, with the shares of :class:`LabelRegions`; no class is near another.

    - Shape: counts (k,), training cases of each place; many_threshold >= medium_threshold, counts. A class without any is few.
    """

    counts: Int[Tensor, " k"]
    many_threshold: float
    medium_threshold: float

    @classmethod
    def fit(cls, label: Float[Tensor, " n"]) -> "ClassRegions":
        """Count the training labels (n,), places of classes; NaN = missing, left out.

        - Raises: ValueError if no label is observed.
        """
        places = label[~torch.isnan(label)].long()
        if not len(places):
            raise ValueError("label must hold at least one observed label")
        counts = torch.bincount(places)
        density = counts[places].double().sort(descending=True).values
        return cls(counts, _share_threshold(density, 0.5), _share_threshold(density, 0.8))

    def of(self, label: Float[Tensor, " m"]) -> Int[Tensor, " m"]:
        """The region of each label (m,): 0 many, 1 medium, 2 few, -1 where it is missing."""
        known = ~torch.isnan(label)
        place = label.nan_to_num(0.0).long()
        counts = torch.where(place < len(self.counts), self.counts[place.clamp(max=len(self.counts) - 1)], 0).double()
        code = (counts < self.many_threshold).long() + (counts < self.medium_threshold).long()
        return code.masked_fill(~known, MISSING)


AnyRegions = LabelRegions | ClassRegions


def label_regions(label: Float[Tensor, " n"], *, classes: bool) -> AnyRegions:
    """Regions by the training labels (n,) of one target, whose labels are places of classes or lie on a line."""
    return ClassRegions.fit(label) if classes else LabelRegions.fit(label)


def region_codes(label: Float[Tensor, "n t"], regions: Sequence[LabelRegions]) -> Int[Tensor, "n t"]:
    """The region of every label, one :class:`LabelRegions` a target: 0 many, 1 medium, 2 few, -1 missing.

    - Raises: ValueError if there is not one ``LabelRegions`` for each target.
    """
    if label.ndim != 2 or label.shape[1] != len(regions):
        raise ValueError(f"regions must be one a target, got {len(regions)} for labels of shape {tuple(label.shape)}")
    return torch.stack([region.of(label[:, target]) for target, region in enumerate(regions)], dim=1)


@dataclass(frozen=True)
class Regions:
    """The label regions of several targets: strata by density of the training labels."""

    parts: tuple[LabelRegions, ...]

    @classmethod
    def fit(cls, label: Float[Tensor, "n t"]) -> "Regions":
        """From the training labels; NaN = missing."""
        return cls(tuple(LabelRegions.fit(column) for column in label.unbind(1)))

    @property
    def names(self) -> Sequence[str]:
        """many, medium, few."""
        return REGION_NAMES

    def of(self, label: Float[Tensor, "n t"]) -> Int[Tensor, "n t"]:
        """The region of every label; -1 where it is missing."""
        return region_codes(label, self.parts)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values, one entry a target."""
        return {
            "targets": [
                {
                    "points": part.points.tolist(),
                    "bandwidth": part.bandwidth,
                    "many_threshold": part.many_threshold,
                    "medium_threshold": part.medium_threshold,
                }
                for part in self.parts
            ]
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Regions":
        """The inverse of ``to_dict``."""
        check_form("regions", saved, SAVED)
        return cls(
            tuple(
                LabelRegions(
                    torch.tensor(part["points"], dtype=torch.float64),
                    float(part["bandwidth"]),
                    float(part["many_threshold"]),
                    float(part["medium_threshold"]),
                )
                for part in saved["targets"]
            )
        )
