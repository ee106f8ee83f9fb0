"""Robust Pearson correlation of predictions and labels: the global level of the fine-grained correlation loss."""

import math
from typing import ClassVar, Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from medgauge.core.checks import check_choice, check_number, check_rows, check_same_shape, check_weight

OutlierRule = Literal["region", "quantile", "mad", "none"]
Agreement = Literal["pearson", "concordance"]
Distribution = Literal["smooth_l1", "absolute"]
_REGIONS = ("many", "medium", "few")
_LEAST = 3  # two cases always correlate perfectly
_ROUNDING = 1 + 1e-9  # scores nearer than this are tied, whatever the order of the batch did to their sums


class RobustPearsonLoss(nn.Module):
    """1 - r of the inliers, smooth L1 of the difference of means and of that of spreads, smooth L1 of the outliers.

    Outliers are chosen by their error e = |prediction - label|, without a gradient, and each keeps the slope that it
    would have in a mean over the batch: their term is sum over outliers of w h(e) / sum over all of w. The other parts are
    of the inliers: 1 - r = mean (z_prediction - z_label)^2 / 2, g(m_prediction - m_label) and g(s_prediction - s_label)
    with the population's standard deviations, all weighted, g as ``distribution`` says. ``mean_weight = spread_weight =
    outlier_weight = 0`` with ``outlier_rule="none"`` is plain 1 - r.

    A squared error is (m_prediction - m_label)^2 + (s_prediction - s_label)^2 + 2 s_prediction s_label (1 - r), which is
    why g is a square near 0: the slope of an absolute value never shrinks, and training follows the sign of each batch.

    A target with fewer than three inliers has no correlation, mean or spread part; one whose inliers have equal labels or
    equal predictions (to the last digit) has no correlation part. There, the case-wise term holds every case, so that
    no case goes without one. With ``concordance``, equal predictions have a correlation part.

    - Shape: prediction and label (n, t), weight (n,) >= 0, region (n,) integers, for the log -> (), in normalised label
      units, beside a correlation. NaN labels and rows of weight 0 are left out. The mean over the targets with a label;
      none there: 0, with a gradient. Computed in float64.
    - Raises: ValueError for settings out of range, for weights that are negative or all 0, and for any difference of shape.
    - Source: Chen et al., MICCAI 2022 (arXiv 2207.00347). Attested, by the abstract only: Pearson's correlation as a
      loss of the global level, a strategy against outliers, and regularised distribution factors. How is a reconstruction.
    - Departs: nothing of the paper's equations is known. ``region`` and the sum over outliers answer weaknesses of the
      plain reconstruction (``quantile``): it throws out the rare cases, and a mean over the outliers would give each
      about nine times its slope. Both forms of ``distribution`` are ours.

    Args:
        outlier_rule: ``region``: the largest e over the mean e around the case's label, itself included, so that rare cases
            with large errors alike are no outliers (a case alone at its label is none); ``quantile``: the largest e;
            ``mad``: e over the median by 3 x 1.4826 median absolute deviations (none where that is 0); ``none``.
        outlier_fraction: share of the cases that ``region`` and ``quantile`` take, rounded up, in [0, 1); a case tied with
            an inlier stays one.
        mean_weight: of the difference of means, >= 0; 0 = off, as for the following.
        spread_weight: of the difference of standard deviations.
        outlier_weight: of the case-wise term.
        agreement: ``pearson`` (1 - r), or ``concordance`` (1 - Lin's coefficient, which sees mean and spread itself).
        agreement_weight: of the correlation part.
        neighbourhood: standard deviation of the kernel over labels that ``region`` averages errors with, > 0, in standard
            deviations of the batch's labels.
        beta: error up to which h is squared, > 0, in normalised label units. Hard cases have errors of a few tenths, and
            with 1 they hardly pull.
        distribution: g: ``smooth_l1``, squared up to 1 normalised label unit, or ``absolute``.
    """

    ACTS_BESIDE: ClassVar = {
        "outlier_fraction": ({"outlier_rule": ("region", "quantile")},),
        "neighbourhood": ({"outlier_rule": ("region",)},),
        "agreement": ({"agreement_weight": None},),
        "distribution": ({"mean_weight": None, "spread_weight": None},),
        "beta": ({"outlier_weight": None},),
    }

    def __init__(
        self,
        outlier_rule: OutlierRule = "region",
        *,
        outlier_fraction: float = 0.1,
        mean_weight: float = 1.0,
        spread_weight: float = 1.0,
        outlier_weight: float = 1.0,
        agreement: Agreement = "pearson",
        agreement_weight: float = 1.0,
        neighbourhood: float = 0.5,
        beta: float = 0.4,
        distribution: Distribution = "smooth_l1",
    ) -> None:
        super().__init__()
        check_choice("outlier_rule", outlier_rule, get_args(OutlierRule))
        check_choice("agreement", agreement, get_args(Agreement))
        check_choice("distribution", distribution, get_args(Distribution))
        check_number("outlier_fraction", outlier_fraction, least=0, below=1)
        parts = {"mean": mean_weight, "spread": spread_weight, "outlier": outlier_weight, "agreement": agreement_weight}
        for name, part in parts.items():
            check_number(f"{name}_weight", part, least=0)
        if not any(parts.values()):
            raise ValueError("one of mean_weight, spread_weight, outlier_weight, agreement_weight must be > 0, got 0")
        for name, size in (("neighbourhood", neighbourhood), ("beta", beta)):
            check_number(name, size, above=0)
        self.outlier_rule = outlier_rule
        self.outlier_fraction = outlier_fraction
        self.part_weights = parts
        self.agreement = agreement
        self.neighbourhood = neighbourhood
        self.beta = beta
        self.distribution = distribution
        self._last: tuple[Tensor, Tensor, Tensor | None] | None = None

    def forward(
        self,
        prediction: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        weight: Float[Tensor, " n"] | None = None,
        region: Int[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch, and keep its outliers for :meth:`log`."""
        check_same_shape(prediction=prediction, label=label)
        check_rows(prediction=prediction, weight=weight)
        check_weight(weight)
        if region is not None and (region.shape != label.shape[:1] or region.is_floating_point()):
            raise ValueError(f"region must be {len(label)} integers, got {region.dtype} of shape {tuple(region.shape)}")
        precise = torch.float32 if label.device.type == "mps" else torch.float64
        share = torch.ones_like(label, dtype=precise) if weight is None else weight.to(precise)[:, None]
        share = torch.where(label.isnan(), 0.0, share)
        with torch.autocast(label.device.type, enabled=False):
            value = self._value(
                prediction.to(precise), label.to(precise), share, torch.finfo(prediction.dtype).eps, region
            )
        return value.to(torch.promote_types(prediction.dtype, torch.float32))

    def log(self) -> dict[str, Tensor]:
        """Share of outliers in the last batch: of all targets together, and of the first target's cases in each region.

        NaN, which the log leaves out, where there are no cases: to know without waiting for the device.
        """
        if self._last is None:
            return {}
        outlier, seen, region = self._last
        places = {"outlier_rate": (outlier, seen)}
        if region is not None:
            for number, name in enumerate(_REGIONS):
                inside = (region == number)[:, None]
                places[f"outlier_rate_{name}"] = (outlier[:, :1] & inside, seen[:, :1] & inside)
        return {name: part.sum().float() / whole.sum() for name, (part, whole) in places.items()}

    def _value(
        self, prediction: Tensor, label: Tensor, share: Tensor, rounding: float, region: Tensor | None
    ) -> Tensor:
        """The loss, from entries in float64 with their weights (n, t), 0 where there is no label."""
        seen = share > 0
        prediction, label = torch.where(seen, prediction, 0.0), torch.where(seen, label, 0.0)
        outlier = self.outliers((prediction - label).detach().abs(), label.detach(), seen)
        self._last = (outlier, seen, None if region is None else region.detach())
        inlier = seen & ~outlier
        enough = inlier.sum(0) >= _LEAST
        inside = torch.where(inlier & enough, share, 0.0)
        inside = inside / torch.where(enough, inside.sum(0), 1.0)
        near, true = _Column(prediction, inside), _Column(label, inside)
        bias = (inside * (prediction - label)).sum(0)
        apart, defined = self._apart(near, true, bias, rounding)
        one_by_one = smooth_l1_loss(prediction, label, beta=self.beta, reduction="none")
        total = share.sum(0)
        kept = torch.where(outlier | ~defined, share, 0.0) / torch.where(total > 0, total, 1.0)
        parts = {
            "agreement": apart,
            "mean": self._far(bias),
            "spread": self._far(near.spread() - true.spread()),
            "outlier": (kept * one_by_one).sum(0),
        }
        each = torch.stack([self.part_weights[name] * part for name, part in parts.items()]).sum(0)
        return each.sum() / seen.any(0).sum().clamp(min=1)

    def _far(self, difference: Tensor) -> Tensor:
        """What a difference of means or spreads costs."""
        if self.distribution == "absolute":
            return difference.abs()
        return smooth_l1_loss(difference, torch.zeros_like(difference), reduction="none")

    def _apart(self, near: "_Column", true: "_Column", bias: Tensor, rounding: float) -> tuple[Tensor, Tensor]:
        """One less the agreement of each target, 0 where there is none, and where there is one."""
        defined = true.range() > 0
        if self.agreement == "pearson":
            defined = defined & (near.range() > rounding * near.largest())
            apart = (near.share * (near.unit(defined) - true.unit(defined)).square()).sum(0) / 2
        else:
            square = near.spread().square() + true.spread().square() + bias.square()
            apart = (near.share * (near.values - true.values).square()).sum(0) / torch.where(defined, square, 1.0)
        return torch.where(defined, apart, 0.0), defined

    @torch.no_grad()
    def outliers(self, error: Tensor, label: Tensor, seen: Bool[Tensor, "n t"]) -> Bool[Tensor, "n t"]:
        """Which entries are outliers by the rule, from the errors |prediction - label| and where there is a label, (n, t)."""
        if self.outlier_rule == "none" or not len(error):
            return torch.zeros_like(seen)
        if self.outlier_rule == "mad":
            known = error.masked_fill(~seen, torch.nan)
            middle = known.nanquantile(0.5, dim=0)
            deviation = (known - middle).abs().nanquantile(0.5, dim=0)
            return seen & (deviation > 0) & (error > (middle + 3 * 1.4826 * deviation) * _ROUNDING)
        score = error / self._usual(error, label, seen) if self.outlier_rule == "region" else error
        score = score.masked_fill(~seen, -1.0)
        ranked = torch.cat([score.sort(0, descending=True).values, score.new_full((1, score.shape[1]), -1.0)])
        taken = (self.outlier_fraction * seen.sum(0).to(error.dtype) - 1e-9).ceil().clamp(min=0).long()
        return seen & (score > ranked.gather(0, taken[None]) * _ROUNDING)

    def _usual(self, error: Tensor, label: Tensor, seen: Bool[Tensor, "n t"]) -> Tensor:
        """Mean error around each case's label, target by target; 1 where it is 0."""
        count = seen.sum(0).clamp(min=1)
        centred = torch.where(seen, label - label.sum(0) / count, 0.0)
        width = self.neighbourhood * (centred.square().sum(0) / count).sqrt()
        place = centred / torch.where(width > 0, width, 1.0)
        means = []
        for column, there, size in zip(place.T, seen.T, error.T, strict=True):
            kernel = (column[:, None] - column).square_().mul_(-0.5).exp_() * there
            means.append((kernel @ size) / kernel.sum(1).clamp(min=torch.finfo(size.dtype).tiny))
        usual = torch.stack(means, dim=1) if means else error
        return torch.where(usual > 0, usual, 1.0)


class _Column:
    """Values (n, t) about their weighted means, each column scaled to largest entry 1 so that no square overflows."""

    def __init__(self, values: Tensor, share: Tensor) -> None:
        self.share = share
        self.there = share > 0
        self.values = torch.where(self.there, values, 0.0)
        centred = self.values - (share * self.values).sum(0)
        centred = torch.where(self.there & (self.range() > 0), centred, 0.0)
        longest = _most(centred.detach().abs())
        self.scale = torch.where(longest > 0, longest, 1.0)
        self.scaled = centred / self.scale
        self.variance = (share * self.scaled.square()).sum(0)

    def range(self) -> Tensor:
        """Largest less smallest value; not above 0 where there are none."""
        held = self.values.detach()
        highest, lowest = (_most(side.masked_fill(~self.there, -math.inf)) for side in (held, -held))
        return highest + lowest

    def largest(self) -> Tensor:
        """Largest absolute value."""
        return _most(self.values.detach().abs())

    def spread(self) -> Tensor:
        """Standard deviation; where it is 0, so is its gradient."""
        some = self.variance > 0
        return torch.where(some, self.scale * torch.where(some, self.variance, 1.0).sqrt(), 0.0)

    def unit(self, defined: Tensor) -> Tensor:
        """Values with mean 0 and standard deviation 1, where ``defined``."""
        return self.scaled / torch.where(defined, self.variance, 1.0).sqrt()


def _most(values: Tensor) -> Tensor:
    """Largest value of each column; 0 where there is no row."""
    return values.amax(0) if len(values) else values.sum(0)
