"""Parts of the label range by how many training cases they hold: many, medium, few."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.checks import check_same_shape
from medgauge.functional.densities import gaussian_density, scott_bandwidth
from medgauge.metrics.agreement import (
    calibration_intercept,
    calibration_slope,
    concordance_correlation,
    pearson,
    spearman,
)
from medgauge.metrics.error import r2
from medgauge.metrics.masking import Metric

REGION_NAMES = ("many", "medium", "few")
MISSING = -1
TIE = 1e-9  # densities this close (relative) are one density: rounding must not part equal labels

_NEEDS_RANGE = (r2, pearson, spearman, concordance_correlation, calibration_slope, calibration_intercept)


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


def region_codes(label: Float[Tensor, "n t"], regions: Sequence[LabelRegions]) -> Int[Tensor, "n t"]:
    """The region of every label, one :class:`LabelRegions` a target: 0 many, 1 medium, 2 few, -1 missing.

    - Raises: ValueError if there is not one ``LabelRegions`` for each target.
    """
    if label.ndim != 2 or label.shape[1] != len(regions):
        raise ValueError(f"regions must be one a target, got {len(regions)} for labels of shape {tuple(label.shape)}")
    return torch.stack([region.of(label[:, target]) for target, region in enumerate(regions)], dim=1)


def by_region(
    metric: Metric,
    prediction: Float[Tensor, "n t"],
    label: Float[Tensor, "n t"],
    regions: Sequence[LabelRegions] | Int[Tensor, "n t"],
) -> dict[str, Float[Tensor, " t"]]:
    """``metric`` within each region, as {"many": (t,), "medium": (t,), "few": (t,)}; NaN where a region has no case.

    - Raises: ValueError if the metric is a correlation, R2 or a calibration line, or if shapes do not fit.

    Args:
        metric: a function of (prediction, label) that leaves missing labels out, as all of ours do.
        prediction: values in label units.
        label: labels; NaN = missing.
        regions: one :class:`LabelRegions` a target, or the codes themselves (``region_codes``, ``published_regions``).
    """
    plain = metric.func if isinstance(metric, partial) else metric
    if plain in _NEEDS_RANGE:
        name = getattr(plain, "__name__", "metric")
        raise ValueError(
            f"{name} has no meaning inside a region: cutting the label range lowers it whatever the errors are; "
            "use mae, rmse, bias or geometric_mean_error"
        )
    check_same_shape(prediction=prediction, label=label)
    codes = regions if isinstance(regions, Tensor) else region_codes(label, regions)
    if codes.shape != label.shape:
        raise ValueError(f"shapes must be equal, got regions {tuple(codes.shape)}, label {tuple(label.shape)}")
    return {
        name: metric(prediction, label.masked_fill(codes.to(label.device) != code, torch.nan))
        for code, name in enumerate(REGION_NAMES)
    }


def published_regions(
    train_label: Float[Tensor, " n"], label: Float[Tensor, " m"], *, bin_width: float, many: int = 100, few: int = 20
) -> Int[Tensor, " m"]:
    """Regions by counts, as published: a label is many if its bin holds more than 100 training cases, few if below 20.

    Codes as in :meth:`LabelRegions.of`. The counts depend on the size of the training split and on the bins; give
    both beside a figure. Bin b holds the labels nearest to b * bin_width (a half goes up), so that labels that are
    multiples of the width lie in the middle of a bin, where rounding can't move them.

    - Raises: ValueError if ``bin_width`` is not > 0 or ``few`` > ``many`` + 1.
    - Source: Yang et al., ICML 2021 (more than 100, fewer than 20, and between, at a bin width of 1 year).

    Args:
        train_label: training labels of one target; NaN = missing.
        label: labels whose region is wanted.
        bin_width: in label units.
        many: a bin with more training cases than this is many.
        few: a bin with fewer training cases than this is few.
    """
    if not bin_width > 0:
        raise ValueError(f"bin_width must be > 0, got {bin_width}")
    if few > many + 1:
        raise ValueError(f"few must be <= many + 1, got few {few} and many {many}")
    train, place = (torch.floor(v.detach().cpu().double() / bin_width + 0.5) for v in (train_label, label))
    train = train[~torch.isnan(train)].sort().values
    count = torch.searchsorted(train, place, right=True) - torch.searchsorted(train, place)
    code = (count <= many).long() + (count < few).long()
    return code.masked_fill(torch.isnan(place), MISSING)
