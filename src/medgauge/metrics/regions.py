"""Metrics within the parts of the label range: many, medium, few."""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.checks import check_number, check_same_shape
from medgauge.functional.regions import MISSING, REGION_NAMES, LabelRegions, region_codes
from medgauge.metrics.agreement import (
    calibration_intercept,
    calibration_slope,
    concordance_correlation,
    pearson,
    spearman,
)
from medgauge.metrics.error import r2
from medgauge.metrics.masking import Metric

__all__ = ["MISSING", "REGION_NAMES", "LabelRegions", "by_region", "published_regions", "region_codes"]

_NEEDS_RANGE = (r2, pearson, spearman, concordance_correlation, calibration_slope, calibration_intercept)


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
    check_number("bin_width", bin_width, above=0, infinite=True)
    if few > many + 1:
        raise ValueError(f"few must be <= many + 1, got few {few} and many {many}")
    train, place = (torch.floor(v.detach().cpu().double() / bin_width + 0.5) for v in (train_label, label))
    train = train[~torch.isnan(train)].sort().values
    count = torch.searchsorted(train, place, right=True) - torch.searchsorted(train, place)
    code = (count <= many).long() + (count < few).long()
    return code.masked_fill(torch.isnan(place), MISSING)
